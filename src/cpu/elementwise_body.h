/* Element-wise inner loops, included once by each level after its vec_*.h, vec_math.h and activation_body.h. */
#include "cpu/elementwise.h"

static inline __attribute__((always_inline)) vf any_load(const float *p, size_t n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}

static inline __attribute__((always_inline)) void any_store(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, (int)n, x);
}

static inline __attribute__((always_inline)) vf binary_vector(vf a, vf b, gal_binary op) {
    switch (op) {
    case GAL_BINARY_ADD: return vf_add(a, b);
    case GAL_BINARY_SUB: return vf_sub(a, b);
    case GAL_BINARY_MUL: return vf_mul(a, b);
    case GAL_BINARY_DIV: break;
    }
    return vf_div(a, b);
}

static inline __attribute__((always_inline)) void binary_loop(const gal_binary op, const gal_operand *x,
                                                              const gal_operand *z, float *y, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++, y += n) {
        const float *a = (const float *)x->data + r * x->row, *b = (const float *)z->data + r * z->row;
        vf one_a = x->step == 0 ? vf_set(*a) : vf_zero(), one_b = z->step == 0 ? vf_set(*b) : vf_zero();
        for (size_t i = 0; i < n; i += VF) {
            vf va = x->step == 0 ? one_a : any_load(a + i, n - i), vb = z->step == 0 ? one_b : any_load(b + i, n - i);
            any_store(y + i, n - i, binary_vector(va, vb, op));
        }
    }
}

static void binary(gal_binary op, const gal_operand *a, const gal_operand *b, void *y, size_t rows, size_t n) {
    switch (op) {
    case GAL_BINARY_ADD: binary_loop(GAL_BINARY_ADD, a, b, y, rows, n); break;
    case GAL_BINARY_SUB: binary_loop(GAL_BINARY_SUB, a, b, y, rows, n); break;
    case GAL_BINARY_MUL: binary_loop(GAL_BINARY_MUL, a, b, y, rows, n); break;
    case GAL_BINARY_DIV: binary_loop(GAL_BINARY_DIV, a, b, y, rows, n); break;
    }
}

/* As gal_elementwise has it. */
static void activate(const void *x, void *y, size_t n, const gal_cpu_activation *act) {
    activate_floats(x, y, n, act);
}

/* px pixels by four vectors of channels: what is read once a channel serves them all. */
static inline __attribute__((always_inline)) void affine_block(const float *x, size_t x_pitch, const float *scale,
                                                               const float *shift, float *y, size_t y_pitch, vf low,
                                                               vf high, const int px) {
    GAL_UNROLL
    for (int j = 0; j < 4; j++) {
        vf k = vf_load(scale + j * VF), b = vf_load(shift + j * VF);
        GAL_UNROLL
        for (int p = 0; p < px; p++) {
            vf v = vf_fma(vf_load(x + (size_t)p * x_pitch + j * VF), k, b);
            vf_store(y + (size_t)p * y_pitch + j * VF, vf_clamp(v, low, high));
        }
    }
}

static inline __attribute__((always_inline)) void affine_pixels(const float *x, size_t x_pitch, const float *scale,
                                                                const float *shift, float *y, size_t y_pitch, size_t c,
                                                                vf low, vf high, const int px) {
    size_t i = 0;
    for (; i + 4 * VF <= c; i += 4 * VF)
        affine_block(x + i, x_pitch, scale + i, shift + i, y + i, y_pitch, low, high, px);
    for (; i < c; i += VF) {
        vf k = any_load(scale + i, c - i), b = any_load(shift + i, c - i);
        for (size_t p = 0; p < (size_t)px; p++) {
            vf v = vf_fma(any_load(x + p * x_pitch + i, c - i), k, b);
            any_store(y + p * y_pitch + i, c - i, vf_clamp(v, low, high));
        }
    }
}

static void scale_shift(const float *x, size_t x_pitch, const float *scale, const float *shift, float *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act) {
    vf low = vf_set(act->low), high = vf_set(act->high);
    for (; pixels >= 2; pixels -= 2, x += 2 * x_pitch, y += 2 * y_pitch)
        affine_pixels(x, x_pitch, scale, shift, y, y_pitch, c, low, high, 2);
    if (pixels > 0) affine_pixels(x, x_pitch, scale, shift, y, y_pitch, c, low, high, 1);
}

