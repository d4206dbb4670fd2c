/* bf16 on AMX: TDPBF16PS over steps of 32 channels, f32 sums; bias, residual and activation in f32, rounded once. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#define GAL_TILE_BF16 1
#include "cpu/activation_body.h"
#include "cpu/conv_amx.h"

typedef struct finish {
    vf bias[2], low, high;
    __mmask16 mask[2];
    const gal_cpu_activation *act;
    bool clamp, f32; /* the activation is a clamp; outputs are f32: constants of each copy of the code */
} finish;

static inline vf widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

static inline __attribute__((always_inline)) vf finish_vector(const finish *f, const uint32_t *sums, int half,
                                                              const uint8_t *residual) {
    vf x = vf_add(vf_load((const float *)(const void *)(sums + half * VF)), f->bias[half]);
    const uint16_t *add = (const uint16_t *)(const void *)residual + half * VF;
    if (residual) x = vf_add(x, widen(_mm256_maskz_loadu_epi16(f->mask[half], add)));
    if (f->clamp) return vf_clamp(x, f->low, f->high);
    return f->f32 ? activate_vector(x, f->act->kind, f->act) : activate_short(x, f->act->kind, f->act);
}

/* One output pixel's columns of the panel; residual NULL: none. */
static inline __attribute__((always_inline)) void finish_row(const finish *f, const uint32_t *sums, uint8_t *y,
                                                             const uint8_t *residual, bool full) {
    vf low = finish_vector(f, sums, 0, residual);
    if (full && !f->f32) {
        _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh(finish_vector(f, sums, 1, residual), low));
        return;
    }
    vf high = f->mask[1] ? finish_vector(f, sums, 1, residual) : vf_zero();
    if (f->f32) {
        _mm512_mask_storeu_ps(y, f->mask[0], low);
        _mm512_mask_storeu_ps(y + sizeof(vf), f->mask[1], high);
    } else {
        __mmask32 mask = (__mmask32)f->mask[0] | (__mmask32)f->mask[1] << VF;
        _mm512_mask_storeu_epi16(y, mask, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

#define MULTIPLY(sum, left, right) _tile_dpbf16ps(sum, left, right)
#include "cpu/conv_amx_body.h"

static __mmask16 columns_mask(int64_t columns) {
    return columns <= 0 ? 0 : columns >= VF ? (__mmask16)-1 : (__mmask16)((1u << columns) - 1);
}

static work work_of(const gal_amx_panel *p) {
    const float *bias = (const float *)(const void *)p->parameter[0];
    work w = {.p = p, .add = p->residual != NULL, .steps = p->conv->steps, .tap_w = p->conv->tap_w, .pixel = p->pixel};
    finish *f = &w.finish;
    f->act = &p->conv->cv.act;
    f->bias[0] = vf_load(bias), f->bias[1] = p->columns > VF ? vf_load(bias + VF) : vf_zero();
    f->low = vf_set(f->act->low), f->high = vf_set(f->act->high);
    f->mask[0] = columns_mask(p->columns), f->mask[1] = columns_mask(p->columns - VF);
    f->clamp = f->act->kind <= GAL_ACT_CLIP;
    w.full = p->columns == GAL_AMX_PANEL;
    return w;
}

/* The common cases, full panels whose activation is a clamp, get code of their own. */
static void panel_bf16(const gal_amx_panel *p) {
    work w = work_of(p);
    w.finish.f32 = false;
    if (p->columns <= GAL_AMX_ROWS) {
        run_blocks(&w, false);
    } else if (!w.full || !w.finish.clamp) {
        run_blocks(&w, true);
    } else if (w.add) {
        w.full = w.finish.clamp = w.add = true;
        run_blocks(&w, true);
    } else {
        w.full = w.finish.clamp = true;
        w.add = false;
        run_blocks(&w, true);
    }
}

static void panel_f32(const gal_amx_panel *p) {
    work w = work_of(p);
    w.finish.f32 = true;
    if (p->columns <= GAL_AMX_ROWS)
        run_blocks(&w, false);
    else
        run_blocks(&w, true);
}

const gal_amx_kind gal_amx_bf16 = {
    .element = 2, .residual_element = 2, .begin = begin, .end = end, .panel = panel_bf16};
const gal_amx_kind gal_amx_bf16_f32 = {
    .element = 4, .residual_element = 2, .begin = begin, .end = end, .panel = panel_f32};
