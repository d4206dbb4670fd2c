/*
 * f64 for f32, f16 and bf16: inputs, constants, casts and what ops compute. Integers stay as they are, so that a
 * quantised model still rounds to its own steps, from quotients in f64.
 */
#include "base/error.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

static bool is_narrow(galen_dtype dtype) {
    return dtype == GALEN_F32 || dtype == GALEN_F16 || dtype == GALEN_BF16;
}

static void widen_elements(const galen_tensor *from, double *to) {
    size_t size = galen_dtype_size(from->dtype);
    int64_t n = galen_tensor_elements(from);
    for (int64_t i = 0; i < n; i++) to[i] = gal_load_f64(from->dtype, (const char *)from->data + (size_t)i * size);
}

static galen_status widen_tensor(gal_graph *graph, const galen_tensor *from, gal_value **out, galen_error *err) {
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F64, from->rank, from->dim, out, err));
    widen_elements(from, (*out)->constant->data);
    return GALEN_OK;
}

/* Operands that are f32 whatever the data is: shape operands, and scales of ops on bytes that compute in integers. */
static bool stays(const gal_node *node, uint32_t index) {
    if (index < 32 && (node->op->shape_in >> index & 1)) return true;
    return gal_is_op(node, "", "QLinearConv") || gal_is_op(node, "", "QLinearMatMul");
}

/* wide[id] is the f64 copy of a constant, made when first needed. */
static galen_status widen_inputs(gal_graph *graph, gal_node *node, gal_value **wide, uint32_t n_wide,
                                 galen_error *err) {
    for (uint32_t i = 0; i < node->n_in; i++) {
        gal_value *value = node->in[i];
        if (value == NULL || value->constant == NULL || !is_narrow(value->dtype) || stays(node, i)) continue;
        if (value->id >= n_wide) continue;
        if (wide[value->id] == NULL) GAL_TRY(widen_tensor(graph, value->constant, &wide[value->id], err));
        gal_node_set_input(node, i, wide[value->id]);
    }
    return GALEN_OK;
}

/* The types that attributes name: Cast's, and that of the tensor ConstantOfShape repeats. */
static galen_status widen_attributes(gal_graph *graph, gal_node *node, galen_error *err) {
    for (uint32_t i = 0; i < node->n_attr; i++) {
        gal_attr *a = &node->attr[i];
        if (gal_is_op(node, "", "Cast") && a->type == GAL_ATTR_INT && is_narrow((galen_dtype)a->i)) a->i = GALEN_F64;
        if (!gal_is_op(node, "", "ConstantOfShape") || a->type != GAL_ATTR_TENSOR || !is_narrow(a->tensor->dtype))
            continue;
        galen_tensor *tensor = gal_arena_alloc(&graph->arena, 1, sizeof *tensor);
        double *data = gal_arena_alloc(&graph->arena, (size_t)galen_tensor_elements(a->tensor), sizeof *data);
        if (tensor == NULL || data == NULL) return gal_fail_memory(err, "a graph in f64", sizeof *tensor);
        widen_elements(a->tensor, data);
        *tensor = *a->tensor;
        tensor->dtype = GALEN_F64, tensor->data = data;
        a->tensor = tensor;
    }
    return GALEN_OK;
}

/* A Constant node becomes a constant, which has its own type. */
static galen_status widen_constant_node(gal_graph *graph, gal_node *node, galen_error *err) {
    const gal_attr *a = node->n_attr == 1 ? &node->attr[0] : NULL;
    galen_tensor view = {.dtype = GALEN_F32};
    gal_value *wide;
    if (a == NULL || !gal_is_op(node, "", "Constant") || !is_narrow(node->out[0]->dtype)) return GALEN_OK;
    if (a->type == GAL_ATTR_TENSOR) view = *a->tensor;
    if (a->type == GAL_ATTR_FLOAT) view.data = (void *)(uintptr_t)&a->f;
    if (a->type == GAL_ATTR_FLOATS)
        view.rank = 1, view.dim[0] = (int64_t)a->count, view.data = (void *)(uintptr_t)a->floats;
    if (view.data == NULL) return GALEN_OK;
    GAL_TRY(widen_tensor(graph, &view, &wide, err));
    gal_graph_replace(graph, node->out[0], wide);
    gal_graph_remove(graph, node);
    return GALEN_OK;
}

static galen_status widen_nodes(gal_graph *graph, gal_value **wide, uint32_t n_wide, galen_error *err) {
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        GAL_TRY(widen_inputs(graph, node, wide, n_wide, err));
        GAL_TRY(widen_attributes(graph, node, err));
        GAL_TRY(widen_constant_node(graph, node, err));
    }
    return gal_graph_infer(graph, err);
}

galen_status gal_pass_widen(gal_graph *graph, bool *changed, galen_error *err) {
    uint32_t n_wide = graph->n_value;
    gal_value **wide = gal_calloc(n_wide > 0 ? n_wide : 1, sizeof *wide);
    if (wide == NULL) return gal_fail_memory(err, "a graph in f64", n_wide * sizeof *wide);
    for (uint32_t i = 0; i < graph->n_input; i++)
        if (is_narrow(graph->input[i]->dtype)) graph->input[i]->dtype = GALEN_F64;
    galen_status status = widen_nodes(graph, wide, n_wide, err);
    gal_free(wide);
    *changed = true;
    return status;
}
