/*
 * int8 depthwise convolution, AVX512-VNNI. Up to four rows of a column of the window, 64 channels each, are woven
 * together byte by byte, so that one VPDPBUSD adds four products to each of sixteen sums; several pixels side by side
 * share a woven column. Weaving works in lanes of sixteen bytes, so vector v of the sums holds channels
 * 16 l + 4 v + (0..3) for lanes l = 0..3; weights, bias and factors are packed in that order, and packing the sums back
 * to bytes restores it.
 */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/qconv.h"
#include "cpu/rows.h"

#include <string.h>

enum { BLOCK = 64, MAX_TAPS = 49, BAND_BYTES = 64 << 10, PIXELS = 4, MAX_SPAN = 3 * 2 + 5, MAX_ROWS = 5 };

/* At the start of packed; then zero row, weights, bias, factors and the table, all by block of channels. */
typedef struct dw_plan {
    gal_qconv qc; /* conv.c counts bytes here */
    int64_t blocks, fours;
    size_t zero, weights, bias, factor, table; /* offsets in bytes */
    bool has_table;
} dw_plan;

static const char *decode(const gal_node *node, dw_plan *plan) {
    gal_qconv *qc = &plan->qc;
    *plan = (dw_plan){0};
    const char *why = gal_qconv_decode(node, qc);
    if (why != NULL) return why;
    const gal_conv *cv = &qc->conv;
    if (cv->cg != 1 || cv->kg != 1 || cv->group == 1) return "is for depthwise convolution";
    if (cv->r * cv->s > MAX_TAPS) return "the window has more than 49 taps";
    if (qc->w_zero != 0) return "the weights have a zero point";
    if (qc->q.dtype == GALEN_F32) return "the output is f32";
    plan->blocks = (cv->c + BLOCK - 1) / BLOCK, plan->fours = (cv->r + 3) / 4;
    plan->zero = (sizeof *plan + 63) / 64 * 64;
    plan->weights = plan->zero + (size_t)plan->blocks * BLOCK;
    plan->bias = plan->weights + (size_t)(plan->blocks * plan->fours * cv->s) * 4 * BLOCK;
    plan->factor = plan->bias + (size_t)plan->blocks * 4 * BLOCK;
    plan->table = plan->factor + (size_t)plan->blocks * 4 * BLOCK;
    plan->has_table = node->n_in > 5 && node->in[5] != NULL;
    return NULL;
}

const char *gal_conv_dw_int8_avx512vnni_reject(const gal_node *node) {
    dw_plan plan;
    return decode(node, &plan);
}

void gal_conv_dw_int8_avx512vnni_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    dw_plan plan;
    (void)max_batch, (void)threads;
    *needs = (gal_kernel_needs){0};
    if (decode(node, &plan) == NULL) needs->packed_bytes = plan.table + 256;
}

/* Place of channel c of a block among its 64 sums. */
static size_t woven(size_t c) {
    return c % 16 / 4 * 16 + c / 16 * 4 + c % 4;
}

/* Weights by block, four rows, column, channel and row: rows that the window lacks keep weights of zero. */
void gal_conv_dw_int8_avx512vnni_pack(const gal_node *node, gal_columns part, void *packed) {
    (void)part;
    dw_plan plan;
    if (decode(node, &plan) != NULL) return;
    const gal_conv *cv = &plan.qc.conv;
    char *base = packed;
    const int8_t *w = node->in[1]->constant->data;
    int8_t *weights = (int8_t *)(base + plan.weights);
    int32_t *bias = (int32_t *)(void *)(base + plan.bias);
    float *factor = (float *)(void *)(base + plan.factor);
    memcpy(base, &plan, sizeof plan);
    memset(base + plan.zero, plan.qc.x_zero ^ (plan.qc.flip ? 0x80 : 0), (size_t)plan.blocks * BLOCK);
    if (plan.has_table) memcpy(base + plan.table, node->in[5]->constant->data, 256);
    const int32_t *own = node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    for (int64_t c = 0; c < cv->c; c++) {
        size_t block = (size_t)(c / BLOCK), at = woven((size_t)(c % BLOCK));
        uint32_t sum = own != NULL ? (uint32_t)own[c] : 0;
        for (int64_t t = 0; t < cv->r * cv->s; t++, w++) {
            int64_t r = t / cv->s, s = t % cv->s;
            size_t four = (block * (size_t)plan.fours + (size_t)(r / 4)) * (size_t)cv->s + (size_t)s;
            weights[(four * BLOCK + at) * 4 + (size_t)(r % 4)] = *w;
            sum -= (uint32_t)plan.qc.x_zero * (uint32_t)(int32_t)*w;
        }
        bias[block * BLOCK + at] = (int32_t)sum;
        factor[block * BLOCK + at] = gal_requant_factor(node, node->in[4]->constant, c);
    }
}

