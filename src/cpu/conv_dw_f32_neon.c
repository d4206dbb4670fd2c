/* f32 depthwise convolution, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

const gal_dw_level gal_dw_f32_neon = {.element = sizeof(float), .block = WHOLE, .band = dw_band, .mean = dw_mean};
#endif
