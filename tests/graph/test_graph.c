/* Building, changing, checking and printing graphs. Uses only ops that exist in every build. */
#include "base/error.h"
#include "graph/op.h"
#include "support/shared.h"

#include <string.h>

static gal_graph *graph;
static galen_error err;

static gal_value *input(const char *name, int rank, const gal_dim *dim) {
    gal_shape s = {.rank = rank};
    memcpy(s.dim, dim, (size_t)rank * sizeof *dim);
    gal_value *v;
    assert_ok(gal_graph_input(graph, name, GALEN_F32, &s, &v, &err), err);
    return v;
}

static gal_node *add(const char *op, gal_value *a, gal_value *b, const char *out) {
    gal_value *in[] = {a, b};
    gal_node_spec spec = {.op = op, .n_in = b ? 2 : 1, .n_out = 1, .in = in, .out_name = &out};
    gal_node *n;
    assert_ok(gal_graph_node(graph, &spec, &n, &err), err);
    return n;
}

static int setup(void **state) {
    (void)state;
    return gal_graph_create("test", &graph, &err) != GALEN_OK;
}

static int teardown(void **state) {
    (void)state;
    gal_graph_destroy(graph);
    return 0;
}

static const gal_dim batch_3[] = {{1, true}, {3, false}};

static void a_small_graph_is_valid(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3);
    gal_node *relu = add("Relu", x, NULL, "r"), *sum = add("Add", relu->out[0], x, "y");
    assert_ok(gal_graph_mark_output(graph, sum->out[0], &err), err);
    assert_ok(gal_graph_verify(graph, &err), err);
    assert_int_equal(graph->n_node, 2);
    assert_true(gal_shape_equal(&sum->out[0]->shape, &x->shape));
    assert_ptr_equal(gal_graph_find(graph, "r"), relu->out[0]);
    assert_null(gal_graph_find(graph, "nothing"));
    gal_buf text;
    gal_buf_init(&text, 1 << 16);
    gal_graph_print(graph, &text);
    assert_non_null(strstr((char *)text.data, "%y: f32[N, 3] = Add(%r, %x)"));
    gal_buf_free(&text);
    gal_buf_init(&text, 1 << 16);
    gal_graph_dot(graph, &text);
    assert_int_equal(strncmp((char *)text.data, "digraph", 7), 0);
    gal_buf_free(&text);
}

static void names_are_unique(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3), *again;
    assert_int_equal(gal_graph_input(graph, "x", GALEN_F32, &x->shape, &again, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "'x' is defined twice"));
    for (int i = 0; i < 500; i++) assert_non_null(add("Relu", x, NULL, NULL)->out[0]->name);
    assert_ok(gal_graph_verify(graph, &err), err);
}

/* A pass that remakes a node under no name does not lose the one the model gave, and says whose place was taken. */
static void replacing_keeps_given_names(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3);
    gal_node *a = add("Relu", x, NULL, "a");
    gal_graph_note_origins(graph);
    gal_node *made = add("Relu", x, NULL, NULL), *flat = add("Flatten", made->out[0], NULL, NULL);
    assert_true(made->out[0]->made_up && !a->out[0]->made_up);
    assert_null(gal_value_origin(flat->out[0]));
    gal_graph_replace(graph, a->out[0], flat->out[0]);
    assert_string_equal(flat->out[0]->name, "a");
    assert_ptr_equal(gal_graph_find(graph, "a"), flat->out[0]);
    assert_true(a->out[0]->made_up && !flat->out[0]->made_up);
    assert_string_equal(gal_value_origin(made->out[0]), "a"); /* flat is only another form of it */
    assert_string_equal(gal_value_origin(x), "x");
    assert_ok(gal_graph_verify(graph, &err), err);
}

static void replacing_moves_uses_and_output_names(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3);
    gal_node *a = add("Relu", x, NULL, "a"), *b = add("Abs", a->out[0], NULL, "b"),
             *c = add("Neg", b->out[0], NULL, "c");
    assert_ok(gal_graph_mark_output(graph, b->out[0], &err), err);
    gal_graph_replace(graph, b->out[0], a->out[0]);
    assert_ptr_equal(c->in[0], a->out[0]);
    assert_ptr_equal(graph->output[0], a->out[0]);
    assert_string_equal(a->out[0]->name, "b");
    assert_ptr_equal(gal_graph_find(graph, "b"), a->out[0]);
    gal_graph_remove(graph, b);
    assert_ok(gal_graph_verify(graph, &err), err);
    assert_int_equal(graph->n_node, 2);
    assert_false(gal_value_has_one_use(a->out[0]));
    gal_graph_remove(graph, c);
    gal_graph_remove(graph, a);
    assert_null(graph->first);
    assert_null(graph->last);
}

