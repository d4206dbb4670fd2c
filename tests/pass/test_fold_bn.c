/* BatchNormalization and per-channel arithmetic folded into weights. */
#include "small_graph.h"

static gal_value *per_channel(gal_graph *g, int64_t c, float low) {
    const int64_t dim[3] = {c, 1, 1};
    return small_constant(g, low, 3, dim);
}

static void test_conv(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *y = small_norm(g, small_conv(g, small_input(g, "x", 3, 7, 5), 6, 3, 2));
    y = small_op(g, "Add", small_op(g, "Mul", y, per_channel(g, 6, -1)), per_channel(g, 6, -1));
    small_output(g, small_op(g, "Div", small_op(g, "Sub", y, per_channel(g, 6, 0)), per_channel(g, 6, 1)));
    small_check(g, gal_pass_fold_bn, true);
    assert_int_equal(g->n_node, 1);
    assert_string_equal(g->first->stands_for, "Conv+BatchNormalization+Mul+Add+Sub+Div");
    gal_graph_destroy(g);
}

static void test_transposed(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t w[4] = {4, 3, 3, 3};
    const gal_attr group = small_int("group", 2);
    gal_value *in[2] = {small_input(g, "x", 4, 5, 5), small_constant(g, -1, 4, w)};
    small_output(g, small_norm(g, small_node(g, "ConvTranspose", 2, in, 1, &group)->out[0]));
    small_check(g, gal_pass_fold_bn, true);
    assert_int_equal(g->n_node, 1);
    gal_graph_destroy(g);
}

static void test_gemm(void **state) {
    (void)state;
    for (int transposed = 0; transposed < 2; transposed++) {
        gal_graph *g = small_graph();
        const int64_t w[2] = {transposed ? 5 : 4, transposed ? 4 : 5};
        const gal_attr attr[3] = {small_int("transB", transposed),
                                  {.name = "alpha", .type = GAL_ATTR_FLOAT, .f = 0.5f},
                                  {.name = "beta", .type = GAL_ATTR_FLOAT, .f = 0.25f}};
        gal_value *in[3] = {small_input(g, "x", 4, 0, 0), small_constant(g, -1, 2, w), small_row(g, -1, 5)};
        small_output(g, small_norm(g, small_node(g, "Gemm", 3, in, 3, attr)->out[0]));
        small_check(g, gal_pass_fold_bn, true);
        assert_int_equal(g->n_node, 1);
        gal_graph_destroy(g);
    }
}

/* Weights that two layers share are scaled in a copy, those of one layer in place. */
static void test_shared_weights(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t w[4] = {4, 3, 3, 3};
    gal_value *weights = small_constant(g, -1, 4, w), *in[2] = {small_input(g, "x", 3, 6, 6), weights};
    float first = ((const float *)weights->constant->data)[0];
    gal_value *plain = small_node(g, "Conv", 2, in, 0, NULL)->out[0];
    gal_value *normed = small_norm(g, small_node(g, "Conv", 2, in, 0, NULL)->out[0]);
    small_output(g, plain);
    small_output(g, normed);
    small_check(g, gal_pass_fold_bn, true);
    assert_int_equal(g->n_node, 2);
    assert_float_equal(((const float *)weights->constant->data)[0], first, 0);
    gal_graph_destroy(g);

    g = small_graph();
    gal_value *conv = small_conv(g, small_input(g, "x", 3, 6, 6), 4, 3, 1);
    const void *data = conv->producer->in[1]->constant->data;
    small_output(g, small_norm(g, conv));
    small_check(g, gal_pass_fold_bn, true);
    assert_ptr_equal(g->first->in[1]->constant->data, data);
    gal_graph_destroy(g);
}

/* Not when the convolution is read by others, is an output, or the constant is no row of channels. */
static void test_left_alone(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *conv = small_conv(g, small_input(g, "x", 3, 6, 6), 6, 1, 1);
    const int64_t width[1] = {6};
    small_output(g, small_op(g, "Add", small_norm(g, conv), conv));
    gal_value *other = small_conv(g, g->input[0], 6, 3, 1);
    small_output(g, other);
    small_output(g, small_norm(g, other));
    small_output(g, small_op(g, "Mul", small_conv(g, g->input[0], 6, 3, 1), small_constant(g, -1, 1, width)));
    small_check(g, gal_pass_fold_bn, false);
    small_output(g, small_norm(g, small_op(g, "Relu", g->input[0], NULL)));
    small_check(g, gal_pass_fold_bn, false);
    gal_graph_destroy(g);
}

/* A running variance of -epsilon would fold to infinity. */
static void test_not_finite(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *zero = NULL;
    small_output(g, small_norm(g, small_conv(g, small_input(g, "x", 3, 4, 4), 2, 1, 1)));
    zero = g->output[0]->producer->in[4];
    ((float *)zero->constant->data)[1] = -1;
    bool changed = false;
    assert_ok(gal_pass_fold_bn(g, &changed, &small_err), small_err);
    assert_false(changed);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conv),       cmocka_unit_test(test_transposed),
                                       cmocka_unit_test(test_gemm),       cmocka_unit_test(test_left_alone),
                                       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_shared_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
