/* f16 inner loops, AVX2 with F16C. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_avx2.h"

#include "cpu/blend_half_body.h"
#include "cpu/loops_half_body.h"

const gal_loops_half gal_loops_f16_avx2 = {
    .dtype = GALEN_F16,
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
    .scale_shift = scale_shift,
    .narrow_rows = narrow_rows,
    .widen = widen,
    .blend = blend,
};
