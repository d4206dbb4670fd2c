/* bf16 on AMX: TDPBF16PS over steps of 32 channels, f32 sums; bias, residual and activation in f32, rounded once. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#define GAL_TILE_HALF 1
#include "cpu/activation_body.h"
#include "cpu/conv_amx_tile.h"

typedef struct finish {
    vf low, high;
    const gal_cpu_activation *act;
} finish;

typedef struct columns {
    vf bias[2];
    __mmask16 mask[2];
} columns;

static columns columns_of(const gal_amx_product *p, int64_t panel) {
    const float *bias = (const float *)(const void *)p->parameter[0] + panel * GAL_AMX_PANEL;
    int64_t real = p->columns - panel * GAL_AMX_PANEL;
    return (columns){.bias = {vf_load(bias), real > VF ? vf_load(bias + VF) : vf_zero()},
                     .mask = {columns_mask(real), columns_mask(real - VF)}};
}

static finish finish_of(const gal_amx_product *p) {
    const gal_cpu_activation *act = &p->conv->cv.act;
    return (finish){.act = act, .low = vf_set(act->low), .high = vf_set(act->high)};
}

static inline vf widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* `how` is what is known of the activation in this copy of the code: GAL_ACT_CLIP for a clamp, GAL_ACT_SILU, or
 * GAL_ACT_NONE for nothing. */
static inline __attribute__((always_inline)) vf finish_vector(const finish *f, const columns *c, const uint32_t *sums,
                                                              int half, const uint8_t *residual, gal_activation how,
                                                              bool f32) {
    vf x = vf_add(vf_load((const float *)(const void *)(sums + half * VF)), c->bias[half]);
    const uint16_t *add = (const uint16_t *)(const void *)residual + half * VF;
    if (residual) x = vf_add(x, widen(_mm256_maskz_loadu_epi16(c->mask[half], add)));
    if (how == GAL_ACT_CLIP) return vf_clamp(x, f->low, f->high);
    if (how == GAL_ACT_SILU) return activate_short(x, GAL_ACT_SILU, f->act);
    return f32 ? activate_vector(x, f->act->kind, f->act) : activate_short(x, f->act->kind, f->act);
}

static inline __attribute__((always_inline)) void finish_bf16(const finish *f, const columns *c, const uint32_t *sums,
                                                              uint8_t *y, const uint8_t *residual, bool full,
                                                              gal_activation how) {
    vf low = finish_vector(f, c, sums, 0, residual, how, false);
    vf high = full || c->mask[1] ? finish_vector(f, c, sums, 1, residual, how, false) : vf_zero();
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    if (full)
        _mm512_storeu_si512(y, both);
    else
        _mm512_mask_storeu_epi16(y, (__mmask32)c->mask[0] | (__mmask32)c->mask[1] << VF, both);
}

static inline __attribute__((always_inline)) void finish_f32(const finish *f, const columns *c, const uint32_t *sums,
                                                             uint8_t *y, const uint8_t *residual) {
    _mm512_mask_storeu_ps(y, c->mask[0], finish_vector(f, c, sums, 0, residual, GAL_ACT_NONE, true));
    if (c->mask[1])
        _mm512_mask_storeu_ps(y + sizeof(vf), c->mask[1], finish_vector(f, c, sums, 1, residual, GAL_ACT_NONE, true));
}

static inline __attribute__((always_inline)) void finish_row(const finish *f, const columns *c, const uint32_t *sums,
                                                             uint8_t *y, const uint8_t *residual, const variant kind) {
    if (kind.is_f32)
        finish_f32(f, c, sums, y, residual);
    else
        finish_bf16(f, c, sums, y, residual, kind.full, kind.how);
}

#define MULTIPLY(sum, left, right) _tile_dpbf16ps(sum, left, right)
#include "cpu/conv_amx_body.h"

/* Clamps and SiLU get code of their own. */
static void multiply_bf16(const gal_amx_product *p) {
    work w = work_of(p);
    gal_activation kind = w.finish.act->kind;
    bool clamp = kind <= GAL_ACT_CLIP, full = p->columns % GAL_AMX_PANEL == 0, add = p->residual != NULL;
    if (clamp && full && add)
        run_product(&w, (variant){.element = 2, .residual = 2, .add = true, .full = true, .how = GAL_ACT_CLIP});
    else if (clamp && full)
        run_product(&w, (variant){.element = 2, .residual = 2, .full = true, .how = GAL_ACT_CLIP});
    else if (clamp)
        run_product(&w, (variant){.element = 2, .residual = 2, .add = add, .how = GAL_ACT_CLIP});
    else if (kind == GAL_ACT_SILU && !add)
        run_product(&w, (variant){.element = 2, .residual = 2, .how = GAL_ACT_SILU});
    else
        run_product(&w, (variant){.element = 2, .residual = 2, .add = add});
}

static void multiply_f32(const gal_amx_product *p) {
    work w = work_of(p);
    run_product(&w, (variant){.element = 4, .residual = 2, .add = p->residual != NULL, .is_f32 = true});
}

const gal_amx_kind gal_amx_bf16 = {
    .element = 2, .residual_element = 2, .begin = begin, .end = end, .multiply = multiply_bf16};
const gal_amx_kind gal_amx_bf16_f32 = {
    .element = 4, .residual_element = 2, .begin = begin, .end = end, .multiply = multiply_f32};
