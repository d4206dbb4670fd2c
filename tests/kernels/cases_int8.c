/* Problems in 8-bit integers: the layers and products of cases.c as galen.QConv, QGemm, DynConv and DynGemm. */
#include "cases.h"
#include "graph/ops/quantized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTR = 24, MAX_IN = 6 };

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: 8-bit problem: %s\n", err->message);
    exit(1);
}

static gal_attr whole(const char *name, int64_t i) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = i};
}

static gal_attr number(const char *name, double f) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = (float)f};
}

static gal_value *constant(gal_graph *graph, galen_dtype dtype, int rank, const int64_t *dim) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, dtype, rank, dim, &value, &err), &err);
    return value;
}

/* Every byte value comes up; s8 weights include -128. */
static gal_value *byte_weights(gal_graph *graph, const galen_tensor *like, galen_dtype dtype, gal_rng *rng) {
    gal_value *value = constant(graph, dtype, like->rank, like->dim);
    int8_t *to = value->constant->data;
    int64_t n = galen_tensor_elements(like);
    for (int64_t i = 0; i < n; i++) to[i] = (int8_t)case_pick(rng, -128, 127);
    return value;
}

static gal_value *float_row(gal_graph *graph, int64_t n, float low, float high, gal_rng *rng) {
    gal_value *value = constant(graph, GALEN_F32, 1, &n);
    for (int64_t i = 0; i < n; i++)
        ((float *)value->constant->data)[i] = low + (high - low) * (float)gal_rng_uniform(rng);
    return value;
}

static gal_value *bias_row(gal_graph *graph, int64_t n, gal_rng *rng) {
    gal_value *value = constant(graph, GALEN_I32, 1, &n);
    for (int64_t i = 0; i < n; i++) ((int32_t *)value->constant->data)[i] = (int32_t)case_pick(rng, -9999, 9999);
    return value;
}

static int64_t zero_of(galen_dtype dtype, gal_rng *rng) {
    if (case_pick(rng, 0, 1)) return 0;
    return dtype == GALEN_U8 ? case_pick(rng, 0, 255) : case_pick(rng, -128, 127);
}

/* Of weights: mostly none, else any. */
static int64_t weight_zero(gal_rng *rng) {
    return case_pick(rng, 0, 3) ? 0 : case_pick(rng, -128, 127);
}

static galen_dtype output_type(gal_rng *rng) {
    static const galen_dtype kinds[] = {GALEN_U8, GALEN_U8, GALEN_U8, GALEN_I8, GALEN_F32, GALEN_BF16};
    return kinds[case_pick(rng, 0, 5)];
}

/* The attributes of quantized.h for a problem whose sums have `depth` terms; returns how many. */
static uint32_t add_scales(const gal_node *like, galen_dtype x, galen_dtype y, bool residual, double depth,
                           gal_attr *attr, gal_rng *rng) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < like->n_attr; i++)
        if (strncmp(like->attr[i].name, "act", 3) != 0) attr[n++] = like->attr[i];
    bool mid = residual && case_pick(rng, 0, 3) == 0;
    double step = 160 * sqrt(depth); /* sums of random bytes in units of x_scale * w_scale spread like this */
    attr[n++] = number("x_scale", 0.02);
    attr[n++] = whole("x_zero", zero_of(x, rng));
    attr[n++] = whole("y_type", (int64_t)y);
    attr[n++] = whole("w_zero", weight_zero(rng));
    if (y == GALEN_U8 || y == GALEN_I8) {
        attr[n++] = number("y_scale", 0.02 * 0.01 * step);
        attr[n++] = whole("y_zero", zero_of(y, rng));
    }
    if (residual) {
        attr[n++] = number("r_scale", 0.013);
        attr[n++] = whole("r_zero", zero_of(y == GALEN_I8 ? GALEN_I8 : GALEN_U8, rng));
    }
    if (mid) {
        attr[n++] = number("mid_scale", 0.02 * 0.012 * step);
        attr[n++] = whole("mid_zero", case_pick(rng, 0, 255));
        attr[n++] = whole("mid_type", (int64_t)GALEN_U8);
    }
    int64_t act = case_pick(rng, 0, 2);
    if (act > 0) attr[n++] = (gal_attr){.name = "activation", .type = GAL_ATTR_STRING, .s = act == 1 ? "Relu" : "Clip"};
    if (act == 2) {
        attr[n++] = number("act_alpha", 0);
        attr[n++] = number("act_beta", 0.02 * step);
    }
    return n;
}