static void insertion_keeps_the_order(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3);
    gal_node *last = add("Relu", x, NULL, "last");
    gal_value *in[] = {x};
    gal_node_spec spec = {.op = "Abs", .n_in = 1, .n_out = 1, .in = in, .before = last};
    gal_node *first;
    assert_ok(gal_graph_node(graph, &spec, &first, &err), err);
    gal_node_set_input(last, 0, first->out[0]);
    assert_ptr_equal(graph->first, first);
    assert_ok(gal_graph_verify(graph, &err), err);
    gal_graph_remove(graph, last);
    gal_node_spec late = {.op = "Relu", .n_in = 1, .n_out = 1, .in = &first->out[0], .before = first};
    gal_node *wrong;
    assert_ok(gal_graph_node(graph, &late, &wrong, &err), err);
    assert_int_equal(gal_graph_verify(graph, &err), GALEN_ERR_INTERNAL);
}

static void bad_nodes_are_refused_by_name(void **state) {
    (void)state;
    gal_value *x = input("x", 2, batch_3);
    gal_value *in[] = {x, x, x};
    gal_node_spec unknown = {.op = "Nonsense", .name = "n1", .n_in = 1, .n_out = 1, .in = in};
    assert_int_equal(gal_graph_node(graph, &unknown, NULL, &err), GALEN_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "node 'n1': op 'Nonsense' is not supported");
    gal_node_spec many = {.op = "Relu", .name = "n2", .n_in = 3, .n_out = 1, .in = in};
    assert_int_equal(gal_graph_node(graph, &many, NULL, &err), GALEN_ERR_FORMAT);
    gal_attr attr = {.name = "bogus", .type = GAL_ATTR_INT};
    gal_node_spec odd = {.op = "Relu", .name = "n3", .n_in = 1, .n_out = 1, .n_attr = 1, .in = in, .attr = &attr};
    assert_int_equal(gal_graph_node(graph, &odd, NULL, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "'bogus'"));
    assert_int_equal(graph->n_node, 0);
    assert_ok(gal_graph_verify(graph, &err), err);
}

static void binding_makes_a_constant(void **state) {
    (void)state;
    gal_value *x = input("x", 1, (gal_dim[]){{3, false}});
    add("Relu", x, NULL, "y");
    float data[] = {1, 2, 3};
    galen_tensor t = {.dtype = GALEN_F32, .rank = 1, .dim = {3}, .data = data};
    assert_ok(gal_graph_bind(graph, x, &t, &err), err);
    assert_int_equal(graph->n_input, 0);
    assert_ptr_equal(x->constant->data, data);
    assert_ok(gal_graph_infer(graph, &err), err);
    assert_ok(gal_graph_verify(graph, &err), err);
    t.dtype = GALEN_I64;
    assert_int_equal(gal_graph_bind(graph, x, &t, &err), GALEN_ERR_ARGUMENT);
}

static void integer_constants_are_known(void **state) {
    (void)state;
    gal_value *v;
    assert_ok(gal_graph_ints(graph, "axes", (int64_t[]){4, -1}, 2, &v, &err), err);
    assert_int_equal(v->known[1].size, -1);
    int64_t many[GAL_KNOWN_MAX + 1] = {0};
    assert_ok(gal_graph_ints(graph, NULL, many, GAL_KNOWN_MAX + 1, &v, &err), err);
    assert_null(v->known);
}

static void products_of_dimensions(void **state) {
    (void)state;
    gal_shape s = {.rank = 3, .dim = {{1, true}, {3, false}, {2, true}}};
    gal_dim d;
    assert_true(gal_shape_product(&s, 0, 2, &d));
    assert_true(d.size == 3 && d.batch);
    assert_false(gal_shape_product(&s, 0, 3, &d));
    s.dim[1].size = INT64_MAX;
    assert_false(gal_shape_product(&s, 1, 3, &d));
    assert_int_equal(gal_dim_at((gal_dim){7, true}, 3), 21);
}

/* Every allocation of a graph may fail; nothing leaks and nothing is half done. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    for (long n = 1; n < 200; n++) {
        gal_graph *g = NULL;
        test_fail_allocation(n, 0);
        galen_status status = gal_graph_create("g", &g, &err);
        gal_shape s = {.rank = 1, .dim = {{4, false}}};
        gal_value *v = NULL;
        if (status == GALEN_OK) status = gal_graph_input(g, "x", GALEN_F32, &s, &v, &err);
        for (int i = 0; i < 200 && status == GALEN_OK; i++) {
            gal_node_spec spec = {.op = "Relu", .n_in = 1, .n_out = 1, .in = &v};
            gal_node *node;
            status = gal_graph_node(g, &spec, &node, &err);
            if (status == GALEN_OK) v = node->out[0];
        }
        if (status == GALEN_OK) status = gal_graph_mark_output(g, v, &err);
        bool reached = test_allocations() >= n;
        test_fail_allocation(0, 0);
        if (reached) assert_int_equal(status, GALEN_ERR_MEMORY);
        if (g && status == GALEN_OK) assert_ok(gal_graph_verify(g, &err), err);
        gal_graph_destroy(g);
        if (!reached) return;
    }
    fail_msg("the graph allocates without end");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_small_graph_is_valid),        T(names_are_unique),
        T(replacing_keeps_given_names),   T(replacing_moves_uses_and_output_names),
        T(insertion_keeps_the_order),     T(binding_makes_a_constant),
        T(bad_nodes_are_refused_by_name), T(integer_constants_are_known),
        T(products_of_dimensions),        T(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
