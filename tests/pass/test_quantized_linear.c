/* QLinearConv and QLinearMatMul become galen.QConv and galen.QGemm with the same bits, whatever the scales. */
#include "small_quantized.h"

typedef struct linear_case {
    galen_dtype x, w, y;
    int x_zero, w_zero, y_zero;
    bool channel, bias;
} linear_case;

static const linear_case cases[] = {
    {GALEN_U8, GALEN_I8, GALEN_U8, 121, 0, 130, true, true}, {GALEN_I8, GALEN_I8, GALEN_I8, -9, 0, 5, true, true},
    {GALEN_U8, GALEN_U8, GALEN_U8, 3, 119, 0, false, true},  {GALEN_U8, GALEN_I8, GALEN_I8, 0, -4, 1, false, false},
    {GALEN_I8, GALEN_I8, GALEN_U8, 0, 2, 128, true, false},
};

/* Numbers that no power of two divides. */
static gal_value *odd_scales(gal_graph *g, int64_t n, float about) {
    if (n == 0) return q_scalar(g, about);
    gal_value *value = small_row(g, 1, n);
    for (int64_t i = 0; i < n; i++) ((float *)value->constant->data)[i] *= about;
    return value;
}

/* Inputs 1 to 7 of both ops, behind input 0. */
static void parameters(gal_graph *g, const linear_case *c, int64_t outputs, gal_value *w, gal_value **in) {
    int64_t n = c->channel ? outputs : 0;
    in[1] = q_scalar(g, 0.0137f), in[2] = q_zero(g, c->x, c->x_zero, 0);
    in[3] = w, in[4] = odd_scales(g, n, 0.0031f), in[5] = q_zero(g, c->w, c->w_zero, n);
    in[6] = q_scalar(g, 0.0179f), in[7] = q_zero(g, c->y, c->y_zero, 0);
}

static gal_value *bytes_of(gal_graph *g, gal_value *x, const linear_case *c) {
    return q_to_bytes(g, x, (byte_kind){0.0137f, c->x, c->x_zero});
}

static gal_value *conv(gal_graph *g, const linear_case *c, gal_value *x) {
    static const int64_t dim[4] = {8, 4, 3, 3}, pads[4] = {1, 0, 1, 1}, n = 8;
    gal_value *in[9] = {x};
    parameters(g, c, 8, q_numbers(g, c->w, c->w_zero, 4, dim), in);
    if (c->bias) in[8] = q_numbers(g, GALEN_I32, 11, 1, &n);
    const gal_attr attr = small_list("pads", pads, 4);
    return small_node(g, "QLinearConv", c->bias ? 9 : 8, in, 1, &attr)->out[0];
}

static gal_value *product(gal_graph *g, const linear_case *c, gal_value *x) {
    static const int64_t dim[2] = {20, 9};
    gal_value *in[8] = {x};
    parameters(g, c, 9, q_numbers(g, c->w, c->w_zero, 2, dim), in);
    return small_node(g, "QLinearMatMul", 8, in, 0, NULL)->out[0];
}

static void leave(gal_graph *g, gal_value *y, const linear_case *c, const char *ops) {
    small_output(g, q_to_floats(g, y, (byte_kind){0.0179f, c->y, c->y_zero}));
    q_check(g, ops);
}

static void qlinear_conv(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gal_graph *g = small_graph();
        gal_value *x = bytes_of(g, small_input(g, "x", 4, 7, 6), &cases[i]);
        leave(g, conv(g, &cases[i], x), &cases[i], "Quantize QConv DequantizeLinear");
    }
}

static void qlinear_mat_mul(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gal_graph *g = small_graph();
        gal_value *x = bytes_of(g, small_input(g, "x", 20, 0, 0), &cases[i]);
        leave(g, product(g, &cases[i], x), &cases[i], "QuantizeLinear QGemm DequantizeLinear");
    }
}

/* Zero points or scales that the integer ops cannot say: the ONNX op stays. */
static void near_misses(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *y = conv(g, &cases[0], bytes_of(g, small_input(g, "x", 4, 7, 6), &cases[0]));
    ((int8_t *)y->producer->in[5]->constant->data)[2] = 1;
    leave(g, y, &cases[0], "QuantizeLinear QLinearConv DequantizeLinear");
    g = small_graph();
    const gal_shape one = {.rank = 0};
    gal_value *scale, *x = bytes_of(g, small_input(g, "x", 20, 0, 0), &cases[0]);
    assert_ok(gal_graph_input(g, "scale", GALEN_F32, &one, &scale, &small_err), small_err);
    y = product(g, &cases[0], x);
    gal_node_set_input(y->producer, 1, scale);
    leave(g, y, &cases[0], "QuantizeLinear QLinearMatMul DequantizeLinear");
}

/* A zero point of another type than its bytes is no model. */
static void wrong_type_of_zero_point(void **state) {
    (void)state;
    static const uint32_t which[2] = {2, 5};
    for (int i = 0; i < 2; i++) {
        gal_graph *g = small_graph();
        static const int64_t dim[2] = {20, 9};
        gal_value *in[8] = {bytes_of(g, small_input(g, "x", 20, 0, 0), &cases[2])};
        parameters(g, &cases[2], 9, q_numbers(g, GALEN_U8, 119, 2, dim), in);
        in[which[i]] = q_zero(g, GALEN_I8, 1, 0);
        const gal_node_spec spec = {.op = "QLinearMatMul", .n_in = 8, .n_out = 1, .in = in};
        gal_node *node;
        assert_int_not_equal(gal_graph_node(g, &spec, &node, &small_err), GALEN_OK);
        gal_graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qlinear_conv),
        cmocka_unit_test(qlinear_mat_mul),
        cmocka_unit_test(near_misses),
        cmocka_unit_test(wrong_type_of_zero_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
