/*
 * 8-bit integers on AMX: TDPBUSD and TDPBSSD over steps of 64 channels, exact 32-bit sums, finished as
 * graph/ops/quantized.h says, operation by operation, so that the bits are the reference's.
 */
#include "cpu/conv_int8_amx.h"

#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

/* The flags are constants of each copy of the code. */
typedef struct finish {
    __m512i bias[2];
    vf factor[2], low, high, mid_low, mid_high, mid, residual;
    __m512i zero, residual_zero, table[4];
    __mmask16 mask[2];
    galen_dtype dtype; /* of the output */
    bool signed_residual, has_mid, has_table;
} finish;

static inline __attribute__((always_inline)) vf load_residual(const finish *f, const uint8_t *at, __mmask16 mask) {
    __m128i bytes = _mm_maskz_loadu_epi8(mask, at);
    __m512i wide = f->signed_residual ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, f->residual_zero));
}

static inline __attribute__((always_inline)) vf finish_vector(const finish *f, const uint32_t *sums, int half,
                                                              const uint8_t *residual) {
    __m512i acc = _mm512_add_epi32(_mm512_loadu_si512(sums + half * VF), f->bias[half]);
    vf v = vf_mul(_mm512_cvtepi32_ps(acc), f->factor[half]);
    if (f->has_mid) v = vf_mul(vf_round(vf_clamp(v, f->mid_low, f->mid_high)), f->mid);
    if (residual) v = vf_add(v, vf_mul(load_residual(f, residual + half * VF, f->mask[half]), f->residual));
    return vf_clamp(v, f->low, f->high);
}

/* Sixteen bytes; the clamp has made sure that nothing is cut off. */
static inline __attribute__((always_inline)) __m128i to_bytes(const finish *f, vf v) {
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(v), f->zero));
}

static inline __m256i look_up(const finish *f, __m256i bytes) {
    __m512i index = _mm512_castsi256_si512(bytes);
    __m512i low = _mm512_permutex2var_epi8(f->table[0], index, f->table[1]);
    __m512i high = _mm512_permutex2var_epi8(f->table[2], index, f->table[3]);
    return _mm512_castsi512_si256(_mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
}

/* One output pixel's columns of the panel; residual NULL: none. */
static inline __attribute__((always_inline)) void finish_row(const finish *f, const uint32_t *sums, uint8_t *y,
                                                             const uint8_t *residual, bool full) {
    vf low = finish_vector(f, sums, 0, residual);
    vf high = full || f->mask[1] ? finish_vector(f, sums, 1, residual) : vf_zero();
    if (f->dtype == GALEN_F32) {
        _mm512_mask_storeu_ps(y, f->mask[0], low);
        _mm512_mask_storeu_ps(y + sizeof(vf), f->mask[1], high);
        return;
    }
    __mmask32 mask = (__mmask32)f->mask[0] | (__mmask32)f->mask[1] << VF;
    if (f->dtype == GALEN_BF16) {
        _mm512_mask_storeu_epi16(y, mask, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        return;
    }
    __m256i bytes = _mm256_set_m128i(to_bytes(f, high), to_bytes(f, low));
    if (f->has_table) bytes = look_up(f, bytes);
    if (full)
        _mm256_storeu_si256((__m256i *)(void *)y, bytes);
    else
        _mm256_mask_storeu_epi8(y, mask, bytes);
}

static __mmask16 columns_mask(int64_t columns) {
    return columns <= 0 ? 0 : columns >= VF ? (__mmask16)-1 : (__mmask16)((1u << columns) - 1);
}

static finish finish_of(const gal_amx_panel *p) {
    const gal_amx_int8 *more = (const gal_amx_int8 *)(const void *)p->extra;
    const gal_requant *q = &more->q;
    finish f = {.dtype = q->dtype, .has_mid = q->has_mid, .has_table = more->has_table};
    for (int i = 0; i < 2; i++) {
        bool any = p->columns > i * VF;
        f.mask[i] = columns_mask(p->columns - i * VF);
        f.bias[i] = any ? _mm512_loadu_si512(p->parameter[0] + i * sizeof(vf)) : _mm512_setzero_si512();
        f.factor[i] = any ? _mm512_loadu_ps(p->parameter[1] + i * sizeof(vf)) : vf_zero();
    }
    f.low = vf_set(q->low), f.high = vf_set(q->high), f.mid = vf_set(q->mid);
    f.mid_low = vf_set(q->mid_low), f.mid_high = vf_set(q->mid_high), f.residual = vf_set(q->residual);
    f.zero = _mm512_set1_epi32(q->zero), f.residual_zero = _mm512_set1_epi32(q->residual_zero);
    f.signed_residual = q->residual_dtype == GALEN_I8;
    for (int i = 0; i < 4 && more->has_table; i++) f.table[i] = _mm512_loadu_si512(more->table + i * sizeof(__m512i));
    return f;
}

/* Left operands without and with a sign have an instruction each; the rest of the code is the same. */
#define MULTIPLY(sum, left, right)                                                                                     \
    do {                                                                                                               \
        if (w->is_signed)                                                                                              \
            _tile_dpbssd(sum, left, right);                                                                            \
        else                                                                                                           \
            _tile_dpbusd(sum, left, right);                                                                            \
    } while (0)
#include "cpu/conv_amx_body.h"

static inline __attribute__((always_inline)) void run_panel(const gal_amx_panel *p, bool is_signed) {
    work w = {.p = p, .finish = finish_of(p), .add = p->residual != NULL, .full = p->columns == GAL_AMX_PANEL};
    w.steps = p->conv->steps, w.tap_w = p->conv->tap_w, w.pixel = p->pixel, w.is_signed = is_signed;
    bool plain = w.full && w.finish.dtype == GALEN_U8 && !w.finish.has_mid && !w.finish.has_table;
    if (p->columns <= GAL_AMX_ROWS) {
        run_blocks(&w, false);
    } else if (!plain || (w.add && w.finish.signed_residual)) {
        run_blocks(&w, true);
    } else { /* full panels of u8 get code of their own */
        w.full = true;
        w.finish.dtype = GALEN_U8;
        w.finish.has_mid = w.finish.has_table = w.finish.signed_residual = false;
        run_blocks(&w, true);
    }
}

static void panel_u8(const gal_amx_panel *p) {
    run_panel(p, false);
}

static void panel_s8(const gal_amx_panel *p) {
    run_panel(p, true);
}

gal_amx_kind gal_amx_kind_int8(bool is_signed, size_t element) {
    return (gal_amx_kind){.element = element,
                          .residual_element = 1,
                          .begin = begin,
                          .end = end,
                          .panel = is_signed ? panel_s8 : panel_u8};
}
