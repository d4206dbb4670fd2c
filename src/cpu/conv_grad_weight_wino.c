/*
 * Weight gradient by Winograd (conv_grad_wino.h), one call: for each chunk of tiles, X and dY are transformed and the
 * products of each position added to its sums, [position][channel][output]; at the end the sums become taps. Threads
 * share tiles, then positions and channels, then the weights: how changes no bit.
 */
#include "cpu/conv_grad_wino.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <string.h>

enum {
    POSITIONS = GAL_GRAD_WINO_SIDE * GAL_GRAD_WINO_SIDE,
    AT_ONCE = 4, /* tiles that a task transforms */
    AHEAD = 8,   /* tiles ahead of the one multiplied that are fetched */
    ROWS = 12,   /* the most channels of any level's register tile */
    WIDTH = 32,  /* and two of its vectors */
    WHOLE = 36,  /* products are cut by position only for fewer threads than this over four */
};

typedef struct wino_job {
    gal_grad_wino w;
    const gal_grad_wino_level *level;
    const char *x, *dy;
    size_t element; /* bytes */
    const float *zero;
    gal_grad_pixel *list;
    float *pixels, *gradients, *sums, *out;
    int64_t first, tiles;   /* of the chunk */
    int64_t blocks, panels; /* channels by register tiles, outputs by two vectors */
    int64_t part, parts;    /* blocks of a task, such parts of a position */
} wino_job;

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* ---- transforms ---- */

/* Pixels of a square at (h, w) of one image, zeros outside of it. */
static void point_square(const char *image, const int64_t size[3], size_t pixel, int64_t h, int64_t w, int side,
                         const float *zero, const void **to) {
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            bool inside = (uint64_t)(h + i) < (uint64_t)size[1] && (uint64_t)(w + j) < (uint64_t)size[2];
            const char *at = inside ? image + (size_t)((h + i) * size[2] + w + j) * pixel : NULL;
            to[i * side + j] = inside ? (const void *)at : zero;
        }
    }
}

static void transform_tile(const wino_job *job, int64_t t) {
    const gal_grad_wino *w = &job->w;
    const gal_window *window = &w->g.window;
    const void *pixel[POSITIONS];
    int64_t tile = job->first + t, each = w->down * w->across, image = tile / each, rest = tile % each;
    int64_t h = rest / w->across * GAL_GRAD_WINO_TILE, across = rest % w->across * GAL_GRAD_WINO_TILE;
    size_t x_pixel = (size_t)w->g.channels * job->element, dy_pixel = (size_t)w->g.outputs * job->element;
    const char *x = job->x + (size_t)(image * window->in[1] * window->in[2]) * x_pixel;
    const char *dy = job->dy + (size_t)(image * window->out[1] * window->out[2]) * dy_pixel;
    point_square(x, window->in, x_pixel, h - window->before[1], across - window->before[2], GAL_GRAD_WINO_SIDE,
                 job->zero, pixel);
    job->level->wino->input(GAL_GRAD_WINO_TILE, pixel, (size_t)w->g.channels, job->pixels + (size_t)t * w->pixel,
                            w->x_step);
    point_square(dy, window->out, dy_pixel, h, across, GAL_GRAD_WINO_TILE, job->zero, pixel);
    job->level->dy(pixel, (size_t)w->g.outputs, job->gradients + (size_t)t * w->columns, w->dy_step);
}

static void run_transform(void *context, size_t index) {
    const wino_job *job = context;
    int64_t from = (int64_t)index * AT_ONCE, end = at_most(from + AT_ONCE, job->tiles);
    for (int64_t t = from; t < end; t++) transform_tile(job, t);
}

/* ---- products and taps ---- */

/* The first channel of block b: all within one of each other in size. */
static int64_t block_row(const wino_job *job, int64_t b) {
    return b * job->w.g.channels / job->blocks;
}

/* All tiles of the chunk at one position: channels of block b by the panel at `column`. */
static gal_grad_tile product(const wino_job *job, size_t at, int64_t b, size_t column) {
    const gal_grad_wino *w = &job->w;
    int64_t row = block_row(job, b);
    return (gal_grad_tile){.x = job->pixels + at * w->x_step + row,
                           .dy = job->gradients + at * w->dy_step + column,
                           .pixel = job->list,
                           .pixels = (size_t)job->tiles,
                           .rows = (int)(block_row(job, b + 1) - row),
                           .vectors = w->columns - column > (size_t)job->level->grad->vec ? 2 : 1,
                           .first = job->first == 0,
                           .x_ahead = AHEAD * w->pixel,
                           .dy_ahead = AHEAD * w->columns};
}

/* The weights of block b and the panel from their sums: channels `stride`, positions `step` floats apart. */
static void write_taps(const wino_job *job, int64_t b, size_t column, const float *sum, size_t stride, size_t step) {
    const gal_grad_wino *w = &job->w;
    float taps[ROWS * 9 * WIDTH];
    int64_t row = block_row(job, b), rows = block_row(job, b + 1) - row, depth = w->g.channels * 9;
    size_t panel = 2 * (size_t)job->level->grad->vec, left = w->columns - column, width = left < panel ? left : panel;
    int64_t outputs = at_most((int64_t)width, w->g.outputs - (int64_t)column);
    for (int64_t i = 0; i < rows; i++)
        job->level->taps(sum + (size_t)i * stride, step, width, taps + (size_t)i * 9 * width);
    job->level->grad->transpose(taps, (int64_t)width, rows * 9, outputs, job->out + (int64_t)column * depth + row * 9,
                                depth);
}

