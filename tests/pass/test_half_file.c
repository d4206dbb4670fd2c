/* Graphs whose constants are in 16 bits: what they become, and that ports keep the types they were declared with. */
#include "small_graph.h"

#include "base/half.h"

/* A constant in 16 bits; its numbers are multiples of 1/64, so that nothing is lost. */
static gal_value *short_constant(gal_graph *g, galen_dtype type, int rank, const int64_t *dim) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, type, rank, dim, &value, &small_err), small_err);
    int64_t n = galen_tensor_elements(value->constant);
    for (int64_t i = 0; i < n; i++) {
        float v = roundf(small_random() * 64) / 64;
        ((uint16_t *)value->constant->data)[i] = type == GALEN_F16 ? gal_f32_to_f16(v) : gal_f32_to_bf16(v);
    }
    return value;
}

static gal_value *short_input(gal_graph *g, galen_dtype type, int64_t c) {
    gal_value *x = small_input(g, "x", c, 6, 6);
    x->dtype = type;
    return x;
}

static gal_value *short_conv(gal_graph *g, galen_dtype type, gal_value *x, int64_t k) {
    const int64_t w[4] = {k, x->shape.dim[1].size, 3, 3};
    return small_op(g, "Conv", x, short_constant(g, type, 4, w));
}

static void types_are_found(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = short_input(g, GALEN_F16, 2);
    small_output(g, small_op(g, "Relu", x, NULL));
    assert_int_equal(gal_graph_half_type(g), GALEN_DTYPE_NONE); /* nothing to multiply */
    gal_value *y = short_conv(g, GALEN_F16, x, 4);
    assert_int_equal(gal_graph_half_type(g), GALEN_F16);
    small_output(g, small_conv(g, small_with(g, "Cast", y, small_int("to", GALEN_F32)), 3, 1, 1));
    assert_int_equal(gal_graph_half_type(g), GALEN_F32); /* one of each */
    gal_graph_destroy(g);
}

/* Nothing but the ends of the graph is in 16 bits any more, whoever else reads an output. */
static void ports_keep_their_types(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = short_input(g, GALEN_BF16, 2);
    gal_value *y = short_conv(g, GALEN_BF16, x, 4);
    gal_value *z = small_op(g, "Relu", y, NULL);
    small_output(g, y);
    small_output(g, small_with(g, "Cast", z, small_int("to", GALEN_BF16)));
    small_output(g, small_with(g, "Cast", z, small_int("to", GALEN_F32)));
    small_output(g, x);
    char name[4][32];
    for (int i = 0; i < 4; i++) snprintf(name[i], sizeof name[i], "%s", g->output[i]->name);
    assert_ok(gal_pass_raise_half(g, &small_err), small_err);
    assert_ok(gal_graph_verify(g, &small_err), small_err);
    static const galen_dtype want[4] = {GALEN_BF16, GALEN_BF16, GALEN_F32, GALEN_BF16};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(g->output[i]->dtype, want[i]);
        assert_string_equal(g->output[i]->name, name[i]);
    }
    assert_int_equal(g->input[0]->dtype, GALEN_BF16);
    for (const gal_node *n = g->first; n != NULL; n = n->next)
        if (strcmp(n->op->name, "Conv") == 0 || strcmp(n->op->name, "Relu") == 0)
            assert_int_equal(n->out[0]->dtype, GALEN_F32);
    assert_int_equal(small_count(g, "Narrow"), 2);
    gal_graph_destroy(g);
}

static void ports_become_floats(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = short_input(g, GALEN_F16, 1);
    small_output(g, short_conv(g, GALEN_F16, x, 4));
    small_output(g, x);
    assert_ok(gal_pass_float_ports(g, &small_err), small_err);
    assert_ok(gal_graph_verify(g, &small_err), small_err);
    assert_int_equal(g->input[0]->dtype, GALEN_F32);
    assert_int_equal(g->output[0]->dtype, GALEN_F32);
    assert_int_equal(g->output[1]->dtype, GALEN_F32);
    assert_int_equal(gal_graph_half_type(g), GALEN_F16);
    gal_graph_destroy(g);
}

/* The convolution of an odd image of 16 bits grows by a channel, and its result is the output, without a border. */
static void narrowing_goes_to_the_ends(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        gal_graph *g = small_graph();
        small_output(g, small_op(g, "Relu", short_conv(g, GALEN_F16, short_input(g, GALEN_F16, channels), 4), NULL));
        assert_ok(gal_pass_raise_half(g, &small_err), small_err);
        assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
        assert_ok(gal_pass_narrow(g, GALEN_F16, &(bool){false}, &small_err), small_err);
        assert_ok(gal_graph_verify(g, &small_err), small_err);
        for (const gal_node *n = g->first; n != NULL; n = n->next)
            if (strcmp(n->op->name, "Conv") == 0) assert_int_equal(n->in[0]->dtype, GALEN_F16);
        assert_int_equal(g->output[0]->dtype, GALEN_F16);
        gal_graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_found),
        cmocka_unit_test(ports_keep_their_types),
        cmocka_unit_test(ports_become_floats),
        cmocka_unit_test(narrowing_goes_to_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
