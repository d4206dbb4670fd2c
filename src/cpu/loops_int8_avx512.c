/* Loops over bytes, AVX-512: sixteen numbers, four times that at once where the row is long enough. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/loops_int8.h"

enum {
    WIDE = 64, /* bytes of a vector */
    HALF = 32, /* 16-bit sums of a vector */
    RUN = 256, /* bytes whose sum fits 16 bits */
};

static __mmask16 part_of(size_t n, size_t i) {
    return first_of(n - i < VF ? (int)(n - i) : VF);
}

static __mmask64 first_bytes(size_t n) {
    return n >= WIDE ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

static vf load_floats(const float *p, __mmask16 mask) {
    return _mm512_maskz_loadu_ps(mask, p);
}

static void map(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n) {
    gal_map_bytes_best()(table, x, y, n);
}

/* ---- two operands ---- */

static inline __attribute__((always_inline)) vf pair_vector(const gal_qpair *p, bool multiply, vf u, vf v) {
    /* Products of two bytes are exact in f32. */
    return multiply ? vf_mul(vf_mul(u, v), vf_set(p->product))
                    : vf_add(vf_mul(u, vf_set(p->a)), vf_mul(v, vf_set(p->b)));
}

static inline __attribute__((always_inline)) void pair_bytes(const gal_qpair *pair, bool multiply, const uint8_t *a,
                                                             bool a_signed, const uint8_t *b, bool b_signed, uint8_t *y,
                                                             size_t n) {
    const gal_qpair p = *pair; /* stores of bytes might change anything that lies in memory */
    const narrow k = narrow_of(&p.q);
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE) {
        vf v[4];
        GAL_UNROLL
        for (size_t j = 0; j < 4; j++) {
            size_t at = i + j * VF;
            v[j] = pair_vector(&p, multiply, load_bytes(a + at, 0xffff, a_signed, p.a_zero),
                               load_bytes(b + at, 0xffff, b_signed, p.b_zero));
        }
        _mm512_storeu_si512(y + i, narrow_quad(&k, v[0], v[1], v[2], v[3]));
    }
    for (; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        vf u = load_bytes(a + i, mask, a_signed, p.a_zero), v = load_bytes(b + i, mask, b_signed, p.b_zero);
        store_bytes(y + i, mask, &p.q, pair_vector(&p, multiply, u, v));
    }
}

static void pair(const gal_qpair *p, bool multiply, const uint8_t *a, bool a_signed, const uint8_t *b, bool b_signed,
                 uint8_t *y, size_t n) {
    if (multiply)
        pair_bytes(p, true, a, a_signed, b, b_signed, y, n);
    else
        pair_bytes(p, false, a, a_signed, b, b_signed, y, n);
}

/* ---- a factor and a term for each ---- */

static inline __attribute__((always_inline)) void shift_bytes(const gal_requant *q, const uint8_t *x, bool is_signed,
                                                              int32_t zero, const float *scale, const float *shift,
                                                              uint8_t *y, size_t n) {
    const gal_requant own = *q;
    const narrow k = narrow_of(&own);
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE) {
        vf v[4];
        GAL_UNROLL
        for (size_t j = 0; j < 4; j++) {
            size_t at = i + j * VF;
            v[j] =
                vf_add(vf_mul(load_bytes(x + at, 0xffff, is_signed, zero), vf_load(scale + at)), vf_load(shift + at));
        }
        _mm512_storeu_si512(y + i, narrow_quad(&k, v[0], v[1], v[2], v[3]));
    }
    for (; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        vf v = vf_mul(load_bytes(x + i, mask, is_signed, zero), load_floats(scale + i, mask));
        store_bytes(y + i, mask, &own, vf_add(v, load_floats(shift + i, mask)));
    }
}

static void shift(const gal_requant *q, const uint8_t *x, bool is_signed, int32_t zero, const float *scale,
                  const float *shift, uint8_t *y, size_t n) {
    if (is_signed)
        shift_bytes(q, x, true, zero, scale, shift, y, n);
    else
        shift_bytes(q, x, false, zero, scale, shift, y, n);
}

/* ---- from and to f32 ---- */

/* x / step with NaN (also of infinite steps) as 0, clamped: what is left is to round. */
static inline vf divided(const gal_requant *q, float step, vf x) {
    vf v = vf_div(x, vf_set(step));
    return vf_if_nan(v, vf_zero(), clamp_to(v, q->low, q->high));
}

static void quantize(const gal_requant *q, float step, const float *x, uint8_t *y, size_t n) {
    const gal_requant own = *q;
    for (size_t i = 0; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        store_bytes(y + i, mask, &own, divided(&own, step, load_floats(x + i, mask)));
    }
}

