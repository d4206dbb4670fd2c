/* Ops that give the same bytes another shape: Reshape Flatten Squeeze Unsqueeze Identity, and Dropout as inference sees
 * it. */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

static galen_status set_view(gal_graph *graph, const gal_node *node, const gal_shape *shape, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, shape, err));
    return gal_know_same(graph, node, err);
}

/* ---- Reshape ---- */

/* The dimension that -1 stands for, or a check that the elements agree when there is none (`open` < 0). */
static galen_status close_shape(const gal_node *node, gal_shape *shape, int open, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    gal_dim have, want;
    if (!gal_shape_product(from, 0, from->rank, &have) || !gal_shape_product(shape, 0, shape->rank, &want))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "the number of elements is too large or depends on the batch size squared");
    if (open < 0) {
        if (!gal_dim_equal(have, want))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                 "cannot reshape %lld%s elements into %lld%s; export the model with a dynamic batch",
                                 (long long)have.size, have.batch ? "N" : "", (long long)want.size,
                                 want.batch ? "N" : "");
        return GALEN_OK;
    }
    if (want.size == 0 || have.size % want.size != 0 || (want.batch && !have.batch))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "%lld%s elements do not divide by the %lld%s of the other dimensions",
                             (long long)have.size, have.batch ? "N" : "", (long long)want.size, want.batch ? "N" : "");
    shape->dim[open] = (gal_dim){have.size / want.size, have.batch && !want.batch};
    return GALEN_OK;
}

galen_status gal_reshape_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_dim *to = NULL;
    size_t count = 0;
    bool allow_zero;
    GAL_TRY(gal_need_dtype(node, 1, GAL_BIT(GALEN_I64), err));
    GAL_TRY(gal_need_known(node, 1, &to, &count, err));
    GAL_TRY(gal_need_flag(node, "allowzero", false, &allow_zero, err));
    if (count > GALEN_MAX_RANK)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "rank %zu is above %d", count, GALEN_MAX_RANK);
    const gal_shape *from = &node->in[0]->shape;
    gal_shape shape = {.rank = (int)count};
    int open = -1;
    bool has_zero = false;
    for (int i = 0; i < shape.rank; i++) {
        shape.dim[i] = to[i];
        if (to[i].size == -1 && !to[i].batch) {
            if (open >= 0) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the new shape has -1 twice");
            open = i;
            shape.dim[i] = gal_dim_fixed(1);
        } else if (to[i].size < 0) {
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the new shape has dimension %lld",
                                 (long long)to[i].size);
        } else if (to[i].size == 0 && !allow_zero) {
            if (i >= from->rank)
                return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                     "dimension %d is to be copied, but the input has rank %d", i, from->rank);
            shape.dim[i] = from->dim[i];
        }
        has_zero |= to[i].size == 0;
    }
    if (allow_zero && has_zero && open >= 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "0 and -1 together make no sense with allowzero");
    GAL_TRY(close_shape(node, &shape, open, err));
    return set_view(graph, node, &shape, err);
}

/* ---- Flatten, Squeeze, Unsqueeze ---- */

galen_status gal_flatten_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    int64_t axis = gal_attr_int(node, "axis", 1);
    if (axis < -from->rank || axis > from->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %lld is outside [%d, %d]", (long long)axis, -from->rank,
                             from->rank);
    int at = (int)(axis < 0 ? axis + from->rank : axis);
    gal_shape shape = {.rank = 2};
    if (!gal_shape_product(from, 0, at, &shape.dim[0]) || !gal_shape_product(from, at, from->rank, &shape.dim[1]))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "a dimension is too large or depends on the batch size squared");
    return set_view(graph, node, &shape, err);
}

/* Reads the axes in in[1] for a tensor of `rank`; a repeated one is an error. */
static galen_status read_axes(const gal_node *node, int rank, bool chosen[GALEN_MAX_RANK], size_t *count,
                              galen_error *err) {
    int64_t axes[GALEN_MAX_RANK];
    GAL_TRY(gal_need_ints(node, 1, axes, GALEN_MAX_RANK, count, err));
    for (size_t i = 0; i < *count; i++) {
        int axis;
        GAL_TRY(gal_need_axis(node, axes[i], rank, &axis, err));
        if (chosen[axis]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d appears twice", axis);
        chosen[axis] = true;
    }
    return GALEN_OK;
}

galen_status gal_squeeze_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    bool chosen[GALEN_MAX_RANK] = {false};
    size_t count = 0;
    bool given = node->n_in > 1 && node->in[1];
    if (given) GAL_TRY(read_axes(node, from->rank, chosen, &count, err));
    gal_shape shape = {0};
    for (int i = 0; i < from->rank; i++) {
        bool one = from->dim[i].size == 1 && !from->dim[i].batch;
        if (given && chosen[i] && !one)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d to be removed is not 1", i);
        if (given ? !chosen[i] : !one) shape.dim[shape.rank++] = from->dim[i];
    }
    return set_view(graph, node, &shape, err);
}

galen_status gal_unsqueeze_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    const gal_dim *dims = NULL;
    bool chosen[GALEN_MAX_RANK] = {false};
    size_t count = 0;
    GAL_TRY(gal_need_known(node, 1, &dims, &count, err));
    if (count > (size_t)(GALEN_MAX_RANK - from->rank))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "rank %zu is above %d", count + (size_t)from->rank,
                             GALEN_MAX_RANK);
    gal_shape shape = {.rank = from->rank + (int)count};
    GAL_TRY(read_axes(node, shape.rank, chosen, &count, err));
    for (int i = 0, k = 0; i < shape.rank; i++) shape.dim[i] = chosen[i] ? gal_dim_fixed(1) : from->dim[k++];
    return set_view(graph, node, &shape, err);
}

galen_status gal_identity_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    return set_view(graph, node, &node->in[0]->shape, err);
}

/* ---- Dropout ---- */

/* A scalar that must be known at load: 0 when absent. */
static galen_status known_scalar(const gal_node *node, uint32_t index, double otherwise, double *out,
                                 galen_error *err) {
    *out = otherwise;
    if (index >= node->n_in || !node->in[index]) return GALEN_OK;
    const galen_tensor *t = node->in[index]->constant;
    if (!t || !t->data || galen_tensor_elements(t) != 1)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "input %u ('%s') must be a scalar known when the model is loaded", index,
                             node->in[index]->name);
    *out = gal_load_f64(t->dtype, t->data);
    return GALEN_OK;
}

galen_status gal_dropout_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    double ratio, training;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(known_scalar(node, 2, 0, &training, err));
    if (training != 0) {
        GAL_TRY(known_scalar(node, 1, 0.5, &ratio, err));
        if (ratio != 0)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                                 "random dropout (training_mode true, ratio %g) is not done in inference", ratio);
    }
    GAL_TRY(set_view(graph, node, &node->in[0]->shape, err));
    return gal_set_output(node, 1, GALEN_BOOL, &node->in[0]->shape, err);
}

galen_status gal_dropout_run(const gal_call *call, galen_error *err) {
    const galen_tensor *mask = call->node->n_out > 1 ? call->out[1] : NULL;
    int64_t n = mask ? galen_tensor_elements(mask) : 0;
    if (n > 0) memset(mask->data, 1, (size_t)n);
    return call->out[0] ? gal_view_run(call, err) : GALEN_OK;
}
