/* galen.Copy: a value again, in other memory. The one op whose reference takes pitches: it puts a value that could not
 * be computed there among the channels of a concatenation. */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <string.h>

enum { TASK = 64 << 10 /* bytes, about */ };

/* in: X of any type, rank >= 1. */
galen_status gal_galen_copy_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    if (node->in[0]->shape.rank < 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input is a scalar");
    return gal_infer_same(graph, node, err);
}

typedef struct work {
    const char *x;
    char *y;
    size_t pixels, each, line, from, to; /* bytes of a pixel, and from pixel to pixel */
} work;

static void some_pixels(void *context, size_t index) {
    const work *w = context;
    size_t first = index * w->each, end = first + w->each < w->pixels ? first + w->each : w->pixels;
    for (size_t p = first; p < end; p++) memcpy(w->y + p * w->to, w->x + p * w->from, w->line);
}

galen_status gal_galen_copy_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    size_t size = galen_dtype_size(x->dtype), channels = (size_t)gal_dense_pitch(x);
    size_t n = (size_t)galen_tensor_elements(x);
    if (n == 0) return GALEN_OK;
    work w = {.x = x->data, .y = call->out[0]->data, .pixels = n / channels, .line = channels * size};
    w.from = call->in_pitch > 0 ? (size_t)call->in_pitch * size : w.line;
    w.to = call->out_pitch > 0 ? (size_t)call->out_pitch * size : w.line;
    w.each = w.line < TASK ? TASK / w.line : 1;
    gal_pool_run(call->pool, some_pixels, &w, (w.pixels + w.each - 1) / w.each);
    return GALEN_OK;
}
