/*
 * The loops of train_loops.h, included once by each level and element type after its vec_*.h and these:
 *   element        the stored type
 *   load(p, n)     up to VF elements as floats, zeros behind the n-th; all VF when n >= VF
 *   store(p, n, x) the same
 */
#include "cpu/train_loops.h"
#include "cpu/vec_math.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

enum { WIDE = 4 }; /* vectors of channels at a time, so that additions overlap */

INLINE vf floats(const float *p, size_t n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}

INLINE void put_floats(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, (int)n, x);
}

/* Elements left for vector j of a block that begins `left` elements before the row's end; 0: none. */
INLINE size_t left_of(size_t left, int j) {
    return left > (size_t)j * VF ? left - (size_t)j * VF : 0;
}

/* ---- moments ---- */

INLINE void moments_block(const element *x, size_t step, size_t rows, size_t left, float *mean, float *squares,
                          const int wide) {
    vf sum[WIDE], m[WIDE];
    const vf share = vf_set(1.0f / (float)rows);
    GAL_UNROLL
    for (int j = 0; j < wide; j++) sum[j] = vf_zero();
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) sum[j] = vf_add(sum[j], load(x + r * step + j * VF, left_of(left, j)));
    }
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        m[j] = vf_mul(sum[j], share);
        sum[j] = vf_zero();
        put_floats(mean + j * VF, left_of(left, j), m[j]);
    }
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) {
            vf d = vf_sub(load(x + r * step + j * VF, left_of(left, j)), m[j]);
            sum[j] = vf_fma(d, d, sum[j]);
        }
    }
    GAL_UNROLL
    for (int j = 0; j < wide; j++) put_floats(squares + j * VF, left_of(left, j), sum[j]);
}

static void moments(const void *x, size_t step, size_t rows, size_t c, float *mean, float *squares) {
    size_t i = 0;
    for (; i + WIDE * VF <= c; i += WIDE * VF)
        moments_block((const element *)x + i, step, rows, WIDE * VF, mean + i, squares + i, WIDE);
    for (; i < c; i += VF) moments_block((const element *)x + i, step, rows, c - i, mean + i, squares + i, 1);
}

INLINE void normalise_block(const element *x, size_t step, size_t rows, size_t left, const float *mean,
                            const float *factor, const float *beta, float low, element *y, size_t y_step,
                            const int wide) {
    vf m[WIDE], f[WIDE], b[WIDE], least = vf_set(low);
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        size_t n = left_of(left, j);
        m[j] = floats(mean + j * VF, n), f[j] = floats(factor + j * VF, n), b[j] = floats(beta + j * VF, n);
    }
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) {
            size_t n = left_of(left, j);
            vf v = vf_fma(vf_sub(load(x + r * step + j * VF, n), m[j]), f[j], b[j]);
            store(y + r * y_step + j * VF, n, vf_max(least, v)); /* NaN in v stays */
        }
    }
}

static void normalise(const void *x, size_t step, size_t rows, size_t c, const float *mean, const float *factor,
                      const float *beta, float low, void *y, size_t y_step) {
    size_t i = 0;
    for (; i + WIDE * VF <= c; i += WIDE * VF)
        normalise_block((const element *)x + i, step, rows, WIDE * VF, mean + i, factor + i, beta + i, low,
                        (element *)y + i, y_step, WIDE);
    for (; i < c; i += VF)
        normalise_block((const element *)x + i, step, rows, c - i, mean + i, factor + i, beta + i, low,
                        (element *)y + i, y_step, 1);
}

/* ---- their gradient ---- */

/* A block's channels in registers. */
typedef struct known {
    vf mean[WIDE], factor[WIDE], beta[WIDE];
} known;

INLINE known known_of(const gal_train_channels *k, size_t at, size_t left, const int wide, const bool masked) {
    known v;
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        size_t n = left_of(left, j), i = at + (size_t)j * VF;
        v.mean[j] = floats(k->mean + i, n);
        v.factor[j] = floats(k->factor + i, n);
        v.beta[j] = masked ? floats(k->beta + i, n) : vf_zero();
    }
    return v;
}