/* A batch in one chunk: the sums of a block and a panel stay with the thread. */
static void run_whole(void *context, size_t index) {
    const wino_job *job = context;
    float sums[POSITIONS * ROWS * WIDTH];
    int64_t b = (int64_t)index % job->blocks;
    size_t vec = (size_t)job->level->grad->vec, column = index / (size_t)job->blocks * 2 * vec, width = 0, step = 0;
    for (size_t at = 0; at < POSITIONS; at++) {
        gal_grad_tile tile = product(job, at, b, column);
        width = (size_t)tile.vectors * vec, step = (size_t)tile.rows * width;
        tile.stride = width;
        tile.sum = sums + at * step;
        job->level->grad->tile(&tile);
    }
    write_taps(job, b, column, sums, width, step);
}

/* Some blocks of one position by all panels. */
static void run_products(void *context, size_t index) {
    const wino_job *job = context;
    const gal_grad_wino *w = &job->w;
    size_t at = index / (size_t)job->parts, panel = 2 * (size_t)job->level->grad->vec;
    int64_t first = (int64_t)index % job->parts * job->part, end = at_most(first + job->part, job->blocks);
    for (size_t column = 0; column < w->columns; column += panel) {
        for (int64_t b = first; b < end; b++) {
            gal_grad_tile tile = product(job, at, b, column);
            tile.stride = w->columns;
            tile.sum = job->sums + at * w->sum_step + (size_t)block_row(job, b) * w->columns + column;
            job->level->grad->tile(&tile);
        }
    }
}

static void run_taps(void *context, size_t index) {
    const wino_job *job = context;
    const gal_grad_wino *w = &job->w;
    int64_t b = (int64_t)index % job->blocks;
    size_t column = index / (size_t)job->blocks * 2 * (size_t)job->level->grad->vec;
    write_taps(job, b, column, job->sums + (size_t)block_row(job, b) * w->columns + column, w->columns, w->sum_step);
}

/* ---- a call ---- */

static void transform_chunk(wino_job *job, gal_pool *pool) {
    job->tiles = at_most(job->w.tiles, job->w.all - job->first);
    for (int64_t t = 0; t < job->tiles; t++)
        job->list[t] = (gal_grad_pixel){(uint32_t)((size_t)t * job->w.pixel), (uint32_t)((size_t)t * job->w.columns)};
    gal_pool_run(pool, run_transform, job, (size_t)ceil_div(job->tiles, AT_ONCE));
}

galen_status gal_grad_wino_run(const gal_call *call, const gal_grad_wino_level *level) {
    wino_job job = {.level = level, .x = call->in[0]->data, .dy = call->in[1]->data, .out = call->out[0]->data};
    const gal_grad_wino *w = &job.w;
    char *scratch = call->scratch;
    int threads = gal_pool_threads(call->pool);
    if (gal_grad_wino_make(call->node, level, call->in[0]->dim[0], &job.w) != NULL) return GALEN_OK;
    if (w->all == 0) {
        memset(job.out, 0, (size_t)galen_tensor_bytes(call->out[0]));
        return GALEN_OK;
    }
    memset(scratch + w->zero_at, 0, w->list_at - w->zero_at);
    job.element = galen_dtype_size(call->in[0]->dtype);
    job.zero = (const float *)(const void *)(scratch + w->zero_at);
    job.list = (gal_grad_pixel *)(void *)(scratch + w->list_at);
    job.pixels = (float *)(void *)(scratch + w->x_at), job.gradients = (float *)(void *)(scratch + w->dy_at);
    job.sums = (float *)(void *)(scratch + w->sum_at);
    job.blocks = ceil_div(w->g.channels, level->grad->mr);
    job.panels = ceil_div((int64_t)w->columns, 2 * (int64_t)level->grad->vec);
    job.parts = at_most(job.blocks, ceil_div(4 * threads, WHOLE));
    job.part = ceil_div(job.blocks, job.parts);
    job.parts = ceil_div(job.blocks, job.part);
    for (; job.first < w->all; job.first += w->tiles) {
        transform_chunk(&job, call->pool);
        if (w->whole) break;
        gal_pool_run(call->pool, run_products, &job, (size_t)(POSITIONS * job.parts));
    }
    gal_pool_run(call->pool, w->whole ? run_whole : run_taps, &job, (size_t)(job.blocks * job.panels));
    return GALEN_OK;
}

/* ---- rows ---- */

#define ROW(row)                                                                                                       \
    const char *gal_conv_grad_weight_wino4_##row##_reject(const gal_node *node) {                                      \
        gal_grad_wino wino;                                                                                            \
        return gal_grad_wino_make(node, &gal_grad_wino_##row, 1, &wino);                                               \
    }                                                                                                                  \
    void gal_conv_grad_weight_wino4_##row##_needs(const gal_node *node, int64_t max_batch, int threads,                \
                                                  gal_kernel_needs *needs) {                                           \
        gal_grad_wino wino;                                                                                            \
        (void)threads;                                                                                                 \
        *needs = (gal_kernel_needs){0};                                                                                \
        if (gal_grad_wino_make(node, &gal_grad_wino_##row, max_batch, &wino) == NULL)                                  \
            needs->scratch_bytes = wino.bytes;                                                                         \
    }                                                                                                                  \
    galen_status gal_conv_grad_weight_wino4_##row##_run(const gal_call *call, galen_error *err) {                      \
        (void)err;                                                                                                     \
        return gal_grad_wino_run(call, &gal_grad_wino_##row);                                                          \
    }
#define LEVEL(level) ROW(f32_##level)

GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROW(bf16_avx512bf16)
#endif
