/* bf16 inner loops, NEON with BF16. */
#if defined(__aarch64__)
#include "cpu/loops_half.h"
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/pair_bf16_neon.h"

static void pool_max(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair acc = {vf_set(-INFINITY), vf_set(-INFINITY)};
        for (size_t t = 0; t < taps; t++) {
            pair v = pair_load_part(x + tap[t] + i, pair_first(n - i));
            acc = (pair){vf_max_nan(acc.a, v.a), vf_max_nan(acc.b, v.b)};
        }
        pair_store_part(y + i, pair_first(n - i), acc);
    }
}

static void pool_sum(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair acc = {vf_zero(), vf_zero()};
        for (size_t t = 0; t < taps; t++) {
            pair v = pair_load_part(x + tap[t] + i, pair_first(n - i));
            acc = (pair){vf_add(acc.a, v.a), vf_add(acc.b, v.b)};
        }
        pair_store_part(y + i, pair_first(n - i), (pair){vf_mul(acc.a, vf_set(factor)), vf_mul(acc.b, vf_set(factor))});
    }
}

static void mean(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair acc = {vf_zero(), vf_zero()};
        for (size_t p = 0; p < pixels; p++) {
            pair v = pair_load_part(x + p * stride + i, pair_first(n - i));
            acc = (pair){vf_add(acc.a, v.a), vf_add(acc.b, v.b)};
        }
        pair_store_part(y + i, pair_first(n - i), (pair){vf_mul(acc.a, vf_set(factor)), vf_mul(acc.b, vf_set(factor))});
    }
}

/* Eight floats as a pair, zero from n on. */
static inline pair split(const float *p, size_t n) {
    float part[PAIR] = {0};
    if (n < PAIR) {
        for (size_t i = 0; i < n; i++) part[i] = p[i];
        p = part;
    }
    float32x4x2_t both = vld2q_f32(p);
    return (pair){both.val[0], both.val[1]};
}

static void scale_shift(const uint16_t *x, size_t x_pitch, const float *scale, const float *shift, uint16_t *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act) {
    vf low = vf_set(act->low), high = vf_set(act->high);
    for (size_t p = 0; p < pixels; p++, x += x_pitch, y += y_pitch) {
        for (size_t i = 0; i < c; i += PAIR) {
            pair v = pair_load_part(x + i, pair_first(c - i)), k = split(scale + i, c - i), b = split(shift + i, c - i);
            pair_store_part(
                y + i, pair_first(c - i),
                (pair){vf_clamp(vf_fma(v.a, k.a, b.a), low, high), vf_clamp(vf_fma(v.b, k.b, b.b), low, high)});
        }
    }
}

static void narrow_row(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) pair_store_part(y + i, pair_first(n - i), split(x + i, n - i));
}

static void narrow_rows(const float *x, size_t from, uint16_t *y, size_t to, size_t rows) {
    if (from == to) {
        narrow_row(x, y, rows * to);
        return;
    }
    for (size_t r = 0; r < rows; r++, x += from, y += to) {
        narrow_row(x, y, from);
        for (size_t c = from; c < to; c++) y[c] = 0;
    }
}

static void widen(const uint16_t *x, float *y, size_t n) {
    size_t i = 0;
    for (; i + VF <= n; i += VF) vf_store(y + i, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x + i), 16)));
    if (i < n) {
        uint16_t part[VF] = {0};
        for (size_t k = i; k < n; k++) part[k - i] = x[k];
        vf_store_part(y + i, (int)(n - i), vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(part), 16)));
    }
}

#include "cpu/blend_half_body.h"

const gal_loops_half gal_loops_bf16_neonbf16 = {
    .dtype = GALEN_BF16,
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
    .scale_shift = scale_shift,
    .narrow_rows = narrow_rows,
    .widen = widen,
    .blend = blend,
};
#endif