/* d where `normalise` gave more than 0, by its own arithmetic; x is less its mean here. */
INLINE vf arriving(const known *k, int j, vf d, vf x, const bool masked) {
    return masked ? vf_if_less(vf_zero(), vf_fma(x, k->factor[j], k->beta[j]), d, vf_zero()) : d;
}

INLINE void sums_block(const element *dy, const element *x, size_t step, size_t rows, size_t c, size_t left,
                       const known *k, float *sum, float *weighted, const int wide, const bool masked) {
    vf s[WIDE], w[WIDE];
    GAL_UNROLL
    for (int j = 0; j < wide; j++) s[j] = w[j] = vf_zero();
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) {
            size_t n = left_of(left, j);
            vf v = vf_sub(load(x + r * step + (size_t)j * VF, n), k->mean[j]);
            vf d = arriving(k, j, load(dy + r * c + (size_t)j * VF, n), v, masked);
            s[j] = vf_add(s[j], d);
            w[j] = vf_fma(d, v, w[j]);
        }
    }
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        put_floats(sum + j * VF, left_of(left, j), s[j]);
        put_floats(weighted + j * VF, left_of(left, j), w[j]);
    }
}

INLINE void sums_loop(const element *dy, const element *x, size_t step, size_t rows, size_t c,
                      const gal_train_channels *channels, float *sum, float *weighted, const bool masked) {
    size_t i = 0;
    for (; i + WIDE * VF <= c; i += WIDE * VF) {
        const known k = known_of(channels, i, WIDE * VF, WIDE, masked);
        sums_block(dy + i, x + i, step, rows, c, WIDE * VF, &k, sum + i, weighted + i, WIDE, masked);
    }
    for (; i < c; i += VF) {
        const known k = known_of(channels, i, c - i, 1, masked);
        sums_block(dy + i, x + i, step, rows, c, c - i, &k, sum + i, weighted + i, 1, masked);
    }
}

static void gradient_sums(const void *dy, const void *x, size_t step, size_t rows, size_t c,
                          const gal_train_channels *channels, float *sum, float *weighted) {
    if (channels->beta != NULL)
        sums_loop(dy, x, step, rows, c, channels, sum, weighted, true);
    else
        sums_loop(dy, x, step, rows, c, channels, sum, weighted, false);
}

/* Means of a channel's gradient, and the steps of X and dX. */
typedef struct shares {
    const float *sum, *weighted;
    size_t x_step, dx_step;
} shares;

INLINE void gradient_block(const element *dy, const element *x, size_t rows, size_t c, size_t left, const known *k,
                           const shares *share, size_t i, element *dx, const int wide, const bool masked) {
    vf s[WIDE], w[WIDE];
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        size_t n = left_of(left, j), at = i + (size_t)j * VF;
        s[j] = floats(share->sum + at, n), w[j] = floats(share->weighted + at, n);
    }
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) {
            size_t n = left_of(left, j), at = i + (size_t)j * VF;
            vf v = vf_sub(load(x + r * share->x_step + at, n), k->mean[j]);
            vf d = vf_sub(arriving(k, j, load(dy + r * c + at, n), v, masked), s[j]);
            d = vf_sub(d, vf_mul(v, w[j]));
            store(dx + r * share->dx_step + at, n, vf_mul(d, k->factor[j]));
        }
    }
}

INLINE void gradient_loop(const element *dy, const element *x, size_t rows, size_t c,
                          const gal_train_channels *channels, const shares *share, element *dx, const bool masked) {
    size_t i = 0;
    for (; i + WIDE * VF <= c; i += WIDE * VF) {
        const known k = known_of(channels, i, WIDE * VF, WIDE, masked);
        gradient_block(dy, x, rows, c, WIDE * VF, &k, share, i, dx, WIDE, masked);
    }
    for (; i < c; i += VF) {
        const known k = known_of(channels, i, c - i, 1, masked);
        gradient_block(dy, x, rows, c, c - i, &k, share, i, dx, 1, masked);
    }
}

