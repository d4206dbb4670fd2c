/* Nodes of old opsets become nodes of opset 17 with the same meaning, or are refused by name. */
#include "graph/op.h"
#include "model/onnx_upgrade.h"
#include "support/shared.h"

#include <string.h>

static gal_graph *graph;
static galen_error err;
static gal_node *last;

static int setup(void **state) {
    (void)state;
    test_count_reset();
    return gal_graph_create("test", &graph, &err) != GALEN_OK;
}

static int teardown(void **state) {
    (void)state;
    gal_graph_destroy(graph);
    return 0;
}

static gal_value *feed(const char *name, int rank, const gal_dim *dim) {
    gal_shape shape = {.rank = rank};
    gal_value *v;
    memcpy(shape.dim, dim, (size_t)rank * sizeof *dim);
    assert_ok(gal_graph_input(graph, name, GALEN_F32, &shape, &v, &err), err);
    return v;
}

/* x: [N, 6, 4, 4] */
static gal_value *image(void) {
    return feed("x", 4, (const gal_dim[]){{1, true}, {6, false}, {4, false}, {4, false}});
}

static galen_status upgrade(int64_t opset, const char *op, gal_value *a, gal_value *b, const gal_attr *attr,
                            uint32_t n_attr) {
    gal_value *in[] = {a, b};
    const char *name = "y";
    gal_node_spec spec = {.op = op,
                          .name = "node",
                          .n_in = b ? 2 : 1,
                          .n_out = 1,
                          .in = in,
                          .out_name = &name,
                          .attr = attr,
                          .n_attr = n_attr};
    return gal_upgrade_node(graph, opset, &spec, &last, &err);
}

static gal_attr int_attr(const char *name, int64_t i) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = i};
}

static gal_attr float_attr(const char *name, float f) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = f};
}

