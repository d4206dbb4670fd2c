/* Integer ops made by passes: the same bits as the ONNX ops they stand for, where those round once. */
#include "graph/ops/quantized.h"
#include "run_node.h"

#include <math.h>

enum { H = 6, W = 5, C = 12, K = 8 };

static galen_tensor bytes(gal_rng *rng, galen_dtype dtype, size_t rank, const int64_t *dim) {
    galen_tensor t = tensor_of(dtype, NULL, rank, dim);
    for (int64_t i = 0, n = galen_tensor_elements(&t); i < n; i++)
        ((uint8_t *)t.data)[i] = (uint8_t)(256 * gal_rng_uniform(rng));
    return t;
}

static galen_tensor scalar_f32(float v) {
    return tensor_of(GALEN_F32, &v, 0, NULL);
}

static galen_tensor scalar_byte(galen_dtype dtype, int v) {
    uint8_t byte = (uint8_t)v;
    return tensor_of(dtype, &byte, 0, NULL);
}

/* [1, H, W, C] of [1, C, H, W]. */
static galen_tensor to_nhwc(const galen_tensor *x) {
    galen_tensor y = tensor_of(x->dtype, NULL, DIMS(1, x->dim[2], x->dim[3], x->dim[1]));
    int64_t area = x->dim[2] * x->dim[3];
    for (int64_t c = 0; c < x->dim[1]; c++)
        for (int64_t i = 0; i < area; i++)
            ((uint8_t *)y.data)[i * x->dim[1] + c] = ((const uint8_t *)x->data)[c * area + i];
    return y;
}

static void assert_same(const galen_tensor *a, const galen_tensor *b) {
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(galen_tensor_bytes(a), galen_tensor_bytes(b));
    assert_memory_equal(a->data, b->data, (size_t)galen_tensor_bytes(a));
}

static void free_all(galen_tensor *t, size_t n) {
    for (size_t i = 0; i < n; i++) gal_free(t[i].data);
}

static void conv_like_qlinear(galen_dtype dtype, int64_t group, int x_zero, int y_zero) {
    gal_rng rng = gal_rng_make(5, (uint64_t)(group + dtype));
    float scale[K];
    for (int k = 0; k < K; k++) scale[k] = 0.001f + 0.004f * (float)gal_rng_uniform(&rng);
    galen_tensor bias = tensor_of(GALEN_I32, NULL, DIMS(K));
    for (int k = 0; k < K; k++) ((int32_t *)bias.data)[k] = (int32_t)(9000 * gal_rng_uniform(&rng)) - 4500;
    galen_tensor in[9] = {bytes(&rng, dtype, DIMS(1, C, H, W)),
                          scalar_f32(0.037f),
                          scalar_byte(dtype, x_zero),
                          bytes(&rng, GALEN_I8, DIMS(K, C / group, 3, 2)),
                          tensor_of(GALEN_F32, scale, DIMS(K)),
                          scalar_byte(GALEN_I8, 0),
                          scalar_f32(0.11f),
                          scalar_byte(dtype, y_zero),
                          bias};
    const gal_attr shared[] = {INTS("pads", 2, 1, 0, 1), INTS("strides", 2, 1), INT("group", group)};
    galen_tensor want = node_result("", "QLinearConv", in, 9, shared, 3), want_last = to_nhwc(&want);
    galen_tensor made[5] = {to_nhwc(&in[0]), in[3], bias, {0}, in[4]};
    const gal_attr attr[] = {shared[0],
                             shared[1],
                             shared[2],
                             FLOAT("x_scale", 0.037f),
                             INT("x_zero", x_zero),
                             FLOAT("y_scale", 0.11f),
                             INT("y_zero", y_zero),
                             INT("y_type", dtype)};
    galen_tensor got = node_result("galen", "QConv", made, 5, attr, 8);
    assert_same(&got, &want_last);
    galen_tensor rest[] = {want, want_last, got, made[0]};
    free_all(rest, 4);
    free_all(in, 9);
}

