/*
 * Weight gradient of convolution: X and dY brought together, and the tiles over threads.
 *
 * Of a batch that is one chunk (conv_grad_weight_plan.c) a thread sums all taps of some channels by one panel of
 * outputs and writes them where they belong. Of a larger one, for each chunk every tile (a tap, channels, outputs) adds
 * its own sum to [channel][tap][output], which is transposed to the weights' order at the end. Chunks follow from shape
 * and batch and threads take whole tiles, so the order of every sum does too.
 *
 * X and dY are read where they lie, but for two cases that copy a chunk first. Few channels: window rows are copied
 * with their padding, so that a window row of s * c words is the rows of one tile. 16 bits: two images of bf16 become
 * one of words, f16 becomes f32.
 */
#include "base/whole.h"
#include "cpu/conv_grad_weight_plan.h"
#include "cpu/levels.h"
#include "cpu/loops_half.h"
#include "cpu/rows.h"

#include <string.h>

enum {
    ROWS = 16, /* the most of any level's tile */
    WIDTH = 32 /* and two of its vectors */
};

/* ---- one call ---- */

typedef struct grad_job {
    gal_grad_plan p;
    const gal_grad_level *level;
    int64_t batch;
    const char *x, *dy; /* the tensors */
    char *scratch;
    float *sum, *out;
    size_t *pixels; /* of each tap and where they lie, where the batch is one chunk */
    gal_grad_pixel *pixel;
    int64_t line, lines;    /* of the chunk */
    int64_t panels, blocks; /* outputs of a group by two vectors, channels by tiles */
    int64_t parts, part;    /* of the blocks, and blocks in one */
} grad_job;

/* ---- copies ---- */

/* n words of one image or a pair: elements from `at` on of `from`, and of the next image where there is one. */
static void copy_words(const grad_job *job, const char *from, int64_t at, int64_t image, bool alone, float *to,
                       int64_t n) {
    if (job->level->widen != NULL) {
        job->level->widen((const uint16_t *)(const void *)from + at, to, (size_t)n);
        return;
    }
    if (!job->p.pairs) {
        memcpy(to, (const float *)(const void *)from + at, (size_t)n * sizeof(float));
        return;
    }
    const uint16_t *a = (const uint16_t *)(const void *)from + at;
    job->level->pair(a, alone ? NULL : a + image, (uint32_t *)(void *)to, (size_t)n);
}

/* The window rows of one line, [window row][padded][channels] with zeros for the padding. */
static void copy_windows(const grad_job *job, int64_t n, bool alone, int64_t oh, float *to) {
    const gal_grad_plan *p = &job->p;
    const gal_window *w = &p->g.window;
    int64_t c = p->g.channels, image = w->in[1] * w->in[2] * c, from = w->before[2], end = w->before[2] + w->in[2];
    if (from > p->padded) from = p->padded;
    if (end > p->padded) end = p->padded;
    for (int64_t r = 0; r < p->r; r++, to += p->padded * c) {
        int64_t h = oh * w->stride[1] - w->before[1] + r * w->dilation[1];
        if (h < 0 || h >= w->in[1]) continue; /* its pixels are not in the list */
        memset(to, 0, (size_t)(from * c) * sizeof *to);
        copy_words(job, job->x, n * image + (h * w->in[2] + from - w->before[2]) * c, image, alone, to + from * c,
                   (end - from) * c);
        memset(to + end * c, 0, (size_t)((p->padded - end) * c) * sizeof *to);
    }
}

static void copy_line(void *context, size_t index) {
    const grad_job *job = context;
    const gal_grad_plan *p = &job->p;
    int64_t line = job->line + (int64_t)index, n = line / p->oh * (p->pairs ? 2 : 1), oh = line % p->oh;
    bool alone = n + 1 >= job->batch;
    if (p->copy_x)
        copy_windows(job, n, alone, oh, (float *)(void *)(job->scratch + p->x_at) + (int64_t)index * p->x_line);
    if (!p->copy_dy) return;
    float *to = (float *)(void *)(job->scratch + p->dy_at) + (int64_t)index * p->dy_line;
    int64_t image = p->oh * p->ow * p->g.outputs, at = n * image + oh * p->ow * p->g.outputs;
    if (p->kg == p->columns) {
        copy_words(job, job->dy, at, image, alone, to, p->ow * p->g.outputs);
        return;
    }
    for (int64_t i = 0; i < p->ow * p->g.group; i++, at += p->kg, to += p->columns) {
        copy_words(job, job->dy, at, image, alone, to, p->kg);
        memset(to + p->kg, 0, (size_t)(p->columns - p->kg) * sizeof *to);
    }
}