static gal_attr ints_attr(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

/* The ops of the graph in order, as "Flatten Softmax Reshape". */
static void expect_ops(const char *text) {
    char ops[256] = "";
    for (const gal_node *n = graph->first; n; n = n->next) {
        strncat(ops, n->op->name, sizeof ops - strlen(ops) - 1);
        if (n->next) strncat(ops, " ", sizeof ops - strlen(ops) - 1);
    }
    assert_string_equal(ops, text);
    assert_ok(gal_graph_verify(graph, &err), err);
}

static void expect_y(const char *shape) {
    gal_buf text;
    gal_buf_init(&text, 256);
    const gal_value *y = gal_graph_find(graph, "y");
    assert_non_null(y);
    gal_shape_text(&y->shape, &text);
    assert_string_equal((char *)text.data, shape);
    gal_buf_free(&text);
}

static void softmax_over_trailing_dimensions(void **state) {
    (void)state;
    assert_ok(upgrade(11, "Softmax", image(), NULL, NULL, 0), err);
    expect_ops("Flatten Softmax Reshape");
    expect_y("[N, 6, 4, 4]");
}

static void softmax_over_one_dimension(void **state) {
    (void)state;
    const gal_attr axis = int_attr("axis", 1);
    assert_ok(upgrade(9, "LogSoftmax", feed("x", 4, (const gal_dim[]){{1, true}, {10, false}, {1, false}, {1, false}}),
                      NULL, &axis, 1),
              err);
    expect_ops("LogSoftmax");
    assert_int_equal(gal_attr_int(last, "axis", 7), 1);
}

static void softmax_of_today_is_left_alone(void **state) {
    (void)state;
    assert_ok(upgrade(13, "Softmax", image(), NULL, NULL, 0), err);
    expect_ops("Softmax");
    assert_null(gal_attr_find(last, "axis"));
}

static void attributes_become_inputs(void **state) {
    (void)state;
    const int64_t axes[] = {2, 3}, starts[] = {1, 0}, ends[] = {3, 2}, split[] = {2, 4};
    gal_value *x = image();
    const gal_attr slice[] = {ints_attr("axes", axes, 2), ints_attr("starts", starts, 2), ints_attr("ends", ends, 2)};
    assert_ok(upgrade(9, "Slice", x, NULL, slice, 3), err);
    assert_int_equal(last->n_in, 4);
    expect_y("[N, 6, 2, 2]");
    const gal_attr sum[] = {ints_attr("axes", axes, 2), int_attr("keepdims", 0)};
    gal_node_spec spec = {.op = "ReduceSum", .n_in = 1, .n_out = 1, .in = &x, .attr = sum, .n_attr = 2};
    assert_ok(gal_upgrade_node(graph, 11, &spec, &last, &err), err);
    assert_int_equal(last->out[0]->shape.rank, 2);
    const gal_attr parts[] = {int_attr("axis", 1), ints_attr("split", split, 2)};
    spec = (gal_node_spec){.op = "Split", .n_in = 1, .n_out = 2, .in = &x, .attr = parts, .n_attr = 2};
    assert_ok(gal_upgrade_node(graph, 11, &spec, &last, &err), err);
    assert_int_equal(last->out[1]->shape.dim[1].size, 4);
    const gal_attr k[] = {int_attr("k", 2), int_attr("axis", 1)};
    spec = (gal_node_spec){.op = "TopK", .n_in = 1, .n_out = 2, .in = &x, .attr = k, .n_attr = 2};
    assert_ok(gal_upgrade_node(graph, 1 + 8, &spec, &last, &err), err);
    assert_int_equal(last->out[0]->shape.dim[1].size, 2);
}

static void clip_and_pad_values(void **state) {
    (void)state;
    const int64_t pads[] = {0, 0, 1, 1, 0, 0, 1, 1};
    gal_value *x = image();
    const gal_attr relu6[] = {float_attr("min", 0), float_attr("max", 6)}, upper[] = {float_attr("max", 6)};
    gal_node_spec spec = {.op = "Clip", .n_in = 1, .n_out = 1, .in = &x, .attr = relu6, .n_attr = 2};
    assert_ok(gal_upgrade_node(graph, 6, &spec, &last, &err), err);
    assert_true(*(const float *)last->in[2]->constant->data == 6);
    spec.attr = upper;
    spec.n_attr = 1;
    assert_ok(gal_upgrade_node(graph, 10, &spec, &last, &err), err);
    assert_null(last->in[1]);
    const gal_attr pad[] = {ints_attr("pads", pads, 8), float_attr("value", 2)};
    spec = (gal_node_spec){.op = "Pad", .n_in = 1, .n_out = 1, .in = &x, .attr = pad, .n_attr = 2};
    assert_ok(gal_upgrade_node(graph, 9, &spec, &last, &err), err);
    assert_int_equal(last->out[0]->shape.dim[2].size, 6);
    assert_true(*(const float *)last->in[2]->constant->data == 2);
}

static void broadcast_of_opset_6(void **state) {
    (void)state;
    gal_value *x = image(), *c = feed("c", 1, (const gal_dim[]){{6, false}});
    const gal_attr along[] = {int_attr("broadcast", 1), int_attr("axis", 1)};
    assert_ok(upgrade(6, "Mul", x, c, along, 2), err);
    expect_ops("Unsqueeze Mul");
    expect_y("[N, 6, 4, 4]");
    gal_value *in[] = {x, c};
    gal_node_spec spec = {.op = "Add", .n_in = 2, .n_out = 1, .in = in};
    assert_int_equal(gal_upgrade_node(graph, 6, &spec, NULL, &err), GALEN_ERR_FORMAT);
    const gal_attr outside[] = {int_attr("broadcast", 1), int_attr("axis", INT64_MIN)};
    spec.attr = outside;
    spec.n_attr = 2;
    assert_int_equal(gal_upgrade_node(graph, 6, &spec, NULL, &err), GALEN_ERR_FORMAT);
    spec = (gal_node_spec){.op = "PRelu", .n_in = 2, .n_out = 1, .in = in};
    assert_ok(gal_upgrade_node(graph, 6, &spec, &last, &err), err);
    assert_int_equal(last->in[1]->shape.rank, 3);
}

static void dropout_is_the_identity(void **state) {
    (void)state;
    gal_value *x = image();
    const gal_attr ratio = float_attr("ratio", 0.5F);
    const char *names[] = {"y", "mask"};
    gal_node_spec spec = {
        .op = "Dropout", .n_in = 1, .n_out = 2, .in = &x, .out_name = names, .attr = &ratio, .n_attr = 1};
    assert_ok(gal_upgrade_node(graph, 10, &spec, &last, &err), err);
    expect_ops("Shape ConstantOfShape Identity");
    assert_int_equal(gal_graph_find(graph, "mask")->dtype, GALEN_BOOL);
    assert_int_equal(upgrade(6, "Dropout", x, NULL, NULL, 0), GALEN_ERR_UNSUPPORTED);
    const bool yes = true;
    galen_tensor t = {.dtype = GALEN_BOOL, .data = (void *)(uintptr_t)&yes};
    gal_value *in[3] = {x, NULL, NULL};
    assert_ok(gal_graph_constant(graph, NULL, &t, &in[2], &err), err);
    spec = (gal_node_spec){.op = "Dropout", .n_in = 3, .n_out = 1, .in = in};
    assert_int_equal(gal_upgrade_node(graph, 12, &spec, NULL, &err), GALEN_ERR_UNSUPPORTED);
}

static void a_sum_of_two_is_an_add(void **state) {
    (void)state;
    gal_value *x = image(), *three[3] = {x, x, x};
    assert_ok(upgrade(8, "Sum", x, x, NULL, 0), err);
    expect_ops("Add");
    gal_node_spec spec = {.op = "Sum", .n_in = 3, .n_out = 1, .in = three};
    assert_ok(gal_upgrade_node(graph, 8, &spec, &last, &err), err);
    expect_ops("Add Sum");
}

static void upsample_is_resize(void **state) {
    (void)state;
    const float scales[] = {1, 1, 2, 2};
    const gal_attr attr[] = {{.name = "scales", .type = GAL_ATTR_FLOATS, .floats = scales, .count = 4}};
    assert_ok(upgrade(7, "Upsample", image(), NULL, attr, 1), err);
    expect_ops("Resize");
    expect_y("[N, 6, 8, 8]");
    assert_string_equal(gal_attr_string(last, "coordinate_transformation_mode", ""), "asymmetric");
}

/* A node of opset 11 whose output is looked up by name. */
static gal_value *step(const char *op, gal_value *a, gal_value *b, gal_attr attr, const char *name) {
    gal_value *in[] = {a, b};
    gal_node_spec spec = {.op = op,
                          .n_in = b ? 2 : 1,
                          .n_out = 1,
                          .in = in,
                          .out_name = &name,
                          .attr = &attr,
                          .n_attr = attr.name ? 1 : 0};
    assert_ok(gal_upgrade_node(graph, 11, &spec, NULL, &err), err);
    return gal_graph_find(graph, name);
}

static gal_value *ints(const int64_t *v, size_t n) {
    gal_value *out;
    assert_ok(gal_graph_ints(graph, NULL, v, n, &out, &err), err);
    return out;
}

/* Pads as PyTorch writes them: a table of two columns, turned around. */
static void a_table_of_pads_is_settled(void **state) {
    (void)state;
    const gal_attr none = {0};
    const int64_t pads[] = {2, 1, 0, 0, 0, 0, 0, 0};
    gal_value *table = step("Reshape", ints(pads, 8), ints((int64_t[]){-1, 2}, 2), none, "table");
    gal_value *turned = step("Transpose", table, NULL, none, "turned");
    gal_value *flat = step("Reshape", turned, ints((int64_t[]){-1}, 1), none, "flat");
    assert_int_equal(graph->n_node, 0);
    assert_non_null(flat->known);
    assert_int_equal(flat->known[4].size, 1);
}

/* A size computed through floats, of a dimension that is fixed; the batch is left symbolic. */
static void a_size_through_floats_is_settled(void **state) {
    (void)state;
    const gal_attr none = {0};
    gal_value *shape = step("Shape", image(), NULL, none, "shape");
    gal_value *high = step("Gather", shape, ints((int64_t[]){2}, 1), none, "high");
    gal_value *real = step("Cast", high, NULL, int_attr("to", GALEN_F32), "real");
    const float scale = 1.9F;
    galen_tensor t = {.dtype = GALEN_F32, .data = (void *)(uintptr_t)&scale};
    gal_value *by;
    assert_ok(gal_graph_constant(graph, NULL, &t, &by, &err), err);
    gal_value *size = step("Cast", step("Floor", step("Mul", real, by, none, "scaled"), NULL, none, "floor"), NULL,
                           int_attr("to", GALEN_I64), "size");
    assert_non_null(size->known);
    assert_int_equal(size->known[0].size, 7);
    expect_ops("Shape Gather"); /* known by the shape rules; the rest is gone */
    gal_value *batch = step("Gather", shape, ints((int64_t[]){0}, 1), none, "batch");
    assert_null(batch->constant);
    assert_true(batch->known[0].batch);
}

static void refusals_name_node_op_and_opset(void **state) {
    (void)state;
    gal_value *x = image();
    assert_int_equal(upgrade(9, "NoSuchOp", x, NULL, NULL, 0), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "opset 9"));
    assert_non_null(strstr(err.message, "node"));
    assert_non_null(strstr(err.message, "NoSuchOp"));
    const gal_attr text = {.name = "axis", .type = GAL_ATTR_STRING, .s = "1"};
    assert_int_equal(upgrade(13, "Softmax", x, NULL, &text, 1), GALEN_ERR_FORMAT);
    const gal_attr to = {.name = "to", .type = GAL_ATTR_STRING, .s = "FLOAT"};
    assert_int_equal(upgrade(6, "Cast", x, NULL, &to, 1), GALEN_ERR_FORMAT);
    assert_int_equal(upgrade(9, "Slice", x, NULL, NULL, 0), GALEN_ERR_FORMAT);
    assert_int_equal(upgrade(10, "Squeeze", x, x, NULL, 0), GALEN_ERR_FORMAT);
    const gal_attr k = int_attr("k", 2);
    assert_int_equal(upgrade(8, "TopK", x, x, &k, 1), GALEN_ERR_FORMAT);
}