static void replace(kernel_case *c, galen_dtype x, galen_dtype y, bool bias, bool residual, bool table, gal_rng *rng) {
    const gal_node *node = c->node;
    bool conv = strcmp(node->op->name, "Conv") == 0;
    gal_value *in[MAX_IN] = {NULL};
    gal_attr attr[MAX_ATTR];
    gal_graph *graph;
    gal_node *made;
    galen_error err;
    bool transposed = !conv && gal_attr_int(node, "transB", 0) != 0;
    int64_t outputs = node->in[1]->constant->dim[conv || transposed ? 0 : 1], all = 256;
    must(gal_graph_create("check", &graph, &err), &err);
    must(gal_graph_input(graph, "x", x, &node->in[0]->shape, &in[0], &err), &err);
    in[1] = byte_weights(graph, node->in[1]->constant, GALEN_I8, rng);
    if (bias) in[2] = bias_row(graph, outputs, rng);
    galen_dtype r = y == GALEN_I8 ? GALEN_I8 : GALEN_U8;
    if (residual) must(gal_graph_input(graph, "z", r, &node->out[0]->shape, &in[3], &err), &err);
    in[4] = float_row(graph, case_pick(rng, 0, 2) ? outputs : 1, 0.005f, 0.015f, rng);
    table = table && (y == GALEN_U8 || y == GALEN_I8);
    if (table) in[5] = byte_weights(graph, &(galen_tensor){.rank = 1, .dim = {all}, .dtype = y}, y, rng);
    const gal_node_spec spec = {.domain = "galen",
                                .op = conv ? "QConv" : "QGemm",
                                .n_in = table ? 6 : 5,
                                .n_out = 1,
                                .n_attr = add_scales(node, x, y, residual, c->depth, attr, rng),
                                .in = in,
                                .attr = attr};
    must(gal_graph_node(graph, &spec, &made, &err), &err);
    must(gal_graph_mark_output(graph, made->out[0], &err), &err);
    gal_graph_destroy(c->graph);
    c->graph = graph;
    c->node = made;
    size_t used = strlen(c->text);
    snprintf(c->text + used, sizeof c->text - used, "; %s to %s%s%s", galen_dtype_name(x), galen_dtype_name(y),
             residual ? ", residual" : "", table ? ", table" : "");
}

static gal_value *number_input(gal_graph *graph, const char *name, galen_dtype dtype) {
    const gal_shape one = {.rank = 0};
    gal_value *value;
    galen_error err;
    must(gal_graph_input(graph, name, dtype, &one, &value, &err), &err);
    return value;
}

