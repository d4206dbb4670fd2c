/* The bf16 and f16 forms of private ops: sums and bias in f32, one rounding at the end, infinity where f16 ends. */
#include "base/half.h"
#include "graph/ops/types.h"
#include "run_node.h"

#include <math.h>
#include <stdio.h>

/* The two types, each in its turn. */
typedef struct half_type {
    galen_dtype dtype, other;
    float tie;        /* 1 + tie is halfway to the next number */
    float beyond;     /* what 65,520 becomes */
    float least, low; /* a number far below 1, and what is left of it */
    const char *name, *name_of_other;
} half_type;

static const half_type types[] = {
    {GALEN_BF16, GALEN_F16, 0x1p-8f, 65536, 0x1p-140f, 0, "bf16", "f16"},
    {GALEN_F16, GALEN_BF16, 0x1p-11f, INFINITY, 0x1p-24f, 0x1p-24f, "f16", "bf16"},
};

static galen_tensor half_of(galen_dtype dtype, const float *x, size_t rank, const int64_t *dim) {
    galen_tensor t = tensor_of(dtype, NULL, rank, dim);
    gal_f32_to_half_row(dtype, x, t.data, (size_t)galen_tensor_elements(&t));
    return t;
}

static float at(const half_type *type, const galen_tensor *t, int i) {
    assert_int_equal(t->dtype, type->dtype);
    uint16_t bits = ((const uint16_t *)t->data)[i];
    return type->dtype == GALEN_F16 ? gal_f16_to_f32(bits) : gal_bf16_to_f32(bits);
}

static void free_all(galen_tensor *t, int n) {
    for (int i = 0; i < n; i++) gal_free(t[i].data);
}

/* 1 + tie + tie: rounding in between would lose both. Negative sums meet Relu; the third channel leaves f16 and is not
 * held back. */
static void conv_rounds_once(const half_type *type) {
    const gal_attr attr[] = {TEXT("activation", "Relu")};
    galen_tensor in[4] = {half_of(type->dtype, (float[]){0.5f, 0.25f}, DIMS(1, 1, 1, 2)),
                          half_of(type->dtype, (float[]){1, 2, -8, 0.125f, 59904, 59904}, DIMS(3, 2, 1, 1)),
                          tensor_of(GALEN_F32, (float[]){type->tie, 1, 20572}, DIMS(3)),
                          half_of(type->dtype, (float[]){type->tie, 0.5f, 20}, DIMS(1, 1, 1, 3))};
    galen_tensor y = node_result("galen", "Conv", in, 4, attr, 1);
    assert_true(at(type, &y, 0) == 1 + 2 * type->tie);
    assert_true(at(type, &y, 1) == 0);
    assert_true(at(type, &y, 2) == type->beyond);
    gal_free(y.data);
    free_all(in, 4);
}

/* Depthwise weights may be f32, and are used as they are: 2 (1 + tie / 16) - 2 shows the difference. */
static void depthwise_keeps_f32_weights(const half_type *type) {
    const gal_attr attr[] = {INT("group", 2)};
    galen_tensor in[3] = {half_of(type->dtype, (float[]){2, 4}, DIMS(1, 1, 1, 2)),
                          tensor_of(GALEN_F32, (float[]){1 + type->tie / 16, 0.5f}, DIMS(2, 1, 1, 1)),
                          tensor_of(GALEN_F32, (float[]){-2, 1}, DIMS(2))};
    galen_tensor y = node_result("galen", "Conv", in, 3, attr, 1);
    assert_true(at(type, &y, 0) == type->tie / 8 && at(type, &y, 1) == 3);
    gal_free(y.data);
    free_all(in, 3);
}

/* The product of two matrices is f32: neither rounded nor infinite. */
static void gemm_gives_f32(const half_type *type) {
    galen_tensor in[3] = {half_of(type->dtype, (float[]){1, type->tie / 4}, DIMS(1, 2)),
                          half_of(type->dtype, (float[]){1, 49152, 1, 49152}, DIMS(2, 2)),
                          tensor_of(GALEN_F32, (float[]){type->tie / 16, 49152}, DIMS(2))};
    galen_tensor y = node_result("galen", "Gemm", in, 3, NULL, 0);
    assert_int_equal(y.dtype, GALEN_F32);
    assert_true(((float *)y.data)[0] == 1 + type->tie / 4 + type->tie / 16);
    assert_true(((float *)y.data)[1] == 98304 + 49152 * type->tie / 4);
    gal_free(y.data);
    free_all(in, 3);
}

