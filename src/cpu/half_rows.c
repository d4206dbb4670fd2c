/*
 * The rows of bf16.def and f16.def other than convolution, matrix product and element-wise ops: windows, threads and
 * borders around loops_half.h.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/loops_half.h"
#include "cpu/rows.h"
#include "graph/ops/pool_ref.h"

enum { MAX_TAPS = 256, CHANNELS = 64 /* of a task's mean */, PIECE = 16384 /* elements a task handles, about */ };

/* ---- windows ---- */

typedef struct pool_job {
    const gal_loops_half *loops;
    gal_window win;
    bool largest, count_pad;
    int64_t c, in_pitch, out_pitch, rows, bands;
    const uint16_t *x;
    uint16_t *y;
} pool_job;

/* Positions of the window at output `o` that lie on the padded input along dimension d. */
static int64_t padded_taps(const gal_window *win, int d, int64_t o) {
    int64_t room = win->in[d] + win->after[d] - (o * win->stride[d] - win->before[d]);
    int64_t fit = (room + win->dilation[d] - 1) / win->dilation[d];
    return fit < win->kernel[d] ? fit : win->kernel[d];
}

static void run_pixel(const pool_job *job, const uint16_t *x, uint16_t *y, int64_t oh, int64_t ow) {
    const gal_window *win = &job->win;
    size_t tap[MAX_TAPS], taps = 0;
    int64_t r0, r1, s0, s1;
    gal_window_taps(win, 1, oh, &r0, &r1);
    gal_window_taps(win, 2, ow, &s0, &s1);
    for (int64_t r = r0; r < r1; r++) {
        for (int64_t s = s0; s < s1; s++) {
            int64_t h = oh * win->stride[1] - win->before[1] + r * win->dilation[1];
            int64_t w = ow * win->stride[2] - win->before[2] + s * win->dilation[2];
            tap[taps++] = (size_t)((h * win->in[2] + w) * job->in_pitch);
        }
    }
    if (job->largest) {
        job->loops->pool_max(x, tap, taps, y, (size_t)job->c);
    } else {
        int64_t count = job->count_pad ? padded_taps(win, 1, oh) * padded_taps(win, 2, ow) : (int64_t)taps;
        job->loops->pool_sum(x, tap, taps, y, (size_t)job->c, count > 0 ? 1.0f / (float)count : 0.0f);
    }
}

static void run_band(void *context, size_t index) {
    const pool_job *job = context;
    const gal_window *win = &job->win;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < win->out[1] ? first + job->rows : win->out[1];
    const uint16_t *x = job->x + n * win->in[1] * win->in[2] * job->in_pitch;
    uint16_t *y = job->y + (n * win->out[1] + first) * win->out[2] * job->out_pitch;
    for (int64_t oh = first; oh < end; oh++) {
        for (int64_t ow = 0; ow < win->out[2]; ow++, y += job->out_pitch) run_pixel(job, x, y, oh, ow);
    }
}

