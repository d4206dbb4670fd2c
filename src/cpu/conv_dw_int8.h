/*
 * int8 depthwise convolution of any integer op (graph/ops/quantized.h) and level: each channel by its own window, all
 * channels of a pixel after each other. Weights are s16, so that u8 ones with any zero point fit too; two taps are one
 * step of the sum.
 */
#ifndef GAL_CPU_CONV_DW_INT8_H
#define GAL_CPU_CONV_DW_INT8_H

#include "cpu/qconv.h"

enum { GAL_DW_INT8_TAPS = 256, GAL_DW_INT8_LANES = 16 /* the most of any level */ };

/* At the start of packed; then the parts, each a number for every channel, rounded up to the lanes. */
typedef struct gal_dw_int8 {
    gal_qconv qc; /* conv.c counts bytes here */
    int64_t pairs, columns;
    size_t weights, bias, sums, factor, shift, table; /* offsets in bytes; shift and table 0: none */
} gal_dw_int8;

/* One output pixel. */
typedef struct gal_dw_int8_pixel {
    const uint8_t *tap[GAL_DW_INT8_TAPS + 1]; /* two a pair, at channel 0 */
    int64_t step[GAL_DW_INT8_TAPS + 1];       /* bytes from channel to channel: 1, or 0 in the padding */
    const uint8_t *residual;                  /* at channel 0 of the pixel, or NULL */
    void *out;                                /* at channel 0 of the pixel */
    int32_t x_zero;                           /* of the u8 form of x */
    float x_scale;                            /* 1 where the factors have it */
} gal_dw_int8_pixel;

typedef void (*gal_dw_int8_fn)(const gal_dw_int8 *plan, const gal_dw_int8_pixel *px);

void gal_dw_int8_avx2(const gal_dw_int8 *plan, const gal_dw_int8_pixel *px);
void gal_dw_int8_avx512(const gal_dw_int8 *plan, const gal_dw_int8_pixel *px);
void gal_dw_int8_neon(const gal_dw_int8 *plan, const gal_dw_int8_pixel *px);

#endif
