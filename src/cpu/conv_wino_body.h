/*
 * Winograd's transforms (conv_wino.h), included once by each level after its vec_*.h and vec_math.h. One of other
 * elements than floats defines GAL_WINO_HALF and brings element, load and store.
 */
#include "cpu/conv_wino.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#ifndef GAL_WINO_HALF
typedef float element;

/* The first `left` elements as floats, all of a vector for left >= VF. */
INLINE vf load(const float *p, int left) {
    return left >= VF ? vf_load(p) : vf_load_part(p, left);
}

INLINE void store(float *p, int left, vf x) {
    if (left >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, left, x);
}
#endif

/* The points of F(4x4): +-P and +-Q. Every coefficient below is exact in f32. */
#define P  0.6875f
#define Q  1.5f
#define P2 (P * P)
#define Q2 (Q * Q)

/* B' d for one line of m + 2 values. The rows are the products of (x - point) over all points but the row's own. */
INLINE void input_line(const int m, const vf *d, vf *to) {
    if (m == 2) {
        to[0] = vf_sub(d[2], d[0]);
        to[1] = vf_add(d[2], d[1]);
        to[2] = vf_sub(d[2], d[1]);
        to[3] = vf_sub(d[3], d[1]);
        return;
    }
    vf even = vf_fma(vf_set(-Q2), d[2], d[4]), odd = vf_fma(vf_set(-Q2), d[1], d[3]);
    to[1] = vf_fma(vf_set(P), odd, even);
    to[2] = vf_fma(vf_set(-P), odd, even);
    even = vf_fma(vf_set(-P2), d[2], d[4]), odd = vf_fma(vf_set(-P2), d[1], d[3]);
    to[3] = vf_fma(vf_set(Q), odd, even);
    to[4] = vf_fma(vf_set(-Q), odd, even);
    to[0] = vf_fma(vf_set(P2 * Q2), d[0], vf_fma(vf_set(-(P2 + Q2)), d[2], d[4]));
    to[5] = vf_fma(vf_set(P2 * Q2), d[1], vf_fma(vf_set(-(P2 + Q2)), d[3], d[5]));
}

/* A' p for one line of m + 2 values: row j takes each point to the power j; infinity joins the last. */
INLINE void output_line(const int m, const vf *p, vf *to) {
    vf sum = vf_add(p[1], p[2]), difference = vf_sub(p[1], p[2]);
    if (m == 2) {
        to[0] = vf_add(p[0], sum);
        to[1] = vf_add(difference, p[3]);
        return;
    }
    vf sum_q = vf_add(p[3], p[4]), difference_q = vf_sub(p[3], p[4]);
    to[0] = vf_add(p[0], vf_add(sum, sum_q));
    to[1] = vf_fma(vf_set(Q), difference_q, vf_mul(vf_set(P), difference));
    to[2] = vf_fma(vf_set(Q2), sum_q, vf_mul(vf_set(P2), sum));
    to[3] = vf_fma(vf_set(Q2 * Q), difference_q, vf_fma(vf_set(P2 * P), difference, p[5]));
}

typedef double vd __attribute__((vector_size(VF / 2 * sizeof(double))));
typedef float vh __attribute__((vector_size(VF / 2 * sizeof(float)))); /* half a vector */

/* G w for three taps. The points are 0, pairs of one size and both signs, and infinity. */
INLINE void weight_line(const int m, const double g[6][3], const vd *w, vd *to) {
    to[0] = g[0][0] * w[0];
    GAL_UNROLL
    for (int i = 1; i < m; i += 2) {
        vd even = g[i][0] * w[0] + g[i][2] * w[2], odd = g[i][1] * w[1];
        to[i] = even + odd;
        to[i + 1] = even - odd;
    }
    to[m + 1] = w[2];
}

