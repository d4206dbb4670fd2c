/* The bf16 forms of private ops: sums and bias in f32, one rounding at the end. */
#include "base/half.h"
#include "run_node.h"

#include <math.h>

static galen_tensor bf16(const float *x, size_t rank, const int64_t *dim) {
    galen_tensor t = tensor_of(GALEN_BF16, NULL, rank, dim);
    for (int64_t i = 0, n = galen_tensor_elements(&t); i < n; i++) ((uint16_t *)t.data)[i] = gal_f32_to_bf16(x[i]);
    return t;
}

static float at(const galen_tensor *t, int i) {
    assert_int_equal(t->dtype, GALEN_BF16);
    return gal_bf16_to_f32(((const uint16_t *)t->data)[i]);
}

static void free_all(galen_tensor *t, int n) {
    for (int i = 0; i < n; i++) gal_free(t[i].data);
}

/* 1 + 2^-8 + 2^-8: rounding in between would lose both. Negative sums meet Relu. */
static void conv_rounds_once(void **state) {
    (void)state;
    const gal_attr attr[] = {TEXT("activation", "Relu")};
    galen_tensor in[4] = {
        bf16((float[]){0.5f, 0.25f}, DIMS(1, 1, 1, 2)), bf16((float[]){1, 2, -8, 0.125f}, DIMS(2, 2, 1, 1)),
        tensor_of(GALEN_F32, (float[]){0x1p-8f, 1}, DIMS(2)), bf16((float[]){0x1p-8f, 0.5f}, DIMS(1, 1, 1, 2))};
    galen_tensor y = node_result("galen", "Conv", in, 4, attr, 1);
    assert_true(at(&y, 0) == 1 + 0x1p-7f);
    assert_true(at(&y, 1) == 0);
    gal_free(y.data);
    free_all(in, 4);
}

/* Depthwise weights may be f32, and are used as they are: 2 (1 + 2^-12) - 2 shows the difference. */
static void depthwise_keeps_f32_weights(void **state) {
    (void)state;
    const gal_attr attr[] = {INT("group", 2)};
    galen_tensor in[3] = {bf16((float[]){2, 4}, DIMS(1, 1, 1, 2)),
                          tensor_of(GALEN_F32, (float[]){1 + 0x1p-12f, 0.5f}, DIMS(2, 1, 1, 1)),
                          tensor_of(GALEN_F32, (float[]){-2, 1}, DIMS(2))};
    galen_tensor y = node_result("galen", "Conv", in, 3, attr, 1);
    assert_true(at(&y, 0) == 0x1p-11f && at(&y, 1) == 3);
    gal_free(y.data);
    free_all(in, 3);
}

/* The product of bf16 matrices is f32: nothing is rounded away. */
static void gemm_gives_f32(void **state) {
    (void)state;
    galen_tensor in[3] = {bf16((float[]){1, 0x1p-10f}, DIMS(1, 2)), bf16((float[]){1, 3, 1, 0.5f}, DIMS(2, 2)),
                          tensor_of(GALEN_F32, (float[]){0x1p-12f, 0}, DIMS(2))};
    galen_tensor y = node_result("galen", "Gemm", in, 3, NULL, 0);
    assert_int_equal(y.dtype, GALEN_F32);
    assert_true(((float *)y.data)[0] == 1 + 0x1p-10f + 0x1p-12f);
    assert_true(((float *)y.data)[1] == 3 + 0x1p-11f);
    gal_free(y.data);
    free_all(in, 3);
}

static void narrow_rounds_to_even_and_grows(void **state) {
    (void)state;
    const gal_attr attr[] = {INT("channels", 4)};
    galen_tensor x =
        tensor_of(GALEN_F32, (float[]){1 + 0x1p-8f, 1 + 0x3p-8f, -INFINITY, 2.5f, NAN, 0x1p-140f}, DIMS(2, 3));
    galen_tensor y = node_result("galen", "Narrow", &x, 1, attr, 1);
    assert_int_equal(y.dim[1], 4);
    assert_true(at(&y, 0) == 1 && at(&y, 1) == 1 + 0x1p-6f && at(&y, 2) == -INFINITY && at(&y, 3) == 0);
    assert_true(at(&y, 4) == 2.5f && isnan(at(&y, 5)) && at(&y, 7) == 0);
    gal_free(y.data);
    gal_free(x.data);
}

static void pools_and_scale(void **state) {
    (void)state;
    const gal_attr window[] = {INTS("kernel_shape", 1, 2)};
    galen_tensor x = bf16((float[]){1, 2, 1 + 0x1p-7f, -3}, DIMS(1, 1, 2, 2));
    galen_tensor most = node_result("galen", "MaxPool", &x, 1, window, 1);
    assert_true(at(&most, 0) == 1 + 0x1p-7f && at(&most, 1) == 2);
    galen_tensor mean = node_result("galen", "GlobalAveragePool", &x, 1, NULL, 0);
    assert_true(at(&mean, 0) == 1 && at(&mean, 1) == -0.5f); /* 1 + 2^-8 is a tie */
    galen_tensor in[3] = {x, tensor_of(GALEN_F32, (float[]){0x1p-9f, 1}, DIMS(2)),
                          tensor_of(GALEN_F32, (float[]){1, 0.5f}, DIMS(2))};
    const gal_attr relu[] = {TEXT("activation", "Relu")};
    galen_tensor y = node_result("galen", "ScaleShift", in, 3, relu, 1);
    assert_true(at(&y, 0) == 1 && at(&y, 1) == 2.5f && at(&y, 3) == 0);
    gal_free(most.data), gal_free(mean.data), gal_free(y.data);
    free_all(in, 3);
}

/* A bf16 image with f32 weights, or a bf16 bias, is refused by name. */
static void types_are_checked(void **state) {
    (void)state;
    test_node t;
    galen_tensor in[3] = {bf16((float[]){1, 1}, DIMS(1, 1, 1, 2)), tensor_of(GALEN_F32, NULL, DIMS(1, 2, 1, 1)),
                          bf16((float[]){1}, DIMS(1))};
    assert_int_equal(node_make(&t, "galen", "Conv", in, 2, 1, NULL, 0), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(t.err.message, "input 1 of type f32"));
    gal_graph_destroy(t.graph);
    galen_tensor w = bf16((float[]){1, 1}, DIMS(1, 2, 1, 1));
    assert_int_equal(node_make(&t, "galen", "Conv", (galen_tensor[]){in[0], w, in[2]}, 3, 1, NULL, 0),
                     GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(t.err.message, "input 2 of type bf16"));
    gal_graph_destroy(t.graph);
    const gal_attr fewer[] = {INT("channels", 1)};
    galen_tensor x = tensor_of(GALEN_F32, (float[]){1, 1}, DIMS(1, 2));
    assert_int_equal(node_make(&t, "galen", "Narrow", &x, 1, 1, fewer, 1), GALEN_ERR_FORMAT);
    gal_graph_destroy(t.graph);
    gal_free(w.data), gal_free(x.data);
    free_all(in, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_rounds_once), cmocka_unit_test(depthwise_keeps_f32_weights),
        cmocka_unit_test(gemm_gives_f32),   cmocka_unit_test(narrow_rounds_to_even_and_grows),
        cmocka_unit_test(pools_and_scale),  cmocka_unit_test(types_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
