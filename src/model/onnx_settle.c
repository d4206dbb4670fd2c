/*
 * Small tensors computed from constants and fixed shapes alone are settled while a model is read, because exporters
 * compute shapes, pads and sizes in ways that shape rules do not follow (through floats, tables of two columns,
 * comparisons).
 */
#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "graph/ops/types.h"
#include "model/onnx_rewrite.h"

#include <string.h>

enum { SETTLE_MAX = 256 }; /* elements: shapes and tables of pads, never weights */

/* Elements of a fixed shape of at most SETTLE_MAX, else -1. */
static int64_t small(const gal_value *value) {
    galen_tensor t;
    if (!gal_shape_is_fixed(&value->shape)) return -1;
    gal_shape_at(&value->shape, value->dtype, 1, &t);
    int64_t n = galen_tensor_elements(&t);
    return n <= SETTLE_MAX ? n : -1;
}

/* The value's elements when all of them are plain numbers; those only the shape rules know are written to `room`. */
static bool settled(const gal_value *value, uint8_t *room, galen_tensor *out) {
    if (value->constant) {
        *out = *value->constant;
        return small(value) >= 0;
    }
    int64_t n = small(value);
    if (!value->known || n < 0 || n > GAL_KNOWN_MAX) return false;
    gal_shape_at(&value->shape, value->dtype, 1, out);
    out->data = room;
    for (int64_t i = 0; i < n; i++) {
        if (value->known[i].batch) return false;
        gal_store_int(value->dtype, room + (size_t)i * galen_dtype_size(value->dtype), value->known[i].size);
    }
    return true;
}

/* Quantised constants stay visible for what is to be done with them later. */
static bool keeps_its_node(const gal_op *op) {
    return strcmp(op->name, "QuantizeLinear") == 0 || strcmp(op->name, "DequantizeLinear") == 0;
}

galen_status gal_rewrite_settle(gal_rewrite *r, galen_error *err) {
    gal_node *node = r->last;
    _Alignas(8) uint8_t room[GAL_REWRITE_MAX_IN][GAL_KNOWN_MAX * sizeof(int64_t)];
    galen_tensor tensor[GAL_REWRITE_MAX_IN], made;
    const galen_tensor *in[GAL_REWRITE_MAX_IN] = {NULL};
    if (!node || node->n_in == 0 || node->n_in > GAL_REWRITE_MAX_IN || node->n_out != 1 || !node->out[0] ||
        keeps_its_node(node->op))
        return GALEN_OK;
    if (node->out[0]->constant || small(node->out[0]) < 0) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!node->in[i]) continue;
        if (!settled(node->in[i], room[i], &tensor[i])) return GALEN_OK;
        in[i] = &tensor[i];
    }
    gal_shape_at(&node->out[0]->shape, node->out[0]->dtype, 1, &made);
    size_t bytes = (size_t)galen_tensor_bytes(&made), need = node->op->scratch(node, 1);
    made.data = gal_arena_alloc_aligned(&r->graph->arena, bytes);
    void *scratch = need ? gal_alloc_aligned(need) : NULL;
    if (!made.data || (need && !scratch)) {
        gal_free(scratch);
        return gal_fail_memory(err, node->name, bytes + need);
    }
    const gal_call call = {.node = node, .in = in, .out = (galen_tensor *[]){&made}, .scratch = scratch};
    galen_status status = node->op->run(&call, NULL);
    gal_free(scratch);
    if (status != GALEN_OK) return GALEN_OK; /* it fails by its own message when it is run */
    GAL_TRY(gal_graph_bind(r->graph, node->out[0], &made, err));
    gal_graph_remove(r->graph, node);
    r->last = NULL;
    return GALEN_OK;
}
