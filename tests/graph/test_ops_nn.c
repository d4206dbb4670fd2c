/*
 * The network ops' references: against independent sums, the channels-last fused forms against the chains of ONNX ops
 * they stand for (bit for bit), rounding at ties, and refusal of every attribute or shape that makes no sense.
 */
#include "graph/run_node.h"

#include <math.h>

static void free_all(galen_tensor *t, int n) {
    for (int i = 0; i < n; i++) gal_free(t[i].data);
}

/* [N, C, H, W] to [N, H, W, C], or back. */
static galen_tensor turn(const galen_tensor *x, bool to_last) {
    int64_t n = x->dim[0], c = x->dim[to_last ? 1 : 3], area = x->dim[to_last ? 2 : 1] * x->dim[to_last ? 3 : 2];
    galen_tensor y = to_last ? tensor_of(GALEN_F32, NULL, DIMS(n, x->dim[2], x->dim[3], c))
                             : tensor_of(GALEN_F32, NULL, DIMS(n, c, x->dim[1], x->dim[2]));
    const float *from = x->data;
    float *to = y.data;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t p = 0; p < area; p++) {
                int64_t first = (i * c + k) * area + p, last = (i * area + p) * c + k;
                if (to_last) {
                    to[last] = from[first];
                } else {
                    to[first] = from[last];
                }
            }
    return y;
}

static void assert_same_bits(const galen_tensor *a, const galen_tensor *b) {
    assert_int_equal(a->rank, b->rank);
    for (int i = 0; i < a->rank; i++) assert_int_equal(a->dim[i], b->dim[i]);
    assert_memory_equal(a->data, b->data, (size_t)galen_tensor_bytes(a));
}

/* One output of a 2-D convolution, summed over the window first and channels last, in long double. */
static double expected_conv(const galen_tensor *x, const galen_tensor *w, const float *bias, const int64_t at[4],
                            const int64_t s[2], const int64_t d[2], const int64_t pad[2], int64_t group) {
    int64_t cg = w->dim[1], first = at[1] / (w->dim[0] / group) * cg;
    long double sum = bias[at[1]];
    for (int64_t r = 0; r < w->dim[2]; r++)
        for (int64_t q = 0; q < w->dim[3]; q++) {
            int64_t y = at[2] * s[0] - pad[0] + r * d[0], z = at[3] * s[1] - pad[1] + q * d[1];
            if (y < 0 || z < 0 || y >= x->dim[2] || z >= x->dim[3]) continue;
            for (int64_t c = 0; c < cg; c++)
                sum += (long double)((const float *)
                                         x->data)[((at[0] * x->dim[1] + first + c) * x->dim[2] + y) * x->dim[3] + z] *
                       ((const float *)w->data)[((at[1] * cg + c) * w->dim[2] + r) * w->dim[3] + q];
        }
    return (double)sum;
}

static void convolution_is_the_sum_it_says(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(1, 1);
    galen_tensor in[3] = {random_f32(&rng, DIMS(2, 6, 9, 70)), random_f32(&rng, DIMS(4, 3, 3, 2)),
                          random_f32(&rng, DIMS(4))};
    const gal_attr attr[] = {INTS("strides", 2, 1), INTS("dilations", 1, 3), INTS("pads", 2, 4, 1, 0), INT("group", 2)};
    galen_tensor y = node_result("", "Conv", in, 3, attr, 4);
    assert_int_equal(y.dim[2], (9 + 3 - 3) / 2 + 1);
    assert_int_equal(y.dim[3], 70 + 4 - 3);
    int64_t at[4], i = 0;
    for (at[0] = 0; at[0] < y.dim[0]; at[0]++)
        for (at[1] = 0; at[1] < y.dim[1]; at[1]++)
            for (at[2] = 0; at[2] < y.dim[2]; at[2]++)
                for (at[3] = 0; at[3] < y.dim[3]; at[3]++, i++) {
                    double want =
                        expected_conv(&in[0], &in[1], in[2].data, at, attr[0].ints, attr[1].ints, attr[2].ints, 2);
                    assert_true(fabs((double)((float *)y.data)[i] - want) <= 1e-7 * (1 + fabs(want)));
                }
    free_all(in, 3);
    gal_free(y.data);
}

