/* Element-wise ops, casts, reductions and picks against plain loops and corner cases; the same bits with and without
 * threads. */
#include "graph/build.h"

#include <math.h>

static uint32_t noise_state = 1;

static float noise(void) {
    noise_state = noise_state * 1664525u + 1013904223u;
    return (float)(noise_state >> 8) / 8388608.0F - 1;
}

static float *noise_array(int64_t n) {
    float *a = malloc((size_t)n * sizeof *a);
    for (int64_t i = 0; i < n; i++) a[i] = noise();
    return a;
}

/* Index of element `at` of `out` in a tensor broadcast to it. */
static int64_t source(const galen_tensor *out, const galen_tensor *in, int64_t at) {
    int64_t from = 0, step = 1;
    for (int i = out->rank - 1, k = in->rank - 1; k >= 0; i--, k--) {
        if (in->dim[k] != 1) from += at % out->dim[i] * step;
        step *= in->dim[k];
        at /= out->dim[i];
    }
    return from;
}

static void broadcast_of_many_shapes(void **state) {
    (void)state;
    static const struct {
        int rank[2];
        int64_t dim[2][5];
    } cases[] = {
        {{0, 0}, {{0}, {0}}},
        {{1, 1}, {{7}, {1}}},
        {{3, 3}, {{4, 1, 5}, {1, 3, 1}}},
        {{4, 1}, {{2, 3, 4, 5}, {5}}},
        {{2, 5}, {{3, 1}, {2, 3, 2, 1, 4}}},
        {{4, 3}, {{3, 16, 33, 29}, {16, 1, 1}}},
        {{2, 2}, {{70000, 1}, {1, 1}}},
        {{2, 2}, {{0, 3}, {1, 3}}},
    };
    gal_pool *pool;
    assert_ok(gal_pool_create(2, &pool, &err), err);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        gal_value *in[6] = {NULL};
        float *data[2];
        for (int k = 0; k < 2; k++) {
            int64_t n = 1;
            for (int i = 0; i < cases[c].rank[k]; i++) n *= cases[c].dim[k][i];
            data[k] = noise_array(n ? n : 1);
            in[k] = constant(GALEN_F32, cases[c].rank[k], cases[c].dim[k], data[k]);
        }
        gal_node *node;
        assert_ok(try_op("Sub", in, NULL, 0, 1, &node), err);
        void *serial[2], *threaded[2];
        assert_ok(run_node(node, NULL, serial), err);
        assert_ok(run_node(node, pool, threaded), err);
        galen_tensor out;
        gal_shape_at(&node->out[0]->shape, GALEN_F32, 1, &out);
        int64_t n = galen_tensor_elements(&out);
        for (int64_t i = 0; i < n; i++) {
            float want = data[0][source(&out, in[0]->constant, i)] - data[1][source(&out, in[1]->constant, i)];
            if (((float *)serial[0])[i] != want || ((float *)threaded[0])[i] != want)
                fail_msg("case %zu, element %lld", c, (long long)i);
        }
        free(serial[0]), free(threaded[0]), free(data[0]), free(data[1]);
    }
    gal_pool_destroy(pool);
}

static void integer_corners(void **state) {
    (void)state;
    const int64_t two[] = {2}, zero = 0;
    const int32_t a[] = {INT32_MIN, -7}, b[] = {-1, 2};
    gal_value *va = constant(GALEN_I32, 1, two, a), *vb = constant(GALEN_I32, 1, two, b);
    int32_t *q = run_value(OP("Div", va, vb));
    assert_int_equal(q[0], INT32_MIN); /* wraps */
    assert_int_equal(q[1], -3);        /* truncates */
    int32_t *m = run_value(OP("Mod", va, vb)), *f = run_value(OP_WITH("Mod", int_attr("fmod", 1), va, vb));
    assert_int_equal(m[1], 1);
    assert_int_equal(f[1], -1);
    assert_int_equal(m[0] | f[0], 0);
    void *out[2];
    gal_value *by = constant(GALEN_I64, 0, NULL, &zero), *x = constant(GALEN_I64, 1, two, (int64_t[]){1, 2});
    assert_int_equal(run_node(OP("Div", x, by)->producer, NULL, out), GALEN_ERR_NUMERIC);
    free(out[0]);
    assert_int_equal(run_node(OP("Mod", x, by)->producer, NULL, out), GALEN_ERR_NUMERIC);
    free(out[0]);
    int64_t *p = run_value(
        OP("Pow", constant(GALEN_I64, 1, two, (int64_t[]){-3, 2}), constant(GALEN_I64, 1, two, (int64_t[]){3, -1})));
    assert_int_equal(p[0], -27);
    assert_int_equal(p[1], 0);
    free(q), free(m), free(f), free(p);
}

