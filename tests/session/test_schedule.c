/*
 * Running the graph in groups of images: the same bits as running each step for the whole batch, whatever the groups,
 * cuts, threads and batch; failures, memory and times; and what the cost model chooses.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "model/onnx.h"
#include "model/zoo/zoo.h"
#include "pass/small_graph.h"
#include "session/session.h"

#include <pthread.h>

enum { BATCH = 7, C = 4, SIDE = 6, IMAGE = C * SIDE * SIDE, POOL = 20, OUT_MAX = 8 * BATCH * IMAGE };

static galen_error err;

/* ---- random graphs with ops that mix items ---- */

typedef struct maker {
    gal_graph *g;
    gal_rng rng;
    gal_value *v[POOL]; /* all [N, C, SIDE, SIDE] */
    uint32_t n;
} maker;

static uint32_t below(maker *p, uint32_t n) {
    return gal_rng_u32(&p->rng) % n;
}

static gal_value *any(maker *p) {
    return p->v[below(p, 3) ? p->n - 1 : below(p, p->n)];
}

static gal_value *reshape(maker *p, gal_value *v, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t dims[4] = {a, b, c, d};
    return small_op(p->g, "Reshape", v, small_ints(p->g, dims, 4));
}

static gal_value *turn(maker *p, gal_value *v) {
    const int64_t perm[4] = {1, 0, 2, 3};
    return small_with(p->g, "Transpose", v, small_list("perm", perm, 4));
}

/* Two batches behind each other, cut anew: an item of the result holds two neighbours. */
static gal_value *mix_concat(maker *p) {
    gal_value *in[2] = {any(p), any(p)}, *both;
    const gal_attr axis = small_int("axis", 0);
    const int64_t cut[3] = {0, C, 1};
    both = reshape(p, small_node(p->g, "Concat", 2, in, 1, &axis)->out[0], -1, 2 * C, SIDE, SIDE);
    gal_value *slice[4] = {both, small_ints(p->g, cut, 1), small_ints(p->g, cut + 1, 1), small_ints(p->g, cut + 2, 1)};
    return small_node(p->g, "Slice", 4, slice, 0, NULL)->out[0];
}

/* Something that knows the batch size while its own shape does not depend on it. */
static gal_value *mix_size(maker *p) {
    gal_value *x = any(p), *shape = small_op(p->g, "Shape", x, NULL);
    const int64_t cut[2] = {0, 1};
    gal_value *slice[3] = {shape, small_ints(p->g, cut, 1), small_ints(p->g, cut + 1, 1)};
    gal_value *n = small_node(p->g, "Slice", 3, slice, 0, NULL)->out[0];
    n = small_with(p->g, "Cast", n, small_int("to", GALEN_F32));
    return small_op(p->g, "Mul", x, small_op(p->g, "Reciprocal", n, NULL));
}

static gal_value *mix(maker *p) {
    const int64_t batch[1] = {0};
    switch (below(p, 6)) {
    case 0: return small_op(p->g, "Sub", any(p), small_with(p->g, "ReduceMean", any(p), small_list("axes", batch, 1)));
    case 1: return small_with(p->g, "Softmax", any(p), small_int("axis", 0));
    case 2: return mix_concat(p);
    case 3: return turn(p, small_op(p->g, "Tanh", turn(p, any(p)), NULL));
    case 4: return reshape(p, small_op(p->g, "Neg", reshape(p, any(p), -1, SIDE, SIDE, 1), NULL), -1, C, SIDE, SIDE);
    default: return mix_size(p);
    }
}

static gal_value *two_halves(maker *p) {
    gal_value *in[2];
    const gal_attr axis = small_int("axis", 1);
    const int64_t kept[2] = {1, 3}, channel[1] = {1};
    for (int i = 0; i < 2; i++) {
        gal_value *slice[4] = {any(p), small_ints(p->g, kept, 1), small_ints(p->g, kept + 1, 1),
                               small_ints(p->g, channel, 1)};
        in[i] = small_node(p->g, "Slice", 4, slice, 0, NULL)->out[0];
    }
    return small_node(p->g, "Concat", 2, in, 1, &axis)->out[0];
}

static gal_value *gated(maker *p) {
    gal_value *x = any(p), *s = small_op(p->g, "GlobalAveragePool", any(p), NULL);
    return small_op(p->g, "Mul", x, small_op(p->g, "Sigmoid", small_conv(p->g, s, C, 1, 1), NULL));
}

