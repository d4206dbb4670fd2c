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

/* gal_requant_value and gal_requant_store for sixteen sums with the bias in them. */
static inline __attribute__((always_inline)) void store_sums(const gal_requant *q, vi sum, vf factor,
                                                             const uint8_t *residual, void *out, size_t at, int n) {
    __mmask16 mask = first_of(n);
    vf v = vf_mul(_mm512_cvtepi32_ps(sum), factor);
    if (q->has_mid) v = vf_mul(vf_round(clamp_to(v, q->mid_low, q->mid_high)), vf_set(q->mid));
    if (q->has_residual) {
        vf r = load_bytes(residual, mask, q->residual_dtype == GALEN_I8, q->residual_zero);
        v = vf_add(v, vf_mul(r, vf_set(q->residual)));
    }
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
