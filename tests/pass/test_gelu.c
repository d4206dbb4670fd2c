/* GELU in the forms that exporters write it in, what is not quite one, and its 16-bit form. */
#include "small_graph.h"

static gal_value *number(gal_graph *g, float v) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &value, &small_err), small_err);
    *(float *)value->constant->data = v;
    return value;
}

/* Forms 0 to 2: where the half comes in. `root` is by what x is divided. */
static gal_value *gelu(gal_graph *g, gal_value *x, int form, float root, float one) {
    gal_value *z = form == 1 ? small_op(g, "Mul", number(g, 1 / root), x) : small_op(g, "Div", x, number(g, root));
    gal_value *sum = small_op(g, "Add", small_op(g, "Erf", z, NULL), number(g, one));
    if (form == 0) return small_op(g, "Mul", small_op(g, "Mul", x, sum), number(g, 0.5f));
    if (form == 1) return small_op(g, "Mul", x, small_op(g, "Mul", number(g, 0.5f), sum));
    return small_op(g, "Mul", sum, small_op(g, "Mul", x, number(g, 0.5f)));
}

static void every_form_is_one_node(void **state) {
    (void)state;
    static const float root[] = {1.41421356f, 1.4140625f /* in f16 and bf16 */};
    for (int form = 0; form < 3; form++) {
        for (int r = 0; r < 2; r++) {
            gal_graph *g = small_graph();
            gal_value *x = small_input(g, "x", 4, 5, 5);
            small_output(g, gelu(g, x, form, root[r], 1));
            if (r == 0) small_check(g, gal_pass_gelu, true);
            if (r == 1) assert_ok(gal_pass_gelu(g, &(bool){false}, &small_err), small_err);
            assert_int_equal(g->n_node, 1);
            assert_int_equal(small_count(g, "Gelu"), 1);
            gal_graph_destroy(g);
        }
    }
}

static void others_are_left_alone(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 4, 5, 5), *y = small_input(g, "y", 4, 5, 5);
    small_output(g, gelu(g, x, 0, 1.3f, 1));
    small_output(g, gelu(g, x, 1, 1.41421356f, 1.01f));
    gal_value *sum =
        small_op(g, "Add", small_op(g, "Erf", small_op(g, "Div", x, number(g, 1.41421356f)), NULL), number(g, 1));
    small_output(g, small_op(g, "Mul", small_op(g, "Mul", y, sum), number(g, 0.5f)));
    gal_value *kept = gelu(g, x, 2, 1.41421356f, 1);
    small_output(g, kept->producer->in[0]); /* the sum is an output too */
    small_output(g, kept);
    small_check(g, gal_pass_gelu, false);
    gal_graph_destroy(g);
}

/* Between two convolutions it follows their type. */
static void sixteen_bits(void **state) {
    (void)state;
    static const galen_dtype types[] = {GALEN_BF16, GALEN_F16};
    for (size_t i = 0; i < 2; i++) {
        gal_graph *g = small_graph();
        gal_value *x = small_conv(g, small_input(g, "x", 4, 5, 5), 4, 3, 1);
        small_output(g, small_conv(g, gelu(g, x, 0, 1.41421356f, 1), 2, 1, 1));
        assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
        assert_ok(gal_pass_narrow(g, types[i], &(bool){false}, &small_err), small_err);
        assert_ok(gal_graph_verify(g, &small_err), small_err);
        assert_int_equal(small_count(g, "Gelu"), 1);
        for (const gal_node *n = g->first; n != NULL; n = n->next)
            if (strcmp(n->op->name, "Gelu") == 0) assert_int_equal(n->out[0]->dtype, types[i]);
        gal_graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_one_node),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(sixteen_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
