/*
 * Every gradient rule against central differences in f64: the loss is a fixed random combination of a small graph's
 * outputs, and what the walk appends is run by an ordinary session.
 */
#include "base/error.h"
#include "base/rng.h"
#include "graph/grad.h"
#include "graph/ops/types.h"
#include "session/session.h"
#include "support/shared.h"
#include "train/backward.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUTS = 5, MAX_ELEMENTS = 4096 };

static galen_error err;

/* One node, or a chain that `build` makes, of operands that may vary. */
typedef struct subject {
    const char *op, *domain;
    int n_in;
    int rank[MAX_INPUTS];
    int64_t dim[MAX_INPUTS][4];
    int n_fixed;      /* the last n_fixed operands have no gradient asked for */
    double low, high; /* of the operands' elements */
    gal_attr attr[6];
    uint32_t n_attr;
    uint32_t absent;        /* operands between those and the integers */
    const int64_t *ints[4]; /* integer operands behind the others, counts below */
    size_t n_ints[4];
    uint32_t n_out;
} subject;

typedef struct bench {
    gal_graph *graph;
    gal_value *in[MAX_INPUTS + 4];
    double *data[MAX_INPUTS];
    gal_session *session;
    double loss, *gradient[MAX_INPUTS];
    void *out[1 + MAX_INPUTS];
    uint32_t n_in;
} bench;

static gal_value *add(bench *b, const char *domain, const char *op, gal_value *const *in, uint32_t n_in,
                      const gal_attr *attr, uint32_t n_attr, uint32_t n_out) {
    gal_node *node;
    const gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = n_in, .n_out = n_out, .in = in, .attr = attr, .n_attr = n_attr};
    assert_ok(gal_graph_node(b->graph, &spec, &node, &err), err);
    return node->out[0];
}

/* Distinct values a little apart, so that maxima and kinks stay on their side of a small step. */
static void fill(double *data, int64_t n, double low, double high, gal_rng *rng) {
    for (int64_t i = 0; i < n; i++) {
        double u = ((double)((i * 37 + 11) % n) + 0.25 + 0.5 * gal_rng_uniform(rng)) / (double)n;
        data[i] = low + (high - low) * u;
        if (fabs(data[i]) < 1e-3) data[i] += 2e-3;
    }
}

static gal_value *constant(bench *b, int rank, const int64_t *dim, double low, double high, gal_rng *rng) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(b->graph, NULL, GALEN_F64, rank, dim, &value, &err), err);
    int64_t n = galen_tensor_elements(value->constant);
    assert_true(n <= MAX_ELEMENTS);
    fill(value->constant->data, n, low, high, rng);
    return value;
}

/* loss = sum(r0 y0 + ...) over the outputs that are floating point and fixed. */
static gal_value *combine(bench *b, gal_node *node, gal_rng *rng) {
    gal_value *total = NULL;
    for (uint32_t i = 0; i < node->n_out; i++) {
        gal_value *y = node->out[i];
        int64_t dim[GALEN_MAX_RANK];
        if (i > 0 && strcmp(node->op->domain, "galen") == 0) break; /* statistics and ready-made gradients */
        for (int k = 0; k < y->shape.rank; k++) dim[k] = y->shape.dim[k].size;
        gal_value *pair[2] = {y, constant(b, y->shape.rank, dim, -1, 1, rng)};
        gal_value *product = add(b, "", "Mul", pair, 2, NULL, 0, 1);
        const gal_attr keep = {.name = "keepdims", .type = GAL_ATTR_INT, .i = 0};
        gal_value *sum[2] = {total, add(b, "", "ReduceSum", &product, 1, &keep, 1, 1)};
        total = total == NULL ? sum[1] : add(b, "", "Add", sum, 2, NULL, 0, 1);
    }
    return total;
}

