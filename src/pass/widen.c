/*
 * A wider type for narrower floating point, f64 for f32, f16 and bf16, or f32 for f16 and bf16: constants, casts and
 * what ops compute. Integers stay as they are, so that a quantised model still rounds to its own steps, from quotients
 * in f64.
 */
#include "base/error.h"
#include "base/half.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

typedef struct widening {
    gal_graph *graph;
    galen_dtype to;   /* f64 or f32 */
    gal_value **wide; /* by id: the wide copy of a constant, made when first needed */
    uint32_t n_wide;
} widening;

static bool is_narrow(const widening *w, galen_dtype dtype) {
    return gal_dtype_is_half(dtype) || (dtype == GALEN_F32 && w->to == GALEN_F64);
}

static void widen_elements(const galen_tensor *from, galen_dtype type, void *to) {
    size_t size = galen_dtype_size(from->dtype);
    int64_t n = galen_tensor_elements(from);
    if (type == GALEN_F32) /* weights of whole networks, at every load */
        (from->dtype == GALEN_F16 ? gal_f16_to_f32_row : gal_bf16_to_f32_row)(from->data, to, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] = gal_load_f64(from->dtype, (const char *)from->data + (size_t)i * size);
}

static galen_status widen_tensor(const widening *w, const galen_tensor *from, gal_value **out, galen_error *err) {
    GAL_TRY(gal_graph_new_constant(w->graph, NULL, w->to, from->rank, from->dim, out, err));
    widen_elements(from, w->to, (*out)->constant->data);
    return GALEN_OK;
}

/* Operands that are f32 whatever the data is: shape operands, and scales of ops on bytes that compute in integers. */
static bool stays(const gal_node *node, uint32_t index) {
    if (index < 32 && (node->op->shape_in >> index & 1)) return true;
    return gal_is_op(node, "", "QLinearConv") || gal_is_op(node, "", "QLinearMatMul");
}

static galen_status widen_inputs(const widening *w, gal_node *node, galen_error *err) {
    for (uint32_t i = 0; i < node->n_in; i++) {
        gal_value *value = node->in[i];
        if (value == NULL || value->constant == NULL || !is_narrow(w, value->dtype) || stays(node, i)) continue;
        if (value->id >= w->n_wide) continue;
        if (w->wide[value->id] == NULL) GAL_TRY(widen_tensor(w, value->constant, &w->wide[value->id], err));
        gal_node_set_input(node, i, w->wide[value->id]);
    }
    return GALEN_OK;
}

/* The types that attributes name: Cast's, and that of the tensor ConstantOfShape repeats. */
static galen_status widen_attributes(const widening *w, gal_node *node, galen_error *err) {
    for (uint32_t i = 0; i < node->n_attr; i++) {
        gal_attr *a = &node->attr[i];
        if (gal_is_op(node, "", "Cast") && a->type == GAL_ATTR_INT && is_narrow(w, (galen_dtype)a->i)) a->i = w->to;
        if (!gal_is_op(node, "", "ConstantOfShape") || a->type != GAL_ATTR_TENSOR || !is_narrow(w, a->tensor->dtype))
            continue;
        galen_tensor *tensor = gal_arena_alloc(&w->graph->arena, 1, sizeof *tensor);
        void *data =
            gal_arena_alloc(&w->graph->arena, (size_t)galen_tensor_elements(a->tensor), galen_dtype_size(w->to));
        if (tensor == NULL || data == NULL) return gal_fail_memory(err, "a wider graph", sizeof *tensor);
        widen_elements(a->tensor, w->to, data);
        *tensor = *a->tensor;
        tensor->dtype = w->to, tensor->data = data;
        a->tensor = tensor;
    }
    return GALEN_OK;
}

/* A Constant node becomes a constant, which has its own type. */
static galen_status widen_constant_node(const widening *w, gal_node *node, galen_error *err) {
    const gal_attr *a = node->n_attr == 1 ? &node->attr[0] : NULL;
    galen_tensor view = {.dtype = GALEN_F32};
    gal_value *wide;
    if (a == NULL || !gal_is_op(node, "", "Constant") || !is_narrow(w, node->out[0]->dtype)) return GALEN_OK;
    if (a->type == GAL_ATTR_TENSOR) view = *a->tensor;
    if (a->type == GAL_ATTR_FLOAT) view.data = (void *)(uintptr_t)&a->f;
    if (a->type == GAL_ATTR_FLOATS)
        view.rank = 1, view.dim[0] = (int64_t)a->count, view.data = (void *)(uintptr_t)a->floats;
    if (view.data == NULL) return GALEN_OK;
    GAL_TRY(widen_tensor(w, &view, &wide, err));
    gal_graph_replace(w->graph, node->out[0], wide);
    gal_graph_remove(w->graph, node);
    return GALEN_OK;
}

static galen_status widen_nodes(const widening *w, galen_error *err) {
    gal_node *next;
    for (gal_node *node = w->graph->first; node != NULL; node = next) {
        next = node->next;
        GAL_TRY(widen_inputs(w, node, err));
        GAL_TRY(widen_attributes(w, node, err));
        GAL_TRY(widen_constant_node(w, node, err));
    }
    return gal_graph_infer(w->graph, err);
}

galen_status gal_pass_widen_to(gal_graph *graph, galen_dtype to, galen_error *err) {
    widening w = {.graph = graph, .to = to, .n_wide = graph->n_value};
    w.wide = gal_calloc(w.n_wide > 0 ? w.n_wide : 1, sizeof(gal_value *));
    if (w.wide == NULL) return gal_fail_memory(err, "a wider graph", w.n_wide * sizeof(gal_value *));
    galen_status status = widen_nodes(&w, err);
    gal_free(w.wide);
    return status;
}

galen_status gal_pass_widen(gal_graph *graph, bool *changed, galen_error *err) {
    for (uint32_t i = 0; i < graph->n_input; i++) {
        galen_dtype *dtype = &graph->input[i]->dtype;
        if (*dtype == GALEN_F32 || gal_dtype_is_half(*dtype)) *dtype = GALEN_F64;
    }
    *changed = true;
    return gal_pass_widen_to(graph, GALEN_F64, err);
}
