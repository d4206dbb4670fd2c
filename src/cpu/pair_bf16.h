/*
 * Thirty-two bf16 as two vectors of f32: what the bodies over 16-bit floats load and store. Even elements are one
 * vector and odd ones the other, which takes a shift and a mask instead of two shuffles; PAIR_SPLIT says so to whoever
 * packs f32 parameters beside them. Include after vec_avx512.h, from *_avx512bf16.c.
 */
#include <stddef.h>
#include <stdint.h>

enum { PAIR = 2 * VF, PAIR_SPLIT = 1 };

typedef struct pair {
    vf a, b; /* elements 0, 2, 4 ... and 1, 3, 5 ... */
} pair;

typedef __mmask32 pair_mask;

/* The first n of 32 elements; all for n >= 32. */
static inline pair_mask pair_first(size_t n) {
    return n >= PAIR ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
}

static inline pair pair_of(__m512i x) {
    return (pair){_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)),
                  _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)))};
}

static inline pair pair_load(const uint16_t *p) {
    return pair_of(_mm512_loadu_si512(p));
}
/* Elements outside the mask are zero and never touched in memory. */
static inline pair pair_load_part(const uint16_t *p, pair_mask mask) {
    return pair_of(_mm512_maskz_loadu_epi16(mask, p));
}

/* One element in every lane. */
static inline pair pair_set(uint16_t x) {
    return pair_of(_mm512_set1_epi16((short)x));
}

/* Rounded to nearest even; denormals become zero. */
static inline __m512i pair_round(pair x) {
    const __m512i weave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(weave, (__m512i)_mm512_cvtne2ps_pbh(x.b, x.a));
}

/* What a store and a load would make of it. */
static inline pair pair_rounded(pair x) {
    return pair_of(pair_round(x));
}

static inline void pair_store(uint16_t *p, pair x) {
    _mm512_storeu_si512(p, pair_round(x));
}
static inline void pair_store_part(uint16_t *p, pair_mask mask, pair x) {
    _mm512_mask_storeu_epi16(p, mask, pair_round(x));
}
