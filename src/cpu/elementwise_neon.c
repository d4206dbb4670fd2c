/* f32 element-wise inner loops, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/elementwise_body.h"

const gal_elementwise gal_elementwise_neon = {
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
#endif
