/*
 * Concatenations that copy nothing: which inputs are computed in place, and the bits of the plan that copies them all.
 */
#include "base/rng.h"
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "support/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 5, BATCH = 5, CHANNELS = 7, MAX_VALUES = 40, MAX_OUT = 64 };

static galen_error err;

/* ---- graphs as ONNX writes them: channels second ---- */

static gal_graph *start(gal_value **x) {
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {CHANNELS, false}, {SIDE, false}, {SIDE, false}}};
    gal_graph *g;
    assert_ok(gal_graph_create("join", &g, &err), err);
    assert_ok(gal_graph_input(g, "x", GALEN_F32, &shape, x, &err), err);
    return g;
}

static gal_value *add_node(gal_graph *g, const char *op, gal_value **in, uint32_t n_in, const gal_attr *attr,
                           uint32_t n_attr) {
    gal_node *made;
    const gal_node_spec spec = {.op = op, .n_in = n_in, .n_out = 1, .in = in, .attr = attr, .n_attr = n_attr};
    assert_ok(gal_graph_node(g, &spec, &made, &err), err);
    return made->out[0];
}

static gal_value *weights(gal_graph *g, int rank, const int64_t *dim, float scale) {
    gal_rng rng = gal_rng_make(7, g->n_value); /* the same in every graph built alike */
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, rank, dim, &value, &err), err);
    float *w = value->constant->data;
    for (int64_t i = 0; i < galen_tensor_elements(value->constant); i++)
        w[i] = scale * (float)(2 * gal_rng_uniform(&rng) - 1);
    return value;
}

static int64_t channels_of(const gal_value *value) {
    return value->shape.dim[1].size;
}

static gal_value *conv(gal_graph *g, gal_value *x, int64_t channels, int64_t window) {
    const int64_t dim[4] = {channels, channels_of(x), window, window}, pad = window / 2;
    const int64_t pads[4] = {pad, pad, pad, pad};
    const gal_attr attr = {.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4};
    gal_value *in[3] = {x, weights(g, 4, dim, 1 / sqrtf((float)(dim[1] * window * window))), weights(g, 1, dim, 1)};
    return add_node(g, "Conv", in, 3, &attr, 1);
}

static gal_value *norm(gal_graph *g, gal_value *x) {
    const int64_t dim = channels_of(x);
    gal_value *in[5] = {x};
    for (int i = 1; i < 5; i++) in[i] = weights(g, 1, &dim, 1);
    for (int64_t c = 0; c < dim; c++) ((float *)in[4]->constant->data)[c] += 2; /* a variance is positive */
    return add_node(g, "BatchNormalization", in, 5, NULL, 0);
}

static gal_value *unary(gal_graph *g, const char *op, gal_value *x) {
    return add_node(g, op, &x, 1, NULL, 0);
}

static gal_value *pool(gal_graph *g, gal_value *x) {
    const int64_t window[2] = {3, 3}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[2] = {{.name = "kernel_shape", .type = GAL_ATTR_INTS, .ints = window, .count = 2},
                              {.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4}};
    return add_node(g, "MaxPool", &x, 1, attr, 2);
}

static gal_value *concat(gal_graph *g, gal_value **in, uint32_t n) {
    const gal_attr axis = {.name = "axis", .type = GAL_ATTR_INT, .i = 1};
    return add_node(g, "Concat", in, n, &axis, 1);
}

static void output(gal_graph *g, gal_value *value) {
    assert_ok(gal_graph_mark_output(g, value, &err), err);
}

/* ---- sessions ---- */

typedef struct plan {
    gal_graph *graph;
    gal_session *session;
    float *out[MAX_OUT];
} plan;

static plan make(gal_graph *g, gal_session_options options) {
    plan p = {.graph = g};
    options.max_batch = BATCH;
    assert_ok(gal_session_create(g, &options, &p.session, &err), err);
    assert_ok(gal_graph_verify(g, &err), err);
    return p;
}

static void drop(plan *p) {
    gal_session_destroy(p->session);
    gal_graph_destroy(p->graph);
    for (int k = 0; k < MAX_OUT; k++) free(p->out[k]);
}

static size_t output_bytes(const plan *p, uint32_t k, int64_t batch) {
    galen_tensor tensor;
    const gal_value *value = p->graph->output[k];
    gal_shape_at(&value->shape, value->dtype, batch, &tensor);
    return (size_t)galen_tensor_bytes(&tensor);
}