/* Four vectors at a time, so that additions overlap. */
enum { BLOCK = 4 * VF };

static inline __attribute__((always_inline)) void pool_block(const float *x, const size_t *tap, size_t taps, float *y,
                                                             const bool largest, float factor) {
    vf acc[4];
    GAL_UNROLL
    for (int j = 0; j < 4; j++) acc[j] = largest ? vf_set(-INFINITY) : vf_zero();
    for (size_t t = 0; t < taps; t++) {
        GAL_UNROLL
        for (int j = 0; j < 4; j++) {
            vf v = vf_load(x + tap[t] + j * VF);
            acc[j] = largest ? vf_max_nan(acc[j], v) : vf_add(acc[j], v);
        }
    }
    GAL_UNROLL
    for (int j = 0; j < 4; j++) vf_store(y + j * VF, largest ? acc[j] : vf_mul(acc[j], vf_set(factor)));
}

static inline __attribute__((always_inline)) void pool_loop(const float *x, const size_t *tap, size_t taps, float *y,
                                                            size_t n, const bool largest, float factor) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) pool_block(x + i, tap, taps, y + i, largest, factor);
    for (; i < n; i += VF) {
        vf acc = largest ? vf_set(-INFINITY) : vf_zero();
        for (size_t t = 0; t < taps; t++) {
            vf v = any_load(x + tap[t] + i, n - i);
            acc = largest ? vf_max_nan(acc, v) : vf_add(acc, v);
        }
        any_store(y + i, n - i, largest ? acc : vf_mul(acc, vf_set(factor)));
    }
}

static void pool_max(const float *x, const size_t *tap, size_t taps, float *y, size_t n) {
    pool_loop(x, tap, taps, y, n, true, 1);
}

static void pool_sum(const float *x, const size_t *tap, size_t taps, float *y, size_t n, float factor) {
    pool_loop(x, tap, taps, y, n, false, factor);
}

static void mean(const float *x, size_t pixels, size_t stride, float *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += VF) {
        vf acc = vf_zero();
        for (size_t p = 0; p < pixels; p++) acc = vf_add(acc, any_load(x + p * stride + i, n - i));
        any_store(y + i, n - i, vf_mul(acc, vf_set(factor)));
    }
}

static inline __attribute__((always_inline)) void blend_taps(const void *x, const size_t *tap, const float *weight,
                                                             const size_t taps, void *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) {
        vf sum = vf_zero();
        GAL_UNROLL
        for (size_t t = 0; t < taps; t++) {
            vf v = any_load((const float *)x + tap[t] + i, n - i), w = vf_set(weight[t]);
            sum = t == 0 ? vf_mul(v, w) : vf_fma(v, w, sum);
        }
        any_store((float *)y + i, n - i, sum);
    }
}

/* The usual numbers of taps with their weights in registers. */
static void blend(const void *x, const size_t *tap, const float *weight, size_t taps, void *y, size_t n) {
    if (taps == 4)
        blend_taps(x, tap, weight, 4, y, n);
    else if (taps == 2)
        blend_taps(x, tap, weight, 2, y, n);
    else
        blend_taps(x, tap, weight, taps, y, n);
}

static float sum_lanes(vf x) {
    float lane[VF], sum = 0;
    vf_store(lane, x);
    for (int i = 0; i < VF; i++) sum += lane[i];
    return sum;
}

/* The differences from the mean lie in y in between: there, what lies behind n reads as zero again. */
static void normalize(const float *x, const float *scale, const float *shift, float epsilon, float *y, size_t n) {
    vf sum = vf_zero(), squares = vf_zero();
    for (size_t i = 0; i < n; i += VF) sum = vf_add(sum, any_load(x + i, n - i));
    vf mean = vf_set(sum_lanes(sum) / (float)n);
    for (size_t i = 0; i < n; i += VF) {
        any_store(y + i, n - i, vf_sub(any_load(x + i, n - i), mean));
        vf d = any_load(y + i, n - i);
        squares = vf_fma(d, d, squares);
    }
    vf inverse = vf_set(1 / sqrtf(sum_lanes(squares) / (float)n + epsilon));
    for (size_t i = 0; i < n; i += VF) {
        vf b = shift != NULL ? any_load(shift + i, n - i) : vf_zero();
        any_store(y + i, n - i, vf_fma(vf_mul(any_load(y + i, n - i), inverse), any_load(scale + i, n - i), b));
    }
}