/* One call, cut into bands of rows. */
typedef struct dw_job {
    const dw_plan *plan;
    const uint8_t *x, *residual;
    uint8_t *y;
    gal_map_fn map;
    int64_t rows, bands;
} dw_job;

/* Pixels side by side, and the shape of their windows; all but `at` constants where the work is done. */
typedef struct dw_tile {
    int pixels, r, s, step;   /* step: columns from one pixel to the next */
    int span;                 /* columns that the windows meet */
    const uint8_t *const *at; /* [r][span]: the input at channel 0, the zero row where it is padding */
} dw_tile;

static inline __mmask64 first_bytes(int64_t n) {
    return n >= BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* Residual bytes of the channels that sum vector v holds, as numbers less their zero point. */
static inline vf woven_residual(const gal_requant *q, __m512i bytes, int v) {
    __m512i zero = _mm512_setzero_si512();
    if (q->residual_dtype == GALEN_I8) bytes = _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80));
    __m512i half = v < 2 ? _mm512_unpacklo_epi8(bytes, zero) : _mm512_unpackhi_epi8(bytes, zero);
    __m512i wide = v % 2 == 0 ? _mm512_unpacklo_epi16(half, zero) : _mm512_unpackhi_epi16(half, zero);
    int32_t less = q->residual_zero + (q->residual_dtype == GALEN_I8 ? 128 : 0);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, _mm512_set1_epi32(less)));
}

/* The 64 sums as bytes in the order of the channels. */
static inline __attribute__((always_inline)) vi to_bytes(const gal_requant *q, const narrow *k, const float *factor,
                                                         const vi sum[4], const uint8_t *residual, __mmask64 mask) {
    vf y[4];
    __m512i rest = residual != NULL ? _mm512_maskz_loadu_epi8(mask, residual) : _mm512_setzero_si512();
    GAL_UNROLL
    for (int v = 0; v < 4; v++) {
        y[v] = vf_mul(_mm512_cvtepi32_ps(sum[v]), vf_load(factor + v * VF));
        if (q->has_mid) y[v] = vf_mul(vf_round(clamp_to(y[v], q->mid_low, q->mid_high)), vf_set(q->mid));
        if (q->has_residual) y[v] = vf_add(y[v], vf_mul(woven_residual(q, rest, v), vf_set(q->residual)));
    }
    return narrow_lanes(k, y[0], y[1], y[2], y[3]);
}

static inline __attribute__((always_inline)) vi load_block(const uint8_t *from, __mmask64 mask, bool whole, vi flip) {
    return _mm512_xor_si512(flip, whole ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(mask, from));
}