static void run(plan *p, const float *x, int64_t batch) {
    const void *in[1] = {x};
    void *out[MAX_OUT];
    for (uint32_t k = 0; k < p->graph->n_output; k++) {
        if (p->out[k] == NULL) p->out[k] = malloc(output_bytes(p, k, BATCH));
        assert_non_null(p->out[k]);
        memset(p->out[k], 0xff, output_bytes(p, k, BATCH));
        out[k] = p->out[k];
    }
    assert_ok(gal_session_run(p->session, batch, in, out, &err), err);
}

static int count_op(const plan *p, const char *op) {
    int n = 0;
    for (size_t i = 0; i < gal_session_steps(p->session); i++)
        n += strcmp(gal_session_step(p->session, i).node->op->name, op) == 0;
    return n;
}

static int count_in_place(const plan *p) {
    int n = 0;
    for (size_t i = 0; i < gal_session_steps(p->session); i++)
        n += strcmp(gal_session_step(p->session, i).kernel, "in place") == 0;
    return n;
}

static void draw(float *x, int64_t n, int salt) {
    for (int64_t i = 0; i < n; i++) x[i] = sinf(0.37f * (float)(i + salt)) + cosf(0.011f * (float)(i * salt));
}

/* Both plans on two inputs in turn and every batch: what one run leaves in memory shows in the next. */
static void expect_same(plan *joined, plan *copying) {
    static float x[BATCH * CHANNELS * SIDE * SIDE];
    for (int64_t batch = BATCH; batch >= 1; batch--) {
        draw(x, batch * CHANNELS * SIDE * SIDE, (int)batch);
        run(joined, x, batch);
        run(copying, x, batch);
        for (uint32_t k = 0; k < joined->graph->n_output; k++)
            assert_memory_equal(joined->out[k], copying->out[k], output_bytes(joined, k, batch));
    }
}

typedef void build_fn(gal_graph *g, gal_value *x, uint64_t seed);

/* The joined plan of a graph after it gave the copying plan's bits, at every level and on both numbers of threads. */
static plan check(build_fn *build, uint64_t seed) {
    plan joined = {0};
    for (int level = 0; level <= (int)gal_isa_detect(); level++) {
        for (int threads = 1; threads <= 2; threads++) {
            plan both[2];
            for (int copies = 0; copies < 2; copies++) {
                gal_session_options options = gal_session_default_options();
                gal_value *x;
                gal_graph *g = start(&x);
                build(g, x, seed);
                options.isa = (gal_isa)level, options.threads = threads, options.copy_concats = copies;
                if (threads == 2 && copies == 0) options.group = 1, options.cut = (uint32_t)(seed % 4) * 3;
                both[copies] = make(g, options);
            }
            assert_int_equal(count_in_place(&both[1]), 0);
            expect_same(&both[0], &both[1]);
            drop(&both[1]);
            if (joined.session != NULL) drop(&joined);
            joined = both[0];
        }
    }
    return joined;
}

/* At the reference level nothing takes a pitch: counts hold where there are fast rows. */
static bool has_rows(void) {
    return gal_isa_detect() >= GAL_ISA_AVX2;
}

/* ---- which are free ---- */

/* Each reads all before it, as in DenseNet. */
static void build_dense(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    gal_value *feature[5] = {conv(g, x, 9, 1)};
    for (uint32_t i = 1; i < 5; i++) {
        gal_value *all = i == 1 ? feature[0] : concat(g, feature, i);
        feature[i] = conv(g, unary(g, "Relu", norm(g, all)), 3, 3);
    }
    output(g, conv(g, concat(g, feature, 5), 4, 1));
}

static void test_prefixes(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_dense, 0);
    assert_int_equal(count_op(&p, "Concat"), 4);
    assert_int_equal(count_in_place(&p), 4);
    assert_int_equal(count_op(&p, "Copy"), 0);
    drop(&p);
}

/* Concat(Concat(Concat(a, b), c), d): the outputs are slices of one another. */
static void build_nested(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    gal_value *all = conv(g, x, 5, 1);
    for (int i = 0; i < 3; i++) all = concat(g, (gal_value *[]){all, conv(g, norm(g, all), 2 + i, 3)}, 2);
    output(g, conv(g, all, 6, 1));
}

static void test_nested(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_nested, 0);
    assert_int_equal(count_in_place(&p), 3);
    assert_int_equal(count_op(&p, "Copy"), 0);
    drop(&p);
}

