/* f32 depthwise convolution, AVX-512. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

void gal_conv_dw_band_avx512(const gal_dw_band *band) {
    dw_band(band);
}
