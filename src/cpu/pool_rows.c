/* Pools of images, channels last: a task is a band of output rows, or some channels of an image's mean. */
#include "cpu/pool_rows.h"

#include "graph/ops/pool_ref.h"

enum { MAX_TAPS = 256, CHANNELS = 64 /* of a task's mean */, BAND = 16384 /* elements of output, about */ };

/* ---- windows ---- */

typedef struct pool_job {
    const gal_pool_loops *loops;
    const void *level;
    gal_window win;
    bool largest, count_pad;
    int64_t c, in_pitch, out_pitch, rows, bands; /* pitches in elements */
    const uint8_t *x;
    uint8_t *y;
} pool_job;

static void run_pixel(const pool_job *job, const uint8_t *x, uint8_t *y, int64_t oh, int64_t ow) {
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
        job->loops->largest(job->level, x, tap, taps, y, (size_t)job->c);
    } else {
        int64_t count =
            job->count_pad ? gal_window_padded_taps(win, 1, oh) * gal_window_padded_taps(win, 2, ow) : (int64_t)taps;
        job->loops->sum(job->level, x, tap, taps, count, y, (size_t)job->c);
    }
}

static void run_band(void *context, size_t index) {
    const pool_job *job = context;
    const gal_window *win = &job->win;
    int64_t bytes = (int64_t)job->loops->bytes;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < win->out[1] ? first + job->rows : win->out[1];
    const uint8_t *x = job->x + n * win->in[1] * win->in[2] * job->in_pitch * bytes;
    uint8_t *y = job->y + (n * win->out[1] + first) * win->out[2] * job->out_pitch * bytes;
    for (int64_t oh = first; oh < end; oh++) {
        for (int64_t ow = 0; ow < win->out[2]; ow++, y += job->out_pitch * bytes) run_pixel(job, x, y, oh, ow);
    }
}

void gal_pool_rows_run(const gal_call *call, const gal_pool_loops *loops, const void *level, bool largest) {
    gal_shape shape;
    pool_job job = {.loops = loops,
                    .level = level,
                    .largest = largest,
                    .count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0,
                    .c = call->in[0]->dim[3],
                    .in_pitch = call->in_pitch,
                    .out_pitch = call->out_pitch,
                    .x = call->in[0]->data,
                    .y = call->out[0]->data};
    gal_pool_shape(call->node, true, &job.win, &shape, NULL);
    job.rows = BAND / (job.win.out[2] * job.c) + 1;
    job.bands = (job.win.out[1] + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
}

const char *gal_pool_rows_reject(const gal_node *node) {
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
    const gal_pool_loops *loops;
    const void *level;
    const uint8_t *x;
    uint8_t *y;
    size_t area, c, blocks, in_pitch, out_pitch; /* pitches in elements */
} mean_job;

static void run_mean(void *context, size_t index) {
    const mean_job *job = context;
    size_t n = index / job->blocks, from = index % job->blocks * CHANNELS, bytes = job->loops->bytes;
    size_t count = job->c - from < CHANNELS ? job->c - from : CHANNELS;
    job->loops->mean(job->level, job->x + (n * job->area * job->in_pitch + from) * bytes, job->area, job->in_pitch,
                     job->y + (n * job->out_pitch + from) * bytes, count);
}

void gal_pool_rows_run_global(const gal_call *call, const gal_pool_loops *loops, const void *level) {
    const galen_tensor *x = call->in[0];
    mean_job job = {.loops = loops, .level = level, .x = x->data, .y = call->out[0]->data};
    job.area = (size_t)(x->dim[1] * x->dim[2]), job.c = (size_t)x->dim[3];
    job.in_pitch = (size_t)call->in_pitch, job.out_pitch = (size_t)call->out_pitch;
    job.blocks = (job.c + CHANNELS - 1) / CHANNELS;
    gal_pool_run(call->pool, run_mean, &job, (size_t)x->dim[0] * job.blocks);
}

const char *gal_pool_rows_reject_global(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    if (x->rank != 4) return "the input is not an image";
    return x->dim[3].size < 1 ? "there is nothing to compute" : NULL;
}