/* Rows 4 g and on of column `i`, woven; rows that are not there meet weights of zero, so that any bytes do. */
static inline __attribute__((always_inline)) void weave(const dw_tile *tile, int g, int i, int64_t c, __mmask64 mask,
                                                        bool whole, vi flip, vi out[4]) {
    const uint8_t *const *at = tile->at + 4 * g * tile->span + i;
    vi x[4], pair[4];
    x[0] = load_block(at[0] + c, mask, whole, flip);
    GAL_UNROLL
    for (int n = 1; n < 4; n++)
        x[n] = 4 * g + n < tile->r ? load_block(at[n * tile->span] + c, mask, whole, flip) : x[0];
    pair[0] = _mm512_unpacklo_epi8(x[0], x[1]), pair[1] = _mm512_unpackhi_epi8(x[0], x[1]);
    pair[2] = _mm512_unpacklo_epi8(x[2], x[3]), pair[3] = _mm512_unpackhi_epi8(x[2], x[3]);
    out[0] = _mm512_unpacklo_epi16(pair[0], pair[2]), out[1] = _mm512_unpackhi_epi16(pair[0], pair[2]);
    out[2] = _mm512_unpacklo_epi16(pair[1], pair[3]), out[3] = _mm512_unpackhi_epi16(pair[1], pair[3]);
}

/* One block of channels of all pixels of the tile. */
static inline __attribute__((always_inline)) void run_block(const dw_job *job, const dw_tile *tile, int64_t block,
                                                            bool whole, size_t out) {
    const dw_plan *plan = job->plan;
    const char *base = (const char *)plan;
    const int64_t c = block * BLOCK, channels = plan->qc.conv.c;
    const int fours = (tile->r + 3) / 4;
    const int8_t *w = (const int8_t *)base + plan->weights + block * fours * tile->s * 4 * BLOCK;
    const float *bias = (const float *)(const void *)(base + plan->bias) + c;
    const float *factor = (const float *)(const void *)(base + plan->factor) + c;
    const vi flip = _mm512_set1_epi8((char)(plan->qc.flip ? 0x80 : 0));
    const __mmask64 mask = first_bytes(channels - c);
    vi sum[PIXELS][4], x[4];
    GAL_UNROLL
    for (int p = 0; p < tile->pixels; p++) {
        GAL_UNROLL
        for (int v = 0; v < 4; v++) sum[p][v] = _mm512_loadu_si512(bias + v * VF);
    }
    for (int g = 0; g < fours; g++) {
        GAL_UNROLL
        for (int i = 0; i < tile->span; i++) {
            weave(tile, g, i, c, mask, whole, flip, x);
            GAL_UNROLL
            for (int p = 0; p < tile->pixels; p++) {
                int s = i - p * tile->step;
                if (s < 0 || s >= tile->s) continue;
                GAL_UNROLL
                for (int v = 0; v < 4; v++)
                    sum[p][v] = _mm512_dpbusd_epi32(sum[p][v], x[v],
                                                    _mm512_loadu_si512(w + ((g * tile->s + s) * 4 + v) * BLOCK));
            }
        }
    }
    const gal_requant q = plan->qc.q;
    const narrow k = narrow_of(&q);
    const uint8_t *residual = job->residual != NULL ? job->residual + out + c : NULL;
    uint8_t *y = job->y + out + c;
    GAL_UNROLL
    for (int p = 0; p < tile->pixels; p++, y += channels) {
        vi bytes = to_bytes(&q, &k, factor, sum[p], residual, mask);
        if (residual != NULL) residual += channels;
        if (whole)
            _mm512_storeu_si512(y, bytes);
        else
            _mm512_mask_storeu_epi8(y, mask, bytes);
    }
}

static inline __attribute__((always_inline)) void run_tile(const dw_job *job, const dw_tile *tile, size_t out) {
    int64_t whole = job->plan->qc.conv.c / BLOCK;
    for (int64_t block = 0; block < whole; block++) run_block(job, tile, block, true, out);
    if (whole < job->plan->blocks) run_block(job, tile, whole, false, out);
}

#define TILE(window, stride)                                                                                           \
    static void tile_##window##_##stride(const dw_job *job, const uint8_t *const *at, size_t out) {                    \
        const dw_tile tile = {PIXELS, window, window, stride, (PIXELS - 1) * stride + window, at};                     \
        run_tile(job, &tile, out);                                                                                     \
    }
TILE(3, 1)
TILE(3, 2)
TILE(5, 1)
TILE(5, 2)