/* Zero point and scale come with the call. */
static void replace_dynamic(kernel_case *c, galen_dtype x, bool scaled, bool bias, bool relu, gal_rng *rng) {
    const gal_node *node = c->node;
    bool conv = strcmp(node->op->name, "Conv") == 0, transposed = !conv && gal_attr_int(node, "transB", 0) != 0;
    gal_value *in[MAX_IN] = {NULL};
    gal_attr attr[MAX_ATTR];
    uint32_t n = 0;
    gal_graph *graph;
    gal_node *made;
    galen_error err;
    int64_t outputs = node->in[1]->constant->dim[conv || transposed ? 0 : 1];
    for (uint32_t i = 0; i < node->n_attr; i++)
        if (strncmp(node->attr[i].name, "act", 3) != 0) attr[n++] = node->attr[i];
    attr[n++] = whole("w_zero", weight_zero(rng));
    if (scaled && relu) attr[n++] = (gal_attr){.name = "activation", .type = GAL_ATTR_STRING, .s = "Relu"};
    must(gal_graph_create("check", &graph, &err), &err);
    must(gal_graph_input(graph, "x", x, &node->in[0]->shape, &in[0], &err), &err);
    in[1] = byte_weights(graph, node->in[1]->constant, GALEN_I8, rng);
    if (case_pick(rng, 0, 4) > 0) in[2] = number_input(graph, "x_zero", x);
    if (scaled) {
        in[3] = number_input(graph, "x_scale", GALEN_F32);
        in[4] = float_row(graph, case_pick(rng, 0, 2) ? outputs : 1, 0.005f, 0.015f, rng);
        if (bias) in[5] = float_row(graph, outputs, -20, 20, rng);
    }
    const gal_node_spec spec = {.domain = "galen",
                                .op = conv ? "DynConv" : "DynGemm",
                                .n_in = !scaled ? 3
                                        : bias  ? 6
                                                : 5,
                                .n_out = 1,
                                .n_attr = n,
                                .in = in,
                                .attr = attr};
    must(gal_graph_node(graph, &spec, &made, &err), &err);
    must(gal_graph_mark_output(graph, made->out[0], &err), &err);
    gal_graph_destroy(c->graph);
    c->graph = graph, c->node = made;
    c->depth = 0; /* integers: nothing to excuse */
    size_t used = strlen(c->text);
    snprintf(c->text + used, sizeof c->text - used, "; %s, %s%s", galen_dtype_name(x), scaled ? "scaled" : "sums",
             bias ? ", bias" : "");
}

static bool is_dynamic(const gal_kernel *kernel) {
    return strncmp(kernel->op, "Dyn", 3) == 0;
}

static const char *float_op(const gal_kernel *kernel) {
    return strstr(kernel->op, "Conv") != NULL ? "Conv" : "Gemm";
}

bool case_is_product8(const gal_kernel *kernel) {
    static const char *const ops[] = {"DynConv", "DynGemm", "QConv", "QGemm"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(kernel->op, ops[i]) == 0) return true;
    return false;
}

/* Products of bytes are of matrices only. */
static bool is_stack(const kernel_case *c) {
    return strcmp(c->node->op->name, "Gemm") == 0 && c->node->in[0]->shape.rank > 2;
}

void case_random_product8(const gal_kernel *kernel, gal_rng *rng, kernel_case *out) {
    case_random("galen", float_op(kernel), rng, out);
    while (is_stack(out)) {
        case_free(out);
        case_random("galen", float_op(kernel), rng, out);
    }
    if (is_dynamic(kernel)) {
        bool scaled = case_pick(rng, 0, 3) > 0, with_bias = scaled && case_pick(rng, 0, 2) > 0;
        replace_dynamic(out, kernel->dtype, scaled, with_bias, case_pick(rng, 0, 1) != 0, rng);
        return;
    }
    bool bias = case_pick(rng, 0, 3) > 0, residual = case_pick(rng, 0, 2) == 0, table = case_pick(rng, 0, 3) == 0;
    replace(out, kernel->dtype, output_type(rng), bias, residual, table, rng);
}

bool case_bench_product8(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out) {
    gal_rng rng = gal_rng_make(1, (uint64_t)index);
    if (!case_bench("galen", float_op(kernel), index, batch, out)) return false;
    if (is_stack(out)) {
        case_free(out);
        return false;
    }
    if (is_dynamic(kernel))
        replace_dynamic(out, kernel->dtype, true, true, true, &rng);
    else
        replace(out, kernel->dtype, GALEN_U8, true, false, false, &rng);
    return true;
}
