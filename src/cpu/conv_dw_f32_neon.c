/* f32 depthwise convolution, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/activation_body.h"
#include "cpu/conv_dw_f32_body.h"

void gal_conv_dw_band_neon(const gal_dw_band *band) {
    dw_band(band);
}
#endif
