/* Winograd's transforms (conv_wino.h), included once by each level after its vec_*.h and vec_math.h. */
#include "cpu/conv_wino.h"

#define INLINE static inline __attribute__((always_inline))

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

/* One vector of channels, `left` of which exist. */
INLINE void input_vector(const int m, const float *const *pixel, size_t c, int left, float *to, size_t step) {
    const int side = m + 2;
    vf half[6][6];
    GAL_UNROLL
    for (int j = 0; j < side; j++) {
        vf column[6], done[6];
        GAL_UNROLL
        for (int i = 0; i < side; i++) {
            const float *at = pixel[i * side + j] + c;
            column[i] = left >= VF ? vf_load(at) : vf_load_part(at, left);
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

INLINE void input_tile(const int m, const float *const *pixel, size_t channels, float *to, size_t step) {
    size_t c = 0;
    for (; c + VF <= channels; c += VF) input_vector(m, pixel, c, VF, to, step);
    if (c < channels) input_vector(m, pixel, c, (int)(channels - c), to, step);
}

static void input(int m, const float *const *pixel, size_t channels, float *to, size_t step) {
    if (m == 2)
        input_tile(2, pixel, channels, to, step);
    else
        input_tile(4, pixel, channels, to, step);
}

INLINE void finish(const gal_wino_out *o, int i, int j, int v, vf x) {
    const float *residual = o->residual;
    float *out = o->out + (size_t)i * o->line + (size_t)j * o->pixel + v;
    int left = o->cols - v;
    if (residual != NULL) residual += (size_t)i * o->residual_line + (size_t)j * o->residual_pixel + v;
    if (left >= VF) {
        if (residual != NULL) x = vf_add(x, vf_load(residual));
        vf_store(out, vf_clamp(x, vf_set(o->low), vf_set(o->high)));
    } else {
        if (residual != NULL) x = vf_add(x, vf_load_part(residual, left));
        vf_store_part(out, left, vf_clamp(x, vf_set(o->low), vf_set(o->high)));
    }
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
