/* Inverted bottlenecks: expansion, depthwise layer and mean as one node, gate and projection as another. */
#include "small_graph.h"

static galen_status chain_all(gal_graph *graph, bool *changed, galen_error *err) {
    return gal_pass_chain(graph, NULL, changed, err);
}

/* Depthwise Conv over c channels. */
static gal_value *depthwise(gal_graph *g, gal_value *x, int64_t r, int64_t s) {
    int64_t c = x->shape.dim[1].size;
    const int64_t w[4] = {c, 1, r, r}, strides[2] = {s, s}, pads[4] = {r / 2, r / 2, r / 2, r / 2};
    const gal_attr attr[3] = {small_list("strides", strides, 2), small_list("pads", pads, 4), small_int("group", c)};
    gal_value *in[3] = {x, small_constant(g, -1, 4, w), small_row(g, -1, c)};
    return small_node(g, "Conv", 3, in, 3, attr)->out[0];
}

static gal_value *silu(gal_graph *g, gal_value *x) {
    return small_op(g, "Mul", x, small_op(g, "Sigmoid", x, NULL));
}

/* The gate of squeeze-excite from the mean of x. */
static gal_value *gate(gal_graph *g, gal_value *x) {
    gal_value *mean = small_op(g, "GlobalAveragePool", x, NULL);
    gal_value *small = silu(g, small_conv(g, mean, 2, 1, 1));
    return small_op(g, "Sigmoid", small_conv(g, small, x->shape.dim[1].size, 1, 1), NULL);
}

/* Runs all other passes first, as a session does. */
static void settle(gal_graph *g) {
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
}

/* The block of EfficientNet with a residual, all other passes behind it. */
static gal_graph *bottleneck(galen_dtype precision) {
    gal_graph *g = small_graph();
    gal_value *x = small_op(g, "Relu", small_conv(g, small_input(g, "x", 3, 9, 7), 4, 3, 1), NULL);
    gal_value *y = silu(g, depthwise(g, silu(g, small_conv(g, x, 12, 1, 1)), 3, 1));
    small_output(g, small_op(g, "Add", x, small_conv(g, small_op(g, "Mul", gate(g, y), y), 4, 1, 1)));
    settle(g);
    if (precision != GALEN_F32) assert_ok(gal_pass_narrow(g, precision, &(bool){false}, &small_err), small_err);
    return g;
}

/* In 16 bits too, where the references round at the same places. */
static void test_bottleneck(void **state) {
    gal_graph *g = bottleneck(*(const galen_dtype *)*state);
    small_check(g, chain_all, true);
    assert_int_equal(small_count(g, "ExpandDepthwise"), 1);
    assert_int_equal(small_count(g, "GatedConv"), 1);
    assert_int_equal(small_count(g, "GlobalAveragePool") + small_count(g, "Mul"), 0);
    small_check(g, chain_all, false);
    gal_graph_destroy(g);
}

typedef struct asked {
    size_t n;
    bool answer; /* to galen.GatedConv */
} asked;

static bool gated_only(void *context, const gal_node *made, const gal_node *first, const gal_node *last) {
    asked *a = context;
    bool gated = strcmp(made->op->name, "GatedConv") == 0;
    assert_string_equal(first->op->name, gated ? "Mul" : "Conv");
    assert_string_equal(last->op->name, "Conv");
    a->n++;
    return gated && a->answer;
}

/* A chain that is not wanted leaves the graph as it was. */
static void test_choice(void **state) {
    (void)state;
    for (int answer = 0; answer < 2; answer++) {
        static small_result before;
        asked a = {.answer = answer};
        const gal_chain_choice choice = {.takes = gated_only, .context = &a};
        bool changed = false;
        gal_graph *g = bottleneck(GALEN_F32);
        uint32_t nodes = g->n_node;
        small_run(g, &before);
        assert_ok(gal_pass_chain(g, &choice, &changed, &small_err), small_err);
        assert_int_equal(a.n, 2);
        assert_int_equal(changed, answer);
        assert_int_equal(g->n_node, nodes - (uint32_t)answer);
        assert_int_equal(small_count(g, "GatedConv"), answer);
        assert_int_equal(small_count(g, "ExpandDepthwise"), 0);
        small_expect(g, &before);
        gal_graph_destroy(g);
    }
}

/* Without squeeze-excite, as in MobileNetV2, and with a stride. */
static void test_plain(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 3, 8, 8), 4, 3, 1);
    gal_value *y = small_op(g, "Relu", depthwise(g, small_op(g, "Relu", small_conv(g, x, 6, 1, 1), NULL), 5, 2), NULL);
    small_output(g, small_conv(g, y, 4, 1, 1));
    settle(g);
    small_check(g, chain_all, true);
    assert_int_equal(small_count(g, "ExpandDepthwise"), 1);
    assert_int_equal(small_count(g, "GatedConv"), 0);
    gal_graph_destroy(g);
}

/* What somebody else reads stays, and so do wider windows, strides in front, and products of equal images. */
static void test_left_alone(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 3, 8, 8), 4, 3, 1);
    gal_value *read = small_conv(g, x, 6, 1, 1);
    small_output(g, depthwise(g, read, 3, 1));
    small_output(g, read);
    small_output(g, depthwise(g, small_conv(g, x, 6, 3, 1), 3, 1));
    small_output(g, depthwise(g, small_conv(g, x, 6, 1, 2), 3, 1));
    small_output(g, small_conv(g, small_op(g, "Mul", x, small_op(g, "Tanh", x, NULL)), 5, 1, 1));
    small_output(g, small_conv(g, small_op(g, "Mul", x, gate(g, x)), 5, 3, 1));
    settle(g);
    small_check(g, chain_all, false);
    gal_graph_destroy(g);
}

/* The mean may be an output of the graph, which keeps its name. */
static void test_mean_is_output(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 3, 6, 5), 4, 3, 1);
    gal_value *y = small_op(g, "Relu", depthwise(g, small_op(g, "Relu", small_conv(g, x, 6, 1, 1), NULL), 3, 2), NULL);
    small_output(g, small_conv(g, y, 4, 1, 1));
    small_output(g, small_op(g, "GlobalAveragePool", y, NULL));
    settle(g);
    small_check(g, chain_all, true);
    assert_int_equal(small_count(g, "ExpandDepthwise"), 1);
    gal_graph_destroy(g);
}

int main(void) {
    static const galen_dtype f32 = GALEN_F32, bf16 = GALEN_BF16, f16 = GALEN_F16;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_bottleneck, (void *)(uintptr_t)&f32),
        {.name = "bottleneck bf16", .test_func = test_bottleneck, .initial_state = (void *)(uintptr_t)&bf16},
        {.name = "bottleneck f16", .test_func = test_bottleneck, .initial_state = (void *)(uintptr_t)&f16},
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_mean_is_output)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
