/* The rule that says which nodes may run on a few images at a time, op by op: what mixes items, and what does not. */
#include "pass/small_graph.h"
#include "session/internal.h"

enum { C = 4, SIDE = 6 };

static gal_graph *g;
static gal_value *x; /* [N, C, SIDE, SIDE] */
static gal_value *m; /* [N, C] */

static int setup(void **state) {
    (void)state;
    g = small_graph();
    x = small_input(g, "x", C, SIDE, SIDE);
    m = small_input(g, "m", C, 0, 0);
    return 0;
}

static int drop(void **state) {
    (void)state;
    gal_graph_destroy(g);
    return 0;
}

static void expect(bool apart, const gal_value *made) {
    if (gal_session_treats_items_apart(made->producer) != apart)
        fail_msg("%s: %s", made->producer->op->name, apart ? "was not seen to treat items apart" : "mixes items");
}

static gal_value *ints(int64_t a) {
    return small_ints(g, &a, 1);
}

static gal_value *with_int(const char *op, gal_value *v, const char *name, int64_t i) {
    return small_with(g, op, v, small_int(name, i));
}

static gal_value *reshape(gal_value *v, const int64_t *dims, size_t n) {
    return small_op(g, "Reshape", v, small_ints(g, dims, n));
}
#define RESHAPE(v, ...)                                                                                                \
    reshape(v, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static gal_value *transpose(gal_value *v, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t perm[4] = {a, b, c, d};
    return small_with(g, "Transpose", v, small_list("perm", perm, 4));
}

static gal_value *concat(gal_value *a, gal_value *b, int64_t axis) {
    gal_value *in[2] = {a, b};
    const gal_attr attr = small_int("axis", axis);
    return small_node(g, "Concat", 2, in, 1, &attr)->out[0];
}

static void test_layers(void **state) {
    (void)state;
    const int64_t window[2] = {2, 2};
    expect(true, small_conv(g, x, 8, 3, 1));
    expect(true, small_norm(g, x));
    expect(true, small_with(g, "MaxPool", x, small_list("kernel_shape", window, 2)));
    expect(true, small_op(g, "GlobalAveragePool", x, NULL));
    expect(true, with_int("Flatten", x, "axis", 1));
    expect(true, transpose(x, 0, 2, 3, 1));
    expect(true, concat(x, x, 1));
    expect(true, concat(x, x, -3));
    expect(true, with_int("Softmax", m, "axis", 1));
    expect(true, with_int("ArgMax", m, "axis", 1));
    expect(false, transpose(x, 1, 0, 2, 3));
    expect(false, concat(x, x, 0));
    expect(false, concat(x, x, -4));
    expect(false, with_int("Softmax", m, "axis", 0));
    expect(false, with_int("Softmax", m, "axis", -2));
    expect(false, with_int("LogSoftmax", x, "axis", -4));
    expect(false, with_int("ArgMax", m, "axis", 0));
    expect(false, small_op(g, "Shape", x, NULL));
}

/* The second output of MaxPool counts through the batch. */
/* Its scale is that of the whole tensor: the products behind it treat items apart, it does not. */
static void test_scales_of_the_moment(void **state) {
    (void)state;
    const gal_node_spec spec = {.op = "DynamicQuantizeLinear", .n_in = 1, .n_out = 3, .in = &x};
    const int64_t dim[4] = {2, C, 1, 1};
    gal_node *node;
    assert_ok(gal_graph_node(g, &spec, &node, &small_err), small_err);
    expect(false, node->out[0]);
    gal_value *in[3] = {node->out[0], NULL, node->out[2]};
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_I8, 4, dim, &in[1], &small_err), small_err);
    expect(true, small_node(g, "ConvInteger", 3, in, 0, NULL)->out[0]);
}

static void test_pool_indices(void **state) {
    (void)state;
    const int64_t window[2] = {2, 2};
    const gal_attr attr = small_list("kernel_shape", window, 2);
    const gal_node_spec spec = {.op = "MaxPool", .n_in = 1, .n_out = 2, .in = &x, .n_attr = 1, .attr = &attr};
    gal_node *node;
    assert_ok(gal_graph_node(g, &spec, &node, &small_err), small_err);
    expect(false, node->out[0]);
}

