/* Depthwise convolution of 16-bit floats with f32 weights and sums: each channel by its own window. */
#ifndef GAL_CPU_CONV_DW_HALF_H
#define GAL_CPU_CONV_DW_HALF_H

#include "cpu/conv_f32.h"

/* A band of output rows of one image. */
typedef struct gal_dw_half_band {
    const gal_conv *conv;     /* followed by bias [columns] and weights [columns / block][r * s][block] */
    const uint16_t *x;        /* the image */
    const uint16_t *residual; /* NULL, or laid out like y but dense */
    uint16_t *y;              /* the whole output image */
    int64_t in_pitch, out_pitch;
    int64_t first, end; /* rows of y */
} gal_dw_half_band;

typedef struct gal_dw_half {
    int block;  /* channels computed together, two vectors: bias and weights are packed in blocks of so many */
    bool split; /* of a block's parameters those of even channels come first */
    void (*band)(const gal_dw_half_band *band);
} gal_dw_half;

extern const gal_dw_half gal_dw_bf16_avx512bf16, gal_dw_bf16_neonbf16;
extern const gal_dw_half gal_dw_f16_avx512, gal_dw_f16_avx2, gal_dw_f16_neon;

#endif
