/*
 * f32 rows of galen.ExpandDepthwise. A task makes a block of channels for some rows of one image, or for several small
 * images: the 1x1 convolution writes the block into the thread's scratch, where the depthwise one reads it while it
 * lies in L2. Lines that two bands of rows share are moved to the front of the scratch, not made again.
 *
 * How an image is cut into parts depends on its shape alone, because the mean adds up part by part.
 */
#include "cpu/conv_dw_f32.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "graph/ops/expand.h"

#include <stdatomic.h>
#include <string.h>

enum {
    WIDTH = 32,          /* channels of a block: what depthwise tiles go through together at the widest level */
    SCRATCH = 256 << 10, /* bytes of a block that stay in L2 beside pixels and weights */
    FEW_PIXELS = 196,    /* smaller images share a task, and each panel of weights serves them all */
    TASKS = 12,
    PART_ROWS = 8, /* parts an image is cut into: so many tasks, unless they get as few rows as that */
    LINE = 64      /* bytes */
};

/* Where an image is cut, the same for every batch. Lies in front of the packed weights. */
typedef struct expand_shape {
    gal_conv first, dw;
    size_t second;         /* bytes of packed in front of what the depthwise convolution has there */
    int64_t pitch;         /* floats of a pixel in the scratch */
    int64_t blocks, parts; /* of channels; of output rows */
    int64_t lines, images; /* input lines of one image in the scratch; images of a task */
    size_t slot;           /* bytes of a thread's scratch */
} expand_shape;

enum { HEAD = (sizeof(expand_shape) + LINE - 1) / LINE * LINE };

