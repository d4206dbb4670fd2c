/* Ops about shapes and ops that make tensors: Shape Size Constant ConstantOfShape Range Expand Tile. */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"
#include "graph/ops/walk.h"

#include <math.h>

/* ---- Shape, Size ---- */

static int64_t clamp_index(int64_t i, int rank) {
    if (i < 0) i = i < -rank ? 0 : i + rank;
    return i > rank ? rank : i;
}

static void shape_range(const gal_node *node, int rank, int64_t *start, int64_t *end) {
    *start = clamp_index(gal_attr_int(node, "start", 0), rank);
    *end = clamp_index(gal_attr_int(node, "end", rank), rank);
    if (*end < *start) *end = *start;
}

galen_status gal_shape_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    int64_t start, end;
    shape_range(node, from->rank, &start, &end);
    gal_shape shape = {.rank = 1, .dim = {gal_dim_fixed(end - start)}};
    GAL_TRY(gal_set_output(node, 0, GALEN_I64, &shape, err));
    return gal_know(graph, node, from->dim + start, (size_t)(end - start), err);
}

galen_status gal_shape_run(const gal_call *call, galen_error *err) {
    (void)err;
    int64_t start, end, *out = call->out[0]->data;
    shape_range(call->node, call->in[0]->rank, &start, &end);
    for (int64_t i = start; i < end; i++) *out++ = call->in[0]->dim[i];
    return GALEN_OK;
}

galen_status gal_size_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    gal_shape scalar = {0};
    gal_dim count;
    GAL_TRY(gal_set_output(node, 0, GALEN_I64, &scalar, err));
    return gal_shape_product(from, 0, from->rank, &count) ? gal_know(graph, node, &count, 1, err) : GALEN_OK;
}

galen_status gal_size_run(const gal_call *call, galen_error *err) {
    (void)err;
    *(int64_t *)call->out[0]->data = galen_tensor_elements(call->in[0]);
    return GALEN_OK;
}

/* ---- Constant ---- */

/* The one value_* attribute as a tensor view; `scalar` holds the element of value_int and value_float. */
static bool constant_view(const gal_node *node, galen_tensor *out) {
    if (node->n_attr != 1) return false;
    const gal_attr *a = &node->attr[0];
    switch (a->type) {
    case GAL_ATTR_TENSOR: *out = *a->tensor; return true;
    case GAL_ATTR_INT: *out = (galen_tensor){.dtype = GALEN_I64, .data = (void *)(uintptr_t)&a->i}; return true;
    case GAL_ATTR_FLOAT: *out = (galen_tensor){.dtype = GALEN_F32, .data = (void *)(uintptr_t)&a->f}; return true;
    case GAL_ATTR_INTS:
        *out = (galen_tensor){
            .dtype = GALEN_I64, .rank = 1, .dim = {(int64_t)a->count}, .data = (void *)(uintptr_t)a->ints};
        return true;
    case GAL_ATTR_FLOATS:
        *out = (galen_tensor){
            .dtype = GALEN_F32, .rank = 1, .dim = {(int64_t)a->count}, .data = (void *)(uintptr_t)a->floats};
        return true;
    default: return false;
    }
}

galen_status gal_constant_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    galen_tensor t;
    if (!constant_view(node, &t) || !galen_dtype_size(t.dtype))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "needs exactly one of value, value_int, value_ints, value_float, value_floats");
    gal_shape shape = gal_shape_of_tensor(&t);
    GAL_TRY(gal_set_output(node, 0, t.dtype, &shape, err));
    gal_value view = {.dtype = t.dtype, .shape = shape, .constant = &t};
    gal_dim dims[GAL_KNOWN_MAX];
    size_t count;
    return gal_known_of(&view, dims, &count) ? gal_know(graph, node, dims, count, err) : GALEN_OK;
}

galen_status gal_constant_run(const gal_call *call, galen_error *err) {
    galen_tensor t;
    if (!constant_view(call->node, &t)) return gal_node_fail(call->node, err, GALEN_ERR_INTERNAL, "has no value");
    int64_t bytes = galen_tensor_bytes(&t);
    if (bytes > 0) memcpy(call->out[0]->data, t.data, (size_t)bytes);
    return GALEN_OK;
}

/* ---- ConstantOfShape ---- */

static const galen_tensor *fill_value(const gal_node *node) {
    const gal_attr *a = gal_attr_find(node, "value");
    return a && a->type == GAL_ATTR_TENSOR ? a->tensor : NULL;
}

static galen_status shape_from_known(const gal_node *node, uint32_t index, gal_shape *out, galen_error *err) {
    const gal_dim *dims = NULL;
    size_t count = 0;
    GAL_TRY(gal_need_known(node, index, &dims, &count, err));
    if (node->in[index]->shape.rank != 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have rank 1", index);
    if (count > GALEN_MAX_RANK)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "rank %zu is above %d", count, GALEN_MAX_RANK);
    *out = (gal_shape){.rank = (int)count};
    for (size_t i = 0; i < count; i++) out->dim[i] = dims[i];
    return GALEN_OK;
}

galen_status gal_constantofshape_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_shape shape;
    GAL_TRY(shape_from_known(node, 0, &shape, err));
    const galen_tensor *value = fill_value(node);
    if (node->n_attr && (!value || galen_tensor_elements(value) != 1 || !galen_dtype_size(value->dtype)))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute value must be a tensor of one element");
    GAL_TRY(gal_set_output(node, 0, value ? value->dtype : GALEN_F32, &shape, err));
    if (!value || shape.rank != 1 || shape.dim[0].batch || shape.dim[0].size > GAL_KNOWN_MAX) return GALEN_OK;
    gal_dim dims[GAL_KNOWN_MAX];
    for (int64_t i = 0; i < shape.dim[0].size; i++) dims[i] = gal_dim_fixed(gal_load_i64(value->dtype, value->data));
    return gal_know(graph, node, dims, (size_t)shape.dim[0].size, err);
}

