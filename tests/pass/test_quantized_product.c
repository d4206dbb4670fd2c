/* Convolutions and matrix products in QDQ form become one integer op each, with the same bits. */
#include "small_quantized.h"

static const int64_t conv_dim[4] = {8, 4, 3, 3};

static gal_value *bias_of(gal_graph *g, int64_t n, float scale) {
    gal_value *in[2] = {q_numbers(g, GALEN_I32, 0, 1, &n), q_scalar(g, scale)};
    return small_node(g, "DequantizeLinear", 2, in, 0, NULL)->out[0];
}

/* A bias with one scale a channel, as files with such weights have it. */
static gal_value *bias_a_channel(gal_graph *g, int64_t n, float x_scale) {
    gal_value *in[2] = {q_numbers(g, GALEN_I32, 0, 1, &n), q_scales(g, n)};
    for (int64_t k = 0; k < n; k++) ((float *)in[1]->constant->data)[k] *= x_scale;
    const gal_attr axis = small_int("axis", 0);
    return small_node(g, "DequantizeLinear", 2, in, 1, &axis)->out[0];
}

static void conv(void **state) {
    (void)state;
    static const struct {
        byte_kind x, y;
        galen_dtype w;
        int w_zero, axis;
        bool bias;
    } cases[] = {
        {kind_x, kind_y, GALEN_I8, 0, -1, true},   {kind_x, kind_y, GALEN_I8, 0, 0, true},
        {kind_sx, kind_sy, GALEN_I8, 0, 0, true},  {kind_sx, kind_y, GALEN_I8, 0, -1, false},
        {kind_x, kind_sy, GALEN_U8, 128, 0, true}, {kind_x, kind_y, GALEN_U8, 119, -1, true},
        {kind_x, kind_y, GALEN_I8, 6, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gal_graph *g = small_graph();
        gal_value *x = q_image(g, "x", cases[i].x), *bias = NULL;
        gal_value *w = q_weights(g, cases[i].w, cases[i].w_zero, cases[i].axis, 4, conv_dim);
        if (cases[i].bias)
            bias =
                cases[i].axis < 0 ? bias_of(g, 8, cases[i].x.scale * 0x1p-5f) : bias_a_channel(g, 8, cases[i].x.scale);
        q_finish(g, q_conv(g, x, w, bias), cases[i].y, "Quantize QConv DequantizeLinear");
    }
}

/* An f32 bias and one in other units than the sums both become the nearest whole number of them. */
static void conv_with_other_biases(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const int64_t n = 8;
    gal_value *bias = small_row(g, -1, n);
    for (int k = 0; k < 8; k++) ((float *)bias->constant->data)[k] = (float)(3 * k - 9) * 0x1p-10f;
    gal_value *x = q_image(g, "x", kind_x);
    gal_value *y = q_conv(g, x, q_weights(g, GALEN_I8, 0, -1, 4, conv_dim), bias);
    q_finish(g, y, kind_y, "Quantize QConv DequantizeLinear");
    g = small_graph();
    x = q_image(g, "x", kind_x);
    y = q_conv(g, x, q_weights(g, GALEN_I8, 0, -1, 4, conv_dim), bias_of(g, 8, 0x1p-9f));
    q_finish(g, y, kind_y, "Quantize QConv DequantizeLinear");
}

static void depthwise_conv(void **state) {
    (void)state;
    static const int64_t dim[4] = {4, 1, 3, 3}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[2] = {small_int("group", 4), small_list("pads", pads, 4)};
    gal_graph *g = small_graph();
    gal_value *in[2] = {q_image(g, "x", kind_x), q_weights(g, GALEN_I8, 0, 0, 4, dim)};
    q_finish(g, small_node(g, "Conv", 2, in, 2, attr)->out[0], kind_y, "Quantize QConv DequantizeLinear");
}

/* Relu, Clip and a table go into the convolution. */
static void conv_and_activation(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *y = q_plain_conv(g, q_image(g, "x", kind_x));
    q_finish(g, small_op(g, "Relu", y, NULL), kind_y, "Quantize QConv DequantizeLinear");
    g = small_graph();
    y = q_plain_conv(g, q_image(g, "x", kind_x));
    q_finish(g, q_op3(g, "Clip", y, q_scalar(g, 0), q_scalar(g, 6)), kind_y, "Quantize QConv DequantizeLinear");
    g = small_graph();
    y = q_round(g, q_plain_conv(g, q_image(g, "x", kind_x)), kind_y);
    q_finish(g, small_op(g, "HardSwish", y, NULL), kind_z, "Quantize QConv DequantizeLinear");
    g = small_graph();
    y = q_round(g, q_plain_conv(g, q_image(g, "x", kind_x)), kind_y);
    q_finish(g, small_op(g, "Relu", y, NULL), kind_y, "Quantize QConv DequantizeLinear");
}

static void conv_and_residual(void **state) {
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        gal_graph *g = small_graph();
        gal_value *x = q_round(g, q_plain_conv(g, q_image(g, "x", kind_x)), kind_y);
        static const int64_t dim[4] = {8, 8, 1, 1};
        gal_value *in[2] = {x, q_weights(g, GALEN_I8, 0, 0, 4, dim)};
        gal_value *y = q_round(g, small_node(g, "Conv", 2, in, 0, NULL)->out[0], kind_z);
        y = small_op(g, "Add", y, x);
        q_finish(g, relu ? small_op(g, "Relu", y, NULL) : y, kind_y, "Quantize QConv QConv DequantizeLinear");
    }
}

