/* Gradients of ops that move elements: each goes back to where it came from. */
#include "base/error.h"
#include "graph/ops/grads.h"
#include "graph/ops/rules.h"

#include <string.h>

enum { MAX_RANK = GALEN_MAX_RANK };

galen_status gal_gradient_reshaped(const gal_gradient *g, galen_error *err) {
    return gal_gradient_reshape(g, g->dy[0], g->node->in[0], &g->dx[0], err);
}

galen_status gal_gradient_transpose(const gal_gradient *g, galen_error *err) {
    size_t n;
    const int64_t *perm = gal_attr_ints(g->node, "perm", &n);
    int rank = g->node->in[0]->shape.rank;
    int64_t back[MAX_RANK];
    for (int i = 0; i < rank; i++) back[n > 0 ? perm[i] : rank - 1 - i] = i;
    gal_value *in[1] = {g->dy[0]};
    const gal_attr attr = {.name = "perm", .type = GAL_ATTR_INTS, .ints = back, .count = (size_t)rank};
    return gal_gradient_node(g, "", "Transpose", in, 1, &attr, 1, 1, &g->dx[0], err);
}

/* dy from `start` up to `end` along `axis`. */
static galen_status cut(const gal_gradient *g, gal_value *dy, int64_t axis, int64_t start, int64_t end, gal_value **out,
                        galen_error *err) {
    gal_value *in[4] = {dy};
    GAL_TRY(gal_graph_ints(g->graph, NULL, &start, 1, &in[1], err));
    GAL_TRY(gal_graph_ints(g->graph, NULL, &end, 1, &in[2], err));
    GAL_TRY(gal_graph_ints(g->graph, NULL, &axis, 1, &in[3], err));
    return gal_gradient_node(g, "", "Slice", in, 4, NULL, 0, 1, out, err);
}

static galen_status no_batch_axis(const gal_node *node, const gal_value *value, int axis, galen_error *err) {
    if (!value->shape.dim[axis].batch) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient along an axis that depends on the batch");
}

galen_status gal_gradient_concat(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    int axis;
    int64_t at = 0;
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), node->out[0]->shape.rank, &axis, err));
    for (uint32_t i = 0; i < node->n_in; i++) {
        GAL_TRY(no_batch_axis(node, node->in[i], axis, err));
        int64_t size = node->in[i]->shape.dim[axis].size;
        if (g->wanted[i]) GAL_TRY(cut(g, g->dy[0], axis, at, at + size, &g->dx[i], err));
        at += size;
    }
    return GALEN_OK;
}

/* Zeros around dy: `before` and `after` along each axis. */
static galen_status pad(const gal_gradient *g, gal_value *dy, const int64_t *before, const int64_t *after,
                        gal_value **out, galen_error *err) {
    int rank = dy->shape.rank;
    int64_t pads[2 * MAX_RANK];
    memcpy(pads, before, (size_t)rank * sizeof *pads);
    memcpy(pads + rank, after, (size_t)rank * sizeof *pads);
    gal_value *in[2] = {dy};
    GAL_TRY(gal_graph_ints(g->graph, NULL, pads, 2 * (size_t)rank, &in[1], err));
    return gal_gradient_node(g, "", "Pad", in, 2, NULL, 0, 1, out, err);
}

/* Slices of step 1 that do not touch the batch: what was cut off gets zeros. */
galen_status gal_gradient_slice(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    int64_t start[MAX_RANK], axes[MAX_RANK], step[MAX_RANK], before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
    size_t n, n_axes = 0, n_step = 0;
    GAL_TRY(gal_need_ints(node, 1, start, MAX_RANK, &n, err));
    if (node->n_in > 3 && node->in[3]) GAL_TRY(gal_need_ints(node, 3, axes, MAX_RANK, &n_axes, err));
    if (node->n_in > 4 && node->in[4]) GAL_TRY(gal_need_ints(node, 4, step, MAX_RANK, &n_step, err));
    for (size_t i = 0; i < n; i++) {
        int axis;
        GAL_TRY(gal_need_axis(node, n_axes > 0 ? axes[i] : (int64_t)i, x->rank, &axis, err));
        GAL_TRY(no_batch_axis(node, node->in[0], axis, err));
        if (n_step > 0 && step[i] != 1)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient for a slice with steps");
        int64_t size = x->dim[axis].size, from = start[i] < 0 ? start[i] + size : start[i];
        before[axis] = from < 0 ? 0 : from > size ? size : from;
        after[axis] = size - before[axis] - y->dim[axis].size;
    }
    return pad(g, g->dy[0], before, after, &g->dx[0], err);
}

/* The pieces side by side again. */
galen_status gal_gradient_split(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    gal_value **part = gal_arena_alloc(&g->graph->arena, node->n_out, sizeof *part);
    if (part == NULL) return gal_fail_memory(err, node->name, node->n_out * sizeof *part);
    for (uint32_t i = 0; i < node->n_out; i++) {
        part[i] = g->dy[i];
        if (part[i] != NULL) continue;
        gal_value *zero;
        GAL_TRY(gal_gradient_number(g, node->in[0], 0, &zero, err));
        GAL_TRY(gal_gradient_op(g, "Mul", node->out[i], zero, &part[i], err));
    }
    const gal_attr axis = {.name = "axis", .type = GAL_ATTR_INT, .i = gal_attr_int(node, "axis", 0)};
    return gal_gradient_node(g, "", "Concat", part, node->n_out, &axis, 1, 1, &g->dx[0], err);
}

