/* Which unit a row computes with, and that each unit's loop does what it is timed for. */
#include "cpu/features.h"
#include "cpu/peak.h"
#include "support/shared.h"

#include <string.h>

/* A convolution of 8 channels in that many groups. */
static gal_graph *convolution(int64_t group, gal_node **node) {
    static galen_error err;
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {8, false}, {5, false}, {5, false}}};
    const int64_t weights[4] = {8, 8 / group, 3, 3};
    const gal_attr attr = {.name = "group", .type = GAL_ATTR_INT, .i = group};
    gal_graph *g;
    gal_value *in[2];
    assert_ok(gal_graph_create("conv", &g, &err), err);
    assert_ok(gal_graph_input(g, "x", GALEN_F32, &shape, &in[0], &err), err);
    assert_ok(gal_graph_new_constant(g, "w", GALEN_F32, 4, weights, &in[1], &err), err);
    const gal_node_spec spec = {.op = "Conv", .n_in = 2, .n_out = 1, .n_attr = 1, .in = in, .attr = &attr};
    assert_ok(gal_graph_node(g, &spec, node, &err), err);
    return g;
}

static void test_units_of_rows(void **state) {
    static const struct {
        gal_isa isa;
        uint32_t features;
        galen_dtype dtype;
        gal_arithmetic whole, depthwise;
    } c[] = {
        {GAL_ISA_AVX2, 0, GALEN_F32, GAL_ARITHMETIC_FMA_AVX2, GAL_ARITHMETIC_FMA_AVX2},
        {GAL_ISA_AVX512, 0, GALEN_F32, GAL_ARITHMETIC_FMA_AVX512, GAL_ARITHMETIC_FMA_AVX512},
        {GAL_ISA_AVX512, GAL_HAS_AVX512_BF16, GALEN_BF16, GAL_ARITHMETIC_BF16_AVX512, GAL_ARITHMETIC_FMA_AVX512},
        {GAL_ISA_AVX512, GAL_HAS_AVX512_FP16, GALEN_F16, GAL_ARITHMETIC_FP16_AVX512, GAL_ARITHMETIC_FMA_AVX512},
        {GAL_ISA_AVX2, GAL_HAS_AVX_VNNI, GALEN_U8, GAL_ARITHMETIC_VNNI_AVX, GAL_ARITHMETIC_FMA_AVX2},
        {GAL_ISA_AVX512, GAL_HAS_AVX512_VNNI, GALEN_U8, GAL_ARITHMETIC_VNNI_AVX512, GAL_ARITHMETIC_FMA_AVX512},
        {GAL_ISA_AMX, 0, GALEN_BF16, GAL_ARITHMETIC_BF16_AMX, GAL_ARITHMETIC_FMA_AVX512},
        {GAL_ISA_AMX, GAL_HAS_AMX_INT8 | GAL_HAS_AVX512_VNNI, GALEN_U8, GAL_ARITHMETIC_INT8_AMX,
         GAL_ARITHMETIC_FMA_AVX512},
    };
    gal_node *whole, *depthwise;
    gal_graph *a = convolution(1, &whole), *b = convolution(8, &depthwise);
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const gal_kernel row = {.isa = c[i].isa, .features = c[i].features, .dtype = c[i].dtype};
        assert_int_equal(gal_arithmetic_of(&row, whole, GAL_ISA_AMX), c[i].whole);
        assert_int_equal(gal_arithmetic_of(&row, depthwise, GAL_ISA_AMX), c[i].depthwise);
    }
    assert_int_equal(gal_arithmetic_of(NULL, whole, GAL_ISA_REFERENCE), GAL_ARITHMETIC_NONE);
    assert_int_equal(gal_arithmetic_of(NULL, whole, GAL_ISA_AMX), GAL_ARITHMETIC_FMA_AVX512);
    gal_graph_destroy(a);
    gal_graph_destroy(b);
}

/* Every unit of this machine has a loop that takes time and says how much it did; no other is touched. */
static void test_loops(void **state) {
    uint32_t here = gal_arithmetics_here(gal_isa_detect());
    (void)state;
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++) {
        double gops = gal_peak_gops((gal_arithmetic)a, NULL);
        assert_true(here >> a & 1 ? gops > 0.1 && gops < 1e6 : gops == 0);
        assert_true(strcmp(gal_arithmetic_name((gal_arithmetic)a), "unknown") != 0);
    }
    assert_int_equal(gal_arithmetics_here(GAL_ISA_REFERENCE), 0);
    assert_int_equal(gal_peak_gops(GAL_ARITHMETIC_NONE, NULL), 0);
}

static void test_reads(void **state) {
    _Alignas(64) static uint64_t x[256];
    uint64_t sum = 0;
    (void)state;
    for (size_t i = 0; i < 256; i++) sum += x[i] = i * i;
    assert_int_equal(gal_peak_read_plain(x, sizeof x), sum);
#if defined(__x86_64__)
    if (gal_features() & GAL_HAS_AVX2) assert_int_equal(gal_peak_read_avx2(x, sizeof x), sum);
    if (gal_features() & GAL_HAS_AVX512) assert_int_equal(gal_peak_read_avx512(x, sizeof x), sum);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_units_of_rows), cmocka_unit_test(test_loops),
                                       cmocka_unit_test(test_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