static const char *const activations[][2] = {
    {"relu", "Relu"},           {"sigmoid", "Sigmoid"},         {"tanh", "Tanh"}, {"hardswish", "HardSwish"},
    {"leakyrelu", "LeakyRelu"}, {"hardsigmoid", "HardSigmoid"}, {"silu", NULL},   {"clip", NULL}};

/* The activation as ONNX nodes. */
static galen_tensor activate(galen_tensor x, size_t i) {
    const gal_attr leaky[] = {FLOAT("alpha", 0.3F)}, hard[] = {FLOAT("alpha", 0.3F), FLOAT("beta", 0.4F)};
    galen_tensor y;
    float low = 0.3F, high = 0.4F;
    if (strcmp(activations[i][0], "silu") == 0) {
        galen_tensor pair[2] = {x, node_result("", "Sigmoid", &x, 1, NULL, 0)};
        y = node_result("", "Mul", pair, 2, NULL, 0);
        gal_free(pair[1].data);
    } else if (strcmp(activations[i][0], "clip") == 0) {
        galen_tensor three[3] = {x, tensor_of(GALEN_F32, &low, 0, NULL), tensor_of(GALEN_F32, &high, 0, NULL)};
        y = node_result("", "Clip", three, 3, NULL, 0);
        free_all(three + 1, 2);
    } else {
        bool is_leaky = strcmp(activations[i][0], "leakyrelu") == 0,
             is_hard = strcmp(activations[i][0], "hardsigmoid") == 0;
        y = node_result("", activations[i][1], &x, 1, is_leaky ? leaky : hard, is_leaky ? 1 : is_hard ? 2 : 0);
    }
    gal_free(x.data);
    return y;
}

static void fused_convolution_equals_its_chain(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(2, 1);
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        galen_tensor in[3] = {random_f32(&rng, DIMS(2, 8, 7, 11)), random_f32(&rng, DIMS(6, 4, 3, 3)),
                              random_f32(&rng, DIMS(6))};
        const gal_attr attr[] = {INTS("strides", 1, 2),    INTS("pads", 1, 0, 1, 2),
                                 INT("group", 2),          TEXT("activation", activations[i][0]),
                                 FLOAT("act_alpha", 0.3F), FLOAT("act_beta", 0.4F)};
        galen_tensor plain = node_result("", "Conv", in, 3, attr, 3);
        galen_tensor pair[2] = {plain, random_f32(&rng, DIMS(plain.dim[0], plain.dim[1], plain.dim[2], plain.dim[3]))};
        galen_tensor want = activate(node_result("", "Add", pair, 2, NULL, 0), i);
        galen_tensor last[4] = {turn(&in[0], true), in[1], in[2], turn(&pair[1], true)};
        galen_tensor got = node_result("galen", "Conv", last, 4, attr, 6), back = turn(&got, false);
        assert_same_bits(&back, &want);
        free_all(in, 3);
        free_all(pair, 2);
        free_all((galen_tensor[]){want, last[0], last[3], got, back}, 5);
    }
}

static void fused_gemm_equals_its_chain(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(3, 1);
    galen_tensor in[3] = {random_f32(&rng, DIMS(5, 37)), random_f32(&rng, DIMS(41, 37)), random_f32(&rng, DIMS(41))};
    const gal_attr attr[] = {INT("transB", 1), TEXT("activation", "relu")};
    galen_tensor want = activate(node_result("", "Gemm", in, 3, attr, 1), 0),
                 got = node_result("galen", "Gemm", in, 3, attr, 2);
    assert_same_bits(&got, &want);
    galen_tensor wide[2] = {in[0], tensor_of(GALEN_F32, NULL, DIMS(37, 41))};
    for (int64_t i = 0; i < 41 * 37; i++) ((float *)wide[1].data)[i % 37 * 41 + i / 37] = ((float *)in[1].data)[i];
    galen_tensor product = node_result("", "MatMul", wide, 2, NULL, 0),
                 bare = node_result("galen", "Gemm", in, 2, attr, 1);
    assert_same_bits(&bare, &product);
    free_all(in, 3);
    free_all((galen_tensor[]){want, got, wide[1], product, bare}, 5);
}

