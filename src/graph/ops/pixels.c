/*
 * galen.Pixels: pictures of bytes, channels last, into numbers by a table for each channel. What follows pixel by pixel
 * is a function of one byte and its channel, so it can be taken into the table without changing a bit: normalisation to
 * f32, rounding to 16 bits and quantisation to bytes are the same op with another table.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"

#include <string.h>

enum { LEVELS = 256, TASK = 16384 /* pixels */ };

/*
 * in: X u8 [N, H, W, C]; T f32, bf16, f16, u8 or s8 [1, 256, 1, D], D >= C: the picture of all levels, whose pixel v
 * holds what byte v becomes in each channel. Y of T's type [N, H, W, D] with Y[.., d] = T[X[.., d]][d]. Channels that X
 * lacks (kernels want pairs or fours) are read as channel 0: a table that is the same for all levels makes them
 * constant.
 */
galen_status gal_galen_pixels_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_U8), err));
    GAL_TRY(gal_need_dtype(
        node, 1, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_BF16) | GAL_BIT(GALEN_F16) | GAL_BIT(GALEN_U8) | GAL_BIT(GALEN_I8),
        err));
    const gal_shape *x = &node->in[0]->shape, *t = &node->in[1]->shape;
    if (x->rank != 4 || x->dim[3].batch || x->dim[3].size < 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the picture must be [N, H, W, C]");
    if (t->rank != 4 || !gal_shape_is_fixed(t) || t->dim[0].size != 1 || t->dim[1].size != LEVELS ||
        t->dim[2].size != 1 || t->dim[3].size < x->dim[3].size)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the table must be [1, 256, 1, C or more]");
    gal_shape y = *x;
    y.dim[3] = t->dim[3];
    return gal_set_output(node, 0, node->in[1]->dtype, &y, err);
}

typedef struct work {
    const uint8_t *x, *table;
    uint8_t *y;
    int64_t pixels, from, to; /* channels of x and y */
    size_t size;              /* bytes of an element of y */
} work;

/* Inlined with numbers for `from`, `to` and `size`: left to be variables they take six times as long. */
static inline void look_up(const work *w, int64_t first, int64_t end, int64_t from, int64_t to, size_t size) {
    const uint8_t *x = w->x + first * from;
    uint8_t *y = w->y + (size_t)(first * to) * size;
    for (int64_t p = first; p < end; p++, x += from)
        for (int64_t c = 0; c < to; c++, y += size)
            memcpy(y, w->table + (size_t)(x[c < from ? c : 0] * to + c) * size, size);
}

static void some_pixels(void *context, size_t index) {
    const work *w = context;
    int64_t first = (int64_t)index * TASK, end = first + TASK < w->pixels ? first + TASK : w->pixels;
    if (w->from == 3 && w->to == 3 && w->size == 4) return look_up(w, first, end, 3, 3, 4);
    if (w->from == 3 && w->to == 4 && w->size == 2) return look_up(w, first, end, 3, 4, 2);
    if (w->from == 3 && w->to == 4 && w->size == 1) return look_up(w, first, end, 3, 4, 1);
    if (w->from == 1 && w->to == 1 && w->size == 4) return look_up(w, first, end, 1, 1, 4);
    if (w->from == 1 && w->to == 2 && w->size == 2) return look_up(w, first, end, 1, 2, 2);
    if (w->from == 1 && w->to == 4 && w->size == 1) return look_up(w, first, end, 1, 4, 1);
    look_up(w, first, end, w->from, w->to, w->size);
}

galen_status gal_galen_pixels_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0], *t = call->in[1];
    work w = {.x = x->data, .table = t->data, .y = call->out[0]->data, .from = x->dim[3], .to = t->dim[3]};
    w.pixels = x->dim[0] * x->dim[1] * x->dim[2];
    w.size = galen_dtype_size(t->dtype);
    gal_pool_run(call->pool, some_pixels, &w, (size_t)((w.pixels + TASK - 1) / TASK));
    return GALEN_OK;
}
