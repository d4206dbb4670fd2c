/* bf16 and f16: what is converted, where the borders lie, and the numbers they give. */
#include "small_graph.h"

static galen_dtype half; /* of the two */

static void narrow(gal_graph *g) {
    bool changed = false;
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_ok(gal_pass_narrow(g, half, &changed, &small_err), small_err);
    assert_true(changed);
    assert_ok(gal_graph_verify(g, &small_err), small_err);
    for (uint32_t i = 0; i < g->n_output; i++) assert_int_equal(g->output[i]->dtype, GALEN_F32);
}

/* Outputs before and after differ, but by no more than `bound` of the largest. */
static void compare(gal_graph *g, double bound) {
    static small_result before, after;
    double worst = 0, largest = 0;
    small_run(g, &before);
    narrow(g);
    small_run(g, &after);
    assert_int_equal(before.n, after.n);
    for (size_t i = 0; i < before.n; i++) {
        worst = fmax(worst, fabs((double)before.y[i] - (double)after.y[i]));
        largest = fmax(largest, fabs((double)before.y[i]));
    }
    if (half == GALEN_F16) bound /= 8; /* three more bits */
    assert_true(worst > 0 && worst <= bound * largest);
}

static size_t count_half(const gal_graph *g, const char *op) {
    size_t n = 0;
    for (const gal_node *node = g->first; node != NULL; node = node->next)
        n += strcmp(node->op->name, op) == 0 && node->in[0]->dtype == half;
    return n;
}

/* A picture of three planes grows to four; everything up to the output is narrow. */
static void test_chain(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t w[2] = {8, 5};
    gal_value *x = small_op(g, "Relu", small_conv(g, small_input(g, "x", 3, 9, 9), 8, 3, 2), NULL);
    x = small_op(g, "Relu", small_op(g, "Add", x, small_conv(g, x, 8, 3, 1)), NULL);
    x = small_op(g, "Flatten", small_op(g, "GlobalAveragePool", x, NULL), NULL);
    gal_value *in[3] = {x, small_constant(g, -1, 2, w), small_row(g, -1, 5)};
    small_output(g, small_node(g, "Gemm", 3, in, 0, NULL)->out[0]);
    compare(g, 0.03);
    assert_int_equal(count_half(g, "Conv"), 2);
    assert_int_equal(count_half(g, "GlobalAveragePool"), 1);
    assert_int_equal(count_half(g, "Gemm"), 1);
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 0);
    gal_graph_destroy(g);
}

/* Odd channels inside, and ops without a 16-bit form, keep f32 between borders. */
static void test_islands(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 2, 7, 7), 5, 3, 1);
    x = small_op(g, "Softsign", small_conv(g, x, 4, 3, 1), NULL);
    small_output(g, small_conv(g, x, 6, 1, 1));
    compare(g, 0.03);
    assert_int_equal(small_count(g, "Conv"), 3);
    assert_int_equal(count_half(g, "Conv"), 2); /* not the one of five channels */
    assert_int_equal(small_count(g, "Narrow"), 2);
    assert_int_equal(small_count(g, "Cast"), 2);
    gal_graph_destroy(g);
}

/* A window of three over each channel alone. */
static gal_value *depthwise(gal_graph *g, gal_value *x, int64_t stride) {
    const int64_t c = x->shape.dim[1].size, w[4] = {c, 1, 3, 3}, strides[2] = {stride, stride}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[3] = {small_list("strides", strides, 2), small_list("pads", pads, 4), small_int("group", c)};
    gal_value *in[3] = {x, small_constant(g, -1, 4, w), small_row(g, -1, c)};
    return small_node(g, "Conv", 3, in, 3, attr)->out[0];
}

static gal_value *silu(gal_graph *g, gal_value *x) {
    return small_op(g, "Mul", x, small_op(g, "Sigmoid", x, NULL));
}

/* An inverted residual with squeeze and excitation is 16 bits wide throughout. */
static void test_inverted_residual(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = silu(g, small_conv(g, small_input(g, "x", 3, 8, 8), 6, 3, 2));
    gal_value *wide = silu(g, depthwise(g, silu(g, small_conv(g, x, 18, 1, 1)), 1));
    gal_value *gate = silu(g, small_conv(g, small_op(g, "GlobalAveragePool", wide, NULL), 4, 1, 1));
    wide = small_op(g, "Mul", wide, small_op(g, "Sigmoid", small_conv(g, gate, 18, 1, 1), NULL));
    x = small_op(g, "Add", x, small_conv(g, wide, 6, 1, 1));
    small_output(g, small_conv(g, depthwise(g, x, 2), 5, 1, 1));
    compare(g, 0.05);
    assert_int_equal(count_half(g, "Conv"), 8);
    assert_int_equal(count_half(g, "Mul"), 1); /* the other gates are activations of convolutions */
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 1); /* of the output */
    gal_graph_destroy(g);
}

