/* Sums, products, tables, pools and moves of bytes in QDQ form become integer ops with the same bits. */
#include "small_quantized.h"

static void add(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *a = q_image(g, "a", kind_x), *b = q_image(g, "b", kind_sx);
    q_finish(g, small_op(g, "Add", a, b), kind_z, "QuantizeLinear QuantizeLinear QAdd DequantizeLinear");
    g = small_graph();
    a = q_image(g, "a", kind_sx), b = q_image(g, "b", kind_sx);
    q_finish(g, small_op(g, "Relu", small_op(g, "Add", a, b), NULL), kind_sy,
             "QuantizeLinear QuantizeLinear QAdd DequantizeLinear");
    g = small_graph();
    a = q_image(g, "a", kind_x);
    q_finish(g, small_op(g, "Add", a, a), kind_z, "QuantizeLinear QAdd DequantizeLinear");
}

static void add_of_a_constant(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    static const int64_t dim[3] = {4, 1, 1};
    gal_value *row = q_to_floats(g, q_numbers(g, GALEN_U8, kind_y.zero, 3, dim), kind_y);
    q_finish(g, small_op(g, "Add", row, q_image(g, "a", kind_x)), kind_z, "QuantizeLinear QAdd DequantizeLinear");
}

static void mul(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *a = q_image(g, "a", kind_x), *b = q_image(g, "b", kind_sx);
    q_finish(g, small_op(g, "Mul", a, b), kind_z, "QuantizeLinear QuantizeLinear QMul DequantizeLinear");
    g = small_graph();
    a = q_image(g, "a", kind_x);
    b = q_round(g, small_op(g, "GlobalAveragePool", q_image(g, "b", kind_x), NULL), kind_sx);
    q_finish(g, small_op(g, "Mul", a, b), kind_z,
             "QuantizeLinear Quantize QGlobalAveragePool Reshape QMul DequantizeLinear");
}

