/* The f16 forms of private ops: sums and bias in f32, one rounding at the end, infinity where f16 ends. */
#include "base/half.h"
#include "run_node.h"

#include <math.h>

static galen_tensor f16(const float *x, size_t rank, const int64_t *dim) {
    galen_tensor t = tensor_of(GALEN_F16, NULL, rank, dim);
    for (int64_t i = 0, n = galen_tensor_elements(&t); i < n; i++) ((uint16_t *)t.data)[i] = gal_f32_to_f16(x[i]);
    return t;
}

static float at(const galen_tensor *t, int i) {
    assert_int_equal(t->dtype, GALEN_F16);
    return gal_f16_to_f32(((const uint16_t *)t->data)[i]);
}

static void free_all(galen_tensor *t, int n) {
    for (int i = 0; i < n; i++) gal_free(t[i].data);
}

/* 1 + 2^-11 + 2^-11: rounding in between would lose both. The second channel leaves f16 and is not held back. */
static void conv_rounds_once(void **state) {
    (void)state;
    const gal_attr attr[] = {TEXT("activation", "Relu")};
    galen_tensor in[4] = {
        f16((float[]){0.5f, 0.25f}, DIMS(1, 1, 1, 2)), f16((float[]){1, 2, 60000, 60000}, DIMS(2, 2, 1, 1)),
        tensor_of(GALEN_F32, (float[]){0x1p-11f, 20500}, DIMS(2)), f16((float[]){0x1p-11f, 20}, DIMS(1, 1, 1, 2))};
    galen_tensor y = node_result("galen", "Conv", in, 4, attr, 1);
    assert_true(at(&y, 0) == 1 + 0x1p-10f);
    assert_true(at(&y, 1) == INFINITY);
    gal_free(y.data);
    free_all(in, 4);
}

static void depthwise_keeps_f32_weights(void **state) {
    (void)state;
    const gal_attr attr[] = {INT("group", 2)};
    galen_tensor in[3] = {f16((float[]){2, 4}, DIMS(1, 1, 1, 2)),
                          tensor_of(GALEN_F32, (float[]){1 + 0x1p-14f, 0.5f}, DIMS(2, 1, 1, 1)),
                          tensor_of(GALEN_F32, (float[]){-2, 1}, DIMS(2))};
    galen_tensor y = node_result("galen", "Conv", in, 3, attr, 1);
    assert_true(at(&y, 0) == 0x1p-13f && at(&y, 1) == 3);
    gal_free(y.data);
    free_all(in, 3);
}

/* The product of f16 matrices is f32: neither rounded nor infinite. */
static void gemm_gives_f32(void **state) {
    (void)state;
    galen_tensor in[3] = {f16((float[]){1, 0x1p-13f}, DIMS(1, 2)), f16((float[]){1, 49984, 1, 49984}, DIMS(2, 2)),
                          tensor_of(GALEN_F32, (float[]){0x1p-15f, 49984}, DIMS(2))};
    galen_tensor y = node_result("galen", "Gemm", in, 3, NULL, 0);
    assert_int_equal(y.dtype, GALEN_F32);
    assert_true(((float *)y.data)[0] == 1 + 0x1p-13f + 0x1p-15f);
    assert_true(((float *)y.data)[1] == 99968 + 49984 * 0x1p-13f);
    gal_free(y.data);
    free_all(in, 3);
}

/* Ties to even, subnormals kept, no other type than the two. */
static void narrow_rounds_and_grows(void **state) {
    (void)state;
    const gal_attr attr[] = {INT("channels", 4), INT("to", GALEN_F16)}, other[] = {INT("to", GALEN_F64)};
    galen_tensor x =
        tensor_of(GALEN_F32, (float[]){1 + 0x1p-11f, 1 + 0x3p-11f, 65520, 0x1p-24f, NAN, 65519}, DIMS(2, 3));
    galen_tensor y = node_result("galen", "Narrow", &x, 1, attr, 2);
    assert_true(at(&y, 0) == 1 && at(&y, 1) == 1 + 0x1p-9f && at(&y, 2) == INFINITY && at(&y, 3) == 0);
    assert_true(at(&y, 4) == 0x1p-24f && isnan(at(&y, 5)) && at(&y, 6) == 65504 && at(&y, 7) == 0);
    test_node t;
    assert_int_equal(node_make(&t, "galen", "Narrow", &x, 1, 1, other, 1), GALEN_ERR_UNSUPPORTED);
    gal_graph_destroy(t.graph);
    gal_free(y.data);
    gal_free(x.data);
}

static void pools_and_scale(void **state) {
    (void)state;
    const gal_attr window[] = {INTS("kernel_shape", 1, 2)}, relu[] = {TEXT("activation", "Relu")};
    galen_tensor x = f16((float[]){1, 2, 1 + 0x1p-10f, -3}, DIMS(1, 1, 2, 2));
    galen_tensor most = node_result("galen", "MaxPool", &x, 1, window, 1);
    assert_true(at(&most, 0) == 1 + 0x1p-10f && at(&most, 1) == 2);
    galen_tensor mean = node_result("galen", "GlobalAveragePool", &x, 1, NULL, 0);
    assert_true(at(&mean, 0) == 1 && at(&mean, 1) == -0.5f); /* 1 + 2^-11 is a tie */
    galen_tensor in[3] = {x, tensor_of(GALEN_F32, (float[]){0x1p-12f, 1}, DIMS(2)),
                          tensor_of(GALEN_F32, (float[]){1, 0.5f}, DIMS(2))};
    galen_tensor y = node_result("galen", "ScaleShift", in, 3, relu, 1);
    assert_true(at(&y, 0) == 1 && at(&y, 1) == 2.5f && at(&y, 3) == 0);
    gal_free(most.data), gal_free(mean.data), gal_free(y.data);
    free_all(in, 3);
}

/* The two 16-bit types do not mix. */
static void types_are_checked(void **state) {
    (void)state;
    test_node t;
    galen_tensor in[2] = {f16((float[]){1, 1}, DIMS(1, 1, 1, 2)), tensor_of(GALEN_BF16, NULL, DIMS(1, 2, 1, 1))};
    assert_int_equal(node_make(&t, "galen", "Conv", in, 2, 1, NULL, 0), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(t.err.message, "input 1 of type bf16"));
    gal_graph_destroy(t.graph);
    free_all(in, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_rounds_once), cmocka_unit_test(depthwise_keeps_f32_weights),
        cmocka_unit_test(gemm_gives_f32),   cmocka_unit_test(narrow_rounds_and_grows),
        cmocka_unit_test(pools_and_scale),  cmocka_unit_test(types_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
