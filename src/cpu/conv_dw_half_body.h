/*
 * Depthwise bands over 16-bit floats, included once by each type after its pair_*.h and activation_body.h.
 *
 * A tile is up to eight neighbouring pixels of a row by PAIR channels: every input vector is widened once and
 * multiplied by each tap of the row that meets it, with the row's weights in registers. Widening costs what a
 * multiply-add does (two of the ports that do those), so sharing is what brings a tile near the limit. Windows that are
 * not three or five wide, dilated ones and images less than four wide go pixel by pixel. Columns outside the image read
 * as zeros, which changes no sum since weights are finite. Each output is one chain of fused multiply-adds from the
 * bias over the taps inside the image, in order: whichever computes a pixel, its bits are the same.
 */
#include "cpu/conv_dw.h"

enum {
    MOST = 8,   /* pixels of a tile */
    LEAST = 4,  /* images narrower than this have no tiles */
    CHUNK = 64, /* channels a band goes through together */
};

static const uint16_t dw_zero[PAIR]; /* a column outside the image */

/* A row of output, for one block of channels. */
typedef struct dw_row {
    const uint16_t *x;        /* column 0 of the first input row its windows meet */
    const float *weight;      /* of the window's row there: [rows][s][PAIR] */
    const float *bias;        /* [PAIR] */
    int64_t rows;             /* of the window that lie inside the image */
    int64_t pitch, line;      /* elements from column to column and from one of those rows to the next */
    uint16_t *y;              /* the first pixel */
    const uint16_t *residual; /* NULL, or beside it */
    int64_t out_pitch, k;     /* elements from pixel to pixel in y and residual */
    pair_mask mask;           /* channels of the block that exist */
    float *total;             /* NULL, or [PAIR], to which outputs are added as they were rounded */
    const gal_cpu_activation *act;
} dw_row;

/* Sums of the `px` pixels from `ow` on to the output. */
static inline __attribute__((always_inline)) void dw_finish(const dw_row *row, int64_t ow, const pair *sum, int64_t px,
                                                            const gal_activation kind) {
    uint16_t *y = row->y + ow * row->out_pitch;
    const gal_cpu_activation act = *row->act;
    const pair_mask mask = row->mask;
    pair total = {vf_zero(), vf_zero()};
    if (row->total != NULL) total = (pair){vf_load(row->total), vf_load(row->total + VF)};
    for (int64_t i = 0; i < px; i++, y += row->out_pitch) {
        pair v = sum[i];
        if (row->residual != NULL) {
            pair more = pair_load_part(row->residual + (ow + i) * row->k, mask);
            v.a = vf_add(v.a, more.a), v.b = vf_add(v.b, more.b);
        }
        v = (pair){activate_short(v.a, kind, &act), activate_short(v.b, kind, &act)};
        pair_store_part(y, mask, v);
        if (row->total == NULL) continue;
        v = pair_rounded(v);
        total = (pair){vf_add(total.a, v.a), vf_add(total.b, v.b)};
    }
    if (row->total == NULL) return;
    vf_store(row->total, total.a);
    vf_store(row->total + VF, total.b);
}

/* A loop each for what networks put behind a depthwise convolution, one for the others. */
static void dw_store(const dw_row *row, int64_t ow, const pair *sum, int64_t px) {
    gal_activation kind = row->act->kind;
    if (kind <= GAL_ACT_CLIP)
        dw_finish(row, ow, sum, px, GAL_ACT_CLIP);
    else if (kind == GAL_ACT_SILU)
        dw_finish(row, ow, sum, px, GAL_ACT_SILU);
    else if (kind == GAL_ACT_HARD_SWISH)
        dw_finish(row, ow, sum, px, GAL_ACT_HARD_SWISH);
    else
        dw_finish(row, ow, sum, px, kind);
}

