/* Transforms of the weight gradient by Winograd, NEON. */
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/conv_grad_wino_body.h"

const gal_grad_wino_level gal_grad_wino_f32_neon = {
    .wino = &gal_wino_f32_neon, .grad = &gal_grad_neon, .dy = dy, .taps = taps};
