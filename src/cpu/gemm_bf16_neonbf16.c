/*
 * bf16 register tile, NEON with BF16: 8 rows by 8 columns, as in f32 (gemm_f32_neon.c), a step of the chain being one
 * BFDOT of a pair of channels. BFMMLA, which multiplies two rows by two columns at once, wants rows and weights in
 * another order than the tiles of all levels share.
 */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#define MR             8
#define GAL_TILE_HALF  1
#define GAL_TILE_LANES 1
#include "cpu/activation_body.h"
#include "cpu/gemm_f32.h"

/* acc + x0 w0 + x1 w1 for the pair of each word of w and the pair `lane` of x. */
#define STEP(acc, w, x, lane) vbfdotq_laneq_f32(acc, vreinterpretq_bf16_f32(w), vreinterpretq_bf16_f32(x), lane)
#include "cpu/gemm_lanes_neon.h"

/* At most four words; those from n on are zero and never touched in memory. */
static inline vf widen(const uint16_t *p, int n) {
    uint16_t part[VF] = {0};
    if (n < VF) {
        for (int i = 0; i < n; i++) part[i] = p[i];
        p = part;
    }
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

static inline void narrow(uint16_t *p, int n, vf x) {
    uint16x4_t words = vreinterpret_u16_bf16(vcvt_bf16_f32(x));
    uint16_t part[VF];
    if (n >= VF) {
        vst1_u16(p, words);
        return;
    }
    vst1_u16(part, words);
    for (int i = 0; i < n; i++) p[i] = part[i];
}

/* Bias, residual and activation in f32, rounded once. */
static inline __attribute__((always_inline)) void tile_store(const gal_tile_f32 *t, int row, int vector, vf acc) {
    size_t at = (size_t)row * t->stride + (size_t)vector * VF;
    size_t from = (size_t)row * t->residual_stride + (size_t)vector * VF;
    int left = t->cols - vector * VF;
    acc = vf_add(acc, vf_load(t->bias + vector * VF));
    if (t->residual) acc = vf_add(acc, widen((const uint16_t *)t->residual + from, left));
    acc = t->act->kind <= GAL_ACT_CLIP ? vf_clamp(acc, vf_set(t->low), vf_set(t->high))
                                       : activate_short(acc, t->act->kind, t->act);
    if (t->element != sizeof(float))
        narrow((uint16_t *)t->out + at, left, acc);
    else if (left >= VF)
        vf_store((float *)t->out + at, acc);
    else
        vf_store_part((float *)t->out + at, left, acc);
}

#include "cpu/gemm_f32_tile.h"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2}, {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2}, {tile_7x1, tile_7x2}, {tile_8x1, tile_8x2},
    };
    table[t->rows - 1][t->cols > VF](t);
}

const gal_gemm_f32 gal_tile_bf16_neonbf16 = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(uint16_t), .tile = tile};
const gal_gemm_f32 gal_tile_bf16_f32_neonbf16 = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
#endif
