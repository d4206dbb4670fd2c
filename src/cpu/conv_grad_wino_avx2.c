/* Transforms of the weight gradient by Winograd, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/conv_grad_wino_body.h"

const gal_grad_wino_level gal_grad_wino_f32_avx2 = {
    .wino = &gal_wino_f32_avx2, .grad = &gal_grad_avx2, .dy = dy, .taps = taps};
