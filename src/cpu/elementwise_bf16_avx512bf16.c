/* bf16 element-wise inner loops, AVX512-BF16. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/pair_bf16.h"

#define GAL_TILE_HALF 1
#include "cpu/activation_body.h"
#include "cpu/elementwise_half_body.h"

const gal_elementwise gal_elementwise_bf16_avx512bf16 = {
    .element = sizeof(uint16_t),
    .binary = half_binary_rows,
    .activate = half_activate,
};
