/* The choice of a kernel: by level, by what a node asks for, never by the batch; reasons for what was passed over. */
#include "cpu/features.h"
#include "cpu/kernel.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

typedef struct conv_graph {
    gal_graph *graph;
    gal_node *node;
} conv_graph;

/* galen.Conv, 3x3, `channels` to `channels`, with `group` groups; weights fed at run time when not `constant`. */
static conv_graph make(int64_t channels, int64_t group, bool constant, const char *activation) {
    conv_graph c;
    galen_error err;
    gal_value *in[2];
    int64_t dims[4] = {channels, channels / group, 3, 3};
    gal_shape image = {4, {{1, true}, {9, false}, {9, false}, {channels, false}}};
    gal_shape weights = {4, {{dims[0], false}, {dims[1], false}, {3, false}, {3, false}}};
    gal_attr attr[2] = {{.name = "group", .type = GAL_ATTR_INT, .i = group},
                        {.name = "activation", .type = GAL_ATTR_STRING, .s = activation}};
    assert_ok(gal_graph_create("g", &c.graph, &err), err);
    assert_ok(gal_graph_input(c.graph, "x", GALEN_F32, &image, &in[0], &err), err);
    if (constant)
        assert_ok(gal_graph_new_constant(c.graph, "w", GALEN_F32, 4, dims, &in[1], &err), err);
    else
        assert_ok(gal_graph_input(c.graph, "w", GALEN_F32, &weights, &in[1], &err), err);
    gal_node_spec spec = {
        .domain = "galen", .op = "Conv", .name = "layer1", .n_in = 2, .n_out = 1, .n_attr = 2, .in = in, .attr = attr};
    assert_ok(gal_graph_node(c.graph, &spec, &c.node, &err), err);
    return c;
}

#if defined(__x86_64__)
static void the_level_is_a_cap(void **state) {
    (void)state;
    conv_graph c = make(8, 1, true, "Relu");
    gal_buf why;
    gal_buf_init(&why, 4096);
    assert_null(gal_kernel_pick(c.node, GAL_ISA_REFERENCE, &why));
    assert_non_null(
        strstr((char *)why.data, "layer1: conv_f32_avx512_12x32 passed over: needs a higher instruction-set level"));
    test_count_reset();
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_AVX2, NULL)->name, "conv_f32_avx2_6x16");
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_AVX512, NULL)->name, "conv_f32_avx512_12x32");
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_AMX, NULL)->name, "conv_f32_avx512_12x32");
    assert_int_equal(test_allocations(), 0);
    gal_buf_free(&why);
    gal_graph_destroy(c.graph);
}

static void the_node_decides(void **state) {
    (void)state;
    gal_buf why;
    gal_buf_init(&why, 4096);
    conv_graph c = make(8, 8, true, "");
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_AVX512, NULL)->name, "conv_dw_f32_avx512_4x32");
    gal_graph_destroy(c.graph);
    c = make(8, 2, true, "SiLU");
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_AVX512, &why)->name, "conv_f32_avx512_12x32");
    assert_non_null(strstr((char *)why.data, "is for depthwise convolution"));
    gal_graph_destroy(c.graph);
    c = make(8, 1, false, "");
    assert_null(gal_kernel_pick(c.node, GAL_ISA_AVX512, &why));
    assert_non_null(strstr((char *)why.data, "conv_f32_avx2_6x16 passed over: the weights are not constant"));
    gal_graph_destroy(c.graph);
    c = make(8, 1, true, "");
    ((float *)c.node->in[1]->constant->data)[100] = -INFINITY;
    assert_null(gal_kernel_pick(c.node, GAL_ISA_AVX512, &why));
    assert_non_null(strstr((char *)why.data, "the weights hold NaN or infinity"));
    gal_graph_destroy(c.graph);
    gal_buf_free(&why);
}

