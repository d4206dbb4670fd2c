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
static inline vi add_ints(vi a, vi b) {
    return _mm256_add_epi32(a, b);
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

static inline void store_eight(uint8_t *p, int n, vi whole) {
    const vi low = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1,
                                    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    vi four = _mm256_shuffle_epi8(whole, low);
    __m128i all = _mm_unpacklo_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    uint64_t word = (uint64_t)_mm_cvtsi128_si64(all);
    memcpy(p, &word, n >= VF ? sizeof word : (size_t)n);
}

/* gal_requant_value and gal_requant_store for eight sums with the bias in them. */
static inline __attribute__((always_inline)) void store_sums(const gal_requant *q, vi sum, vf factor,
                                                             const uint8_t *residual, void *out, size_t at, int n) {
    vf v = vf_mul(_mm256_cvtepi32_ps(sum), factor);
    if (q->has_mid) v = vf_mul(vf_round(clamp_to(v, q->mid_low, q->mid_high)), vf_set(q->mid));
    if (q->has_residual) {
        __m128i bytes = load_eight(residual, n);
        vi wide = q->residual_dtype == GALEN_I8 ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
        vf r = _mm256_cvtepi32_ps(_mm256_sub_epi32(wide, _mm256_set1_epi32(q->residual_zero)));
        v = vf_add(v, vf_mul(r, vf_set(q->residual)));
    }
    v = clamp_to(v, q->low, q->high);
    if (q->dtype != GALEN_F32)
        store_eight((uint8_t *)out + at, n, _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(q->zero)));
    else if (n >= VF)
        vf_store((float *)out + at, v);
    else
        vf_store_part((float *)out + at, n, v);
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
    if (n >= VF)
        vf_store((float *)out + at, v);
    else
        vf_store_part((float *)out + at, n, v);
}
