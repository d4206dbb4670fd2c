/* AVX-512 rows of pools of bytes, N, H, W, C: maxima, and exact sums with the arithmetic of quantized_pool.c. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/pool_rows.h"
#include "cpu/rows.h"
#include "graph/ops/pool_ref.h"

enum {
    MAX_TAPS = 256,
    BAND_BYTES = 32 << 10, /* of output a task writes, about */
    WIDE = 64,             /* bytes of a vector */
    HALF = 32,             /* 16-bit sums of a vector */
    RUN = 256,             /* bytes whose sum fits 16 bits */
};

typedef struct pool_job {
    gal_window win;
    gal_requant q;
    const uint8_t *x;
    uint8_t *y;
    int64_t c, x_pitch, y_pitch, rows, bands;
    uint8_t flip; /* s8 as u8: exclusive or with 0x80 */
    int32_t zero; /* of the u8 form */
    float factor;
    bool count_pad, largest;
} pool_job;

static __mmask64 first_bytes(int64_t n) {
    return n >= WIDE ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* Taps of output pixel (oh, ow) inside the image, as offsets. */
static size_t find_taps(const pool_job *job, int64_t oh, int64_t ow, int64_t *tap) {
    const gal_window *win = &job->win;
    int64_t r0, r1, s0, s1;
    size_t taps = 0;
    gal_window_taps(win, 1, oh, &r0, &r1);
    gal_window_taps(win, 2, ow, &s0, &s1);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t s = s0; s < s1; s++) {
            int64_t h = oh * win->stride[1] - win->before[1] + r * win->dilation[1];
            int64_t w = ow * win->stride[2] - win->before[2] + s * win->dilation[2];
            tap[taps++] = (h * win->in[2] + w) * job->x_pitch;
        }
    return taps;
}

/* The lowest byte where no tap is inside, as the reference says. */
static void largest_of(const pool_job *job, const uint8_t *x, const int64_t *tap, size_t taps, uint8_t *y) {
    const __m512i flip = _mm512_set1_epi8((char)job->flip);
    for (int64_t c = 0; c < job->c; c += WIDE) {
        __mmask64 mask = first_bytes(job->c - c);
        __m512i best = _mm512_setzero_si512();
        for (size_t t = 0; t < taps; t++)
            best = _mm512_max_epu8(best, _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(mask, x + tap[t] + c)));
        _mm512_mask_storeu_epi8(y + c, mask, _mm512_xor_si512(flip, best));
    }
}

/* Sixteen means of `taps` bytes each from their sums. */
static void store_means(const pool_job *job, vi sum, int64_t taps, int64_t count, uint8_t *y, int64_t left) {
    sum = _mm512_sub_epi32(sum, _mm512_set1_epi32((int32_t)taps * job->zero));
    vf v = vf_div(vf_mul(_mm512_cvtepi32_ps(sum), vf_set(job->factor)), vf_set((float)count));
    store_bytes(y, first_of(left < VF ? (int)left : VF), &job->q, count > 0 ? v : vf_zero());
}

static void mean_of(const pool_job *job, const uint8_t *x, const int64_t *tap, size_t taps, int64_t count, uint8_t *y) {
    const __m128i flip = _mm_set1_epi8((char)job->flip);
    for (int64_t c = 0; c < job->c; c += VF) {
        __mmask16 mask = first_of(job->c - c < VF ? (int)(job->c - c) : VF);
        vi sum = _mm512_setzero_si512();
        for (size_t t = 0; t < taps; t++) {
            __m128i bytes = _mm_xor_si128(flip, _mm_maskz_loadu_epi8(mask, x + tap[t] + c));
            sum = _mm512_add_epi32(sum, _mm512_cvtepu8_epi32(bytes));
        }
        store_means(job, sum, (int64_t)taps, count, y + c, job->c - c);
    }
}

