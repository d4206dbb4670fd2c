/* Residuals and activations merged into the layer before them. */
#include "small_graph.h"

static gal_node *only(const gal_graph *g, const char *op) {
    gal_node *found = NULL;
    for (gal_node *node = g->first; node != NULL; node = node->next)
        if (strcmp(node->op->name, op) == 0) found = node;
    return found;
}

static void test_activations(void **state) {
    (void)state;
    static const char *const ops[] = {"Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "HardSigmoid"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        gal_graph *g = small_graph();
        small_output(g, small_op(g, ops[i], small_conv(g, small_input(g, "x", 3, 5, 5), 4, 3, 1), NULL));
        small_check_all(g);
        assert_int_equal(small_count(g, ops[i]), 0);
        assert_non_null(strstr(only(g, "Conv")->stands_for, ops[i]));
        gal_graph_destroy(g);
    }
}

static void test_clip_and_gates(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *low, *high, *x = small_input(g, "x", 3, 5, 5);
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &low, &small_err), small_err);
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &high, &small_err), small_err);
    *(float *)high->constant->data = 0.5f;
    gal_value *clip[3] = {small_conv(g, x, 4, 3, 1), low, high}, *open[3] = {small_conv(g, x, 4, 3, 1), NULL, high};
    small_output(g, small_node(g, "Clip", 3, clip, 0, NULL)->out[0]);
    small_output(g, small_node(g, "Clip", 3, open, 0, NULL)->out[0]);
    gal_value *y = small_conv(g, x, 4, 3, 1);
    small_output(g, small_op(g, "Mul", y, small_op(g, "Sigmoid", y, NULL)));
    gal_value *z = small_conv(g, x, 4, 3, 1);
    const gal_attr attr[2] = {{.name = "alpha", .type = GAL_ATTR_FLOAT, .f = 1.0f / 6},
                              {.name = "beta", .type = GAL_ATTR_FLOAT, .f = 0.5f}};
    small_output(g, small_op(g, "Mul", small_node(g, "HardSigmoid", 1, &z, 2, attr)->out[0], z));
    small_check_all(g);
    assert_int_equal(small_count(g, "Clip") + small_count(g, "Mul") + small_count(g, "Sigmoid"), 0);
    gal_graph_destroy(g);
}

/* A slope near 1/6 is not HardSwish's, and a product beyond f32 is left to be made one step at a time. */
static void test_not_quite(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *z = small_conv(g, small_input(g, "x", 3, 6, 6), 4, 3, 1);
    const gal_attr attr[2] = {{.name = "alpha", .type = GAL_ATTR_FLOAT, .f = 0.1666667f},
                              {.name = "beta", .type = GAL_ATTR_FLOAT, .f = 0.5f}};
    small_output(g, small_op(g, "Mul", small_node(g, "HardSigmoid", 1, &z, 2, attr)->out[0], z));
    small_check_all(g);
    assert_int_equal(small_count(g, "HardSigmoid"), 1);
    gal_graph_destroy(g);
    g = small_graph();
    z = small_conv(g, small_input(g, "x", 3, 6, 6), 4, 3, 1);
    gal_value *norm = small_norm(g, z), *huge = small_constant(g, -1, 3, (const int64_t[3]){4, 1, 1});
    for (int c = 0; c < 4; c++)
        ((float *)huge->constant->data)[c] = ((float *)norm->producer->in[1]->constant->data)[c] = 1e30f;
    small_output(g, small_op(g, "Mul", norm, huge));
    small_output(g, small_conv(g, z, 4, 3, 1));
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_int_equal(small_count(g, "ScaleShift"), 1);
    assert_int_equal(small_count(g, "Mul"), 1);
    gal_graph_destroy(g);
}

/* Either operand of the Add may be the convolution; a convolution others read may not. */
static void test_residual(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_op(g, "Relu", small_conv(g, small_input(g, "x", 3, 6, 6), 4, 3, 1), NULL);
    gal_value *a = small_op(g, "Relu", small_op(g, "Add", x, small_conv(g, x, 4, 3, 1)), NULL);
    gal_value *b = small_op(g, "Relu", small_op(g, "Add", small_conv(g, a, 4, 3, 1), small_conv(g, x, 4, 1, 1)), NULL);
    gal_value *c = small_conv(g, b, 4, 3, 1);
    small_output(g, small_op(g, "Add", c, small_op(g, "Sigmoid", c, NULL)));
    small_output(g, small_op(g, "Add", x, x));
    small_check_all(g);
    assert_int_equal(small_count(g, "Add"), 2);
    assert_int_equal(small_count(g, "Relu"), 0);
    gal_graph_destroy(g);
}

