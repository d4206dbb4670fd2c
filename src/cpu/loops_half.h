/* Inner loops over bf16 or f16 elements, computed in f32 and rounded once: what is under half_rows.c. */
#ifndef GAL_CPU_LOOPS_HALF_H
#define GAL_CPU_LOOPS_HALF_H

#include "cpu/elementwise.h"

#include <galen/tensor.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gal_loops_half {
    galen_dtype dtype; /* bf16 or f16 */
    /* y[i] = largest, or sum times `factor`, of x[tap[t] + i] over t in order, for i < n. At least one tap. */
    void (*pool_max)(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n);
    void (*pool_sum)(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n, float factor);
    /* y[i] = factor * sum over p < pixels, in order, of x[p * stride + i], for i < n. */
    void (*mean)(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor);
    /* y[p * y_pitch + i] = clamp(x[p * x_pitch + i] * scale[i] + shift[i]) for p < pixels, i < c. */
    void (*scale_shift)(const uint16_t *x, size_t x_pitch, const float *scale, const float *shift, uint16_t *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act);
    /* Rows of `from` floats to rows of `to`, the new elements zero. */
    void (*narrow_rows)(const float *x, size_t from, uint16_t *y, size_t to, size_t rows);
    void (*widen)(const uint16_t *x, float *y, size_t n);
    gal_blend_fn blend;
} gal_loops_half;

extern const gal_loops_half gal_loops_bf16_avx512bf16, gal_loops_bf16_neonbf16;
extern const gal_loops_half gal_loops_f16_avx512, gal_loops_f16_avx2, gal_loops_f16_neon;

#endif
