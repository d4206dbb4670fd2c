/*
 * f16 in memory as vectors of f32, AVX2 with F16C: eight, or a pair of vectors. There are no masks for elements of two
 * bytes: parts go through a copy. Include after vec_avx2.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline vf f16_load(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}
/* To nearest even; subnormals are kept, what is too large becomes infinity. */
static inline __m128i f16_round(vf x) {
    return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline void f16_store(uint16_t *p, vf x) {
    _mm_storeu_si128((void *)p, f16_round(x));
}
/* At most VF of n elements; the others are zero and never touched in memory. */
static inline vf f16_load_part(const uint16_t *p, size_t n) {
    uint16_t copy[VF] = {0};
    if (n >= VF) return f16_load(p);
    memcpy(copy, p, n * sizeof *p);
    return f16_load(copy);
}
static inline void f16_store_part(uint16_t *p, size_t n, vf x) {
    uint16_t copy[VF];
    if (n >= VF) {
        f16_store(p, x);
    } else {
        f16_store(copy, x);
        memcpy(p, copy, n * sizeof *p);
    }
}

enum { PAIR = 2 * VF, PAIR_SPLIT = 0 };

typedef struct pair {
    vf a, b; /* the first and the second half */
} pair;

typedef size_t pair_mask; /* how many elements count */

static inline pair_mask pair_first(size_t n) {
    return n >= PAIR ? PAIR : n;
}
static inline size_t pair_behind(pair_mask mask) {
    return mask > VF ? mask - VF : 0;
}
/* Elements outside the mask are zero and never touched in memory. */
static inline pair pair_load_part(const uint16_t *p, pair_mask mask) {
    return (pair){f16_load_part(p, mask), f16_load_part(p + VF, pair_behind(mask))};
}
static inline void pair_store_part(uint16_t *p, pair_mask mask, pair x) {
    f16_store_part(p, mask, x.a);
    f16_store_part(p + VF, pair_behind(mask), x.b);
}
/* What a store and a load would make of it. */
static inline pair pair_rounded(pair x) {
    return (pair){_mm256_cvtph_ps(f16_round(x.a)), _mm256_cvtph_ps(f16_round(x.b))};
}
/* One element in every lane. */
static inline pair pair_set(uint16_t x) {
    vf v = _mm256_cvtph_ps(_mm_set1_epi16((short)x));
    return (pair){v, v};
}
/* The same of f32. */
static inline vf f32_load_part(const float *p, size_t n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}
static inline void f32_store_part(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, (int)n, x);
}
static inline pair pair_load_f32(const float *p, pair_mask mask) {
    return (pair){f32_load_part(p, mask), f32_load_part(p + VF, pair_behind(mask))};
}
static inline void pair_store_f32(float *p, pair_mask mask, pair x) {
    f32_store_part(p, mask, x.a);
    f32_store_part(p + VF, pair_behind(mask), x.b);
}
