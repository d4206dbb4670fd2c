/*
 * Element types for reference kernels: how each is loaded, computed with and stored, and lists over them that generate
 * one typed loop a type. f16 and bf16 compute in float and round once per operation.
 */
#ifndef GAL_GRAPH_OPS_TYPES_H
#define GAL_GRAPH_OPS_TYPES_H

#include "base/half.h"

#include <galen/tensor.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* gal_ld_<name>, gal_st_<name>, with gal_c_<name> the type that is computed with and gal_s_<name> the one that is
 * stored. */
#define GAL_PLAIN_TYPE(name, type)                                                                                     \
    typedef type gal_c_##name;                                                                                         \
    typedef type gal_s_##name;                                                                                         \
    static inline type gal_ld_##name(const void *p) {                                                                  \
        return *(const type *)p;                                                                                       \
    }                                                                                                                  \
    static inline void gal_st_##name(void *p, type v) {                                                                \
        *(type *)p = v;                                                                                                \
    }

GAL_PLAIN_TYPE(f32, float)
GAL_PLAIN_TYPE(f64, double)
GAL_PLAIN_TYPE(u8, uint8_t)
GAL_PLAIN_TYPE(i8, int8_t)
GAL_PLAIN_TYPE(u16, uint16_t)
GAL_PLAIN_TYPE(i16, int16_t)
GAL_PLAIN_TYPE(u32, uint32_t)
GAL_PLAIN_TYPE(i32, int32_t)
GAL_PLAIN_TYPE(u64, uint64_t)
GAL_PLAIN_TYPE(i64, int64_t)

typedef float gal_c_f16, gal_c_bf16;
typedef uint16_t gal_s_f16, gal_s_bf16;
static inline float gal_ld_f16(const void *p) {
    return gal_f16_to_f32(*(const uint16_t *)p);
}
static inline float gal_ld_bf16(const void *p) {
    return gal_bf16_to_f32(*(const uint16_t *)p);
}
static inline void gal_st_f16(void *p, float v) {
    *(uint16_t *)p = gal_f32_to_f16(v);
}
static inline void gal_st_bf16(void *p, float v) {
    *(uint16_t *)p = gal_f32_to_bf16(v);
}

/* The value nearest to v, rounded to the odd neighbour when inexact, so that a later rounding to 16 bits is right. */
float gal_f64_to_f32_odd(double v);
uint16_t gal_f64_to_f16(double v);
uint16_t gal_f64_to_bf16(double v);

/* gal_sd_<name> stores a double, rounded once. */
static inline void gal_sd_f32(void *p, double v) {
    *(float *)p = (float)v;
}
static inline void gal_sd_f64(void *p, double v) {
    *(double *)p = v;
}
static inline void gal_sd_f16(void *p, double v) {
    *(uint16_t *)p = gal_f64_to_f16(v);
}
static inline void gal_sd_bf16(void *p, double v) {
    *(uint16_t *)p = gal_f64_to_bf16(v);
}

/* X(enum suffix, name, op, expression) for every type of the list. */
#define GAL_EACH_FLOAT(X, op, expr)                                                                                    \
    X(F32, f32, op, expr) X(F64, f64, op, expr) X(F16, f16, op, expr) X(BF16, bf16, op, expr)
#define GAL_EACH_SIGNED(X, op, expr)                                                                                   \
    X(I8, i8, op, expr) X(I16, i16, op, expr) X(I32, i32, op, expr) X(I64, i64, op, expr)
#define GAL_EACH_UNSIGNED(X, op, expr)                                                                                 \
    X(U8, u8, op, expr) X(U16, u16, op, expr) X(U32, u32, op, expr) X(U64, u64, op, expr)
#define GAL_EACH_INT(X, op, expr) GAL_EACH_SIGNED(X, op, expr) GAL_EACH_UNSIGNED(X, op, expr)

/* An element of any numeric type or bool as double (64-bit integers round). */
double gal_load_f64(galen_dtype dtype, const void *p);
/* An element of any integer type or bool, as its 64-bit two's complement pattern. */
int64_t gal_load_i64(galen_dtype dtype, const void *p);
/* Stores into a float type, rounded to nearest even. */
void gal_store_float(galen_dtype dtype, void *p, double v);
/* Stores the low bits into an integer type. */
void gal_store_int(galen_dtype dtype, void *p, int64_t v);

static inline bool gal_dtype_is_float(galen_dtype t) {
    return t == GALEN_F32 || t == GALEN_F64 || t == GALEN_F16 || t == GALEN_BF16;
}
/* f16 or bf16. */
static inline bool gal_dtype_is_half(galen_dtype t) {
    return t == GALEN_F16 || t == GALEN_BF16;
}
/* n floats to f16 or bf16, rounded to nearest even. */
static inline void gal_f32_to_half_row(galen_dtype to, const float *x, uint16_t *y, size_t n) {
    (to == GALEN_F16 ? gal_f32_to_f16_row : gal_f32_to_bf16_row)(x, y, n);
}
static inline bool gal_dtype_is_unsigned(galen_dtype t) {
    return t == GALEN_U8 || t == GALEN_U16 || t == GALEN_U32 || t == GALEN_U64 || t == GALEN_BOOL;
}

/*
 * A key that orders elements of any type as unsigned numbers do. NaN is above everything when nan_high, else below.
 */
uint64_t gal_order_key(galen_dtype dtype, const void *p, bool nan_high);

#endif
