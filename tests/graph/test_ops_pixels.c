/* galen.Pixels: a table for each channel, in every type and number of channels, and what is refused. */
#include "run_node.h"

enum { LEVELS = 256 };

static void free_both(galen_tensor in[2]) {
    gal_free(in[0].data), gal_free(in[1].data);
}

/* The last two pixels of [1, 1, 4, from] are 255 and 0 in every channel. */
static void look_up(galen_dtype dtype, int64_t from, int64_t to) {
    galen_tensor in[2] = {tensor_of(GALEN_U8, NULL, DIMS(1, 1, 4, from)),
                          tensor_of(dtype, NULL, DIMS(1, LEVELS, 1, to))};
    uint8_t *x = in[0].data, *t = in[1].data;
    size_t size = galen_dtype_size(dtype), bytes = (size_t)galen_tensor_bytes(&in[1]);
    for (int64_t i = 0; i < 4 * from; i++) x[i] = i < 2 * from ? (uint8_t)(17 * i + 3) : i < 3 * from ? 255 : 0;
    for (size_t i = 0; i < bytes; i++) t[i] = (uint8_t)(i * 2654435761u >> 11);
    galen_tensor y = node_result("galen", "Pixels", in, 2, NULL, 0);
    assert_int_equal(y.dtype, dtype);
    assert_int_equal(y.dim[2], 4);
    assert_int_equal(y.dim[3], to);
    for (int64_t p = 0; p < 4; p++)
        for (int64_t c = 0; c < to; c++) {
            int64_t v = x[p * from + (c < from ? c : 0)];
            assert_memory_equal((uint8_t *)y.data + (size_t)(p * to + c) * size, t + (size_t)(v * to + c) * size, size);
        }
    gal_free(y.data);
    free_both(in);
}

static void every_channel_has_its_table(void **state) {
    (void)state;
    static const galen_dtype dtype[] = {GALEN_F32, GALEN_BF16, GALEN_F16, GALEN_U8, GALEN_I8};
    for (size_t i = 0; i < sizeof dtype / sizeof *dtype; i++)
        for (int64_t from = 1; from <= 3; from++)
            for (int64_t to = from; to <= 5; to++) look_up(dtype[i], from, to);
}

static void wrong_inputs_are_refused(void **state) {
    (void)state;
    const struct {
        galen_dtype x, t;
        int64_t levels, to;
        galen_status status;
    } cases[] = {{GALEN_I8, GALEN_F32, LEVELS, 3, GALEN_ERR_UNSUPPORTED},
                 {GALEN_U8, GALEN_I32, LEVELS, 3, GALEN_ERR_UNSUPPORTED},
                 {GALEN_U8, GALEN_F32, LEVELS - 1, 3, GALEN_ERR_FORMAT},
                 {GALEN_U8, GALEN_F32, LEVELS, 2, GALEN_ERR_FORMAT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_node t;
        galen_tensor in[2] = {tensor_of(cases[i].x, NULL, DIMS(1, 2, 2, 3)),
                              tensor_of(cases[i].t, NULL, DIMS(1, cases[i].levels, 1, cases[i].to))};
        assert_int_equal(node_make(&t, "galen", "Pixels", in, 2, 1, NULL, 0), cases[i].status);
        gal_graph_destroy(t.graph);
        free_both(in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_channel_has_its_table),
        cmocka_unit_test(wrong_inputs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