/* The first feature is also read by an op without a pitched row: it alone is copied, once for four Concats. */
static void build_one_outsider(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    gal_value *feature[5] = {conv(g, x, 9, 1)};
    output(g, unary(g, "Abs", feature[0]));
    for (uint32_t i = 1; i < 5; i++) {
        gal_value *all = i == 1 ? feature[0] : concat(g, feature, i);
        feature[i] = conv(g, norm(g, all), 3, 3);
    }
    output(g, conv(g, concat(g, feature, 5), 4, 1));
}

static void test_copied_once(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_one_outsider, 0);
    assert_int_equal(count_in_place(&p), 4);
    assert_int_equal(count_op(&p, "Copy"), 1);
    drop(&p);
}

static void build_twice(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    gal_value *a = conv(g, x, 3, 1), *b = conv(g, x, 4, 1);
    output(g, conv(g, concat(g, (gal_value *[]){a, b, a, a}, 4), 6, 1));
}

static void test_same_value_twice(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_twice, 0);
    assert_int_equal(count_in_place(&p), 1);
    assert_int_equal(count_op(&p, "Copy"), 2);
    drop(&p);
}

/* Channels last from input to output, so that no Transpose stands between: rows of a matrix. */
static gal_value *product(gal_graph *g, gal_value *x, int64_t columns) {
    const int64_t dim[2] = {x->shape.dim[1].size, columns};
    return add_node(g, "MatMul", (gal_value *[]){x, weights(g, 2, dim, 1)}, 2, NULL, 0);
}

static void build_output(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    const gal_attr axis = {.name = "axis", .type = GAL_ATTR_INT, .i = 1};
    gal_value *flat = add_node(g, "Flatten", &x, 1, NULL, 0);
    gal_value *a = product(g, flat, 6), *b = product(g, flat, 9), *c = product(g, flat, 2);
    gal_value *ab = add_node(g, "Concat", (gal_value *[]){a, b}, 2, &axis, 1);
    gal_value *abc = add_node(g, "Concat", (gal_value *[]){a, b, c}, 3, &axis, 1);
    output(g, product(g, ab, 3));
    output(g, abc);
    output(g, unary(g, "Abs", abc));
}

/* Written straight into the caller's memory; what follows from it is not done over it. */
static void test_graph_output(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_output, 0);
    assert_int_equal(count_in_place(&p), 2);
    assert_int_equal(count_op(&p, "Copy"), 0);
    assert_int_equal(gal_session_arena_bytes(p.session), 0);
    drop(&p);
}

/* Normalisation of training reads its features in place, forward as first input and backward as second. */
static void build_training(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    const gal_attr axis = {.name = "axis", .type = GAL_ATTR_INT, .i = 1};
    const int64_t dim = 35;
    gal_value *flat = add_node(g, "Flatten", &x, 1, NULL, 0), *dy = product(g, flat, dim);
    gal_value *part[3] = {product(g, flat, 6), product(g, flat, 20), product(g, flat, 9)};
    output(g, product(g, add_node(g, "Concat", part, 2, &axis, 1), 3));
    gal_value *all = add_node(g, "Concat", part, 3, &axis, 1), *in[5] = {all};
    for (int i = 1; i < 5; i++) in[i] = weights(g, 1, &dim, 1);
    gal_node *forward, *backward;
    const gal_node_spec norm = {.domain = "galen", .op = "BatchNorm", .n_in = 5, .n_out = 5, .in = in};
    assert_ok(gal_graph_node(g, &norm, &forward, &err), err);
    gal_value *back[5] = {dy, all, in[1], forward->out[1], forward->out[2]};
    const gal_node_spec gradient = {.domain = "galen", .op = "BatchNormGrad", .n_in = 5, .n_out = 3, .in = back};
    assert_ok(gal_graph_node(g, &gradient, &backward, &err), err);
    output(g, forward->out[0]);
    for (int i = 0; i < 3; i++) output(g, backward->out[i]);
}

static void test_training(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_training, 0);
    assert_int_equal(count_in_place(&p), 2);
    assert_int_equal(count_op(&p, "Copy"), 0);
    drop(&p);
}

/* A Concat the caller wants, and its inputs in a wider one: they are copied from there. A wanted input is copied too.
 */