static void test_norm_of_the_batch(void **state) {
    (void)state;
    gal_value *in[5] = {x, small_row(g, 0, C), small_row(g, 0, C), small_row(g, 0, C), small_row(g, 1, C)};
    const gal_attr training = small_int("training_mode", 1);
    expect(false, small_node(g, "BatchNormalization", 5, in, 1, &training)->out[0]);
    gal_value *layer[2] = {m, small_row(g, 0, C)};
    expect(true, small_node(g, "LayerNormalization", 2, layer, 0, NULL)->out[0]);
}

static void test_reductions(void **state) {
    (void)state;
    const int64_t batch[1] = {0}, pixels[2] = {2, 3};
    expect(true, small_with(g, "ReduceMean", x, small_list("axes", pixels, 2)));
    expect(false, small_with(g, "ReduceMean", x, small_list("axes", batch, 1)));
    expect(false, small_op(g, "ReduceSum", x, NULL));
    expect(true, small_op(g, "ReduceSum", m, ints(1)));
    expect(false, small_op(g, "ReduceSum", m, ints(-2)));
}

static void test_products(void **state) {
    (void)state;
    const int64_t square[2] = {C, C}, rows[2] = {C, 3};
    gal_value *row = RESHAPE(m, -1, 1, C), *column = RESHAPE(m, -1, C, 1);
    gal_value *gemm[3] = {m, small_constant(g, 0, 2, square), m};
    const gal_attr turned = small_int("transA", 1);
    expect(true, small_op(g, "MatMul", m, small_constant(g, 0, 2, rows)));
    expect(true, small_op(g, "MatMul", row, column));
    expect(false, small_op(g, "MatMul", transpose(RESHAPE(m, -1, C, 1, 1), 1, 2, 3, 0), RESHAPE(m, -1, C)));
    expect(true, small_node(g, "Gemm", 3, gemm, 0, NULL)->out[0]);
    gemm[2] = small_row(g, 0, C);
    expect(true, small_node(g, "Gemm", 3, gemm, 0, NULL)->out[0]);
    gemm[0] = small_op(g, "ReduceSum", x, ints(3)); /* [N, C, SIDE, 1] */
    gemm[0] = RESHAPE(gemm[0], C * SIDE, -1);
    gemm[1] = small_constant(g, 0, 2, (const int64_t[2]){C * SIDE, C});
    expect(false, small_node(g, "Gemm", 2, gemm, 1, &turned)->out[0]);
}

static void test_broadcast(void **state) {
    (void)state;
    const int64_t channel[3] = {C, 1, 1}, four[4] = {1, C, 1, 1};
    expect(true, small_op(g, "Mul", x, small_constant(g, 0, 3, channel)));
    expect(true, small_op(g, "Mul", small_constant(g, 0, 4, four), x));
    expect(true, small_op(g, "Add", x, x));
    expect(true, small_op(g, "Mul", x, small_op(g, "GlobalAveragePool", x, NULL)));
    expect(false, small_op(g, "Neg", small_constant(g, 0, 3, channel), NULL)); /* no items at all */
    gal_value *turned = transpose(RESHAPE(m, -1, C, 1, 1), 2, 3, 1, 0);        /* [1, 1, C, N] */
    expect(false, small_op(g, "Add", turned, turned));
}

static void test_shapes(void **state) {
    (void)state;
    gal_value *folded = RESHAPE(x, -1, SIDE * SIDE); /* [C N, SIDE SIDE] */
    expect(true, RESHAPE(x, -1, C * SIDE, SIDE));
    expect(false, folded);
    expect(false, small_op(g, "Neg", folded, NULL));
    expect(false, RESHAPE(folded, -1, C, SIDE, SIDE));
    gal_value *slice[4] = {x, ints(1), ints(3), ints(1)};
    expect(true, small_node(g, "Slice", 4, slice, 0, NULL)->out[0]);
    slice[0] = small_op(g, "Reshape", x, small_ints(g, (const int64_t[4]){C, -1, SIDE, SIDE}, 4)); /* [C, N, ...] */
    slice[3] = ints(2);
    expect(false, small_node(g, "Slice", 4, slice, 0, NULL)->out[0]);
    gal_value *gather[2] = {x, ints(0)};
    const gal_attr axis = small_int("axis", 2);
    expect(true, small_node(g, "Gather", 2, gather, 1, &axis)->out[0]);
    expect(false, small_node(g, "Gather", 2, gather, 0, NULL)->out[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, drop)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_layers),
                                       TEST(test_pool_indices),
                                       TEST(test_norm_of_the_batch),
                                       TEST(test_reductions),
                                       TEST(test_products),
                                       TEST(test_broadcast),
                                       TEST(test_shapes),
                                       TEST(test_scales_of_the_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
