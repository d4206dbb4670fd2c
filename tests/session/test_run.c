/* Running small graphs: views, in-place ops and outputs in every odd place, wrong calls, and numbers that are none. */
#include "base/mem.h"
#include "graph/op.h"
#include "session/session.h"
#include "support/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, C = 6, MAX = 8 };

static galen_error err;

static gal_value *node(gal_graph *g, const char *op, gal_value *a, gal_value *b) {
    gal_value *in[2] = {a, b};
    gal_node *made;
    const gal_node_spec spec = {.op = op, .n_in = b != NULL ? 2 : 1, .n_out = 1, .in = in};
    assert_ok(gal_graph_node(g, &spec, &made, &err), err);
    return made->out[0];
}

static gal_value *input(gal_graph *g, const char *name, int64_t columns) {
    const gal_shape shape = {.rank = 2, .dim = {{1, true}, {columns, false}}};
    gal_value *value;
    assert_ok(gal_graph_input(g, name, GALEN_F32, &shape, &value, &err), err);
    return value;
}

static gal_graph *start(void) {
    gal_graph *g;
    assert_ok(gal_graph_create("run", &g, &err), err);
    return g;
}

static void output(gal_graph *g, gal_value *value) {
    assert_ok(gal_graph_mark_output(g, value, &err), err);
}

static gal_session *session(gal_graph *g, bool optimise) {
    gal_session_options options = gal_session_default_options();
    gal_session *s;
    options.max_batch = N;
    options.threads = 1;
    options.optimise = optimise;
    assert_ok(gal_session_create(g, &options, &s, &err), err);
    return s;
}

/* Inputs lie between guards, and must not be written. */
static float in_memory[MAX][N * C + 2], in_copy[MAX][N * C + 2], out_memory[MAX][N * C + 2];

static void run(gal_session *s, int64_t batch) {
    const void *in[MAX];
    void *out[MAX];
    for (int k = 0; k < MAX; k++) {
        for (int i = 0; i < N * C + 2; i++) {
            in_memory[k][i] = (float)(k + 1) * sinf((float)(i + 1));
            out_memory[k][i] = 77;
        }
        in[k] = in_memory[k] + 1;
        out[k] = out_memory[k] + 1;
    }
    memcpy(in_copy, in_memory, sizeof in_memory);
    assert_ok(gal_session_run(s, batch, in, out, &err), err);
    assert_memory_equal(in_copy, in_memory, sizeof in_memory);
    for (int k = 0; k < MAX; k++) {
        assert_true(out_memory[k][0] == 77);
        for (int i = (int)batch * C + 1; i < N * C + 2; i++) assert_true(out_memory[k][i] == 77);
    }
}

static float x_at(int k, int i) {
    return in_memory[k][i + 1];
}

static float y_at(int k, int i) {
    return out_memory[k][i + 1];
}

static gal_value *dims(gal_graph *g, int64_t a, int64_t b) {
    const int64_t v[2] = {a, b};
    gal_value *value;
    assert_ok(gal_graph_ints(g, NULL, v, 2, &value, &err), err);
    return value;
}

/* Inputs, constants and one another's views as outputs, an unused input, a value that is two outputs' memory. */
static void build_outputs(gal_graph *g) {
    gal_value *x = input(g, "x", C), *unused = input(g, "unused", C), *k;
    (void)unused;
    const int64_t dim[2] = {1, C};
    assert_ok(gal_graph_new_constant(g, "k", GALEN_F32, 2, dim, &k, &err), err);
    for (int i = 0; i < C; i++) ((float *)k->constant->data)[i] = (float)i;
    gal_value *a = node(g, "Abs", x, NULL), *view = node(g, "Reshape", a, dims(g, -1, 3));
    output(g, x);
    output(g, k);
    output(g, node(g, "Reshape", x, dims(g, -1, 3)));
    output(g, view);
    output(g, a);
    output(g, node(g, "Neg", a, NULL));
    output(g, node(g, "Add", node(g, "Neg", node(g, "Neg", x, NULL), NULL), a));
}

static void check_outputs(int64_t batch) {
    for (int i = 0; i < C * (int)batch; i++) {
        float x = x_at(0, i), a = fabsf(x);
        assert_true(y_at(0, i) == x);
        if (i < C) assert_true(y_at(1, i) == (float)i);
        assert_true(y_at(2, i) == x);
        assert_true(y_at(3, i) == a);
        assert_true(y_at(4, i) == a);
        assert_true(y_at(5, i) == -a);
        assert_true(y_at(6, i) == x + a);
    }
}