/* ---- tiles ---- */

/* Output columns [*lo, *hi) that tap s of a window row brings to pixels of the image. */
static void columns_inside(const gal_window *w, int64_t s, int64_t *lo, int64_t *hi) {
    int64_t shift = s * w->dilation[2] - w->before[2];
    *lo = shift < 0 ? gal_ceil_div(-shift, w->stride[2]) : 0;
    *hi = shift < w->in[2] ? gal_at_most(gal_ceil_div(w->in[2] - shift, w->stride[2]), w->out[2]) : 0;
}

/* The chunk's pixels of one tap, in order. */
static size_t list_pixels(const grad_job *job, int64_t tap, gal_grad_pixel *pixel) {
    const gal_grad_plan *p = &job->p;
    const gal_window *w = &p->g.window;
    int64_t r = p->merged ? tap : tap / p->s, s = p->merged ? 0 : tap % p->s, lo = 0, hi = p->ow;
    size_t n = 0;
    if (!p->merged) columns_inside(w, s, &lo, &hi);
    for (int64_t i = 0; i < job->lines; i++) {
        int64_t image = (job->line + i) / p->oh - job->line / p->oh, oh = (job->line + i) % p->oh;
        int64_t h = oh * w->stride[1] - w->before[1] + r * w->dilation[1];
        if (h < 0 || h >= w->in[1]) continue;
        int64_t row = p->copy_x ? (i * p->r + r) * p->padded : (image * w->in[1] + h) * w->in[2] - w->before[2];
        int64_t x = (row + lo * w->stride[2] + s * w->dilation[2]) * p->g.channels;
        int64_t dy = i * p->dy_line + lo * p->dy_pixel, step = w->stride[2] * p->g.channels;
        for (int64_t o = lo; o < hi; o++, x += step, dy += p->dy_pixel)
            pixel[n++] = (gal_grad_pixel){(uint32_t)x, (uint32_t)dy};
    }
    return n;
}

/* Where the sums of row `row` of a tap lie: [channel][tap] but for window rows, which stay in their own order. */
static int64_t sum_row(const gal_grad_plan *p, int64_t group, int64_t tap, int64_t row) {
    return p->merged ? tap * p->rows + row : (group * p->cg + row) * p->taps + tap;
}

/* A tile at its group's first channel and the first output of a panel. */
static gal_grad_tile panel_tile(const grad_job *job, int64_t group, int64_t column) {
    const gal_grad_plan *p = &job->p;
    const float *x = (const float *)(const void *)(p->copy_x ? job->scratch + p->x_at : job->x);
    const float *dy = (const float *)(const void *)(p->copy_dy ? job->scratch + p->dy_at : job->dy);
    if (!p->copy_x) x += job->line / p->oh * p->g.window.in[1] * p->g.window.in[2] * p->g.channels;
    if (!p->copy_dy) dy += job->line * p->dy_line;
    return (gal_grad_tile){.x = x + group * p->cg,
                           .dy = dy + group * (p->copy_dy ? p->columns : p->kg) + column,
                           .vectors = p->columns - column > job->level->vec ? 2 : 1,
                           .first = job->line == 0};
}

/* The first row of block b: all within one row of each other in size. */
static int64_t block_row(const grad_job *job, int64_t b) {
    return b * job->p.rows / job->blocks;
}

static bool has_next_chunk(const grad_job *job) {
    return job->line + 2 * job->lines <= job->p.all;
}

/* Words from the chunk's first line of X to that of the next chunk, where tiles read them from memory. */
static size_t x_ahead(const grad_job *job) {
    const gal_grad_plan *p = &job->p;
    int64_t now = job->line, next = job->line + job->lines, image = p->g.window.in[1] * p->g.window.in[2];
    if (p->copy_x || !has_next_chunk(job)) return 0;
    int64_t lines = (next % p->oh - now % p->oh) * p->g.window.stride[1] * p->g.window.in[2];
    return (size_t)(((next / p->oh - now / p->oh) * image + lines) * p->g.channels);
}

static size_t dy_ahead(const grad_job *job) {
    return job->p.copy_dy || !has_next_chunk(job) ? 0 : (size_t)(job->lines * job->p.dy_line);
}