static void casts_saturate_and_round_once(void **state) {
    (void)state;
    const int64_t n[] = {6};
    const float x[] = {-1.9F, 300, -300, NAN, INFINITY, 2.5F};
    gal_value *v = constant(GALEN_F32, 1, n, x);
    uint8_t *u8 = run_value(OP_WITH("Cast", int_attr("to", GALEN_U8), v));
    assert_memory_equal(u8, ((uint8_t[]){0, 255, 0, 0, 255, 2}), 6);
    int64_t *i64 = run_value(OP_WITH("Cast", int_attr("to", GALEN_I64), v));
    assert_true(i64[0] == -1 && i64[3] == 0 && i64[4] == INT64_MAX && i64[5] == 2);
    uint8_t *b = run_value(OP_WITH("Cast", int_attr("to", GALEN_BOOL), v));
    assert_memory_equal(b, ((uint8_t[]){1, 1, 1, 1, 1, 1}), 6);
    /* 1 + 2^-11 + 2^-40 is above the middle of two halves; by way of a float it would round down. */
    const double d[] = {1 + 0x1p-11 + 0x1p-40};
    uint16_t *h = run_value(OP_WITH("Cast", int_attr("to", GALEN_F16), constant(GALEN_F64, 1, (int64_t[]){1}, d)));
    assert_int_equal(h[0], 0x3C01);
    assert_int_equal(try_op("Cast", (gal_value *[6]){v}, &(gal_attr){.name = "to", .type = GAL_ATTR_INT, .i = 8}, 1, 1,
                            &(gal_node *){NULL}),
                     GALEN_ERR_UNSUPPORTED);
    free(u8), free(i64), free(b), free(h);
}

static void nan_is_never_lost(void **state) {
    (void)state;
    const float x[] = {NAN, 1};
    gal_value *v = constant(GALEN_F32, 1, (int64_t[]){2}, x), *one = constant(GALEN_F32, 0, NULL, &x[1]);
    const char *ops[] = {"Relu",      "Sigmoid",     "Exp",  "Abs",       "Sign",
                         "LeakyRelu", "HardSigmoid", "Clip", "ReduceMax", "ReduceSum"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        float *out = run_value(OP(ops[i], v));
        if (!isnan(out[0])) fail_msg("%s loses NaN", ops[i]);
        free(out);
    }
    float *lo = run_value(OP("Min", v, one)), *hi = run_value(OP("Max", one, v));
    assert_true(isnan(lo[0]) && isnan(hi[0]) && lo[1] == 1 && hi[1] == 1);
    free(lo), free(hi);
}

static void reductions_do_not_depend_on_threads(void **state) {
    (void)state;
    const int64_t dim[] = {5, 40, 30}, axes[] = {0, 2};
    float *x = noise_array(6000);
    gal_node *node;
    gal_attr a = ints_attr("axes", axes, 2);
    assert_ok(try_op("ReduceMean", (gal_value *[6]){constant(GALEN_F32, 3, dim, x)}, &a, 1, 1, &node), err);
    gal_pool *pool;
    assert_ok(gal_pool_create(2, &pool, &err), err);
    void *serial[2], *threaded[2];
    assert_ok(run_node(node, NULL, serial), err);
    assert_ok(run_node(node, pool, threaded), err);
    assert_memory_equal(serial[0], threaded[0], 40 * sizeof(float));
    for (int c = 0; c < 40; c++) {
        double sum = 0;
        for (int n = 0; n < 5; n++)
            for (int i = 0; i < 30; i++) sum += (double)x[(n * 40 + c) * 30 + i];
        assert_true(((float *)serial[0])[c] == (float)(sum / 150));
    }
    gal_pool_destroy(pool);
    free(serial[0]), free(threaded[0]), free(x);
}

static void concat_in_tasks(void **state) {
    (void)state;
    const int64_t da[] = {900, 7, 11}, db[] = {900, 3, 11};
    float *a = noise_array(900 * 77), *b = noise_array(900 * 33);
    gal_node *node =
        OP_WITH("Concat", int_attr("axis", 1), constant(GALEN_F32, 3, da, a), constant(GALEN_F32, 3, db, b))->producer;
    gal_pool *pool;
    void *out[2];
    assert_ok(gal_pool_create(2, &pool, &err), err);
    assert_ok(run_node(node, pool, out), err);
    for (int i = 0; i < 900; i++) {
        assert_memory_equal((float *)out[0] + i * 110, a + i * 77, 77 * sizeof(float));
        assert_memory_equal((float *)out[0] + i * 110 + 77, b + i * 33, 33 * sizeof(float));
    }
    gal_pool_destroy(pool);
    free(out[0]), free(a), free(b);
}

static void picks(void **state) {
    (void)state;
    const float x[] = {3, 1, 3, 2};
    gal_value *v = constant(GALEN_F32, 1, (int64_t[]){4}, x);
    gal_node *node;
    void *out[2];
    assert_ok(try_op("TopK", (gal_value *[6]){v, INTS(3)}, NULL, 0, 2, &node), err);
    assert_ok(run_node(node, NULL, out), err);
    assert_memory_equal(out[0], ((float[]){3, 3, 2}), 12);
    assert_memory_equal(out[1], ((int64_t[]){0, 2, 3}), 24); /* the lower index first */
    free(out[0]), free(out[1]);
    int64_t *first = run_value(OP("ArgMax", v)),
            *last = run_value(OP_WITH("ArgMax", int_attr("select_last_index", 1), v));
    assert_int_equal(*first, 0);
    assert_int_equal(*last, 2);
    free(first), free(last);
    gal_value *far = constant(GALEN_I64, 1, (int64_t[]){1}, (int64_t[]){4});
    const char *ops[] = {"Gather", "GatherElements"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_node(OP(ops[i], v, far)->producer, NULL, out), GALEN_ERR_ARGUMENT);
        free(out[0]);
    }
    float *back = run_value(OP("Gather", v, constant(GALEN_I64, 0, NULL, &(int64_t){-1})));
    assert_true(*back == 2);
    free(back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(broadcast_of_many_shapes, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(integer_corners, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(casts_saturate_and_round_once, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(nan_is_never_lost, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(reductions_do_not_depend_on_threads, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(concat_in_tasks, setup_graph, drop_graph),
        cmocka_unit_test_setup_teardown(picks, setup_graph, drop_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
