/* Quantised models and single comparisons, with numbers worked out by hand. */
#include "analyze/numerics.h"
#include "analyze/numerics_compare.h"
#include "base/half.h"
#include "graph/op.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

static galen_error err;

static gal_value *input(gal_graph *g, int64_t c, int64_t side) {
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {c, false}, {side, false}, {side, false}}};
    gal_value *x;
    assert_ok(gal_graph_input(g, "x", GALEN_F32, &shape, &x, &err), err);
    return x;
}

static gal_value *scalar(gal_graph *g, galen_dtype dtype, double v) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, dtype, 0, NULL, &value, &err), err);
    if (dtype == GALEN_F32)
        *(float *)value->constant->data = (float)v;
    else
        *(uint8_t *)value->constant->data = (uint8_t)(int)v;
    return value;
}

static gal_value *node(gal_graph *g, const char *op, const char *out, uint32_t n, gal_value **in) {
    gal_node *made;
    const gal_node_spec spec = {.op = op, .name = out, .n_in = n, .n_out = 1, .in = in, .out_name = &out};
    assert_ok(gal_graph_node(g, &spec, &made, &err), err);
    return made->out[0];
}

/* relu = Relu(2 x), quantised in steps of 0.5 when asked for; y = 0.5 relu. Powers of two: f32 rounds nothing. */
static gal_graph *small(bool quantised) {
    gal_graph *g;
    assert_ok(gal_graph_create("small", &g, &err), err);
    gal_value *v = node(g, "Mul", "twice", 2, (gal_value *[]){input(g, 2, 2), scalar(g, GALEN_F32, 2)});
    v = node(g, "Relu", "relu", 1, &v);
    if (quantised) {
        gal_value *scale = scalar(g, GALEN_F32, 0.5), *zero = scalar(g, GALEN_U8, 0);
        v = node(g, "QuantizeLinear", "relu_q", 3, (gal_value *[]){v, scale, zero});
        v = node(g, "DequantizeLinear", "relu_dq", 3, (gal_value *[]){v, scale, zero});
    }
    v = node(g, "Mul", "y", 2, (gal_value *[]){v, scalar(g, GALEN_F32, 0.5)});
    assert_ok(gal_graph_mark_output(g, v, &err), err);
    return g;
}

/* 2 x is 0.2, 100, 200 and once below 0: 0.2 becomes 0, and 200 is cut off at 255 steps, 127.5. */
static const float item[8] = {0.1F, 50, 100, -3, 0, 0, 0, 0};

static gal_numerics_layer layer_of(const gal_numerics *n, const char *value) {
    size_t unmatched, count = gal_numerics_layers(n, &unmatched);
    for (size_t i = 0; i < count; i++) {
        gal_numerics_layer l = gal_numerics_layer_at(n, i);
        if (strcmp(l.value, value) == 0) return l;
    }
    fail_msg("no layer is compared with '%s'", value);
    return (gal_numerics_layer){0};
}

static gal_numerics *run(gal_graph *tested, gal_graph *plain, gal_graph *parent) {
    gal_numerics *n;
    const gal_numerics_options o = {.isa = gal_isa_detect(), .precision = GALEN_F32, .threads = 1};
    assert_ok(gal_numerics_create(tested, plain, parent, &o, &n, &err), err);
    assert_ok(gal_numerics_add(n, (const void *const[]){item}, &err), err);
    return n;
}

/* Against its own graph in f64 a quantised model is exact here: both round to the same steps. */
static void test_against_itself(void **state) {
    gal_graph *tested = small(true), *plain = small(true);
    (void)state;
    gal_numerics *n = run(tested, plain, NULL);
    gal_numerics_layer y = layer_of(n, "y");
    assert_true(y.max_error == 0 && isinf(y.snr_db));
    assert_float_equal(y.scale, 63.75, 1e-12);
    gal_numerics_destroy(n);
    gal_graph_destroy(tested);
    gal_graph_destroy(plain);
}

static void test_against_parent(void **state) {
    gal_graph *tested = small(true), *plain = small(true), *parent = small(false);
    const double *reference, *got;
    (void)state;
    gal_numerics *n = run(tested, plain, parent);
    gal_numerics_layer y = layer_of(n, "y");
    assert_float_equal(y.max_error, 100 - 63.75, 1e-6);
    assert_float_equal(y.mean_error, (36.25 + 0.1) / 8, 1e-6);
    assert_float_equal(y.scale, 100, 1e-6);
    assert_int_equal(gal_numerics_scores(n, &reference, &got), 8);
    assert_float_equal(reference[2], 100, 1e-9);
    assert_float_equal(got[2], 63.75, 1e-9);
    gal_numerics_destroy(n);
    gal_graph_destroy(tested);
    gal_graph_destroy(plain);
    gal_graph_destroy(parent);
}