static galen_status run_pool(const gal_call *call, const gal_loops_half *loops, bool largest) {
    gal_shape shape;
    pool_job job = {
        .loops = loops, .largest = largest, .c = call->in[0]->dim[3], .x = call->in[0]->data, .y = call->out[0]->data};
    gal_pool_shape(call->node, true, &job.win, &shape, NULL);
    job.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    job.in_pitch = call->in_pitch, job.out_pitch = call->out_pitch;
    job.rows = PIECE / (job.win.out[2] * job.c) + 1;
    job.bands = (job.win.out[1] + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

static const char *reject_pool(const gal_node *node) {
    gal_window win;
    gal_shape shape;
    if (node->n_out > 1 && node->out[1] != NULL) return "the indices are wanted";
    if (gal_pool_shape(node, true, &win, &shape, NULL) != GALEN_OK) return "the window is not understood";
    if (win.kernel[1] > MAX_TAPS || win.kernel[2] > MAX_TAPS || win.kernel[1] * win.kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    if (win.out[1] < 1 || win.out[2] < 1 || shape.dim[3].size < 1) return "there is nothing to compute";
    return NULL;
}

/* ---- the whole image ---- */

typedef struct mean_job {
    const gal_loops_half *loops;
    const uint16_t *x;
    uint16_t *y;
    size_t area, c, blocks, in_pitch, out_pitch;
} mean_job;

static void run_mean(void *context, size_t index) {
    const mean_job *job = context;
    size_t n = index / job->blocks, from = index % job->blocks * CHANNELS;
    size_t count = job->c - from < CHANNELS ? job->c - from : CHANNELS;
    job->loops->mean(job->x + n * job->area * job->in_pitch + from, job->area, job->in_pitch,
                     job->y + n * job->out_pitch + from, count, 1.0f / (float)job->area);
}

static const char *reject_gap(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    if (x->rank != 4) return "the input is not an image";
    return x->dim[3].size < 1 ? "there is nothing to compute" : NULL;
}

static galen_status run_gap(const gal_call *call, const gal_loops_half *loops) {
    const galen_tensor *x = call->in[0];
    mean_job job = {.loops = loops, .x = x->data, .y = call->out[0]->data};
    job.area = (size_t)(x->dim[1] * x->dim[2]), job.c = (size_t)x->dim[3];
    job.in_pitch = (size_t)call->in_pitch, job.out_pitch = (size_t)call->out_pitch;
    job.blocks = (job.c + CHANNELS - 1) / CHANNELS;
    gal_pool_run(call->pool, run_mean, &job, (size_t)x->dim[0] * job.blocks);
    return GALEN_OK;
}

/* ---- scale and shift of each channel ---- */

typedef struct affine {
    const gal_loops_half *loops;
    gal_cpu_activation act;
    const uint16_t *x;
    const float *scale, *shift;
    uint16_t *y;
    size_t pixels, c, each, x_pitch, y_pitch;
} affine;

static void run_pixels(void *context, size_t index) {
    const affine *job = context;
    size_t from = index * job->each, n = job->pixels - from < job->each ? job->pixels - from : job->each;
    job->loops->scale_shift(job->x + from * job->x_pitch, job->x_pitch, job->scale, job->shift,
                            job->y + from * job->y_pitch, job->y_pitch, n, job->c, &job->act);
}

static const char *reject_scale_shift(const gal_node *node) {
    return node->in[1]->shape.dim[0].size < 1 ? "there is nothing to compute" : NULL;
}

static galen_status run_scale_shift(const gal_call *call, const gal_loops_half *loops) {
    bool relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    affine job = {.loops = loops, .act = gal_cpu_activation_make(relu ? GAL_ACT_RELU : GAL_ACT_NONE, 0, 0)};
    job.x = call->in[0]->data, job.scale = call->in[1]->data, job.shift = call->in[2]->data, job.y = call->out[0]->data;
    job.c = (size_t)call->in[1]->dim[0], job.x_pitch = (size_t)call->in_pitch, job.y_pitch = (size_t)call->out_pitch;
    job.pixels = (size_t)galen_tensor_elements(call->in[0]) / job.c;
    job.each = job.c < PIECE ? PIECE / job.c : 1;
    gal_pool_run(call->pool, run_pixels, &job, (job.pixels + job.each - 1) / job.each);
    return GALEN_OK;
}

/* ---- to 16 bits and back ---- */

typedef struct convert {
    const gal_loops_half *loops;
    const void *x;
    void *y;
    size_t rows, each, from, to; /* elements of a row in x and y */
} convert;

static void narrow_some(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * job->each, end = first + job->each < job->rows ? first + job->each : job->rows;
    job->loops->narrow_rows((const float *)job->x + first * job->from, job->from, (uint16_t *)job->y + first * job->to,
                            job->to, end - first);
}

static const char *reject_narrow(const gal_node *node, const gal_loops_half *loops) {
    const gal_shape *x = &node->in[0]->shape;
    if (node->out[0]->dtype != loops->dtype) return "is for another element type behind it";
    if (x->rank < 1 || x->dim[x->rank - 1].batch || x->dim[x->rank - 1].size < 1) return "there are no channels";
    return NULL;
}

static galen_status run_narrow(const gal_call *call, const gal_loops_half *loops) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    convert job = {.loops = loops, .x = x->data, .y = y->data};
    job.from = (size_t)x->dim[x->rank - 1], job.to = (size_t)y->dim[x->rank - 1];
    job.rows = (size_t)galen_tensor_elements(y) / job.to;
    job.each = job.to < PIECE ? PIECE / job.to : 1;
    gal_pool_run(call->pool, narrow_some, &job, (job.rows + job.each - 1) / job.each);
    return GALEN_OK;
}

static void widen_some(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * PIECE, n = job->rows - first < PIECE ? job->rows - first : PIECE;
    job->loops->widen((const uint16_t *)job->x + first, (float *)job->y + first, n);
}

static const char *reject_widen(const gal_node *node) {
    return node->out[0]->dtype != GALEN_F32 ? "is for f32 behind it" : NULL;
}

static galen_status run_widen(const gal_call *call, const gal_loops_half *loops) {
    convert job = {.loops = loops, .x = call->in[0]->data, .y = call->out[0]->data};
    job.rows = (size_t)galen_tensor_elements(call->out[0]);
    gal_pool_run(call->pool, widen_some, &job, (job.rows + PIECE - 1) / PIECE);
    return GALEN_OK;
}
/* ---- the rows of each level ---- */

#define ROW(name, level, why, how)                                                                                     \
    const char *gal_##name##_##level##_reject(const gal_node *node) {                                                  \
        return why;                                                                                                    \
    }                                                                                                                  \
    galen_status gal_##name##_##level##_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        return how;                                                                                                    \
    }
#define LEVEL(level)                                                                                                   \
    ROW(maxpool, level, reject_pool(node), run_pool(call, &gal_loops_##level, true))                                   \
    ROW(avgpool, level, reject_pool(node), run_pool(call, &gal_loops_##level, false))                                  \
    ROW(gap, level, reject_gap(node), run_gap(call, &gal_loops_##level))                                               \
    ROW(scale_shift, level, reject_scale_shift(node), run_scale_shift(call, &gal_loops_##level))                       \
    ROW(narrow, level, reject_narrow(node, &gal_loops_##level), run_narrow(call, &gal_loops_##level))                  \
    ROW(widen, level, reject_widen(node), run_widen(call, &gal_loops_##level))

#if defined(__x86_64__)
LEVEL(bf16_avx512bf16)
LEVEL(f16_avx512)
LEVEL(f16_avx2)
#else
LEVEL(bf16_neonbf16)
LEVEL(f16_neon)
#endif
#endif
