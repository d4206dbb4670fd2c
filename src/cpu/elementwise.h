/* Element-wise work of one level and type: the inner loops under elementwise.c and, for f32, pool_f32.c. */
#ifndef GAL_CPU_ELEMENTWISE_H
#define GAL_CPU_ELEMENTWISE_H

#include "cpu/activation.h"

#include <stddef.h>

typedef enum gal_binary { GAL_BINARY_ADD, GAL_BINARY_SUB, GAL_BINARY_MUL, GAL_BINARY_DIV } gal_binary;

/* Rows of an operand: element i of row r is data[r * row + i * step], step 0 or 1. */
typedef struct gal_operand {
    const void *data;
    size_t step, row;
} gal_operand;

/* y[i] = sum over t < taps, in order, of weight[t] * x[tap[t] + i], for i < n. At least one tap. */
typedef void (*gal_blend_fn)(const void *x, const size_t *tap, const float *weight, size_t taps, void *y, size_t n);

typedef struct gal_elementwise {
    size_t element; /* bytes: 4 for f32, 2 for bf16 and f16, which have the first two loops only */
    /* y[r * n + i] = a op b for r < rows, i < n. y may be a's data. */
    void (*binary)(gal_binary op, const gal_operand *a, const gal_operand *b, void *y, size_t rows, size_t n);
    /* y[i] = activation(x[i]); y may be x. */
    void (*activate)(const void *x, void *y, size_t n, const gal_cpu_activation *act);
    /* y[p * y_pitch + i] = clamp(x[p * x_pitch + i] * scale[i] + shift[i]) for p < pixels, i < c. */
    void (*scale_shift)(const float *x, size_t x_pitch, const float *scale, const float *shift, float *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act);
    /* y[i] = largest, or sum times `factor`, of x[tap[t] + i] over t in order, for i < n. At least one tap. */
    void (*pool_max)(const float *x, const size_t *tap, size_t taps, float *y, size_t n);
    void (*pool_sum)(const float *x, const size_t *tap, size_t taps, float *y, size_t n, float factor);
    /* y[i] = factor * sum over p < pixels, in order, of x[p * stride + i], for i < n. */
    void (*mean)(const float *x, size_t pixels, size_t stride, float *y, size_t n, float factor);
    gal_blend_fn blend;
    /* y[i] = (x[i] - mean) / sqrt(variance + epsilon) * scale[i] + shift[i] for i < n, with the n numbers' own mean and
     * variance. y may be x; shift may be NULL. */
    void (*normalize)(const float *x, const float *scale, const float *shift, float epsilon, float *y, size_t n);
} gal_elementwise;

extern const gal_elementwise gal_elementwise_avx2, gal_elementwise_avx512, gal_elementwise_neon;
extern const gal_elementwise gal_elementwise_bf16_avx512bf16, gal_elementwise_bf16_neonbf16;
extern const gal_elementwise gal_elementwise_f16_avx512, gal_elementwise_f16_avx2, gal_elementwise_f16_neon;

#endif