/* A stack of matrices, whose product was asked for in their type: bias and activation come before the one rounding. */
static void gemm_of_a_stack_rounds_once(const half_type *type) {
    const gal_attr attr[] = {TEXT("activation", "Relu"), INT("to", type->dtype)}, other[] = {INT("to", type->other)};
    galen_tensor in[3] = {half_of(type->dtype, (float[]){1, type->tie, -1, 0.5f, 2, 0}, DIMS(1, 3, 2)),
                          half_of(type->dtype, (float[]){1, 3, 1, 2}, DIMS(2, 2)),
                          tensor_of(GALEN_F32, (float[]){type->tie, 0.25f}, DIMS(2))};
    galen_tensor y = node_result("galen", "Gemm", in, 3, attr, 2);
    assert_true(y.rank == 3 && y.dim[0] == 1 && y.dim[1] == 3 && y.dim[2] == 2);
    assert_true(at(type, &y, 0) == 1 + 2 * type->tie && at(type, &y, 1) == 3.25f);
    assert_true(at(type, &y, 2) == 0 && at(type, &y, 3) == 0);
    assert_true(at(type, &y, 4) == 2 && at(type, &y, 5) == 6.25f);
    test_node t;
    assert_int_equal(node_make(&t, "galen", "Gemm", in, 3, 1, other, 1), GALEN_ERR_UNSUPPORTED);
    gal_graph_destroy(t.graph);
    galen_tensor rows = tensor_of(GALEN_F32, NULL, DIMS(1, 2));
    assert_int_equal(node_make(&t, "galen", "Gemm", (galen_tensor[]){in[0], in[1], rows}, 3, 1, attr, 2),
                     GALEN_ERR_UNSUPPORTED);
    gal_graph_destroy(t.graph);
    gal_free(y.data), gal_free(rows.data);
    free_all(in, 3);
}

/* Ties to even; what lies beyond the largest number and below the least; no fewer channels, no third type. */
static void narrow_rounds_and_grows(const half_type *type) {
    const gal_attr attr[] = {INT("channels", 4), INT("to", type->dtype)}, other[] = {INT("to", GALEN_F64)};
    const gal_attr fewer[] = {INT("channels", 1)};
    const float from[8] = {1 + type->tie, 1 + 3 * type->tie, 65520, type->least, NAN, -INFINITY};
    galen_tensor x = tensor_of(GALEN_F32, from, DIMS(2, 3));
    galen_tensor y = node_result("galen", "Narrow", &x, 1, attr, 2);
    assert_int_equal(y.dim[1], 4);
    assert_true(at(type, &y, 0) == 1 && at(type, &y, 1) == 1 + 4 * type->tie && at(type, &y, 2) == type->beyond);
    assert_true(at(type, &y, 3) == 0 && at(type, &y, 4) == type->low && isnan(at(type, &y, 5)));
    assert_true(at(type, &y, 6) == -INFINITY && at(type, &y, 7) == 0);
    test_node t;
    assert_int_equal(node_make(&t, "galen", "Narrow", &x, 1, 1, other, 1), GALEN_ERR_UNSUPPORTED);
    gal_graph_destroy(t.graph);
    assert_int_equal(node_make(&t, "galen", "Narrow", &x, 1, 1, fewer, 1), GALEN_ERR_FORMAT);
    gal_graph_destroy(t.graph);
    gal_free(y.data);
    gal_free(x.data);
}