static void build(bench *b, const subject *s, gal_rng *rng) {
    gal_value *target[MAX_INPUTS], *gradient[MAX_INPUTS];
    assert_ok(gal_graph_create("backward", &b->graph, &err), err);
    for (int i = 0; i < s->n_in; i++) {
        b->in[i] = constant(b, s->rank[i], s->dim[i], s->low, s->high, rng);
        b->data[i] = malloc((size_t)galen_tensor_bytes(b->in[i]->constant) + 64);
        assert_ok(gal_graph_make_variable(b->graph, b->in[i], b->data[i], &err), err);
        target[i] = b->in[i];
    }
    b->n_in = (uint32_t)s->n_in + s->absent;
    for (int i = 0; i < 4 && s->ints[i] != NULL; i++)
        assert_ok(gal_graph_ints(b->graph, NULL, s->ints[i], s->n_ints[i], &b->in[b->n_in++], &err), err);
    gal_value *y = add(b, s->domain, s->op, b->in, b->n_in, s->attr, s->n_attr, s->n_out > 0 ? s->n_out : 1);
    gal_value *loss = combine(b, y->producer, rng);
    size_t n = (size_t)(s->n_in - s->n_fixed);
    assert_ok(gal_train_backward(b->graph, loss, NULL, target, n, gradient, &err), err);
    assert_ok(gal_graph_mark_output(b->graph, loss, &err), err);
    b->out[0] = &b->loss;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(gradient[i]);
        assert_true(gal_shape_equal(&gradient[i]->shape, &target[i]->shape));
        gal_value *own = add(b, "", "Identity", &gradient[i], 1, NULL, 0, 1);
        assert_ok(gal_graph_mark_output(b->graph, own, &err), err);
        b->out[i + 1] = b->gradient[i] = calloc(MAX_ELEMENTS, sizeof(double));
    }
    gal_session_options options = gal_session_default_options();
    options.optimise = false, options.threads = 1;
    assert_ok(gal_session_create(b->graph, &options, &b->session, &err), err);
}

static double loss_of(bench *b) {
    assert_ok(gal_session_run(b->session, 1, NULL, b->out, &err), err);
    return b->loss;
}

static void gradients_are_differences(void **state) {
    const subject *s = *state;
    bench b = {0};
    gal_rng rng = gal_rng_make(7, 0);
    build(&b, s, &rng);
    loss_of(&b);
    double *kept[MAX_INPUTS];
    for (int i = 0; i < s->n_in - s->n_fixed; i++) {
        kept[i] = malloc(MAX_ELEMENTS * sizeof(double));
        memcpy(kept[i], b.gradient[i], MAX_ELEMENTS * sizeof(double));
    }
    for (int i = 0; i < s->n_in - s->n_fixed; i++) {
        int64_t n = galen_tensor_elements(b.in[i]->constant);
        double largest = 1e-3;
        for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(kept[i][k]));
        for (int64_t k = 0; k < n; k++) {
            const double step = 1e-5, x = b.data[i][k];
            b.data[i][k] = x + step;
            double up = loss_of(&b);
            b.data[i][k] = x - step;
            double down = loss_of(&b), slope = (up - down) / (2 * step);
            b.data[i][k] = x;
            if (fabs(slope - kept[i][k]) > 1e-6 * largest)
                fail_msg("%s: input %d, element %d: %.9g, differences say %.9g", s->op, i, (int)k, kept[i][k], slope);
        }
        free(kept[i]);
    }
    for (int i = 0; i < s->n_in; i++) free(b.data[i]), free(b.gradient[i]);
    gal_session_destroy(b.session);
    gal_graph_destroy(b.graph);
}

#define INTS(...)                                                                                                      \
    (const int64_t[]) {                                                                                                \
        __VA_ARGS__                                                                                                    \
    }
#define TWO(name_, a, b)                                                                                               \
    { .name = name_, .type = GAL_ATTR_INTS, .ints = INTS(a, b), .count = 2 }
#define FOUR(name_, a, b, c, d)                                                                                        \
    { .name = name_, .type = GAL_ATTR_INTS, .ints = INTS(a, b, c, d), .count = 4 }
