/* Channels last: the same numbers, and no Transpose left inside. */
#include "small_graph.h"

static void clean(gal_graph *g) {
    bool changed = false;
    assert_ok(gal_pass_remove_dead(g, &changed, &small_err), small_err);
}

/* conv, pool, residual, concat, global pool: only the picture itself is moved, and the pooled vector. */
static void test_residual(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_op(g, "Relu", small_conv(g, small_input(g, "x", 3, 12, 10), 8, 3, 2), NULL);
    const int64_t two[2] = {2, 2}, pads[4] = {0, 1, 1, 0};
    const gal_attr pool[3] = {small_list("kernel_shape", two, 2), small_list("strides", two, 2),
                              small_list("pads", pads, 4)};
    x = small_node(g, "MaxPool", 1, &x, 3, pool)->out[0];
    gal_value *both[2] = {small_op(g, "Add", small_conv(g, x, 8, 3, 1), x), small_norm(g, x)};
    const gal_attr axis = small_int("axis", 1);
    gal_value *y = small_node(g, "Concat", 2, both, 1, &axis)->out[0];
    const int64_t dim[3] = {16, 1, 1};
    y = small_op(g, "Mul", y, small_constant(g, -1, 3, dim));
    y = small_op(g, "Mul", y,
                 small_op(g, "Sigmoid", small_conv(g, small_op(g, "GlobalAveragePool", y, NULL), 16, 1, 1), NULL));
    small_output(g, small_with(g, "Flatten", small_op(g, "GlobalAveragePool", y, NULL), small_int("axis", 1)));
    small_check(g, gal_pass_layout_nhwc, true);
    clean(g);
    assert_int_equal(small_count(g, "Transpose"), 2);
    small_check_all(g);
    assert_int_equal(small_count(g, "Transpose"), 1);
    gal_graph_destroy(g);
}

/* Axes are renumbered in Split, Slice, Pad, Resize and means. */
static void test_axes(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 2, 6, 7), 6, 3, 1), *in[5] = {x};
    const int64_t sizes[2] = {2, 4}, starts[2] = {1, -5}, ends[2] = {4, 7}, axes[2] = {-3, 3},
                  pads[8] = {0, 1, 2, 0, 0, 0, 1, 3};
    const gal_attr axis = small_int("axis", -3);
    in[1] = small_ints(g, sizes, 2);
    gal_node *split;
    const gal_node_spec spec = {.op = "Split", .n_in = 2, .n_out = 2, .in = in, .n_attr = 1, .attr = &axis};
    assert_ok(gal_graph_node(g, &spec, &split, &small_err), small_err);
    in[1] = small_ints(g, starts, 2), in[2] = small_ints(g, ends, 2), in[3] = small_ints(g, axes, 2);
    gal_value *sliced = small_node(g, "Slice", 4, in, 0, NULL)->out[0];
    in[0] = sliced, in[1] = small_ints(g, pads, 8);
    gal_value *padded = small_node(g, "Pad", 2, in, 0, NULL)->out[0];
    const int64_t four = 4;
    gal_value *scales = small_constant(g, 0, 1, &four), *none;
    for (int i = 0; i < 4; i++) ((float *)scales->constant->data)[i] = i == 2 ? 2 : i == 3 ? 1.5f : 1;
    const int64_t zero = 0;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 1, &zero, &none, &small_err), small_err);
    gal_value *resize[3] = {split->out[1], none, scales};
    small_output(g, small_node(g, "Resize", 3, resize, 0, NULL)->out[0]);
    const int64_t width[2] = {-1, 1}, image[2] = {2, 3};
    const gal_attr keep[2] = {small_list("axes", width, 2), small_int("keepdims", 1)};
    const gal_attr flat[2] = {small_list("axes", image, 2), small_int("keepdims", 0)};
    small_output(g, small_node(g, "ReduceMean", 1, &padded, 2, keep)->out[0]);
    small_output(g, small_node(g, "ReduceMax", 1, &padded, 2, flat)->out[0]);
    small_output(g, small_op(g, "Relu", split->out[0], NULL));
    small_check(g, gal_pass_layout_nhwc, true);
    clean(g);
    assert_int_equal(small_count(g, "Transpose"), 4); /* one in, three outputs of rank 4 */
    gal_graph_destroy(g);
}

