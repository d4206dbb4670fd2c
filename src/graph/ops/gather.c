/* Ops that pick elements by index: Gather GatherElements GatherND. Indices out of range are an error that names them.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

enum { INDEX_TYPES = GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_I64) };

/* Index number `at` wrapped into [0, size). */
static galen_status read_index(const gal_call *call, int64_t at, int64_t size, int64_t *out, galen_error *err) {
    const galen_tensor *t = call->in[1];
    int64_t i = t->dtype == GALEN_I64 ? ((const int64_t *)t->data)[at] : ((const int32_t *)t->data)[at];
    if (i < -size || i >= size)
        return gal_node_fail(call->node, err, GALEN_ERR_ARGUMENT, "index %lld (element %lld) is outside [%lld, %lld)",
                             (long long)i, (long long)at, (long long)-size, (long long)size);
    *out = i < 0 ? i + size : i;
    return GALEN_OK;
}

static int64_t product(const galen_tensor *t, int from, int to) {
    int64_t p = 1;
    for (int i = from; i < to; i++) p *= t->dim[i];
    return p;
}

/* ---- Gather ---- */

static galen_status know_gather(gal_graph *graph, const gal_node *node, galen_error *err) {
    gal_dim all[GAL_KNOWN_MAX], at[GAL_KNOWN_MAX], out[GAL_KNOWN_MAX];
    size_t count, n;
    if (node->in[0]->shape.rank != 1 || !gal_known_of(node->in[0], all, &count) || !gal_known_of(node->in[1], at, &n))
        return GALEN_OK;
    for (size_t i = 0; i < n; i++) {
        int64_t k = at[i].size < 0 ? at[i].size + (int64_t)count : at[i].size;
        if (at[i].batch || k < 0 || k >= (int64_t)count)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "index %lld is outside the %zu elements",
                                 (long long)at[i].size, count);
        out[i] = all[k];
    }
    return gal_know(graph, node, out, n, err);
}

galen_status gal_gather_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    int axis;
    const gal_shape *from = &node->in[0]->shape, *at = &node->in[1]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_need_dtype(node, 1, INDEX_TYPES, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), from->rank, &axis, err));
    gal_shape shape = {.rank = from->rank - 1 + at->rank};
    if (shape.rank > GALEN_MAX_RANK)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "output rank %d is above %d", shape.rank,
                             GALEN_MAX_RANK);
    int k = 0;
    for (int i = 0; i < axis; i++) shape.dim[k++] = from->dim[i];
    for (int i = 0; i < at->rank; i++) shape.dim[k++] = at->dim[i];
    for (int i = axis + 1; i < from->rank; i++) shape.dim[k++] = from->dim[i];
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    return know_gather(graph, node, err);
}

galen_status gal_gather_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0];
    int axis;
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", 0), in->rank, &axis, err));
    int64_t outer = product(in, 0, axis), size = in->dim[axis], picks = galen_tensor_elements(call->in[1]);
    size_t block = (size_t)product(in, axis + 1, in->rank) * galen_dtype_size(in->dtype);
    uint8_t *out = call->out[0]->data;
    if (galen_tensor_elements(call->out[0]) == 0) return GALEN_OK;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t p = 0; p < picks; p++, out += block) {
            int64_t i = 0;
            GAL_TRY(read_index(call, p, size, &i, err));
            memcpy(out, (const uint8_t *)in->data + (size_t)(o * size + i) * block, block);
        }
    return GALEN_OK;
}

/* ---- GatherElements ---- */

galen_status gal_gatherelements_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int axis;
    const gal_shape *from = &node->in[0]->shape, *at = &node->in[1]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_need_dtype(node, 1, INDEX_TYPES, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), from->rank, &axis, err));
    if (at->rank != from->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "indices have rank %d, the data %d", at->rank, from->rank);
    for (int i = 0; i < at->rank; i++)
        if (i != axis && !gal_dim_equal(at->dim[i], from->dim[i]) &&
            (at->dim[i].batch || from->dim[i].batch || at->dim[i].size > from->dim[i].size))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "dimension %d of the indices is larger than the data's",
                                 i);
    return gal_set_output(node, 0, node->in[0]->dtype, at, err);
}

galen_status gal_gatherelements_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0], *at = call->in[1];
    int axis;
    int64_t stride[GALEN_MAX_RANK], step = 1, n = galen_tensor_elements(at);
    size_t size = galen_dtype_size(in->dtype);
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", 0), in->rank, &axis, err));
    for (int i = in->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= in->dim[i];
    }
    for (int64_t e = 0; e < n; e++) {
        int64_t from = 0, rest = e;
        GAL_TRY(read_index(call, e, in->dim[axis], &from, err));
        from *= stride[axis];
        for (int i = at->rank - 1; i >= 0; i--) {
            if (i != axis) from += rest % at->dim[i] * stride[i];
            rest /= at->dim[i];
        }
        memcpy((uint8_t *)call->out[0]->data + (size_t)e * size, (const uint8_t *)in->data + (size_t)from * size, size);
    }
    return GALEN_OK;
}

/* ---- GatherND ---- */

galen_status gal_gathernd_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    const gal_shape *from = &node->in[0]->shape, *at = &node->in[1]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BIT(GALEN_I64), err));
    int64_t shared = gal_attr_int(node, "batch_dims", 0);
    if (at->rank < 1 || shared < 0 || shared >= at->rank || shared >= from->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "batch_dims %lld does not fit ranks %d and %d",
                             (long long)shared, from->rank, at->rank);
    gal_dim tuple = at->dim[at->rank - 1];
    if (tuple.batch || tuple.size < 1 || tuple.size > from->rank - shared)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "an index of %lld numbers into rank %d",
                             (long long)tuple.size, from->rank);
    for (int i = 0; i < shared; i++)
        if (!gal_dim_equal(from->dim[i], at->dim[i]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "batch dimension %d differs", i);
    int picked = (int)(shared + tuple.size);
    gal_shape shape = {.rank = at->rank - 1 + from->rank - picked};
    if (shape.rank > GALEN_MAX_RANK)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "output rank %d is above %d", shape.rank,
                             GALEN_MAX_RANK);
    for (int i = 0; i < at->rank - 1; i++) shape.dim[i] = at->dim[i];
    for (int i = picked, k = at->rank - 1; i < from->rank; i++) shape.dim[k++] = from->dim[i];
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_gathernd_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0], *at = call->in[1];
    int shared = (int)gal_attr_int(call->node, "batch_dims", 0), tuple = (int)at->dim[at->rank - 1];
    int64_t groups = product(in, 0, shared), picks = product(at, shared, at->rank - 1),
            whole = product(in, shared, in->rank);
    int64_t block = product(in, shared + tuple, in->rank);
    size_t size = galen_dtype_size(in->dtype), bytes = (size_t)block * size;
    uint8_t *out = call->out[0]->data;
    if (galen_tensor_elements(call->out[0]) == 0) return GALEN_OK;
    for (int64_t g = 0; g < groups; g++)
        for (int64_t p = 0; p < picks; p++, out += bytes) {
            int64_t from = 0;
            for (int k = 0; k < tuple; k++) {
                int64_t i = 0;
                GAL_TRY(read_index(call, (g * picks + p) * tuple + k, in->dim[shared + k], &i, err));
                from = from * in->dim[shared + k] + i;
            }
            memcpy(out, (const uint8_t *)in->data + (size_t)(g * whole + from * block) * size, bytes);
        }
    return GALEN_OK;
}
