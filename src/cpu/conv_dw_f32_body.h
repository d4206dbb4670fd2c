/*
 * Depthwise bands, included once by each level. What conv_dw_f32_tile.h has no tile for goes in plain steps: one
 * computes PX pixels by up to two vectors of channels. Each output is one chain of fused multiply-adds over the taps
 * inside the image, in order: a pixel's taps depend on its place only.
 */
#include "cpu/conv_dw_f32_tile.h"

enum {
    WHOLE = 32, /* columns are padded to two of the widest vectors of any level */
    PX = 4,
    BLOCK = 4 * VF /* channels a row of tiles goes through together */
};

/* px pixels by nv vectors. */
static inline __attribute__((always_inline)) void dw_body(const gal_dw_band *band, const dw_step *st, const int px,
                                                          const int nv, const bool whole) {
    const gal_conv *cv = band->conv;
    vf acc[PX][2];
    size_t step = (size_t)(cv->sw * band->x_pitch);
    GAL_UNROLL
    for (int i = 0; i < px; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) acc[i][j] = vf_zero();
    }
    for (int64_t r = st->r0; r < st->r1; r++) {
        const float *w = st->weight + (size_t)(r * cv->s + st->s0) * cv->columns;
        const float *x = (const float *)band->x + (st->x + (r * cv->dh * cv->w + st->s0 * cv->dw) * band->x_pitch);
        for (int64_t s = st->s0; s < st->s1; s++, w += cv->columns, x += cv->dw * band->x_pitch) {
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
            dw_store(band, st->out + (size_t)(i * band->y_pitch + j * VF),
                     vf_add(acc[i][j], vf_load(st->bias + j * VF)), st->part, whole);
    }
    dw_finish(band, st, px, nv, whole);
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

/* How many of `left` channels dw_row computes. */
static int64_t dw_channels(int64_t left, bool tiles) {
    int64_t most = tiles ? BLOCK : 2 * VF;
    return left < VF ? left : left < most ? left / VF * VF : most;
}

/* One row of output for the channels from c0 on. */
static void dw_row(const gal_dw_band *band, int64_t oh, int64_t c0, bool tiles) {
    const gal_conv *cv = band->conv;
    const float *packed = (const float *)cv;
    int64_t left = band->c_end - c0, ow = 0;
    void (*four)(const gal_dw_band *, const dw_step *) = left >= 2 * VF ? dw_four_by_two
                                                         : left >= VF   ? dw_four_by_one
                                                                        : dw_four_by_part;
    void (*one)(const gal_dw_band *, const dw_step *) = left >= 2 * VF ? dw_one_by_two
                                                        : left >= VF   ? dw_one_by_one
                                                                       : dw_one_by_part;
    dw_step st = {.weight = packed + cv->panels + c0,
                  .bias = packed + cv->bias + c0,
                  .channel = (size_t)(c0 - band->c_first),
                  .part = left < VF ? (int)left : VF};
    dw_taps_inside(oh * cv->sh - cv->top, cv->dh, cv->r, cv->h, &st.r0, &st.r1);
    if (tiles) {
        st.vectors = left < VF ? 1 : (int)(dw_channels(left, true) / VF);
        dw_tiles(band, &st, oh, c0);
        return;
    }
    while (ow < cv->ow) {
        int64_t w0 = ow * cv->sw - cv->left, last = w0 + (PX - 1) * cv->sw + (cv->s - 1) * cv->dw;
        bool inside = ow + PX <= cv->ow && w0 >= 0 && last < cv->w;
        dw_taps_inside(w0, cv->dw, cv->s, cv->w, &st.s0, &st.s1);
        st.x = ((oh * cv->sh - cv->top - band->x_line) * cv->w + w0) * band->x_pitch + c0 - band->c_first;
        st.out = (size_t)((oh * cv->ow + ow) * band->y_pitch + c0);
        if (inside)
            four(band, &st);
        else
            one(band, &st);
        ow += inside ? PX : 1;
    }
}

static void dw_band(const gal_dw_band *band) {
    int64_t end = band->c_end;
    bool tiles = dw_has_tiles(band->conv);
    for (int64_t c0 = band->c_first; c0 < end; c0 += dw_channels(end - c0, tiles)) {
        for (int64_t oh = band->first; oh < band->end; oh++) dw_row(band, oh, c0, tiles);
    }
}

static void dw_mean(const float *sum, int64_t parts, size_t pitch, void *mean, size_t n, float factor) {
    float *to = mean;
    for (size_t c = 0; c < n; c++) to[c] = sum[c];
    for (int64_t p = 1; p < parts; p++)
        for (size_t c = 0; c < n; c++) to[c] += sum[(size_t)p * pitch + c];
    for (size_t c = 0; c < n; c++) to[c] *= factor;
}
