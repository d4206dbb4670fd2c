/*
 * Depthwise bands over 16-bit floats, included once by each type after its pair_*.h and activation_body.h.
 *
 * A tile is up to eight neighbouring pixels of a row by 32 channels: every input vector is widened once and multiplied
 * by each tap of the row that meets it, with the row's weights in registers. Widening costs what a multiply-add does
 * (two of the ports that do those), so sharing is what brings a tile near the limit. Windows that are not three or five
 * wide, dilated ones and images less than four wide go pixel by pixel. Each output is one chain of fused multiply-adds
 * from the bias over the taps inside the image, in order: whichever computes a pixel, its bits are the same.
 */
#include "cpu/conv_dw_half.h"

enum {
    MOST = 8,   /* pixels of a tile */
    LEAST = 4,  /* images narrower than this have no tiles */
    CHUNK = 64, /* channels a band goes through together */
};

typedef struct dw_step {
    const uint16_t *x;   /* tap (0, 0) of the first pixel; may lie outside, only taps inside are read */
    const float *weight; /* of the block: [r * s][32] */
    const float *bias;
    int64_t r0, r1, s0, s1; /* taps inside; s0 and s1 are not for tiles */
    uint32_t columns;       /* of a tile: bit i for input column i inside the image */
    size_t pixel;           /* the first, in the output image */
    int64_t c0;             /* first channel of the block */
    __mmask32 mask;         /* channels of the block that exist */
} dw_step;

static inline __attribute__((always_inline)) pair dw_load(const uint16_t *x, const dw_step *st, const bool whole) {
    return whole ? pair_load(x) : pair_load_part(x, st->mask);
}

/* Sums of `px` pixels to the output. */
static inline __attribute__((always_inline)) void dw_finish(const gal_dw_half_band *band, const dw_step *st, pair *sum,
                                                            int px, const gal_activation kind) {
    const gal_conv *cv = band->conv;
    uint16_t *y = band->y + (int64_t)st->pixel * band->out_pitch + st->c0;
    const uint16_t *z = band->residual == NULL ? NULL : band->residual + (int64_t)st->pixel * cv->k + st->c0;
    for (int i = 0; i < px; i++, y += band->out_pitch) {
        pair v = sum[i];
        if (z != NULL) {
            pair more = pair_load_part(z + i * cv->k, st->mask);
            v.a = vf_add(v.a, more.a), v.b = vf_add(v.b, more.b);
        }
        v.a = activate_short(v.a, kind, &cv->act), v.b = activate_short(v.b, kind, &cv->act);
        pair_store_part(y, st->mask, v);
    }
}

/* One loop a kind that networks put behind a depthwise convolution, one for the others. */
static void dw_store(const gal_dw_half_band *band, const dw_step *st, pair *sum, int px) {
    gal_activation kind = band->conv->act.kind;
    if (kind <= GAL_ACT_CLIP)
        dw_finish(band, st, sum, px, GAL_ACT_CLIP);
    else if (kind == GAL_ACT_SILU)
        dw_finish(band, st, sum, px, GAL_ACT_SILU);
    else if (kind == GAL_ACT_HARD_SWISH)
        dw_finish(band, st, sum, px, GAL_ACT_HARD_SWISH);
    else
        dw_finish(band, st, sum, px, kind);
}

/* One window row added to px pixels. */
static inline __attribute__((always_inline)) void dw_tile_row(const gal_dw_half_band *band, const dw_step *st,
                                                              const uint16_t *x, const float *w, pair *acc,
                                                              const int px, const int taps, const int stride,
                                                              const bool whole, const bool inside) {
    pair tap[5];
    GAL_UNROLL
    for (int s = 0; s < taps; s++) tap[s] = (pair){vf_load(w + s * PAIR), vf_load(w + s * PAIR + VF)};
    GAL_UNROLL
    for (int at = 0; at < (px - 1) * stride + taps; at++) {
        if (!inside && (st->columns >> at & 1) == 0) continue;
        pair v = dw_load(x + at * band->in_pitch, st, whole);
        GAL_UNROLL
        for (int i = 0; i < px; i++) {
            int s = at - i * stride;
            if (s < 0 || s >= taps) continue;
            acc[i].a = vf_fma(v.a, tap[s].a, acc[i].a);
            acc[i].b = vf_fma(v.b, tap[s].b, acc[i].b);
        }
    }
}

