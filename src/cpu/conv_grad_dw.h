/* Gradients of depthwise convolution: each channel by its own window, vectorised over channels. */
#ifndef GAL_CPU_CONV_GRAD_DW_H
#define GAL_CPU_CONV_GRAD_DW_H

#include <stddef.h>
#include <stdint.h>

/* What one pixel of dX meets: an offset in elements of dY and a row of weights. */
typedef struct gal_dw_tap {
    int64_t dy;
    size_t weight; /* floats from the first row of weights */
} gal_dw_tap;

/* Pixels of dX that meet the same taps, each step further. Steps in elements. */
typedef struct gal_dw_input {
    const void *dy; /* of the first pixel */
    void *dx;
    size_t pixels, dy_step, dx_step, channels;
    const gal_dw_tap *tap;
    size_t taps;
    const float *weight; /* rows of whole vectors */
} gal_dw_input;

/* Pixels of a row of dY and taps of a window row, all of which meet the image. Steps in elements. */
typedef struct gal_dw_weight {
    const void *x, *dy; /* the first pixel, the first tap; the first channel */
    size_t pixels, x_step, dy_step;
    int taps;
    size_t tap_step, channels; /* of x; channels to compute */
    float *sum;                /* [tap][whole vectors of channels] is added to */
    size_t sum_step;           /* floats from tap to tap */
} gal_dw_weight;

typedef struct gal_dw_grad_level {
    void (*input)(const gal_dw_input *t);
    void (*weight)(const gal_dw_weight *t);
} gal_dw_grad_level;

extern const gal_dw_grad_level gal_dw_grad_f32_avx2, gal_dw_grad_f32_avx512, gal_dw_grad_f32_neon;
extern const gal_dw_grad_level gal_dw_grad_bf16_avx512bf16;

#endif
