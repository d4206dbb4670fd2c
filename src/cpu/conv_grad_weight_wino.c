/*
 * Weight gradient by Winograd (conv_grad_wino.h), one call. A thread computes a part: for each chunk of tiles, X of its
 * channels and dY of its outputs are transformed and the products of each position added to its sums,
 * [position][channel][output]; at the end the sums become taps. How the parts are cut changes no bit.
 */
#include "base/whole.h"
#include "cpu/conv_grad_wino.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <string.h>

enum {
    POSITIONS = GAL_GRAD_WINO_SIDE * GAL_GRAD_WINO_SIDE,
    AHEAD = 8,  /* tiles ahead of the one multiplied that are fetched */
    ROWS = 12,  /* the most channels of any level's register tile */
    WIDTH = 32, /* and two of its vectors */
};

typedef struct wino_job {
    gal_grad_wino w;
    const gal_grad_wino_level *level;
    const char *x, *dy;
    size_t element; /* bytes */
    const float *zero;
    char *parts;
    float *out;
} wino_job;

/* Blocks [block, block_end), which begin with channel c, by outputs [k, k + outputs). */
typedef struct wino_part {
    const wino_job *job;
    int64_t block, block_end, c, channels, k, outputs;
    gal_grad_pixel *list;
    float *pixels, *gradients, *sums;
    int64_t first, tiles; /* of the chunk */
} wino_part;

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

static void transform_tile(const wino_part *p, int64_t t) {
    const wino_job *job = p->job;
    const gal_grad_wino *w = &job->w;
    const gal_window *window = &w->g.window;
    const void *pixel[POSITIONS];
    int64_t tile = p->first + t, each = w->down * w->across, image = tile / each, rest = tile % each;
    int64_t h = rest / w->across * GAL_GRAD_WINO_TILE, across = rest % w->across * GAL_GRAD_WINO_TILE;
    size_t x_pixel = (size_t)w->g.channels * job->element, dy_pixel = (size_t)w->g.outputs * job->element;
    const char *x = job->x + (size_t)(image * window->in[1] * window->in[2]) * x_pixel + (size_t)p->c * job->element;
    const char *dy =
        job->dy + (size_t)(image * window->out[1] * window->out[2]) * dy_pixel + (size_t)p->k * job->element;
    point_square(x, window->in, x_pixel, h - window->before[1], across - window->before[2], GAL_GRAD_WINO_SIDE,
                 job->zero, pixel);
    job->level->wino->input(GAL_GRAD_WINO_TILE, pixel, (size_t)p->channels, p->pixels + (size_t)t * w->pixel,
                            w->x_step);
    point_square(dy, window->out, dy_pixel, h, across, GAL_GRAD_WINO_TILE, job->zero, pixel);
    job->level->dy(pixel, (size_t)p->outputs, p->gradients + (size_t)t * w->columns, w->dy_step);
}

/* ---- products and taps ---- */

/* The first channel of block b, of all channels: blocks are within one of each other in size. */
static int64_t block_channel(const gal_grad_wino *w, int64_t b) {
    return b * w->g.channels / w->blocks;
}

/* Vectors of outputs in the panel that begins with the part's output `column`. */
static int vectors_at(const wino_part *p, int64_t column) {
    return p->outputs - column > p->job->level->grad->vec ? 2 : 1;
}

/* All tiles of the chunk at one position: channels of block b by the panel at `column`. */
static gal_grad_tile product(const wino_part *p, size_t at, int64_t b, int64_t column) {
    const gal_grad_wino *w = &p->job->w;
    int64_t channel = block_channel(w, b);
    return (gal_grad_tile){.x = p->pixels + at * w->x_step + (channel - p->c),
                           .dy = p->gradients + at * w->dy_step + column,
                           .pixel = p->list,
                           .pixels = (size_t)p->tiles,
                           .rows = (int)(block_channel(w, b + 1) - channel),
                           .vectors = vectors_at(p, column),
                           .first = p->first == 0,
                           .x_ahead = AHEAD * w->pixel,
                           .dy_ahead = AHEAD * w->columns};
}

/* The weights of block b and the panel from their sums: channels `stride`, positions `step` floats apart. */
static void write_taps(const wino_part *p, int64_t b, int64_t column, const float *sum, size_t stride, size_t step) {
    const wino_job *job = p->job;
    const gal_grad_level *grad = job->level->grad;
    float taps[ROWS * 9 * WIDTH];
    int64_t channel = block_channel(&job->w, b), rows = block_channel(&job->w, b + 1) - channel;
    int64_t depth = job->w.g.channels * 9, width = vectors_at(p, column) * (int64_t)grad->vec;
    for (int64_t i = 0; i < rows; i++)
        job->level->taps(sum + (size_t)i * stride, step, (size_t)width, taps + i * 9 * width);
    grad->transpose(taps, width, rows * 9, gal_at_most(width, p->outputs - column),
                    job->out + (p->k + column) * depth + channel * 9, depth);
}