/* Half a vector of windows. */
INLINE void weights_half(const int m, const double g[6][3], const float *window, size_t width, float *to, size_t step) {
    vd half[6][3];
    GAL_UNROLL
    for (int s = 0; s < 3; s++) {
        vd column[3], done[6];
        GAL_UNROLL
        for (int r = 0; r < 3; r++) {
            vh w;
            memcpy(&w, window + (size_t)(r * 3 + s) * width, sizeof w);
            column[r] = __builtin_convertvector(w, vd);
        }
        weight_line(m, g, column, done);
        GAL_UNROLL
        for (int i = 0; i < m + 2; i++) half[i][s] = done[i];
    }
    GAL_UNROLL
    for (int i = 0; i < m + 2; i++) {
        vd done[6];
        weight_line(m, g, half[i], done);
        GAL_UNROLL
        for (int j = 0; j < m + 2; j++) {
            vh rounded = __builtin_convertvector(done[j], vh);
            memcpy(to + (size_t)(i * (m + 2) + j) * step, &rounded, sizeof rounded);
        }
    }
}

static void weights(int m, const double g[6][3], const float *window, size_t width, float *to, size_t step) {
    for (size_t j = 0; j < width; j += VF / 2) {
        if (m == 2)
            weights_half(2, g, window + j, width, to + j, step);
        else
            weights_half(4, g, window + j, width, to + j, step);
    }
}

/* One vector of channels, `left` of which exist. */
INLINE void input_vector(const int m, const void *const *pixel, size_t c, int left, float *to, size_t step) {
    const int side = m + 2;
    vf half[6][6];
    GAL_UNROLL
    for (int j = 0; j < side; j++) {
        vf column[6], done[6];
        GAL_UNROLL
        for (int i = 0; i < side; i++) {
            column[i] = load((const element *)pixel[i * side + j] + c, left);
        }
        input_line(m, column, done);
        GAL_UNROLL
        for (int i = 0; i < side; i++) half[i][j] = done[i];
    }
    GAL_UNROLL
    for (int i = 0; i < side; i++) {
        vf done[6];
        input_line(m, half[i], done);
        GAL_UNROLL
        for (int j = 0; j < side; j++) vf_store(to + (size_t)(i * side + j) * step + c, done[j]);
    }
}

INLINE void input_tile(const int m, const void *const *pixel, size_t channels, float *to, size_t step) {
    size_t c = 0;
    for (; c + VF <= channels; c += VF) input_vector(m, pixel, c, VF, to, step);
    if (c < channels) input_vector(m, pixel, c, (int)(channels - c), to, step);
}

static void input(int m, const void *const *pixel, size_t channels, float *to, size_t step) {
    if (m == 2)
        input_tile(2, pixel, channels, to, step);
    else
        input_tile(4, pixel, channels, to, step);
}

INLINE void finish(const gal_wino_out *o, int i, int j, int v, vf x) {
    const element *residual = o->residual;
    element *out = (element *)o->out + (size_t)i * o->line + (size_t)j * o->pixel + v;
    int left = o->cols - v;
    if (residual != NULL)
        x = vf_add(x, load(residual + (size_t)i * o->residual_line + (size_t)j * o->residual_pixel + v, left));
    store(out, left, vf_clamp(x, vf_set(o->low), vf_set(o->high)));
}

INLINE void output_tile(const int m, const gal_wino_out *o) {
    const int side = m + 2;
    for (int v = 0; v < o->cols; v += VF) {
        vf half[4][6], bias = vf_load(o->bias + v);
        GAL_UNROLL
        for (int j = 0; j < side; j++) {
            vf column[6], done[4];
            GAL_UNROLL
            for (int i = 0; i < side; i++) column[i] = vf_load(o->products + (size_t)(i * side + j) * o->step + v);
            output_line(m, column, done);
            GAL_UNROLL
            for (int i = 0; i < m; i++) half[i][j] = done[i];
        }
        GAL_UNROLL
        for (int i = 0; i < m; i++) {
            vf done[4];
            if (i >= o->rows) break;
            output_line(m, half[i], done);
            GAL_UNROLL
            for (int j = 0; j < m; j++) {
                if (j < o->across) finish(o, i, j, v, vf_add(done[j], bias));
            }
        }
    }
}

static void output(int m, const gal_wino_out *o) {
    if (m == 2)
        output_tile(2, o);
    else
        output_tile(4, o);
}

#undef P
#undef Q
#undef P2
#undef Q2
#undef INLINE