static void pools_and_scale(const half_type *type) {
    const gal_attr window[] = {INTS("kernel_shape", 1, 2)}, relu[] = {TEXT("activation", "Relu")};
    galen_tensor x = half_of(type->dtype, (float[]){1, 2, 1 + 2 * type->tie, -3}, DIMS(1, 1, 2, 2));
    galen_tensor most = node_result("galen", "MaxPool", &x, 1, window, 1);
    assert_true(at(type, &most, 0) == 1 + 2 * type->tie && at(type, &most, 1) == 2);
    galen_tensor mean = node_result("galen", "GlobalAveragePool", &x, 1, NULL, 0);
    assert_true(at(type, &mean, 0) == 1 && at(type, &mean, 1) == -0.5f); /* 1 + tie */
    galen_tensor in[3] = {x, tensor_of(GALEN_F32, (float[]){type->tie / 2, 1}, DIMS(2)),
                          tensor_of(GALEN_F32, (float[]){1, 0.5f}, DIMS(2))};
    galen_tensor y = node_result("galen", "ScaleShift", in, 3, relu, 1);
    assert_true(at(type, &y, 0) == 1 && at(type, &y, 1) == 2.5f && at(type, &y, 3) == 0);
    gal_free(most.data), gal_free(mean.data), gal_free(y.data);
    free_all(in, 3);
}

/* Scale and bias may be f32, and are used as they are; the result is rounded once. */
static void layer_norm_keeps_f32_parameters(const half_type *type) {
    const gal_attr attr[] = {FLOAT("epsilon", 0)};
    galen_tensor in[3] = {half_of(type->dtype, (float[]){1, 3}, DIMS(1, 2)),
                          tensor_of(GALEN_F32, (float[]){1 + type->tie / 16, 1}, DIMS(2)),
                          tensor_of(GALEN_F32, (float[]){1, type->tie}, DIMS(2))};
    galen_tensor y = node_result("", "LayerNormalization", in, 3, attr, 1);
    assert_true(at(type, &y, 0) == -type->tie / 16 && at(type, &y, 1) == 1);
    test_node t;
    galen_tensor other = half_of(type->other, (float[]){1, 1}, DIMS(2));
    assert_int_equal(node_make(&t, "", "LayerNormalization", (galen_tensor[]){in[0], other}, 2, 1, attr, 1),
                     GALEN_ERR_UNSUPPORTED);
    gal_graph_destroy(t.graph);
    gal_free(y.data), gal_free(other.data);
    free_all(in, 3);
}

/* A 16-bit image with weights in another type, or a 16-bit bias, is refused by name. */
static void refuse_conv(const half_type *type, galen_dtype weights, galen_dtype bias, const char *message) {
    test_node t;
    galen_tensor in[3] = {half_of(type->dtype, (float[]){1, 1}, DIMS(1, 1, 1, 2)),
                          tensor_of(weights, NULL, DIMS(1, 2, 1, 1)), tensor_of(bias, NULL, DIMS(1))};
    assert_int_equal(node_make(&t, "galen", "Conv", in, 3, 1, NULL, 0), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(t.err.message, message));
    gal_graph_destroy(t.graph);
    free_all(in, 3);
}

static void types_are_checked(const half_type *type) {
    char bias[32], weights[32];
    snprintf(bias, sizeof bias, "input 2 of type %s", type->name);
    snprintf(weights, sizeof weights, "input 1 of type %s", type->name_of_other);
    refuse_conv(type, GALEN_F32, GALEN_F32, "input 1 of type f32");
    refuse_conv(type, type->other, GALEN_F32, weights);
    refuse_conv(type, type->dtype, type->dtype, bias);
}

static void for_each_type(void **state) {
    void (*const *check)(const half_type *type) = *state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) (*check)(&types[i]);
}

int main(void) {
    static void (*const checks[])(const half_type *type) = {conv_rounds_once,
                                                            depthwise_keeps_f32_weights,
                                                            gemm_gives_f32,
                                                            gemm_of_a_stack_rounds_once,
                                                            narrow_rounds_and_grows,
                                                            pools_and_scale,
                                                            layer_norm_keeps_f32_parameters,
                                                            types_are_checked};
    static const char *const names[] = {"conv_rounds_once",
                                        "depthwise_keeps_f32_weights",
                                        "gemm_gives_f32",
                                        "gemm_of_a_stack_rounds_once",
                                        "narrow_rounds_and_grows",
                                        "pools_and_scale",
                                        "layer_norm_keeps_f32_parameters",
                                        "types_are_checked"};
    struct CMUnitTest tests[sizeof checks / sizeof *checks];
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = for_each_type, .initial_state = (void *)(uintptr_t)&checks[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
