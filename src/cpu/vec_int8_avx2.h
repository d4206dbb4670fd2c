/* Eight sums and the bytes they become: include after vec_avx2.h. */
#include "graph/ops/quantized.h"

#include <string.h>

#define MR 6

static inline vi as_ints(vf x) {
    return _mm256_castps_si256(x);
}
static inline vf as_floats(vi x) {
    return _mm256_castsi256_ps(x);
}
static inline vf as_numbers(vi x) {
    return _mm256_cvtepi32_ps(x);
}
static inline vi set_ints(int32_t x) {
    return _mm256_set1_epi32(x);
}
static inline vi add_ints(vi a, vi b) {
    return _mm256_add_epi32(a, b);
}
static inline vi sub_ints(vi a, vi b) {
    return _mm256_sub_epi32(a, b);
}

static inline vf clamp_to(vf v, float low, float high) {
    return vf_min(vf_max(v, vf_set(low)), vf_set(high));
}

/* The first n bytes, 0 < n, at most eight of them; none behind is touched. */
static inline __m128i load_eight(const uint8_t *p, int n) {
    uint64_t word = 0;
    memcpy(&word, p, n >= VF ? sizeof word : (size_t)n);
    return _mm_cvtsi64_si128((int64_t)word);
}

/* u8 after an exclusive or with `flip`. */
static inline vi load_flipped(const uint8_t *p, int n, uint8_t flip) {
    return _mm256_cvtepu8_epi32(_mm_xor_si128(load_eight(p, n), _mm_set1_epi8((char)flip)));
}

/* As numbers less `zero`. */
static inline vf load_bytes(const uint8_t *p, int n, bool is_signed, int32_t zero) {
    __m128i bytes = load_eight(p, n);
    vi wide = is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
    return as_numbers(sub_ints(wide, set_ints(zero)));
}

static inline vf load_floats(const float *p, int n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, n);
}

static inline void store_floats(float *p, int n, vf v) {
    if (n >= VF)
        vf_store(p, v);
    else
        vf_store_part(p, n, v);
}

static inline void store_eight(uint8_t *p, int n, vi whole) {
    const vi low = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1,
                                    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    vi four = _mm256_shuffle_epi8(whole, low);
    __m128i all = _mm_unpacklo_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    uint64_t word = (uint64_t)_mm_cvtsi128_si64(all);
    memcpy(p, &word, n >= VF ? sizeof word : (size_t)n);
}

static inline void store_bytes(uint8_t *p, int n, const gal_requant *q, vf v) {
    store_eight(p, n, add_ints(_mm256_cvtps_epi32(clamp_to(v, q->low, q->high)), set_ints(q->zero)));
}

/*
 * The bytes of four vectors. Rounding keeps order, so that the lower clamp may come after it, where packing clamps to
 * the type anyway; the upper one keeps huge numbers from turning into the least integer.
 */
static inline __attribute__((always_inline)) void store_quad(uint8_t *p, const gal_requant *q, const vf *v) {
    const vf high = vf_set(q->high);
    const vi zero = _mm256_set1_epi16((int16_t)q->zero), low = _mm256_set1_epi8((char)((int32_t)q->low + q->zero));
    vi a = _mm256_packs_epi32(_mm256_cvtps_epi32(vf_min(v[0], high)), _mm256_cvtps_epi32(vf_min(v[1], high)));
    vi b = _mm256_packs_epi32(_mm256_cvtps_epi32(vf_min(v[2], high)), _mm256_cvtps_epi32(vf_min(v[3], high)));
    a = _mm256_adds_epi16(a, zero), b = _mm256_adds_epi16(b, zero);
    vi all = q->dtype == GALEN_I8 ? _mm256_max_epi8(_mm256_packs_epi16(a, b), low)
                                  : _mm256_max_epu8(_mm256_packus_epi16(a, b), low);
    all = _mm256_permutevar8x32_epi32(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)p, all);
}

/* gal_requant_value and gal_requant_store for eight sums with the bias in them. */
static inline __attribute__((always_inline)) void store_sums(const gal_requant *q, vi sum, vf factor,
                                                             const uint8_t *residual, void *out, size_t at, int n) {
    vf v = vf_mul(_mm256_cvtepi32_ps(sum), factor);
    if (q->has_mid) v = vf_mul(vf_round(clamp_to(v, q->mid_low, q->mid_high)), vf_set(q->mid));
    if (q->has_residual) {
        vf r = load_bytes(residual, n, q->residual_dtype == GALEN_I8, q->residual_zero);
        v = vf_add(v, vf_mul(r, vf_set(q->residual)));
    }
    if (q->dtype == GALEN_F32)
        store_floats((float *)out + at, n, clamp_to(v, q->low, q->high));
    else
        store_bytes((uint8_t *)out + at, n, q, v);
}

/* Sums themselves, or times a factor and with a term in f32 (galen.DynConv); low 0 is Relu. */
static inline __attribute__((always_inline)) void store_scaled(const gal_requant *q, vi sum, vf factor,
                                                               const float *shift, void *out, size_t at, int n) {
    vf v = as_floats(sum);
    if (q->dtype != GALEN_I32) {
        v = vf_mul(_mm256_cvtepi32_ps(sum), factor);
        if (shift != NULL) v = vf_add(v, vf_load(shift));
        if (q->low == 0) v = vf_if_less(v, vf_zero(), vf_zero(), v);
    }
    store_floats((float *)out + at, n, v);
}
