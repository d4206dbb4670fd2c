/* Small graphs for tests of passes: built in a line an op, run by the reference kernels, compared before and after. */
#ifndef GAL_TEST_SMALL_GRAPH_H
#define GAL_TEST_SMALL_GRAPH_H

#include "base/mem.h"
#include "graph/op.h"
#include "pass/pass.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_BATCH = 3, SMALL_MAX = 1 << 16 };

static galen_error small_err;
static uint32_t small_noise;

static inline float small_random(void) {
    small_noise = small_noise * 1664525u + 1013904223u;
    return (float)(small_noise >> 8) / (1 << 23) - 1;
}

static inline gal_graph *small_graph(void) {
    gal_graph *graph;
    small_noise = 7;
    assert_ok(gal_graph_create("small", &graph, &small_err), small_err);
    return graph;
}

/* [N, c, h, w], or [N, c] when h is 0. */
static inline gal_value *small_input(gal_graph *graph, const char *name, int64_t c, int64_t h, int64_t w) {
    gal_shape shape = {.rank = h > 0 ? 4 : 2, .dim = {{1, true}, {c, false}, {h, false}, {w, false}}};
    gal_value *value;
    assert_ok(gal_graph_input(graph, name, GALEN_F32, &shape, &value, &small_err), small_err);
    return value;
}

/* A constant of random numbers in [low, low + 2). */
static inline gal_value *small_constant(gal_graph *graph, float low, int rank, const int64_t *dim) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(graph, NULL, GALEN_F32, rank, dim, &value, &small_err), small_err);
    int64_t n = galen_tensor_elements(value->constant);
    for (int64_t i = 0; i < n; i++) ((float *)value->constant->data)[i] = small_random() + 1 + low;
    return value;
}

static inline gal_value *small_row(gal_graph *graph, float low, int64_t n) {
    return small_constant(graph, low, 1, &n);
}

static inline gal_value *small_ints(gal_graph *graph, const int64_t *v, size_t n) {
    gal_value *value;
    assert_ok(gal_graph_ints(graph, NULL, v, n, &value, &small_err), small_err);
    return value;
}

static inline gal_node *small_node(gal_graph *graph, const char *op, uint32_t n_in, gal_value **in, uint32_t n_attr,
                                   const gal_attr *attr) {
    gal_node *node;
    const gal_node_spec spec = {.op = op, .n_in = n_in, .n_out = 1, .in = in, .n_attr = n_attr, .attr = attr};
    assert_ok(gal_graph_node(graph, &spec, &node, &small_err), small_err);
    return node;
}

static inline gal_value *small_op(gal_graph *graph, const char *op, gal_value *a, gal_value *b) {
    gal_value *in[2] = {a, b};
    return small_node(graph, op, b != NULL ? 2 : 1, in, 0, NULL)->out[0];
}

static inline gal_value *small_with(gal_graph *graph, const char *op, gal_value *x, gal_attr attr) {
    return small_node(graph, op, 1, &x, 1, &attr)->out[0];
}

static inline gal_attr small_int(const char *name, int64_t v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = v};
}

