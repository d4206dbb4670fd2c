/* Inner loops over 16-bit floats whose pairs of vectors are in order (not PAIR_SPLIT), included once by each level. */
#include "cpu/loops_half.h"

enum { GROWN = 512 /* floats that rows of few channels are laid out in */ };

static void pool_max(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair most = {vf_set(-INFINITY), vf_set(-INFINITY)};
        for (size_t t = 0; t < taps; t++) {
            pair v = pair_load_part(x + tap[t] + i, mask);
            most = (pair){vf_max_nan(most.a, v.a), vf_max_nan(most.b, v.b)};
        }
        pair_store_part(y + i, mask, most);
    }
}

static void pool_sum(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n, float factor) {
    vf by = vf_set(factor);
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair sum = {vf_zero(), vf_zero()};
        for (size_t t = 0; t < taps; t++) {
            pair v = pair_load_part(x + tap[t] + i, mask);
            sum = (pair){vf_add(sum.a, v.a), vf_add(sum.b, v.b)};
        }
        pair_store_part(y + i, mask, (pair){vf_mul(sum.a, by), vf_mul(sum.b, by)});
    }
}

/* Two pairs side by side: an addition takes as long as four of them begin. */
static void mean_block(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    pair_mask low = pair_first(n), high = pair_first(n > PAIR ? n - PAIR : 0);
    pair sum[2] = {{vf_zero(), vf_zero()}, {vf_zero(), vf_zero()}};
    vf by = vf_set(factor);
    for (size_t p = 0; p < pixels; p++, x += stride) {
        pair v = pair_load_part(x, low), w = pair_load_part(x + PAIR, high);
        sum[0] = (pair){vf_add(sum[0].a, v.a), vf_add(sum[0].b, v.b)};
        sum[1] = (pair){vf_add(sum[1].a, w.a), vf_add(sum[1].b, w.b)};
    }
    pair_store_part(y, low, (pair){vf_mul(sum[0].a, by), vf_mul(sum[0].b, by)});
    pair_store_part(y + PAIR, high, (pair){vf_mul(sum[1].a, by), vf_mul(sum[1].b, by)});
}

static void mean(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += 2 * PAIR) mean_block(x + i, pixels, stride, y + i, n - i, factor);
}

/* A block of channels of all pixels: scale and shift are loaded once. */
static void scale_shift(const uint16_t *x, size_t x_pitch, const float *scale, const float *shift, uint16_t *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act) {
    vf low = vf_set(act->low), high = vf_set(act->high);
    for (size_t i = 0; i < c; i += PAIR) {
        pair_mask mask = pair_first(c - i);
        pair k = pair_load_f32(scale + i, mask), b = pair_load_f32(shift + i, mask);
        for (size_t p = 0; p < pixels; p++) {
            pair v = pair_load_part(x + p * x_pitch + i, mask);
            pair_store_part(
                y + p * y_pitch + i, mask,
                (pair){vf_clamp(vf_fma(v.a, k.a, b.a), low, high), vf_clamp(vf_fma(v.b, k.b, b.b), low, high)});
        }
    }
}

static void narrow(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair_store_part(y + i, mask, pair_load_f32(x + i, mask));
    }
}

/* Rows of few floats, as pixels are: as many at once as GROWN holds. */
static void grow(const float *x, size_t from, uint16_t *y, size_t to, size_t rows) {
    float grown[GROWN] = {0};
    for (size_t each = GROWN / to; rows > 0; rows -= each, y += each * to) {
        if (each > rows) each = rows;
        for (size_t r = 0; r < each; r++, x += from)
            for (size_t c = 0; c < from; c++) grown[r * to + c] = x[c];
        narrow(grown, y, each * to);
    }
}

static void narrow_rows(const float *x, size_t from, uint16_t *y, size_t to, size_t rows) {
    if (from == to) {
        narrow(x, y, rows * to);
    } else if (to <= GROWN) {
        grow(x, from, y, to, rows);
    } else {
        for (size_t r = 0; r < rows; r++, x += from, y += to) {
            narrow(x, y, from);
            for (size_t c = from; c < to; c++) y[c] = 0;
        }
    }
}

static void widen(const uint16_t *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair_store_f32(y + i, mask, pair_load_part(x + i, mask));
    }
}