static void a_missing_input_is_no_crash(void **state) {
    (void)state;
    static const char *const ops[] = {
        "Add",  "BatchNormalization", "Clip",    "ConvTranspose", "Dropout", "Gemm",  "PRelu",
        "Pad",  "ReduceSum",          "Resize",  "Slice",         "Softmax", "Split", "Squeeze",
        "TopK", "Unsqueeze",          "Upsample"};
    gal_value *none[2] = {NULL, NULL};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        for (int64_t opset = 6; opset <= 17; opset++)
            for (uint32_t n = 0; n <= 2; n++) {
                gal_node_spec spec = {.op = ops[i], .n_in = n, .n_out = 1, .in = none};
                assert_int_not_equal(gal_upgrade_node(graph, opset, &spec, NULL, &err), GALEN_OK);
            }
}

static void allocation_failure_is_an_error(void **state) {
    (void)state;
    for (long n = 1; n < 40; n++) {
        gal_graph *g = NULL;
        test_fail_allocation(n, 1);
        galen_status status = gal_graph_create("test", &g, &err);
        gal_shape shape = {.rank = 3, .dim = {{1, true}, {6, false}, {4, false}}};
        gal_value *x = NULL;
        if (status == GALEN_OK) status = gal_graph_input(g, "x", GALEN_F32, &shape, &x, &err);
        gal_node_spec spec = {.op = "Softmax", .n_in = 1, .n_out = 1, .in = &x};
        if (status == GALEN_OK) status = gal_upgrade_node(g, 11, &spec, NULL, &err);
        test_fail_allocation(0, 0);
        gal_graph_destroy(g);
        if (status == GALEN_OK) return;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    fail_msg("never succeeded");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(softmax_over_trailing_dimensions),
        TEST(softmax_over_one_dimension),
        TEST(softmax_of_today_is_left_alone),
        TEST(attributes_become_inputs),
        TEST(clip_and_pad_values),
        TEST(broadcast_of_opset_6),
        TEST(dropout_is_the_identity),
        TEST(upsample_is_resize),
        TEST(a_sum_of_two_is_an_add),
        TEST(a_table_of_pads_is_settled),
        TEST(a_size_through_floats_is_settled),
        TEST(refusals_name_node_op_and_opset),
        TEST(a_missing_input_is_no_crash),
        TEST(allocation_failure_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
