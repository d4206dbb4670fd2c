/*
 * Weight gradient of convolution: how the pixels are cut into chunks that stay in L2, and the tiles over threads.
 *
 * A line is one row of dY, in bf16 the same row of two images. For each chunk of lines every tile (a tap, channels,
 * outputs) adds its own sum to [channel][tap][output]; at the end that is transposed to the weights' order. Lines a
 * chunk follow from the shape alone and threads take whole tiles, so the order of every sum is fixed by shape and
 * batch.
 *
 * X and dY are read where they lie, but for two cases that copy a chunk first. Few channels: window rows are copied
 * with their padding, so that a window row of s * c words is the rows of one tile. bf16: two images become one of
 * words.
 */
#include "cpu/conv_grad_weight.h"

#include "cpu/levels.h"
#include "cpu/rows.h"
#include "graph/ops/conv_grad.h"

#include <string.h>

enum {
    TABLE = 2048,            /* pixels of a chunk */
    CHUNK_BYTES = 512 << 10, /* of X and dY that every tile walks through again: half of L2 */
    FEW_CHANNELS = 16,       /* in which a tap alone does not fill a tile */
    BLOCK = 16,              /* side of the squares that are transposed */
    MOST = 1 << 30,          /* words of an image: offsets have 32 bits */
};

/* What the node and the level decide; sizes in words. */
typedef struct grad_plan {
    gal_conv_grad g;
    int64_t cg, kg, r, s, oh, ow; /* channels and outputs of a group, window, dY */
    bool pairs;                   /* of images: bf16 */
    bool merged;                  /* a window row is the rows of a tile */
    bool copy_x, copy_dy;
    int64_t columns;                   /* outputs of a group in whole vectors */
    int64_t rows, taps;                /* channels of a tile's tap, taps; window row and window rows when merged */
    int64_t padded;                    /* pixels of a copied window row */
    int64_t x_line, dy_line, dy_pixel; /* words of a line in X and dY; of a pixel of dY */
    int64_t lines;                     /* a chunk */
    size_t x_at, dy_at, bytes;         /* scratch: the sums, then copies of X and dY (bytes from its start), all */
} grad_plan;

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Lines of dY over the whole batch. */
static int64_t lines_of(const grad_plan *p, int64_t batch) {
    return (p->pairs ? ceil_div(batch, 2) : batch) * p->oh;
}

/* Where things lie; p->g, pairs and the level are known. */
static void lay_out(grad_plan *p, const gal_grad_level *level) {
    const gal_window *w = &p->g.window;
    p->cg = p->g.channels / p->g.group, p->kg = p->g.outputs / p->g.group;
    p->r = w->kernel[1], p->s = w->kernel[2], p->oh = w->out[1], p->ow = w->out[2];
    p->merged = p->g.group == 1 && p->cg < FEW_CHANNELS && p->s > 1 && w->dilation[2] == 1;
    p->columns = ceil_div(p->kg, level->vec) * level->vec;
    p->copy_x = p->merged || p->pairs;
    p->copy_dy = p->pairs || p->columns != p->kg;
    p->rows = p->merged ? p->s * p->cg : p->cg;
    p->taps = p->merged ? p->r : p->r * p->s;
    p->padded = (p->ow - 1) * w->stride[2] + (p->s - 1) * w->dilation[2] + 1;
    p->dy_pixel = p->copy_dy ? p->g.group * p->columns : p->g.outputs;
    p->dy_line = p->ow * p->dy_pixel;
    int64_t each = w->stride[1] > ceil_div(w->in[1], p->oh) ? w->stride[1] : ceil_div(w->in[1], p->oh);
    p->x_line = (p->copy_x ? p->r * p->padded : each * w->in[2]) * p->g.channels;
    p->lines = CHUNK_BYTES / ((p->x_line + p->dy_line) * (int64_t)sizeof(float));
    p->lines = at_most(p->lines > 1 ? p->lines : 1, TABLE / p->ow);
    size_t sums = (size_t)(p->g.channels * p->r * p->s * p->columns);
    p->x_at = (sums * sizeof(float) + 63) / 64 * 64;
    p->dy_at = p->x_at + (p->copy_x ? (size_t)(p->lines * p->x_line) * sizeof(float) + 63 : 0) / 64 * 64;
    p->bytes = p->dy_at + (p->copy_dy ? (size_t)(p->lines * p->dy_line) * sizeof(float) : 0);
}

