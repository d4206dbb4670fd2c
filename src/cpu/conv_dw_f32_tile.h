/*
 * Depthwise tiles, included once by each level: windows three or five wide, stride 1, not dilated. PX neighbouring
 * pixels of a row are summed together, so that a load of the input serves every tap that meets it and the weights of a
 * window row stay in registers. Each output is the chain of conv_dw_f32_body.h, tap by tap: which of the two computes a
 * pixel changes no bit.
 */
#include "cpu/conv_dw.h"

enum { WIDE = 7, NARROW = 4 }; /* pixels of a tile; the images of common networks are multiples of seven wide */

typedef struct dw_step {
    int64_t x;           /* offset of tap (0, 0) of the first pixel; may lie outside, only taps inside are read */
    const float *weight; /* of the first channel */
    const float *bias;
    int64_t r0, r1, s0, s1; /* taps inside; s0 and s1 are not for tiles */
    uint32_t columns;       /* of a tile: bit i for input column i inside the image */
    size_t out;             /* of the first pixel and channel in y */
    size_t channel;         /* the first, counted from the band's c_first */
    int counted;            /* pixels in front of this one are in the sums already */
    int part;               /* channels of a last, partial vector; VF for whole ones */
    int vectors;            /* of a tile: how many in turn */
} dw_step;

static inline __attribute__((always_inline)) vf dw_load(const float *p, int part, const bool whole) {
    return whole ? vf_load(p) : vf_load_part(p, part);
}

static inline __attribute__((always_inline)) void dw_store(const gal_dw_band *band, size_t at, vf acc, int part,
                                                           const bool whole) {
    const gal_conv *cv = band->conv;
    if (band->residual != NULL) acc = vf_add(acc, dw_load((const float *)band->residual + at, part, whole));
    acc = vf_clamp(acc, vf_set(cv->act.low), vf_set(cv->act.high));
    if (whole)
        vf_store((float *)band->y + at, acc);
    else
        vf_store_part((float *)band->y + at, part, acc);
}

/* The second walk over px pixels by nv vectors that were stored: the activation, and the sums. */
static inline __attribute__((always_inline)) void dw_finish(const gal_dw_band *band, const dw_step *st, const int px,
                                                            int nv, const bool whole) {
    const gal_conv *cv = band->conv;
    size_t n = whole ? (size_t)(nv * VF) : (size_t)st->part, pitch = (size_t)band->y_pitch;
    float *y = (float *)band->y + st->out;
    if (cv->act.kind > GAL_ACT_CLIP) activate_rows_of(y, y, (size_t)px, n, pitch, &cv->act);
    if (band->sum == NULL) return;
    float *sum = band->sum + st->channel;
    for (size_t j = 0; j < n; j += VF) {
        vf total = dw_load(sum + j, st->part, whole);
        for (int i = st->counted; i < px; i++)
            total = vf_add(total, dw_load(y + (size_t)i * pitch + j, st->part, whole));
        if (whole)
            vf_store(sum + j, total);
        else
            vf_store_part(sum + j, st->part, total);
    }
}

/* One window row added to px pixels of one vector of channels. */
static inline __attribute__((always_inline)) void dw_tile_row(const float *x, size_t channels, const float *w,
                                                              size_t columns, const dw_step *st, vf *acc, const int px,
                                                              const int taps, const bool whole) {
    vf tap[5];
    GAL_UNROLL
    for (int s = 0; s < taps; s++) tap[s] = vf_load(w + (size_t)s * columns);
    GAL_UNROLL
    for (int at = 0; at < px - 1 + taps; at++) {
        if ((st->columns >> at & 1) == 0) continue;
        vf v = dw_load(x + (size_t)at * channels, st->part, whole);
        GAL_UNROLL
        for (int i = 0; i < px; i++) {
            int s = at - i;
            if (s >= 0 && s < taps) acc[i] = vf_fma(v, tap[s], acc[i]);
        }
    }
}

