/* Optimiser inner loops, NEON. */
#include "cpu/vec_neon.h"

#include "cpu/optimizer_body.h"

const gal_optimizer_f32 gal_optimizer_neon = {.adam = adam, .sgd = sgd, .ema = ema};