static const char *make_plan(const gal_node *node, const gal_grad_level *level, grad_plan *p) {
    gal_shape shape;
    *p = (grad_plan){.pairs = level->pair != NULL};
    if (gal_conv_grad_weight_shape(node, &p->g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    const gal_window *w = &p->g.window;
    if (p->g.channels < 1 || p->g.outputs < 1 || w->out[1] < 1 || w->out[2] < 1 || w->in[1] < 1 || w->in[2] < 1)
        return "there is nothing to compute";
    if (p->g.group > 1 && p->g.group == p->g.channels && p->g.group == p->g.outputs)
        return "is not for depthwise convolution";
    if (w->out[2] > TABLE) return "a row of pixels is longer than 2048";
    int64_t image, window;
    if (__builtin_mul_overflow(w->in[1] * w->in[2], p->g.channels, &image) || image > MOST ||
        __builtin_mul_overflow(w->out[1] * w->out[2], p->g.outputs, &image) || image > MOST)
        return "an image has more than 2^30 elements";
    if (__builtin_mul_overflow(w->kernel[2] - 1, w->dilation[2], &window) ||
        __builtin_mul_overflow(window + w->out[2] * w->stride[2], w->kernel[1] * p->g.channels, &window) ||
        window > MOST)
        return "a row of windows has more than 2^30 elements";
    lay_out(p, level);
    return NULL;
}

/* ---- one call ---- */

typedef struct grad_job {
    grad_plan p;
    const gal_grad_level *level;
    int64_t batch;
    const char *x, *dy; /* the tensors */
    char *scratch;
    float *sum, *out;
    int64_t line, lines;    /* of the chunk */
    int64_t panels, blocks; /* outputs of a group by two vectors, channels by tiles */
    int64_t parts, part;    /* of the blocks, and blocks in one */
} grad_job;

/* ---- copies ---- */

/* n words of one image or a pair: elements from `at` on of `from`, and of the next image where there is one. */
static void copy_words(const grad_job *job, const char *from, int64_t at, int64_t image, bool alone, float *to,
                       int64_t n) {
    if (!job->p.pairs) {
        memcpy(to, (const float *)(const void *)from + at, (size_t)n * sizeof(float));
        return;
    }
    const uint16_t *a = (const uint16_t *)(const void *)from + at;
    job->level->pair(a, alone ? NULL : a + image, (uint32_t *)(void *)to, (size_t)n);
}

/* The window rows of one line, [window row][padded][channels] with zeros for the padding. */
static void copy_windows(const grad_job *job, int64_t n, bool alone, int64_t oh, float *to) {
    const grad_plan *p = &job->p;
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
    const grad_plan *p = &job->p;
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
    *lo = shift < 0 ? ceil_div(-shift, w->stride[2]) : 0;
    *hi = shift < w->in[2] ? at_most(ceil_div(w->in[2] - shift, w->stride[2]), w->out[2]) : 0;
}

/* The chunk's pixels of one tap, in order. */
static size_t list_pixels(const grad_job *job, int64_t tap, gal_grad_pixel *pixel) {
    const grad_plan *p = &job->p;
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
static int64_t sum_row(const grad_plan *p, int64_t group, int64_t tap, int64_t row) {
    return p->merged ? tap * p->rows + row : (group * p->cg + row) * p->taps + tap;
}

/* Some tiles of one tap and one panel of outputs. */
static void run_unit(void *context, size_t index) {
    const grad_job *job = context;
    const grad_plan *p = &job->p;
    gal_grad_pixel pixel[TABLE];
    int64_t part = (int64_t)index % job->parts, rest = (int64_t)index / job->parts, panel = rest % job->panels;
    int64_t tap = rest / job->panels % p->taps, group = rest / job->panels / p->taps, width = 2 * job->level->vec;
    int64_t end = at_most((part + 1) * job->part, job->blocks), column = panel * width;
    const float *x = (const float *)(const void *)(p->copy_x ? job->scratch + p->x_at : job->x);
    const float *dy = (const float *)(const void *)(p->copy_dy ? job->scratch + p->dy_at : job->dy);
    if (!p->copy_x) x += job->line / p->oh * p->g.window.in[1] * p->g.window.in[2] * p->g.channels;
    if (!p->copy_dy) dy += job->line * p->dy_line;
    gal_grad_tile tile = {.pixel = pixel, .pixels = list_pixels(job, tap, pixel), .first = job->line == 0};
    tile.dy = dy + group * (p->copy_dy ? p->columns : p->kg) + column;
    tile.vectors = p->columns - column > job->level->vec ? 2 : 1;
    tile.stride = (size_t)(p->merged ? p->columns : p->taps * p->columns);
    for (int64_t b = part * job->part; b < end; b++) { /* all within one row of each other in size */
        int64_t row = b * p->rows / job->blocks;
        tile.rows = (int)((b + 1) * p->rows / job->blocks - row);
        tile.x = x + group * p->cg + row;
        tile.sum = job->sum + sum_row(p, group, tap, row) * p->columns + column;
        job->level->tile(&tile);
    }
}

/* ---- to the weights' order ---- */

/* BLOCK outputs of one group: [channel, tap][output] becomes [output][channel, tap]. */
static void run_transpose(void *context, size_t index) {
    const grad_job *job = context;
    const grad_plan *p = &job->p;
    int64_t blocks = ceil_div(p->kg, BLOCK), group = (int64_t)index / blocks, k = (int64_t)index % blocks * BLOCK;
    int64_t outputs = at_most(BLOCK, p->kg - k), window = p->r * p->s, all = p->cg * window;
    float *to = job->out + (group * p->kg + k) * all;
    for (int64_t q = 0; q < all; q += BLOCK) {
        const float *from[BLOCK];
        int64_t count = at_most(BLOCK, all - q);
        for (int64_t i = 0; i < count; i++) {
            int64_t c = (q + i) / window, tap = (q + i) % window;
            int64_t row = p->merged ? sum_row(p, 0, tap / p->s, tap % p->s * p->cg + c) : group * all + q + i;
            from[i] = job->sum + row * p->columns + k;
        }
        for (int64_t j = 0; j < outputs; j++) {
            for (int64_t i = 0; i < count; i++) to[j * all + q + i] = from[i][j];
        }
    }
}

const char *gal_grad_weight_reject(const gal_node *node, const gal_grad_level *level) {
    grad_plan plan;
    return make_plan(node, level, &plan);
}

void gal_grad_weight_needs(const gal_node *node, const gal_grad_level *level, gal_kernel_needs *needs) {
    grad_plan plan;
    *needs = (gal_kernel_needs){0};
    if (make_plan(node, level, &plan) == NULL) needs->scratch_bytes = plan.bytes;
}

galen_status gal_grad_weight_run(const gal_call *call, const gal_grad_level *level) {
    grad_job job = {.level = level, .batch = call->in[0]->dim[0], .x = call->in[0]->data, .dy = call->in[1]->data};
    grad_plan *p = &job.p;
    int threads = gal_pool_threads(call->pool), wanted = threads > 1 ? 4 * threads : 1;
    make_plan(call->node, level, p);
    job.out = call->out[0]->data;
    job.scratch = call->scratch;
    job.sum = call->scratch;
    job.panels = ceil_div(p->columns, 2 * level->vec);
    job.blocks = ceil_div(p->rows, level->mr);
    job.parts = at_most(job.blocks, ceil_div(wanted, p->g.group * p->taps * job.panels));
    job.part = ceil_div(job.blocks, job.parts);
    job.parts = ceil_div(job.blocks, job.part);
    int64_t all = lines_of(p, job.batch);
    do { /* once without lines, should there be none: the sums are zero */
        job.lines = at_most(p->lines, all - job.line);
        if (p->copy_x || p->copy_dy) gal_pool_run(call->pool, copy_line, &job, (size_t)job.lines);
        gal_pool_run(call->pool, run_unit, &job, (size_t)(p->g.group * p->taps * job.panels * job.parts));
        job.line += job.lines;
    } while (job.line < all);
    gal_pool_run(call->pool, run_transpose, &job, (size_t)(p->g.group * ceil_div(p->kg, BLOCK)));
    return GALEN_OK;
}

#define GRAD_WEIGHT(level)                                                                                             \
    const char *gal_conv_grad_weight_f32_##level##_reject(const gal_node *node) {                                      \
        return gal_grad_weight_reject(node, &gal_grad_##level);                                                        \
    }                                                                                                                  \
    void gal_conv_grad_weight_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                \
                                                  gal_kernel_needs *needs) {                                           \
        (void)max_batch, (void)threads;                                                                                \
        gal_grad_weight_needs(node, &gal_grad_##level, needs);                                                         \
    }                                                                                                                  \
    galen_status gal_conv_grad_weight_f32_##level##_run(const gal_call *call, galen_error *err) {                      \
        (void)err;                                                                                                     \
        return gal_grad_weight_run(call, &gal_grad_##level);                                                           \
    }

GAL_EACH_LEVEL(GRAD_WEIGHT)