static void build_wanted(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    const gal_attr axis = {.name = "axis", .type = GAL_ATTR_INT, .i = 1};
    gal_value *flat = add_node(g, "Flatten", &x, 1, NULL, 0);
    gal_value *a = product(g, flat, 6), *b = product(g, flat, 9), *c = product(g, flat, 2);
    gal_value *ab = add_node(g, "Concat", (gal_value *[]){a, b}, 2, &axis, 1);
    gal_value *all = add_node(g, "Concat", (gal_value *[]){a, b, c, flat}, 4, &axis, 1);
    output(g, ab);
    output(g, c);
    output(g, product(g, all, 3));
}

static void test_wanted(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_wanted, 0);
    assert_int_equal(count_in_place(&p), 2);
    assert_int_equal(count_op(&p, "Copy"), 4); /* a and b for the output, c and the input for the wider one */
    drop(&p);
}

/* A gradient with parameters' beside it takes over the memory of what arrives, unless somebody reads that later. */
static plan plan_gradient(bool read_later) {
    gal_value *x;
    gal_graph *g = start(&x);
    const int64_t dim = 35;
    gal_value *flat = add_node(g, "Flatten", &x, 1, NULL, 0), *seen = product(g, flat, dim);
    gal_value *dy = unary(g, "Tanh", product(g, flat, dim)), *in[6] = {dy, seen};
    for (int i = 2; i < 6; i++) in[i] = weights(g, 1, &dim, 1);
    gal_node *made;
    const gal_attr relu = {.name = "activation", .type = GAL_ATTR_STRING, .s = "Relu"};
    const gal_node_spec spec = {
        .domain = "galen", .op = "BatchNormGrad", .n_in = 6, .n_out = 3, .in = in, .attr = &relu, .n_attr = 1};
    assert_ok(gal_graph_node(g, &spec, &made, &err), err);
    output(g, product(g, made->out[0], 3));
    output(g, made->out[1]);
    output(g, made->out[2]);
    if (read_later) output(g, product(g, dy, 2));
    return make(g, gal_session_default_options());
}

static void test_gradient_over_what_arrives(void **state) {
    (void)state;
    static float x[BATCH * CHANNELS * SIDE * SIDE];
    plan over = plan_gradient(false), beside = plan_gradient(true);
    draw(x, BATCH * CHANNELS * SIDE * SIDE, 3);
    run(&over, x, BATCH);
    run(&beside, x, BATCH);
    for (uint32_t k = 0; k < 3; k++) assert_memory_equal(over.out[k], beside.out[k], output_bytes(&over, k, BATCH));
    assert_true(gal_session_arena_bytes(over.session) < gal_session_arena_bytes(beside.session));
    drop(&over);
    drop(&beside);
}

/* The last reader of all could work in place, but its input is a slice: memory for it alone has other pixels. */
static void build_last_reader(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    gal_value *narrow = conv(g, x, 3, 1), *wide = conv(g, x, 130, 1);
    output(g, conv(g, concat(g, (gal_value *[]){narrow, wide}, 2), 6, 1));
    output(g, conv(g, unary(g, "Relu", norm(g, wide)), 6, 1));
}

static void test_last_reader(void **state) {
    (void)state;
    if (!has_rows()) skip();
    plan p = check(build_last_reader, 0);
    assert_int_equal(count_in_place(&p), 1);
    assert_int_equal(count_op(&p, "Copy"), 0);
    assert_int_equal(count_op(&p, "ScaleShift"), 1);
    drop(&p);
}

/* Nothing could be computed in place: left to one Concat that copies. */
static void build_all_outsiders(gal_graph *g, gal_value *x, uint64_t seed) {
    (void)seed;
    output(g, concat(g, (gal_value *[]){unary(g, "Abs", x), unary(g, "Neg", x), x}, 3));
}

static void test_left_alone(void **state) {
    (void)state;
    plan p = check(build_all_outsiders, 0);
    assert_int_equal(count_in_place(&p), 0);
    assert_int_equal(count_op(&p, "Copy"), 0);
    drop(&p);
}

/* ---- random graphs ---- */

static int64_t pick(gal_rng *rng, int64_t n) {
    return (int64_t)(gal_rng_uniform(rng) * (double)n);
}

