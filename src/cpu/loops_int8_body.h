/*
 * The loops of loops_int8.h on vectors of VF numbers. Included once by each level after its vec_int8_*.h, which has
 * load_bytes, store_bytes, store_floats and load_floats of up to VF elements, load_flipped (bytes as integers) and
 * as_numbers (integers as floats), and vectors of WIDE bytes: vb, vb_load, vb_store, vb_max, vb_set, vb_xor.
 */
#include "cpu/loops_int8.h"

enum { QUAD = 4 * VF }; /* bytes that are put together at once */

static int part_of(size_t n, size_t i) {
    return n - i < VF ? (int)(n - i) : VF;
}

static inline __attribute__((always_inline)) vf pair_vector(const gal_qpair *p, bool multiply, vf u, vf v) {
    /* Products of two bytes are exact in f32. */
    return multiply ? vf_mul(vf_mul(u, v), vf_set(p->product))
                    : vf_add(vf_mul(u, vf_set(p->a)), vf_mul(v, vf_set(p->b)));
}

static inline __attribute__((always_inline)) void pair_bytes(const gal_qpair *pair, bool multiply, const uint8_t *a,
                                                             bool a_signed, const uint8_t *b, bool b_signed, uint8_t *y,
                                                             size_t n) {
    const gal_qpair p = *pair; /* stores of bytes might change anything that lies in memory */
    size_t i = 0;
    for (; i + QUAD <= n; i += QUAD) {
        vf v[4];
        GAL_UNROLL
        for (size_t j = 0; j < 4; j++) {
            size_t at = i + j * VF;
            v[j] = pair_vector(&p, multiply, load_bytes(a + at, VF, a_signed, p.a_zero),
                               load_bytes(b + at, VF, b_signed, p.b_zero));
        }
        store_quad(y + i, &p.q, v);
    }
    for (; i < n; i += VF) {
        int part = part_of(n, i);
        vf u = load_bytes(a + i, part, a_signed, p.a_zero), v = load_bytes(b + i, part, b_signed, p.b_zero);
        store_bytes(y + i, part, &p.q, pair_vector(&p, multiply, u, v));
    }
}

static void pair(const gal_qpair *p, bool multiply, const uint8_t *a, bool a_signed, const uint8_t *b, bool b_signed,
                 uint8_t *y, size_t n) {
    if (multiply)
        pair_bytes(p, true, a, a_signed, b, b_signed, y, n);
    else
        pair_bytes(p, false, a, a_signed, b, b_signed, y, n);
}

static void shift(const gal_requant *q, const uint8_t *x, bool is_signed, int32_t zero, const float *scale,
                  const float *shift, uint8_t *y, size_t n) {
    const gal_requant own = *q;
    size_t i = 0;
    for (; i + QUAD <= n; i += QUAD) {
        vf v[4];
        GAL_UNROLL
        for (size_t j = 0; j < 4; j++) {
            size_t at = i + j * VF;
            v[j] = vf_add(vf_mul(load_bytes(x + at, VF, is_signed, zero), vf_load(scale + at)), vf_load(shift + at));
        }
        store_quad(y + i, &own, v);
    }
    for (; i < n; i += VF) {
        int part = part_of(n, i);
        vf v = vf_mul(load_bytes(x + i, part, is_signed, zero), load_floats(scale + i, part));
        store_bytes(y + i, part, &own, vf_add(v, load_floats(shift + i, part)));
    }
}

/* x / step with NaN (also of infinite steps) as 0, clamped: what is left is to round. */
static inline vf divided(const gal_requant *q, float step, vf x) {
    vf v = vf_div(x, vf_set(step));
    return vf_if_nan(v, vf_zero(), clamp_to(v, q->low, q->high));
}

static void quantize(const gal_requant *q, float step, const float *x, uint8_t *y, size_t n) {
    const gal_requant own = *q;
    for (size_t i = 0; i < n; i += VF) {
        int part = part_of(n, i);
        store_bytes(y + i, part, &own, divided(&own, step, load_floats(x + i, part)));
    }
}

static void pixels(const gal_requant *q, float step, const float *x, size_t area, size_t planes, uint8_t *y, size_t n) {
    const gal_requant own = *q;
    for (size_t i = 0; i < n; i += VF) {
        int part = part_of(n, i);
        uint8_t byte[4][VF];
        memset(byte, (uint8_t)own.zero, sizeof byte);
        for (size_t c = 0; c < planes; c++)
            store_bytes(byte[c], VF, &own, divided(&own, step, load_floats(x + c * area + i, part)));
        for (int k = 0; k < part; k++)
            for (int c = 0; c < 4; c++) y[4 * (i + (size_t)k) + (size_t)c] = byte[c][k];
    }
}

