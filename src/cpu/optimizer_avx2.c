/* Optimiser inner loops, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/optimizer_body.h"

const gal_optimizer_f32 gal_optimizer_avx2 = {.adam = adam, .sgd = sgd, .ema = ema};
