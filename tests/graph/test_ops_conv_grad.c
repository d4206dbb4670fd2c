/* Gradients of convolution against their definition and against finite differences of the forward reference in f64. */
#include "base/pool.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/types.h"
#include "run_node.h"

#include <math.h>

/* Sizes of one convolution; pads are top, left, bottom, right. */
typedef struct problem {
    int64_t n, h, w, c, k, r, s, group;
    int64_t stride[2], dilation[2], pads[4];
} problem;

static const problem problems[] = {
    {2, 5, 4, 3, 5, 3, 3, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}},  /* the plain one */
    {1, 7, 6, 4, 6, 3, 2, 2, {2, 1}, {1, 2}, {1, 0, 2, 1}},  /* groups; everything asymmetric */
    {2, 6, 7, 5, 5, 3, 3, 5, {2, 2}, {1, 1}, {0, 1, 1, 0}},  /* depthwise, odd and even side under a stride */
    {1, 5, 5, 2, 6, 5, 5, 2, {1, 1}, {1, 1}, {2, 2, 2, 2}},  /* three outputs a channel, window as wide as the image */
    {3, 7, 7, 3, 4, 1, 1, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}},  /* pixels that no window meets */
    {1, 9, 8, 1, 9, 3, 3, 1, {3, 2}, {2, 3}, {3, 1, 0, 4}},  /* one channel, more outputs than are summed together */
    {1, 2, 3, 70, 1, 2, 2, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}}, /* more channels than are summed together */
    {1, 3, 3, 2, 2, 2, 2, 1, {1, 1}, {1, 1}, {2, 2, 2, 2}},  /* windows that lie wholly in the padding */
    {0, 4, 4, 2, 2, 3, 3, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}},  /* no image at all */
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static int64_t side(const problem *p, int d) {
    int64_t in = d ? p->w : p->h, window = d ? p->s : p->r;
    return (in + p->pads[d] + p->pads[2 + d] - (window - 1) * p->dilation[d] - 1) / p->stride[d] + 1;
}

static galen_tensor image(const problem *p, galen_dtype dtype) {
    return tensor_of(dtype, NULL, DIMS(p->n, p->h, p->w, p->c));
}
static galen_tensor answer(const problem *p, galen_dtype dtype) {
    return tensor_of(dtype, NULL, DIMS(p->n, side(p, 0), side(p, 1), p->k));
}
static galen_tensor weights(const problem *p, galen_dtype dtype) {
    return tensor_of(dtype, NULL, DIMS(p->k, p->c / p->group, p->r, p->s));
}

static double get(const galen_tensor *t, int64_t i) {
    return gal_load_f64(t->dtype, (const char *)t->data + (size_t)i * galen_dtype_size(t->dtype));
}

static void put(galen_tensor *t, int64_t i, double v) {
    gal_store_float(t->dtype, (char *)t->data + (size_t)i * galen_dtype_size(t->dtype), v);
}

static galen_tensor filled(galen_tensor t, gal_rng *rng) {
    for (int64_t i = 0, n = galen_tensor_elements(&t); i < n; i++) put(&t, i, 2 * gal_rng_uniform(rng) - 1);
    return t;
}

static galen_tensor gradient(const problem *p, const char *op, const galen_tensor *in) {
    const gal_attr attr[] = {
        INTS("strides", p->stride[0], p->stride[1]),
        INTS("dilations", p->dilation[0], p->dilation[1]),
        INTS("pads", p->pads[0], p->pads[1], p->pads[2], p->pads[3]),
        INTS("kernel_shape", p->r, p->s),
        INT("group", p->group),
        INTS("spatial", p->h, p->w),
    };
    return node_result("galen", op, in, 2, attr, strcmp(op, "ConvGradInput") == 0 ? 6 : 5);
}

/* What the definition of convolution says of each product: it adds to one dX and to one dW. */
static void spread(const problem *p, const galen_tensor *x, const galen_tensor *w, const galen_tensor *dy, double *dx,
                   double *dw) {
    int64_t cg = p->c / p->group, kg = p->k / p->group, oh = side(p, 0), ow = side(p, 1);
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t i = 0; i < oh * ow * p->k * p->r * p->s * cg; i++) {
            int64_t c = i % cg, s = i / cg % p->s, r = i / cg / p->s % p->r, k = i / cg / p->s / p->r % p->k;
            int64_t pixel = i / cg / p->s / p->r / p->k;
            int64_t y = pixel / ow * p->stride[0] - p->pads[0] + r * p->dilation[0];
            int64_t z = pixel % ow * p->stride[1] - p->pads[1] + s * p->dilation[1];
            if (y < 0 || y >= p->h || z < 0 || z >= p->w) continue;
            int64_t at_x = ((n * p->h + y) * p->w + z) * p->c + k / kg * cg + c;
            int64_t at_w = ((k * cg + c) * p->r + r) * p->s + s;
            double g = get(dy, (n * oh * ow + pixel) * p->k + k);
            dx[at_x] += g * get(w, at_w);
            dw[at_w] += g * get(x, at_x);
        }
}