static void dequantize(const uint8_t *x, bool is_signed, int32_t zero, float step, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) {
        int part = part_of(n, i);
        store_floats(y + i, part, vf_mul(load_bytes(x + i, part, is_signed, zero), vf_set(step)));
    }
}

static void ends(const float *x, size_t n, float *low, float *high) {
    float lows[VF], highs[VF];
    vf least = vf_zero(), most = least;
    for (size_t i = 0; i < n; i += VF) {
        vf v = load_floats(x + i, part_of(n, i));
        least = vf_min(v, least), most = vf_max(v, most);
    }
    vf_store(lows, least), vf_store(highs, most);
    *low = lows[0], *high = highs[0];
    for (int i = 1; i < VF; i++) {
        *low = lows[i] < *low ? lows[i] : *low;
        *high = highs[i] > *high ? highs[i] : *high;
    }
}

static void largest(uint8_t flip, const uint8_t *x, const size_t *tap, size_t taps, uint8_t *y, size_t n) {
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE) {
        vb best = vb_set(0);
        for (size_t t = 0; t < taps; t++) best = vb_max(best, vb_xor(vb_load(x + tap[t] + i), vb_set(flip)));
        vb_store(y + i, vb_xor(best, vb_set(flip)));
    }
    for (; i < n; i++) {
        uint8_t best = 0;
        for (size_t t = 0; t < taps; t++) {
            uint8_t byte = x[tap[t] + i] ^ flip;
            best = byte > best ? byte : best;
        }
        y[i] = best ^ flip;
    }
}

/* Means from sums of `taps` bytes. */
static inline void store_means(const gal_byte_means *m, vi sum, size_t taps, int64_t count, uint8_t *y, int part) {
    vf v = as_numbers(sub_ints(sum, set_ints((int32_t)taps * m->zero)));
    v = vf_div(vf_mul(v, vf_set(m->factor)), vf_set((float)count));
    store_bytes(y, part, &m->q, count > 0 ? v : vf_zero());
}

static void sum(const gal_byte_means *m, const uint8_t *x, const size_t *tap, size_t taps, int64_t count, uint8_t *y,
                size_t n) {
    const gal_byte_means own = *m;
    for (size_t i = 0; i < n; i += VF) {
        int part = part_of(n, i);
        vi all = set_ints(0);
        for (size_t t = 0; t < taps; t++) all = add_ints(all, load_flipped(x + tap[t] + i, part, own.flip));
        store_means(&own, all, taps, count, y + i, part);
    }
}

static void mean(const gal_byte_means *m, const uint8_t *x, size_t pixels, size_t stride, uint8_t *y, size_t n) {
    enum { VECTORS = 4 }; /* side by side, so that more of a cache line is read at a time */
    const gal_byte_means own = *m;
    size_t i = 0;
    for (; i + VECTORS * VF <= n; i += VECTORS * VF) {
        vi all[VECTORS] = {set_ints(0), set_ints(0), set_ints(0), set_ints(0)};
        for (size_t p = 0; p < pixels; p++) {
            GAL_UNROLL
            for (size_t v = 0; v < VECTORS; v++)
                all[v] = add_ints(all[v], load_flipped(x + p * stride + i + v * VF, VF, own.flip));
        }
        for (size_t v = 0; v < VECTORS; v++) store_means(&own, all[v], pixels, (int64_t)pixels, y + i + v * VF, VF);
    }
    for (; i < n; i += VF) {
        int part = part_of(n, i);
        vi all = set_ints(0);
        for (size_t p = 0; p < pixels; p++) all = add_ints(all, load_flipped(x + p * stride + i, part, own.flip));
        store_means(&own, all, pixels, (int64_t)pixels, y + i, part);
    }
}

const gal_loops_int8 LOOPS = {.wide = VF,
                              .map = map_bytes,
                              .pair = pair,
                              .shift = shift,
                              .quantize = quantize,
                              .pixels = pixels,
                              .dequantize = dequantize,
                              .ends = ends,
                              .largest = largest,
                              .sum = sum,
                              .mean = mean};