typedef struct expand_job {
    const expand_shape *shape;
    const gal_conv *first, *dw; /* each followed by what is packed for it */
    const gal_gemm_f32 *gemm;
    gal_dw_fn fn;
    const float *x;
    float *y, *sum, *slots; /* sum: [n][part][columns] */
    bool mean;
    int64_t n, groups; /* images; groups of them */
    atomic_llong next;
} expand_job;

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t at_least(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Input lines under `rows` output rows; more than the image has when padding lies under them. */
static int64_t lines_under(const gal_conv *dw, int64_t rows) {
    return (rows - 1) * dw->sh + (dw->r - 1) * dw->dh + 1;
}

static void cut_image(expand_shape *s) {
    const gal_conv *dw = &s->dw;
    int64_t line = dw->w * s->pitch * (int64_t)sizeof(float), area = dw->h * dw->w;
    s->blocks = ceil_div(dw->c, WIDTH);
    s->parts = at_least(1, at_most(ceil_div(TASKS, s->blocks), dw->oh / PART_ROWS));
    s->lines = at_most(dw->h, at_least(lines_under(dw, 1) + dw->sh, SCRATCH / line));
    s->images = s->parts > 1 || s->lines < dw->h ? 1 : at_least(1, FEW_PIXELS / area);
    s->slot = (size_t)(s->lines * s->images * line + LINE - 1) / LINE * LINE;
}

static const char *expand_decode(const gal_node *node, const gal_gemm_f32 *gemm, gal_expand *parts, expand_shape *s) {
    gal_expand_split(node, parts);
    const char *why = gal_conv_f32_decode(&parts->first, gemm->vec, &s->first);
    if (why == NULL) why = gal_conv_dw_f32_decode(&parts->depthwise, &s->dw);
    if (why != NULL) return why;
    s->second = HEAD + (gal_conv_f32_packed_bytes(&s->first) + LINE - 1) / LINE * LINE;
    s->pitch = at_most(WIDTH, (int64_t)s->first.columns);
    cut_image(s);
    return NULL;
}

static const char *expand_reject(const gal_node *node, const gal_gemm_f32 *gemm) {
    gal_expand parts;
    expand_shape s;
    const char *why = expand_decode(node, gemm, &parts, &s);
    if (why != NULL) return why;
    bool finite = gal_conv_f32_finite(node->in[1]->constant) && gal_conv_f32_finite(node->in[3]->constant);
    return finite ? NULL : "the weights hold NaN or infinity";
}

static void expand_needs(const gal_node *node, const gal_gemm_f32 *gemm, int64_t max_batch, int threads,
                         gal_kernel_needs *needs) {
    gal_expand parts;
    expand_shape s;
    *needs = (gal_kernel_needs){0};
    if (expand_decode(node, gemm, &parts, &s) != NULL) return;
    needs->packed_bytes = s.second + gal_conv_dw_packed_bytes(&s.dw);
    needs->scratch_bytes = (size_t)threads * s.slot + (size_t)(max_batch * s.parts) * s.dw.columns * sizeof(float);
}

static void expand_pack(const gal_node *node, const gal_gemm_f32 *gemm, void *packed) {
    gal_expand parts;
    expand_shape s;
    if (expand_decode(node, gemm, &parts, &s) != NULL) return;
    const gal_value *bias = node->in[2];
    const int64_t stride[4] = {s.first.c, 1, 1, 1};
    gal_conv_f32_pack(&s.first, gemm, node->in[1]->constant->data, stride, bias == NULL ? NULL : bias->constant->data,
                      (gal_columns){0, s.first.k}, (char *)packed + HEAD);
    gal_conv_dw_f32_pack(&parts.depthwise, (char *)packed + s.second);
    memcpy(packed, &s, sizeof s);
}

/* A task's place: images [n, n + images), a part of their rows, a block of channels. */
typedef struct expand_task {
    int64_t n, images, first, end, from, columns;
    float *sum; /* of the first image, or NULL */
} expand_task;

static void expand_pixels(const expand_job *job, const expand_task *t, const float *x, int64_t count, float *out) {
    const gal_pixels_f32 pixels = {.conv = job->first,
                                   .gemm = job->gemm,
                                   .x = x,
                                   .count = count,
                                   .from = t->from,
                                   .columns = t->columns,
                                   .out = out,
                                   .out_pitch = job->shape->pitch};
    gal_conv_f32_pixels(&pixels);
}

/* One image, band by band. */
static void run_bands(const expand_job *job, const expand_task *t, int64_t image, float *slot) {
    const expand_shape *s = job->shape;
    const gal_conv *dw = job->dw;
    const float *x = job->x + (t->n + image) * dw->h * dw->w * job->first->c;
    size_t line = (size_t)(dw->w * s->pitch);
    gal_dw_band band = {.conv = dw,
                        .x = slot,
                        .y = job->y + (t->n + image) * dw->oh * dw->ow * dw->c,
                        .c_first = t->from,
                        .c_end = t->from + t->columns,
                        .x_pitch = s->pitch,
                        .y_pitch = dw->c};
    band.sum = t->sum == NULL ? NULL : t->sum + (size_t)image * (size_t)s->parts * dw->columns;
    int64_t low = 0, high = 0; /* lines of the image that are in the scratch */
    for (band.first = t->first; band.first < t->end; band.first = band.end) {
        int64_t from = at_least(band.first * dw->sh - dw->top, 0);
        int64_t rows = s->lines == dw->h ? dw->oh : (s->lines - lines_under(dw, 1)) / dw->sh + 1;
        band.end = at_most(t->end, band.first + rows);
        int64_t to = at_most(dw->h, (band.end - 1) * dw->sh - dw->top + (dw->r - 1) * dw->dh + 1);
        int64_t kept = at_least(high - from, 0);
        if (kept > 0) memmove(slot, slot + (size_t)(from - low) * line, (size_t)kept * line * sizeof(float));
        low = from, high = from + kept;
        if (to > high)
            expand_pixels(job, t, x + high * dw->w * job->first->c, (to - high) * dw->w, slot + (size_t)kept * line);
        high = at_least(high, to);
        band.x_line = low;
        job->fn(&band);
    }
}

/* Small images: all their pixels at once. */
static void run_images(const expand_job *job, const expand_task *t, float *slot) {
    const expand_shape *s = job->shape;
    const gal_conv *dw = job->dw;
    int64_t area = dw->h * dw->w;
    expand_pixels(job, t, job->x + t->n * area * job->first->c, t->images * area, slot);
    for (int64_t i = 0; i < t->images; i++) {
        gal_dw_band band = {.conv = dw,
                            .x = slot + i * area * s->pitch,
                            .y = job->y + (t->n + i) * dw->oh * dw->ow * dw->c,
                            .first = 0,
                            .end = dw->oh,
                            .c_first = t->from,
                            .c_end = t->from + t->columns,
                            .x_pitch = s->pitch,
                            .y_pitch = dw->c};
        band.sum = t->sum == NULL ? NULL : t->sum + (size_t)i * (size_t)s->parts * dw->columns;
        job->fn(&band);
    }
}

static void run_task(const expand_job *job, int64_t index, float *slot) {
    const expand_shape *s = job->shape;
    int64_t block = index % s->blocks, part = index / s->blocks % s->parts, group = index / s->blocks / s->parts;
    expand_task t = {.n = group * job->n / job->groups, .from = block * WIDTH};
    t.images = (group + 1) * job->n / job->groups - t.n;
    t.first = part * job->dw->oh / s->parts, t.end = (part + 1) * job->dw->oh / s->parts;
    t.columns = at_most(WIDTH, job->dw->c - t.from);
    if (job->mean) {
        t.sum = job->sum + (size_t)(t.n * s->parts + part) * job->dw->columns + t.from;
        for (int64_t i = 0; i < t.images; i++)
            memset(t.sum + (size_t)(i * s->parts) * job->dw->columns, 0, (size_t)t.columns * sizeof(float));
    }
    if (s->images > 1)
        run_images(job, &t, slot);
    else
        run_bands(job, &t, 0, slot);
}

static void run_slot(void *context, size_t index) {
    expand_job *job = context;
    const expand_shape *s = job->shape;
    float *slot = job->slots + index * (s->slot / sizeof(float));
    int64_t tasks = job->groups * s->parts * s->blocks;
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (task >= tasks) break;
        run_task(job, task, slot);
    }
}