static void conv_has_the_bits_of_qlinearconv(void **state) {
    (void)state;
    conv_like_qlinear(GALEN_U8, 1, 121, 130);
    conv_like_qlinear(GALEN_I8, 1, -9, 5);
    conv_like_qlinear(GALEN_U8, 4, 3, 0);
}

static void gemm_has_the_bits_of_qlinearmatmul(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(6, 1);
    galen_tensor in[8] = {bytes(&rng, GALEN_U8, DIMS(3, 40)),
                          scalar_f32(0.02f),
                          scalar_byte(GALEN_U8, 77),
                          bytes(&rng, GALEN_I8, DIMS(40, 9)),
                          scalar_f32(0.01f),
                          scalar_byte(GALEN_I8, -4),
                          scalar_f32(0.6f),
                          scalar_byte(GALEN_U8, 128)};
    galen_tensor want = node_result("", "QLinearMatMul", in, 8, NULL, 0);
    galen_tensor made[5] = {in[0], in[3], {0}, {0}, in[4]};
    const gal_attr attr[] = {FLOAT("x_scale", 0.02f), INT("x_zero", 77), INT("w_zero", -4), FLOAT("y_scale", 0.6f),
                             INT("y_zero", 128)};
    galen_tensor got = node_result("galen", "QGemm", made, 5, attr, 5);
    assert_same(&got, &want);
    galen_tensor rest[] = {want, got};
    free_all(rest, 2);
    free_all(in, 8);
}

/* One output by hand: 1x1 product, mid rounding, residual, Relu, table; and a float output. */
static void a_residual_follows_the_rounded_product(void **state) {
    (void)state;
    const int8_t w[2] = {3, -5};
    const uint8_t x[2] = {130, 120}, residual[1] = {100};
    const float scale[1] = {0.5f};
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(255 - i);
    galen_tensor in[6] = {tensor_of(GALEN_U8, x, DIMS(1, 2)),
                          tensor_of(GALEN_I8, w, DIMS(1, 2)),
                          {0},
                          tensor_of(GALEN_U8, residual, DIMS(1, 1)),
                          tensor_of(GALEN_F32, scale, DIMS(1)),
                          tensor_of(GALEN_U8, table, DIMS(256))};
    /* acc = 2 * 3 + (-8) * (-5) = 46; times 0.25 * 0.5 / 0.5 = 11.5 steps of 0.5, rounded 12; 6.0 with the residual's
     * (100 - 90) * 0.125 = 1.25 is 7.25, 29 steps of 0.25. */
    const gal_attr attr[] = {INT("transB", 1),          FLOAT("x_scale", 0.25f), INT("x_zero", 128),
                             FLOAT("mid_scale", 0.5f),  INT("mid_zero", 0),      FLOAT("r_scale", 0.125f),
                             INT("r_zero", 90),         FLOAT("y_scale", 0.25f), INT("y_zero", 10),
                             TEXT("activation", "Relu")};
    galen_tensor y = node_result("galen", "QGemm", in, 6, attr, 10);
    assert_int_equal(((uint8_t *)y.data)[0], 255 - 39);
    const gal_attr wide[] = {INT("transB", 1),         FLOAT("x_scale", 0.25f), INT("x_zero", 128),
                             FLOAT("r_scale", 0.125f), INT("r_zero", 90),       INT("y_type", GALEN_F32)};
    galen_tensor v = node_result("galen", "QGemm", in, 5, wide, 6);
    assert_true(((float *)v.data)[0] == 46 * 0.125f + 1.25f);
    gal_free(y.data), gal_free(v.data);
    free_all(in, 6);
}

/* Quantise(op(dequantise)) in double, which may round a tie the other way. */
static void assert_near(const galen_tensor *got, int64_t i, double v, double scale, int zero) {
    double q = v / scale + zero, y = ((const uint8_t *)got->data)[i];
    q = q < 0 ? 0 : q > 255 ? 255 : q;
    assert_true(fabs(y - q) <= 0.5001);
}

