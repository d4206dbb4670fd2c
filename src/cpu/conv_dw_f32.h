/* f32 depthwise convolution: each channel by its own window, vectorised over channels. */
#ifndef GAL_CPU_CONV_DW_F32_H
#define GAL_CPU_CONV_DW_F32_H

#include "cpu/conv_f32.h"

/* A band of output rows of one image, and some of its channels. */
typedef struct gal_dw_band {
    const gal_conv *conv;   /* followed by bias and weights [r][s][columns], columns padded to whole vectors */
    const float *x;         /* line x_line of the image, at channel c_first */
    const float *residual;  /* NULL, or laid out like y */
    float *y;               /* the whole output image */
    float *sum;             /* NULL, or a number a channel from c_first on, to which all outputs are added, in order */
    int64_t first, end;     /* rows of y */
    int64_t c_first, c_end; /* channels */
    int64_t x_pitch, y_pitch; /* floats from pixel to pixel; the residual has y's */
    int64_t x_line;
} gal_dw_band;

/* Fits depthwise convolution in f32 with constant weights; *conv says where bias and weights lie. NULL, or why not. */
const char *gal_conv_dw_f32_decode(const gal_node *node, gal_conv *conv);
/* Writes *conv, bias and weights to `packed`: gal_conv_dw_packed_bytes, zeroed. */
void gal_conv_dw_f32_pack(const gal_node *node, void *packed);

typedef void (*gal_dw_fn)(const gal_dw_band *band);

void gal_conv_dw_band_avx2(const gal_dw_band *band);
void gal_conv_dw_band_avx512(const gal_dw_band *band);
void gal_conv_dw_band_neon(const gal_dw_band *band);

#endif
