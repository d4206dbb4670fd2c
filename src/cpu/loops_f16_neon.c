/* f16 inner loops, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_neon.h"

#include "cpu/loops_half_body.h"

const gal_loops_half gal_loops_f16_neon = {
    .dtype = GALEN_F16,
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
    .scale_shift = scale_shift,
    .narrow_rows = narrow_rows,
    .widen = widen,
};
#endif
