/* Dynamic quantisation, as tools write it: integer products with scales of the moment, the same bits as op by op. */
#include "small_quantized.h"

typedef struct moment {
    gal_value *bytes, *scale, *zero;
} moment;

static moment of_the_moment(gal_graph *g, gal_value *x) {
    const gal_node_spec spec = {.op = "DynamicQuantizeLinear", .n_in = 1, .n_out = 3, .in = &x};
    gal_node *node;
    assert_ok(gal_graph_node(g, &spec, &node, &small_err), small_err);
    return (moment){node->out[0], node->out[1], node->out[2]};
}

static gal_value *product(gal_graph *g, const char *op, const moment *m, gal_value *w, int zero) {
    static const int64_t pads[4] = {1, 1, 0, 1};
    const gal_attr attr = small_list("pads", pads, 4);
    gal_value *in[4] = {m->bytes, w, m->zero, q_zero(g, w->dtype, zero, 0)};
    return small_node(g, op, 4, in, op[0] == 'C', &attr)->out[0];
}

static gal_value *weights(gal_graph *g, bool conv, galen_dtype dtype, int zero) {
    static const int64_t image[4] = {8, 4, 3, 3}, matrix[2] = {20, 9};
    return q_numbers(g, dtype, zero, conv ? 4 : 2, conv ? image : matrix);
}

/* Cast, and times x_scale * w_scale: one number, or one an output. */
static gal_value *scaled(gal_graph *g, gal_value *sum, const moment *m, int64_t channels) {
    const int64_t dim[4] = {1, channels, 1, 1};
    bool conv = sum->shape.rank == 4;
    gal_value *w_scale = q_scalar(g, 0.0071f);
    if (channels > 0) w_scale = small_constant(g, 0.5f, conv ? 4 : 1, conv ? dim : &channels);
    gal_value *real = small_with(g, "Cast", sum, small_int("to", 1));
    return small_op(g, "Mul", real, small_op(g, "Mul", m->scale, w_scale));
}

static gal_value *with_bias(gal_graph *g, gal_value *y, int64_t channels) {
    const int64_t dim[4] = {1, channels, 1, 1};
    gal_value *bias = small_constant(g, -1, y->shape.rank == 4 ? 4 : 1, y->shape.rank == 4 ? dim : &channels);
    return small_op(g, "Add", y, bias);
}

static gal_value *input(gal_graph *g, bool conv) {
    return conv ? small_input(g, "x", 4, 7, 6) : small_input(g, "x", 20, 0, 0);
}

static void whole_tails(void **state) {
    (void)state;
    for (int i = 0; i < 32; i++) {
        bool conv = i & 1, bias = i & 2, relu = i & 4, channel = i & 8, unsigned_weights = i & 16;
        int64_t outputs = conv ? 8 : 9;
        int zero = unsigned_weights ? 119 : 0;
        gal_graph *g = small_graph();
        moment m = of_the_moment(g, input(g, conv));
        gal_value *w = weights(g, conv, unsigned_weights ? GALEN_U8 : GALEN_I8, zero);
        gal_value *y = product(g, conv ? "ConvInteger" : "MatMulInteger", &m, w, zero);
        y = scaled(g, y, &m, channel ? outputs : 0);
        if (bias) y = with_bias(g, y, outputs);
        small_output(g, relu ? small_op(g, "Relu", y, NULL) : y);
        q_check(g, conv ? "DynamicQuantizeLinear DynConv" : "DynamicQuantizeLinear DynGemm");
    }
}

/* Two layers: channels stay last between them. */
static void two_layers(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *y = small_input(g, "x", 4, 7, 6);
    for (int i = 0; i < 2; i++) {
        static const int64_t dim[4] = {4, 4, 3, 3};
        moment m = of_the_moment(g, y);
        y = product(g, "ConvInteger", &m, q_numbers(g, GALEN_I8, 0, 4, dim), 0);
        y = small_op(g, "Relu", with_bias(g, scaled(g, y, &m, 0), 4), NULL);
    }
    small_output(g, y);
    q_check(g, "DynamicQuantizeLinear DynConv DynamicQuantizeLinear DynConv");
}

/* Weights that fill all of u8 keep their zero point. */
static void weights_of_any_zero_point(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        gal_graph *g = small_graph();
        moment m = of_the_moment(g, input(g, i));
        gal_value *w = weights(g, i, GALEN_U8, 140);
        ((uint8_t *)w->constant->data)[5] = 0, ((uint8_t *)w->constant->data)[7] = 255;
        gal_value *y = product(g, i ? "ConvInteger" : "MatMulInteger", &m, w, 140);
        small_output(g, scaled(g, y, &m, 0));
        q_check(g, i ? "DynamicQuantizeLinear DynConv" : "DynamicQuantizeLinear DynGemm");
    }
}

/* What is behind the sum is not what is known: the sum is still fast, the rest stays. */
static void other_tails(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    moment m = of_the_moment(g, input(g, true));
    gal_value *sum = product(g, "ConvInteger", &m, weights(g, true, GALEN_I8, 0), 0);
    small_output(g, small_with(g, "Cast", sum, small_int("to", 1)));
    small_output(g, scaled(g, sum, &m, 0)); /* the sum has two readers */
    q_check(g, "DynamicQuantizeLinear DynConv Cast Cast Mul Mul");
    g = small_graph();
    m = of_the_moment(g, input(g, false));
    sum = product(g, "MatMulInteger", &m, weights(g, false, GALEN_I8, 0), 0);
    gal_value *real = small_with(g, "Cast", sum, small_int("to", 1));
    small_output(g, small_op(g, "Mul", real, m.scale)); /* no scale of weights */
    q_check(g, "DynamicQuantizeLinear DynGemm Cast Mul");
    g = small_graph();
    m = of_the_moment(g, input(g, false));
    sum = product(g, "MatMulInteger", &m, weights(g, false, GALEN_I8, 0), 0);
    real = scaled(g, sum, &m, 0);
    small_output(g, small_op(g, "Add", real, small_input(g, "z", 9, 0, 0))); /* no constant bias */
    q_check(g, "DynamicQuantizeLinear DynGemm Add");
}

/* Zero points that differ, or weights that are computed: as they were. */
static void near_misses(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    moment m = of_the_moment(g, input(g, false));
    gal_value *w = weights(g, false, GALEN_I8, 0), *zeros = q_zero(g, GALEN_I8, 1, 9);
    ((int8_t *)zeros->constant->data)[4] = 2;
    gal_value *in[4] = {m.bytes, w, m.zero, zeros};
    small_output(g, scaled(g, small_node(g, "MatMulInteger", 4, in, 0, NULL)->out[0], &m, 0));
    q_check(g, "DynamicQuantizeLinear MatMulInteger Cast Mul Mul");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_tails), cmocka_unit_test(two_layers),  cmocka_unit_test(weights_of_any_zero_point),
        cmocka_unit_test(other_tails), cmocka_unit_test(near_misses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