#define INT(name_, v)                                                                                                  \
    { .name = name_, .type = GAL_ATTR_INT, .i = v }
#define REAL(name_, v)                                                                                                 \
    { .name = name_, .type = GAL_ATTR_FLOAT, .f = v }
#define TEXT(name_, v)                                                                                                 \
    { .name = name_, .type = GAL_ATTR_STRING, .s = v }
#define UNARY(name, from, to)                                                                                          \
    { .op = name, .n_in = 1, .rank = {2}, .dim = {{3, 7}}, .low = from, .high = to }

/* One side grows, the other shrinks. */
#define RESIZE(mode_, coordinates)                                                                                     \
    {                                                                                                                  \
        .op = "Resize", .n_in = 1, .rank = {4}, .dim = {{2, 3, 4, 7}}, .low = -1, .high = 1,                           \
        .attr = {TEXT("mode", mode_), TEXT("coordinate_transformation_mode", coordinates)}, .n_attr = 2, .absent = 2,  \
        .ints = {INTS(2, 3, 9, 5)}, .n_ints = {                                                                        \
            4                                                                                                          \
        }                                                                                                              \
    }

static const subject subjects[] = {
    {.op = "Add", .n_in = 2, .rank = {4, 1}, .dim = {{2, 3, 2, 5}, {5}}, .low = -1, .high = 1},
    {.op = "Add", .n_in = 2, .rank = {2, 2}, .dim = {{2, 3}, {2, 3}}, .low = -1, .high = 1},
    {.op = "Sub", .n_in = 2, .rank = {1, 3}, .dim = {{4}, {2, 3, 4}}, .low = -1, .high = 1},
    {.op = "Mul", .n_in = 2, .rank = {4, 4}, .dim = {{2, 3, 2, 5}, {2, 1, 1, 5}}, .low = -1, .high = 1},
    {.op = "Div", .n_in = 2, .rank = {2, 2}, .dim = {{3, 4}, {3, 1}}, .low = 0.5, .high = 2},
    UNARY("Neg", -1, 1),
    UNARY("Abs", -1, 1),
    UNARY("Exp", -2, 2),
    UNARY("Log", 0.3, 3),
    UNARY("Sqrt", 0.3, 3),
    UNARY("Erf", -2, 2),
    UNARY("Softplus", -3, 3),
    UNARY("Relu", -1, 1),
    UNARY("Sigmoid", -3, 3),
    UNARY("Tanh", -3, 3),
    UNARY("HardSigmoid", -4, 4),
    UNARY("HardSwish", -5, 5),
    UNARY("LeakyRelu", -1, 1),
    UNARY("Identity", -1, 1),
    UNARY("Transpose", -1, 1),
    {.op = "Pow", .n_in = 2, .rank = {2, 1}, .dim = {{3, 4}, {1}}, .n_fixed = 1, .low = 1.5, .high = 2.5},
    {.op = "Clip", .n_in = 1, .rank = {2}, .dim = {{3, 4}}, .low = -1, .high = 1},
    {.op = "Cast",
     .n_in = 1,
     .rank = {2},
     .dim = {{3, 4}},
     .low = -1,
     .high = 1,
     .attr = {INT("to", GALEN_F64)},
     .n_attr = 1},
    {.op = "Reshape",
     .n_in = 1,
     .rank = {3},
     .dim = {{2, 3, 4}},
     .low = -1,
     .high = 1,
     .ints = {INTS(6, 4)},
     .n_ints = {2}},
    {.op = "Flatten", .n_in = 1, .rank = {3}, .dim = {{2, 3, 4}}, .low = -1, .high = 1},
    {.op = "Squeeze",
     .n_in = 1,
     .rank = {3},
     .dim = {{2, 1, 4}},
     .low = -1,
     .high = 1,
     .ints = {INTS(1)},
     .n_ints = {1}},
    {.op = "Unsqueeze",
     .n_in = 1,
     .rank = {2},
     .dim = {{2, 4}},
     .low = -1,
     .high = 1,
     .ints = {INTS(0, 3)},
     .n_ints = {2}},
    {.op = "Transpose",
     .n_in = 1,
     .rank = {4},
     .dim = {{2, 3, 4, 5}},
     .low = -1,
     .high = 1,
     .attr = {FOUR("perm", 0, 3, 1, 2)},
     .n_attr = 1},
    {.op = "Concat",
     .n_in = 3,
     .rank = {2, 2, 2},
     .dim = {{2, 3}, {2, 1}, {2, 4}},
     .low = -1,
     .high = 1,
     .attr = {INT("axis", -1)},
     .n_attr = 1},
    {.op = "Slice",
     .n_in = 1,
     .rank = {2},
     .dim = {{4, 6}},
     .low = -1,
     .high = 1,
     .ints = {INTS(1, -5), INTS(3, 100), INTS(0, 1)},
     .n_ints = {2, 2, 2}},
    {.op = "Split",
     .n_in = 1,
     .rank = {2},
     .dim = {{2, 6}},
     .low = -1,
     .high = 1,
     .attr = {INT("axis", 1)},
     .n_attr = 1,
     .ints = {INTS(2, 4)},
     .n_ints = {2},
     .n_out = 2},
    {.op = "Pad",
     .n_in = 1,
     .rank = {2},
     .dim = {{2, 3}},
     .low = -1,
     .high = 1,
     .ints = {INTS(1, 0, 2, 1)},
     .n_ints = {4}},
    {.op = "Expand",
     .n_in = 1,
     .rank = {2},
     .dim = {{3, 1}},
     .low = -1,
     .high = 1,
     .ints = {INTS(2, 3, 4)},
     .n_ints = {3}},
    {.op = "ReduceSum",
     .n_in = 1,
     .rank = {3},
     .dim = {{2, 3, 4}},
     .low = -1,
     .high = 1,
     .attr = {INT("keepdims", 0)},
     .n_attr = 1,
     .ints = {INTS(0, 2)},
     .n_ints = {2}},
    {.op = "ReduceMean",
     .n_in = 1,
     .rank = {3},
     .dim = {{2, 3, 4}},
     .low = -1,
     .high = 1,
     .attr = {TWO("axes", 1, 2)},
     .n_attr = 1},
    {.op = "ReduceMax",
     .n_in = 1,
     .rank = {3},
     .dim = {{2, 3, 4}},
     .low = -1,
     .high = 1,
     .attr = {TWO("axes", 0, -1), INT("keepdims", 0)},
     .n_attr = 2},
    {.op = "ReduceMax", .n_in = 1, .rank = {2}, .dim = {{3, 4}}, .low = -1, .high = 1},
    RESIZE("nearest", "asymmetric"),
    RESIZE("linear", "half_pixel"),
    RESIZE("linear", "pytorch_half_pixel"),
    RESIZE("linear", "align_corners"),
    RESIZE("cubic", "half_pixel"),
    {.op = "Gemm",
     .n_in = 3,
     .rank = {2, 2, 1},
     .dim = {{3, 4}, {5, 4}, {5}},
     .low = -1,
     .high = 1,
     .attr = {INT("transB", 1), REAL("alpha", 0.5F), REAL("beta", 2)},
     .n_attr = 3},
    {.op = "Gemm", .n_in = 2, .rank = {2, 2}, .dim = {{3, 4}, {4, 5}}, .low = -1, .high = 1},
    {.op = "MatMul", .n_in = 2, .rank = {2, 2}, .dim = {{3, 4}, {4, 2}}, .low = -1, .high = 1},
    {.op = "Softmax", .n_in = 1, .rank = {2}, .dim = {{3, 4}}, .low = -2, .high = 2},
    {.op = "LogSoftmax", .n_in = 1, .rank = {2}, .dim = {{3, 4}}, .low = -2, .high = 2},
    {.op = "Conv",
     .domain = "galen",
     .n_in = 3,
     .rank = {4, 4, 1},
     .dim = {{2, 5, 6, 4}, {6, 2, 3, 3}, {6}},
     .low = -1,
     .high = 1,
     .attr = {INT("group", 2), TWO("strides", 2, 1), FOUR("pads", 1, 0, 1, 2)},
     .n_attr = 3},
    {.op = "BatchNorm",
     .domain = "galen",
     .n_in = 5,
     .n_fixed = 2,
     .rank = {4, 1, 1, 1, 1},
     .dim = {{2, 3, 2, 4}, {4}, {4}, {4}, {4}},
     .low = -1,
     .high = 1,
     .n_out = 5},
    {.op = "BatchNorm",
     .domain = "galen",
     .n_in = 5,
     .n_fixed = 2,
     .rank = {2, 1, 1, 1, 1},
     .dim = {{7, 4}, {4}, {4}, {4}, {4}},
     .low = -1,
     .high = 1,
     .attr = {TEXT("activation", "Relu"), REAL("epsilon", 0.01F)},
     .n_attr = 2,
     .n_out = 5},
    {.op = "ScaleShift",
     .domain = "galen",
     .n_in = 3,
     .n_fixed = 2,
     .rank = {4, 1, 1},
     .dim = {{2, 3, 2, 4}, {4}, {4}},
     .low = -1,
     .high = 1},
    {.op = "MaxPool",
     .domain = "galen",
     .n_in = 1,
     .rank = {4},
     .dim = {{2, 5, 6, 3}},
     .low = -1,
     .high = 1,
     .attr = {TWO("kernel_shape", 3, 3), TWO("strides", 2, 2), FOUR("pads", 1, 1, 1, 1)},
     .n_attr = 3},
    {.op = "AveragePool",
     .domain = "galen",
     .n_in = 1,
     .rank = {4},
     .dim = {{2, 5, 6, 3}},
     .low = -1,
     .high = 1,
     .attr = {TWO("kernel_shape", 3, 2), TWO("strides", 2, 1), FOUR("pads", 1, 0, 1, 0)},
     .n_attr = 3},
    {.op = "GlobalAveragePool", .domain = "galen", .n_in = 1, .rank = {4}, .dim = {{2, 5, 6, 3}}, .low = -1, .high = 1},
    {.op = "Drop",
     .domain = "galen",
     .n_in = 1,
     .rank = {2},
     .dim = {{4, 9}},
     .low = -1,
     .high = 1,
     .attr = {REAL("ratio", 0.25F)},
     .n_attr = 1,
     .ints = {INTS(99)},
     .n_ints = {1}},
    {.op = "Loss",
     .domain = "galen",
     .n_in = 3,
     .n_fixed = 2,
     .rank = {2, 2, 1},
     .dim = {{3, 4}, {3, 4}, {4}},
     .low = 0.01,
     .high = 1,
     .attr = {TEXT("kind", "binary"), REAL("gamma", 2), REAL("smoothing", 0.1F)},
     .n_attr = 3,
     .n_out = 2},
    {.op = "Loss",
     .domain = "galen",
     .n_in = 3,
     .n_fixed = 2,
     .rank = {2, 2, 1},
     .dim = {{3, 4}, {3, 4}, {4}},
     .low = 0.01,
     .high = 1,
     .attr = {TEXT("kind", "categorical"), REAL("gamma", 1.5F), REAL("smoothing", 0.1F), REAL("temperature", 3)},
     .n_attr = 4,
     .n_out = 2},
    {.op = "Loss",
     .domain = "galen",
     .n_in = 2,
     .n_fixed = 1,
     .rank = {2, 2},
     .dim = {{3, 4}, {3, 4}},
     .low = 0.01,
     .high = 1,
     .attr = {TEXT("kind", "categorical")},
     .n_attr = 1,
     .n_out = 2},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static void every_rule_is_tested(void **state) {
    (void)state;
    static const struct {
        const char *domain, *op;
    } rules[] = {
#define GAL_GRADIENT(domain, op, rule) {domain, op},
#include "graph/ops/grads.def"
#undef GAL_GRADIENT
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool found = strcmp(rules[i].op, "Narrow") == 0; /* rounds f32: differences see steps */
        for (int k = 0; k < SUBJECTS; k++)
            found |= strcmp(subjects[k].op, rules[i].op) == 0 &&
                     strcmp(subjects[k].domain != NULL ? subjects[k].domain : "", rules[i].domain) == 0;
        if (!found) fail_msg("no test of the gradient of %s", rules[i].op);
    }
}

/* Two ways to one value add up, and a target that the loss does not reach has no gradient. */
static void paths_add_up(void **state) {
    (void)state;
    bench b = {0};
    gal_rng rng = gal_rng_make(8, 0);
    gal_value *gradient[2];
    assert_ok(gal_graph_create("paths", &b.graph, &err), err);
    const int64_t dim = 3;
    gal_value *x = constant(&b, 1, &dim, -1, 1, &rng), *other = constant(&b, 1, &dim, -1, 1, &rng), *in[2] = {x, x};
    gal_value *square = add(&b, "", "Mul", in, 2, NULL, 0, 1);
    gal_value *pair[2] = {square, x};
    gal_value *y = add(&b, "", "Add", pair, 2, NULL, 0, 1), *target[2] = {x, other};
    const gal_attr keep = {.name = "keepdims", .type = GAL_ATTR_INT, .i = 0};
    gal_value *loss = add(&b, "", "ReduceSum", &y, 1, &keep, 1, 1);
    assert_ok(gal_train_backward(b.graph, loss, NULL, target, 2, gradient, &err), err);
    assert_null(gradient[1]);
    gal_value *own = add(&b, "", "Identity", gradient, 1, NULL, 0, 1);
    assert_ok(gal_graph_mark_output(b.graph, own, &err), err);
    gal_session_options options = gal_session_default_options();
    options.optimise = false, options.threads = 1;
    assert_ok(gal_session_create(b.graph, &options, &b.session, &err), err);
    double got[3], *at = x->constant->data;
    assert_ok(gal_session_run(b.session, 1, NULL, (void *const[]){got}, &err), err);
    for (int i = 0; i < 3; i++) assert_true(fabs(got[i] - (2 * at[i] + 1)) < 1e-12);
    gal_session_destroy(b.session);
    gal_graph_destroy(b.graph);
}

/* An op without a rule is named, with what to do. */
static void a_missing_rule_is_named(void **state) {
    (void)state;
    bench b = {0};
    gal_rng rng = gal_rng_make(9, 0);
    gal_value *gradient[1];
    assert_ok(gal_graph_create("missing", &b.graph, &err), err);
    const int64_t dim = 3;
    gal_value *x = constant(&b, 1, &dim, -1, 1, &rng), *y = add(&b, "", "Celu", &x, 1, NULL, 0, 1);
    const gal_attr keep = {.name = "keepdims", .type = GAL_ATTR_INT, .i = 0};
    gal_value *loss = add(&b, "", "ReduceSum", &y, 1, &keep, 1, 1);
    assert_int_equal(gal_train_backward(b.graph, loss, NULL, &x, 1, gradient, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "(Celu)"));
    assert_non_null(strstr(err.message, "freeze"));
    gal_graph_destroy(b.graph);
}

int main(void) {
    struct CMUnitTest tests[SUBJECTS + 3];
    static char names[SUBJECTS][32];
    for (int i = 0; i < SUBJECTS; i++) {
        snprintf(names[i], sizeof names[i], "%d %s", i, subjects[i].op);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = gradients_are_differences, .initial_state = (void *)(uintptr_t)&subjects[i]};
    }
    tests[SUBJECTS] = (struct CMUnitTest)cmocka_unit_test(every_rule_is_tested);
    tests[SUBJECTS + 1] = (struct CMUnitTest)cmocka_unit_test(paths_add_up);
    tests[SUBJECTS + 2] = (struct CMUnitTest)cmocka_unit_test(a_missing_rule_is_named);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