/* A batch in one chunk: the sums of a block and a panel lie on the stack. */
static void whole_block(const wino_part *p, int64_t b, int64_t column) {
    const gal_grad_level *grad = p->job->level->grad;
    float sums[POSITIONS * ROWS * WIDTH];
    size_t width = (size_t)vectors_at(p, column) * (size_t)grad->vec, step = 0;
    for (size_t at = 0; at < POSITIONS; at++) {
        gal_grad_tile tile = product(p, at, b, column);
        step = (size_t)tile.rows * width;
        tile.stride = width;
        tile.sum = sums + at * step;
        grad->tile(&tile);
    }
    write_taps(p, b, column, sums, width, step);
}

static float *sums_of(const wino_part *p, int64_t b, int64_t column) {
    const gal_grad_wino *w = &p->job->w;
    return p->sums + (size_t)(block_channel(w, b) - p->c) * w->columns + column;
}

static void add_products(const wino_part *p) {
    const gal_grad_wino *w = &p->job->w;
    const gal_grad_level *grad = p->job->level->grad;
    for (size_t at = 0; at < POSITIONS; at++) {
        for (int64_t column = 0; column < p->outputs; column += 2 * (int64_t)grad->vec) {
            for (int64_t b = p->block; b < p->block_end; b++) {
                gal_grad_tile tile = product(p, at, b, column);
                tile.stride = w->columns;
                tile.sum = sums_of(p, b, column) + at * w->sum_step;
                grad->tile(&tile);
            }
        }
    }
}

static void write_part(const wino_part *p) {
    const gal_grad_wino *w = &p->job->w;
    for (int64_t column = 0; column < p->outputs; column += 2 * (int64_t)p->job->level->grad->vec) {
        for (int64_t b = p->block; b < p->block_end; b++) {
            if (w->whole)
                whole_block(p, b, column);
            else
                write_taps(p, b, column, sums_of(p, b, column), w->columns, w->sum_step);
        }
    }
}

/* ---- a call ---- */

static wino_part part_of(const wino_job *job, int64_t index) {
    const gal_grad_wino *w = &job->w;
    int64_t i = index % w->block_parts, j = index / w->block_parts, panel = 2 * (int64_t)job->level->grad->vec;
    char *own = job->parts + (size_t)index * w->part_bytes;
    wino_part p = {.job = job,
                   .block = i * w->blocks / w->block_parts,
                   .block_end = (i + 1) * w->blocks / w->block_parts,
                   .k = j * w->panels / w->panel_parts * panel,
                   .list = (gal_grad_pixel *)(void *)own,
                   .pixels = (float *)(void *)(own + w->x_at),
                   .gradients = (float *)(void *)(own + w->dy_at),
                   .sums = (float *)(void *)(own + w->sum_at)};
    p.c = block_channel(w, p.block);
    p.channels = block_channel(w, p.block_end) - p.c;
    p.outputs = gal_at_most(w->g.outputs, (j + 1) * w->panels / w->panel_parts * panel) - p.k;
    return p;
}

static void run_part(void *context, size_t index) {
    const wino_job *job = context;
    const gal_grad_wino *w = &job->w;
    wino_part p = part_of(job, (int64_t)index);
    for (int64_t t = 0; t < w->tiles; t++)
        p.list[t] = (gal_grad_pixel){(uint32_t)((size_t)t * w->pixel), (uint32_t)((size_t)t * w->columns)};
    for (; p.first < w->all; p.first += w->tiles) {
        p.tiles = gal_at_most(w->tiles, w->all - p.first);
        for (int64_t t = 0; t < p.tiles; t++) transform_tile(&p, t);
        if (w->whole) break;
        add_products(&p);
    }
    write_part(&p);
}

galen_status gal_grad_wino_run(const gal_call *call, const gal_grad_wino_level *level) {
    wino_job job = {.level = level, .x = call->in[0]->data, .dy = call->in[1]->data, .out = call->out[0]->data};
    const gal_grad_wino *w = &job.w;
    char *scratch = call->scratch;
    int threads = gal_pool_threads(call->pool);
    if (gal_grad_wino_make(call->node, level, call->in[0]->dim[0], threads, &job.w) != NULL) return GALEN_OK;
    if (w->all == 0) {
        memset(job.out, 0, (size_t)galen_tensor_bytes(call->out[0]));
        return GALEN_OK;
    }
    memset(scratch, 0, w->zero_bytes);
    job.element = galen_dtype_size(call->in[0]->dtype);
    job.zero = (const float *)(const void *)scratch;
    job.parts = scratch + w->zero_bytes;
    gal_pool_run(call->pool, run_part, &job, (size_t)(w->block_parts * w->panel_parts));
    return GALEN_OK;
}

/* ---- rows ---- */

#define ROW(row)                                                                                                       \
    const char *gal_conv_grad_weight_wino4_##row##_reject(const gal_node *node) {                                      \
        gal_grad_wino wino;                                                                                            \
        return gal_grad_wino_make(node, &gal_grad_wino_##row, 1, 1, &wino);                                            \
    }                                                                                                                  \
    void gal_conv_grad_weight_wino4_##row##_needs(const gal_node *node, int64_t max_batch, int threads,                \
                                                  gal_kernel_needs *needs) {                                           \
        gal_grad_wino wino;                                                                                            \
        *needs = (gal_kernel_needs){0};                                                                                \
        if (gal_grad_wino_make(node, &gal_grad_wino_##row, max_batch, threads, &wino) == NULL)                         \
            needs->scratch_bytes = gal_grad_wino_bytes(&wino);                                                         \
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
