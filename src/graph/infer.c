/* What shape rules have in common. */
#include "base/error.h"
#include "graph/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

galen_status gal_node_fail(const gal_node *node, galen_error *err, galen_status status, const char *format, ...) {
    char message[GALEN_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return gal_fail(err, status, "node '%s' (%s): %s", node->name, node->op->name, message);
}

galen_status gal_need_dtype(const gal_node *node, uint32_t index, uint32_t mask, galen_error *err) {
    galen_dtype t = node->in[index]->dtype;
    if ((unsigned)t < 32 && (mask & GAL_BIT(t))) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "input %u of type %s is not supported", index,
                         galen_dtype_name(t));
}

galen_status gal_need_known(const gal_node *node, uint32_t index, const gal_dim **dims, size_t *count,
                            galen_error *err) {
    const gal_value *v = node->in[index];
    if (!v->known)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "input %u ('%s') must be known when the model is loaded, but is computed from data", index,
                             v->name);
    *dims = v->known;
    *count = v->shape.rank == 0 ? 1 : (size_t)v->shape.dim[0].size;
    return GALEN_OK;
}

galen_status gal_need_ints(const gal_node *node, uint32_t index, int64_t *out, size_t max, size_t *count,
                           galen_error *err) {
    const gal_dim *dims = NULL;
    GAL_TRY(gal_need_known(node, index, &dims, count, err));
    if (*count > max)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u has %zu elements, at most %zu make sense", index,
                             *count, max);
    for (size_t i = 0; i < *count; i++) {
        if (dims[i].batch)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                                 "element %zu of input %u depends on the batch size; fix the batch", i, index);
        out[i] = dims[i].size;
    }
    return GALEN_OK;
}

galen_status gal_need_axis(const gal_node *node, int64_t axis, int rank, int *out, galen_error *err) {
    if (axis < -rank || axis >= rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %lld is outside [%d, %d)", (long long)axis, -rank,
                             rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return GALEN_OK;
}

static galen_status broadcast_dim(const gal_node *node, gal_dim a, gal_dim b, gal_dim *out, galen_error *err) {
    bool one_a = a.size == 1 && !a.batch, one_b = b.size == 1 && !b.batch;
    if (!one_a && !one_b && !gal_dim_equal(a, b))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "dimensions %lld%s and %lld%s cannot be broadcast together",
                             (long long)a.size, a.batch ? "N" : "", (long long)b.size, b.batch ? "N" : "");
    *out = one_a ? b : a;
    return GALEN_OK;
}

galen_status gal_broadcast(const gal_node *node, const gal_shape *a, const gal_shape *b, gal_shape *out,
                           galen_error *err) {
    gal_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= result.rank; i++) {
        gal_dim da = i <= a->rank ? a->dim[a->rank - i] : gal_dim_fixed(1);
        gal_dim db = i <= b->rank ? b->dim[b->rank - i] : gal_dim_fixed(1);
        GAL_TRY(broadcast_dim(node, da, db, &result.dim[result.rank - i], err));
    }
    *out = result;
    return GALEN_OK;
}

galen_status gal_infer_same(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph, (void)err;
    node->out[0]->dtype = node->in[0]->dtype;
    node->out[0]->shape = node->in[0]->shape;
    return GALEN_OK;
}

galen_status gal_set_known(gal_graph *graph, gal_value *value, const gal_dim *dims, size_t count, galen_error *err) {
    value->known = NULL;
    if (count > GAL_KNOWN_MAX) return GALEN_OK;
    gal_dim *copy = gal_arena_alloc(&graph->arena, count, sizeof *copy);
    if (!copy) return gal_fail_memory(err, "shape operands", count * sizeof *copy);
    if (count) memcpy(copy, dims, count * sizeof *copy);
    value->known = copy;
    return GALEN_OK;
}
