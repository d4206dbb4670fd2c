/* Runs one node on given tensors by its reference kernel. Shared by the tests of the op families. */
#ifndef GAL_TEST_RUN_NODE_H
#define GAL_TEST_RUN_NODE_H

#include "base/mem.h"
#include "base/rng.h"
#include "graph/op.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_MAX = 10 };

/* One node and its tensors; inputs are constants, so that shape operands are known. */
typedef struct test_node {
    gal_graph *graph;
    gal_node *node;
    galen_tensor out[NODE_MAX];
    galen_error err;
} test_node;

#define DIMS(...) (sizeof((const int64_t[]){__VA_ARGS__}) / 8), ((const int64_t[]){__VA_ARGS__})
#define INTS(label, ...)                                                                                               \
    {                                                                                                                  \
        .name = label, .type = GAL_ATTR_INTS, .ints = (const int64_t[]){__VA_ARGS__},                                  \
        .count = sizeof((const int64_t[]){__VA_ARGS__}) / 8                                                            \
    }
#define INT(label, value)                                                                                              \
    { .name = label, .type = GAL_ATTR_INT, .i = value }
#define FLOAT(label, value)                                                                                            \
    { .name = label, .type = GAL_ATTR_FLOAT, .f = value }
#define TEXT(label, value)                                                                                             \
    { .name = label, .type = GAL_ATTR_STRING, .s = value }

static inline galen_tensor tensor_of(galen_dtype dtype, const void *data, size_t rank, const int64_t *dim) {
    galen_tensor t = {.dtype = dtype, .rank = (int)rank};
    if (rank) memcpy(t.dim, dim, rank * sizeof *dim);
    size_t bytes = (size_t)galen_tensor_bytes(&t);
    t.data = gal_alloc_aligned(bytes + 1);
    assert_non_null(t.data);
    if (data) memcpy(t.data, data, bytes);
    return t;
}

/* Uniform in [-1, 1). */
static inline galen_tensor random_f32(gal_rng *rng, size_t rank, const int64_t *dim) {
    galen_tensor t = tensor_of(GALEN_F32, NULL, rank, dim);
    for (int64_t i = 0, n = galen_tensor_elements(&t); i < n; i++)
        ((float *)t.data)[i] = (float)(2 * gal_rng_uniform(rng) - 1);
    return t;
}

/* Adds the node; in[i] with dtype GALEN_DTYPE_NONE is an omitted input. */
static inline galen_status node_make(test_node *t, const char *domain, const char *op, const galen_tensor *in,
                                     uint32_t n_in, uint32_t n_out, const gal_attr *attr, uint32_t n_attr) {
    gal_value *value[NODE_MAX] = {NULL};
    memset(t, 0, sizeof *t);
    assert_ok(gal_graph_create("test", &t->graph, &t->err), t->err);
    for (uint32_t i = 0; i < n_in; i++)
        if (in[i].dtype != GALEN_DTYPE_NONE)
            assert_ok(gal_graph_constant(t->graph, NULL, &in[i], &value[i], &t->err), t->err);
    gal_node_spec spec = {.domain = domain,
                          .op = op,
                          .name = "it",
                          .n_in = n_in,
                          .n_out = n_out,
                          .n_attr = n_attr,
                          .in = value,
                          .attr = attr};
    return gal_graph_node(t->graph, &spec, &t->node, &t->err);
}

/* Computes the outputs into t->out. */
static inline galen_status node_run(test_node *t, const galen_tensor *in) {
    const galen_tensor *inputs[NODE_MAX] = {NULL};
    galen_tensor *outputs[NODE_MAX] = {NULL};
    for (uint32_t i = 0; i < t->node->n_in; i++)
        if (t->node->in[i]) inputs[i] = &in[i];
    for (uint32_t i = 0; i < t->node->n_out; i++) {
        const gal_value *v = t->node->out[i];
        gal_shape_at(&v->shape, v->dtype, 1, &t->out[i]);
        t->out[i] = tensor_of(v->dtype, NULL, (size_t)v->shape.rank, t->out[i].dim);
        outputs[i] = &t->out[i];
    }
    assert_int_equal(t->node->op->scratch(t->node, 1), 0);
    gal_call call = {.node = t->node, .in = inputs, .out = outputs};
    test_count_reset();
    galen_status status = t->node->op->run(&call, &t->err);
    assert_int_equal(test_allocations(), 0); /* a kernel may not allocate */
    return status;
}

static inline void node_free(test_node *t) {
    for (int i = 0; i < NODE_MAX; i++) gal_free(t->out[i].data);
    gal_graph_destroy(t->graph);
}

/* Makes and runs the node; output 0 is handed to the caller, who frees its data. */
static inline galen_tensor node_result(const char *domain, const char *op, const galen_tensor *in, uint32_t n_in,
                                       const gal_attr *attr, uint32_t n_attr) {
    test_node t;
    assert_ok(node_make(&t, domain, op, in, n_in, 1, attr, n_attr), t.err);
    assert_ok(node_run(&t, in), t.err);
    galen_tensor out = t.out[0];
    t.out[0].data = NULL;
    node_free(&t);
    return out;
}

#endif
