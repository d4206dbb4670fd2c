/*
 * Computes what does not depend on the input once, with the same reference kernels a run would use: nodes whose inputs
 * are all constant, and integer tensors the shape rules already know.
 */
#include "base/error.h"
#include "base/mem.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <string.h>

/* Bytes made in one call of the pass; a node that would go beyond stays in the graph. */
static const int64_t LIMIT = (int64_t)512 << 20;
enum { MAX_ARGS = 64 };

static bool is_random(const gal_node *node) {
    const char *op = node->op->name;
    return strncmp(op, "Random", 6) == 0 || strcmp(op, "Multinomial") == 0 || strcmp(op, "Bernoulli") == 0;
}

static bool is_used(const gal_value *value) {
    return value != NULL && (value->uses != NULL || value->is_output);
}

static bool has_constant_inputs(const gal_node *node) {
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != NULL && node->in[i]->constant == NULL) return false;
    return true;
}

/* Bytes of all outputs together, -1 when one is not fixed. */
static int64_t output_bytes(const gal_node *node) {
    int64_t total = 0;
    for (uint32_t i = 0; i < node->n_out; i++) {
        galen_tensor tensor;
        if (node->out[i] == NULL) continue;
        if (!gal_shape_is_fixed(&node->out[i]->shape)) return -1;
        gal_shape_at(&node->out[i]->shape, node->out[i]->dtype, 1, &tensor);
        int64_t bytes = galen_tensor_bytes(&tensor);
        if (bytes < 0 || bytes > LIMIT) return -1;
        total += bytes;
    }
    return total;
}

static galen_status new_tensor(gal_graph *graph, const gal_value *value, galen_tensor *out, galen_error *err) {
    gal_shape_at(&value->shape, value->dtype, 1, out);
    out->data = gal_arena_alloc_aligned(&graph->arena, (size_t)galen_tensor_bytes(out));
    return out->data != NULL ? GALEN_OK
                             : gal_fail_memory(err, value->name, (unsigned long long)galen_tensor_bytes(out));
}

/* A shape rule knows every element: Shape of a fixed tensor and what is computed from it. */
static bool all_known(const gal_value *value) {
    if (value->known == NULL || value->constant != NULL || !gal_shape_is_fixed(&value->shape)) return false;
    if (value->dtype != GALEN_I64 && value->dtype != GALEN_I32) return false;
    int64_t n = gal_fixed_elements(value);
    for (int64_t i = 0; i < n; i++)
        if (value->known[i].batch) return false;
    return true;
}

static galen_status bind_known(gal_graph *graph, gal_value *value, galen_error *err) {
    galen_tensor tensor;
    GAL_TRY(new_tensor(graph, value, &tensor, err));
    int64_t n = galen_tensor_elements(&tensor);
    for (int64_t i = 0; i < n; i++) {
        if (value->dtype == GALEN_I64)
            ((int64_t *)tensor.data)[i] = value->known[i].size;
        else
            ((int32_t *)tensor.data)[i] = (int32_t)value->known[i].size;
    }
    return gal_graph_bind(graph, value, &tensor, err);
}

/* *done false: the node cannot be computed now and stays, to fail with its own message when it is run. */
static galen_status compute(gal_graph *graph, const gal_node *node, galen_tensor *made, bool *done, galen_error *err) {
    const galen_tensor *in[MAX_ARGS];
    galen_tensor *out[MAX_ARGS];
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = node->in[i] != NULL ? node->in[i]->constant : NULL;
    for (uint32_t i = 0; i < node->n_out; i++) {
        out[i] = NULL;
        if (node->out[i] == NULL) continue;
        GAL_TRY(new_tensor(graph, node->out[i], &made[i], err));
        out[i] = &made[i];
    }
    size_t bytes = node->op->scratch != NULL ? node->op->scratch(node, 1) : 0;
    void *scratch = bytes > 0 ? gal_alloc_aligned(bytes) : NULL;
    if (bytes > 0 && scratch == NULL) return gal_fail_memory(err, node->name, bytes);
    const gal_call call = {.node = node, .in = in, .out = out, .scratch = scratch};
    *done = node->op->run(&call, NULL) == GALEN_OK;
    gal_free(scratch);
    return GALEN_OK;
}

static galen_status fold(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    galen_tensor made[MAX_ARGS];
    bool done = false;
    GAL_TRY(compute(graph, node, made, &done, err));
    if (!done) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i] != NULL) GAL_TRY(gal_graph_bind(graph, node->out[i], &made[i], err));
    gal_graph_remove(graph, node);
    *changed = true;
    return GALEN_OK;
}

static bool can_fold(const gal_node *node, int64_t left) {
    if (node->n_in > MAX_ARGS || node->n_out > MAX_ARGS || node->op->run == NULL || is_random(node)) return false;
    bool wanted = false;
    for (uint32_t i = 0; i < node->n_out; i++) wanted |= is_used(node->out[i]);
    int64_t bytes = wanted && has_constant_inputs(node) ? output_bytes(node) : -1;
    return bytes >= 0 && bytes <= left;
}

/* Weights in 8 bits: the integer form is worth more than the numbers it stands for (gal_pass_quantized). */
static bool holds_weights(const gal_node *node) {
    return gal_is_op(node, "", "DequantizeLinear") && node->in[0]->constant != NULL;
}

galen_status gal_pass_fold_node(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    return can_fold(node, LIMIT) ? fold(graph, node, changed, err) : GALEN_OK;
}

galen_status gal_pass_fold_constants(gal_graph *graph, bool *changed, galen_error *err) {
    int64_t left = LIMIT;
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        if (holds_weights(node)) continue;
        if (can_fold(node, left)) {
            left -= output_bytes(node);
            GAL_TRY(fold(graph, node, changed, err));
        } else if (node->n_out == 1 && is_used(node->out[0]) && all_known(node->out[0])) {
            GAL_TRY(bind_known(graph, node->out[0], err));
            gal_graph_remove(graph, node);
            *changed = true;
        }
    }
    return GALEN_OK;
}