/* A product that nobody rounds gives floats: the last layer. */
static void conv_to_floats(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    small_output(g, q_plain_conv(g, q_image(g, "x", kind_x)));
    q_check(g, "Quantize QConv");
}

static gal_value *gemm(gal_graph *g, gal_value *x, bool transposed, int axis, gal_value *bias) {
    const int64_t dim[2] = {transposed ? 9 : 20, transposed ? 20 : 9};
    gal_value *in[3] = {x, q_weights(g, GALEN_I8, 0, axis < 0 ? -1 : transposed ? 0 : 1, 2, dim), bias};
    const gal_attr attr = small_int("transB", transposed);
    return small_node(g, "Gemm", bias != NULL ? 3 : 2, in, 1, &attr)->out[0];
}

static gal_value *vector_of(gal_graph *g, byte_kind k) {
    return q_round(g, small_input(g, "x", 20, 0, 0), k);
}

static void gemm_of_all_kinds(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        gal_graph *g = small_graph();
        byte_kind k = (i & 1) ? kind_x : kind_sx;
        bool transposed = (i & 2) != 0, channel = (i & 4) != 0;
        gal_value *x = vector_of(g, k), *bias = channel ? bias_a_channel(g, 9, k.scale) : bias_of(g, 9, k.scale / 32);
        gal_value *y = gemm(g, x, transposed, channel ? 0 : -1, bias);
        q_finish(g, y, kind_y, "QuantizeLinear QGemm DequantizeLinear");
    }
    gal_graph *g = small_graph();
    gal_value *y = small_op(g, "Relu", gemm(g, vector_of(g, kind_x), true, -1, NULL), NULL);
    q_finish(g, y, kind_y, "QuantizeLinear QGemm DequantizeLinear");
    g = small_graph();
    small_output(g, gemm(g, vector_of(g, kind_x), true, 0, bias_a_channel(g, 9, kind_x.scale)));
    q_check(g, "QuantizeLinear QGemm");
}

static gal_value *mat_mul(gal_graph *g, gal_value *x, int axis) {
    static const int64_t dim[2] = {20, 9};
    return small_op(g, "MatMul", x, q_weights(g, GALEN_I8, 0, axis, 2, dim));
}

/* MatMul with what comes after it: a bias in floats, in 32 bits or as bytes, and Relu. */
static void mat_mul_and_bias(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    q_finish(g, mat_mul(g, vector_of(g, kind_x), 1), kind_y, "QuantizeLinear QGemm DequantizeLinear");
    g = small_graph();
    gal_value *y = small_op(g, "Add", mat_mul(g, vector_of(g, kind_x), 1), bias_a_channel(g, 9, kind_x.scale));
    q_finish(g, y, kind_y, "QuantizeLinear QGemm DequantizeLinear");
    g = small_graph();
    y = small_op(g, "Add", bias_of(g, 9, kind_x.scale / 32), mat_mul(g, vector_of(g, kind_x), -1));
    q_finish(g, small_op(g, "Relu", y, NULL), kind_y, "QuantizeLinear QGemm DequantizeLinear");
    g = small_graph();
    gal_value *bias = small_row(g, -1, 9);
    for (int k = 0; k < 9; k++) ((float *)bias->constant->data)[k] = (float)(k - 4) * 0x1p-8f;
    small_output(g, small_op(g, "Add", mat_mul(g, vector_of(g, kind_x), -1), bias));
    q_check(g, "QuantizeLinear QGemm");
    g = small_graph();
    const int64_t n = 9;
    y = q_round(g, mat_mul(g, vector_of(g, kind_x), 1), kind_y);
    y = small_op(g, "Add", y, q_to_floats(g, q_numbers(g, GALEN_U8, kind_z.zero, 1, &n), kind_z));
    q_finish(g, y, kind_y, "QuantizeLinear QGemm QAdd DequantizeLinear");
}

/* ---- what must stay as it is, or must not be taken for what it is not ---- */

