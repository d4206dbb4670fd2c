/*
 * f16 in memory as vectors of f32, NEON: four, or a pair of vectors. Parts go through a copy. Include after vec_neon.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline vf f16_load(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
/* To nearest even; subnormals are kept, what is too large becomes infinity. */
static inline float16x4_t f16_round(vf x) {
    return vcvt_f16_f32(x);
}
static inline void f16_store(uint16_t *p, vf x) {
    vst1_u16(p, vreinterpret_u16_f16(f16_round(x)));
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
    return (pair){vcvt_f32_f16(f16_round(x.a)), vcvt_f32_f16(f16_round(x.b))};
}
/* One element in every lane. */
static inline pair pair_set(uint16_t x) {
    vf v = vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(x)));
    return (pair){v, v};
}
/* The same of f32. */
static inline vf f32_load_part(const float *p, size_t n) {
    if (n == 0) return vf_zero();
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}
static inline void f32_store_part(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else if (n > 0)
        vf_store_part(p, (int)n, x);
}
static inline pair pair_load_f32(const float *p, pair_mask mask) {
    return (pair){f32_load_part(p, mask), f32_load_part(p + VF, pair_behind(mask))};
}
static inline void pair_store_f32(float *p, pair_mask mask, pair x) {
    f32_store_part(p, mask, x.a);
    f32_store_part(p + VF, pair_behind(mask), x.b);
}