/* Sums of px pixels whose first input column is at x; bit i of `columns`: column i lies inside the image. */
static inline __attribute__((always_inline)) void dw_tile(const dw_row *row, const uint16_t *x, uint32_t columns,
                                                          pair *sum, const int px, const int taps, const int stride,
                                                          const bool inside) {
    const pair_mask mask = row->mask;
    const float *w = row->weight;
    const int64_t pitch = row->pitch, line = row->line;
    pair acc[MOST], tap[5];
    GAL_UNROLL
    for (int i = 0; i < px; i++) acc[i] = (pair){vf_load(row->bias), vf_load(row->bias + VF)};
    for (int64_t r = row->rows; r > 0; r--, x += line, w += taps * PAIR) {
        GAL_UNROLL
        for (int s = 0; s < taps; s++) tap[s] = (pair){vf_load(w + s * PAIR), vf_load(w + s * PAIR + VF)};
        GAL_UNROLL
        for (int at = 0; at < (px - 1) * stride + taps; at++) {
            pair v = pair_load_part(inside || (columns >> at & 1) ? x + at * pitch : dw_zero, mask);
            GAL_UNROLL
            for (int i = 0; i < px; i++) {
                int s = at - i * stride;
                if (s < 0 || s >= taps) continue;
                acc[i].a = vf_fma(v.a, tap[s].a, acc[i].a);
                acc[i].b = vf_fma(v.b, tap[s].b, acc[i].b);
            }
        }
    }
    GAL_UNROLL
    for (int i = 0; i < px; i++) sum[i] = acc[i];
}

typedef void (*dw_tile_fn)(const dw_row *row, const uint16_t *x, uint32_t columns, pair *sum);