/* Element-wise ops that no layer takes in follow; constants and small operands beside a narrow one are narrowed. */
static void test_element_wise(void **state) {
    (void)state;
    static const char *const ops[] = {"Tanh", "LeakyRelu", "HardSwish", "Relu", "HardSigmoid", "Sigmoid"};
    gal_graph *g = small_graph();
    gal_value *gate = small_input(g, "gate", 4, 1, 1), *x = small_conv(g, small_input(g, "x", 4, 6, 6), 4, 3, 1);
    const int64_t channels[3] = {4, 1, 1};
    x = small_op(g, "Div", small_op(g, "Sub", small_op(g, "Mul", gate, x), gate), small_constant(g, 1, 3, channels));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        x = small_op(g, "Add", x, small_op(g, ops[i], x, NULL)); /* read twice: no op takes the other in */
    gal_value *clip[3] = {x, small_constant(g, -0.7f, 0, NULL), small_constant(g, 0.7f, 0, NULL)};
    x = small_op(g, "Add", x, small_node(g, "Clip", 3, clip, 0, NULL)->out[0]);
    small_output(g, small_conv(g, x, 6, 1, 1));
    compare(g, 0.05);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) assert_int_equal(count_half(g, ops[i]), 1);
    assert_int_equal(count_half(g, "Clip"), 1);
    assert_int_equal(count_half(g, "Mul") + count_half(g, "Sub") + count_half(g, "Div"), 3);
    assert_int_equal(small_count(g, "Narrow"), 2); /* picture and gate */
    assert_int_equal(small_count(g, "Cast"), 1);
    gal_graph_destroy(g);
}

/* A network that goes up again: Resize and the concatenation beside it are in 16 bits. */
static void test_resize(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t four = 4;
    gal_value *high = small_conv(g, small_input(g, "x", 4, 8, 8), 4, 3, 1), *low = small_conv(g, high, 4, 3, 2);
    gal_value *scales = small_constant(g, 0, 1, &four);
    const float twice[4] = {1, 1, 2, 2};
    memcpy(scales->constant->data, twice, sizeof twice);
    gal_value *in[3] = {low, NULL, scales};
    const gal_attr linear = {.name = "mode", .type = GAL_ATTR_STRING, .s = "linear"}, axis = small_int("axis", 1);
    gal_value *join[2] = {small_node(g, "Resize", 3, in, 1, &linear)->out[0], high};
    small_output(g, small_conv(g, small_node(g, "Concat", 2, join, 1, &axis)->out[0], 2, 1, 1));
    compare(g, 0.03);
    assert_int_equal(count_half(g, "Resize"), 1);
    assert_int_equal(count_half(g, "Concat"), 1);
    assert_int_equal(count_half(g, "Conv"), 3);
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 1); /* of the output */
    gal_graph_destroy(g);
}

static gal_value *turned(gal_graph *g, gal_value *x, const int64_t perm[4]) {
    return small_with(g, "Transpose", x, small_list("perm", perm, 4));
}

/* A block of ConvNeXt as PyTorch exports it is in 16 bits from its window to its sum, its linear layers' results too.
 */
static void test_convnext(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t last[4] = {0, 2, 3, 1}, first[4] = {0, 3, 1, 2}, up[2] = {6, 24}, down[2] = {24, 6};
    gal_value *x = small_conv(g, small_input(g, "x", 4, 8, 8), 6, 2, 2);
    gal_value *norm[3] = {turned(g, depthwise(g, x, 1), last), small_row(g, -1, 6), small_row(g, -1, 6)};
    gal_value *y = small_node(g, "LayerNormalization", 3, norm, 0, NULL)->out[0];
    y = small_op(g, "Add", small_op(g, "MatMul", y, small_constant(g, -1, 2, up)), small_row(g, -1, 24));
    y = small_op(g, "MatMul", small_op(g, "HardSwish", y, NULL), small_constant(g, -1, 2, down));
    y = small_op(g, "Mul", small_row(g, -1, 6), small_op(g, "Add", y, small_row(g, -1, 6)));
    small_output(g, small_conv(g, small_op(g, "Add", turned(g, y, first), x), 5, 1, 1));
    compare(g, 0.05);
    assert_int_equal(count_half(g, "LayerNormalization"), 1);
    assert_int_equal(count_half(g, "Gemm"), 2);
    assert_int_equal(count_half(g, "Conv"), 3);
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 1); /* of the output */
    gal_graph_destroy(g);
}

/* Widening the small operand costs less than narrowing the large one. */
static void test_large_operand(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *gate = small_op(g, "GlobalAveragePool", small_conv(g, small_input(g, "x", 4, 6, 6), 4, 3, 1), NULL);
    small_output(g, small_op(g, "Mul", small_input(g, "z", 4, 6, 6), gate));
    compare(g, 0.03);
    assert_int_equal(count_half(g, "Mul"), 0);
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 1);
    gal_graph_destroy(g);
}

/* Two readers share one border. */
static void test_shared_border(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 6, 6);
    small_output(g, small_conv(g, x, 4, 3, 1));
    small_output(g, small_conv(g, x, 6, 3, 2));
    compare(g, 0.03);
    assert_int_equal(small_count(g, "Narrow"), 1);
    gal_graph_destroy(g);
}

static void test_no_memory(void **state) {
    (void)state;
    for (int failing = 1;; failing++) {
        gal_graph *g = small_graph();
        bool changed = false;
        small_output(g, small_conv(g, small_op(g, "Relu", small_conv(g, small_input(g, "x", 3, 9, 9), 64, 3, 2), NULL),
                                   64, 3, 1));
        assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
        test_fail_allocation(failing, 1);
        galen_status status = gal_pass_narrow(g, half, &changed, &small_err);
        test_fail_allocation(0, 0);
        assert_ok(gal_graph_verify(g, &small_err), small_err);
        gal_graph_destroy(g);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_true(failing < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_islands),
        cmocka_unit_test(test_inverted_residual),
        cmocka_unit_test(test_element_wise),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_convnext),
        cmocka_unit_test(test_large_operand),
        cmocka_unit_test(test_shared_border),
        cmocka_unit_test(test_no_memory),
    };
    half = GALEN_BF16;
    int failed = cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
    half = GALEN_F16;
    return failed + cmocka_run_group_tests_name("f16", tests, NULL, NULL);
}
