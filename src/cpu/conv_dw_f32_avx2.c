/* f32 depthwise convolution, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

void gal_conv_dw_band_avx2(const gal_dw_band *band) {
    dw_band(band);
}
