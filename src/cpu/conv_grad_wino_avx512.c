/* Transforms of the weight gradient by Winograd, AVX-512. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/conv_grad_wino_body.h"

const gal_grad_wino_level gal_grad_wino_f32_avx512 = {
    .wino = &gal_wino_f32_avx512, .grad = &gal_grad_avx512, .dy = dy, .taps = taps};