galen_status gal_constantofshape_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *value = fill_value(call->node);
    galen_tensor *out = call->out[0];
    size_t size = galen_dtype_size(out->dtype);
    int64_t n = galen_tensor_elements(out);
    for (int64_t i = 0; i < n; i++) {
        if (value)
            memcpy((uint8_t *)out->data + (size_t)i * size, value->data, size);
        else
            ((float *)out->data)[i] = 0;
    }
    return GALEN_OK;
}

/* ---- Range ---- */

static galen_status range_operand(const gal_node *node, uint32_t index, double *out, galen_error *err) {
    const gal_value *v = node->in[index];
    if (v->constant && v->constant->data && galen_tensor_elements(v->constant) == 1) {
        *out = gal_load_f64(v->dtype, v->constant->data);
        return GALEN_OK;
    }
    int64_t i;
    size_t count = 0;
    GAL_TRY(gal_need_ints(node, index, &i, 1, &count, err));
    if (count != 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be a scalar", index);
    *out = (double)i;
    return GALEN_OK;
}

galen_status gal_range_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    double v[3];
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    for (uint32_t i = 0; i < 3; i++) {
        GAL_TRY(gal_need_dtype(node, i,
                               GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64) | GAL_BIT(GALEN_I16) | GAL_BIT(GALEN_I32) |
                                   GAL_BIT(GALEN_I64),
                               err));
        GAL_TRY(range_operand(node, i, &v[i], err));
    }
    double steps = ceil((v[1] - v[0]) / v[2]);
    if (v[2] == 0 || isnan(steps)) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "delta is zero or not a number");
    if (steps > (double)GAL_MAX_ELEMENTS)
        return gal_node_fail(node, err, GALEN_ERR_LIMIT, "the range has more than %lld elements",
                             (long long)GAL_MAX_ELEMENTS);
    int64_t count = steps > 0 ? (int64_t)steps : 0;
    gal_shape shape = {.rank = 1, .dim = {gal_dim_fixed(count)}};
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    for (int i = 0; i < 3; i++)
        if (count > GAL_KNOWN_MAX || !(fabs(v[i]) <= 0x1p53)) return GALEN_OK;
    gal_dim dims[GAL_KNOWN_MAX];
    for (int64_t i = 0; i < count; i++) dims[i] = gal_dim_fixed((int64_t)v[0] + i * (int64_t)v[2]);
    return gal_know(graph, node, dims, (size_t)count, err);
}

galen_status gal_range_run(const gal_call *call, galen_error *err) {
    (void)err;
    galen_tensor *out = call->out[0];
    galen_dtype t = out->dtype;
    size_t size = galen_dtype_size(t);
    uint8_t *to = out->data;
    for (int64_t i = 0; i < out->dim[0]; i++, to += size) {
        if (gal_dtype_is_float(t))
            gal_store_float(t, to, gal_load_f64(t, call->in[0]->data) + (double)i * gal_load_f64(t, call->in[2]->data));
        else
            gal_store_int(t, to,
                          (int64_t)((uint64_t)gal_load_i64(t, call->in[0]->data) +
                                    (uint64_t)i * (uint64_t)gal_load_i64(t, call->in[2]->data)));
    }
    return GALEN_OK;
}

/* ---- Expand, Tile ---- */

galen_status gal_expand_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape to, shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(shape_from_known(node, 1, &to, err));
    GAL_TRY(gal_broadcast(node, &node->in[0]->shape, &to, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_expand_run(const gal_call *call, galen_error *err) {
    (void)err;
    galen_tensor *out = call->out[0];
    gal_walk_broadcast(call->in, 1, out, gal_lane_copy(galen_dtype_size(out->dtype)), NULL, call->pool);
    return GALEN_OK;
}

galen_status gal_tile_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape times, shape = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(shape_from_known(node, 1, &times, err));
    if (times.rank != shape.rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%d repeats for an input of rank %d", times.rank, shape.rank);
    for (int i = 0; i < shape.rank; i++) {
        gal_shape pair = {.rank = 2, .dim = {shape.dim[i], times.dim[i]}};
        if (times.dim[i].size < 0) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "repeat %d is negative", i);
        if (!gal_shape_product(&pair, 0, 2, &shape.dim[i]))
            return gal_node_fail(node, err, GALEN_ERR_LIMIT, "dimension %d would be too large", i);
    }
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_tile_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *in = call->in[0];
    galen_tensor *out = call->out[0];
    int64_t stride[GALEN_MAX_RANK];
    gal_dense_strides(in, stride);
    gal_walk w = {
        .rank = 2 * in->rank, .n_in = 1, .in = {in->data}, .out = out->data, .out_size = galen_dtype_size(in->dtype)};
    for (int i = 0; i < in->rank; i++) {
        w.dim[2 * i] = in->dim[i] ? out->dim[i] / in->dim[i] : 0;
        w.dim[2 * i + 1] = in->dim[i];
        w.stride[0][2 * i + 1] = stride[i];
    }
    w.fn = gal_lane_copy(w.out_size);
    gal_walk_run(&w, call->pool);
    return GALEN_OK;
}
