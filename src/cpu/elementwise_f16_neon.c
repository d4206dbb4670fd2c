/* f16 element-wise inner loops, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_neon.h"

#define GAL_TILE_HALF 1
#define GAL_TILE_F16  1
#include "cpu/activation_body.h"
#include "cpu/elementwise_half_body.h"

const gal_elementwise gal_elementwise_f16_neon = {
    .element = sizeof(uint16_t),
    .binary = half_binary_rows,
    .activate = half_activate,
};
#endif
