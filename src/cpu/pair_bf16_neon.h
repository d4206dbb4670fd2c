/*
 * Eight bf16 as two vectors of f32: pair_bf16.h for NEON. Even elements are one vector and odd ones the other. Include
 * after vec_neon.h, from *_neonbf16.c.
 */
#include <stddef.h>
#include <stdint.h>

enum { PAIR = 2 * VF, PAIR_SPLIT = 1 };

typedef struct pair {
    vf a, b; /* elements 0, 2, 4, 6 and 1, 3, 5, 7 */
} pair;

/* How many of eight elements count. */
typedef size_t pair_mask;

static inline pair_mask pair_first(size_t n) {
    return n < PAIR ? n : PAIR;
}

static inline pair pair_of(uint16x8_t x) {
    uint32x4_t words = vreinterpretq_u32_u16(x);
    return (pair){vreinterpretq_f32_u32(vshlq_n_u32(words, 16)),
                  vreinterpretq_f32_u32(vandq_u32(words, vdupq_n_u32(0xffff0000)))};
}

/* One element in every lane. */
static inline pair pair_set(uint16_t x) {
    return pair_of(vdupq_n_u16(x));
}

static inline pair pair_load(const uint16_t *p) {
    return pair_of(vld1q_u16(p));
}
/* Elements from n on are zero and never touched in memory. */
static inline pair pair_load_part(const uint16_t *p, pair_mask n) {
    if (n >= PAIR) return pair_load(p);
    uint16_t part[PAIR] = {0};
    for (size_t i = 0; i < n; i++) part[i] = p[i];
    return pair_load(part);
}

/* Rounded to nearest even. */
static inline uint16x8_t pair_round(pair x) {
    uint16x4_t even = vreinterpret_u16_bf16(vcvt_bf16_f32(x.a)), odd = vreinterpret_u16_bf16(vcvt_bf16_f32(x.b));
    return vcombine_u16(vzip1_u16(even, odd), vzip2_u16(even, odd));
}

/* What a store and a load would make of it. */
static inline pair pair_rounded(pair x) {
    return pair_of(pair_round(x));
}

static inline void pair_store_part(uint16_t *p, pair_mask n, pair x) {
    if (n >= PAIR) {
        vst1q_u16(p, pair_round(x));
        return;
    }
    uint16_t part[PAIR];
    vst1q_u16(part, pair_round(x));
    for (size_t i = 0; i < n; i++) p[i] = part[i];
}
