/*
 * Depthwise bands, included once by each level. A step computes PX pixels by up to two vectors of channels. Each output
 * is one chain of fused multiply-adds over the taps inside the image, in order: a pixel's taps depend on its place
 * only.
 */
#include "cpu/conv_dw_f32.h"

enum { PX = 4 };

typedef struct dw_step {
    int64_t x; /* offset of tap (0, 0) of the first pixel; may lie outside, only taps [r0, r1) x [s0, s1) are read */
    const float *weight; /* of the first channel */
    const float *bias;
    int64_t r0, r1, s0, s1;
    size_t out; /* of the first pixel and channel in y */
    int part;   /* channels of a last, partial vector; VF for whole ones */
} dw_step;

static inline __attribute__((always_inline)) vf dw_load(const float *p, int part, const bool whole) {
    return whole ? vf_load(p) : vf_load_part(p, part);
}

static inline __attribute__((always_inline)) void dw_store(const gal_dw_band *band, size_t at, vf acc, int part,
                                                           const bool whole) {
    const gal_conv *cv = band->conv;
    if (band->residual != NULL) acc = vf_add(acc, dw_load(band->residual + at, part, whole));
    acc = vf_clamp(acc, vf_set(cv->act.low), vf_set(cv->act.high));
    if (whole)
        vf_store(band->y + at, acc);
    else
        vf_store_part(band->y + at, part, acc);
}

/* px pixels by nv vectors. */
static inline __attribute__((always_inline)) void dw_body(const gal_dw_band *band, const dw_step *st, const int px,
                                                          const int nv, const bool whole) {
    const gal_conv *cv = band->conv;
    vf acc[PX][2];
    size_t channels = (size_t)cv->c, step = (size_t)cv->sw * channels;
    GAL_UNROLL
    for (int i = 0; i < px; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) acc[i][j] = vf_zero();
    }
    for (int64_t r = st->r0; r < st->r1; r++) {
        const float *w = st->weight + (size_t)(r * cv->s + st->s0) * cv->columns;
        const float *x = band->x + (st->x + (r * cv->dh * cv->w + st->s0 * cv->dw) * cv->c);
        for (int64_t s = st->s0; s < st->s1; s++, w += cv->columns, x += cv->dw * cv->c) {
            GAL_UNROLL
            for (int j = 0; j < nv; j++) {
                vf tap = vf_load(w + j * VF);
                GAL_UNROLL
                for (int i = 0; i < px; i++)
                    acc[i][j] = vf_fma(dw_load(x + (size_t)i * step + j * VF, st->part, whole), tap, acc[i][j]);
            }
        }
    }
    GAL_UNROLL
    for (int i = 0; i < px; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++)
            dw_store(band, st->out + (size_t)i * channels + (size_t)(j * VF),
                     vf_add(acc[i][j], vf_load(st->bias + j * VF)), st->part, whole);
    }
    if (cv->act.kind > GAL_ACT_CLIP) {
        size_t n = whole ? (size_t)(nv * VF) : (size_t)st->part;
        for (int i = 0; i < px; i++)
            activate_floats(band->y + st->out + (size_t)i * channels, band->y + st->out + (size_t)i * channels, n,
                            &cv->act);
    }
}

static void dw_four_by_two(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, PX, 2, true);
}
static void dw_four_by_one(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, PX, 1, true);
}
static void dw_four_by_part(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, PX, 1, false);
}
static void dw_one_by_two(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, 1, 2, true);
}
static void dw_one_by_one(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, 1, 1, true);
}
static void dw_one_by_part(const gal_dw_band *band, const dw_step *st) {
    dw_body(band, st, 1, 1, false);
}

/* Taps k with 0 <= at + k * dilation < size are [*from, *to) (empty: from >= to). */
static void dw_taps_inside(int64_t at, int64_t dilation, int64_t window, int64_t size, int64_t *from, int64_t *to) {
    *from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *to = at < size ? (size - at + dilation - 1) / dilation : 0;
    if (*to > window) *to = window;
}

/* One row of output for the channels from c0 on. */
static void dw_row(const gal_dw_band *band, int64_t oh, int64_t c0) {
    const gal_conv *cv = band->conv;
    const float *packed = (const float *)cv;
    int64_t left = cv->c - c0, ow = 0;
    void (*four)(const gal_dw_band *, const dw_step *) = left >= 2 * VF ? dw_four_by_two
                                                         : left >= VF   ? dw_four_by_one
                                                                        : dw_four_by_part;
    void (*one)(const gal_dw_band *, const dw_step *) = left >= 2 * VF ? dw_one_by_two
                                                        : left >= VF   ? dw_one_by_one
                                                                       : dw_one_by_part;
    dw_step st = {
        .weight = packed + cv->panels + c0, .bias = packed + cv->bias + c0, .part = left < VF ? (int)left : VF};
    dw_taps_inside(oh * cv->sh - cv->top, cv->dh, cv->r, cv->h, &st.r0, &st.r1);
    while (ow < cv->ow) {
        int64_t w0 = ow * cv->sw - cv->left, last = w0 + (PX - 1) * cv->sw + (cv->s - 1) * cv->dw;
        bool inside = ow + PX <= cv->ow && w0 >= 0 && last < cv->w;
        dw_taps_inside(w0, cv->dw, cv->s, cv->w, &st.s0, &st.s1);
        st.x = ((oh * cv->sh - cv->top) * cv->w + w0) * cv->c + c0;
        st.out = (size_t)((oh * cv->ow + ow) * cv->c + c0);
        if (inside)
            four(band, &st);
        else
            one(band, &st);
        ow += inside ? PX : 1;
    }
}

static void dw_band(const gal_dw_band *band) {
    int64_t c = band->conv->c;
    for (int64_t c0 = 0; c0 < c; c0 += c - c0 >= 2 * VF ? 2 * VF : VF) {
        for (int64_t oh = band->first; oh < band->end; oh++) dw_row(band, oh, c0);
    }
}
