/* 16-bit floating-point conversion in integer arithmetic, the same on every machine. */
#include "base/half.h"

#include <string.h>

static uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

uint16_t gal_f32_to_bf16(float x) {
    uint32_t u = bits_of(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((u >> 16) | 0x40);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1)) >> 16);
}

/* Without branches, so that the compiler uses vectors: a model in bf16 has all its weights converted at load. */
void gal_f32_to_bf16_row(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t u = bits_of(x[i]), rounded = (u + 0x7fffu + ((u >> 16) & 1)) >> 16, quiet = (u >> 16) | 0x40;
        uint32_t nan = 0u - (uint32_t)((u & 0x7fffffffu) > 0x7f800000u);
        y[i] = (uint16_t)((rounded & ~nan) | (quiet & nan));
    }
}

float gal_bf16_to_f32(uint16_t x) {
    return float_of((uint32_t)x << 16);
}

void gal_bf16_to_f32_row(const uint16_t *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = float_of((uint32_t)x[i] << 16);
}

uint16_t gal_f32_to_f16(float x) {
    uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | ((a >> 13) & 0x3ffu));
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to 65520 or more */
    if (a < 0x38800000u) {                                   /* below 2^-14: subnormal, in units of 2^-24 */
        if (a < 0x33000000u) return (uint16_t)sign;          /* below half a unit */
        uint32_t mantissa = (a & 0x7fffffu) | 0x800000u, shift = 126 - (a >> 23);
        uint32_t half = 1u << (shift - 1), unit = mantissa >> shift, rest = mantissa & ((1u << shift) - 1);
        return (uint16_t)(sign | (unit + (rest > half || (rest == half && (unit & 1)))));
    }
    uint32_t rebased = a - 0x38000000u;
    return (uint16_t)(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1)) >> 13));
}

/*
 * Without branches, as above. Normal results round by an addition of integers. Below 2^-14 the result counts units of
 * 2^-24: adding 0.5, whose last bit is such a unit, has the adder round to them.
 */
void gal_f32_to_f16_row(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t u = bits_of(x[i]), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu, rebased = a - 0x38000000u;
        uint32_t normal = (rebased + 0xfffu + ((rebased >> 13) & 1)) >> 13;
        uint32_t small = bits_of(float_of(a < 0x38800000u ? a : 0) + 0.5f) - 0x3f000000u;
        uint32_t nan = 0x7e00u | ((a >> 13) & 0x3ffu);
        uint32_t magnitude = a < 0x38800000u ? small : a < 0x477ff000u ? normal : a > 0x7f800000u ? nan : 0x7c00u;
        y[i] = (uint16_t)(sign | magnitude);
    }
}

float gal_f16_to_f32(uint16_t x) {
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, exponent = (x >> 10) & 31, mantissa = x & 0x3ffu;
    if (exponent == 31) return float_of(sign | 0x7f800000u | mantissa << 13 | (mantissa ? 0x400000u : 0));
    if (exponent) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
    float magnitude = (float)mantissa * 0x1p-24f;
    return sign ? -magnitude : magnitude;
}

/* The bits as those of a float are the number times 2^-112, subnormals too; only what is not finite needs more. */
void gal_f16_to_f32_row(const uint16_t *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t sign = (uint32_t)(x[i] & 0x8000) << 16, a = (uint32_t)(x[i] & 0x7fff) << 13;
        uint32_t finite = bits_of(float_of(a) * 0x1p112f), other = a | 0x7f800000u | (a > 0x0f800000u ? 0x400000u : 0);
        y[i] = float_of(sign | (a < 0x0f800000u ? finite : other));
    }
}
