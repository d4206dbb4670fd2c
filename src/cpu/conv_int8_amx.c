/*
 * 8-bit integers on AMX: TDPBUSD and TDPBSSD over steps of 64 channels, exact 32-bit sums, finished as
 * graph/ops/quantized.h says, operation by operation, so that the bits are the reference's.
 */
#include "cpu/conv_int8_amx.h"

#include "cpu/conv_amx_tile.h"
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

typedef struct finish {
    vf low, high, mid_low, mid_high, mid, residual;
    __m512i zero, residual_zero, table[4];
    galen_dtype dtype; /* of the output */
    bool signed_residual, has_mid, has_table;
} finish;

typedef struct columns {
    __m512i bias[2];
    vf factor[2];
    __mmask16 mask[2];
} columns;

static columns columns_of(const gal_amx_product *p, int64_t panel) {
    int64_t real = p->columns - panel * GAL_AMX_PANEL;
    const uint8_t *bias = p->parameter[0] + panel * GAL_AMX_PANEL * 4,
                  *factor = p->parameter[1] + panel * GAL_AMX_PANEL * 4;
    bool wide = real > VF;
    return (columns){
        .bias = {_mm512_loadu_si512(bias), wide ? _mm512_loadu_si512(bias + sizeof(vf)) : _mm512_setzero_si512()},
        .factor = {_mm512_loadu_ps(factor), wide ? _mm512_loadu_ps(factor + sizeof(vf)) : vf_zero()},
        .mask = {columns_mask(real), columns_mask(real - VF)}};
}

static finish finish_of(const gal_amx_product *p) {
    const gal_amx_int8 *more = (const gal_amx_int8 *)(const void *)p->extra;
    const gal_requant *q = &more->q;
    finish f = {.dtype = q->dtype, .has_mid = q->has_mid, .has_table = more->has_table};
    f.low = vf_set(q->low), f.high = vf_set(q->high), f.mid = vf_set(q->mid);
    f.mid_low = vf_set(q->mid_low), f.mid_high = vf_set(q->mid_high), f.residual = vf_set(q->residual);
    f.zero = _mm512_set1_epi32(q->zero), f.residual_zero = _mm512_set1_epi32(q->residual_zero);
    f.signed_residual = q->residual_dtype == GALEN_I8;
    for (int i = 0; i < 4 && more->has_table; i++) f.table[i] = _mm512_loadu_si512(more->table + i * sizeof(__m512i));
    return f;
}

static inline __attribute__((always_inline)) vf load_residual(const finish *f, const uint8_t *at, __mmask16 mask,
                                                              bool plain) {
    __m128i bytes = _mm_maskz_loadu_epi8(mask, at);
    __m512i wide = !plain && f->signed_residual ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, f->residual_zero));
}

/* `plain`: to u8, no rounding in between, no table, residual u8. */
static inline __attribute__((always_inline)) vf finish_vector(const finish *f, const columns *c, const uint32_t *sums,
                                                              int half, const uint8_t *residual, bool plain) {
    __m512i acc = _mm512_add_epi32(_mm512_loadu_si512(sums + half * VF), c->bias[half]);
    vf v = vf_mul(_mm512_cvtepi32_ps(acc), c->factor[half]);
    if (!plain && f->has_mid) v = vf_mul(vf_round(vf_clamp(v, f->mid_low, f->mid_high)), f->mid);
    if (residual) v = vf_add(v, vf_mul(load_residual(f, residual + half * VF, c->mask[half], plain), f->residual));
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

static void store_floats(const finish *f, const columns *c, uint8_t *y, vf low, vf high) {
    if (f->dtype == GALEN_F32) {
        _mm512_mask_storeu_ps(y, c->mask[0], low);
        _mm512_mask_storeu_ps(y + sizeof(vf), c->mask[1], high);
    } else {
        __mmask32 mask = (__mmask32)c->mask[0] | (__mmask32)c->mask[1] << VF;
        _mm512_mask_storeu_epi16(y, mask, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

static inline __attribute__((always_inline)) void finish_row(const finish *f, const columns *c, const uint32_t *sums,
                                                             uint8_t *y, const uint8_t *residual, const variant kind) {
    vf low = finish_vector(f, c, sums, 0, residual, kind.plain);
    vf high = kind.full || c->mask[1] ? finish_vector(f, c, sums, 1, residual, kind.plain) : vf_zero();
    if (!kind.plain && f->dtype != GALEN_U8 && f->dtype != GALEN_I8) {
        store_floats(f, c, y, low, high);
        return;
    }
    __m256i bytes = _mm256_set_m128i(to_bytes(f, high), to_bytes(f, low));
    if (!kind.plain && f->has_table) bytes = look_up(f, bytes);
    if (kind.full)
        _mm256_storeu_si256((__m256i *)(void *)y, bytes);
    else
        _mm256_mask_storeu_epi8(y, (__mmask32)c->mask[0] | (__mmask32)c->mask[1] << VF, bytes);
}

/* Left operands without and with a sign have an instruction each. */
#define MULTIPLY(sum, left, right)                                                                                     \
    do {                                                                                                               \
        if (c.is_signed)                                                                                               \
            _tile_dpbssd(sum, left, right);                                                                            \
        else                                                                                                           \
            _tile_dpbusd(sum, left, right);                                                                            \
    } while (0)
#include "cpu/conv_amx_body.h"

/* The common case, full panels from u8 to u8, gets code of its own. */
static void multiply_u8(const gal_amx_product *p) {
    work w = work_of(p);
    const finish *f = &w.finish;
    bool full = p->columns % GAL_AMX_PANEL == 0, add = p->residual != NULL;
    size_t element = (size_t)galen_dtype_size(f->dtype);
    if (f->dtype != GALEN_U8 || f->has_mid || f->has_table || !full || (add && f->signed_residual))
        run_product(&w, (variant){.element = element, .residual = 1, .add = add});
    else if (add)
        run_product(&w, (variant){.element = 1, .residual = 1, .add = true, .full = true, .plain = true});
    else
        run_product(&w, (variant){.element = 1, .residual = 1, .full = true, .plain = true});
}

static void multiply_s8(const gal_amx_product *p) {
    work w = work_of(p);
    size_t element = (size_t)galen_dtype_size(w.finish.dtype);
    run_product(&w, (variant){.element = element, .residual = 1, .add = p->residual != NULL, .is_signed = true});
}

gal_amx_kind gal_amx_kind_int8(bool is_signed, size_t element) {
    return (gal_amx_kind){.element = element,
                          .residual_element = 1,
                          .begin = begin,
                          .end = end,
                          .multiply = is_signed ? multiply_s8 : multiply_u8};
}