#define DW_SIZE(px, taps, stride)                                                                                      \
    static void dw_##px##_##taps##_##stride##_edge(const dw_row *row, const uint16_t *x, uint32_t columns,             \
                                                   pair *sum) {                                                        \
        dw_tile(row, x, columns, sum, px, taps, stride, false);                                                        \
    }                                                                                                                  \
    static void dw_##px##_##taps##_##stride(const dw_row *row, const uint16_t *x, uint32_t columns, pair *sum) {       \
        dw_tile(row, x, columns, sum, px, taps, stride, true);                                                         \
    }
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
    { dw_##px##_##taps##_##stride##_edge, dw_##px##_##taps##_##stride }
#define DW_ROWS(taps, stride)                                                                                          \
    {                                                                                                                  \
        DW_ROW(4, taps, stride), DW_ROW(5, taps, stride), DW_ROW(6, taps, stride), DW_ROW(7, taps, stride),            \
            DW_ROW(8, taps, stride)                                                                                    \
    }
/* [five wide][stride - 1][pixels - 4][all columns inside the image] */
static const dw_tile_fn dw_table[2][2][MOST - LEAST + 1][2] = {{DW_ROWS(3, 1), DW_ROWS(3, 2)},
                                                               {DW_ROWS(5, 1), DW_ROWS(5, 2)}};
#undef DW_SIZE
#undef DW_SIZES
#undef DW_ROW
#undef DW_ROWS

static bool dw_has_tiles(const gal_conv *cv) {
    return (cv->s == 3 || cv->s == 5) && (cv->sw == 1 || cv->sw == 2) && cv->dw == 1 && cv->ow >= LEAST;
}

/* Bits [from, to) for the columns of a tile that lie inside the image; the tile's first column is w0. */
static uint32_t dw_columns_inside(int64_t w0, int64_t columns, int64_t w) {
    int64_t from = w0 < 0 ? -w0 : 0, to = w - w0 < columns ? w - w0 : columns;
    if (from >= to) return 0;
    return (uint32_t)((1u << to) - (1u << from));
}

/* A row in as few tiles as it takes, alike in size. */
static void dw_row_of_tiles(const gal_conv *cv, const dw_row *row) {
    const dw_tile_fn(*fn)[2] = dw_table[cv->s == 5][cv->sw - 1];
    int64_t tiles = (cv->ow + MOST - 1) / MOST, each = cv->ow / tiles, more = cv->ow % tiles;
    pair sum[MOST];
    for (int64_t t = 0, ow = 0; t < tiles; t++) {
        int64_t px = each + (t < more), w0 = ow * cv->sw - cv->left, wide = (px - 1) * cv->sw + cv->s;
        uint32_t columns = dw_columns_inside(w0, wide, cv->w);
        fn[px - LEAST][columns == (1u << wide) - 1](row, row->x + w0 * row->pitch, columns, sum);
        dw_store(row, ow, sum, px);
        ow += px;
    }
}

/* Taps k with 0 <= at + k * dilation < size are [*from, *to) (empty: from >= to). */
static void dw_taps_inside(int64_t at, int64_t dilation, int64_t window, int64_t size, int64_t *from, int64_t *to) {
    *from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *to = at < size ? (size - at + dilation - 1) / dilation : 0;
    if (*to > window) *to = window;
}

/* Any window, a pixel at a time. */
static void dw_row_of_pixels(const gal_conv *cv, const dw_row *row) {
    for (int64_t ow = 0; ow < cv->ow; ow++) {
        int64_t w0 = ow * cv->sw - cv->left, s0, s1;
        pair acc = {vf_load(row->bias), vf_load(row->bias + VF)};
        dw_taps_inside(w0, cv->dw, cv->s, cv->w, &s0, &s1);
        for (int64_t r = 0; r < row->rows; r++) {
            for (int64_t s = s0; s < s1; s++) {
                const float *w = row->weight + (r * cv->s + s) * PAIR;
                pair v = pair_load_part(row->x + r * row->line + (w0 + s * cv->dw) * row->pitch, row->mask);
                acc.a = vf_fma(v.a, vf_load(w), acc.a);
                acc.b = vf_fma(v.b, vf_load(w + VF), acc.b);
            }
        }
        dw_store(row, ow, &acc, 1);
    }
}

/* Row `oh` for the block of channels from c on. */
static dw_row dw_row_at(const gal_dw_band *band, int64_t oh, int64_t c) {
    const gal_conv *cv = band->conv;
    const float *packed = (const float *)cv;
    int64_t h0 = oh * cv->sh - cv->top, r0, r1, pixel = oh * cv->ow;
    dw_taps_inside(h0, cv->dh, cv->r, cv->h, &r0, &r1);
    dw_row row = {.bias = packed + cv->bias + c,
                  .weight = packed + cv->panels + (c * cv->r + r0 * PAIR) * cv->s,
                  .rows = r1 - r0,
                  .pitch = band->x_pitch,
                  .line = cv->dh * cv->w * band->x_pitch,
                  .y = (uint16_t *)band->y + pixel * band->y_pitch + c,
                  .out_pitch = band->y_pitch,
                  .k = cv->k,
                  .mask = pair_first((size_t)(band->c_end - c)),
                  .act = &cv->act};
    row.x = (const uint16_t *)band->x + (h0 + r0 * cv->dh - band->x_line) * cv->w * band->x_pitch + c - band->c_first;
    if (band->residual != NULL) row.residual = (const uint16_t *)band->residual + pixel * cv->k + c;
    if (band->sum != NULL) row.total = band->sum + (c - band->c_first);
    return row;
}

static void dw_band(const gal_dw_band *band) {
    const gal_conv *cv = band->conv;
    bool tiles = dw_has_tiles(cv);
    for (int64_t from = band->c_first; from < band->c_end; from += CHUNK) {
        int64_t to = from + CHUNK < band->c_end ? from + CHUNK : band->c_end;
        for (int64_t oh = band->first; oh < band->end; oh++) {
            for (int64_t c = from; c < to; c += PAIR) {
                const dw_row row = dw_row_at(band, oh, c);
                (tiles ? dw_row_of_tiles : dw_row_of_pixels)(cv, &row);
            }
        }
    }
}

static void dw_mean(const float *sum, int64_t parts, size_t pitch, void *mean, size_t n, float factor) {
    vf by = vf_set(factor);
    for (size_t c = 0; c < n; c += PAIR) {
        pair total = {vf_load(sum + c), vf_load(sum + c + VF)};
        for (int64_t p = 1; p < parts; p++) {
            const float *more = sum + (size_t)p * pitch + c;
            total = (pair){vf_add(total.a, vf_load(more)), vf_add(total.b, vf_load(more + VF))};
        }
        pair_store_part((uint16_t *)mean + c, pair_first(n - c), (pair){vf_mul(total.a, by), vf_mul(total.b, by)});
    }
}