/* What has become an activation takes no residual behind it, and broadcasts are no residuals. */
static void test_order(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 6, 6);
    gal_value *y = small_op(g, "Relu", small_conv(g, x, 4, 3, 1), NULL), *other = small_op(g, "Sigmoid", y, NULL);
    small_output(g, small_op(g, "Add", small_op(g, "Relu", small_conv(g, y, 4, 3, 1), NULL), other));
    small_output(g, small_op(g, "Add", small_conv(g, y, 4, 3, 1), small_op(g, "GlobalAveragePool", y, NULL)));
    small_check_all(g);
    assert_int_equal(small_count(g, "Add"), 2);
    gal_graph_destroy(g);
}

static void test_products(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t w[2] = {6, 5}, v[2] = {5, 4};
    gal_value *y = small_op(g, "MatMul", small_input(g, "x", 6, 0, 0), small_constant(g, -1, 2, w));
    y = small_op(g, "Relu", small_op(g, "Add", small_row(g, -1, 5), y), NULL);
    gal_value *in[3] = {y, small_constant(g, -1, 2, v), small_row(g, -1, 4)};
    small_output(g, small_op(g, "Sigmoid", small_node(g, "Gemm", 3, in, 0, NULL)->out[0], NULL));
    small_check_all(g);
    assert_int_equal(g->n_node, 2);
    assert_string_equal(g->first->stands_for, "MatMul+Add+Relu");
    gal_graph_destroy(g);
}

/* DenseNet's BatchNormalization and Relu in front of a convolution, plain and as an exporter that adds Mul and Add
 * writes it. */
/* Rows of pixels or tokens: the product of a stack of matrices takes in bias and activation as that of one does. A bias
 * of more than a row stays. */
static void test_stacks(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t w[2] = {6, 5}, v[2] = {5, 4}, rows[2] = {3, 4};
    gal_value *y = small_op(g, "MatMul", small_input(g, "x", 2, 3, 6), small_constant(g, -1, 2, w));
    y = small_op(g, "Relu", small_op(g, "Add", small_row(g, -1, 5), y), NULL);
    y = small_op(g, "MatMul", y, small_constant(g, -1, 2, v));
    small_output(g, small_op(g, "Add", y, small_constant(g, -1, 2, rows)));
    small_check_all(g);
    assert_int_equal(small_count(g, "Gemm"), 2);
    assert_int_equal(small_count(g, "Add"), 1);
    assert_string_equal(g->first->stands_for, "MatMul+Add+Relu");
    gal_graph_destroy(g);
}

static void test_scale_shift(void **state) {
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        gal_graph *g = small_graph();
        const int64_t dim[3] = {4, 1, 1};
        gal_value *x = small_conv(g, small_input(g, "x", 3, 6, 6), 4, 3, 1), *norm = small_norm(g, x);
        if (longer) {
            norm = small_op(g, "Mul", small_constant(g, -1, 3, dim), norm);
            norm = small_op(g, "Add", norm, small_constant(g, -1, 3, dim));
        }
        gal_value *both[2] = {x, small_conv(g, small_op(g, "Relu", norm, NULL), 4, 3, 1)};
        const gal_attr axis = small_int("axis", 1);
        small_output(g, small_node(g, "Concat", 2, both, 1, &axis)->out[0]);
        small_check_all(g);
        assert_string_equal(only(g, "ScaleShift")->stands_for,
                            longer ? "BatchNormalization+Mul+Add+Relu" : "BatchNormalization+Relu");
        assert_int_equal(small_count(g, "Relu") + small_count(g, "Mul") + small_count(g, "Add"), 0);
        gal_graph_destroy(g);
    }
}

/* What reads an activation twice, or is an output before it, stays. */
static void test_left_alone(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 3, 6, 6), *a = small_conv(g, x, 4, 3, 1), *b = small_conv(g, x, 4, 3, 1);
    small_output(g, a);
    small_output(g, small_op(g, "Relu", a, NULL));
    small_output(g, small_op(g, "Mul", small_op(g, "Sigmoid", b, NULL), small_op(g, "Relu", b, NULL)));
    small_check_all(g);
    assert_int_equal(small_count(g, "Relu"), 2);
    assert_int_equal(small_count(g, "Sigmoid"), 1);
    gal_graph_destroy(g);
}

/* What is to be written as ONNX holds no op of ours. */
static void test_portable(void **state) {
    (void)state;
    static small_result before;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 3, 8, 8), 4, 3, 1);
    small_output(g, small_op(g, "Relu", small_op(g, "Add", small_norm(g, small_conv(g, x, 4, 3, 1)), x), NULL));
    small_run(g, &before);
    assert_ok(gal_pass_run_all(g, true, &small_err), small_err);
    small_expect(g, &before);
    assert_int_equal(g->n_node, 4);
    for (const gal_node *node = g->first; node != NULL; node = node->next)
        assert_false(node->op->flags & GAL_OP_PRIVATE);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_activations), cmocka_unit_test(test_clip_and_gates),
                                       cmocka_unit_test(test_not_quite),   cmocka_unit_test(test_residual),
                                       cmocka_unit_test(test_order),       cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_stacks),      cmocka_unit_test(test_scale_shift),
                                       cmocka_unit_test(test_left_alone),  cmocka_unit_test(test_portable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
