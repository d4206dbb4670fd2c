/* bf16 on AMX: TDPBF16PS over steps of 32 channels, f32 sums; bias, residual and activation in f32, rounded once. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#define GAL_TILE_BF16 1
#include "cpu/activation_body.h"
#include "cpu/conv_amx.h"

/* What becomes of the sums of a panel; the flags are constants where rows are written. */
typedef struct finish {
    vf bias[2];
    __mmask16 mask[2];
    const gal_cpu_activation *act;
    bool clamp, f32; /* the activation is a clamp; outputs are f32 */
} finish;

static inline vf widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

static inline __attribute__((always_inline)) vf finish_vector(const finish *f, const uint32_t *sums, int half,
                                                              const uint8_t *residual) {
    vf x = vf_add(vf_load((const float *)(const void *)(sums + half * VF)), f->bias[half]);
    if (residual) x = vf_add(x, widen(_mm256_maskz_loadu_epi16(f->mask[half], (const uint16_t *)(const void *)residual + half * VF)));
    return f->clamp ? vf_clamp(x, vf_set(f->act->low), vf_set(f->act->high)) : activate_vector(x, f->act->kind, f->act);
}

static inline __attribute__((always_inline)) void finish_row(const finish *f, const uint32_t *sums, uint8_t *y,
                                                             const uint8_t *residual, bool full) {
    vf low = finish_vector(f, sums, 0, residual);
    if (full && !f->f32) {
        vf high = finish_vector(f, sums, 1, residual);
        _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        return;
    }
    vf high = f->mask[1] ? finish_vector(f, sums, 1, residual) : vf_zero();
    if (f->f32) {
        _mm512_mask_storeu_ps(y, f->mask[0], low);
        _mm512_mask_storeu_ps(y + 64, f->mask[1], high);
    } else {
        _mm512_mask_storeu_epi16(y, (__mmask32)f->mask[0] | (__mmask32)f->mask[1] << 16,
                                 (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

static inline __attribute__((always_inline)) void finish_rows(const gal_amx_panel *p, const finish *f,
                                                              const gal_amx_sums *sums, const int32_t *pixel_of,
                                                              int rows, bool add, bool full) {
    for (int i = 0; i < rows; i++) {
        if (pixel_of[i] < 0) continue;
        const uint8_t *residual = add ? p->residual + pixel_of[i] * p->residual_pitch : NULL;
        finish_row(f, sums->at[i], p->y + pixel_of[i] * p->y_pitch, residual, full);
    }
}

static __mmask16 columns_mask(int64_t columns) {
    return columns <= 0 ? 0 : columns >= VF ? (__mmask16)-1 : (__mmask16)((1u << columns) - 1);
}

static inline __attribute__((always_inline)) void store_block(const gal_amx_panel *p, const gal_amx_sums *sums,
                                                             const int32_t *pixel_of, int rows, bool f32) {
    const float *bias = (const float *)(const void *)p->packed_bias + p->column;
    finish f = {.act = &p->conv->cv.act, .f32 = f32};
    bool wide = p->columns > VF, full = p->columns == GAL_AMX_PANEL;
    f.bias[0] = vf_load(bias), f.bias[1] = wide ? vf_load(bias + VF) : vf_zero();
    f.mask[0] = columns_mask(p->columns), f.mask[1] = columns_mask(p->columns - VF);
    f.clamp = f.act->kind <= GAL_ACT_CLIP;
    if (full && f.clamp && p->residual == NULL)
        finish_rows(p, &f, sums, pixel_of, rows, false, true);
    else if (full && f.clamp)
        finish_rows(p, &f, sums, pixel_of, rows, true, true);
    else
        finish_rows(p, &f, sums, pixel_of, rows, p->residual != NULL, full);
}

#define DP(sum, left, right) _tile_dpbf16ps(sum, left, right)

#include "cpu/conv_amx_body.h"

static void panel_bf16(const gal_amx_panel *p) {
    run_panel(p, false);
}

static void panel_f32(const gal_amx_panel *p) {
    run_panel(p, true);
}

const gal_amx_kind gal_amx_bf16 = {.element = 2, .residual_element = 2, .begin = begin, .end = end, .panel = panel_bf16};
const gal_amx_kind gal_amx_bf16_f32 = {.element = 4, .residual_element = 2, .begin = begin, .end = end, .panel = panel_f32};
