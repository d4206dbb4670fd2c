/*
 * Gradients of depthwise convolution: which pixels meet which taps, and the work over threads.
 *
 * Input gradient: the pixels of a row of dX that leave the same remainder by the stride meet the same taps, but near
 * the border. Weight gradient: the batch is cut into a few segments, whose sums lie apart and are added in order at the
 * end. Segments follow from the batch alone, so the order of every sum is fixed; threads take segments and channels.
 */
#include "cpu/conv_grad_dw.h"
#include "base/whole.h"

#include "cpu/conv_grad_input.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "graph/ops/types.h"

#include <string.h>

enum {
    MAX_TAPS = 256,
    WHOLE = 16,   /* channels are padded to the widest vector */
    SEGMENTS = 8, /* of the batch */
    BLOCK = 64,   /* channels a task sums */
};

static const char *check(const gal_conv_grad *g) {
    const gal_window *w = &g->window;
    if (g->group != g->channels || g->group != g->outputs) return "is for depthwise convolution";
    if (w->kernel[1] > MAX_TAPS || w->kernel[2] > MAX_TAPS || w->kernel[1] * w->kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    if (g->channels < 1 || w->in[1] < 1 || w->in[2] < 1 || w->out[1] < 1 || w->out[2] < 1)
        return "there is nothing to compute";
    return NULL;
}

static int64_t columns_of(const gal_conv_grad *g) {
    return (g->channels + WHOLE - 1) / WHOLE * WHOLE;
}

/* ---- input gradient ---- */

static const char *input_decode(const gal_node *node, gal_conv_grad *g) {
    gal_shape shape;
    if (gal_conv_grad_input_shape(node, g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    return node->in[1]->constant == NULL ? "the weights are not constant" : check(g);
}

static const char *input_reject(const gal_node *node) {
    gal_conv_grad g;
    return input_decode(node, &g);
}

static void input_needs(const gal_node *node, gal_kernel_needs *needs) {
    gal_conv_grad g;
    *needs = (gal_kernel_needs){0};
    if (input_decode(node, &g) != NULL) return;
    needs->packed_bytes = (size_t)(g.window.kernel[1] * g.window.kernel[2] * columns_of(&g)) * sizeof(float);
}

/* Weights [channel][tap] as f32 [tap][whole vectors of channels]. */
static void input_pack(const gal_node *node, void *packed) {
    gal_conv_grad g;
    if (input_decode(node, &g) != NULL) return;
    const galen_tensor *w = node->in[1]->constant;
    int64_t taps = g.window.kernel[1] * g.window.kernel[2], columns = columns_of(&g);
    float *to = packed;
    for (int64_t c = 0; c < g.channels; c++) {
        for (int64_t t = 0; t < taps; t++)
            to[t * columns + c] = w->dtype == GALEN_F32 ? ((const float *)w->data)[c * taps + t]
                                                        : gal_ld_bf16((const uint16_t *)w->data + c * taps + t);
    }
}

typedef struct input_job {
    gal_conv_grad g;
    const gal_dw_grad_level *level;
    const char *dy;
    char *dx;
    const float *weight;
    size_t element;
} input_job;

/* Pixels [from, to) of column phase `j` in a row: those of its taps that meet dY at all of them. */
static void run_pixels(const input_job *job, const gal_grad_axis *h, const gal_grad_axis *w, int64_t i, int64_t j,
                       int64_t from, int64_t to, gal_dw_input *t) {
    const gal_window *win = &job->g.window;
    int64_t c = job->g.channels, columns = columns_of(&job->g);
    gal_dw_tap tap[MAX_TAPS];
    t->taps = 0;
    for (int64_t a = 0; a < h->taps; a++) {
        int64_t oh = i + a * h->dilation - h->pad, r = h->last - a * h->step;
        if (oh < 0 || oh >= win->out[1]) continue;
        for (int64_t b = 0; b < w->taps; b++) {
            int64_t ow = from + b * w->dilation - w->pad, s = w->last - b * w->step;
            if (ow < 0 || ow >= win->out[2]) continue;
            tap[t->taps++] = (gal_dw_tap){(oh * win->out[2] + ow) * c, (size_t)((r * win->kernel[2] + s) * columns)};
        }
    }
    gal_dw_input pixels = *t;
    pixels.tap = tap;
    pixels.pixels = (size_t)(to - from);
    pixels.dx = (char *)t->dx + (size_t)((j + from * win->stride[2]) * c) * job->element;
    job->level->input(&pixels);
}

/* One row of dX. */
static void input_row(void *context, size_t index) {
    const input_job *job = context;
    const gal_window *win = &job->g.window;
    int64_t n = (int64_t)index / win->in[1], row = (int64_t)index % win->in[1], c = job->g.channels;
    gal_grad_axis h = gal_grad_axis_of(win, 1, row % win->stride[1]);
    gal_dw_input t = {.dy_step = (size_t)c, .dx_step = (size_t)(win->stride[2] * c), .channels = (size_t)c};
    t.weight = job->weight;
    t.dy = job->dy + (size_t)(n * win->out[1] * win->out[2] * c) * job->element;
    t.dx = job->dx + index * (size_t)(win->in[2] * c) * job->element;
    for (int64_t j = 0; j < win->stride[2] && j < win->in[2]; j++) {
        gal_grad_axis w = gal_grad_axis_of(win, 2, j);
        /* all taps meet dY from where the first does to where the last does no more */
        int64_t reach = w.taps > 0 ? (w.taps - 1) * w.dilation : 0, first = w.pad > 0 ? w.pad : 0;
        int64_t end = gal_at_most(win->out[2] - reach + w.pad, w.outputs), i = 0;
        while (i < w.outputs) {
            int64_t to = w.taps > 0 && i >= first && i < end ? end : i + 1;
            run_pixels(job, &h, &w, row / win->stride[1], j, i, to, &t);
            i = to;
        }
    }
}

static galen_status input_run(const gal_call *call, const gal_dw_grad_level *level) {
    gal_shape shape;
    input_job job = {.level = level, .dy = call->in[0]->data, .dx = call->out[0]->data, .weight = call->packed};
    gal_conv_grad_input_shape(call->node, &job.g, &shape, NULL);
    job.element = galen_dtype_size(call->in[0]->dtype);
    gal_pool_run(call->pool, input_row, &job, (size_t)(call->in[0]->dim[0] * job.g.window.in[1]));
    return GALEN_OK;
}

/* ---- weight gradient ---- */

static const char *weight_decode(const gal_node *node, gal_conv_grad *g) {
    gal_shape shape;
    if (gal_conv_grad_weight_shape(node, g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    return check(g);
}

static const char *weight_reject(const gal_node *node) {
    gal_conv_grad g;
    return weight_decode(node, &g);
}

static void weight_needs(const gal_node *node, gal_kernel_needs *needs) {
    gal_conv_grad g;
    *needs = (gal_kernel_needs){0};
    if (weight_decode(node, &g) != NULL) return;
    needs->scratch_bytes =
        (size_t)(SEGMENTS * g.window.kernel[1] * g.window.kernel[2] * columns_of(&g)) * sizeof(float);
}

typedef struct weight_job {
    gal_conv_grad g;
    const gal_dw_grad_level *level;
    const char *x, *dy;
    float *sum, *dw; /* sum: [segment][tap][whole vectors of channels] */
    int64_t batch, blocks, columns;
    size_t element;
} weight_job;

/* Output columns [*lo, *hi) that tap s brings to pixels of the image. */
static void columns_inside(const gal_window *w, int64_t s, int64_t *lo, int64_t *hi) {
    int64_t shift = s * w->dilation[2] - w->before[2], step = w->stride[2];
    *lo = shift < 0 ? (-shift + step - 1) / step : 0;
    *hi = shift < w->in[2] ? gal_at_most((w->in[2] - shift + step - 1) / step, w->out[2]) : 0;
    if (*hi < *lo) *hi = *lo;
}

/* Taps [s, s + count) of a window row over pixels [lo, hi) of a row of dY; t is at the window row and at channel 0. */
static void run_taps(const weight_job *job, gal_dw_weight t, int64_t row, int64_t s, int count, int64_t lo,
                     int64_t hi) {
    const gal_window *w = &job->g.window;
    int64_t at = (row * w->in[2] + lo * w->stride[2] - w->before[2] + s * w->dilation[2]) * job->g.channels;
    if (lo >= hi) return;
    t.x = (const char *)t.x + at * (int64_t)job->element;
    t.dy = (const char *)t.dy + (size_t)(lo * job->g.channels) * job->element;
    t.sum += s * job->columns;
    t.taps = count;
    t.pixels = (size_t)(hi - lo);
    job->level->weight(&t);
}

/* One window row over one row of dY: the pixels where all taps meet the image together, the others tap by tap. */
static void window_row(const weight_job *job, const gal_dw_weight *t, int64_t row) {
    const gal_window *w = &job->g.window;
    int64_t from = 0, to = w->out[2], lo, hi;
    for (int64_t s = 0; s < w->kernel[2]; s++) {
        columns_inside(w, s, &lo, &hi);
        if (lo > from) from = lo;
        if (hi < to) to = hi;
    }
    if (to < from) to = from;
    run_taps(job, *t, row, 0, (int)w->kernel[2], from, to);
    for (int64_t s = 0; s < w->kernel[2]; s++) {
        columns_inside(w, s, &lo, &hi);
        run_taps(job, *t, row, s, 1, lo, gal_at_most(from, hi));
        run_taps(job, *t, row, s, 1, lo > to ? lo : to, hi);
    }
}

/* One block of channels over one segment of the batch. */
static void weight_unit(void *context, size_t index) {
    const weight_job *job = context;
    const gal_window *w = &job->g.window;
    int64_t segment = (int64_t)index / job->blocks, c = (int64_t)index % job->blocks * BLOCK;
    int64_t count = gal_at_most(BLOCK, job->g.channels - c), taps = w->kernel[1] * w->kernel[2];
    gal_dw_weight t = {.channels = (size_t)count, .sum_step = (size_t)job->columns};
    float *sum = job->sum + segment * taps * job->columns + c;
    t.dy_step = (size_t)job->g.channels;
    t.x_step = (size_t)(w->stride[2] * job->g.channels), t.tap_step = (size_t)(w->dilation[2] * job->g.channels);
    for (int64_t tap = 0; tap < taps; tap++)
        memset(sum + tap * job->columns, 0, (size_t)((count + WHOLE - 1) / WHOLE * WHOLE) * sizeof *sum);
    int64_t first = segment * job->batch / SEGMENTS, end = (segment + 1) * job->batch / SEGMENTS;
    for (int64_t line = first * w->out[1]; line < end * w->out[1]; line++) {
        int64_t n = line / w->out[1], oh = line % w->out[1];
        t.x = job->x + (size_t)(n * w->in[1] * w->in[2] * job->g.channels + c) * job->element;
        t.dy = job->dy + (size_t)(line * w->out[2] * job->g.channels + c) * job->element;
        for (int64_t r = 0; r < w->kernel[1]; r++) {
            int64_t row = oh * w->stride[1] - w->before[1] + r * w->dilation[1];
            t.sum = sum + r * w->kernel[2] * job->columns;
            if (row >= 0 && row < w->in[1]) window_row(job, &t, row);
        }
    }
}

static galen_status weight_run(const gal_call *call, const gal_dw_grad_level *level) {
    gal_shape shape;
    weight_job job = {.level = level, .x = call->in[0]->data, .dy = call->in[1]->data, .sum = call->scratch};
    gal_conv_grad_weight_shape(call->node, &job.g, &shape, NULL);
    job.dw = call->out[0]->data;
    job.batch = call->in[0]->dim[0];
    job.element = galen_dtype_size(call->in[0]->dtype);
    job.blocks = (job.g.channels + BLOCK - 1) / BLOCK;
    job.columns = columns_of(&job.g);
    gal_pool_run(call->pool, weight_unit, &job, (size_t)(SEGMENTS * job.blocks));
    int64_t taps = job.g.window.kernel[1] * job.g.window.kernel[2];
    for (int64_t c = 0; c < job.g.channels; c++) {
        for (int64_t t = 0; t < taps; t++) {
            float sum = 0;
            for (int64_t i = 0; i < SEGMENTS; i++) sum += job.sum[(i * taps + t) * job.columns + c];
            job.dw[c * taps + t] = sum;
        }
    }
    return GALEN_OK;
}

/* ---- rows ---- */

#define DEPTHWISE(type, level)                                                                                         \
    const char *gal_conv_grad_input_dw_##type##_##level##_reject(const gal_node *node) {                               \
        return input_reject(node);                                                                                     \
    }                                                                                                                  \
    void gal_conv_grad_input_dw_##type##_##level##_needs(const gal_node *node, int64_t max_batch, int threads,         \
                                                         gal_kernel_needs *needs) {                                    \
        (void)max_batch, (void)threads;                                                                                \
        input_needs(node, needs);                                                                                      \
    }                                                                                                                  \
    void gal_conv_grad_input_dw_##type##_##level##_pack(const gal_node *node, gal_columns part, void *packed) {        \
        (void)part;                                                                                                    \
        input_pack(node, packed);                                                                                      \
    }                                                                                                                  \
    galen_status gal_conv_grad_input_dw_##type##_##level##_run(const gal_call *call, galen_error *err) {               \
        (void)err;                                                                                                     \
        return input_run(call, &gal_dw_grad_##type##_##level);                                                         \
    }                                                                                                                  \
    const char *gal_conv_grad_weight_dw_##type##_##level##_reject(const gal_node *node) {                              \
        return weight_reject(node);                                                                                    \
    }                                                                                                                  \
    void gal_conv_grad_weight_dw_##type##_##level##_needs(const gal_node *node, int64_t max_batch, int threads,        \
                                                          gal_kernel_needs *needs) {                                   \
        (void)max_batch, (void)threads;                                                                                \
        weight_needs(node, needs);                                                                                     \
    }                                                                                                                  \
    galen_status gal_conv_grad_weight_dw_##type##_##level##_run(const gal_call *call, galen_error *err) {              \
        (void)err;                                                                                                     \
        return weight_run(call, &gal_dw_grad_##type##_##level);                                                        \
    }

#define DEPTHWISE_F32(level) DEPTHWISE(f32, level)
GAL_EACH_LEVEL(DEPTHWISE_F32)
#if defined(__x86_64__)
DEPTHWISE(bf16, avx512bf16)
#endif
