/* No-ops, constants and dead nodes go; chains become one. */
#include "small_graph.h"

static void test_no_ops(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 3, 2), *y = small_op(g, "Identity", x, NULL), *zero, *one;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &zero, &small_err), small_err);
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &one, &small_err), small_err);
    *(float *)one->constant->data = 1;
    const int64_t same[4] = {0, 4, -1, 2}, none[8] = {0}, perm[4] = {0, 1, 2, 3};
    y = small_op(g, "Dropout", y, NULL);
    y = small_op(g, "Reshape", y, small_ints(g, same, 4));
    y = small_op(g, "Pad", y, small_ints(g, none, 8));
    y = small_with(g, "Transpose", y, small_list("perm", perm, 4));
    y = small_op(g, "Div", small_op(g, "Sub", small_op(g, "Mul", small_op(g, "Add", y, zero), one), zero), one);
    y = small_op(g, "Sum", y, NULL);
    small_output(g, small_op(g, "Relu", y, NULL));
    small_check(g, gal_pass_simplify, true);
    assert_int_equal(g->n_node, 1);
    gal_graph_destroy(g);
}

/* A no-op between an input and an output, or two outputs, is all that keeps their names. */
static void test_names(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 3, 2), *y = small_op(g, "Relu", x, NULL);
    small_output(g, small_op(g, "Identity", x, NULL));
    small_output(g, y);
    small_output(g, small_op(g, "Identity", y, NULL));
    small_check_all(g);
    assert_int_equal(g->n_node, 3);
    gal_graph_destroy(g);
}

static void test_slice_backwards(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t start = -1, end = -100, axis = 1, step = -1;
    gal_value *in[5] = {small_input(g, "x", 4, 3, 2), small_ints(g, &start, 1), small_ints(g, &end, 1),
                        small_ints(g, &axis, 1), small_ints(g, &step, 1)};
    small_output(g, small_node(g, "Slice", 5, in, 0, NULL)->out[0]);
    small_check(g, gal_pass_simplify, false);
    gal_graph_destroy(g);
}

static void test_chains(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t a[4] = {0, 2, 3, 1}, b[4] = {0, 3, 1, 2}, c[4] = {0, 2, 1, 3}, flat[2] = {-1, 24},
                  back[4] = {-1, 2, 3, 4};
    gal_value *x = small_input(g, "x", 4, 3, 2);
    gal_value *there = small_with(g, "Transpose", x, small_list("perm", a, 4));
    small_output(g, small_op(g, "Relu", small_with(g, "Transpose", there, small_list("perm", b, 4)), NULL));
    small_output(g, small_with(g, "Transpose", there, small_list("perm", c, 4)));
    gal_value *row = small_op(g, "Reshape", x, small_ints(g, flat, 2));
    small_output(g, small_op(g, "Reshape", row, small_ints(g, back, 4)));
    small_output(g, small_with(g, "Transpose", small_input(g, "z", 1, 5, 1), small_list("perm", a, 4)));
    small_check_all(g);
    assert_int_equal(small_count(g, "Transpose"), 1);
    assert_int_equal(small_count(g, "Reshape"), 2);
    gal_graph_destroy(g);
}

static void test_pad_and_mean(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t pads[8] = {0, 0, 1, 2, 0, 0, 3, 0}, axes[2] = {-1, 2};
    gal_value *y = small_conv(g, small_op(g, "Pad", small_input(g, "x", 3, 6, 5), small_ints(g, pads, 8)), 4, 3, 2);
    const gal_attr mean[2] = {small_list("axes", axes, 2), small_int("keepdims", 0)};
    small_output(g, small_node(g, "ReduceMean", 1, &y, 2, mean)->out[0]);
    small_output(g, small_with(g, "ReduceMean", y, small_list("axes", axes, 2)));
    small_output(g, small_op(g, "Sum", y, y));
    small_check_all(g);
    assert_int_equal(small_count(g, "Pad") + small_count(g, "ReduceMean") + small_count(g, "Sum"), 0);
    gal_graph_destroy(g);
}

