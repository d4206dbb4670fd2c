/*
 * Gradients of features that many layers read: nested concatenations, shared moments and sums in place against the
 * plain walk, in f64 and f32, and what is left of its slices and sums. The plain walk's rules are compared with
 * differences in test_backward.
 */
#include "base/rng.h"
#include "graph/ops/types.h"
#include "pass/rewrite.h"
#include "session/session.h"
#include "support/shared.h"
#include "train/backward.h"
#include "train/dense_grad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 5, GROWTH = 3, FIRST = 4, SIDE = 3, BATCH = 3, MAX_TARGETS = 3 * LAYERS + 4 };

static galen_error err;

typedef struct block {
    gal_graph *graph;
    galen_dtype dtype;
    gal_value *target[MAX_TARGETS];
    size_t n_target;
    gal_value *loss;
    gal_session *session;
    double result[MAX_TARGETS + 1][512]; /* of the session's type; the loss last */
    void *out[MAX_TARGETS + 1];
} block;

typedef struct wish {
    bool chained, relu, other_reader; /* other_reader: of a Concat in the middle, besides its normalisation */
    galen_dtype dtype;
    int threads;
} wish;

static gal_value *add(block *b, const char *domain, const char *op, gal_value *const *in, uint32_t n_in, uint32_t n_out,
                      const gal_attr *attr, uint32_t n_attr) {
    gal_node *node;
    const gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = n_in, .n_out = n_out, .in = in, .attr = attr, .n_attr = n_attr};
    assert_ok(gal_graph_node(b->graph, &spec, &node, &err), err);
    return node->out[0];
}

/* The same numbers for the same name. */
static gal_value *constant(block *b, uint64_t name, int rank, const int64_t *dim, double low, double high) {
    gal_value *value;
    gal_rng rng = gal_rng_make(11, name);
    assert_ok(gal_graph_new_constant(b->graph, NULL, b->dtype, rank, dim, &value, &err), err);
    size_t size = galen_dtype_size(b->dtype);
    for (int64_t i = 0; i < galen_tensor_elements(value->constant); i++)
        gal_store_float(b->dtype, (char *)value->constant->data + (size_t)i * size,
                        low + (high - low) * gal_rng_uniform(&rng));
    return value;
}

static gal_value *parameter(block *b, uint64_t name, int rank, const int64_t *dim, double low, double high) {
    return b->target[b->n_target++] = constant(b, name, rank, dim, low, high);
}

static gal_value *norm(block *b, gal_value *x, uint64_t name, bool relu) {
    const int64_t c = x->shape.dim[3].size;
    const gal_attr attr = gal_attr_of_text("activation", "Relu");
    gal_value *in[7] = {x, parameter(b, name, 1, &c, 0.5, 1.5), parameter(b, name + 1, 1, &c, -0.5, 0.5),
                        constant(b, name, 1, &c, -1, 1), constant(b, name, 1, &c, 1, 2)};
    return add(b, "galen", "BatchNorm", in, 7, 5, &attr, relu);
}

static gal_value *join(block *b, gal_value *const *part, uint32_t n) {
    const gal_attr axis = gal_attr_of_int("axis", n % 2 == 0 ? 3 : -1);
    return n == 1 ? part[0] : add(b, "", "Concat", part, n, 1, &axis, 1);
}

/* Adds the sum of y times fixed numbers to the loss. */
static void weigh(block *b, gal_value *y, uint64_t name) {
    const int64_t dim[4] = {BATCH, SIDE, SIDE, y->shape.dim[3].size};
    gal_value *pair[2] = {y, constant(b, name, 4, dim, -1, 1)}, *product = add(b, "", "Mul", pair, 2, 1, NULL, 0);
    const gal_attr keep = gal_attr_of_int("keepdims", 0);
    gal_value *sum[2] = {b->loss, add(b, "", "ReduceSum", &product, 1, 1, &keep, 1)};
    b->loss = b->loss == NULL ? sum[1] : add(b, "", "Add", sum, 2, 1, NULL, 0);
}

