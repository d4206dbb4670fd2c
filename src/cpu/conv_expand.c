/*
 * Rows of galen.ExpandDepthwise in f32, bf16 and f16: the two rows of galen.Conv of the same level, one behind the
 * other in L2, so that the output has their bits. A task makes a block of channels for some rows of one image, or for
 * several small images: the 1x1 convolution writes the block into the thread's scratch, where the depthwise one reads
 * it while it lies in L2. Lines that two bands of rows share are moved to the front of the scratch, not made again.
 *
 * How an image is cut into parts depends on its shape alone, because the mean adds up part by part.
 */
#include "base/whole.h"
#include "cpu/conv_dw.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "cpu/share.h"
#include "graph/ops/expand.h"

#include <string.h>

enum {
    WIDTH = 32,          /* channels of a block: what depthwise tiles go through together at the widest level */
    SCRATCH = 256 << 10, /* bytes of a block that stay in L2 beside pixels and weights */
    FEW_PIXELS = 196,    /* smaller images share a task, and each panel of weights serves them all */
    TASKS = 12,
    PART_ROWS = 8, /* parts an image is cut into: so many tasks, unless they get as few rows as that */
    LINE = 64      /* bytes */
};

/* A type at one level: the tile and the rows of its two convolutions. */
typedef struct expand_level {
    const gal_gemm_f32 *gemm;
    const gal_dw_level *dw;
    const char *(*reject_first)(const gal_node *node), *(*reject_dw)(const gal_node *node);
    void (*pack_first)(const gal_node *node, gal_columns part, void *packed);
    void (*pack_dw)(const gal_node *node, gal_columns part, void *packed);
} expand_level;

/* Where an image is cut, the same for every batch. Lies in front of the packed weights. */
typedef struct expand_shape {
    gal_conv first, dw;
    size_t second;         /* bytes of packed in front of what the depthwise convolution has there */
    int64_t pitch;         /* elements of a pixel in the scratch */
    int64_t blocks, parts; /* of channels; of output rows */
    int64_t lines, images; /* input lines of one image in the scratch; images of a task */
    size_t slot;           /* bytes of a thread's scratch */
} expand_shape;

enum { HEAD = (sizeof(expand_shape) + LINE - 1) / LINE * LINE };

typedef struct expand_job {
    const expand_shape *shape;
    const gal_conv *first, *dw; /* each followed by what is packed for it */
    const expand_level *level;
    const char *x;
    char *y, *slots;
    float *sum; /* [n][part][columns], or NULL */
    size_t element;
    int64_t n, groups; /* images; groups of them */
    int64_t cuts;      /* tasks that share the parts of an image */
    gal_share *shares;
    int64_t n_share; /* threads that have tasks */
} expand_job;

/* Input lines under `rows` output rows; more than the image has when padding lies under them. */
static int64_t lines_under(const gal_conv *dw, int64_t rows) {
    return (rows - 1) * dw->sh + (dw->r - 1) * dw->dh + 1;
}

static void cut_image(expand_shape *s, size_t element) {
    const gal_conv *dw = &s->dw;
    int64_t line = dw->w * s->pitch * (int64_t)element, area = dw->h * dw->w;
    s->blocks = gal_ceil_div(dw->c, WIDTH);
    s->parts = gal_at_least(1, gal_at_most(gal_ceil_div(TASKS, s->blocks), dw->oh / PART_ROWS));
    s->lines = gal_at_most(dw->h, gal_at_least(lines_under(dw, 1) + dw->sh, SCRATCH / line));
    s->images = s->parts > 1 || s->lines < dw->h ? 1 : gal_at_least(1, FEW_PIXELS / area);
    s->slot = (size_t)(s->lines * s->images * line + LINE - 1) / LINE * LINE;
}

static const char *expand_decode(const gal_node *node, const expand_level *level, gal_expand *parts, expand_shape *s) {
    gal_expand_split(node, parts);
    const char *why = gal_conv_f32_decode(&parts->first, level->gemm->vec, &s->first);
    if (why == NULL) why = gal_conv_dw_decode(&parts->depthwise, level->dw->block, &s->dw);
    if (why != NULL) return why;
    s->second = HEAD + (gal_conv_f32_packed_bytes(&s->first) + LINE - 1) / LINE * LINE;
    s->pitch = gal_at_most(WIDTH, (int64_t)s->first.columns);
    cut_image(s, level->dw->element);
    return NULL;
}

static const char *expand_reject(const gal_node *node, const expand_level *level) {
    gal_expand parts;
    gal_expand_split(node, &parts);
    const char *why = level->reject_first(&parts.first);
    return why != NULL ? why : level->reject_dw(&parts.depthwise);
}

