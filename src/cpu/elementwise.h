/* f32 element-wise work of one level: the inner loops under elementwise.c and pool_f32.c. */
#ifndef GAL_CPU_ELEMENTWISE_H
#define GAL_CPU_ELEMENTWISE_H

#include "cpu/activation.h"

#include <stddef.h>

typedef enum gal_binary { GAL_BINARY_ADD, GAL_BINARY_SUB, GAL_BINARY_MUL, GAL_BINARY_DIV } gal_binary;

typedef struct gal_elementwise {
    /* y[i] = a[i] op b[i] for i < n; an operand with step 0 is one number. y may be a. */
    void (*binary)(gal_binary op, const float *a, size_t a_step, const float *b, size_t b_step, float *y, size_t n);
    /* y[i] = activation(x[i]); y may be x. */
    void (*activate)(const float *x, float *y, size_t n, const gal_cpu_activation *act);
    /* y[p * y_pitch + i] = clamp(x[p * x_pitch + i] * scale[i] + shift[i]) for p < pixels, i < c. */
    void (*scale_shift)(const float *x, size_t x_pitch, const float *scale, const float *shift, float *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act);
    /* y[i] = largest, or sum times `factor`, of x[tap[t] + i] over t in order, for i < n. At least one tap. */
    void (*pool_max)(const float *x, const size_t *tap, size_t taps, float *y, size_t n);
    void (*pool_sum)(const float *x, const size_t *tap, size_t taps, float *y, size_t n, float factor);
    /* y[i] = factor * sum over p < pixels, in order, of x[p * stride + i], for i < n. */
    void (*mean)(const float *x, size_t pixels, size_t stride, float *y, size_t n, float factor);
} gal_elementwise;

extern const gal_elementwise gal_elementwise_avx2, gal_elementwise_avx512;

#endif