/* Every layer reads all features before it; so does the end. */
static void forward(block *b, const wish *w) {
    const int64_t first[4] = {BATCH, SIDE, SIDE, FIRST};
    gal_value *feature[LAYERS + 1] = {parameter(b, 1, 4, first, -1, 2)};
    for (uint32_t i = 0; i < LAYERS; i++) {
        gal_value *all = join(b, feature, i + 1), *in[2] = {norm(b, all, 10 + 3 * i, w->relu)};
        const int64_t dim[4] = {GROWTH, all->shape.dim[3].size, 1, 1};
        in[1] = parameter(b, 12 + 3 * i, 4, dim, -1, 1);
        feature[i + 1] = add(b, "galen", "Conv", in, 2, 1, NULL, 0);
        if (w->other_reader && i == 2) weigh(b, all, 200);
    }
    weigh(b, norm(b, join(b, feature, LAYERS + 1), 100, w->relu), 201);
}

static block make(const wish *w) {
    block b = {.dtype = w->dtype};
    gal_value *gradient[MAX_TARGETS];
    assert_ok(gal_graph_create("block", &b.graph, &err), err);
    forward(&b, w);
    if (w->chained) assert_ok(gal_train_nest(b.graph, &err), err);
    assert_ok(gal_graph_verify(b.graph, &err), err);
    assert_ok(gal_train_backward(b.graph, b.loss, NULL, b.target, b.n_target, gradient, &err), err);
    for (size_t i = 0; i < b.n_target; i++) {
        gal_value *own = add(&b, "", "Identity", &gradient[i], 1, 1, NULL, 0);
        assert_ok(gal_graph_mark_output(b.graph, own, &err), err);
    }
    assert_ok(gal_graph_mark_output(b.graph, b.loss, &err), err);
    if (w->chained) assert_ok(gal_train_sum_dense(b.graph, &err), err);
    assert_ok(gal_graph_verify(b.graph, &err), err);
    gal_session_options options = gal_session_default_options();
    options.optimise = false, options.threads = w->threads;
    assert_ok(gal_session_create(b.graph, &options, &b.session, &err), err);
    return b;
}

static void run(block *b) {
    for (size_t i = 0; i <= b->n_target; i++) b->out[i] = b->result[i];
    assert_ok(gal_session_run(b->session, 1, NULL, b->out, &err), err);
}

static void drop(block *b) {
    gal_session_destroy(b->session);
    gal_graph_destroy(b->graph);
}

static int count(const block *b, const char *op) {
    int n = 0;
    for (const gal_node *node = b->graph->first; node != NULL; node = node->next) n += strcmp(node->op->name, op) == 0;
    return n;
}

static double at(const block *b, size_t i, int64_t k) {
    return gal_load_f64(b->dtype, (const char *)b->result[i] + (size_t)k * galen_dtype_size(b->dtype));
}

static void expect_near(const block *a, const block *b, double tolerance) {
    for (size_t i = 0; i < a->n_target; i++) {
        double largest = 0.1; /* some gradients are nothing but rounding */
        int64_t n = galen_tensor_elements(a->target[i]->constant);
        for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(at(a, i, k)));
        for (int64_t k = 0; k < n; k++)
            if (!(fabs(at(a, i, k) - at(b, i, k)) <= tolerance * largest))
                fail_msg("target %d, element %d: %.9g is not %.9g", (int)i, (int)k, at(b, i, k), at(a, i, k));
    }
    assert_true(fabs(at(a, a->n_target, 0) - at(b, a->n_target, 0)) <= tolerance * fabs(at(a, a->n_target, 0)));
}

static void compare(wish w, double tolerance) {
    block plain = make(&w);
    w.chained = true;
    block chained = make(&w);
    run(&plain);
    run(&chained);
    expect_near(&plain, &chained, tolerance);
    w.threads = 2;
    block twice = make(&w);
    run(&twice);
    for (size_t i = 0; i <= chained.n_target; i++)
        assert_memory_equal(chained.result[i], twice.result[i], sizeof chained.result[i]);
    drop(&plain);
    drop(&chained);
    drop(&twice);
}