static void pixels(const gal_requant *q, float step, const float *x, size_t area, size_t planes, uint8_t *y, size_t n) {
    const gal_requant own = *q;
    for (size_t i = 0; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        vi pixel = _mm512_set1_epi32((int)(0x01010101u * (uint8_t)own.zero));
        for (size_t c = 0; c < planes; c++) {
            vf v = divided(&own, step, load_floats(x + c * area + i, mask));
            vi byte = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(own.zero));
            __mmask64 place = (__mmask64)0x1111111111111111u << c;
            pixel = _mm512_mask_mov_epi8(pixel, place, _mm512_slli_epi32(byte, (unsigned)(8 * c)));
        }
        _mm512_mask_storeu_epi32(y + 4 * i, mask, pixel);
    }
}

static void dequantize(const uint8_t *x, bool is_signed, int32_t zero, float step, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        _mm512_mask_storeu_ps(y + i, mask, vf_mul(load_bytes(x + i, mask, is_signed, zero), vf_set(step)));
    }
}

static void ends(const float *x, size_t n, float *low, float *high) {
    vf least = vf_zero(), most = least;
    for (size_t i = 0; i < n; i += VF) {
        vf v = load_floats(x + i, part_of(n, i));
        least = vf_min(v, least), most = vf_max(v, most);
    }
    *low = _mm512_reduce_min_ps(least), *high = _mm512_reduce_max_ps(most);
}

/* ---- pools ---- */

static void largest(uint8_t flip, const uint8_t *x, const size_t *tap, size_t taps, uint8_t *y, size_t n) {
    const __m512i sign = _mm512_set1_epi8((char)flip);
    for (size_t i = 0; i < n; i += WIDE) {
        __mmask64 mask = first_bytes(n - i);
        __m512i best = _mm512_setzero_si512();
        for (size_t t = 0; t < taps; t++)
            best = _mm512_max_epu8(best, _mm512_xor_si512(sign, _mm512_maskz_loadu_epi8(mask, x + tap[t] + i)));
        _mm512_mask_storeu_epi8(y + i, mask, _mm512_xor_si512(sign, best));
    }
}

/* Sixteen means from sums of `taps` bytes. */
static void store_means(const gal_byte_means *m, vi sum, size_t taps, int64_t count, uint8_t *y, __mmask16 mask) {
    sum = _mm512_sub_epi32(sum, _mm512_set1_epi32((int32_t)taps * m->zero));
    vf v = vf_div(vf_mul(_mm512_cvtepi32_ps(sum), vf_set(m->factor)), vf_set((float)count));
    store_bytes(y, mask, &m->q, count > 0 ? v : vf_zero());
}

static void sum(const gal_byte_means *m, const uint8_t *x, const size_t *tap, size_t taps, int64_t count, uint8_t *y,
                size_t n) {
    const gal_byte_means own = *m;
    const __m128i flip = _mm_set1_epi8((char)own.flip);
    for (size_t i = 0; i < n; i += VF) {
        __mmask16 mask = part_of(n, i);
        vi all = _mm512_setzero_si512();
        for (size_t t = 0; t < taps; t++) {
            __m128i bytes = _mm_xor_si128(flip, _mm_maskz_loadu_epi8(mask, x + tap[t] + i));
            all = _mm512_add_epi32(all, _mm512_cvtepu8_epi32(bytes));
        }
        store_means(&own, all, taps, count, y + i, mask);
    }
}

/* Up to 32 channels. */
static void mean_half(const gal_byte_means *m, const uint8_t *x, size_t pixels, size_t stride, uint8_t *y, size_t n) {
    const __m256i flip = _mm256_set1_epi8((char)m->flip);
    const __mmask32 mask = n >= HALF ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
    vi low = _mm512_setzero_si512(), high = low;
    for (size_t p = 0; p < pixels;) {
        size_t stop = p + RUN < pixels ? p + RUN : pixels;
        vi all = _mm512_setzero_si512();
        for (; p < stop; p++) {
            __m256i bytes = _mm256_xor_si256(flip, _mm256_maskz_loadu_epi8(mask, x + p * stride));
            all = _mm512_add_epi16(all, _mm512_cvtepu8_epi16(bytes));
        }
        low = _mm512_add_epi32(low, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(all)));
        high = _mm512_add_epi32(high, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(all, 1)));
    }
    store_means(m, low, pixels, (int64_t)pixels, y, part_of(n, 0));
    if (n > VF) store_means(m, high, pixels, (int64_t)pixels, y + VF, part_of(n, VF));
}

static void mean(const gal_byte_means *m, const uint8_t *x, size_t pixels, size_t stride, uint8_t *y, size_t n) {
    const gal_byte_means own = *m;
    for (size_t i = 0; i < n; i += HALF) mean_half(&own, x + i, pixels, stride, y + i, n - i);
}

const gal_loops_int8 gal_loops_int8_avx512 = {.wide = WIDE,
                                              .map = map,
                                              .pair = pair,
                                              .shift = shift,
                                              .quantize = quantize,
                                              .pixels = pixels,
                                              .dequantize = dequantize,
                                              .ends = ends,
                                              .largest = largest,
                                              .sum = sum,
                                              .mean = mean};
