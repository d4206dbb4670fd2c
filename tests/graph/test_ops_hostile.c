/* Attributes and shapes of hostile files: every one is refused with an error, none crashes, overflows or asks for
 * absurd memory. */
#include "graph/build.h"

static const int64_t big[] = {1 << 20, 1 << 20};

static gal_value *small(void) {
    return feed(GALEN_F32, 4, (gal_dim[]){{1, false}, {4, false}, {4, false}, {4, false}});
}

static void bombs_are_limited(void **state) {
    (void)state;
    gal_value *x = feed(GALEN_F32, 2, (gal_dim[]){{1, false}, {1, false}});
    assert_int_equal(TRY_OP("Expand", x, ints(2, big)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("Tile", x, ints(2, big)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("Tile", feed(GALEN_F32, 1, (gal_dim[]){{3, false}}), INTS(INT64_MAX)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("ConstantOfShape", ints(2, big)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("ConstantOfShape", INTS(INT64_MAX, 4, 5)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("ConstantOfShape", INTS(-1)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Pad", x, INTS(INT64_MAX, 0, 1, 0)), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("Pad", x, INTS(-2, 0, 0, 0)), GALEN_ERR_FORMAT);
    const int64_t one = 1, huge = INT64_MAX, zero = 0;
    gal_value *from = constant(GALEN_I64, 0, NULL, &zero), *step = constant(GALEN_I64, 0, NULL, &one);
    assert_int_equal(TRY_OP("Range", from, constant(GALEN_I64, 0, NULL, &huge), step), GALEN_ERR_LIMIT);
    assert_int_equal(TRY_OP("Range", from, step, from), GALEN_ERR_FORMAT);
    gal_value *column = feed(GALEN_F32, 2, (gal_dim[]){{1 << 20, false}, {1, false}}),
              *row = feed(GALEN_F32, 2, (gal_dim[]){{1, false}, {1 << 20, false}});
    assert_int_equal(TRY_OP("Add", column, row), GALEN_ERR_LIMIT);
}

/* One op with one attribute that must be refused. */
static galen_status with(const char *op, gal_value *x, gal_value *y, gal_attr attr) {
    return try_op(op, (gal_value *[6]){x, y}, &attr, 1, 1, &(gal_node *){NULL});
}

static void attributes_are_checked(void **state) {
    (void)state;
    gal_value *x = small();
    const int64_t twice[] = {0, 1, 1, 2}, far[] = {0, 1, 2, INT64_MAX};
    assert_int_equal(with("Transpose", x, NULL, ints_attr("perm", twice, 4)), GALEN_ERR_FORMAT);
    assert_int_equal(with("Transpose", x, NULL, ints_attr("perm", far, 4)), GALEN_ERR_FORMAT);
    assert_int_equal(with("Transpose", x, NULL, ints_attr("perm", twice, 2)), GALEN_ERR_FORMAT);
    assert_int_equal(with("Concat", x, x, int_attr("axis", 4)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Concat", x, x), GALEN_ERR_FORMAT);
    assert_int_equal(with("Flatten", x, NULL, int_attr("axis", INT64_MIN)), GALEN_ERR_FORMAT);
    assert_int_equal(with("ReduceMean", x, NULL, ints_attr("axes", twice, 4)), GALEN_ERR_FORMAT);
    assert_int_equal(with("ReduceMean", x, NULL, int_attr("keepdims", 2)), GALEN_ERR_FORMAT);
    assert_int_equal(with("DepthToSpace", x, NULL, int_attr("blocksize", 0)), GALEN_ERR_FORMAT);
    assert_int_equal(with("DepthToSpace", x, NULL, int_attr("blocksize", INT64_MAX)), GALEN_ERR_FORMAT);
    assert_int_equal(with("SpaceToDepth", x, NULL, int_attr("blocksize", 3)), GALEN_ERR_FORMAT);
    assert_int_equal(with("Pad", x, INTS(0, 0, 0, 0, 0, 0, 0, 0), text_attr("mode", "wrap")), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(with("Pad", x, INTS(0, 0, 4, 0, 0, 0, 0, 0), text_attr("mode", "reflect")), GALEN_ERR_FORMAT);
    assert_int_equal(with("Gather", x, feed(GALEN_F32, 0, NULL), int_attr("axis", 0)), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(with("ArgMax", x, NULL, int_attr("axis", -5)), GALEN_ERR_FORMAT);
    assert_int_equal(with("Relu", x, NULL, int_attr("alpha", 1)), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(with("GatherND", x, INTS(0), int_attr("batch_dims", 1)), GALEN_ERR_FORMAT);
}

static void operands_are_checked(void **state) {
    (void)state;
    gal_value *x = small(), *i8 = feed(GALEN_I8, 4, x->shape.dim);
    assert_int_equal(TRY_OP("Slice", x, INTS(0), INTS(1), INTS(INT64_MIN)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Slice", x, INTS(0, 0), INTS(1), INTS(0)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Slice", x, INTS(0, 0), INTS(1, 1), INTS(0, -4)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("TopK", x, INTS(5)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("TopK", x, INTS(-1)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Split", x, INTS(2, -1)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Split", x, INTS(2)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Unsqueeze", x, INTS(0, 0)), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Unsqueeze", x, INTS(0, 1, 2, 3, 4)), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(TRY_OP("Add", x, i8), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("Where", x, x, x), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(TRY_OP("Exp", i8), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(TRY_OP("And", x, x), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(TRY_OP("Clip", x, x), GALEN_ERR_FORMAT);
    assert_int_equal(TRY_OP("PRelu", feed(GALEN_F32, 1, (gal_dim[]){{4, false}}), x), GALEN_ERR_FORMAT);
}

static void slices_at_the_edges(void **state) {
    (void)state;
    const float x[] = {0, 1, 2, 3, 4};
    gal_value *v = constant(GALEN_F32, 1, (int64_t[]){5}, x);
    float *back = run_value(OP("Slice", v, INTS(INT64_MAX), INTS(INT64_MIN), INTS(0), INTS(-2)));
    assert_memory_equal(back, ((float[]){4, 2, 0}), 12);
    free(back);
    expect_shape(OP("Slice", v, INTS(1), INTS(4), INTS(0), INTS(INT64_MIN)), "[0]");
    expect_shape(OP("Slice", v, INTS(3), INTS(0), INTS(0), INTS(INT64_MIN)), "[1]");
    expect_shape(OP("Slice", v, INTS(0), INTS(5), INTS(0), INTS(INT64_MAX)), "[1]");
    expect_shape(OP("Slice", v, INTS(-100), INTS(100)), "[5]");
    expect_shape(OP("Slice", v, INTS(-100), INTS(INT64_MIN), INTS(0), INTS(-1)), "[1]"); /* ONNX; NumPy has none */
    gal_value *empty = constant(GALEN_F32, 1, (int64_t[]){0}, x);
    expect_shape(OP("Slice", empty, INTS(-1), INTS(INT64_MIN), INTS(0), INTS(-1)), "[0]");
}

/* Steps far beyond any integer, and beyond the limit. */
static void ranges_at_the_edges(void **state) {
    (void)state;
    const double far[3] = {0, 5, 1e300};
    const int64_t wide[3] = {0, 5, INT64_MAX};
    gal_value *d[3], *i[3];
    for (int k = 0; k < 3; k++) {
        d[k] = constant(GALEN_F64, 0, NULL, &far[k]);
        i[k] = constant(GALEN_I64, 0, NULL, &wide[k]);
    }
    expect_shape(OP("Range", d[0], d[1], d[2]), "[1]");
    expect_shape(OP("Range", i[0], i[1], i[2]), "[1]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bombs_are_limited, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(ranges_at_the_edges, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(attributes_are_checked, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(operands_are_checked, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(slices_at_the_edges, setup_graph, drop_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