/* Read twice before it is rounded: each reader gets the floats. */
static void a_product_read_twice(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *y = q_plain_conv(g, q_image(g, "x", kind_x));
    small_output(g, q_round(g, small_op(g, "Relu", y, NULL), kind_y));
    small_output(g, q_round(g, y, kind_z));
    q_check(g, "Quantize QConv Relu QuantizeLinear DequantizeLinear QuantizeLinear DequantizeLinear");
    g = small_graph();
    y = q_plain_conv(g, q_image(g, "x", kind_x));
    small_output(g, y);
    q_finish(g, y, kind_y, "Quantize QConv QuantizeLinear DequantizeLinear");
}

/* Rounded once and read twice: the bytes serve both, and the sum may not swallow the convolution. */
static void bytes_read_twice(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = q_round(g, q_plain_conv(g, q_image(g, "x", kind_x)), kind_y);
    static const int64_t dim[4] = {8, 8, 1, 1};
    gal_value *in[2] = {x, q_weights(g, GALEN_I8, 0, 0, 4, dim)};
    gal_value *y = q_round(g, small_node(g, "Conv", 2, in, 0, NULL)->out[0], kind_z);
    small_output(g, q_round(g, small_op(g, "Add", y, x), kind_y));
    small_output(g, q_round(g, small_op(g, "Sigmoid", y, NULL), kind_z));
    q_check(g, "Quantize QConv QConv QAdd DequantizeLinear QMap DequantizeLinear");
}

/* A scale that is an input, or one a channel for activations, is none this form knows. */
static void other_scales(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    const gal_shape one = {.rank = 0};
    gal_value *scale, *x = small_input(g, "x", 4, 7, 6);
    assert_ok(gal_graph_input(g, "scale", GALEN_F32, &one, &scale, &small_err), small_err);
    gal_value *bytes = q_to_bytes(g, x, kind_x);
    x = q_op3(g, "DequantizeLinear", bytes, small_op(g, "Abs", scale, NULL), q_zero(g, GALEN_U8, 121, 0));
    q_finish(g, q_plain_conv(g, x), kind_y, "QuantizeLinear Abs DequantizeLinear Conv QuantizeLinear DequantizeLinear");
    g = small_graph();
    bytes = q_to_bytes(g, small_input(g, "x", 4, 7, 6), kind_x);
    x = q_op3(g, "DequantizeLinear", bytes, q_scales(g, 4), q_zero(g, GALEN_U8, 121, 4));
    q_finish(g, q_plain_conv(g, x), kind_y, "QuantizeLinear DequantizeLinear Conv QuantizeLinear DequantizeLinear");
}

/* Weights whose zero points differ, or whose scales run along the input's channels, are not integers times a factor. */
static void other_weights(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        gal_graph *g = small_graph();
        gal_value *x = q_image(g, "x", kind_x), *w = q_weights(g, GALEN_I8, 0, i == 0 ? 0 : 1, 4, conv_dim);
        if (i == 0) ((int8_t *)w->producer->in[2]->constant->data)[3] = 4;
        q_finish(g, q_conv(g, x, w, NULL), kind_y, "Quantize DequantizeLinear Conv QuantizeLinear DequantizeLinear");
    }
    gal_graph *g = small_graph();
    static const int64_t dim[2] = {20, 9};
    gal_value *w = q_weights(g, GALEN_I8, 0, 0, 2, dim);
    q_finish(g, small_op(g, "MatMul", vector_of(g, kind_x), w), kind_y,
             "QuantizeLinear DequantizeLinear Gemm QuantizeLinear DequantizeLinear");
}

/* Gemm with factors or a matrix for a bias. */
static void other_gemms(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    static const int64_t dim[2] = {9, 20};
    gal_value *in[2] = {vector_of(g, kind_x), q_weights(g, GALEN_I8, 0, 0, 2, dim)};
    const gal_attr attr[2] = {{.name = "alpha", .type = GAL_ATTR_FLOAT, .f = 0.5f}, small_int("transB", 1)};
    q_finish(g, small_node(g, "Gemm", 2, in, 2, attr)->out[0], kind_y,
             "QuantizeLinear DequantizeLinear Gemm QuantizeLinear DequantizeLinear");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv),
        cmocka_unit_test(conv_with_other_biases),
        cmocka_unit_test(depthwise_conv),
        cmocka_unit_test(conv_and_activation),
        cmocka_unit_test(conv_and_residual),
        cmocka_unit_test(conv_to_floats),
        cmocka_unit_test(gemm_of_all_kinds),
        cmocka_unit_test(mat_mul_and_bias),
        cmocka_unit_test(a_product_read_twice),
        cmocka_unit_test(bytes_read_twice),
        cmocka_unit_test(other_scales),
        cmocka_unit_test(other_weights),
        cmocka_unit_test(other_gemms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