static gal_value *random_node(gal_graph *g, gal_rng *rng, gal_value **value, int64_t n) {
    gal_value *a = value[pick(rng, n)], *in[5];
    switch (pick(rng, 10)) {
    case 0: return unary(g, "Relu", a);
    case 1: return unary(g, "Abs", a);
    case 2: return norm(g, a);
    case 3: return unary(g, "Relu", norm(g, a));
    case 4: return pool(g, a);
    case 5:
    case 6: return conv(g, a, 1 + pick(rng, 40), 1 + 2 * pick(rng, 2));
    default: break;
    }
    uint32_t parts = (uint32_t)(2 + pick(rng, 4));
    int64_t width = 0, first = pick(rng, n);
    bool run_on = pick(rng, 2) == 0; /* neighbours, so that prefixes and other runs appear */
    for (uint32_t i = 0; i < parts; i++) {
        in[i] = value[run_on ? (first + i) % n : pick(rng, n)];
        width += channels_of(in[i]);
    }
    return width <= 200 ? concat(g, in, parts) : conv(g, a, 1 + pick(rng, 8), 1);
}

static void build_random(gal_graph *g, gal_value *x, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 0);
    gal_value *value[MAX_VALUES] = {x};
    int64_t n = 1;
    while (n < MAX_VALUES) {
        value[n] = random_node(g, &rng, value, n);
        n++;
    }
    output(g, value[n - 1]);
    for (int i = 0; i < 6; i++) {
        gal_value *wanted = value[1 + pick(&rng, n - 1)];
        if (!wanted->is_output) output(g, wanted);
    }
}

static void test_random(void **state) {
    (void)state;
    int in_place = 0, copies = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        plan p = check(build_random, seed);
        in_place += count_in_place(&p);
        copies += count_op(&p, "Copy");
        drop(&p);
    }
    print_message("%d concatenations in place with %d copies\n", in_place, copies);
    if (has_rows()) assert_true(in_place > 40 && copies > 40);
}

/* ---- a real network ---- */

enum { PICTURE = 64, CLASSES = 5 };

static plan make_zoo(const char *name, galen_dtype precision, bool copies) {
    const gal_zoo_options zoo = {.height = PICTURE, .width = PICTURE, .classes = CLASSES, .seed = 3};
    gal_session_options options = gal_session_default_options();
    gal_model *model;
    assert_ok(gal_zoo_build(name, &zoo, NULL, &model, &err), err);
    options.precision = precision, options.copy_concats = copies, options.threads = 2;
    gal_graph *graph = model->graph;
    model->graph = NULL;
    plan p = make(graph, options);
    gal_model_destroy(model);
    return p;
}

static void check_zoo(galen_dtype precision) {
    enum { IMAGE = 3 * PICTURE * PICTURE };
    plan joined = make_zoo("densenet121", precision, false), copying = make_zoo("densenet121", precision, true);
    float *x = malloc(sizeof *x * (BATCH + BATCH * IMAGE)); /* each batch begins elsewhere */
    draw(x, BATCH + BATCH * IMAGE, 1);
    for (int64_t batch = BATCH; batch >= 1; batch -= 2) {
        run(&joined, x + batch, batch);
        run(&copying, x + batch, batch);
        assert_memory_equal(joined.out[0], copying.out[0], (size_t)batch * CLASSES * sizeof(float));
    }
    if (has_rows() && count_op(&joined, "Concat") == count_in_place(&joined)) {
        assert_int_equal(count_op(&joined, "Copy"), 0);
        assert_true(gal_session_arena_bytes(joined.session) <= gal_session_arena_bytes(copying.session) * 9 / 8);
    } else {
        assert_false(has_rows() && precision == GALEN_F32);
    }
    assert_int_equal(count_in_place(&copying), 0);
    free(x);
    drop(&joined);
    drop(&copying);
}

static void test_densenet(void **state) {
    (void)state;
    check_zoo(GALEN_F32);
}

static void test_densenet_bf16(void **state) {
    (void)state;
    check_zoo(GALEN_BF16);
}

static void test_no_memory(void **state) {
    (void)state;
    for (long n = 1; n < 200; n++) {
        gal_value *x;
        gal_graph *g = start(&x);
        build_one_outsider(g, x, 0);
        gal_session_options options = gal_session_default_options();
        gal_session *s = NULL;
        options.threads = 1;
        test_fail_allocation(n, 1);
        galen_status status = gal_session_create(g, &options, &s, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_session_destroy(s);
        gal_graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_nested),
        cmocka_unit_test(test_copied_once),  cmocka_unit_test(test_same_value_twice),
        cmocka_unit_test(test_graph_output), cmocka_unit_test(test_training),
        cmocka_unit_test(test_wanted),       cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_last_reader),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_densenet),     cmocka_unit_test(test_densenet_bf16),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_gradient_over_what_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
