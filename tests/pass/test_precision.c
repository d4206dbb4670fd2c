/* bf16: what is converted, where the borders lie, and the numbers it gives. */
#include "small_graph.h"

static void narrow(gal_graph *g) {
    bool changed = false;
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_ok(gal_pass_narrow(g, &changed, &small_err), small_err);
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
    assert_true(worst > 0 && worst <= bound * largest);
}

static size_t count_bf16(const gal_graph *g, const char *op) {
    size_t n = 0;
    for (const gal_node *node = g->first; node != NULL; node = node->next)
        n += strcmp(node->op->name, op) == 0 && node->in[0]->dtype == GALEN_BF16;
    return n;
}

/* A picture of three planes grows to four; everything up to the output is bf16. */
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
    assert_int_equal(count_bf16(g, "Conv"), 2);
    assert_int_equal(count_bf16(g, "GlobalAveragePool"), 1);
    assert_int_equal(count_bf16(g, "Gemm"), 1);
    assert_int_equal(small_count(g, "Narrow"), 1);
    assert_int_equal(small_count(g, "Cast"), 0);
    gal_graph_destroy(g);
}

/* Odd channels inside, and ops without a bf16 form, keep f32 between borders. */
static void test_islands(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 2, 7, 7), 5, 3, 1);
    x = small_op(g, "Softsign", small_conv(g, x, 4, 3, 1), NULL);
    small_output(g, small_conv(g, x, 6, 1, 1));
    compare(g, 0.03);
    assert_int_equal(small_count(g, "Conv"), 3);
    assert_int_equal(count_bf16(g, "Conv"), 2); /* not the one of five channels */
    assert_int_equal(small_count(g, "Narrow"), 2);
    assert_int_equal(small_count(g, "Cast"), 2);
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
        galen_status status = gal_pass_narrow(g, &changed, &small_err);
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
        cmocka_unit_test(test_shared_border),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