static void gradient(const void *dy, const void *x, size_t step, size_t rows, size_t c,
                     const gal_train_channels *channels, const float *sum, const float *weighted, void *dx,
                     size_t dx_step) {
    const shares share = {sum, weighted, step, dx_step};
    if (channels->beta != NULL)
        gradient_loop(dy, x, rows, c, channels, &share, dx, true);
    else
        gradient_loop(dy, x, rows, c, channels, &share, dx, false);
}

/* The layer's channels from `i` on. */
INLINE void add_block(const gal_train_sum *job, size_t rows, size_t i, size_t left, const int wide, const bool masked) {
    const element *g = (const element *)job->g + i, *dy = (const element *)job->dy + i,
                  *x = (const element *)job->x + i;
    element *out = (element *)job->out + i;
    const known k = known_of(job->known, i, left, wide, masked);
    vf s[WIDE], w[WIDE];
    GAL_UNROLL
    for (int j = 0; j < wide; j++) s[j] = w[j] = vf_zero();
    for (size_t r = 0; r < rows; r++) {
        GAL_UNROLL
        for (int j = 0; j < wide; j++) {
            size_t n = left_of(left, j), at = (size_t)j * VF;
            vf v = vf_sub(load(x + r * job->x_step + at, n), k.mean[j]);
            vf d = arriving(&k, j, load(dy + r * job->c + at, n), v, masked);
            s[j] = vf_add(s[j], d);
            w[j] = vf_fma(d, v, w[j]);
            store(out + r * job->out_step + at, n, vf_fma(d, k.factor[j], load(g + r * job->g_step + at, n)));
        }
    }
    GAL_UNROLL
    for (int j = 0; j < wide; j++) {
        put_floats(job->sum + i + j * VF, left_of(left, j), s[j]);
        put_floats(job->weighted + i + j * VF, left_of(left, j), w[j]);
    }
}

INLINE void add_loop(const gal_train_sum *job, size_t rows, const bool masked) {
    size_t i = 0;
    for (; i + WIDE * VF <= job->c; i += WIDE * VF) add_block(job, rows, i, WIDE * VF, WIDE, masked);
    for (; i < job->c; i += VF) add_block(job, rows, i, job->c - i, 1, masked);
}

static void gradient_add(const gal_train_sum *job, size_t rows) {
    if (job->known->beta != NULL)
        add_loop(job, rows, true);
    else
        add_loop(job, rows, false);
}

static void gradient_end(const gal_train_end *job, size_t rows) {
    const element *g = job->g, *x = job->x;
    element *dx = job->dx;
    for (size_t i = 0; i < job->c; i += VF) {
        size_t n = job->c - i;
        const vf mean = floats(job->mean + i, n), at_mean = floats(job->at_mean + i, n),
                 slope = floats(job->slope + i, n);
        for (size_t r = 0; r < rows; r++) {
            vf v = vf_sub(load(x + r * job->x_step + i, n), mean);
            vf d = vf_add(load(g + r * job->g_step + i, n), at_mean);
            store(dx + r * job->dx_step + i, n, vf_fma(v, slope, d));
        }
    }
}

static void channel_sum(const void *dy, size_t rows, size_t c, float *sum) {
    for (size_t i = 0; i < c; i += VF) {
        vf s = vf_zero();
        for (size_t r = 0; r < rows; r++) s = vf_add(s, load((const element *)dy + r * c + i, c - i));
        put_floats(sum + i, c - i, s);
    }
}

/* ---- activations and pools ---- */

static void relu_gradient(const void *dy, const void *y, size_t n, void *dx) {
    for (size_t i = 0; i < n; i += VF)
        store((element *)dx + i, n - i,
              vf_if_less(vf_zero(), load((const element *)y + i, n - i), load((const element *)dy + i, n - i),
                         vf_zero()));
}

