/* The rows of pool.def: windows over channels-last images, vectorised over channels. */
#include "cpu/elementwise.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "graph/ops/pool_ref.h"

enum {
    MAX_TAPS = 256,
    ROWS_BYTES = 64 << 10,
    /* of output a task writes, about */ CHANNELS = 64 /* of a task's mean */
};

typedef struct pool_job {
    const gal_elementwise *level;
    gal_window win;
    bool largest, count_pad;
    int64_t c, in_pitch, out_pitch, rows, bands;
    const float *x;
    float *y;
} pool_job;

/* Positions of the window at output `o` that lie on the padded input along dimension d; what is beyond comes from
 * rounding up. */
static int64_t padded_taps(const gal_window *win, int d, int64_t o) {
    int64_t room = win->in[d] + win->after[d] - (o * win->stride[d] - win->before[d]);
    int64_t fit = (room + win->dilation[d] - 1) / win->dilation[d];
    return fit < win->kernel[d] ? fit : win->kernel[d];
}

static void run_pixel(const pool_job *job, const float *x, float *y, int64_t oh, int64_t ow) {
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
        job->level->pool_max(x, tap, taps, y, (size_t)job->c);
    } else {
        int64_t count = job->count_pad ? padded_taps(win, 1, oh) * padded_taps(win, 2, ow) : (int64_t)taps;
        job->level->pool_sum(x, tap, taps, y, (size_t)job->c, count > 0 ? 1.0f / (float)count : 0.0f);
    }
}

static void run_band(void *context, size_t index) {
    const pool_job *job = context;
    const gal_window *win = &job->win;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < win->out[1] ? first + job->rows : win->out[1];
    const float *x = job->x + n * win->in[1] * win->in[2] * job->in_pitch;
    float *y = job->y + (n * win->out[1] + first) * win->out[2] * job->out_pitch;
    for (int64_t oh = first; oh < end; oh++) {
        for (int64_t ow = 0; ow < win->out[2]; ow++, y += job->out_pitch) run_pixel(job, x, y, oh, ow);
    }
}

static galen_status run_pool(const gal_call *call, const gal_elementwise *level, bool largest) {
    gal_shape shape;
    pool_job job = {
        .level = level, .largest = largest, .c = call->in[0]->dim[3], .x = call->in[0]->data, .y = call->out[0]->data};
    gal_pool_shape(call->node, true, &job.win, &shape, NULL);
    job.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    job.in_pitch = call->in_pitch, job.out_pitch = call->out_pitch;
    job.rows = ROWS_BYTES / (job.win.out[2] * job.c * (int64_t)sizeof(float)) + 1;
    job.bands = (job.win.out[1] + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

/* ---- the whole image ---- */

typedef struct mean_job {
    const gal_elementwise *level;
    const float *x;
    float *y;
    size_t area, c, blocks, in_pitch, out_pitch;
} mean_job;

static void run_mean(void *context, size_t index) {
    const mean_job *job = context;
    size_t n = index / job->blocks, from = index % job->blocks * CHANNELS,
           count = job->c - from < CHANNELS ? job->c - from : CHANNELS;
    job->level->mean(job->x + n * job->area * job->in_pitch + from, job->area, job->in_pitch,
                     job->y + n * job->out_pitch + from, count, 1.0f / (float)job->area);
}

static galen_status run_global(const gal_call *call, const gal_elementwise *level) {
    const galen_tensor *x = call->in[0];
    mean_job job = {.level = level,
                    .x = x->data,
                    .y = call->out[0]->data,
                    .area = (size_t)(x->dim[1] * x->dim[2]),
                    .c = (size_t)x->dim[3]};
    job.in_pitch = (size_t)call->in_pitch, job.out_pitch = (size_t)call->out_pitch;
    job.blocks = (job.c + CHANNELS - 1) / CHANNELS;
    gal_pool_run(call->pool, run_mean, &job, (size_t)x->dim[0] * job.blocks);
    return GALEN_OK;
}

/* ---- rows ---- */

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

static const char *reject_global(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    if (x->rank != 4) return "the input is not an image";
    return x->dim[3].size < 1 ? "there is nothing to compute" : NULL;
}

#define ROW(name, reject_fn, level, ...)                                                                               \
    const char *gal_##name##_f32_##level##_reject(const gal_node *node) {                                              \
        return reject_fn(node);                                                                                        \
    }                                                                                                                  \
    galen_status gal_##name##_f32_##level##_run(const gal_call *call, galen_error *err) {                              \
        (void)err;                                                                                                     \
        return __VA_ARGS__;                                                                                            \
    }
#define LEVEL(level)                                                                                                   \
    ROW(maxpool, reject_pool, level, run_pool(call, &gal_elementwise_##level, true))                                   \
    ROW(avgpool, reject_pool, level, run_pool(call, &gal_elementwise_##level, false))                                  \
    ROW(gap, reject_global, level, run_global(call, &gal_elementwise_##level))

GAL_EACH_LEVEL(LEVEL)