/* Constant padding: the middle. */
galen_status gal_gradient_pad(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    int64_t pads[2 * MAX_RANK];
    size_t n;
    GAL_TRY(gal_need_ints(node, 1, pads, 2 * MAX_RANK, &n, err));
    if (strcmp(gal_attr_string(node, "mode", "constant"), "constant") != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient for padding that repeats the image");
    g->dx[0] = g->dy[0];
    for (int i = 0; i < (int)n / 2; i++) {
        if (pads[i] == 0 && pads[i + (int)n / 2] == 0) continue;
        if (pads[i] < 0 || pads[i + (int)n / 2] < 0)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient for padding that cuts");
        GAL_TRY(no_batch_axis(node, node->in[0], i, err));
        int64_t size = node->in[0]->shape.dim[i].size;
        GAL_TRY(cut(g, g->dx[0], i, pads[i], pads[i] + size, &g->dx[0], err));
    }
    return GALEN_OK;
}

galen_status gal_gradient_expand(const gal_gradient *g, galen_error *err) {
    return gal_gradient_unbroadcast(g, g->dy[0], g->node->in[0], &g->dx[0], err);
}

/* The axes that a reduction sums over, as bits. */
static galen_status reduced_axes(const gal_node *node, uint32_t *bits, galen_error *err) {
    int rank = node->in[0]->shape.rank;
    int64_t axes[MAX_RANK];
    const int64_t *list = axes;
    size_t n = 0;
    if (strcmp(node->op->name, "ReduceSum") == 0) {
        if (node->n_in > 1 && node->in[1]) GAL_TRY(gal_need_ints(node, 1, axes, MAX_RANK, &n, err));
    } else {
        list = gal_attr_ints(node, "axes", &n);
    }
    *bits = n == 0 ? (1u << rank) - 1 : 0;
    if (n == 0 && gal_attr_int(node, "noop_with_empty_axes", 0) != 0) *bits = 0;
    for (size_t i = 0; i < n; i++) {
        int axis;
        GAL_TRY(gal_need_axis(node, list[i], rank, &axis, err));
        *bits |= 1u << axis;
    }
    return GALEN_OK;
}

/* x's shape with size 1 where the node reduced it, and how many elements make one of its results. */
static galen_status reduced_shape(const gal_gradient *g, gal_value **shape, int64_t *count, galen_error *err) {
    const gal_value *x = g->node->in[0];
    int64_t dim[MAX_RANK];
    uint32_t bits;
    *count = 1;
    GAL_TRY(reduced_axes(g->node, &bits, err));
    for (int i = 0; i < x->shape.rank; i++) {
        bool gone = bits >> i & 1;
        if (gone) GAL_TRY(no_batch_axis(g->node, x, i, err));
        if (gone) *count *= x->shape.dim[i].size;
        dim[i] = gone ? 1 : x->shape.dim[i].batch ? -1 : x->shape.dim[i].size;
    }
    return gal_graph_ints(g->graph, NULL, dim, (size_t)x->shape.rank, shape, err);
}

/* dy with dimensions of size 1 where x had more, spread over x's shape; a mean divides by what it counted. */
galen_status gal_gradient_reduce(const gal_gradient *g, galen_error *err) {
    gal_value *d, *shape;
    int64_t count;
    GAL_TRY(reduced_shape(g, &shape, &count, err));
    GAL_TRY(gal_gradient_op(g, "Reshape", g->dy[0], shape, &d, err));
    if (strcmp(g->node->op->name, "ReduceMean") == 0) {
        gal_value *share;
        GAL_TRY(gal_gradient_number(g, d, 1 / (double)count, &share, err));
        GAL_TRY(gal_gradient_op(g, "Mul", d, share, &d, err));
    }
    GAL_TRY(gal_gradient_op(g, "Shape", g->node->in[0], NULL, &shape, err));
    return gal_gradient_op(g, "Expand", d, shape, &g->dx[0], err);
}

/* To the largest elements, evenly where there are several, as PyTorch's amax. */
galen_status gal_gradient_reduce_max(const gal_gradient *g, galen_error *err) {
    gal_value *x = g->node->in[0], *shape, *largest, *d, *is_largest, *several;
    int64_t count;
    const gal_attr to = {.name = "to", .type = GAL_ATTR_INT, .i = x->dtype};
    GAL_TRY(reduced_shape(g, &shape, &count, err));
    GAL_TRY(gal_gradient_op(g, "Reshape", g->node->out[0], shape, &largest, err));
    GAL_TRY(gal_gradient_op(g, "Reshape", g->dy[0], shape, &d, err));
    GAL_TRY(gal_gradient_op(g, "Equal", x, largest, &is_largest, err));
    GAL_TRY(gal_gradient_node(g, "", "Cast", &is_largest, 1, &to, 1, 1, &is_largest, err));
    GAL_TRY(gal_gradient_unbroadcast(g, is_largest, largest, &several, err));
    GAL_TRY(gal_gradient_op(g, "Div", d, several, &d, err));
    return gal_gradient_op(g, "Mul", is_largest, d, &g->dx[0], err);
}

/* Back to the elements that each output was made of, by the same weights. */
galen_status gal_gradient_resize(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    gal_value *in[5] = {node->in[0], NULL, NULL, NULL, g->dy[0]};
    gal_attr attr[5];
    for (uint32_t i = 2; i < node->n_in; i++) in[i] = node->in[i];
    uint32_t n = gal_gradient_attributes(
        node, "coordinate_transformation_mode cubic_coeff_a exclude_outside mode nearest_mode", attr, 5);
    return gal_gradient_node(g, "galen", "ResizeGrad", in, 5, attr, n, 1, &g->dx[0], err);
}