static void expect(const galen_tensor *t, const double *want, double relative) {
    for (int64_t i = 0, n = galen_tensor_elements(t); i < n; i++)
        assert_true(fabs(get(t, i) - want[i]) <= relative * (1 + fabs(want[i])));
}

static void definition(const problem *p, galen_dtype dtype, double dx_bound, double dw_bound) {
    gal_rng rng = gal_rng_make(7, (uint64_t)(p - problems));
    galen_tensor x = filled(image(p, dtype), &rng), w = filled(weights(p, dtype), &rng);
    galen_tensor dy = filled(answer(p, dtype), &rng);
    galen_tensor dx = gradient(p, "ConvGradInput", (galen_tensor[]){dy, w});
    galen_tensor dw = gradient(p, "ConvGradWeight", (galen_tensor[]){x, dy});
    assert_int_equal(dx.dtype, dtype);
    assert_int_equal(dw.dtype, dtype == GALEN_F64 ? GALEN_F64 : GALEN_F32);
    assert_int_equal(dw.dim[1], p->c / p->group);
    double *want_dx = calloc((size_t)galen_tensor_elements(&dx) + 1, sizeof *want_dx);
    double *want_dw = calloc((size_t)galen_tensor_elements(&dw), sizeof *want_dw);
    spread(p, &x, &w, &dy, want_dx, want_dw);
    expect(&dx, want_dx, dx_bound);
    expect(&dw, want_dw, dw_bound);
    free(want_dx), free(want_dw);
    gal_free(x.data), gal_free(w.data), gal_free(dy.data), gal_free(dx.data), gal_free(dw.data);
}

/* Each result is rounded once: half a unit in the last place, and the sum's own order in double. */
static void gradients_follow_the_definition(void **state) {
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        definition(&problems[i], GALEN_F64, 1e-14, 1e-14);
        definition(&problems[i], GALEN_F32, 0x1p-24, 0x1p-24);
        definition(&problems[i], GALEN_BF16, 0x1p-8, 0x1p-24);
        definition(&problems[i], GALEN_F16, 0x1p-11, 0x1p-24);
    }
}

/* ---- finite differences ---- */

/* sum(dY conv(X, W)) by the forward reference. */
static double loss(const problem *p, const galen_tensor *x, const galen_tensor *w, const galen_tensor *dy) {
    galen_tensor y = answer(p, GALEN_F64);
    gal_conv_ref ref = {.dtype = GALEN_F64, .batch = p->n, .channels = p->c, .outputs = p->k, .group = p->group};
    ref.window = (gal_window){.rank = 2,
                              .in = {1, p->h, p->w},
                              .out = {1, side(p, 0), side(p, 1)},
                              .kernel = {1, p->r, p->s},
                              .stride = {1, p->stride[0], p->stride[1]},
                              .dilation = {1, p->dilation[0], p->dilation[1]},
                              .before = {0, p->pads[0], p->pads[1]}};
    ref.x = x->data, ref.w = w->data, ref.y = y.data;
    gal_conv_strides(p->c, ref.window.in, true, ref.x_stride);
    gal_conv_strides(p->k, ref.window.out, true, ref.y_stride);
    gal_conv_ref_run(&ref, NULL);
    double sum = 0;
    for (int64_t i = 0, n = galen_tensor_elements(&y); i < n; i++) sum += get(dy, i) * get(&y, i);
    gal_free(y.data);
    return sum;
}

/* Moves each element of t: the loss is linear in it, so the difference is the derivative but for rounding. */
static void check_differences(const problem *p, galen_tensor *t, const galen_tensor *grad, const galen_tensor *x,
                              const galen_tensor *w, const galen_tensor *dy) {
    assert_int_equal(galen_tensor_elements(t), galen_tensor_elements(grad));
    for (int64_t i = 0, n = galen_tensor_elements(t); i < n; i++) {
        double at = get(t, i);
        put(t, i, at + 1);
        double up = loss(p, x, w, dy);
        put(t, i, at - 1);
        double down = loss(p, x, w, dy);
        put(t, i, at);
        assert_true(fabs((up - down) / 2 - get(grad, i)) < 1e-12);
    }
}