/* The quantised value itself: 255 once, compared as real numbers with the value it was made from. */
static void test_quantised_value(void **state) {
    const uint8_t stored[8] = {0, 200, 255, 0, 0, 0, 0, 0};
    const double truth[8] = {0.2, 100, 200, 0, 0, 0, 0, 0};
    gal_graph *plain = small(true), *parent = small(false);
    const gal_value *value = gal_graph_find(plain, "relu_q"), *relu = gal_graph_find(parent, "relu");
    const galen_tensor t = {.dtype = GALEN_U8, .rank = 4, .dim = {1, 2, 2, 2}, .data = (void *)(uintptr_t)stored};
    gal_comparison c;
    (void)state;
    assert_true(gal_comparison_make(&c, value, relu, &value->shape, GALEN_U8));
    c.order = GAL_ORDER_SAME;
    gal_comparison_add(&c, truth, &t, 2);
    assert_float_equal(c.max_error, 72.5, 1e-12);
    assert_float_equal(c.sum_error, 72.7, 1e-12);
    assert_int_equal(c.at_high, 1);
    assert_int_equal(c.at_low, 0); /* 0 stands for 0 */
    gal_graph_destroy(plain);
    gal_graph_destroy(parent);
}

/* [1, 2, 1, 3] beside channels last in rows of 5, three of which are other data or padding. */
static void test_order_and_pitch(void **state) {
    gal_graph *g;
    gal_value *x;
    gal_comparison c;
    const gal_shape truth = {.rank = 4, .dim = {{1, true}, {2, false}, {1, false}, {3, false}}};
    const gal_shape last = {.rank = 4, .dim = {{1, true}, {1, false}, {3, false}, {2, false}}};
    const double reference[6] = {1, 2, 3, 10, 20, 30};
    const float got[15] = {1, 10, 99, 99, 99, 2, 20.5F, 99, 99, 99, 3, 30, 99, 99, 99};
    const galen_tensor t = {.dtype = GALEN_F32, .rank = 4, .dim = {1, 1, 3, 2}, .data = (void *)(uintptr_t)got};
    (void)state;
    assert_ok(gal_graph_create("order", &g, &err), err);
    assert_ok(gal_graph_input(g, "x", GALEN_F32, &truth, &x, &err), err);
    assert_true(gal_comparison_make(&c, x, x, &last, GALEN_F32));
    gal_comparison_add(&c, reference, &t, 5);
    assert_true(c.max_error == 0.5 && c.sum_error == 0.5 && c.elements == 6 && c.largest == 30);
    assert_false(gal_comparison_make(&c, x, x, &(gal_shape){.rank = 1, .dim = {{5, false}}}, GALEN_F32));
    gal_graph_destroy(g);
}

/* Height, width and channels alike: the numbers tell the order. Halves that overflow are counted, not averaged. */
static void test_cube_of_halves(void **state) {
    gal_graph *g;
    gal_comparison c;
    double reference[8];
    uint16_t last[8];
    (void)state;
    assert_ok(gal_graph_create("cube", &g, &err), err);
    gal_value *x = input(g, 2, 2);
    for (int i = 0; i < 8; i++) reference[i] = i + 1;
    reference[7] = 1e6;
    for (int i = 0; i < 8; i++) last[i % 4 * 2 + i / 4] = gal_f32_to_f16((float)reference[i]);
    last[1] = 0x7bff; /* 65504 where 5 should be */
    const galen_tensor t = {.dtype = GALEN_F16, .rank = 4, .dim = {1, 2, 2, 2}, .data = last};
    assert_true(gal_comparison_make(&c, x, x, &x->shape, GALEN_F16));
    gal_comparison_add(&c, reference, &t, 2);
    assert_int_equal(c.order, GAL_ORDER_CHANNELS_LAST);
    assert_int_equal(c.not_finite, 1);
    assert_int_equal(c.at_high, 1);
    assert_float_equal(c.max_error, 65504 - 5, 1e-9);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_itself), cmocka_unit_test(test_against_parent),
                                       cmocka_unit_test(test_quantised_value), cmocka_unit_test(test_order_and_pitch),
                                       cmocka_unit_test(test_cube_of_halves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
