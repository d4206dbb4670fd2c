/*
 * Inner loops of training that are bound by memory: normalisation, activations and pools on rows of channels. Rows are
 * dense, [rows, c], of the level's element type, but for those with a step: elements from row to row. Numbers a channel
 * are f32. Sums within a call run over rows in order.
 */
#ifndef GAL_CPU_TRAIN_LOOPS_H
#define GAL_CPU_TRAIN_LOOPS_H

#include "cpu/activation.h"

#include <stdbool.h>
#include <stddef.h>

/* What is known of each channel of a normalisation. */
typedef struct gal_train_channels {
    const float *mean, *factor, *beta; /* beta NULL: without Relu */
} gal_train_channels;

/* Rows of c channels, pixels `..._step` elements apart. */
typedef struct gal_train_sum {
    const void *g, *dy, *x;
    void *out;
    size_t c, g_step, x_step, out_step;
    const gal_train_channels *known;
    float *sum, *weighted;
} gal_train_sum;

typedef struct gal_train_end {
    const void *g, *x;
    void *dx;
    size_t c, g_step, x_step, dx_step;
    const float *mean, *at_mean, *slope;
} gal_train_end;

typedef struct gal_train_loops {
    size_t element; /* bytes of an element */
    /* mean[c], and squares[c] = sum of (x - mean)^2 */
    void (*moments)(const void *x, size_t step, size_t rows, size_t c, float *mean, float *squares);
    /* y = (x - mean) factor + beta, at least `low` */
    void (*normalise)(const void *x, size_t step, size_t rows, size_t c, const float *mean, const float *factor,
                      const float *beta, float low, void *y, size_t y_step);
    /* sum[c] = sum of dy, weighted[c] = sum of dy (x - mean), where `normalise` gives more than 0; beta NULL: all. */
    void (*gradient_sums)(const void *dy, const void *x, size_t step, size_t rows, size_t c,
                          const gal_train_channels *known, float *sum, float *weighted);
    /* dx = (dy - sum - (x - mean) weighted) factor with dy 0 elsewhere; dx may be dy */
    void (*gradient)(const void *dy, const void *x, size_t step, size_t rows, size_t c, const gal_train_channels *known,
                     const float *sum, const float *weighted, void *dx, size_t dx_step);
    /* The sums of gradient_sums, and out = g + factor dy where that dy counts, in one pass; out may be g. */
    void (*gradient_add)(const gal_train_sum *job, size_t rows);
    /* dx = g + at_mean + slope (x - mean) */
    void (*gradient_end)(const gal_train_end *job, size_t rows);
    void (*channel_sum)(const void *dy, size_t rows, size_t c, float *sum);
    /* dx = y > 0 ? dy : 0 */
    void (*relu_gradient)(const void *dy, const void *y, size_t n, void *dx);
    /* dx = dy f'(x) of another activation f; at a kink as galen.ActivationGrad. */
    void (*activation_gradient)(const gal_cpu_activation *f, const void *dy, const void *x, size_t n, void *dx);
    /* Adds dy[c] to dx at the first maximum of x among the taps (offsets in elements, the same for x and dx). */
    void (*max_gradient)(const void *dy, const void *x, const size_t *tap, size_t taps, void *dx, size_t c);
    /* Adds share * dy[c] to dx at every tap. */
    void (*mean_gradient)(const void *dy, float share, const size_t *tap, size_t taps, void *dx, size_t c);
} gal_train_loops;

extern const gal_train_loops gal_train_loops_avx2, gal_train_loops_avx512, gal_train_loops_neon,
    gal_train_loops_avx512bf16, gal_train_loops_f16_avx512, gal_train_loops_f16_avx2;

#endif