static inline gal_attr small_list(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

/* Conv with k outputs, window r, stride s, padding r / 2, bias. */
static inline gal_value *small_conv(gal_graph *graph, gal_value *x, int64_t k, int64_t r, int64_t s) {
    const int64_t w[4] = {k, x->shape.dim[1].size, r, r}, strides[2] = {s, s}, pads[4] = {r / 2, r / 2, r / 2, r / 2};
    const gal_attr attr[2] = {small_list("strides", strides, 2), small_list("pads", pads, 4)};
    gal_value *in[3] = {x, small_constant(graph, -1, 4, w), small_row(graph, -1, k)};
    return small_node(graph, "Conv", 3, in, 2, attr)->out[0];
}

static inline gal_value *small_norm(gal_graph *graph, gal_value *x) {
    int64_t c = x->shape.dim[1].size;
    gal_value *in[5] = {x, small_row(graph, -1, c), small_row(graph, -1, c), small_row(graph, -1, c),
                        small_row(graph, 0.5f, c)};
    return small_node(graph, "BatchNormalization", 5, in, 0, NULL)->out[0];
}

static inline void small_output(gal_graph *graph, gal_value *value) {
    assert_ok(gal_graph_mark_output(graph, value, &small_err), small_err);
}

static inline size_t small_count(const gal_graph *graph, const char *op) {
    size_t n = 0;
    for (const gal_node *node = graph->first; node != NULL; node = node->next) n += strcmp(node->op->name, op) == 0;
    return n;
}

typedef struct small_result {
    size_t n; /* floats of all outputs together */
    char name[8][64];
    float y[SMALL_MAX];
} small_result;

static inline void small_run_node(const gal_node *node, galen_tensor *tensor) {
    const galen_tensor *in[64];
    galen_tensor *out[64];
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = node->in[i] != NULL ? &tensor[node->in[i]->id] : NULL;
    for (uint32_t i = 0; i < node->n_out; i++) {
        out[i] = node->out[i] != NULL ? &tensor[node->out[i]->id] : NULL;
        if (out[i] != NULL) out[i]->data = calloc(1, (size_t)galen_tensor_bytes(out[i]) + 64);
    }
    size_t bytes = node->op->scratch != NULL ? node->op->scratch(node, SMALL_BATCH) : 0;
    void *scratch = aligned_alloc(64, (bytes + 128) / 64 * 64);
    const gal_call call = {.node = node, .in = in, .out = out, .scratch = scratch};
    assert_ok(node->op->run(&call, &small_err), small_err);
    free(scratch);
}

/* Every input is filled with the same numbers each time. */
static inline void small_run(const gal_graph *graph, small_result *result) {
    galen_tensor *tensor = calloc(graph->n_value, sizeof *tensor);
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        gal_shape_at(&value->shape, value->dtype, SMALL_BATCH, &tensor[i]);
        if (value->constant != NULL) tensor[i] = *value->constant;
    }
    small_noise = 99;
    for (uint32_t i = 0; i < graph->n_input; i++) {
        galen_tensor *t = &tensor[graph->input[i]->id];
        int64_t n = galen_tensor_elements(t);
        float *x = t->data = calloc((size_t)n + 16, sizeof *x);
        for (int64_t k = 0; k < n; k++) x[k] = small_random();
    }
    for (const gal_node *node = graph->first; node != NULL; node = node->next) small_run_node(node, tensor);
    result->n = 0;
    for (uint32_t o = 0; o < graph->n_output; o++) {
        const galen_tensor *t = &tensor[graph->output[o]->id];
        size_t n = (size_t)galen_tensor_elements(t);
        assert_int_equal(t->dtype, GALEN_F32);
        assert_true(result->n + n <= SMALL_MAX);
        memcpy(result->y + result->n, t->data, n * sizeof(float));
        result->n += n;
        snprintf(result->name[o], sizeof result->name[o], "%s", graph->output[o]->name);
    }
    for (uint32_t i = 0; i < graph->n_value; i++)
        if (graph->value[i]->constant == NULL) free(tensor[i].data);
    free(tensor);
}

static inline void small_expect(const gal_graph *graph, const small_result *before) {
    static small_result after;
    assert_ok(gal_graph_verify(graph, &small_err), small_err);
    small_run(graph, &after);
    assert_int_equal(before->n, after.n);
    for (uint32_t o = 0; o < graph->n_output; o++) assert_string_equal(before->name[o], after.name[o]);
    for (size_t i = 0; i < after.n; i++)
        if (!(fabsf(before->y[i] - after.y[i]) <= 2e-5f * (1 + fabsf(before->y[i]))))
            fail_msg("element %zu: %g became %g", i, before->y[i], after.y[i]);
}

/* Runs the graph, the pass, and the graph again: the same numbers under the same names, and `changed` as expected. */
static inline void small_check(gal_graph *graph, gal_pass_fn pass, bool changes) {
    static small_result before;
    bool changed = false;
    small_run(graph, &before);
    assert_ok(pass(graph, &changed, &small_err), small_err);
    assert_int_equal(changed, changes);
    small_expect(graph, &before);
}

/* The same with all passes to the end; afterwards nothing is left to do. */
static inline void small_check_all(gal_graph *graph) {
    static small_result before;
    size_t n;
    const gal_pass_row *row = gal_pass_table(&n);
    small_run(graph, &before);
    assert_ok(gal_pass_run_all(graph, false, &small_err), small_err);
    small_expect(graph, &before);
    for (size_t i = 0; i < n; i++) {
        bool changed = false;
        assert_ok(row[i].run(graph, &changed, &small_err), small_err);
        assert_false(changed);
    }
}

#endif