static void sums_products_and_means_round_once(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(8, 1);
    galen_tensor in[2] = {bytes(&rng, GALEN_U8, DIMS(1, 3, 4, C)), bytes(&rng, GALEN_I8, DIMS(1, 1, 1, C))};
    const gal_attr attr[] = {FLOAT("x_scale", 0.02f), INT("x_zero", 100),      FLOAT("r_scale", 0.05f),
                             INT("r_zero", -3),       FLOAT("y_scale", 0.07f), INT("y_zero", 120)};
    const gal_attr pool[] = {attr[0], attr[1], attr[4], attr[5]};
    galen_tensor sum = node_result("galen", "QAdd", in, 2, attr, 6);
    galen_tensor product = node_result("galen", "QMul", in, 2, attr, 6);
    galen_tensor mean = node_result("galen", "QGlobalAveragePool", in, 1, pool, 4);
    double total[C] = {0};
    for (int i = 0; i < 12 * C; i++) {
        double a = (((uint8_t *)in[0].data)[i] - 100) * 0.02, b = (((int8_t *)in[1].data)[i % C] + 3) * 0.05;
        assert_near(&sum, i, a + b, 0.07, 120);
        assert_near(&product, i, a * b, 0.07, 120);
        total[i % C] += a;
    }
    for (int c = 0; c < C; c++) assert_near(&mean, c, total[c] / 12, 0.07, 120);
    galen_tensor rest[] = {sum, product, mean};
    free_all(rest, 3);
    free_all(in, 2);
}

static void planes_become_padded_pixels(void **state) {
    (void)state;
    const float x[6] = {0.5f, -1, 3, 100, NAN, -0.25f}; /* 3 channels of 1 by 2 */
    galen_tensor in = tensor_of(GALEN_F32, x, DIMS(1, 3, 1, 2));
    const gal_attr attr[] = {FLOAT("y_scale", 0.5f), INT("y_zero", 7), INT("planes", 1), INT("channels", 4)};
    galen_tensor y = node_result("galen", "Quantize", &in, 1, attr, 4);
    const uint8_t want[8] = {8, 13, 7, 7, 5, 207, 7, 7}; /* -0.25 / 0.5 is a tie: 0 is even */
    assert_memory_equal(y.data, want, 8);
    gal_free(y.data), gal_free(in.data);
}

static void scales_must_make_sense(void **state) {
    (void)state;
    galen_tensor in[5] = {
        tensor_of(GALEN_U8, NULL, DIMS(1, 2)), tensor_of(GALEN_I8, NULL, DIMS(1, 2)), {0}, {0}, scalar_f32(0.1f)};
    const gal_attr bad[][3] = {{INT("transB", 1), FLOAT("x_scale", 0), INT("x_zero", 0)},
                               {INT("transB", 1), FLOAT("x_scale", 1), INT("x_zero", 256)},
                               {INT("transB", 1), FLOAT("y_scale", INFINITY), INT("x_zero", 0)},
                               {INT("transB", 1), FLOAT("x_scale", 1e-45f), INT("x_zero", 0)},
                               {INT("transB", 1), INT("y_type", GALEN_I64), INT("x_zero", 0)}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_node t;
        assert_int_not_equal(node_make(&t, "galen", "QGemm", in, 5, 1, bad[i], 3), GALEN_OK);
        gal_graph_destroy(t.graph);
    }
    free_all(in, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_has_the_bits_of_qlinearconv),
        cmocka_unit_test(gemm_has_the_bits_of_qlinearmatmul),
        cmocka_unit_test(a_residual_follows_the_rounded_product),
        cmocka_unit_test(sums_products_and_means_round_once),
        cmocka_unit_test(planes_become_padded_pixels),
        cmocka_unit_test(scales_must_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