static void expand_needs(const gal_node *node, const expand_level *level, int64_t max_batch, int threads,
                         gal_kernel_needs *needs) {
    gal_expand parts;
    expand_shape s;
    *needs = (gal_kernel_needs){0};
    if (expand_decode(node, level, &parts, &s) != NULL) return;
    needs->packed_bytes = s.second + gal_conv_dw_packed_bytes(&s.dw);
    needs->scratch_bytes =
        (size_t)threads * (s.slot + sizeof(gal_share)) + (size_t)(max_batch * s.parts) * s.dw.columns * sizeof(float);
}

static void expand_pack(const gal_node *node, const expand_level *level, void *packed) {
    gal_expand parts;
    expand_shape s;
    if (expand_decode(node, level, &parts, &s) != NULL) return;
    const gal_columns all = {0, s.first.k};
    level->pack_first(&parts.first, all, (char *)packed + HEAD);
    level->pack_dw(&parts.depthwise, all, (char *)packed + s.second);
    memcpy(packed, &s, sizeof s);
}

/* A task's place: images [n, n + images), a block of channels. */
typedef struct expand_task {
    int64_t n, images, from, columns;
} expand_task;

/* `count` pixels from input pixel `first` on into the scratch. */
static void expand_pixels(const expand_job *job, const expand_task *t, int64_t first, int64_t count, char *out) {
    const gal_pixels pixels = {.conv = job->first,
                               .gemm = job->level->gemm,
                               .x = job->x + (size_t)(first * job->first->c) * sizeof(float),
                               .count = count,
                               .from = t->from,
                               .columns = t->columns,
                               .out = out,
                               .out_pitch = job->shape->pitch};
    gal_conv_pixels(&pixels);
}

/* All of image `image` of the task, its lines in the scratch; the sums of its part `part` begin with nothing. */
static gal_dw_band band_of(const expand_job *job, const expand_task *t, int64_t image, int64_t part,
                           const char *lines) {
    const gal_conv *dw = job->dw;
    gal_dw_band band = {.conv = dw,
                        .x = lines,
                        .y = job->y + (size_t)((t->n + image) * dw->oh * dw->ow * dw->c) * job->element,
                        .end = dw->oh,
                        .c_first = t->from,
                        .c_end = t->from + t->columns,
                        .x_pitch = job->shape->pitch,
                        .y_pitch = dw->c};
    if (job->sum == NULL) return band;
    band.sum = job->sum + (size_t)((t->n + image) * job->shape->parts + part) * dw->columns + t->from;
    memset(band.sum, 0, (size_t)gal_at_most(WIDTH, (int64_t)dw->columns - t->from) * sizeof(float));
    return band;
}

/* Lines [low, high) of the image are in the scratch. */
typedef struct held {
    int64_t low, high;
} held;

/* Part `part` of one image, band by band. */
static void run_part(const expand_job *job, const expand_task *t, int64_t part, held *lines, char *slot) {
    const expand_shape *s = job->shape;
    const gal_conv *dw = job->dw;
    size_t line = (size_t)(dw->w * s->pitch) * job->element;
    int64_t end = (part + 1) * dw->oh / s->parts;
    gal_dw_band band = band_of(job, t, 0, part, slot);
    for (band.first = part * dw->oh / s->parts; band.first < end; band.first = band.end) {
        int64_t from = gal_at_least(band.first * dw->sh - dw->top, 0);
        int64_t rows = s->lines == dw->h ? dw->oh : (s->lines - lines_under(dw, 1)) / dw->sh + 1;
        band.end = gal_at_most(end, band.first + rows);
        int64_t to = gal_at_most(dw->h, (band.end - 1) * dw->sh - dw->top + (dw->r - 1) * dw->dh + 1);
        int64_t kept = gal_at_least(lines->high - from, 0), next = from + kept;
        if (kept > 0) memmove(slot, slot + (size_t)(from - lines->low) * line, (size_t)kept * line);
        if (to > next)
            expand_pixels(job, t, (t->n * dw->h + next) * dw->w, (to - next) * dw->w, slot + (size_t)kept * line);
        lines->low = band.x_line = from, lines->high = gal_at_least(next, to);
        job->level->dw->band(&band);
    }
}

/* Small images: all their pixels at once. */
static void run_images(const expand_job *job, const expand_task *t, char *slot) {
    int64_t area = job->dw->h * job->dw->w;
    expand_pixels(job, t, t->n * area, t->images * area, slot);
    for (int64_t i = 0; i < t->images; i++) {
        const char *lines = slot + (size_t)(i * area * job->shape->pitch) * job->element;
        const gal_dw_band band = band_of(job, t, i, 0, lines);
        job->level->dw->band(&band);
    }
}

