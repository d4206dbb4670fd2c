/* f16 in memory as vectors of f32, AVX-512: sixteen, or a pair of vectors. Include after vec_avx512.h. */
#include <stddef.h>
#include <stdint.h>

static inline __mmask16 f16_first(size_t n) {
    return n >= VF ? (__mmask16)-1 : (__mmask16)((1u << n) - 1);
}
static inline vf f16_load(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}
/* At most VF of n elements; the others are zero and never touched in memory. */
static inline vf f16_load_part(const uint16_t *p, size_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(f16_first(n), p));
}
/* To nearest even; subnormals are kept, what is too large becomes infinity. */
static inline __m256i f16_round(vf x) {
    return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline void f16_store_part(uint16_t *p, size_t n, vf x) {
    _mm256_mask_storeu_epi16(p, f16_first(n), f16_round(x));
}

enum { PAIR = 2 * VF, PAIR_SPLIT = 0 };

typedef struct pair {
    vf a, b; /* the first and the second half */
} pair;

typedef __mmask32 pair_mask;

/* The first n of 32 elements; all for n >= 32. */
static inline pair_mask pair_first(size_t n) {
    return n >= PAIR ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
}
/* Elements outside the mask are zero and never touched in memory. */
static inline pair pair_load_part(const uint16_t *p, pair_mask mask) {
    return (pair){_mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)mask, p)),
                  _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)(mask >> VF), p + VF))};
}
static inline void pair_store_part(uint16_t *p, pair_mask mask, pair x) {
    _mm256_mask_storeu_epi16(p, (__mmask16)mask, f16_round(x.a));
    _mm256_mask_storeu_epi16(p + VF, (__mmask16)(mask >> VF), f16_round(x.b));
}
/* What a store and a load would make of it. */
static inline pair pair_rounded(pair x) {
    return (pair){_mm512_cvtph_ps(f16_round(x.a)), _mm512_cvtph_ps(f16_round(x.b))};
}
/* One element in every lane. */
static inline pair pair_set(uint16_t x) {
    vf v = _mm512_cvtph_ps(_mm256_set1_epi16((short)x));
    return (pair){v, v};
}
/* The same of f32. */
static inline pair pair_load_f32(const float *p, pair_mask mask) {
    return (pair){_mm512_maskz_loadu_ps((__mmask16)mask, p), _mm512_maskz_loadu_ps((__mmask16)(mask >> VF), p + VF)};
}
static inline void pair_store_f32(float *p, pair_mask mask, pair x) {
    _mm512_mask_storeu_ps(p, (__mmask16)mask, x.a);
    _mm512_mask_storeu_ps(p + VF, (__mmask16)(mask >> VF), x.b);
}
