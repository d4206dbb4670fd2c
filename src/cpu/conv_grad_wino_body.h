/*
 * Transforms of the weight gradient by Winograd (conv_grad_wino.h), included once by each level after its vec_*.h and
 * vec_math.h. One of other elements than floats defines GAL_WINO_HALF and brings element and load.
 */
#include "cpu/conv_grad_wino.h"

#define INLINE static inline __attribute__((always_inline))

#ifndef GAL_WINO_HALF
typedef float element;

/* The first `left` elements as floats, all of a vector for left >= VF. */
INLINE vf load(const float *p, int left) {
    return left >= VF ? vf_load(p) : vf_load_part(p, left);
}
#endif

/* The points +-P and +-Q of conv_wino_body.h, and what Cook and Toom divide the products at 0, +-P and +-Q by. */
#define P      0.6875f
#define Q      1.5f
#define P2     (P * P)
#define Q2     (Q * Q)
#define OVER_0 (1 / (P2 * Q2))
#define OVER_P (1 / (2 * P2 * (P2 - Q2)))
#define OVER_Q (1 / (2 * Q2 * (Q2 - P2)))

/* V d for four values: each point to the powers 0 to 3; infinity takes the last. */
INLINE void dy_line(const vf *d, vf *to) {
    vf even = vf_fma(vf_set(P2), d[2], d[0]), odd = vf_fma(vf_set(P2), d[3], d[1]);
    to[0] = d[0];
    to[1] = vf_fma(vf_set(P), odd, even);
    to[2] = vf_fma(vf_set(-P), odd, even);
    even = vf_fma(vf_set(Q2), d[2], d[0]), odd = vf_fma(vf_set(Q2), d[3], d[1]);
    to[3] = vf_fma(vf_set(Q), odd, even);
    to[4] = vf_fma(vf_set(-Q), odd, even);
    to[5] = d[3];
}

/* A' p for six sums: row j takes each point to the power j over its divisor; infinity joins the last. */
INLINE void tap_line(const vf *p, vf *to) {
    vf sum = vf_add(p[1], p[2]), difference = vf_sub(p[1], p[2]);
    vf sum_q = vf_add(p[3], p[4]), difference_q = vf_sub(p[3], p[4]);
    to[0] = vf_fma(vf_set(OVER_Q), sum_q, vf_fma(vf_set(OVER_P), sum, vf_mul(vf_set(OVER_0), p[0])));
    to[1] = vf_fma(vf_set(OVER_Q * Q), difference_q, vf_mul(vf_set(OVER_P * P), difference));
    to[2] = vf_fma(vf_set(OVER_Q * Q2), sum_q, vf_fma(vf_set(OVER_P * P2), sum, p[5]));
}

/* One vector of outputs, `left` of which exist. */
INLINE void dy_vector(const void *const *pixel, size_t k, int left, float *to, size_t step) {
    vf half[6][4];
    GAL_UNROLL
    for (int j = 0; j < 4; j++) {
        vf column[4], done[6];
        GAL_UNROLL
        for (int i = 0; i < 4; i++) column[i] = load((const element *)pixel[i * 4 + j] + k, left);
        dy_line(column, done);
        GAL_UNROLL
        for (int i = 0; i < 6; i++) half[i][j] = done[i];
    }
    GAL_UNROLL
    for (int i = 0; i < 6; i++) {
        vf done[6];
        dy_line(half[i], done);
        GAL_UNROLL
        for (int j = 0; j < 6; j++) vf_store(to + (size_t)(i * 6 + j) * step + k, done[j]);
    }
}

static void dy(const void *const *pixel, size_t outputs, float *to, size_t step) {
    size_t k = 0;
    for (; k + VF <= outputs; k += VF) dy_vector(pixel, k, VF, to, step);
    if (k < outputs) dy_vector(pixel, k, (int)(outputs - k), to, step);
}

static void taps(const float *sum, size_t step, size_t width, float *to) {
    for (size_t k = 0; k < width; k += VF) {
        vf half[3][6];
        GAL_UNROLL
        for (int j = 0; j < 6; j++) {
            vf column[6], done[3];
            GAL_UNROLL
            for (int i = 0; i < 6; i++) column[i] = vf_load(sum + (size_t)(i * 6 + j) * step + k);
            tap_line(column, done);
            GAL_UNROLL
            for (int i = 0; i < 3; i++) half[i][j] = done[i];
        }
        GAL_UNROLL
        for (int i = 0; i < 3; i++) {
            vf done[3];
            tap_line(half[i], done);
            GAL_UNROLL
            for (int j = 0; j < 3; j++) vf_store(to + (size_t)(i * 3 + j) * width + k, done[j]);
        }
    }
}

#undef P
#undef Q
#undef P2
#undef Q2
#undef OVER_0
#undef OVER_P
#undef OVER_Q
#undef INLINE