static void test_same_gradients(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        const wish w = {.relu = k & 1, .other_reader = k & 2, .dtype = GALEN_F64, .threads = 1};
        compare(w, 1e-10);
    }
}

static void test_same_gradients_f32(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        const wish w = {.relu = k & 1, .dtype = GALEN_F32, .threads = 1};
        compare(w, 2e-5);
    }
}

/* One sum a layer and one end a feature; of slices only that of the last feature, which no layer has added to. */
static void test_nothing_grows_with_the_square(void **state) {
    (void)state;
    const wish w = {.relu = true, .chained = true, .dtype = GALEN_F32, .threads = 1};
    block b = make(&w);
    assert_int_equal(count(&b, "NormGradSum"), LAYERS);
    assert_int_equal(count(&b, "NormGradEnd"), LAYERS);
    assert_int_equal(count(&b, "Slice"), 1);
    assert_int_equal(count(&b, "Add"), 0);
    assert_int_equal(count(&b, "BatchNormGrad"), 1);
    assert_int_equal(count(&b, "Moments"), LAYERS + 1);
    assert_int_equal(count(&b, "Concat"), 3 * LAYERS); /* features, means, variances */
    for (const gal_node *node = b.graph->first; node != NULL; node = node->next)
        if (strcmp(node->op->name, "Concat") == 0) assert_int_equal(node->n_in, 2);
    drop(&b);
}

/* Concats that begin alike but for one input, or whose prefix comes later, are left alone. */
static void test_no_prefix(void **state) {
    (void)state;
    block b = {.dtype = GALEN_F32};
    const int64_t dim[4] = {BATCH, SIDE, SIDE, 2};
    const gal_attr axis = gal_attr_of_int("axis", 3), rows = gal_attr_of_int("axis", 1);
    gal_value *part[4];
    assert_ok(gal_graph_create("concats", &b.graph, &err), err);
    for (int i = 0; i < 4; i++) part[i] = constant(&b, (uint64_t)i, 4, dim, 0, 1);
    gal_value *wide = add(&b, "", "Concat", part, 3, 1, &axis, 1);
    gal_value *other = add(&b, "", "Concat", (gal_value *[]){part[0], part[3], part[2], part[1]}, 4, 1, &axis, 1);
    gal_value *late = add(&b, "", "Concat", part, 2, 1, &axis, 1), *down = add(&b, "", "Concat", part, 2, 1, &rows, 1);
    gal_value *kept[4] = {wide, other, late, down};
    for (int i = 0; i < 4; i++) assert_ok(gal_graph_mark_output(b.graph, kept[i], &err), err);
    assert_ok(gal_train_nest(b.graph, &err), err);
    for (int i = 0; i < 4; i++) assert_ptr_equal(b.graph->output[i], kept[i]);
    assert_int_equal(count(&b, "Moments"), 0);
    gal_graph_destroy(b.graph);
}

static void test_no_memory(void **state) {
    (void)state;
    const wish w = {.relu = true, .dtype = GALEN_F64, .threads = 1};
    galen_status status = GALEN_ERR_MEMORY;
    for (long n = 1; status == GALEN_ERR_MEMORY && n < 200; n++) {
        block b = {.dtype = w.dtype};
        gal_value *gradient[MAX_TARGETS];
        assert_ok(gal_graph_create("block", &b.graph, &err), err);
        forward(&b, &w);
        test_fail_allocation(n, 1);
        status = gal_train_nest(b.graph, &err);
        if (status == GALEN_OK)
            status = gal_train_backward(b.graph, b.loss, NULL, b.target, b.n_target, gradient, &err);
        if (status == GALEN_OK) status = gal_train_sum_dense(b.graph, &err);
        test_fail_allocation(0, 0);
        gal_graph_destroy(b.graph);
    }
    assert_int_equal(status, GALEN_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_gradients),
        cmocka_unit_test(test_same_gradients_f32),
        cmocka_unit_test(test_nothing_grows_with_the_square),
        cmocka_unit_test(test_no_prefix),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
