/*
 * galen.Narrow: f32 to bf16, or f16 if "to" says so, rounded to nearest even, where a graph enters its 16-bit part.
 * With "channels" the last dimension grows to that many, the new ones zero: kernels take channels in pairs.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

enum { TASK = 16384 /* elements, about */ };

/* in: X, f32 of any rank. */
galen_status gal_galen_narrow_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32), err));
    int64_t to = gal_attr_int(node, "to", GALEN_BF16);
    if (to != GALEN_BF16 && to != GALEN_F16)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute to is %lld, not f16 or bf16", (long long)to);
    gal_shape shape = node->in[0]->shape;
    int64_t channels = gal_attr_int(node, "channels", 0);
    if (channels != 0) {
        if (shape.rank < 1 || shape.dim[shape.rank - 1].batch || shape.dim[shape.rank - 1].size > channels)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the last dimension cannot grow to %lld",
                                 (long long)channels);
        shape.dim[shape.rank - 1] = gal_dim_fixed(channels);
    }
    return gal_set_output(node, 0, (galen_dtype)to, &shape, err);
}

typedef struct work {
    const float *x;
    uint16_t *y;
    int64_t rows, rows_a_task, from, to; /* elements of a row in x and y */
    galen_dtype type;                    /* of y */
} work;

static void some_rows(void *context, size_t index) {
    const work *w = context;
    int64_t first = (int64_t)index * w->rows_a_task;
    int64_t end = first + w->rows_a_task < w->rows ? first + w->rows_a_task : w->rows;
    for (int64_t r = first; r < end; r++) {
        gal_f32_to_half_row(w->type, w->x + r * w->from, w->y + r * w->to, (size_t)w->from);
        for (int64_t c = w->from; c < w->to; c++) w->y[r * w->to + c] = 0;
    }
}

galen_status gal_galen_narrow_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0], *y = call->out[0];
    int64_t n = galen_tensor_elements(y);
    if (n == 0) return GALEN_OK;
    work w = {.x = x->data, .y = y->data, .from = 1, .to = 1, .type = y->dtype};
    if (x->rank > 0) w.from = x->dim[x->rank - 1], w.to = y->dim[x->rank - 1];
    w.rows = n / w.to;
    w.rows_a_task = w.to < TASK ? TASK / w.to : 1;
    gal_pool_run(call->pool, some_rows, &w, (size_t)((w.rows + w.rows_a_task - 1) / w.rows_a_task));
    return GALEN_OK;
}