static void channels_last_pools_equal_onnx(void **state) {
    (void)state;
    static const char *const ops[] = {"MaxPool", "AveragePool", "GlobalAveragePool"};
    gal_rng rng = gal_rng_make(4, 1);
    galen_tensor x = random_f32(&rng, DIMS(2, 5, 9, 8)), last = turn(&x, true);
    const gal_attr attr[] = {INTS("kernel_shape", 3, 2), INTS("strides", 2, 3), INTS("pads", 1, 0, 2, 1),
                             INT("ceil_mode", 1)};
    for (int i = 0; i < 3; i++) {
        galen_tensor want = node_result("", ops[i], &x, 1, attr, i == 2 ? 0 : 4);
        galen_tensor got = node_result("galen", ops[i], &last, 1, attr, i == 2 ? 0 : 4), back = turn(&got, false);
        assert_same_bits(&back, &want);
        free_all((galen_tensor[]){want, got, back}, 3);
    }
    gal_free(x.data);
    gal_free(last.data);
}

static void expect_f32(const char *op, const galen_tensor *in, uint32_t n_in, const gal_attr *attr, uint32_t n_attr,
                       size_t n, const float *want) {
    galen_tensor y = node_result("", op, in, n_in, attr, n_attr);
    assert_int_equal(galen_tensor_elements(&y), n);
    for (size_t i = 0; i < n; i++)
        if (((float *)y.data)[i] != want[i])
            fail_msg("%s: [%zu] is %g, not %g", op, i, (double)((float *)y.data)[i], (double)want[i]);
    gal_free(y.data);
}

/* Windows that would start in the padding behind are dropped, and what lies beyond the padding is not counted. */
static void ceil_mode_is_the_exporters(void **state) {
    (void)state;
    const float v[] = {1, 2, 3, 4, 5};
    galen_tensor x = tensor_of(GALEN_F32, v, DIMS(1, 1, 5)), short_x = tensor_of(GALEN_F32, v, DIMS(1, 1, 4));
    const gal_attr plain[] = {INTS("kernel_shape", 2), INTS("strides", 2), INT("ceil_mode", 1), INTS("pads", 0, 0)};
    expect_f32("MaxPool", &x, 1, plain, 4, 3, (float[]){2, 4, 5});
    expect_f32("AveragePool", &x, 1, plain, 4, 3, (float[]){1.5F, 3.5F, 5});
    const gal_attr counted[] = {INTS("kernel_shape", 3), INTS("strides", 2), INT("ceil_mode", 1), INTS("pads", 1, 1),
                                INT("count_include_pad", 1)};
    /* Padded: 0 1 2 3 4 0; the third window has 4 and 0 below it and ends with the padding. */
    expect_f32("AveragePool", &short_x, 1, counted, 5, 3, (float[]){1, 3, 2});
    const gal_attr dropped[] = {INTS("kernel_shape", 2), INTS("strides", 3), INT("ceil_mode", 1), INTS("pads", 0, 1)};
    expect_f32("MaxPool", &short_x, 1, dropped, 4, 2, (float[]){2, 4});
    const gal_attr behind[] = {INTS("kernel_shape", 2), INTS("strides", 4), INT("ceil_mode", 1), INTS("pads", 0, 1)};
    expect_f32("MaxPool", &short_x, 1, behind, 4, 1, (float[]){2});
    gal_free(x.data);
    gal_free(short_x.data);
}

static void an_enormous_window_is_only_slow_on_paper(void **state) {
    (void)state;
    const int64_t big = (int64_t)1 << 30;
    const float one = 1;
    galen_tensor x = tensor_of(GALEN_F32, &one, DIMS(1, 1, 1, 1, 1));
    const gal_attr attr[] = {INTS("kernel_shape", big, big, big), INTS("strides", big, big, big),
                             INTS("pads", big - 1, big - 1, big - 1, big - 1, big - 1, big - 1),
                             INT("count_include_pad", 1)};
    expect_f32("AveragePool", &x, 1, attr, 4, 1, (float[]){0x1p-90F});
    gal_free(x.data);
}