/* px pixels by one vector of channels, `from` behind the step's first. */
static inline __attribute__((always_inline)) void dw_tile(const gal_dw_band *band, const dw_step *st, size_t from,
                                                          const int px, const int taps, const bool whole) {
    const gal_conv *cv = band->conv;
    size_t x_pitch = (size_t)band->x_pitch, columns = cv->columns;
    vf acc[WIDE];
    GAL_UNROLL
    for (int i = 0; i < px; i++) acc[i] = vf_zero();
    for (int64_t r = st->r0; r < st->r1; r++)
        dw_tile_row((const float *)band->x + (st->x + (int64_t)from + r * cv->dh * cv->w * band->x_pitch), x_pitch,
                    st->weight + from + (size_t)(r * taps) * columns, columns, st, acc, px, taps, whole);
    vf bias = vf_load(st->bias + from);
    GAL_UNROLL
    for (int i = 0; i < px; i++)
        dw_store(band, st->out + from + (size_t)(i * band->y_pitch), vf_add(acc[i], bias), st->part, whole);
}

static inline __attribute__((always_inline)) void dw_tile_run(const gal_dw_band *band, const dw_step *st, const int px,
                                                              const int taps, const bool whole) {
    for (int j = 0; j < st->vectors; j++) dw_tile(band, st, (size_t)(j * VF), px, taps, whole);
    dw_finish(band, st, px, st->vectors, whole);
}

#define DW_TILE(taps)                                                                                                  \
    static void dw_wide_##taps(const gal_dw_band *band, const dw_step *st) {                                           \
        dw_tile_run(band, st, WIDE, taps, true);                                                                       \
    }                                                                                                                  \
    static void dw_narrow_##taps(const gal_dw_band *band, const dw_step *st) {                                         \
        dw_tile_run(band, st, NARROW, taps, true);                                                                     \
    }                                                                                                                  \
    static void dw_part_##taps(const gal_dw_band *band, const dw_step *st) {                                           \
        dw_tile_run(band, st, NARROW, taps, false);                                                                    \
    }
DW_TILE(3)
DW_TILE(5)
#undef DW_TILE

static void dw_tile_of(const gal_dw_band *band, const dw_step *st, bool wide) {
    bool five = band->conv->s == 5;
    if (st->part < VF)
        (five ? dw_part_5 : dw_part_3)(band, st);
    else if (wide)
        (five ? dw_wide_5 : dw_wide_3)(band, st);
    else
        (five ? dw_narrow_5 : dw_narrow_3)(band, st);
}

/* With a stride of 2 few taps share an input and the plain steps are as fast. */
static bool dw_has_tiles(const gal_conv *cv) {
    return (cv->s == 3 || cv->s == 5) && cv->sw == 1 && cv->dw == 1 && cv->ow >= NARROW;
}

/* Bits [from, to) for the columns of a tile that lie inside the image; the tile's first column is w0. */
static uint32_t dw_columns_inside(int64_t w0, int64_t columns, int64_t w) {
    int64_t from = w0 < 0 ? -w0 : 0, to = w - w0 < columns ? w - w0 : columns;
    if (from >= to) return 0;
    return (uint32_t)((1u << to) - (1u << from));
}

/* One row of output for the step's channels from c0 on. The last tile is moved back to end with the row. */
static void dw_tiles(const gal_dw_band *band, dw_step *st, int64_t oh, int64_t c0) {
    const gal_conv *cv = band->conv;
    bool whole = st->part == VF;
    for (int64_t at = 0; at < cv->ow;) {
        int64_t left = cv->ow - at, px = whole && left > NARROW && cv->ow >= WIDE ? WIDE : NARROW;
        int64_t ow = left < px ? cv->ow - px : at, w0 = ow - cv->left;
        st->columns = dw_columns_inside(w0, px - 1 + cv->s, cv->w);
        st->x = ((oh * cv->sh - cv->top - band->x_line) * cv->w + w0) * band->x_pitch + c0 - band->c_first;
        st->out = (size_t)((oh * cv->ow + ow) * band->y_pitch + c0);
        st->counted = (int)(at - ow);
        dw_tile_of(band, st, px == WIDE);
        at = ow + px;
    }
}