/* One pixel of any window. */
static void tile_any(const dw_job *job, const uint8_t *const *at, size_t out) {
    const gal_conv *cv = &job->plan->qc.conv;
    const dw_tile tile = {1, (int)cv->r, (int)cv->s, 1, (int)cv->s, at};
    run_tile(job, &tile, out);
}

typedef void (*dw_tile_fn)(const dw_job *job, const uint8_t *const *at, size_t out);

/* The function for several pixels of this window, NULL when there is none. */
static dw_tile_fn tile_of(const gal_conv *cv) {
    static const dw_tile_fn table[2][2] = {{tile_3_1, tile_3_2}, {tile_5_1, tile_5_2}};
    bool square = cv->r == cv->s && (cv->s == 3 || cv->s == 5), plain = cv->dw == 1 && cv->sw <= 2;
    return square && plain && cv->ow >= PIXELS ? table[cv->s == 5][cv->sw - 1] : NULL;
}

/* Where the rows of the window meet `span` columns, of those that output (oh, ow) begins with. */
static void point_columns(const dw_job *job, const uint8_t *image, int64_t oh, int64_t ow, int64_t span,
                          const uint8_t **at) {
    const gal_conv *cv = &job->plan->qc.conv;
    const uint8_t *zero = (const uint8_t *)job->plan + job->plan->zero;
    for (int64_t r = 0; r < cv->r; r++) {
        int64_t h = oh * cv->sh - cv->top + r * cv->dh, w = ow * cv->sw - cv->left;
        bool inside = (uint64_t)h < (uint64_t)cv->h;
        for (int64_t i = 0; i < span; i++, w += cv->dw)
            *at++ = inside && (uint64_t)w < (uint64_t)cv->w ? image + (h * cv->w + w) * cv->c : zero;
    }
}

/* One row of outputs; the last tile covers pixels of the one before again where they do not fill one. */
static void run_row(const dw_job *job, const uint8_t *image, int64_t oh, size_t out) {
    const gal_conv *cv = &job->plan->qc.conv;
    const uint8_t *at[MAX_ROWS * MAX_SPAN > MAX_TAPS ? MAX_ROWS * MAX_SPAN : MAX_TAPS];
    dw_tile_fn tile = tile_of(cv);
    int64_t pixels = tile != NULL ? PIXELS : 1, span = (pixels - 1) * cv->sw + cv->s;
    if (tile == NULL) tile = tile_any;
    for (int64_t ow = 0; ow < cv->ow; ow += pixels) {
        if (ow + pixels > cv->ow) ow = cv->ow - pixels;
        point_columns(job, image, oh, ow, span, at);
        tile(job, at, out + (size_t)(ow * cv->c));
    }
    uint8_t *y = job->y + out;
    if (job->plan->has_table) job->map((const uint8_t *)job->plan + job->plan->table, y, y, (size_t)(cv->ow * cv->c));
}

static void run_band(void *context, size_t index) {
    const dw_job *job = context;
    const gal_conv *cv = &job->plan->qc.conv;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < cv->oh ? first + job->rows : cv->oh;
    const uint8_t *image = job->x + n * cv->h * cv->w * cv->c;
    for (int64_t oh = first; oh < end; oh++) run_row(job, image, oh, (size_t)((n * cv->oh + oh) * cv->ow * cv->c));
}

galen_status gal_conv_dw_int8_avx512vnni_run(const gal_call *call, galen_error *err) {
    const dw_plan *plan = call->packed;
    const gal_conv *cv = &plan->qc.conv;
    dw_job job = {.plan = plan, .x = call->in[0]->data, .y = call->out[0]->data, .map = gal_map_bytes_best()};
    (void)err;
    job.residual = call->in[3] != NULL ? call->in[3]->data : NULL;
    job.rows = BAND_BYTES / (cv->w * cv->c * cv->sh) + 1;
    int64_t each = (cv->oh + gal_pool_threads(call->pool) - 1) / gal_pool_threads(call->pool);
    if (call->in[0]->dim[0] == 1 && job.rows > each) job.rows = each; /* one small image for all threads */
    job.bands = (cv->oh + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}