/* The parts' sums, in order, over the pixels. */
static void finish_mean(const expand_job *job, float *mean) {
    const gal_conv *dw = job->dw;
    float factor = 1.0f / (float)(dw->oh * dw->ow);
    const float *sum = job->sum;
    for (int64_t n = 0; n < job->n; n++, mean += dw->c) {
        for (int64_t c = 0; c < dw->c; c++) mean[c] = sum[c];
        sum += dw->columns;
        for (int64_t p = 1; p < job->shape->parts; p++, sum += dw->columns)
            for (int64_t c = 0; c < dw->c; c++) mean[c] += sum[c];
        for (int64_t c = 0; c < dw->c; c++) mean[c] *= factor;
    }
}

static const void *at(const expand_shape *shape, size_t bytes) {
    return (const char *)shape + bytes;
}

static galen_status expand_run(const gal_call *call, const gal_gemm_f32 *gemm, gal_dw_fn fn) {
    const expand_shape *s = call->packed;
    galen_tensor *mean = call->node->n_out > 1 ? call->out[1] : NULL;
    expand_job job = {.shape = s,
                      .first = at(s, HEAD),
                      .gemm = gemm,
                      .fn = fn,
                      .x = call->in[0]->data,
                      .y = call->out[0]->data,
                      .slots = call->scratch,
                      .mean = mean != NULL};
    int threads = gal_pool_threads(call->pool);
    job.dw = at(s, s->second);
    job.sum = job.slots + (size_t)threads * (s->slot / sizeof(float));
    job.n = call->in[0]->dim[0];
    if (job.n == 0) return GALEN_OK;
    job.groups = ceil_div(job.n, s->images);
    atomic_init(&job.next, 0);
    gal_pool_run(call->pool, run_slot, &job, (size_t)at_most(threads, job.groups * s->parts * s->blocks));
    if (mean != NULL) finish_mean(&job, mean->data);
    return GALEN_OK;
}

#define EXPAND(level)                                                                                                  \
    const char *gal_expand_f32_##level##_reject(const gal_node *node) {                                                \
        return expand_reject(node, &gal_tile_##level);                                                                 \
    }                                                                                                                  \
    void gal_expand_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                          \
                                        gal_kernel_needs *needs) {                                                     \
        expand_needs(node, &gal_tile_##level, max_batch, threads, needs);                                              \
    }                                                                                                                  \
    void gal_expand_f32_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                         \
        (void)part;                                                                                                    \
        expand_pack(node, &gal_tile_##level, packed);                                                                  \
    }                                                                                                                  \
    galen_status gal_expand_f32_##level##_run(const gal_call *call, galen_error *err) {                                \
        (void)err;                                                                                                     \
        return expand_run(call, &gal_tile_##level, gal_conv_dw_band_##level);                                          \
    }

GAL_EACH_LEVEL(EXPAND)
