/* f32 depthwise convolution, AVX-512. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

const gal_dw_level gal_dw_f32_avx512 = {.element = sizeof(float), .block = WHOLE, .band = dw_band, .mean = dw_mean};
