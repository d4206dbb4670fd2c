/* f32 element-wise inner loops, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/elementwise_body.h"

const gal_elementwise gal_elementwise_avx2 = {
    .element = sizeof(float),
    .binary = binary,
    .activate = activate,
    .scale_shift = scale_shift,
    .blend = blend,
    .normalize = normalize,
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
};