/* Narrow at bf16 rows' own level: the level allows it and the machine has the extension, or it is not chosen. */
static void extensions_are_needed_beside_the_level(void **state) {
    (void)state;
    const uint32_t plain = GAL_HAS_AVX2 | GAL_HAS_AVX512, bf16 = plain | GAL_HAS_AVX512_BF16;
    const gal_shape image = {4, {{1, true}, {9, false}, {9, false}, {8, false}}};
    gal_graph *graph;
    gal_value *x;
    gal_node *node;
    gal_buf why;
    galen_error err;
    gal_buf_init(&why, 4096);
    assert_ok(gal_graph_create("g", &graph, &err), err);
    assert_ok(gal_graph_input(graph, "x", GALEN_F32, &image, &x, &err), err);
    const gal_node_spec spec = {.domain = "galen", .op = "Narrow", .name = "in", .n_in = 1, .n_out = 1, .in = &x};
    assert_ok(gal_graph_node(graph, &spec, &node, &err), err);
    const gal_kernel *row = gal_kernel_pick_for(node, GAL_ISA_AVX512, bf16, NULL);
    assert_string_equal(row->name, "narrow_bf16_avx512bf16_16");
    assert_ptr_equal(gal_kernel_pick_for(node, GAL_ISA_AMX, bf16, NULL), row);
    assert_null(gal_kernel_pick_for(node, GAL_ISA_AVX512, plain, &why));
    assert_non_null(strstr((char *)why.data, "needs an extension this machine lacks"));
    assert_null(gal_kernel_pick_for(node, GAL_ISA_AVX2, bf16, NULL));
    assert_null(gal_kernel_pick_for(node, GAL_ISA_REFERENCE, bf16, NULL));
    bool here = gal_isa_detect() >= GAL_ISA_AVX512 && (gal_features() & GAL_HAS_AVX512_BF16);
    assert_int_equal(gal_kernel_runs_here(row), here);
    gal_buf_free(&why);
    gal_graph_destroy(graph);
}

#elif defined(__aarch64__)
static void the_level_is_a_cap(void **state) {
    (void)state;
    conv_graph c = make(8, 1, true, "Relu");
    gal_buf why;
    gal_buf_init(&why, 4096);
    assert_null(gal_kernel_pick(c.node, GAL_ISA_REFERENCE, &why));
    assert_non_null(
        strstr((char *)why.data, "layer1: conv_f32_neon_8x8 passed over: needs a higher instruction-set level"));
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_NEON, NULL)->name, "conv_f32_neon_8x8");
    gal_buf_free(&why);
    gal_graph_destroy(c.graph);
}

static void the_node_decides(void **state) {
    (void)state;
    gal_buf why;
    gal_buf_init(&why, 4096);
    conv_graph c = make(8, 8, true, "");
    assert_string_equal(gal_kernel_pick(c.node, GAL_ISA_NEON, NULL)->name, "conv_dw_f32_neon_4x8");
    gal_graph_destroy(c.graph);
    c = make(8, 1, false, "");
    assert_null(gal_kernel_pick(c.node, GAL_ISA_NEON, &why));
    assert_non_null(strstr((char *)why.data, "conv_f32_neon_8x8 passed over: the weights are not constant"));
    gal_graph_destroy(c.graph);
    gal_buf_free(&why);
}
#endif

/* Every row is complete, and its name is new within its op and type. */
static void rows_are_complete(void **state) {
    (void)state;
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
#if defined(__x86_64__)
    assert_true(count > 30);
#elif defined(__aarch64__)
    assert_true(count >= 19);
#endif
    for (size_t i = 0; i < count; i++) {
        assert_non_null(gal_op_find(table[i]->domain, table[i]->op));
        assert_non_null(table[i]->reject);
        assert_non_null(table[i]->run);
        assert_true(table[i]->pack == NULL || table[i]->needs != NULL);
        assert_true(table[i]->isa > GAL_ISA_REFERENCE && table[i]->isa < GAL_ISA_COUNT);
        assert_true(strncmp(table[i]->name, "gal_", 4) != 0);
        for (size_t j = 0; j < i; j++)
            assert_false(table[i]->dtype == table[j]->dtype && strcmp(table[i]->name, table[j]->name) == 0 &&
                         strcmp(table[i]->op, table[j]->op) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__) || defined(__aarch64__)
        cmocka_unit_test(the_level_is_a_cap),
        cmocka_unit_test(the_node_decides),
#endif
#if defined(__x86_64__)
        cmocka_unit_test(extensions_are_needed_beside_the_level),
#endif
        cmocka_unit_test(rows_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
