/* Optimiser inner loops, AVX-512. */
#include "cpu/vec_avx512.h"

#include "cpu/optimizer_body.h"

const gal_optimizer_f32 gal_optimizer_avx512 = {.adam = adam, .sgd = sgd, .ema = ema};