/* f'(x); kind is a constant where this is called. */
INLINE vf slope(const gal_activation kind, vf alpha, vf beta, vf x) {
    vf zero = vf_zero(), one = vf_set(1), s;
    switch (kind) {
    case GAL_ACT_CLIP: return vf_if_less(x, alpha, zero, vf_if_less(beta, x, zero, one));
    case GAL_ACT_SIGMOID: s = vf_sigmoid(x); return vf_mul(s, vf_sub(one, s));
    case GAL_ACT_SILU: s = vf_sigmoid(x); return vf_mul(s, vf_fma(x, vf_sub(one, s), one));
    case GAL_ACT_TANH: s = vf_tanh(x); return vf_sub(one, vf_mul(s, s));
    case GAL_ACT_HARD_SIGMOID:
        s = vf_fma(alpha, x, beta);
        return vf_if_less(zero, s, vf_if_less(s, one, alpha, zero), zero);
    case GAL_ACT_HARD_SWISH:
        s = vf_fma(x, vf_set(1.0f / 3), vf_set(0.5f));
        return vf_if_less(vf_set(-3), x, vf_if_less(x, vf_set(3), s, one), zero);
    case GAL_ACT_LEAKY_RELU: return vf_if_less(zero, x, one, alpha);
    default: return vf_if_less(zero, x, one, zero);
    }
}

INLINE void slope_loop(const gal_activation kind, const gal_cpu_activation *f, const element *dy, const element *x,
                       size_t n, element *dx) {
    vf alpha = vf_set(f->alpha), beta = vf_set(f->beta);
    for (size_t i = 0; i < n; i += VF)
        store(dx + i, n - i, vf_mul(load(dy + i, n - i), slope(kind, alpha, beta, load(x + i, n - i))));
}

static void activation_gradient(const gal_cpu_activation *f, const void *dy, const void *x, size_t n, void *dx) {
    switch (f->kind) {
    case GAL_ACT_CLIP: slope_loop(GAL_ACT_CLIP, f, dy, x, n, dx); break;
    case GAL_ACT_SIGMOID: slope_loop(GAL_ACT_SIGMOID, f, dy, x, n, dx); break;
    case GAL_ACT_SILU: slope_loop(GAL_ACT_SILU, f, dy, x, n, dx); break;
    case GAL_ACT_TANH: slope_loop(GAL_ACT_TANH, f, dy, x, n, dx); break;
    case GAL_ACT_HARD_SIGMOID: slope_loop(GAL_ACT_HARD_SIGMOID, f, dy, x, n, dx); break;
    case GAL_ACT_HARD_SWISH: slope_loop(GAL_ACT_HARD_SWISH, f, dy, x, n, dx); break;
    case GAL_ACT_LEAKY_RELU: slope_loop(GAL_ACT_LEAKY_RELU, f, dy, x, n, dx); break;
    default: slope_loop(GAL_ACT_RELU, f, dy, x, n, dx); break;
    }
}

static void max_gradient(const void *dy, const void *x, const size_t *tap, size_t taps, void *dx, size_t c) {
    for (size_t i = 0; i < c; i += VF) {
        const element *at = (const element *)x + i;
        vf most = load(at + tap[0], c - i), left = load((const element *)dy + i, c - i);
        for (size_t t = 1; t < taps; t++) {
            vf v = load(at + tap[t], c - i);
            most = vf_if_less(most, v, v, most);
        }
        for (size_t t = 0; t < taps; t++) {
            element *to = (element *)dx + tap[t] + i;
            vf v = load(at + tap[t], c - i);
            store(to, c - i, vf_add(load(to, c - i), vf_if_less(v, most, vf_zero(), left)));
            left = vf_if_less(v, most, left, vf_zero());
        }
    }
}

static void mean_gradient(const void *dy, float share, const size_t *tap, size_t taps, void *dx, size_t c) {
    const vf part = vf_set(share);
    for (size_t i = 0; i < c; i += VF) {
        vf d = vf_mul(load((const element *)dy + i, c - i), part);
        for (size_t t = 0; t < taps; t++) {
            element *to = (element *)dx + tap[t] + i;
            store(to, c - i, vf_add(load(to, c - i), d));
        }
    }
}

#define TRAIN_LOOPS                                                                                                    \
    {                                                                                                                  \
        sizeof(element), moments, normalise, gradient_sums, gradient, gradient_add, gradient_end, channel_sum,         \
            relu_gradient, activation_gradient, max_gradient, mean_gradient                                            \
    }
