/*
 * Loops over bytes at one level: the arithmetic of quantized_element.c and quantized_pool.c, bit for bit, for the rows
 * that stand between integer convolutions (int8_rows.c, pool_int8.c, dynamic_quantize.c). A byte is s8 where
 * `is_signed`, else u8. None of them touches anything behind its n elements.
 */
#ifndef GAL_CPU_LOOPS_INT8_H
#define GAL_CPU_LOOPS_INT8_H

#include "cpu/qconv.h"

/* What a pool makes of its sums: galen.QAveragePool and QGlobalAveragePool. */
typedef struct gal_byte_means {
    gal_requant q;
    uint8_t flip; /* s8 as u8: exclusive or with 0x80 */
    int32_t zero; /* of the u8 form */
    float factor; /* x_scale / y_scale */
} gal_byte_means;

typedef struct gal_loops_int8 {
    size_t wide; /* bytes that the loops take at once; rows of other lengths have a slower end */
    gal_map_fn map;
    /* y[i] of a[i] and b[i]: galen.QMul or QAdd. */
    void (*pair)(const gal_qpair *pair, bool multiply, const uint8_t *a, bool a_signed, const uint8_t *b, bool b_signed,
                 uint8_t *y, size_t n);
    /* y[i] = (x[i] - zero) * scale[i] + shift[i]: galen.QScaleShift. */
    void (*shift)(const gal_requant *q, const uint8_t *x, bool is_signed, int32_t zero, const float *scale,
                  const float *shift, uint8_t *y, size_t n);
    /* y[i] = x[i] / step, and 0 for NaN. */
    void (*quantize)(const gal_requant *q, float step, const float *x, uint8_t *y, size_t n);
    /* The same of `planes` planes, `area` floats apart, into pixels of four bytes, those without a plane y_zero. */
    void (*pixels)(const gal_requant *q, float step, const float *x, size_t area, size_t planes, uint8_t *y, size_t n);
    /* y[i] = (x[i] - zero) * step. */
    void (*dequantize)(const uint8_t *x, bool is_signed, int32_t zero, float step, float *y, size_t n);
    /* The least and the greatest of 0 and x, NaN left out. */
    void (*ends)(const float *x, size_t n, float *low, float *high);
    /* y[i] = the largest of x[tap[t] + i], bytes flipped by `flip` compared as u8; 0 flipped without taps. */
    void (*largest)(uint8_t flip, const uint8_t *x, const size_t *tap, size_t taps, uint8_t *y, size_t n);
    /* y[i] = their sum over `count`, 0 where that is 0. */
    void (*sum)(const gal_byte_means *m, const uint8_t *x, const size_t *tap, size_t taps, int64_t count, uint8_t *y,
                size_t n);
    /* y[i] = the mean of x[p * stride + i] over all pixels p. */
    void (*mean)(const gal_byte_means *m, const uint8_t *x, size_t pixels, size_t stride, uint8_t *y, size_t n);
} gal_loops_int8;

extern const gal_loops_int8 gal_loops_int8_avx2, gal_loops_int8_avx512, gal_loops_int8_neon;

#endif
