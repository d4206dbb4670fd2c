/* f32 depthwise convolution: each channel by its own window, vectorised over channels. */
#ifndef GAL_CPU_CONV_DW_F32_H
#define GAL_CPU_CONV_DW_F32_H

#include "cpu/conv_f32.h"

/* A band of output rows of one image. */
typedef struct gal_dw_band {
    const gal_conv *conv;  /* followed by bias and weights [r][s][columns], columns padded to whole vectors */
    const float *x;        /* the image */
    const float *residual; /* NULL, or laid out like y */
    float *y;              /* the whole output image */
    int64_t first, end;    /* rows of y */
} gal_dw_band;

typedef void (*gal_dw_fn)(const gal_dw_band *band);

void gal_conv_dw_band_avx2(const gal_dw_band *band);
void gal_conv_dw_band_avx512(const gal_dw_band *band);
void gal_conv_dw_band_neon(const gal_dw_band *band);

#endif