/* Constants are computed; what is known of shapes becomes a constant; dead ends go. */
/* auto_pad VALID overrides pads, which must not come back when a Pad is merged. */
static void test_valid(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t pads[8] = {0, 0, 1, 0, 0, 0, 0, 1}, own[4] = {1, 1, 1, 1}, w[4] = {2, 3, 3, 3};
    gal_value *in[2] = {small_op(g, "Pad", small_input(g, "x", 3, 6, 5), small_ints(g, pads, 8)),
                        small_constant(g, -1, 4, w)};
    const gal_attr attr[2] = {small_list("pads", own, 4), {.name = "auto_pad", .type = GAL_ATTR_STRING, .s = "VALID"}};
    small_output(g, small_node(g, "Conv", 2, in, 2, attr)->out[0]);
    small_check_all(g);
    assert_int_equal(small_count(g, "Pad"), 0);
    gal_graph_destroy(g);
}

/* A mean over dimensions no pool can have: the batch's. */
static void test_mean_over_batch(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t perm[4] = {1, 2, 3, 0}, axes[2] = {2, 3};
    gal_value *x = small_with(g, "Transpose", small_input(g, "x", 3, 4, 5), small_list("perm", perm, 4));
    small_output(g, small_with(g, "ReduceMean", x, small_list("axes", axes, 2)));
    small_check_all(g);
    assert_int_equal(small_count(g, "ReduceMean"), 1);
    gal_graph_destroy(g);
}

static void test_constants(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 3, 2);
    const int64_t dim[3] = {4, 3, 2};
    gal_value *k =
        small_op(g, "Sigmoid", small_op(g, "Add", small_constant(g, -1, 3, dim), small_constant(g, -1, 3, dim)), NULL);
    gal_value *shape = small_op(g, "Shape", k, NULL);
    gal_value *cast = small_with(g, "Cast", shape, small_int("to", GALEN_F32));
    small_op(g, "Relu", small_op(g, "Tanh", x, NULL), NULL);
    small_output(g, small_op(g, "Mul", x, k));
    small_output(g, cast);
    small_check(g, gal_pass_fold_constants, true);
    assert_non_null(g->output[1]->constant);
    small_check(g, gal_pass_remove_dead, true);
    assert_int_equal(g->n_node, 1);
    small_check_all(g);
    gal_graph_destroy(g);
}

/* A huge constant is left to the run, and one that cannot be computed too. */
static void test_limits(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t dims[2] = {1 << 15, 1 << 14};
    gal_value *huge = small_op(g, "ConstantOfShape", small_ints(g, dims, 2), NULL);
    small_output(g, huge);
    bool changed = false;
    assert_ok(gal_pass_fold_constants(g, &changed, &small_err), small_err);
    assert_false(changed);
    gal_graph_destroy(g);
}

/* Out of memory anywhere is an error or a valid graph, never a crash. */
static void test_no_memory(void **state) {
    (void)state;
    for (long n = 1; n < 60; n++) {
        gal_graph *g = small_graph();
        small_output(g,
                     small_op(g, "Relu", small_norm(g, small_conv(g, small_input(g, "x", 3, 20, 20), 64, 3, 1)), NULL));
        galen_error err = {0};
        test_fail_allocation(n, 0);
        galen_status status = gal_pass_run_all(g, false, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_ok(gal_graph_verify(g, &small_err), small_err);
        gal_graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_ops),          cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_slice_backwards), cmocka_unit_test(test_chains),
                                       cmocka_unit_test(test_pad_and_mean),    cmocka_unit_test(test_valid),
                                       cmocka_unit_test(test_mean_over_batch), cmocka_unit_test(test_constants),
                                       cmocka_unit_test(test_limits),          cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