static void run_band(void *context, size_t index) {
    const pool_job *job = context;
    const gal_window *win = &job->win;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows, tap[MAX_TAPS];
    int64_t end = first + job->rows < win->out[1] ? first + job->rows : win->out[1];
    const uint8_t *x = job->x + n * win->in[1] * win->in[2] * job->x_pitch;
    uint8_t *y = job->y + (n * win->out[1] + first) * win->out[2] * job->y_pitch;
    for (int64_t oh = first; oh < end; oh++)
        for (int64_t ow = 0; ow < win->out[2]; ow++, y += job->y_pitch) {
            size_t taps = find_taps(job, oh, ow, tap);
            int64_t count = job->count_pad ? gal_window_padded_taps(win, 1, oh) * gal_window_padded_taps(win, 2, ow)
                                           : (int64_t)taps;
            if (job->largest)
                largest_of(job, x, tap, taps, y);
            else
                mean_of(job, x, tap, taps, count, y);
        }
}

static void start(const gal_call *call, pool_job *job) {
    const galen_tensor *x = call->in[0];
    bool is_signed = x->dtype == GALEN_I8;
    job->x = x->data, job->y = call->out[0]->data, job->c = x->dim[3];
    job->x_pitch = call->in_pitch, job->y_pitch = call->out_pitch;
    job->flip = is_signed ? 0x80 : 0;
    gal_quant quant = gal_quant_of(call->node, 'x', x->dtype);
    job->zero = quant.zero + (is_signed ? 128 : 0);
    job->factor = quant.scale / gal_attr_float(call->node, "y_scale", 1);
    gal_requant_of(call->node, &job->q);
}

static galen_status run_pool(const gal_call *call, bool largest) {
    gal_shape shape;
    pool_job job = {.largest = largest, .count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0};
    gal_pool_shape(call->node, true, &job.win, &shape, NULL);
    start(call, &job);
    job.rows = BAND_BYTES / (job.win.out[2] * job.c) + 1;
    job.bands = (job.win.out[1] + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

const char *gal_maxpool_int8_avx512_reject(const gal_node *node) {
    return gal_pool_rows_reject(node);
}

galen_status gal_maxpool_int8_avx512_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pool(call, true);
}

const char *gal_avgpool_int8_avx512_reject(const gal_node *node) {
    return gal_pool_rows_reject(node);
}

galen_status gal_avgpool_int8_avx512_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pool(call, false);
}

/* ---- the whole image ---- */

/* Means of up to 32 channels of one image; a task. Sums of 256 pixels fit 16 bits. */
static void mean_task(void *context, size_t index) {
    const pool_job *job = context;
    int64_t blocks = (job->c + HALF - 1) / HALF, n = (int64_t)index / blocks, c = (int64_t)index % blocks * HALF;
    int64_t area = job->win.in[1] * job->win.in[2], left = job->c - c;
    const uint8_t *x = job->x + n * area * job->x_pitch + c;
    const __m256i flip = _mm256_set1_epi8((char)job->flip);
    __mmask32 mask = left >= HALF ? ~(__mmask32)0 : ((__mmask32)1 << left) - 1;
    vi low = _mm512_setzero_si512(), high = low;
    for (int64_t p = 0; p < area;) {
        int64_t stop = p + RUN < area ? p + RUN : area;
        vi sum = _mm512_setzero_si512();
        for (; p < stop; p++) {
            __m256i bytes = _mm256_xor_si256(flip, _mm256_maskz_loadu_epi8(mask, x + p * job->x_pitch));
            sum = _mm512_add_epi16(sum, _mm512_cvtepu8_epi16(bytes));
        }
        low = _mm512_add_epi32(low, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(sum)));
        high = _mm512_add_epi32(high, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(sum, 1)));
    }
    uint8_t *y = job->y + n * job->y_pitch + c;
    store_means(job, low, area, area, y, left);
    if (left > VF) store_means(job, high, area, area, y + VF, left - VF);
}

const char *gal_gap_int8_avx512_reject(const gal_node *node) {
    return node->in[0]->shape.dim[3].size < 1 ? "there is nothing to compute" : NULL;
}

galen_status gal_gap_int8_avx512_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0];
    pool_job job = {.win = {.in = {1, x->dim[1], x->dim[2]}}};
    (void)err;
    start(call, &job);
    gal_pool_run(call->pool, mean_task, &job, (size_t)(x->dim[0] * ((job.c + HALF - 1) / HALF)));
    return GALEN_OK;
}