static gal_value *step(maker *p) {
    const int64_t channel[3] = {C, 1, 1};
    switch (below(p, 10)) {
    case 0:
    case 1: return small_conv(p->g, any(p), C, below(p, 2) ? 3 : 1, 1);
    case 2: return small_norm(p->g, any(p));
    case 3: return small_op(p->g, "Relu", any(p), NULL);
    case 4: return small_op(p->g, "Add", any(p), any(p));
    case 5: return two_halves(p);
    case 6: return gated(p);
    case 7: return small_op(p->g, "Mul", any(p), small_op(p->g, "Neg", small_constant(p->g, -1, 3, channel), NULL));
    case 8:
        return reshape(p, small_op(p->g, "Abs", reshape(p, any(p), -1, 1, SIDE * C, SIDE), NULL), -1, C, SIDE, SIDE);
    default: return mix(p);
    }
}

static gal_graph *random_graph(uint64_t seed) {
    maker p = {.g = small_graph(), .rng = gal_rng_make(seed, 5)};
    p.v[p.n++] = small_input(p.g, "x", C, SIDE, SIDE);
    while (p.n < 4 + seed % (POOL - 4)) {
        gal_value *y = step(&p);
        p.v[p.n++] = below(&p, 3) ? y : small_op(p.g, "Tanh", y, NULL);
    }
    small_output(p.g, p.v[p.n - 1]);
    if (below(&p, 2) && p.v[p.n / 2]->producer != NULL) small_output(p.g, p.v[p.n / 2]);
    if (seed % 4 == 0) small_output(p.g, small_op(p.g, "GlobalAveragePool", p.v[p.n - 1], NULL));
    if (seed % 8 == 0) small_output(p.g, p.v[0]);
    return p.g;
}

/* One run's outputs, one behind the other, from pictures that are the same each time. */
static size_t run_graph(gal_graph *g, gal_session *s, int64_t batch, float *y) {
    static float x[BATCH * IMAGE];
    const void *in[1] = {x};
    void *out[8];
    size_t at = 0;
    small_noise = 5;
    for (int i = 0; i < BATCH * IMAGE; i++) x[i] = small_random();
    for (uint32_t o = 0; o < g->n_output; o++) {
        galen_tensor t;
        gal_shape_at(&g->output[o]->shape, GALEN_F32, batch, &t);
        out[o] = y + at;
        at += (size_t)galen_tensor_elements(&t);
    }
    assert_true(at <= OUT_MAX);
    memset(y, 0x55, at * sizeof *y);
    galen_status status = gal_session_run(s, batch, in, out, &err);
    if (status != GALEN_ERR_NUMERIC) assert_ok(status, err);
    return at * sizeof *y;
}

static gal_session *plan(gal_graph *g, gal_session_options options) {
    gal_session *s;
    assert_ok(gal_session_create(g, &options, &s, &err), err);
    return s;
}

static void check_forced(uint64_t seed, gal_session_options options, float expected[BATCH][OUT_MAX]) {
    static float y[OUT_MAX];
    gal_graph *g = random_graph(seed);
    gal_session *s = plan(g, options);
    for (int64_t batch = BATCH; batch >= 1; batch--) {
        size_t bytes = run_graph(g, s, batch, y);
        if (memcmp(expected[batch - 1], y, bytes) != 0)
            fail_msg("seed %d, groups of %d, cut %u, %d threads, batch %d", (int)seed, (int)options.group, options.cut,
                     options.threads, (int)batch);
    }
    gal_session_destroy(s);
    gal_graph_destroy(g);
}

static void test_random(void **state) {
    (void)state;
    static float expected[BATCH][OUT_MAX];
    for (uint64_t seed = 0; seed < 60; seed++) {
        gal_session_options options = gal_session_default_options();
        gal_graph *g = random_graph(seed);
        options.max_batch = BATCH;
        options.threads = 2;
        options.optimise = seed % 2 == 0;
        options.group = GAL_GROUP_WHOLE;
        gal_session *s = plan(g, options);
        assert_int_equal(gal_session_segments(s), 1);
        for (int64_t batch = 1; batch <= BATCH; batch++) run_graph(g, s, batch, expected[batch - 1]);
        gal_session_destroy(s);
        gal_graph_destroy(g);
        for (int way = 0; way < 4; way++) {
            options.threads = 1 + (int)(seed + (uint64_t)way) % 3;
            options.group = way == 3 ? 0 : 1 + (int64_t)(seed / 3 + (uint64_t)way) % 4;
            options.cut = (uint32_t)(seed + 2 * (uint64_t)way) % 5;
            check_forced(seed, options, expected);
        }
    }
}

/* ---- networks ---- */

enum { NET_SIDE = 32, NET_IMAGE = 3 * NET_SIDE * NET_SIDE, CLASSES = 5, NET_BATCH = 6 };

typedef struct net {
    gal_model *model;
    gal_session *session;
} net;