/* Some tiles of one tap and one panel of outputs. */
static void run_unit(void *context, size_t index) {
    const grad_job *job = context;
    const gal_grad_plan *p = &job->p;
    gal_grad_pixel pixel[GAL_GRAD_PIXELS];
    int64_t part = (int64_t)index % job->parts, rest = (int64_t)index / job->parts;
    int64_t column = rest % job->panels * 2 * job->level->vec, tap = rest / job->panels % p->taps;
    int64_t group = rest / job->panels / p->taps, end = gal_at_most((part + 1) * job->part, job->blocks);
    gal_grad_tile tile = panel_tile(job, group, column);
    const float *x = tile.x;
    tile.pixel = pixel;
    tile.pixels = list_pixels(job, tap, pixel);
    tile.stride = (size_t)(p->merged ? p->columns : p->taps * p->columns);
    if (tap == 0 && column == 0) tile.x_ahead = x_ahead(job);
    if (job->level->begin != NULL) job->level->begin();
    for (int64_t b = part * job->part; b < end; b++) {
        int64_t row = block_row(job, b);
        tile.rows = (int)(block_row(job, b + 1) - row);
        tile.x = x + row;
        tile.sum = job->sum + sum_row(p, group, tap, row) * p->columns + column;
        tile.dy_ahead = tap == 0 && b == 0 ? dy_ahead(job) : 0;
        job->level->tile(&tile);
    }
    if (job->level->end != NULL) job->level->end();
}

/* ---- a batch in one chunk ---- */

static void list_tap(void *context, size_t tap) {
    const grad_job *job = context;
    job->pixels[tap] = list_pixels(job, (int64_t)tap, job->pixel + tap * GAL_GRAD_PIXELS);
}

/* All taps of one block of channels by one panel of outputs, written to the weights. */
static void run_whole(void *context, size_t index) {
    const grad_job *job = context;
    const gal_grad_plan *p = &job->p;
    float sum[ROWS * GAL_GRAD_WHOLE_TAPS * WIDTH];
    int64_t b = (int64_t)index % job->blocks, rest = (int64_t)index / job->blocks, group = rest / job->panels;
    int64_t column = rest % job->panels * 2 * job->level->vec, row = block_row(job, b);
    gal_grad_tile tile = panel_tile(job, group, column);
    int64_t width = tile.vectors * job->level->vec, outputs = gal_at_most(width, p->kg - column);
    tile.rows = (int)(block_row(job, b + 1) - row);
    tile.x += row;
    tile.stride = (size_t)(p->taps * width);
    if (job->level->begin != NULL) job->level->begin();
    for (int64_t tap = 0; tap < p->taps; tap++) {
        tile.pixel = job->pixel + tap * GAL_GRAD_PIXELS;
        tile.pixels = job->pixels[tap];
        tile.sum = sum + tap * width;
        job->level->tile(&tile);
    }
    if (job->level->end != NULL) job->level->end();
    job->level->transpose(sum, width, tile.rows * p->taps, outputs,
                          job->out + ((group * p->kg + column) * p->cg + row) * p->taps, p->cg * p->taps);
}

/* ---- to the weights' order ---- */

/* Window rows are few: number by number. */
static void transpose_merged(const grad_job *job, int64_t k, int64_t outputs) {
    const gal_grad_plan *p = &job->p;
    float *to = job->out + k * p->cg * p->r * p->s;
    for (int64_t j = k; j < k + outputs; j++) {
        for (int64_t c = 0; c < p->cg; c++) {
            for (int64_t tap = 0; tap < p->r * p->s; tap++)
                *to++ = job->sum[sum_row(p, 0, tap / p->s, tap % p->s * p->cg + c) * p->columns + j];
        }
    }
}

/* A panel of outputs of one group: [channel, tap][output] becomes [output][channel, tap]. */
static void run_transpose(void *context, size_t index) {
    const grad_job *job = context;
    const gal_grad_plan *p = &job->p;
    int64_t group = (int64_t)index / job->panels, k = (int64_t)index % job->panels * 2 * job->level->vec;
    int64_t outputs = gal_at_most(2 * job->level->vec, p->kg - k), all = p->cg * p->taps;
    if (p->merged)
        transpose_merged(job, k, outputs);
    else
        job->level->transpose(job->sum + group * all * p->columns + k, p->columns, all, outputs,
                              job->out + (group * p->kg + k) * all, all);
}

/* ---- rows ---- */

