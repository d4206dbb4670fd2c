/*
 * int8 depthwise convolution, AVX512-VNNI. Four taps of 64 channels are woven together, byte by byte, so that one
 * VPDPBUSD adds four products to each of sixteen sums. Weaving works in lanes of sixteen bytes, so vector v of the sums
 * holds channels 16 l + 4 v + (0..3) for lanes l = 0..3; weights, bias and factors are packed in that order, and
 * packing the sums back to bytes restores it.
 */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/qconv.h"
#include "cpu/rows.h"

#include <string.h>

enum { BLOCK = 64, MAX_TAPS = 49, BAND_BYTES = 64 << 10 };

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
    plan->blocks = (cv->c + BLOCK - 1) / BLOCK, plan->fours = (cv->r * cv->s + 3) / 4;
    plan->zero = (sizeof *plan + 63) / 64 * 64;
    plan->weights = plan->zero + 64;
    plan->bias = plan->weights + (size_t)(plan->blocks * plan->fours) * 4 * BLOCK;
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
    int64_t taps = cv->r * cv->s;
    memcpy(base, &plan, sizeof plan);
    memset(base + plan.zero, plan.qc.x_zero ^ (plan.qc.flip ? 0x80 : 0), 64);
    if (plan.has_table) memcpy(base + plan.table, node->in[5]->constant->data, 256);
    const int32_t *own = node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    for (int64_t c = 0; c < cv->c; c++) {
        size_t block = (size_t)(c / BLOCK), at = woven((size_t)(c % BLOCK));
        uint32_t sum = own != NULL ? (uint32_t)own[c] : 0;
        for (int64_t t = 0; t < taps; t++) {
            size_t four = block * (size_t)plan.fours + (size_t)(t / 4);
            weights[(four * BLOCK + at) * 4 + (size_t)(t % 4)] = w[c * taps + t];
            sum -= (uint32_t)plan.qc.x_zero * (uint32_t)(int32_t)w[c * taps + t];
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

static inline __mmask64 first_bytes(int64_t n) {
    return n >= BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* Adds four taps to the 64 sums. */
static inline void add_four(const uint8_t *const *tap, __mmask64 mask, __m512i flip, const int8_t *w, __m512i sum[4]) {
    __m512i x[4], pair[4];
    for (int i = 0; i < 4; i++) x[i] = _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(mask, tap[i]));
    pair[0] = _mm512_unpacklo_epi8(x[0], x[1]), pair[1] = _mm512_unpackhi_epi8(x[0], x[1]);
    pair[2] = _mm512_unpacklo_epi8(x[2], x[3]), pair[3] = _mm512_unpackhi_epi8(x[2], x[3]);
    sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_unpacklo_epi16(pair[0], pair[2]), _mm512_loadu_si512(w));
    sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_unpackhi_epi16(pair[0], pair[2]), _mm512_loadu_si512(w + 64));
    sum[2] = _mm512_dpbusd_epi32(sum[2], _mm512_unpacklo_epi16(pair[1], pair[3]), _mm512_loadu_si512(w + 128));
    sum[3] = _mm512_dpbusd_epi32(sum[3], _mm512_unpackhi_epi16(pair[1], pair[3]), _mm512_loadu_si512(w + 192));
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
static inline __m512i to_bytes(const dw_plan *plan, int64_t block, const __m512i sum[4], const uint8_t *residual,
                               __mmask64 mask) {
    const gal_requant *q = &plan->qc.q;
    const float *factor = (const float *)(const void *)((const char *)plan + plan->factor) + block * BLOCK;
    __m512i whole[4], rest = residual != NULL ? _mm512_maskz_loadu_epi8(mask, residual) : _mm512_setzero_si512();
    for (int v = 0; v < 4; v++) {
        vf y = vf_mul(_mm512_cvtepi32_ps(sum[v]), vf_load(factor + v * VF));
        if (q->has_mid) y = vf_mul(vf_round(clamp_to(y, q->mid_low, q->mid_high)), vf_set(q->mid));
        if (q->has_residual) y = vf_add(y, vf_mul(woven_residual(q, rest, v), vf_set(q->residual)));
        whole[v] = _mm512_add_epi32(_mm512_cvtps_epi32(clamp_to(y, q->low, q->high)), _mm512_set1_epi32(q->zero));
    }
    __m512i low = _mm512_packs_epi32(whole[0], whole[1]), high = _mm512_packs_epi32(whole[2], whole[3]);
    return q->dtype == GALEN_U8 ? _mm512_packus_epi16(low, high) : _mm512_packs_epi16(low, high);
}

/* Pointers to the taps of one pixel at channel 0, the zero row where they fall into the padding or are none. */
static void point_taps(const dw_job *job, const uint8_t *image, int64_t oh, int64_t ow, const uint8_t **tap, bool *in) {
    const gal_conv *cv = &job->plan->qc.conv;
    int64_t n = 0;
    for (int64_t r = 0; r < cv->r; r++)
        for (int64_t s = 0; s < cv->s; s++, n++) {
            int64_t h = oh * cv->sh - cv->top + r * cv->dh, w = ow * cv->sw - cv->left + s * cv->dw;
            in[n] = (uint64_t)h < (uint64_t)cv->h && (uint64_t)w < (uint64_t)cv->w;
            tap[n] = in[n] ? image + (h * cv->w + w) * cv->c : NULL;
        }
    for (; n < job->plan->fours * 4; n++) in[n] = false;
}

static void run_pixel(const dw_job *job, const uint8_t *const *tap, const bool *in, size_t out) {
    const dw_plan *plan = job->plan;
    const char *base = (const char *)plan;
    const uint8_t *zero = (const uint8_t *)base + plan->zero;
    /* The zero row holds the zero point of the u8 form: flipped back where the loads flip. */
    const __m512i flip = _mm512_set1_epi8(plan->qc.flip ? (char)0x80 : 0);
    for (int64_t block = 0, c = 0; block < plan->blocks; block++, c += BLOCK) {
        const int8_t *w = (const int8_t *)base + plan->weights + block * plan->fours * 4 * BLOCK;
        const int32_t *bias = (const int32_t *)(const void *)(base + plan->bias) + block * BLOCK;
        __mmask64 mask = first_bytes(plan->qc.conv.c - c);
        __m512i sum[4];
        for (int v = 0; v < 4; v++) sum[v] = _mm512_loadu_si512(bias + v * VF);
        for (int64_t f = 0; f < plan->fours; f++, w += 4 * BLOCK) {
            const uint8_t *four[4];
            for (int i = 0; i < 4; i++) four[i] = in[4 * f + i] ? tap[4 * f + i] + c : zero;
            add_four(four, mask, flip, w, sum);
        }
        const uint8_t *residual = job->residual != NULL ? job->residual + out + c : NULL;
        _mm512_mask_storeu_epi8(job->y + out + c, mask, to_bytes(plan, block, sum, residual, mask));
    }
    uint8_t *y = job->y + out;
    if (plan->has_table) job->map((const uint8_t *)base + plan->table, y, y, (size_t)plan->qc.conv.c);
}

static void run_band(void *context, size_t index) {
    const dw_job *job = context;
    const gal_conv *cv = &job->plan->qc.conv;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < cv->oh ? first + job->rows : cv->oh;
    const uint8_t *image = job->x + n * cv->h * cv->w * cv->c;
    const uint8_t *tap[MAX_TAPS + 3];
    bool in[MAX_TAPS + 3];
    for (int64_t oh = first; oh < end; oh++)
        for (int64_t ow = 0; ow < cv->ow; ow++) {
            point_taps(job, image, oh, ow, tap, in);
            run_pixel(job, tap, in, (size_t)(((n * cv->oh + oh) * cv->ow + ow) * cv->c));
        }
}

galen_status gal_conv_dw_int8_avx512vnni_run(const gal_call *call, galen_error *err) {
    const dw_plan *plan = call->packed;
    const gal_conv *cv = &plan->qc.conv;
    dw_job job = {.plan = plan, .x = call->in[0]->data, .y = call->out[0]->data, .map = gal_map_bytes_best()};
    (void)err;
    job.residual = call->in[3] != NULL ? call->in[3]->data : NULL;
    job.rows = BAND_BYTES / (cv->w * cv->c * cv->sh) + 1;
    job.bands = (cv->oh + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}