static net load(const char *name, int side, gal_session_options options) {
    net n = {0};
    const gal_zoo_options zoo = {.height = side, .width = side, .classes = CLASSES, .seed = 3};
    assert_ok(gal_zoo_build(name, &zoo, NULL, &n.model, &err), err);
    n.session = plan(n.model->graph, options);
    return n;
}

static void unload(net *n) {
    gal_session_destroy(n->session);
    gal_model_destroy(n->model);
}

static void run_net(const net *n, const float *x, int64_t batch, float *y) {
    const void *in[1] = {x};
    void *out[1] = {y};
    assert_ok(gal_session_run(n->session, batch, in, out, &err), err);
}

static float *pictures(void) {
    float *x = malloc(sizeof *x * NET_BATCH * NET_IMAGE);
    assert_non_null(x);
    for (int i = 0; i < NET_BATCH * NET_IMAGE; i++) x[i] = sinf(0.37f * (float)i) * cosf(0.011f * (float)i);
    return x;
}

/* Two sessions share a pool and run at the same time. */
typedef struct caller {
    net n;
    const float *x;
    float y[NET_BATCH * CLASSES];
} caller;

static void *call(void *argument) {
    caller *c = argument;
    for (int i = 0; i < 10; i++) run_net(&c->n, c->x, NET_BATCH - i % 3, c->y);
    run_net(&c->n, c->x, NET_BATCH, c->y);
    return NULL;
}