const char *gal_grad_weight_reject(const gal_node *node, const gal_grad_level *level) {
    gal_grad_plan plan;
    return gal_grad_plan_make(node, level, 1, &plan);
}

void gal_grad_weight_needs(const gal_node *node, const gal_grad_level *level, int64_t max_batch,
                           gal_kernel_needs *needs) {
    gal_grad_plan plan;
    *needs = (gal_kernel_needs){0};
    if (gal_grad_plan_make(node, level, max_batch, &plan) == NULL) needs->scratch_bytes = plan.bytes;
}

static void run_chunks(grad_job *job, gal_pool *pool) {
    const gal_grad_plan *p = &job->p;
    int threads = gal_pool_threads(pool), wanted = threads > 1 ? 4 * threads : 1;
    job->parts = gal_at_most(job->blocks, gal_ceil_div(wanted, p->g.group * p->taps * job->panels));
    job->part = gal_ceil_div(job->blocks, job->parts);
    job->parts = gal_ceil_div(job->blocks, job->part);
    job->sum = (float *)(void *)job->scratch;
    do { /* once without lines, should there be none: the sums are zero */
        job->lines = gal_at_most(p->lines, p->all - job->line);
        if (p->copy_x || p->copy_dy) gal_pool_run(pool, copy_line, job, (size_t)job->lines);
        gal_pool_run(pool, run_unit, job, (size_t)(p->g.group * p->taps * job->panels * job->parts));
        job->line += job->lines;
    } while (job->line < p->all);
    gal_pool_run(pool, run_transpose, job, (size_t)(p->g.group * job->panels));
}

galen_status gal_grad_weight_run(const gal_call *call, const gal_grad_level *level) {
    grad_job job = {.level = level, .batch = call->in[0]->dim[0], .x = call->in[0]->data, .dy = call->in[1]->data};
    const gal_grad_plan *p = &job.p;
    gal_grad_plan_make(call->node, level, job.batch, &job.p);
    job.out = call->out[0]->data;
    job.scratch = call->scratch;
    job.panels = gal_ceil_div(p->columns, 2 * level->vec);
    job.blocks = gal_ceil_div(p->rows, level->mr);
    if (!p->whole) {
        run_chunks(&job, call->pool);
        return GALEN_OK;
    }
    job.pixels = call->scratch;
    job.pixel = (gal_grad_pixel *)(void *)(job.pixels + p->taps);
    job.lines = p->all;
    if (p->copy_x || p->copy_dy) gal_pool_run(call->pool, copy_line, &job, (size_t)job.lines);
    gal_pool_run(call->pool, list_tap, &job, (size_t)p->taps);
    gal_pool_run(call->pool, run_whole, &job, (size_t)(p->g.group * job.panels * job.blocks));
    return GALEN_OK;
}

#define GRAD_WEIGHT(row, level)                                                                                        \
    const char *gal_conv_grad_weight_##row##_reject(const gal_node *node) {                                            \
        return gal_grad_weight_reject(node, level);                                                                    \
    }                                                                                                                  \
    void gal_conv_grad_weight_##row##_needs(const gal_node *node, int64_t max_batch, int threads,                      \
                                            gal_kernel_needs *needs) {                                                 \
        (void)threads;                                                                                                 \
        gal_grad_weight_needs(node, level, max_batch, needs);                                                          \
    }                                                                                                                  \
    galen_status gal_conv_grad_weight_##row##_run(const gal_call *call, galen_error *err) {                            \
        (void)err;                                                                                                     \
        return gal_grad_weight_run(call, level);                                                                       \
    }
#define GRAD_WEIGHT_F32(level) GRAD_WEIGHT(f32_##level, &gal_grad_##level)
GAL_EACH_LEVEL(GRAD_WEIGHT_F32)

#if defined(__x86_64__)
/* The f32 tiles of a level over what its loops widen: no instruction multiplies f16. */
#define GRAD_WEIGHT_F16(level)                                                                                         \
    static const gal_grad_level *f16_##level(gal_grad_level *room) {                                                   \
        *room = gal_grad_##level;                                                                                      \
        room->widen = gal_loops_f16_##level.widen;                                                                     \
        return room;                                                                                                   \
    }                                                                                                                  \
    GRAD_WEIGHT(f16_##level, f16_##level(&(gal_grad_level){.mr = 0}))
GAL_EACH_LEVEL(GRAD_WEIGHT_F16)
#endif
