/*
 * A dynamically quantised model gives the bits of its ops in plain C at every level, batch size and thread count, and
 * in any place of the batch of one picture: with dense, strided and depthwise layers, s8 and u8 weights.
 */
#include "../pass/small_quantized.h"
#include "cpu/kernel.h"
#include "session/session.h"

enum { SIDE = 13, CHANNELS = 12, OUTPUTS = 10 * 4 * 4, MOST = 5, PIXELS = 4 * SIDE * SIDE };

/* One layer as quantize_dynamic of ONNX Runtime writes it. */
static gal_value *layer(gal_graph *g, gal_value *x, int64_t outputs, int64_t group, galen_dtype type, int middle,
                        int64_t stride) {
    const gal_node_spec spec = {.op = "DynamicQuantizeLinear", .n_in = 1, .n_out = 3, .in = &x};
    const int64_t c = x->shape.dim[1].size, w_dim[4] = {outputs, c / group, 3, 3}, one[4] = {1, outputs, 1, 1};
    const int64_t pads[4] = {1, 1, 1, 1}, strides[2] = {stride, stride};
    const gal_attr attr[3] = {small_list("pads", pads, 4), small_list("strides", strides, 2),
                              small_int("group", group)};
    gal_node *q;
    assert_ok(gal_graph_node(g, &spec, &q, &small_err), small_err);
    gal_value *w = q_numbers(g, type, middle, 4, w_dim);
    uint8_t *bytes = w->constant->data;
    bytes[0] = type == GALEN_U8 ? 255 : 127, bytes[1] = type == GALEN_U8 ? 0 : 128;
    gal_value *in[4] = {q->out[0], w, q->out[2], q_zero(g, type, middle, 0)};
    gal_value *sum = small_node(g, "ConvInteger", 4, in, 3, attr)->out[0];
    gal_value *real = small_with(g, "Cast", sum, small_int("to", 1));
    gal_value *y = small_op(g, "Mul", real, small_op(g, "Mul", q->out[1], q_scalar(g, 0.0071f)));
    return small_op(g, "Relu", small_op(g, "Add", y, small_constant(g, -1, 4, one)), NULL);
}

/* The scale of a tensor is found over the whole batch: so a batch of equal pictures has the bits of one. */
static gal_graph *network(void) {
    gal_graph *g = small_graph();
    gal_value *y = layer(g, small_input(g, "x", 4, SIDE, SIDE), CHANNELS, 1, GALEN_I8, 0, 1);
    y = layer(g, y, CHANNELS, CHANNELS, GALEN_I8, 0, 1);
    y = layer(g, y, CHANNELS, CHANNELS, GALEN_U8, 119, 2);
    y = layer(g, y, OUTPUTS / 16, 1, GALEN_U8, 101, 2);
    small_output(g, y);
    return g;
}

static void check(gal_isa isa, int threads, bool optimise, const float *x, float *expected) {
    gal_session_options options = gal_session_default_options();
    gal_session *session;
    gal_graph *g = network();
    options.isa = isa, options.threads = threads, options.optimise = optimise, options.max_batch = MOST;
    assert_ok(gal_session_create(g, &options, &session, &small_err), small_err);
    for (int64_t batch = 1; batch <= MOST; batch++) {
        float y[MOST * OUTPUTS];
        const void *in[1] = {x};
        void *out[1] = {y};
        assert_ok(gal_session_run(session, batch, in, out, &small_err), small_err);
        if (!optimise && batch == 1) memcpy(expected, y, OUTPUTS * sizeof *y);
        for (int64_t i = 0; i < batch; i++) assert_memory_equal(y + i * OUTPUTS, expected, OUTPUTS * sizeof *y);
    }
    gal_session_destroy(session);
    gal_graph_destroy(g);
}

static void the_same_bits_everywhere(void **state) {
    static float x[MOST * PIXELS];
    float expected[OUTPUTS];
    (void)state;
    for (int p = 0; p < PIXELS; p++)
        for (int i = 0; i < MOST; i++) x[i * PIXELS + p] = sinf(0.37f * (float)p) * (float)(p % 7);
    check(GAL_ISA_REFERENCE, 1, false, x, expected);
    float most = 0;
    for (int i = 0; i < OUTPUTS; i++) most = fmaxf(most, expected[i]);
    assert_true(most > 0);
    for (int isa = GAL_ISA_REFERENCE; isa < GAL_ISA_COUNT; isa++)
        for (int threads = 1; gal_isa_here((gal_isa)isa) && threads <= 2; threads++)
            check((gal_isa)isa, threads, true, x, expected);
}

/* No convolution is left to plain C. */
static void every_layer_has_a_fast_row(void **state) {
    gal_graph *g = network();
    (void)state;
    if (gal_isa_detect() == GAL_ISA_REFERENCE) skip();
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_int_equal(small_count(g, "DynConv"), 4);
    for (const gal_node *n = g->first; n != NULL; n = n->next) {
        bool byte_product = strcmp(n->op->name, "DynConv") == 0;
        bool dense = byte_product && gal_attr_int(n, "group", 1) == 1;
        if (dense && gal_isa_detect() == GAL_ISA_NEON) continue; /* needs dot products */
        if (byte_product) assert_non_null(gal_kernel_pick(n, gal_isa_detect(), NULL));
    }
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits_everywhere),
        cmocka_unit_test(every_layer_has_a_fast_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
