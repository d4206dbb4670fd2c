/* Helpers shared by the shape rules of several op families. */
#include "graph/ops/rules.h"

#include "base/error.h"
#include "graph/ops/types.h"

galen_status gal_set_output(const gal_node *node, uint32_t index, galen_dtype dtype, const gal_shape *shape,
                            galen_error *err) {
    if (index >= node->n_out || !node->out[index]) return GALEN_OK;
    int64_t count = 1;
    bool empty = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i].size < 0)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "output dimension %d would be negative", i);
        empty |= shape->dim[i].size == 0;
    }
    for (int i = 0; i < shape->rank && !empty; i++) {
        if (__builtin_mul_overflow(count, shape->dim[i].size, &count) || count > GAL_MAX_ELEMENTS)
            return gal_node_fail(node, err, GALEN_ERR_LIMIT, "output %u would have more than %lld elements", index,
                                 (long long)GAL_MAX_ELEMENTS);
    }
    node->out[index]->dtype = dtype;
    node->out[index]->shape = *shape;
    return GALEN_OK;
}

galen_status gal_need_same_dtype(const gal_node *node, uint32_t first, galen_error *err) {
    for (uint32_t i = first + 1; i < node->n_in; i++) {
        if (!node->in[i] || !node->in[first] || node->in[i]->dtype == node->in[first]->dtype) continue;
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is %s but input %u is %s", i,
                             galen_dtype_name(node->in[i]->dtype), first, galen_dtype_name(node->in[first]->dtype));
    }
    return GALEN_OK;
}

bool gal_known_of(const gal_value *value, gal_dim out[GAL_KNOWN_MAX], size_t *count) {
    if (!value || value->shape.rank > 1 || !(GAL_BIT(value->dtype) & GAL_INTS)) return false;
    if (value->shape.rank == 1 && (value->shape.dim[0].batch || value->shape.dim[0].size > GAL_KNOWN_MAX)) return false;
    size_t n = value->shape.rank == 1 ? (size_t)value->shape.dim[0].size : 1;
    if (value->known) {
        memcpy(out, value->known, n * sizeof *out);
    } else if (value->constant && (value->constant->data || n == 0)) {
        size_t size = galen_dtype_size(value->dtype);
        for (size_t i = 0; i < n; i++)
            out[i] = gal_dim_fixed(gal_load_i64(value->dtype, (const uint8_t *)value->constant->data + i * size));
    } else {
        return false;
    }
    *count = n;
    return true;
}

galen_status gal_know(gal_graph *graph, const gal_node *node, const gal_dim *dims, size_t count, galen_error *err) {
    gal_value *out = node->out[0];
    if (!out || (out->dtype != GALEN_I64 && out->dtype != GALEN_I32) || out->shape.rank > 1) return GALEN_OK;
    if (gal_shape_is_fixed(&out->shape) == false ||
        (out->shape.rank == 1 ? out->shape.dim[0].size : 1) != (int64_t)count)
        return GALEN_OK;
    for (size_t i = 0; i < count && out->dtype == GALEN_I32; i++)
        if (dims[i].size < INT32_MIN || dims[i].size > INT32_MAX) return GALEN_OK;
    return gal_set_known(graph, out, dims, count, err);
}

galen_status gal_know_same(gal_graph *graph, const gal_node *node, galen_error *err) {
    gal_dim dims[GAL_KNOWN_MAX];
    size_t count;
    if (!gal_known_of(node->in[0], dims, &count)) return GALEN_OK;
    return gal_know(graph, node, dims, count, err);
}

galen_status gal_need_flag(const gal_node *node, const char *name, bool otherwise, bool *out, galen_error *err) {
    int64_t v = gal_attr_int(node, name, otherwise);
    if (v != 0 && v != 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute %s is %lld, must be 0 or 1", name, (long long)v);
    *out = v == 1;
    return GALEN_OK;
}

static int64_t elements(const gal_value *value, int64_t batch) {
    if (!value) return 0;
    galen_tensor t;
    gal_shape_at(&value->shape, value->dtype, batch, &t);
    int64_t n = galen_tensor_elements(&t);
    return n < 0 ? INT64_MAX / 64 : n;
}

int64_t gal_out_elements(const gal_node *node, int64_t batch) {
    return elements(node->out[0], batch);
}
int64_t gal_in_elements(const gal_node *node, uint32_t index, int64_t batch) {
    return elements(node->in[index], batch);
}

void gal_cost_scan(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += gal_in_elements(node, 0, batch);
}

galen_status gal_view_run(const gal_call *call, galen_error *err) {
    (void)err;
    galen_tensor *out = call->out[0];
    int64_t bytes = galen_tensor_bytes(out);
    if (bytes > 0 && out->data != call->in[0]->data) memcpy(out->data, call->in[0]->data, (size_t)bytes);
    return GALEN_OK;
}