static void nan_reaches_the_output(void **state) {
    (void)state;
    const float v[] = {1, NAN, 3, 4};
    galen_tensor x = tensor_of(GALEN_F32, v, DIMS(1, 1, 4));
    const gal_attr attr[] = {INTS("kernel_shape", 2), INTS("strides", 2)};
    galen_tensor y = node_result("", "MaxPool", &x, 1, attr, 2), s = node_result("", "Softmax", &x, 1, NULL, 0);
    assert_true(isnan(((float *)y.data)[0]) && ((float *)y.data)[1] == 4);
    for (int i = 0; i < 4; i++) assert_true(isnan(((float *)s.data)[i]));
    free_all((galen_tensor[]){x, y, s}, 3);
}

static void matrices_of_any_rank(void **state) {
    (void)state;
    const float v[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    galen_tensor row = tensor_of(GALEN_F32, v, DIMS(2)), one = tensor_of(GALEN_F32, v, DIMS(2, 2)),
                 stack = tensor_of(GALEN_F32, v, DIMS(3, 2, 2));
    expect_f32("MatMul", (galen_tensor[]){row, row}, 2, NULL, 0, 1, (float[]){5});
    expect_f32("MatMul", (galen_tensor[]){row, stack}, 2, NULL, 0, 6, (float[]){7, 10, 19, 22, 31, 34});
    expect_f32("MatMul", (galen_tensor[]){stack, row}, 2, NULL, 0, 6, (float[]){5, 11, 17, 23, 29, 35});
    expect_f32("MatMul", (galen_tensor[]){one, stack}, 2, NULL, 0, 12,
               (float[]){7, 10, 15, 22, 19, 22, 43, 50, 31, 34, 71, 78});
    const int64_t big[] = {INT64_MAX, 2};
    galen_tensor wraps = tensor_of(GALEN_I64, big, DIMS(2)),
                 sum = node_result("", "MatMul", (galen_tensor[]){wraps, wraps}, 2, NULL, 0);
    assert_int_equal(((int64_t *)sum.data)[0], 5);
    free_all((galen_tensor[]){row, one, stack, wraps, sum}, 5);
}

static void integers_round_half_to_even_and_saturate(void **state) {
    (void)state;
    const float v[] = {-300, -1.5F, -0.5F, 0.5F, 1.5F, 2.5F, 300}, one = 1, half = 0.5F;
    const int8_t zero = 1;
    galen_tensor q[3] = {tensor_of(GALEN_F32, v, DIMS(7)), tensor_of(GALEN_F32, &one, 0, NULL),
                         tensor_of(GALEN_I8, &zero, 0, NULL)};
    galen_tensor y = node_result("", "QuantizeLinear", q, 3, NULL, 0);
    assert_memory_equal(y.data, ((int8_t[]){-128, -1, 1, 1, 3, 3, 127}), 7);
    const uint8_t x8[] = {1, 3, 5, 255}, w8[] = {1}, z8 = 0;
    galen_tensor conv[8] = {tensor_of(GALEN_U8, x8, DIMS(1, 1, 4)), tensor_of(GALEN_F32, &half, 0, NULL),
                            tensor_of(GALEN_U8, &z8, 0, NULL),      tensor_of(GALEN_U8, w8, DIMS(1, 1, 1)),
                            tensor_of(GALEN_F32, &one, 0, NULL),    tensor_of(GALEN_U8, &z8, 0, NULL),
                            tensor_of(GALEN_F32, &one, 0, NULL),    tensor_of(GALEN_U8, &z8, 0, NULL)};
    galen_tensor c = node_result("", "QLinearConv", conv, 8, NULL, 0);
    assert_memory_equal(c.data, ((uint8_t[]){0, 2, 2, 128}), 4);
    free_all(q, 3);
    free_all(conv, 8);
    free_all((galen_tensor[]){y, c}, 2);
}

static void resize_keeps_the_batch_and_rejects_nonsense(void **state) {
    (void)state;
    const float v[] = {1, 2, 3, 4}, scale[] = {1, 1, 2}, bad[] = {1, 1, -1};
    const galen_tensor none = {0};
    galen_tensor x = tensor_of(GALEN_F32, v, DIMS(1, 1, 4)), s = tensor_of(GALEN_F32, scale, DIMS(3)),
                 n = tensor_of(GALEN_F32, bad, DIMS(3));
    const gal_attr linear[] = {TEXT("mode", "linear")}, odd[] = {TEXT("mode", "area")};
    expect_f32("Resize", (galen_tensor[]){x, none, s}, 3, linear, 1, 8,
               (float[]){1, 1.25F, 1.75F, 2.25F, 2.75F, 3.25F, 3.75F, 4});
    test_node t;
    assert_int_equal(node_make(&t, "", "Resize", (galen_tensor[]){x, none, n}, 3, 1, linear, 1), GALEN_ERR_FORMAT);
    node_free(&t);
    assert_int_equal(node_make(&t, "", "Resize", (galen_tensor[]){x, none, s}, 3, 1, odd, 1), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(t.err.message, "mode 'area'"));
    node_free(&t);
    assert_int_equal(node_make(&t, "", "Resize", &x, 1, 1, linear, 1), GALEN_ERR_FORMAT);
    node_free(&t);
    free_all((galen_tensor[]){x, s, n}, 3);
}

/* With sizes, coordinates that are whole numbers are so exactly: 9 * 14 / 18 is 7, though 9 / (18 / 14.0) is below. */
static void sizes_are_exact_fractions(void **state) {
    (void)state;
    static const char *const how[] = {"asymmetric", "align_corners"};
    float v[40];
    for (int i = 0; i < 40; i++) v[i] = (float)i;
    for (int k = 0; k < 2; k++)
        for (int64_t from = 1; from <= 40; from++)
            for (int64_t to = 2; to <= 60; to++) {
                float want[60];
                const int64_t a = k ? from - 1 : from, b = k ? to - 1 : to;
                for (int64_t i = 0; i < to; i++) want[i] = (float)(i * a / b);
                const galen_tensor none = {0}, x = tensor_of(GALEN_F32, v, DIMS(from)),
                                   sizes = tensor_of(GALEN_I64, &to, DIMS(1));
                const gal_attr attr[] = {TEXT("coordinate_transformation_mode", how[k]), TEXT("nearest_mode", "floor")};
                const galen_tensor in[] = {x, none, none, sizes};
                galen_tensor y = node_result("", "Resize", in, 4, attr, 2);
                assert_memory_equal(y.data, want, (size_t)to * sizeof *want);
                free_all((galen_tensor[]){x, sizes, y}, 3);
            }
}

static void batch_stays_symbolic_and_work_is_counted(void **state) {
    (void)state;
    gal_graph *graph;
    galen_error err;
    assert_ok(gal_graph_create("test", &graph, &err), err);
    gal_rng rng = gal_rng_make(5, 1);
    galen_tensor weights = random_f32(&rng, DIMS(8, 3, 3, 3));
    gal_shape image = {.rank = 4, .dim = {{2, true}, {3, false}, {10, false}, {12, false}}};
    gal_value *in[2];
    assert_ok(gal_graph_input(graph, "x", GALEN_F32, &image, &in[0], &err), err);
    assert_ok(gal_graph_constant(graph, NULL, &weights, &in[1], &err), err);
    const gal_attr attr[] = {INTS("strides", 2, 2), TEXT("auto_pad", "SAME_LOWER")};
    gal_node_spec spec = {.op = "Conv", .n_in = 2, .n_out = 1, .n_attr = 2, .in = in, .attr = attr};
    gal_node *node;
    assert_ok(gal_graph_node(graph, &spec, &node, &err), err);
    const gal_shape want = {.rank = 4, .dim = {{2, true}, {8, false}, {5, false}, {6, false}}};
    assert_true(gal_shape_equal(&node->out[0]->shape, &want));
    gal_cost cost;
    gal_node_cost(node, 3, &cost);
    assert_int_equal(cost.mac, 6 * 8 * 5 * 6 * 27);
    assert_int_equal(cost.flop, 2 * cost.mac);
    assert_int_equal(cost.parameters, 8 * 27);
    gal_free(weights.data);
    gal_graph_destroy(graph);
}

typedef struct hostile {
    const char *op;
    gal_attr attr;
    const char *says;
} hostile;

static void hostile_attributes_are_refused(void **state) {
    (void)state;
    const hostile all[] = {
        {"Conv", INTS("strides", 0, 1), "strides"},
        {"Conv", INTS("strides", 1), "strides"},
        {"Conv", INTS("dilations", -1, 1), "dilations"},
        {"Conv", INTS("dilations", INT64_MAX, INT64_MAX), "dilations"},
        {"Conv", INTS("pads", -1, 0, 0, 0), "pads"},
        {"Conv", INTS("pads", INT64_MAX, 0, INT64_MAX, 0), "pads"},
        {"Conv", INTS("pads", 1, 1), "pads"},
        {"Conv", INTS("pads", 1 << 30, 1 << 30, 1 << 30, 1 << 30), "elements"},
        {"Conv", INTS("dilations", 9, 9), "does not fit"},
        {"Conv", INTS("kernel_shape", 2, 2), "kernel_shape"},
        {"Conv", INT("group", 0), "group"},
        {"Conv", INT("group", 3), "group"},
        {"Conv", INT("group", INT64_MIN), "group"},
        {"Conv", TEXT("auto_pad", "same"), "auto_pad"},
        {"Conv", INT("foo", 1), "foo"},
        {"ConvTranspose", INTS("output_padding", 7, 7), "output_padding"},
        {"ConvTranspose", INTS("output_shape", -5, 7), "output_shape"},
        {"ConvTranspose", INTS("pads", 4, 4, 4, 4), "pads"},
        {"ConvTranspose", INT("group", -4), "groups"},
        {"MaxPool", INTS("kernel_shape", 0, 3), "kernel_shape"},
        {"MaxPool", INTS("kernel_shape", 9, 3), "does not fit"},
        {"MaxPool", INTS("pads", 1, 1, 1, 1), "kernel_shape is missing"},
        {"AveragePool", INTS("kernel_shape", 3), "kernel_shape"},
        {"LRN", INT("size", 0), "size"},
        {"Softmax", INT("axis", 4), "axis"},
        {"InstanceNormalization", FLOAT("epsilon", -1), "channels"},
        {"Gemm", INT("transA", 1), "dimensions"},
    };
    gal_rng rng = gal_rng_make(6, 1);
    galen_tensor in[3] = {random_f32(&rng, DIMS(1, 4, 5, 5)), random_f32(&rng, DIMS(4, 4, 3, 3)),
                          random_f32(&rng, DIMS(5))};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        test_node t;
        const gal_op *op = gal_op_find("", all[i].op);
        assert_non_null(op);
        if (node_make(&t, "", all[i].op, in, op->min_in, 1, &all[i].attr, 1) == GALEN_OK)
            fail_msg("row %zu (%s) was accepted", i, all[i].op);
        if (!strstr(t.err.message, all[i].says))
            fail_msg("row %zu (%s): '%s' does not say '%s'", i, all[i].op, t.err.message, all[i].says);
        node_free(&t);
    }
    test_node t;
    assert_int_equal(node_make(&t, "", "Conv", in, 3, 1, NULL, 0),
                     GALEN_ERR_FORMAT); /* five biases for four channels */
    node_free(&t);
    const gal_attr wide[] = {INTS("kernel_shape", 2, 2), INTS("pads", 2, 0, 0, 0)};
    assert_int_equal(node_make(&t, "", "MaxPool", in, 1, 1, wide, 2), GALEN_ERR_FORMAT);
    node_free(&t);
    free_all(in, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_is_the_sum_it_says),
        cmocka_unit_test(fused_convolution_equals_its_chain),
        cmocka_unit_test(fused_gemm_equals_its_chain),
        cmocka_unit_test(channels_last_pools_equal_onnx),
        cmocka_unit_test(ceil_mode_is_the_exporters),
        cmocka_unit_test(an_enormous_window_is_only_slow_on_paper),
        cmocka_unit_test(nan_reaches_the_output),
        cmocka_unit_test(matrices_of_any_rank),
        cmocka_unit_test(integers_round_half_to_even_and_saturate),
        cmocka_unit_test(resize_keeps_the_batch_and_rejects_nonsense),
        cmocka_unit_test(batch_stays_symbolic_and_work_is_counted),
        cmocka_unit_test(sizes_are_exact_fractions),
        cmocka_unit_test(hostile_attributes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
