/* Roofline arithmetic with numbers worked out by hand. */
#include "analyze/roofline.h"
#include "support/shared.h"

static const gal_peaks peak = {
    .gops = {[GAL_ARITHMETIC_FMA_AVX512] = 100, [GAL_ARITHMETIC_BF16_AMX] = 1000},
    .gbytes = {[GAL_STORE_L2] = 200, [GAL_STORE_L3] = 50, [GAL_STORE_MEMORY] = 10},
    .holds = {[GAL_STORE_L2] = 4 << 20, [GAL_STORE_L3] = 32 << 20, [GAL_STORE_MEMORY] = SIZE_MAX}};

static gal_roofline f32_roofline(const gal_cost *cost, double seconds) {
    return gal_roofline_of(cost, seconds, GAL_ARITHMETIC_FMA_AVX512, &peak);
}

static void test_compute_bound(void **state) {
    const gal_cost cost = {.mac = 1000000000, .flop = 2000000000, .bytes_read = 60000000, .bytes_written = 40000000};
    (void)state;
    gal_roofline r = f32_roofline(&cost, 0.04); /* 20 ms of arithmetic, 10 ms of memory */
    assert_float_equal(r.gflops, 50, 1e-4);
    assert_float_equal(r.gbytes, 2.5, 1e-5);
    assert_float_equal(r.share, 0.5, 1e-6);
    assert_false(r.by_memory);
}

static void test_memory_bound(void **state) {
    const gal_cost cost = {.flop = 1000000, .bytes_read = 500000000, .bytes_written = 500000000};
    (void)state;
    gal_roofline r = f32_roofline(&cost, 0.125); /* 100 ms of memory */
    assert_float_equal(r.gbytes, 8, 1e-5);
    assert_float_equal(r.share, 0.8, 1e-6);
    assert_true(r.by_memory);
}

/* The same layer against another unit, and bytes against the nearest store that holds them. */
static void test_own_roofline(void **state) {
    const gal_cost cost = {.flop = 2000000000, .bytes_read = 15000000, .bytes_written = 5000000};
    gal_cost small = {.flop = 1000, .bytes_read = 4 << 20, .bytes_written = 0};
    (void)state;
    gal_roofline r = gal_roofline_of(&cost, 0.004, GAL_ARITHMETIC_BF16_AMX, &peak); /* 2 ms; 0.4 ms from L3 */
    assert_float_equal(r.share, 0.5, 1e-6);
    assert_int_equal(r.store, GAL_STORE_L3);
    assert_string_equal(gal_roofline_bound(&r), "bf16-amx");
    r = f32_roofline(&small, 1);
    assert_string_equal(gal_roofline_bound(&r), "L2");
    assert_float_equal(r.least, 0.004194304 / 200, 1e-9);
    small.bytes_written = 1; /* one byte more than the L2 holds */
    r = f32_roofline(&small, 1);
    assert_string_equal(gal_roofline_bound(&r), "L3");
}

static void test_cannot_tell(void **state) {
    const gal_cost cost = {.flop = 1000000, .bytes_read = 1000, .bytes_written = 1000};
    (void)state;
    assert_true(f32_roofline(&cost, 0).share == 0 && f32_roofline(&cost, 0).gflops == 0);
    assert_true(gal_roofline_of(&cost, 1, GAL_ARITHMETIC_BF16_AVX512, &peak).share == 0);
    assert_float_equal(gal_roofline_of(&cost, 0.001, GAL_ARITHMETIC_NONE, &peak).gflops, 1, 1e-5);
}

/* A 3x3 kernel with padding 1 on a 2x2 map: 4 of 6 taps are inside along each axis, 16 of 36 in all. */
static void test_padding_is_no_work(void **state) {
    static galen_error err;
    static const int64_t pads[4] = {1, 1, 1, 1}, weights[4] = {16, 8, 3, 3};
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {8, false}, {2, false}, {2, false}}};
    const gal_attr attr = {.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4};
    const int64_t batch = 3, mac = batch * 16 * 2 * 2 * 8 * 9;
    gal_graph *g;
    gal_value *in[2];
    gal_node *node;
    gal_cost cost = {0};
    (void)state;
    assert_ok(gal_graph_create("conv", &g, &err), err);
    assert_ok(gal_graph_input(g, "x", GALEN_F32, &shape, &in[0], &err), err);
    assert_ok(gal_graph_new_constant(g, "w", GALEN_F32, 4, weights, &in[1], &err), err);
    const gal_node_spec spec = {.op = "Conv", .n_in = 2, .n_out = 1, .n_attr = 1, .in = in, .attr = &attr};
    assert_ok(gal_graph_node(g, &spec, &node, &err), err);
    gal_work_of(node, batch, &cost);
    assert_int_equal(cost.mac, mac);
    assert_int_equal(cost.flop, 2 * mac * 16 / 36);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_compute_bound), cmocka_unit_test(test_memory_bound),
                                       cmocka_unit_test(test_own_roofline), cmocka_unit_test(test_cannot_tell),
                                       cmocka_unit_test(test_padding_is_no_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