static void test_shared_pool(void **state) {
    (void)state;
    float *x = pictures();
    caller c[2];
    pthread_t thread[2];
    gal_session_options options = gal_session_default_options();
    assert_ok(gal_pool_create(3, &options.pool, &err), err);
    options.max_batch = NET_BATCH;
    options.group = 1;
    for (int i = 0; i < 2; i++) c[i] = (caller){.n = load("cxr-resnet10", NET_SIDE, options), .x = x};
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, call, &c[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    assert_memory_equal(c[0].y, c[1].y, sizeof c[0].y);
    for (int i = 0; i < 2; i++) unload(&c[i].n);
    gal_pool_destroy(options.pool);
    free(x);
}

/* Runs of every size allocate nothing, with the clock or without, and give the same numbers. */
static void check_runs(galen_dtype precision) {
    float *x = pictures(), y[NET_BATCH * CLASSES], timed[NET_BATCH * CLASSES];
    gal_session_options options = gal_session_default_options();
    options.max_batch = NET_BATCH;
    options.threads = 2;
    options.group = 2;
    options.precision = precision;
    net n = load("resnet18", NET_SIDE, options); /* its weights are let go of once they are packed */
    double seconds[256], sum = 0;
    const void *in[1] = {x};
    void *out[1] = {timed};
    assert_true(gal_session_steps(n.session) < 256);
    test_count_reset();
    for (int64_t batch = 1; batch <= NET_BATCH; batch++) {
        run_net(&n, x, batch, y);
        assert_ok(gal_session_profile(n.session, batch, in, out, seconds, &err), err);
        assert_memory_equal(y, timed, (size_t)batch * CLASSES * sizeof *y);
    }
    assert_int_equal(test_allocations(), 0);
    for (size_t i = 0; i < gal_session_steps(n.session); i++) {
        assert_true(seconds[i] >= 0);
        sum += seconds[i];
    }
    assert_true(sum > 0);
    unload(&n);
    free(x);
}

static void test_runs(void **state) {
    (void)state;
    check_runs(GALEN_F32);
    check_runs(GALEN_BF16);
}

/* ---- failures ---- */

/* Integers divided by each image's own. */
static gal_graph *divide(void) {
    gal_graph *g = small_graph();
    const gal_shape shape = {.rank = 2, .dim = {{1, true}, {1, false}}};
    const int64_t five[2] = {1, 5};
    gal_value *by, *row;
    assert_ok(gal_graph_input(g, "by", GALEN_F32, &shape, &by, &err), err);
    assert_ok(gal_graph_new_constant(g, "row", GALEN_I64, 2, five, &row, &err), err);
    by = small_with(g, "Cast", by, small_int("to", GALEN_I64));
    by = small_with(g, "Cast", small_op(g, "Div", row, by), small_int("to", GALEN_F32));
    small_output(g, small_op(g, "Neg", by, NULL));
    return g;
}

/* A bad number in one image fails in every schedule, and with several the first group's failure is told each time. */
static void test_bad_data(void **state) {
    (void)state;
    for (int way = 0; way < 3; way++) {
        gal_session_options options = gal_session_default_options();
        gal_graph *g = divide();
        float by[BATCH] = {1, 2, 3, 1, 0, 1, 0}, y[BATCH * 5];
        const void *in[1] = {by};
        void *out[1] = {y};
        options.max_batch = BATCH;
        options.threads = 1 + way;
        options.group = way == 0 ? GAL_GROUP_WHOLE : 2;
        gal_session *s = plan(g, options);
        assert_int_equal(gal_session_segment(s, 0).group, way == 0 ? 0 : 2);
        assert_ok(gal_session_run(s, 4, in, out, &err), err);
        for (int again = 0; again < 20; again++) {
            const char *element = way == 0 ? "element 4)" : "element 0)"; /* of the batch; of a group */
            assert_int_equal(gal_session_run(s, BATCH, in, out, &err), GALEN_ERR_NUMERIC);
            assert_non_null(strstr(err.message, "division by zero"));
            if (way != 1) assert_non_null(strstr(err.message, element));
        }
        assert_ok(gal_session_run(s, 4, in, out, &err), err);
        gal_session_destroy(s);
        gal_graph_destroy(g);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    bool made = false;
    for (long n = 1; n < 400 && !made; n++) {
        gal_graph *g = random_graph(8);
        gal_session_options options = gal_session_default_options();
        gal_session *s = NULL;
        options.max_batch = BATCH;
        options.threads = 2;
        options.group = n % 2 == 0 ? 0 : 2;
        test_fail_allocation(n, 1);
        galen_status status = gal_session_create(g, &options, &s, &err);
        test_fail_allocation(0, 0);
        made = status == GALEN_OK;
        if (!made) assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_session_destroy(s);
        gal_graph_destroy(g);
    }
    assert_true(made);
}

static void test_wrong_group(void **state) {
    (void)state;
    gal_graph *g = random_graph(1);
    gal_session_options options = gal_session_default_options();
    gal_session *s;
    options.group = -1;
    assert_int_equal(gal_session_create(g, &options, &s, &err), GALEN_ERR_ARGUMENT);
    gal_graph_destroy(g);
}

/* ---- what is chosen ---- */

static void check_segments(const gal_session *s) {
    size_t at = 0, n = gal_session_segments(s);
    for (size_t i = 0; i < n; i++) {
        gal_segment_info info = gal_session_segment(s, i);
        assert_int_equal(info.first, at);
        assert_true(info.end > info.first);
        if (info.group > 0) assert_true(info.least >= 1 && info.least <= info.group);
        at = info.end;
    }
    assert_int_equal(at, gal_session_steps(s));
}

/* Large pictures go in small groups first, heavy weights meet many images at once; the choice is the same each time. */
static void test_choice(void **state) {
    (void)state;
    gal_session_options options = gal_session_default_options();
    size_t segments = 0, arena = 0;
    options.max_batch = 32;
    options.threads = 2;
    for (int again = 0; again < 2; again++) {
        net n = load("resnet18", 224, options);
        check_segments(n.session);
        size_t last = gal_session_segments(n.session) - 1;
        gal_segment_info first = gal_session_segment(n.session, 0), end = gal_session_segment(n.session, last);
        if (options.isa > GAL_ISA_REFERENCE) {
            assert_true(first.group > 0 && first.group <= 4);
            assert_true(end.group == 0 || end.group > first.group);
        }
        if (again) assert_int_equal(segments, gal_session_segments(n.session));
        if (again) assert_int_equal(arena, gal_session_arena_bytes(n.session));
        segments = gal_session_segments(n.session);
        arena = gal_session_arena_bytes(n.session);
        unload(&n);
    }
    /* One image, and fewer images than threads: all threads at each step. */
    for (int batch = 1; batch <= 2; batch++) {
        options.max_batch = batch;
        options.threads = 1 + 2 * (batch - 1);
        net n = load("cxr-resnet10", NET_SIDE, options);
        assert_int_equal(gal_session_segments(n.session), 1);
        assert_int_equal(gal_session_segment(n.session, 0).group, 0);
        unload(&n);
    }
}

static void test_explain(void **state) {
    (void)state;
    gal_session_options options = gal_session_default_options();
    gal_buf text;
    options.max_batch = 4;
    options.threads = 2;
    options.group = 2;
    net n = load("cxr-resnet10", NET_SIDE, options);
    gal_buf_init(&text, 1 << 20);
    gal_session_explain(n.session, &text);
    assert_non_null(strstr((const char *)text.data, "segment 0, steps 0 to "));
    assert_non_null(strstr((const char *)text.data, "groups of 2 images"));
    gal_buf_free(&text);
    unload(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),   cmocka_unit_test(test_shared_pool), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_bad_data), cmocka_unit_test(test_no_memory),   cmocka_unit_test(test_wrong_group),
        cmocka_unit_test(test_choice),   cmocka_unit_test(test_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