/* A Split keeps its parts when nobody reads the last: their number says how large each is. */
static void test_unread_part(void **state) {
    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        gal_graph *g = small_graph();
        const int64_t sizes[2] = {2, 4};
        gal_value *in[2] = {small_conv(g, small_input(g, "x", 2, 6, 7), 6, 3, 1), small_ints(g, sizes, 2)};
        const gal_attr axis = small_int("axis", 1);
        const gal_node_spec spec = {
            .op = "Split", .n_in = equal ? 1 : 2, .n_out = 2, .in = in, .n_attr = 1, .attr = &axis};
        gal_node *node;
        assert_ok(gal_graph_node(g, &spec, &node, &small_err), small_err);
        small_output(g, small_op(g, "Relu", node->out[0], NULL));
        small_check(g, gal_pass_layout_nhwc, true);
        gal_graph_destroy(g);
    }
}

/* Padding by name becomes numbers. */
static void test_auto_pad(void **state) {
    (void)state;
    static const char *const how[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
    for (int i = 0; i < 3; i++) {
        gal_graph *g = small_graph();
        const int64_t w[4] = {4, 3, 4, 3}, strides[2] = {2, 3}, window[2] = {2, 3};
        const gal_attr attr[2] = {{.name = "auto_pad", .type = GAL_ATTR_STRING, .s = how[i]},
                                  small_list("strides", strides, 2)};
        const gal_attr pool[3] = {attr[0], attr[1], small_list("kernel_shape", window, 2)};
        gal_value *in[2] = {small_input(g, "x", 3, 11, 13), NULL};
        in[1] = small_constant(g, -1, 4, w);
        gal_value *y = small_node(g, "Conv", 2, in, 2, attr)->out[0];
        small_output(g, small_node(g, "AveragePool", 1, &y, 3, pool)->out[0]);
        small_check(g, gal_pass_layout_nhwc, true);
        gal_graph_destroy(g);
    }
}

/* What has no place in either layout keeps the model's. */
static void test_borders(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_conv(g, small_input(g, "x", 1, 6, 6), 4, 3, 1);
    const int64_t dims[3] = {-1, 8, 18}, perm[4] = {0, 2, 3, 1};
    gal_value *shape = small_ints(g, dims, 3);
    gal_value *y = small_op(g, "Add", x, small_input(g, "other", 4, 6, 6)); /* would need a Transpose of its own */
    small_output(g, small_op(g, "Reshape", y, shape));
    small_output(g, small_with(g, "Transpose", x, small_list("perm", perm, 4)));
    small_output(g, x);
    small_check_all(g);
    gal_graph_destroy(g);
}

/* BatchNormalization of f16 with f32 parameters, between the model's own Transposes, is no ScaleShift. */
static void test_norm_of_another_type(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {5, false}, {6, false}, {4, false}}};
    gal_value *x;
    assert_ok(gal_graph_input(g, "x", GALEN_F16, &shape, &x, &small_err), small_err);
    x = small_with(g, "Transpose", x, small_list("perm", to_first, 4));
    gal_value *in[5] = {x, small_row(g, 0, 4), small_row(g, 0, 4), small_row(g, 0, 4), small_row(g, 0, 4)};
    const gal_node_spec spec = {.op = "BatchNormalization", .n_in = 5, .n_out = 1, .in = in};
    gal_node *norm;
    assert_ok(gal_graph_node(g, &spec, &norm, &small_err), small_err);
    small_output(g, small_with(g, "Transpose", norm->out[0], small_list("perm", to_last, 4)));
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_int_equal(small_count(g, "BatchNormalization"), 1);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_residual),    cmocka_unit_test(test_axes),
                                       cmocka_unit_test(test_unread_part), cmocka_unit_test(test_norm_of_another_type),
                                       cmocka_unit_test(test_auto_pad),    cmocka_unit_test(test_borders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