/* Step by step with the clock: the outputs of a run, a time for each step, no allocation. */
static void test_profile(void **state) {
    (void)state;
    gal_graph *g = start();
    build_outputs(g);
    gal_session *s = session(g, true);
    size_t n = gal_session_steps(s);
    double *seconds = malloc((n + 1) * sizeof *seconds);
    float expected[MAX][N * C + 2];
    const void *in[MAX];
    void *out[MAX];
    assert_non_null(seconds);
    for (size_t i = 0; i <= n; i++) seconds[i] = -1;
    run(s, N);
    memcpy(expected, out_memory, sizeof expected);
    for (int k = 0; k < MAX; k++) {
        in[k] = in_memory[k] + 1;
        out[k] = out_memory[k] + 1;
        for (int i = 1; i <= N * C; i++) out_memory[k][i] = 77;
    }
    test_count_reset();
    assert_ok(gal_session_profile(s, N, in, out, seconds, &err), err);
    assert_int_equal(test_allocations(), 0);
    assert_memory_equal(expected, out_memory, sizeof expected);
    for (size_t i = 0; i < n; i++) assert_true(seconds[i] >= 0);
    assert_true(seconds[n] == -1);
    assert_int_equal(gal_session_profile(s, N + 1, in, out, seconds, &err), GALEN_ERR_ARGUMENT);
    free(seconds);
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

static void test_outputs(void **state) {
    (void)state;
    for (int optimise = 0; optimise < 2; optimise++) {
        gal_graph *g = start();
        build_outputs(g);
        gal_session *s = session(g, optimise);
        for (int64_t batch = N; batch >= 1; batch--) {
            run(s, batch);
            check_outputs(batch);
        }
        run(s, N);
        check_outputs(N);
        gal_session_destroy(s);
        gal_graph_destroy(g);
    }
}

/* A chain of in-place ops needs one buffer; nothing is overwritten that is still read. */
static void test_in_place(void **state) {
    (void)state;
    gal_graph *g = start();
    gal_value *x = input(g, "x", C), *a = node(g, "Neg", x, NULL);
    gal_value *b = node(g, "Abs", node(g, "Neg", node(g, "Neg", a, NULL), NULL), NULL);
    gal_value *c = node(g, "Add", b, a), *d = node(g, "Mul", c, c);
    output(g, node(g, "Add", d, node(g, "Neg", d, NULL)));
    output(g, node(g, "Sub", c, b));
    gal_session *s = session(g, false);
    run(s, 3);
    for (int i = 0; i < 3 * C; i++) {
        float p = -x_at(0, i), q = fabsf(p), r = q + p;
        assert_true(y_at(0, i) == r * r - r * r);
        assert_true(y_at(1, i) == r - q);
    }
    assert_true(gal_session_arena_bytes(s) >= gal_session_lower_bound(s));
    gal_session_destroy(s);
    gal_graph_destroy(g);
    g = start();
    b = input(g, "x", C);
    for (int i = 0; i < 20; i++) b = node(g, "Neg", b, NULL);
    output(g, node(g, "Abs", b, NULL));
    s = session(g, false);
    run(s, N);
    assert_int_equal(gal_session_arena_bytes(s), 0); /* all of it happens in the caller's output */
    assert_int_equal(gal_session_steps(s), 21);
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

static void test_empty(void **state) {
    (void)state;
    gal_graph *g = start();
    gal_value *x = input(g, "x", 0);
    output(g, node(g, "Neg", node(g, "Abs", x, NULL), NULL));
    gal_session *s = session(g, true);
    const void *in[1] = {NULL};
    void *out[1] = {NULL};
    assert_ok(gal_session_run(s, 2, in, out, &err), err);
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

static void test_wrong_calls(void **state) {
    (void)state;
    gal_graph *g = start();
    gal_value *x = input(g, "picture", C);
    output(g, node(g, "Log", x, NULL));
    gal_session_options options = gal_session_default_options();
    gal_session *s;
    options.max_batch = 0;
    assert_int_equal(gal_session_create(g, &options, &s, &err), GALEN_ERR_ARGUMENT);
    s = session(g, true);
    float v[N * C] = {1, 1, 1, 1, 1, 1, 1, 1, -1}, y[N * C];
    const void *in[1] = {v}, *no_in[1] = {NULL};
    void *out[1] = {y}, *no_out[1] = {NULL};
    assert_int_equal(gal_session_run(s, 0, in, out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_session_run(s, N + 1, in, out, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "1 to 4"));
    assert_int_equal(gal_session_run(s, 1, no_in, out, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "picture"));
    assert_int_equal(gal_session_run(s, 1, in, no_out, &err), GALEN_ERR_ARGUMENT);
    assert_ok(gal_session_run(s, 1, in, out, &err), err);
    assert_int_equal(gal_session_run(s, 2, in, out, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "item 1: NaN"));
    v[8] = 0;
    assert_int_equal(gal_session_run(s, 2, in, out, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "item 1: infinity"));
    assert_true(y[0] == 0); /* outputs are written all the same */
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

static void test_no_memory(void **state) {
    (void)state;
    for (long n = 1; n < 80; n++) {
        gal_graph *g = start();
        build_outputs(g);
        gal_session_options options = gal_session_default_options();
        gal_session *s = NULL;
        options.threads = 1;
        test_fail_allocation(n, 1);
        galen_status status = gal_session_create(g, &options, &s, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) {
            assert_int_equal(status, GALEN_ERR_MEMORY);
            assert_null(s);
        }
        gal_session_destroy(s);
        gal_graph_destroy(g);
    }
}

static void test_explain(void **state) {
    (void)state;
    gal_graph *g = start();
    output(g, node(g, "Log", input(g, "x", C), NULL));
    gal_session *s = session(g, true);
    gal_buf text;
    gal_buf_init(&text, 1 << 16);
    gal_session_explain(s, &text);
    assert_non_null(strstr((const char *)text.data, "(Log): "));
    gal_buf_free(&text);
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outputs),     cmocka_unit_test(test_profile),
                                       cmocka_unit_test(test_in_place),    cmocka_unit_test(test_empty),
                                       cmocka_unit_test(test_wrong_calls), cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_explain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