static void run_task(const expand_job *job, int64_t index, char *slot) {
    const expand_shape *s = job->shape;
    int64_t block = index % s->blocks, cut = index / s->blocks % job->cuts, group = index / s->blocks / job->cuts;
    expand_task t = {.n = group * job->n / job->groups, .from = block * WIDTH};
    int64_t first = cut * s->parts / job->cuts, end = (cut + 1) * s->parts / job->cuts;
    held lines = {0, 0};
    t.images = (group + 1) * job->n / job->groups - t.n;
    t.columns = gal_at_most(WIDTH, job->dw->c - t.from);
    if (s->images > 1) {
        run_images(job, &t, slot);
    } else {
        for (int64_t part = first; part < end; part++) run_part(job, &t, part, &lines, slot);
    }
}

static void run_slot(void *context, size_t index) {
    expand_job *job = context;
    const expand_shape *s = job->shape;
    char *slot = job->slots + index * s->slot;
    for (int64_t task; (task = gal_share_take(job->shares, job->n_share, (int64_t)index)) >= 0;)
        run_task(job, task, slot);
}

/* The parts' sums, in order, over the pixels. */
static void finish_mean(const expand_job *job, char *mean) {
    const gal_conv *dw = job->dw;
    int64_t parts = job->shape->parts;
    float factor = 1.0f / (float)(dw->oh * dw->ow);
    for (int64_t n = 0; n < job->n; n++)
        job->level->dw->mean(job->sum + (size_t)(n * parts) * dw->columns, parts, dw->columns,
                             mean + (size_t)(n * dw->c) * job->element, (size_t)dw->c, factor);
}

static const void *at(const expand_shape *shape, size_t bytes) {
    return (const char *)shape + bytes;
}

static galen_status expand_run(const gal_call *call, const expand_level *level) {
    const expand_shape *s = call->packed;
    galen_tensor *mean = call->node->n_out > 1 ? call->out[1] : NULL;
    expand_job job = {.shape = s,
                      .first = at(s, HEAD),
                      .level = level,
                      .x = call->in[0]->data,
                      .y = call->out[0]->data,
                      .slots = call->scratch,
                      .element = level->dw->element};
    int threads = gal_pool_threads(call->pool);
    job.dw = at(s, s->second);
    job.shares = (gal_share *)(void *)(job.slots + (size_t)threads * s->slot);
    if (mean != NULL) job.sum = (float *)(void *)(job.shares + threads);
    job.n = call->in[0]->dim[0];
    if (job.n == 0) return GALEN_OK;
    job.groups = gal_ceil_div(job.n, s->images);
    bool enough = threads == 1 || job.groups * s->blocks >= 4 * threads;
    job.cuts = enough ? 1 : s->parts; /* two tasks make the lines between two parts twice */
    job.n_share = gal_at_most(threads, job.groups * job.cuts * s->blocks);
    gal_share_out(job.shares, job.n_share, job.groups * job.cuts * s->blocks);
    gal_pool_run(call->pool, run_slot, &job, (size_t)job.n_share);
    if (mean != NULL) finish_mean(&job, mean->data);
    return GALEN_OK;
}

#define EXPAND(name, tile)                                                                                             \
    static const expand_level level_##name = {.gemm = &(tile),                                                         \
                                              .dw = &gal_dw_##name,                                                    \
                                              .reject_first = gal_conv_##name##_reject,                                \
                                              .reject_dw = gal_conv_dw_##name##_reject,                                \
                                              .pack_first = gal_conv_##name##_pack,                                    \
                                              .pack_dw = gal_conv_dw_##name##_pack};                                   \
    const char *gal_expand_##name##_reject(const gal_node *node) {                                                     \
        return expand_reject(node, &level_##name);                                                                     \
    }                                                                                                                  \
    void gal_expand_##name##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {    \
        expand_needs(node, &level_##name, max_batch, threads, needs);                                                  \
    }                                                                                                                  \
    void gal_expand_##name##_pack(const gal_node *node, gal_columns part, void *packed) {                              \
        (void)part;                                                                                                    \
        expand_pack(node, &level_##name, packed);                                                                      \
    }                                                                                                                  \
    galen_status gal_expand_##name##_run(const gal_call *call, galen_error *err) {                                     \
        (void)err;                                                                                                     \
        return expand_run(call, &level_##name);                                                                        \
    }
#define EXPAND_F32(level)  EXPAND(f32_##level, gal_tile_##level)
#define EXPAND_HALF(level) EXPAND(level, gal_tile_##level)

GAL_EACH_LEVEL(EXPAND_F32)
GAL_EACH_HALF_LEVEL(EXPAND_HALF)