/* Of one input: 256 answers, computed once. */
static void tables(void **state) {
    (void)state;
    static const char *const ops[] = {"Sigmoid", "HardSwish", "Relu", "Tanh", "LeakyRelu", "HardSigmoid"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (int s = 0; s < 2; s++) {
            gal_graph *g = small_graph();
            gal_value *x = q_image(g, "x", s ? kind_sx : kind_x);
            q_finish(g, small_op(g, ops[i], x, NULL), s ? kind_sy : kind_z, "QuantizeLinear QMap DequantizeLinear");
        }
    gal_graph *g = small_graph();
    gal_value *x = q_image(g, "x", kind_x);
    q_finish(g, q_op3(g, "Clip", x, q_scalar(g, -0.25f), q_scalar(g, 0.5f)), kind_z,
             "QuantizeLinear QMap DequantizeLinear");
}

/* Another scale or another type: a table too. The same one: nothing. */
static void other_scales(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    q_finish(g, q_image(g, "x", kind_x), kind_sy, "QuantizeLinear QMap DequantizeLinear");
    g = small_graph();
    q_finish(g, q_image(g, "x", kind_x), kind_x, "QuantizeLinear DequantizeLinear");
}

/* x * Sigmoid(x), the Sigmoid rounded by itself. */
static void swish(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = q_image(g, "x", kind_x), *gate = q_round(g, small_op(g, "Sigmoid", x, NULL), kind_z);
    q_finish(g, small_op(g, "Mul", x, gate), kind_y, "QuantizeLinear QMap DequantizeLinear");
}

static void concat(void **state) {
    (void)state;
    const gal_attr axis = small_int("axis", 1);
    gal_graph *g = small_graph();
    gal_value *in[2] = {q_image(g, "a", kind_x), q_image(g, "b", kind_x)};
    q_finish(g, small_node(g, "Concat", 2, in, 1, &axis)->out[0], kind_x,
             "QuantizeLinear QuantizeLinear Concat DequantizeLinear");
    g = small_graph();
    in[0] = q_image(g, "a", kind_x), in[1] = q_image(g, "b", kind_sx);
    q_finish(g, small_node(g, "Concat", 2, in, 1, &axis)->out[0], kind_z,
             "QuantizeLinear QuantizeLinear QMap QMap Concat DequantizeLinear");
}

static gal_value *pool(gal_graph *g, const char *op, gal_value *x, gal_attr more) {
    static const int64_t two[2] = {2, 2}, three[2] = {3, 3}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[4] = {small_list("strides", two, 2), small_list("kernel_shape", three, 2),
                              small_list("pads", pads, 4), more};
    return small_node(g, op, 1, &x, 4, attr)->out[0];
}

static void pools(void **state) {
    (void)state;
    for (int s = 0; s < 2; s++) {
        byte_kind k = s ? kind_sx : kind_x, to = s ? kind_sy : kind_z;
        gal_graph *g = small_graph();
        q_finish(g, pool(g, "MaxPool", q_image(g, "x", k), small_int("ceil_mode", s)), k,
                 "QuantizeLinear MaxPool DequantizeLinear");
        g = small_graph();
        q_finish(g, pool(g, "AveragePool", q_image(g, "x", k), small_int("count_include_pad", s)), to,
                 "Quantize QAveragePool DequantizeLinear");
        g = small_graph();
        q_finish(g, pool(g, "AveragePool", q_image(g, "x", k), small_int("ceil_mode", 1)), to,
                 "Quantize QAveragePool DequantizeLinear");
        g = small_graph();
        q_finish(g, small_op(g, "GlobalAveragePool", q_image(g, "x", k), NULL), to,
                 "Quantize QGlobalAveragePool Reshape DequantizeLinear");
    }
}

/* Bytes that only move stay bytes. */
static void moves(void **state) {
    (void)state;
    const int64_t to[2] = {0, -1}, starts[2] = {1, 2}, ends[2] = {3, 6}, axes[2] = {1, 3};
    gal_graph *g = small_graph();
    gal_value *in[4] = {q_image(g, "x", kind_x), small_ints(g, starts, 2), small_ints(g, ends, 2),
                        small_ints(g, axes, 2)};
    gal_value *x = q_round(g, small_node(g, "Slice", 4, in, 0, NULL)->out[0], kind_x);
    q_finish(g, small_op(g, "Reshape", x, small_ints(g, to, 2)), kind_x,
             "QuantizeLinear Slice Reshape DequantizeLinear");
    g = small_graph();
    x = small_with(g, "Flatten", q_image(g, "x", kind_x), small_int("axis", 1));
    q_finish(g, x, kind_x, "QuantizeLinear Flatten DequantizeLinear");
}

/* In parts of 1 and 3 channels, or in two equal ones. */
static gal_node *parts_of(gal_graph *g, gal_value *x, bool equal) {
    const int64_t sizes[2] = {1, 3};
    gal_value *in[2] = {x, small_ints(g, sizes, 2)};
    const gal_attr axis = small_int("axis", 1);
    const gal_node_spec spec = {.op = "Split", .n_in = equal ? 1 : 2, .n_out = 2, .in = in, .n_attr = 1, .attr = &axis};
    gal_node *node;
    assert_ok(gal_graph_node(g, &spec, &node, &small_err), small_err);
    return node;
}

/* A mean over the picture, as exporters write a global pool, and a Flatten before the rounding. */
static void pool_and_flatten(void **state) {
    (void)state;
    const int64_t image[2] = {2, 3};
    gal_graph *g = small_graph();
    gal_value *x = q_image(g, "x", kind_x);
    const gal_attr attr[2] = {small_list("axes", image, 2), small_int("keepdims", 0)};
    q_finish(g, small_node(g, "ReduceMean", 1, &x, 2, attr)->out[0], kind_z,
             "Quantize QGlobalAveragePool Reshape DequantizeLinear");
    g = small_graph();
    x = small_op(g, "GlobalAveragePool", q_image(g, "x", kind_x), NULL);
    q_finish(g, small_with(g, "Flatten", x, small_int("axis", 1)), kind_z,
             "Quantize QGlobalAveragePool Reshape DequantizeLinear");
}

/* Every part of a Split, not only the first. */
static void split(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_node *node = parts_of(g, q_image(g, "x", kind_x), false);
    small_output(g, q_round(g, small_op(g, "Relu", node->out[1], NULL), kind_z));
    small_output(g, q_round(g, node->out[0], kind_x));
    q_check(g, "QuantizeLinear Split QMap DequantizeLinear DequantizeLinear");
    for (int i = 0; i < 4; i++) { /* one part, and nobody reads the other */
        g = small_graph();
        node = parts_of(g, q_image(g, "x", kind_x), i / 2);
        q_finish(g, node->out[i % 2], kind_x, "QuantizeLinear Split DequantizeLinear");
    }
}

/* ---- what must stay as it is ---- */

/* One operand in floats, or a result that something else reads in floats too. */
static void half_of_a_pair(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_op(g, "Add", q_image(g, "a", kind_x), small_input(g, "b", 4, 7, 6));
    q_finish(g, x, kind_z, "QuantizeLinear DequantizeLinear Add QuantizeLinear DequantizeLinear");
    g = small_graph();
    x = small_op(g, "Mul", q_image(g, "a", kind_x), q_image(g, "b", kind_x));
    small_output(g, x);
    q_finish(g, x, kind_z,
             "QuantizeLinear DequantizeLinear QuantizeLinear DequantizeLinear Mul QuantizeLinear DequantizeLinear");
}

/* Parts of a Concat with one in floats; a pool that is read in floats too; a table of a value with two readers. */
static void read_in_floats(void **state) {
    (void)state;
    const gal_attr axis = small_int("axis", 1);
    gal_graph *g = small_graph();
    gal_value *in[2] = {q_image(g, "a", kind_x), small_input(g, "b", 4, 7, 6)};
    q_finish(g, small_node(g, "Concat", 2, in, 1, &axis)->out[0], kind_x,
             "QuantizeLinear DequantizeLinear Concat QuantizeLinear DequantizeLinear");
    g = small_graph();
    gal_value *x = small_op(g, "GlobalAveragePool", q_image(g, "x", kind_x), NULL);
    small_output(g, small_op(g, "Abs", x, NULL));
    q_finish(g, x, kind_z, "QuantizeLinear DequantizeLinear GlobalAveragePool Abs QuantizeLinear DequantizeLinear");
    g = small_graph();
    x = small_op(g, "Sigmoid", q_image(g, "x", kind_x), NULL);
    small_output(g, small_op(g, "Abs", x, NULL));
    q_finish(g, x, kind_z, "QuantizeLinear DequantizeLinear Sigmoid Abs QuantizeLinear DequantizeLinear");
}

/* Scales that are no constant, and a zero point of another type than its bytes. */
static void other_parameters(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const gal_shape one = {.rank = 0};
    gal_value *scale, *x = q_image(g, "x", kind_x), *in[3];
    assert_ok(gal_graph_input(g, "scale", GALEN_F32, &one, &scale, &small_err), small_err);
    in[0] = small_op(g, "Sigmoid", x, NULL), in[1] = small_op(g, "Exp", scale, NULL);
    in[2] = q_zero(g, GALEN_U8, 3, 0);
    gal_value *y = q_op3(g, "QuantizeLinear", in[0], in[1], in[2]);
    small_output(g, q_to_floats(g, y, kind_z));
    q_check(g, "QuantizeLinear DequantizeLinear Sigmoid Exp QuantizeLinear DequantizeLinear");
    g = small_graph();
    in[0] = q_to_bytes(g, small_input(g, "x", 4, 7, 6), kind_x);
    in[1] = q_scalar(g, kind_x.scale), in[2] = q_zero(g, GALEN_I8, 3, 0);
    const gal_node_spec spec = {.op = "DequantizeLinear", .n_in = 3, .n_out = 1, .in = in};
    gal_node *node;
    assert_int_not_equal(gal_graph_node(g, &spec, &node, &small_err), GALEN_OK);
    assert_non_null(strstr(small_err.message, "input 2"));
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add),
        cmocka_unit_test(add_of_a_constant),
        cmocka_unit_test(mul),
        cmocka_unit_test(tables),
        cmocka_unit_test(other_scales),
        cmocka_unit_test(swish),
        cmocka_unit_test(concat),
        cmocka_unit_test(pools),
        cmocka_unit_test(moves),
        cmocka_unit_test(pool_and_flatten),
        cmocka_unit_test(split),
        cmocka_unit_test(half_of_a_pair),
        cmocka_unit_test(read_in_floats),
        cmocka_unit_test(other_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