static void gradients_are_finite_differences(void **state) {
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        const problem *p = &problems[i];
        gal_rng rng = gal_rng_make(8, (uint64_t)i);
        galen_tensor x = filled(image(p, GALEN_F64), &rng), w = filled(weights(p, GALEN_F64), &rng);
        galen_tensor dy = filled(answer(p, GALEN_F64), &rng);
        galen_tensor dx = gradient(p, "ConvGradInput", (galen_tensor[]){dy, w});
        galen_tensor dw = gradient(p, "ConvGradWeight", (galen_tensor[]){x, dy});
        check_differences(p, &x, &dx, &x, &w, &dy);
        check_differences(p, &w, &dw, &x, &w, &dy);
        gal_free(x.data), gal_free(w.data), gal_free(dy.data), gal_free(dx.data), gal_free(dw.data);
    }
}

/* ---- shapes, types, cost ---- */

static void refuses(const char *op, galen_tensor a, galen_tensor b, const gal_attr *attr, uint32_t n_attr,
                    const char *says) {
    test_node t;
    galen_tensor in[2] = {a, b};
    assert_int_not_equal(node_make(&t, "galen", op, in, 2, 1, attr, n_attr), GALEN_OK);
    assert_non_null(strstr(t.err.message, says));
    gal_graph_destroy(t.graph);
    gal_free(a.data), gal_free(b.data);
}

static galen_tensor zeros(galen_dtype dtype, size_t rank, const int64_t *dim) {
    return tensor_of(dtype, NULL, rank, dim);
}

static void bad_nodes_are_refused_by_name(void **state) {
    (void)state;
    const gal_attr input[] = {INTS("spatial", 4, 4), INTS("kernel_shape", 3, 3)};
    const gal_attr groups[] = {INTS("spatial", 4, 4), INT("group", 2)};
    const gal_attr weight[] = {INTS("kernel_shape", 3, 3)};
    refuses("ConvGradInput", zeros(GALEN_F32, DIMS(1, 2, 2, 5)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), input + 1, 1,
            "attribute spatial has 0 numbers");
    refuses("ConvGradInput", zeros(GALEN_F32, DIMS(1, 3, 2, 5)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), input, 2,
            "spatial dimension 0 of the gradient is 3, the convolution gives 2");
    refuses("ConvGradInput", zeros(GALEN_F32, DIMS(1, 2, 2, 4)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), input, 2,
            "the gradient has 4 channels, the weights make 5");
    refuses("ConvGradInput", zeros(GALEN_F32, DIMS(1, 2, 2, 5)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), groups, 2,
            "2 groups do not divide");
    refuses("ConvGradInput", zeros(GALEN_F32, DIMS(1, 2, 5)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), input, 2,
            "input 0 has 3 dimensions");
    refuses("ConvGradInput", zeros(GALEN_BF16, DIMS(1, 2, 2, 5)), zeros(GALEN_F32, DIMS(5, 3, 3, 3)), input, 2,
            "input 1 is f32 but input 0 is bf16");
    refuses("ConvGradWeight", zeros(GALEN_F32, DIMS(1, 4, 4, 5)), zeros(GALEN_F32, DIMS(1, 2, 2, 3)), NULL, 0,
            "attribute kernel_shape is missing");
    refuses("ConvGradWeight", zeros(GALEN_F32, DIMS(2, 4, 4, 5)), zeros(GALEN_F32, DIMS(1, 2, 2, 3)), weight, 1,
            "different batch sizes");
    refuses("ConvGradWeight", zeros(GALEN_I8, DIMS(1, 4, 4, 5)), zeros(GALEN_I8, DIMS(1, 2, 2, 3)), weight, 1, "i8");
}

/* Both cost what the convolution costs: outputs * channels of a group * window, an image. */
static void gradients_cost_as_the_convolution(void **state) {
    (void)state;
    const gal_attr attr[] = {INTS("kernel_shape", 3, 3), INT("group", 2), INTS("spatial", 6, 5)};
    const char *const ops[] = {"ConvGradInput", "ConvGradWeight"};
    galen_tensor x = zeros(GALEN_F32, DIMS(1, 6, 5, 4)), dy = zeros(GALEN_F32, DIMS(1, 4, 3, 8));
    galen_tensor w = zeros(GALEN_F32, DIMS(8, 2, 3, 3));
    for (int i = 0; i < 2; i++) {
        galen_tensor in[2] = {i ? x : dy, i ? dy : w};
        gal_cost cost = {0};
        test_node t;
        assert_ok(node_make(&t, "galen", ops[i], in, 2, 1, attr, i ? 2 : 3), t.err);
        gal_node_cost(t.node, 1, &cost);
        assert_int_equal(cost.mac, 4 * 3 * 8 * 2 * 9);
        assert_int_equal(cost.flop, 2 * cost.mac);
        node_free(&t);
    }
    gal_free(x.data), gal_free(dy.data), gal_free(w.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_follow_the_definition),
        cmocka_unit_test(gradients_are_finite_differences),
        cmocka_unit_test(bad_nodes_are_refused_by_name),
        cmocka_unit_test(gradients_cost_as_the_convolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
