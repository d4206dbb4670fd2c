/* Depthwise convolution, each channel by its own window: what each level has of it, for its rows and for chains of
 * layers. Weights and sums are f32; input and output f32, bf16 or f16. */
#ifndef GAL_CPU_CONV_DW_H
#define GAL_CPU_CONV_DW_H

#include "cpu/conv_f32.h"

/* A band of output rows of one image, and some of its channels. Pitches in elements, from pixel to pixel. */
typedef struct gal_dw_band {
    const gal_conv *conv;   /* followed by bias and weights as the level's rows pack them */
    const void *x;          /* line x_line of the image, at channel c_first */
    const void *residual;   /* NULL, or the whole image laid out like y, but dense */
    void *y;                /* the whole output image */
    float *sum;             /* NULL, or a number a channel from c_first on, to which outputs are added in order */
    int64_t first, end;     /* rows of y */
    int64_t c_first, c_end; /* channels; c_first is a multiple of the level's block */
    int64_t x_pitch, y_pitch;
    int64_t x_line;
} gal_dw_band;

typedef struct gal_dw_level {
    size_t element; /* bytes of an input or output */
    int block;      /* channels that bias and weights are padded to, and sums too */
    bool split;     /* of a block's bias and weights, and of its sums, those of even channels come first (16 bits) */
    void (*band)(const gal_dw_band *band);
    /* mean[c] = factor * sum over `parts`, in order, of what `band` left in sum[part * pitch + c], for c < n. */
    void (*mean)(const float *sum, int64_t parts, size_t pitch, void *mean, size_t n, float factor);
} gal_dw_level;

extern const gal_dw_level gal_dw_f32_avx2, gal_dw_f32_avx512, gal_dw_f32_neon;
extern const gal_dw_level gal_dw_bf16_avx512bf16, gal_dw_bf16_neonbf16;
extern const gal_dw_level gal_dw_f16_avx512, gal_dw_f16_avx2, gal_dw_f16_neon;

#endif
