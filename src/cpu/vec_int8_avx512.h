/* Sixteen sums and the bytes they become: include after vec_avx512.h, in files that have AVX512-BW and VL. */
#include "graph/ops/quantized.h"

static inline __mmask16 first_of(int n) {
    return n >= VF ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

/* Bytes as numbers less `zero`. */
static inline vf load_bytes(const uint8_t *p, __mmask16 mask, bool is_signed, int32_t zero) {
    __m128i x = _mm_maskz_loadu_epi8(mask, p);
    __m512i wide = is_signed ? _mm512_cvtepi8_epi32(x) : _mm512_cvtepu8_epi32(x);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, _mm512_set1_epi32(zero)));
}

static inline vf clamp_to(vf v, float low, float high) {
    return vf_min(vf_max(v, vf_set(low)), vf_set(high));
}

static inline void store_bytes(uint8_t *p, __mmask16 mask, const gal_requant *q, vf v) {
    __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(clamp_to(v, q->low, q->high)), _mm512_set1_epi32(q->zero));
    _mm_mask_storeu_epi8(p, mask, _mm512_cvtepi32_epi8(whole));
}

/* What makes bytes of clamped numbers, sixty-four at a time, in registers: stores of bytes might change anything that
 * lies in memory. */
typedef struct narrow {
    vf high; /* gal_requant.high */
    vi zero; /* words: gal_requant.zero */
    vi low;  /* bytes: gal_requant.low + zero, a whole number in the range of the type */
    bool is_signed;
} narrow;

static inline narrow narrow_of(const gal_requant *q) {
    return (narrow){vf_set(q->high), _mm512_set1_epi16((int16_t)q->zero),
                    _mm512_set1_epi8((char)((int32_t)q->low + q->zero)), q->dtype == GALEN_I8};
}

/*
 * The bytes of four vectors: clamp, round, add the zero point. Lane l of sixteen bytes holds the fours of lane l of
 * each vector. Rounding keeps order, so that the lower clamp may come after it, where packing clamps to the type
 * anyway; the upper one keeps huge numbers from turning into the least integer.
 */
static inline __attribute__((always_inline)) vi narrow_lanes(const narrow *k, vf a, vf b, vf c, vf d) {
    vi first = _mm512_packs_epi32(_mm512_cvtps_epi32(vf_min(a, k->high)), _mm512_cvtps_epi32(vf_min(b, k->high)));
    vi second = _mm512_packs_epi32(_mm512_cvtps_epi32(vf_min(c, k->high)), _mm512_cvtps_epi32(vf_min(d, k->high)));
    first = _mm512_adds_epi16(first, k->zero), second = _mm512_adds_epi16(second, k->zero);
    return k->is_signed ? _mm512_max_epi8(_mm512_packs_epi16(first, second), k->low)
                        : _mm512_max_epu8(_mm512_packus_epi16(first, second), k->low);
}

/* The same with the bytes of one vector behind those of the other. */
static inline __attribute__((always_inline)) vi narrow_quad(const narrow *k, vf a, vf b, vf c, vf d) {
    const vi order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, narrow_lanes(k, a, b, c, d));
}

/* From the scaled sum to gal_requant_value, all but the last clamp. */
static inline __attribute__((always_inline)) vf add_residual(const gal_requant *q, vf v, const uint8_t *residual,
                                                             __mmask16 mask) {
    if (q->has_mid) v = vf_mul(vf_round(clamp_to(v, q->mid_low, q->mid_high)), vf_set(q->mid));
    if (!q->has_residual) return v;
    vf r = load_bytes(residual, mask, q->residual_dtype == GALEN_I8, q->residual_zero);
    return vf_add(v, vf_mul(r, vf_set(q->residual)));
}

/* gal_requant_value and gal_requant_store for sixteen sums with the bias in them. */
static inline __attribute__((always_inline)) void store_sums(const gal_requant *q, vi sum, vf factor,
                                                             const uint8_t *residual, void *out, size_t at, int n) {
    __mmask16 mask = first_of(n);
    vf v = add_residual(q, vf_mul(_mm512_cvtepi32_ps(sum), factor), residual, mask);
    if (q->dtype == GALEN_F32)
        _mm512_mask_storeu_ps((float *)out + at, mask, clamp_to(v, q->low, q->high));
    else
        store_bytes((uint8_t *)out + at, mask, q, v);
}

/* Sums themselves, or times a factor and with a term in f32 (galen.DynConv); low 0 is Relu. */
static inline __attribute__((always_inline)) void store_scaled(const gal_requant *q, vi sum, vf factor,
                                                               const float *shift, void *out, size_t at, int n) {
    __mmask16 mask = first_of(n);
    if (q->dtype == GALEN_I32) {
        _mm512_mask_storeu_epi32((int32_t *)out + at, mask, sum);
        return;
    }
    vf v = vf_mul(_mm512_cvtepi32_ps(sum), factor);
    if (shift != NULL) v = vf_add(v, vf_load(shift));
    if (q->low == 0) v = vf_if_less(v, vf_zero(), vf_zero(), v);
    _mm512_mask_storeu_ps((float *)out + at, mask, v);
}
