/*
 * bf16 register tile, AVX512-BF16: 12 rows by 32 columns in 24 f32 accumulators. VDPBF16PS takes denormal inputs as
 * zero and flushes denormal sums, whatever MXCSR says; so does the conversion at the store.
 */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#define MR            12
#define GAL_TILE_HALF 1
#include "cpu/activation_body.h"
#include "cpu/gemm_f32.h"

/* acc + x0 w0 + x1 w1 for the two bf16 of each word. */
static inline __attribute__((always_inline)) vf tile_step(vf x, vf w, vf acc) {
    return _mm512_dpbf16_ps(acc, (__m512bh)x, (__m512bh)w);
}

static inline vf widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* Bias, residual and activation in f32, rounded once. */
static inline __attribute__((always_inline)) void tile_store(const gal_tile_f32 *t, int row, int vector, vf acc) {
    size_t at = (size_t)row * t->stride + (size_t)vector * VF;
    size_t from = (size_t)row * t->residual_stride + (size_t)vector * VF;
    int left = t->cols - vector * VF;
    __mmask16 mask = left >= VF ? (__mmask16)-1 : (__mmask16)((1u << left) - 1);
    acc = vf_add(acc, vf_load(t->bias + vector * VF));
    if (t->residual) acc = vf_add(acc, widen(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)t->residual + from)));
    bool clamp = t->act->kind <= GAL_ACT_CLIP;
    if (clamp) acc = vf_clamp(acc, vf_set(t->low), vf_set(t->high));
    if (t->element == sizeof(float)) {
        _mm512_mask_storeu_ps((float *)t->out + at, mask, clamp ? acc : activate_vector(acc, t->act->kind, t->act));
    } else {
        if (!clamp) acc = activate_short(acc, t->act->kind, t->act);
        _mm256_mask_storeu_epi16((uint16_t *)t->out + at, mask, (__m256i)_mm512_cvtneps_pbh(acc));
    }
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
TILE(9)
TILE(10)
TILE(11)
TILE(12)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2},   {tile_3x1, tile_3x2},   {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2},   {tile_7x1, tile_7x2},   {tile_8x1, tile_8x2},
        {tile_9x1, tile_9x2}, {tile_10x1, tile_10x2}, {tile_11x1, tile_11x2}, {tile_12x1, tile_12x2},
    };
    table[t->rows - 1][t->cols > VF](t);
}

const gal_gemm_f32 gal_tile_bf16_avx512bf16 = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(uint16_t), .tile = tile};
const gal_gemm_f32 gal_tile_bf16_f32_avx512bf16 = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
