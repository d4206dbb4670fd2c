/*
 * Weight gradient of convolution: lines a chunk.
 *
 * A line is one row of dY, in bf16 the same row of two images. A chunk is as many as stay in L2 with the rows of X that
 * they meet, and follows from the shape. A batch of few pixels is one chunk whatever its bytes: a tile walks through
 * few enough, and sums that take megabytes need not be stored and read again.
 */
#include "cpu/conv_grad_weight_plan.h"
#include "base/whole.h"

enum {
    CHUNK_BYTES = 512 << 10, /* of X and dY that every tile walks through again: half of L2 */
    COPY_BYTES = 4 << 20,    /* of copies, for a batch in one chunk */
    FEW_CHANNELS = 16,       /* in which a tap alone does not fill a tile */
    MOST = 1 << 30,          /* words of an image: offsets have 32 bits */
};

/* Sizes; p->g and pairs are known. */
static void lay_out(gal_grad_plan *p, const gal_grad_level *level) {
    const gal_window *w = &p->g.window;
    p->cg = p->g.channels / p->g.group, p->kg = p->g.outputs / p->g.group;
    p->r = w->kernel[1], p->s = w->kernel[2], p->oh = w->out[1], p->ow = w->out[2];
    p->merged = p->g.group == 1 && p->cg < FEW_CHANNELS && p->s > 1 && w->dilation[2] == 1;
    p->columns = gal_ceil_div(p->kg, level->vec) * level->vec;
    bool half = p->pairs || level->widen != NULL;
    p->copy_x = p->merged || half;
    p->copy_dy = half || p->columns != p->kg;
    p->rows = p->merged ? p->s * p->cg : p->cg;
    p->taps = p->merged ? p->r : p->r * p->s;
    p->padded = (p->ow - 1) * w->stride[2] + (p->s - 1) * w->dilation[2] + 1;
    p->dy_pixel = p->copy_dy ? p->g.group * p->columns : p->g.outputs;
    p->dy_line = p->ow * p->dy_pixel;
    int64_t each = w->stride[1] > gal_ceil_div(w->in[1], p->oh) ? w->stride[1] : gal_ceil_div(w->in[1], p->oh);
    p->x_line = (p->copy_x ? p->r * p->padded : each * w->in[2]) * p->g.channels;
}

/* The most lines that may be one chunk as a whole batch; 0: never. Few channels copy windows and have few sums. */
static int64_t whole_lines(const gal_grad_plan *p) {
    int64_t copies = ((p->copy_x ? p->x_line : 0) + (p->copy_dy ? p->dy_line : 0)) * (int64_t)sizeof(float);
    int64_t lines = gal_at_most(GAL_GRAD_PIXELS / p->ow, MOST / p->x_line);
    if (p->merged || p->taps > GAL_GRAD_WHOLE_TAPS) return 0;
    return copies == 0 ? lines : gal_at_most(lines, COPY_BYTES / copies);
}

static size_t lines_bytes(int64_t lines, int64_t line) {
    return ((size_t)(lines * line) * sizeof(float) + 63) / 64 * 64;
}

/* Chunks and scratch memory for a batch. */
static void cut(gal_grad_plan *p, int64_t batch) {
    int64_t most = whole_lines(p), line = (p->x_line + p->dy_line) * (int64_t)sizeof(float);
    p->all = (p->pairs ? gal_ceil_div(batch, 2) : batch) * p->oh;
    p->whole = p->all <= most;
    p->lines = CHUNK_BYTES / line;
    p->lines = p->whole ? p->all : gal_at_most(p->lines > 1 ? p->lines : 1, GAL_GRAD_PIXELS / p->ow);
    size_t lists = (size_t)p->taps * (sizeof(size_t) + GAL_GRAD_PIXELS * sizeof(gal_grad_pixel));
    size_t sums = (size_t)(p->g.channels * p->r * p->s * p->columns) * sizeof(float);
    size_t front = p->whole || (most > 0 && lists > sums) ? lists : sums;
    int64_t lines = !p->whole && most > p->lines ? gal_at_most(most, p->all) : p->lines;
    p->x_at = (front + 63) / 64 * 64;
    p->dy_at = p->x_at + (p->copy_x ? lines_bytes(lines, p->x_line) : 0);
    p->bytes = p->dy_at + (p->copy_dy ? lines_bytes(lines, p->dy_line) : 0);
}

const char *gal_grad_plan_make(const gal_node *node, const gal_grad_level *level, int64_t batch, gal_grad_plan *p) {
    gal_shape shape;
    *p = (gal_grad_plan){.pairs = level->pair != NULL};
    if (gal_conv_grad_weight_shape(node, &p->g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    const gal_window *w = &p->g.window;
    if (p->g.channels < 1 || p->g.outputs < 1 || w->out[1] < 1 || w->out[2] < 1 || w->in[1] < 1 || w->in[2] < 1)
        return "there is nothing to compute";
    if (p->g.group > 1 && p->g.group == p->g.channels && p->g.group == p->g.outputs)
        return "is not for depthwise convolution";
    if (w->out[2] > GAL_GRAD_PIXELS) return "a row of pixels is longer than 2048";
    int64_t image, window;
    if (__builtin_mul_overflow(w->in[1] * w->in[2], p->g.channels, &image) || image > MOST ||
        __builtin_mul_overflow(w->out[1] * w->out[2], p->g.outputs, &image) || image > MOST)
        return "an image has more than 2^30 elements";
    if (__builtin_mul_overflow(w->kernel[2] - 1, w->dilation[2], &window) ||
        __builtin_mul_overflow(window + w->out[2] * w->stride[2], w->kernel[1] * p->g.channels, &window) ||
        window > MOST)
        return "a row of windows has more than 2^30 elements";
    lay_out(p, level);
    cut(p, batch);
    return NULL;
}
