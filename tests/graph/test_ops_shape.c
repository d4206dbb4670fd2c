/* Shapes with a symbolic batch through the patterns that exporters write. */
#include "graph/build.h"

static const gal_dim image[] = {{1, true}, {8, false}, {4, false}, {6, false}};

static void view_by_batch_keeps_the_batch(void **state) {
    (void)state;
    gal_value *x = feed(GALEN_F32, 4, image), *zero = constant(GALEN_I64, 0, NULL, &(int64_t){0});
    gal_value *n = OP("Gather", OP("Shape", x), zero);
    gal_value *to = OP_WITH("Concat", int_attr("axis", 0), OP("Unsqueeze", n, INTS(0)), INTS(-1));
    expect_shape(OP("Reshape", x, to), "[N, 192]");
    gal_value *groups = OP_WITH("Concat", int_attr("axis", 0), OP("Unsqueeze", n, INTS(0)), INTS(2, 4, 4, 6));
    expect_shape(OP("Reshape", x, groups), "[N, 2, 4, 4, 6]");
}

static void arithmetic_on_shapes(void **state) {
    (void)state;
    gal_value *shape = OP("Shape", feed(GALEN_F32, 4, image));
    gal_value *tail = OP("Slice", shape, INTS(1), INTS(4), INTS(0));
    assert_int_equal(OP("Mul", tail, INTS(2))->known[2].size, 12);
    assert_int_equal(OP("ReduceProd", tail)->known[0].size, 192);
    gal_dim size = OP("Size", feed(GALEN_F32, 4, image))->known[0];
    assert_true(size.batch);
    assert_int_equal(size.size, 192);
    gal_dim half = OP("Div", OP("Size", feed(GALEN_F32, 4, image)), INTS(96))->known[0];
    assert_true(half.batch);
    assert_int_equal(half.size, 2);
    assert_null(OP("Add", shape, INTS(1))->known); /* N + 1 is no multiple of N */
    assert_null(OP("Div", shape, INTS(3))->known); /* nor is N / 3 */
    assert_null(OP("Mul", shape, shape)->known);
    gal_value *narrow = OP_WITH("Cast", int_attr("to", GALEN_I32), shape);
    assert_true(narrow->known[0].batch);
    assert_null(OP_WITH("Cast", int_attr("to", GALEN_F32), shape)->known);
    assert_int_equal(OP("Neg", tail)->known[0].size, -8);
}

static void reshape_rules(void **state) {
    (void)state;
    gal_value *x = feed(GALEN_F32, 4, image);
    expect_shape(OP("Reshape", x, INTS(0, -1)), "[N, 192]");
    expect_shape(OP("Reshape", x, INTS(-1, 4, 6)), "[8N, 4, 6]");
    expect_shape(OP("Reshape", x, INTS(-1)), "[192N]");
    assert_int_equal(TRY_OP("Reshape", x, INTS(1, 192)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Reshape", x, INTS(-1, -1)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Reshape", x, INTS(0, 7, -1)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Reshape", x, INTS(0, -2)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Reshape", x, INTS(0, 0, 0, 0, 0)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Reshape", x, INTS(0, 1, 1, 1, 1, 1, 1, 1, -1)), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(TRY_OP("Reshape", x, feed(GALEN_I64, 1, (gal_dim[]){{2, false}})), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "must be known"));
}

static void views_and_movement(void **state) {
    (void)state;
    gal_value *x = feed(GALEN_F32, 4, image);
    expect_shape(OP_WITH("Flatten", int_attr("axis", 1), x), "[N, 192]");
    expect_shape(OP_WITH("Flatten", int_attr("axis", -1), x), "[32N, 6]");
    expect_shape(OP("Unsqueeze", x, INTS(0, -1)), "[1, N, 8, 4, 6, 1]");
    expect_shape(OP("Squeeze", OP("Unsqueeze", x, INTS(0, -1))), "[N, 8, 4, 6]");
    assert_int_equal(TRY_OP("Squeeze", x, INTS(0)), GALEN_ERR_FORMAT);
    const int64_t nhwc[] = {0, 2, 3, 1};
    expect_shape(OP_WITH("Transpose", ints_attr("perm", nhwc, 4), x), "[N, 4, 6, 8]");
    expect_shape(OP_WITH("Concat", int_attr("axis", 1), x, x, x), "[N, 24, 4, 6]");
    expect_shape(OP_WITH("Concat", int_attr("axis", 0), x, x), "[2N, 8, 4, 6]");
    gal_value *fixed = feed(GALEN_F32, 4, (gal_dim[]){{2, false}, {8, false}, {4, false}, {6, false}});
    gal_node *node;
    assert_int_equal(
        try_op("Concat", (gal_value *[6]){x, fixed}, &(gal_attr){.name = "axis", .type = GAL_ATTR_INT}, 1, 1, &node),
        GALEN_ERR_UNSUPPORTED);
    expect_shape(OP("Slice", x, INTS(0, 1), INTS(INT64_MAX, 3), INTS(0, 2)), "[N, 8, 2, 6]");
    assert_int_equal(TRY_OP("Slice", x, INTS(1), INTS(2), INTS(0)), GALEN_ERR_UNSUPPORTED);
    expect_shape(OP("Pad", x, INTS(0, 0, 1, 1, 0, 0, 2, 2)), "[N, 8, 7, 9]");
    assert_int_equal(TRY_OP("Pad", x, INTS(1, 0, 0, 0, 0, 0, 0, 0)), GALEN_ERR_UNSUPPORTED);
    expect_shape(OP("Tile", x, INTS(2, 1, 1, 1)), "[2N, 8, 4, 6]");
    expect_shape(OP("Expand", feed(GALEN_F32, 1, (gal_dim[]){{1, false}}), OP("Shape", x)), "[N, 8, 4, 6]");
    expect_shape(OP("ConstantOfShape", OP("Shape", x)), "[N, 8, 4, 6]");
}

static void broadcast_with_a_batch(void **state) {
    (void)state;
    gal_value *x = feed(GALEN_F32, 4, image);
    expect_shape(OP("Add", x, feed(GALEN_F32, 3, (gal_dim[]){{8, false}, {1, false}, {1, false}})), "[N, 8, 4, 6]");
    expect_shape(OP("Mul", feed(GALEN_F32, 2, (gal_dim[]){{1, true}, {1, false}}),
                    feed(GALEN_F32, 2, (gal_dim[]){{1, false}, {5, false}})),
                 "[N, 5]");
    assert_int_equal(TRY_OP("Add", x, feed(GALEN_F32, 4, (gal_dim[]){{3, false}, {8, false}, {4, false}, {6, false}})),
                     GALEN_ERR_FORMAT);
    gal_value *mean = OP_WITH("ReduceMean", ints_attr("axes", ((int64_t[]){2, 3}), 2), x);
    expect_shape(mean, "[N, 8, 1, 1]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(view_by_batch_keeps_the_batch, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(arithmetic_on_shapes, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(reshape_rules, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(views_and_movement, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(broadcast_with_a_batch, setup_graph, drop_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
