/* f32 depthwise convolution, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

const gal_dw_level gal_dw_f32_avx2 = {.element = sizeof(float), .block = WHOLE, .band = dw_band, .mean = dw_mean};
