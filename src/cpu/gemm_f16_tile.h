/*
 * What the register tile of f16 has of its own, included once by each level after its vec_f16_*.h, between MR and
 * gemm_f32_tile.h: rows are widened a block of channels at a time, so that a channel is broadcast from memory as in f32
 * and converting costs a sixteenth (AVX2: an eighth) of an instruction for each two multiply-adds; the panel's rows are
 * widened as they are loaded. Weights stay f16 because a small batch takes as long as it takes to fetch them.
 */
#include "cpu/gemm_f32.h"

enum {
    BLOCK = 128,   /* channels: a tile's rows of them stay in L1 beside the panel */
    FETCHED = 8192 /* bytes the panel is fetched ahead, as in gemm_f32_tile.h */
};

static inline __attribute__((always_inline)) void tile_widen(const uint16_t *from, float *to, size_t n) {
    size_t i = 0;
    for (; i + VF <= n; i += VF) vf_store(to + i, f16_load(from + i));
    if (i < n) vf_store(to + i, f16_load_part(from + i, n - i));
}

/* One tap: `seg` pairs of channels of each row by the panel's rows at b, f16 a channel. */
static inline __attribute__((always_inline)) void tile_segment(const float *const *row, const float *b, size_t seg,
                                                               vf acc[MR][2], const int mr, const int nv) {
    const uint16_t *w = (const uint16_t *)(const void *)b;
    float x[MR][BLOCK];
    for (size_t from = 0; from < 2 * seg; from += BLOCK) {
        size_t n = 2 * seg - from < BLOCK ? 2 * seg - from : BLOCK;
        for (int i = 0; i < mr; i++) tile_widen((const uint16_t *)(const void *)row[i] + from, x[i], n);
        for (size_t k = 0; k < n; k++, w += nv * VF) {
            vf panel[2];
            GAL_UNROLL
            for (int j = 0; j < nv; j++) panel[j] = f16_load(w + j * VF);
            __builtin_prefetch((const void *)((uintptr_t)w + FETCHED), 0, 3);
            GAL_UNROLL
            for (int i = 0; i < mr; i++) {
                vf v = vf_set(x[i][k]);
                GAL_UNROLL
                for (int j = 0; j < nv; j++) acc[i][j] = vf_fma(v, panel[j], acc[i][j]);
            }
        }
    }
}

/* Bias, residual and activation in f32, rounded once. */
static inline __attribute__((always_inline)) void tile_store(const gal_tile_f32 *t, int row, int vector, vf acc) {
    size_t at = (size_t)row * t->stride + (size_t)vector * VF;
    size_t from = (size_t)row * t->residual_stride + (size_t)vector * VF;
    int left = t->cols - vector * VF;
    acc = vf_add(acc, vf_load(t->bias + vector * VF));
    if (t->residual) acc = vf_add(acc, f16_load_part((const uint16_t *)t->residual + from, (size_t)left));
    acc = t->act->kind <= GAL_ACT_CLIP ? vf_clamp(acc, vf_set(t->low), vf_set(t->high))
                                       : activate_vector(acc, t->act->kind, t->act);
    if (t->element == sizeof(uint16_t))
        f16_store_part((uint16_t *)t->out + at, (size_t)left, acc);
    else if (left >= VF)
        vf_store((float *)t->out + at, acc);
    else
        vf_store_part((float *)t->out + at, left, acc);
}
