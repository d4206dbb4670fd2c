/* Puts single ops together and runs them, for the tests of op families. */
#ifndef GAL_TEST_BUILD_H
#define GAL_TEST_BUILD_H

#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gal_graph *graph;
static galen_error err;

static inline int setup_graph(void **state) {
    (void)state;
    test_count_reset();
    return gal_graph_create("test", &graph, &err) != GALEN_OK;
}

static inline int drop_graph(void **state) {
    (void)state;
    gal_graph_destroy(graph);
    return 0;
}

static inline gal_value *feed(galen_dtype dtype, int rank, const gal_dim *dim) {
    static int count;
    char name[16];
    gal_shape shape = {.rank = rank};
    gal_value *v;
    if (rank) memcpy(shape.dim, dim, (size_t)rank * sizeof *dim);
    snprintf(name, sizeof name, "in%d", count++);
    assert_ok(gal_graph_input(graph, name, dtype, &shape, &v, &err), err);
    return v;
}

static inline gal_value *constant(galen_dtype dtype, int rank, const int64_t *dim, const void *data) {
    galen_tensor t = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data};
    gal_value *v;
    for (int i = 0; i < rank; i++) t.dim[i] = dim[i];
    assert_ok(gal_graph_constant(graph, NULL, &t, &v, &err), err);
    return v;
}

static inline gal_value *ints(size_t n, const int64_t *data) {
    gal_value *v;
    assert_ok(gal_graph_ints(graph, NULL, data, n, &v, &err), err);
    return v;
}
#define INTS(...) ints(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static inline gal_attr int_attr(const char *name, int64_t i) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = i};
}
static inline gal_attr text_attr(const char *name, const char *s) {
    return (gal_attr){.name = name, .type = GAL_ATTR_STRING, .s = s};
}
static inline gal_attr ints_attr(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

/* Adds a node of up to six inputs (NULL ends them) and returns the status; *out is the node. */
static inline galen_status try_op(const char *op, gal_value *const in[6], const gal_attr *attr, uint32_t n_attr,
                                  uint32_t n_out, gal_node **out) {
    gal_node_spec spec = {.op = op, .n_out = n_out, .in = in, .attr = attr, .n_attr = n_attr};
    while (spec.n_in < 6 && in[spec.n_in]) spec.n_in++;
    return gal_graph_node(graph, &spec, out, &err);
}
#define TRY_OP(op, ...) try_op(op, (gal_value *[6]){__VA_ARGS__}, NULL, 0, 1, &(gal_node *){NULL})

static inline gal_value *op_of(const char *op, gal_value *const in[6], const gal_attr *attr) {
    gal_node *node;
    assert_ok(try_op(op, in, attr, attr ? 1 : 0, 1, &node), err);
    return node->out[0];
}
#define OP(op, ...)            op_of(op, (gal_value *[6]){__VA_ARGS__}, NULL)
#define OP_WITH(op, attr, ...) op_of(op, (gal_value *[6]){__VA_ARGS__}, &(gal_attr[]){attr}[0])

/* Runs a node for batch 1, all of whose inputs are constants, into fresh memory for the caller to free. Kernels must
 * not allocate. */
static inline galen_status run_node(const gal_node *node, gal_pool *pool, void *data[2]) {
    galen_tensor out[2];
    const galen_tensor *in[6] = {NULL};
    galen_tensor *to[2] = {NULL, NULL};
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = node->in[i]->constant;
    for (uint32_t i = 0; i < node->n_out; i++) {
        gal_shape_at(&node->out[i]->shape, node->out[i]->dtype, 1, &out[i]);
        out[i].data = data[i] = calloc(1, (size_t)galen_tensor_bytes(&out[i]) + 1);
        to[i] = &out[i];
    }
    gal_call call = {.node = node, .in = in, .out = to, .pool = pool};
    size_t scratch = node->op->scratch(node, 1);
    call.scratch = scratch ? gal_alloc_aligned(scratch) : NULL;
    test_count_reset();
    galen_status status = node->op->run(&call, &err);
    assert_int_equal(test_allocations(), 0);
    gal_free(call.scratch);
    return status;
}

static inline void *run_value(const gal_value *value) {
    void *data[2] = {NULL, NULL};
    assert_ok(run_node(value->producer, NULL, data), err);
    return data[0];
}

static inline void expect_shape(const gal_value *v, const char *text) {
    gal_buf buf;
    gal_buf_init(&buf, 256);
    gal_shape_text(&v->shape, &buf);
    assert_string_equal((char *)buf.data, text);
    gal_buf_free(&buf);
}

#endif