static inline __attribute__((always_inline)) void dw_tile(const gal_dw_half_band *band, const dw_step *st, const int px,
                                                          const int taps, const int stride, const bool whole,
                                                          const bool inside) {
    const gal_conv *cv = band->conv;
    pair acc[MOST], sum[MOST];
    GAL_UNROLL
    for (int i = 0; i < px; i++) acc[i] = (pair){vf_load(st->bias), vf_load(st->bias + VF)};
    for (int64_t r = st->r0; r < st->r1; r++)
        dw_tile_row(band, st, st->x + r * cv->w * band->in_pitch, st->weight + r * taps * PAIR, acc, px, taps, stride,
                    whole, inside);
    GAL_UNROLL
    for (int i = 0; i < px; i++) sum[i] = acc[i];
    dw_store(band, st, sum, px);
}

typedef void (*dw_tile_fn)(const gal_dw_half_band *band, const dw_step *st);

/* Four forms a size: [all columns inside the image][all 32 channels exist]. */
#define DW_FORM(name, px, taps, stride, whole, inside)                                                                 \
    static void name(const gal_dw_half_band *band, const dw_step *st) {                                                \
        dw_tile(band, st, px, taps, stride, whole, inside);                                                            \
    }
#define DW_SIZE(px, taps, stride)                                                                                      \
    DW_FORM(dw_##px##_##taps##_##stride##_part_edge, px, taps, stride, false, false)                                   \
    DW_FORM(dw_##px##_##taps##_##stride##_whole_edge, px, taps, stride, true, false)                                   \
    DW_FORM(dw_##px##_##taps##_##stride##_part, px, taps, stride, false, true)                                         \
    DW_FORM(dw_##px##_##taps##_##stride##_whole, px, taps, stride, true, true)
#define DW_SIZES(taps, stride)                                                                                         \
    DW_SIZE(4, taps, stride)                                                                                           \
    DW_SIZE(5, taps, stride)                                                                                           \
    DW_SIZE(6, taps, stride)                                                                                           \
    DW_SIZE(7, taps, stride)                                                                                           \
    DW_SIZE(8, taps, stride)
DW_SIZES(3, 1)
DW_SIZES(3, 2)
DW_SIZES(5, 1)
DW_SIZES(5, 2)

#define DW_ROW(px, taps, stride)                                                                                       \
    {                                                                                                                  \
        {dw_##px##_##taps##_##stride##_part_edge, dw_##px##_##taps##_##stride##_whole_edge}, {                         \
            dw_##px##_##taps##_##stride##_part, dw_##px##_##taps##_##stride##_whole                                    \
        }                                                                                                              \
    }
#define DW_ROWS(taps, stride)                                                                                          \
    {                                                                                                                  \
        DW_ROW(4, taps, stride), DW_ROW(5, taps, stride), DW_ROW(6, taps, stride), DW_ROW(7, taps, stride),            \
            DW_ROW(8, taps, stride)                                                                                    \
    }
/* [five wide][stride - 1][pixels - 4][inside][whole] */
static const dw_tile_fn dw_table[2][2][MOST - LEAST + 1][2][2] = {{DW_ROWS(3, 1), DW_ROWS(3, 2)},
                                                                  {DW_ROWS(5, 1), DW_ROWS(5, 2)}};
#undef DW_FORM
#undef DW_SIZE
#undef DW_SIZES
#undef DW_ROW
#undef DW_ROWS

/* One pixel under any window. */
static void dw_pixel(const gal_dw_half_band *band, const dw_step *st) {
    const gal_conv *cv = band->conv;
    pair acc = {vf_load(st->bias), vf_load(st->bias + VF)};
    for (int64_t r = st->r0; r < st->r1; r++) {
        for (int64_t s = st->s0; s < st->s1; s++) {
            const float *w = st->weight + (r * cv->s + s) * PAIR;
            pair v = pair_load_part(st->x + (r * cv->dh * cv->w + s * cv->dw) * band->in_pitch, st->mask);
            acc.a = vf_fma(v.a, vf_load(w), acc.a);
            acc.b = vf_fma(v.b, vf_load(w + VF), acc.b);
        }
    }
    dw_store(band, st, &acc, 1);
}

/* Taps k with 0 <= at + k * dilation < size are [*from, *to) (empty: from >= to). */
static void dw_taps_inside(int64_t at, int64_t dilation, int64_t window, int64_t size, int64_t *from, int64_t *to) {
    *from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *to = at < size ? (size - at + dilation - 1) / dilation : 0;
    if (*to > window) *to = window;
}

/* Bits [from, to) for the columns of a tile that lie inside the image; the tile's first column is w0. */
static uint32_t dw_columns_inside(int64_t w0, int64_t columns, int64_t w) {
    int64_t from = w0 < 0 ? -w0 : 0, to = w - w0 < columns ? w - w0 : columns;
    if (from >= to) return 0;
    return (uint32_t)((1u << to) - (1u << from));
}

static bool dw_has_tiles(const gal_conv *cv) {
    return (cv->s == 3 || cv->s == 5) && (cv->sw == 1 || cv->sw == 2) && cv->dh == 1 && cv->dw == 1 && cv->ow >= LEAST;
}

/* `px` pixels from (oh, ow) on, for one block or several. */
static void dw_step_at(const gal_dw_half_band *band, dw_step *st, int64_t oh, int64_t ow) {
    const gal_conv *cv = band->conv;
    int64_t w0 = ow * cv->sw - cv->left;
    st->x = band->x + ((oh * cv->sh - cv->top) * cv->w + w0) * band->in_pitch;
    st->pixel = (size_t)(oh * cv->ow + ow);
}

/* The blocks of channels [from, to), at a step whose x is the pixel's first channel. */
static void dw_blocks(const gal_dw_half_band *band, const dw_step *at, int64_t from, int64_t to,
                      const dw_tile_fn fn[2]) {
    const gal_conv *cv = band->conv;
    const float *packed = (const float *)cv;
    for (int64_t c = from; c < to; c += PAIR) {
        dw_step st = *at;
        st.x += c;
        st.weight = packed + cv->panels + c * cv->r * cv->s;
        st.bias = packed + cv->bias + c;
        st.c0 = c;
        st.mask = pair_first((size_t)(cv->c - c));
        fn[cv->c - c >= PAIR](band, &st);
    }
}

/* A row of output in as few tiles as it takes, alike in size. */
static void dw_row_of_tiles(const gal_dw_half_band *band, dw_step *st, int64_t oh, int64_t from, int64_t to) {
    const gal_conv *cv = band->conv;
    int64_t tiles = (cv->ow + MOST - 1) / MOST;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t ow = t * cv->ow / tiles, px = (t + 1) * cv->ow / tiles - ow, wide = (px - 1) * cv->sw + cv->s;
        dw_step_at(band, st, oh, ow);
        st->columns = dw_columns_inside(ow * cv->sw - cv->left, wide, cv->w);
        bool inside = st->columns == (1u << wide) - 1;
        dw_blocks(band, st, from, to, dw_table[cv->s == 5][cv->sw - 1][px - LEAST][inside]);
    }
}

static void dw_row_of_pixels(const gal_dw_half_band *band, dw_step *st, int64_t oh, int64_t from, int64_t to) {
    static const dw_tile_fn fn[2] = {dw_pixel, dw_pixel};
    const gal_conv *cv = band->conv;
    for (int64_t ow = 0; ow < cv->ow; ow++) {
        dw_step_at(band, st, oh, ow);
        dw_taps_inside(ow * cv->sw - cv->left, cv->dw, cv->s, cv->w, &st->s0, &st->s1);
        dw_blocks(band, st, from, to, fn);
    }
}

static void dw_band(const gal_dw_half_band *band) {
    const gal_conv *cv = band->conv;
    bool tiles = dw_has_tiles(cv);
    for (int64_t from = 0; from < cv->c; from += CHUNK) {
        int64_t to = from + CHUNK < cv->c ? from + CHUNK : cv->c;
        for (int64_t oh = band->first; oh < band->end; oh++) {
            dw_step st = {0};
            dw_taps_inside(oh * cv->sh - cv->top, cv->dh, cv->r, cv->h, &st.r0, &st.r1);
            (tiles ? dw_row_of_tiles : dw_row_of_pixels)(band, &st, oh, from, to);
        }
    }
}
