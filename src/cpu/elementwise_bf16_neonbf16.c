/* bf16 element-wise inner loops, NEON with BF16. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/pair_bf16_neon.h"

#define GAL_TILE_HALF 1
#include "cpu/activation_body.h"
#include "cpu/elementwise_half_body.h"

const gal_elementwise gal_elementwise_bf16_neonbf16 = {
    .element = sizeof(uint16_t),
    .binary = half_binary_rows,
    .activate = half_activate,
};
#endif
