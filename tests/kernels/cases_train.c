/* Normalisation, activations and pools of training, forward and backward. */
#include "cases.h"
#include "graph/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IN = 8, MAX_ATTR = 6 };

/* An image of training, and the window of a pool over it. */
typedef struct image {
    int64_t h, w, c, window, stride, pad, more; /* more: channels of a gradient that are others', of up to twice c */
    bool relu;
} image;

bool case_is_train(const gal_kernel *kernel) {
    static const char *const ops[] = {
        "BatchNorm",   "Moments",         "BatchNormGrad",  "NormGradSum",           "NormGradEnd", "ChannelSum",
        "MaxPoolGrad", "AveragePoolGrad", "ActivationGrad", "GlobalAveragePoolGrad", "ReduceSum"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(kernel->op, ops[i]) == 0) return true;
    return false;
}

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: training: %s\n", err->message);
    exit(1);
}

static gal_value *input(gal_graph *graph, const char *name, galen_dtype dtype, int64_t h, int64_t w, int64_t c) {
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, gal_dim_fixed(h), gal_dim_fixed(w), gal_dim_fixed(c)}};
    gal_value *value;
    galen_error err;
    must(gal_graph_input(graph, name, dtype, &shape, &value, &err), &err);
    return value;
}

/* c floats in [from, from + 1). */
static gal_value *floats(gal_graph *graph, gal_rng *rng, int64_t c, float from) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, GALEN_F32, 1, &c, &value, &err), &err);
    for (int64_t i = 0; i < c; i++) ((float *)value->constant->data)[i] = from + (float)gal_rng_uniform(rng);
    return value;
}

typedef struct draft {
    gal_value *in[MAX_IN];
    gal_attr attr[MAX_ATTR];
    uint32_t n_in, n_attr, n_out;
} draft;

static void norm(const gal_kernel *kernel, const image *m, gal_rng *rng, gal_graph *g, draft *d) {
    bool backward = strcmp(kernel->op, "BatchNormGrad") == 0;
    d->in[d->n_in++] = input(g, "a", kernel->dtype, m->h, m->w, m->c);
    if (backward) d->in[d->n_in++] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    d->in[d->n_in++] = floats(g, rng, m->c, 0.5f);
    d->in[d->n_in++] = floats(g, rng, m->c, -0.5f);
    d->in[d->n_in++] = floats(g, rng, m->c, backward ? 0.1f : -0.5f);
    if (!backward) d->in[d->n_in++] = floats(g, rng, m->c, 0.5f);
    if (backward && m->relu) d->in[d->n_in++] = floats(g, rng, m->c, -0.5f);
    if (m->relu) d->attr[d->n_attr++] = (gal_attr){.name = "activation", .type = GAL_ATTR_STRING, .s = "Relu"};
    for (int i = 0; i < 2 && !backward && m->more % 2 == 1; i++) d->in[d->n_in++] = floats(g, rng, m->c, 0.5f);
    d->n_out = backward ? 3 : 5;
}

/* [2, c] floats in [-0.5, 0.5). */
static gal_value *line(gal_graph *graph, gal_rng *rng, int64_t c) {
    const int64_t dim[2] = {2, c};
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, GALEN_F32, 2, dim, &value, &err), &err);
    for (int64_t i = 0; i < 2 * c; i++) ((float *)value->constant->data)[i] = (float)gal_rng_uniform(rng) - 0.5f;
    return value;
}

/* A layer's share in a gradient of c + more channels. */
static void norm_sum(const gal_kernel *kernel, const image *m, gal_rng *rng, gal_graph *g, draft *d) {
    d->in[0] = input(g, "g", kernel->dtype, m->h, m->w, m->c + m->more);
    d->in[1] = input(g, "dy", kernel->dtype, m->h, m->w, m->c);
    d->in[2] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    d->in[3] = floats(g, rng, m->c, 0.5f);
    d->in[4] = floats(g, rng, m->c, -0.5f);
    d->in[5] = floats(g, rng, m->c, 0.1f);
    if (m->relu) d->in[6] = floats(g, rng, m->c, -0.5f);
    if (m->relu) d->attr[d->n_attr++] = (gal_attr){.name = "activation", .type = GAL_ATTR_STRING, .s = "Relu"};
    if (m->more % 2 == 1) d->in[7] = line(g, rng, m->c + m->more);
    d->n_in = MAX_IN, d->n_out = 4;
}

/* Its last c channels. */
static void norm_end(const gal_kernel *kernel, const image *m, gal_rng *rng, gal_graph *g, draft *d) {
    d->in[d->n_in++] = input(g, "g", kernel->dtype, m->h, m->w, m->c + m->more);
    d->in[d->n_in++] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    d->in[d->n_in++] = floats(g, rng, m->c + m->more, -0.5f);
    d->in[d->n_in++] = line(g, rng, m->c + m->more);
    d->attr[d->n_attr++] = (gal_attr){.name = "start", .type = GAL_ATTR_INT, .i = m->more};
}

static gal_attr ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

/* numbers[10] holds what the attributes point to. */
static void pool(const gal_kernel *kernel, const image *m, int64_t numbers[10], gal_graph *g, draft *d) {
    bool largest = strcmp(kernel->op, "MaxPoolGrad") == 0;
    int64_t oh = (m->h + 2 * m->pad - m->window) / m->stride + 1, ow = (m->w + 2 * m->pad - m->window) / m->stride + 1;
    d->in[d->n_in++] = input(g, "dy", kernel->dtype, oh, ow, m->c);
    if (largest) d->in[d->n_in++] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    numbers[0] = numbers[1] = m->window, numbers[2] = numbers[3] = m->stride;
    for (int i = 4; i < 8; i++) numbers[i] = m->pad;
    numbers[8] = m->h, numbers[9] = m->w;
    d->attr[d->n_attr++] = ints("kernel_shape", numbers, 2);
    d->attr[d->n_attr++] = ints("strides", numbers + 2, 2);
    d->attr[d->n_attr++] = ints("pads", numbers + 4, 4);
    if (largest) return;
    d->attr[d->n_attr++] = ints("spatial", numbers + 8, 2);
    d->attr[d->n_attr++] = (gal_attr){.name = "count_include_pad", .type = GAL_ATTR_INT, .i = m->relu};
}

static void global_pool(const gal_kernel *kernel, const image *m, int64_t numbers[10], gal_graph *g, draft *d) {
    d->in[d->n_in++] = input(g, "dy", kernel->dtype, 1, 1, m->c);
    numbers[0] = m->h, numbers[1] = m->w;
    d->attr[d->n_attr++] = ints("spatial", numbers, 2);
}

static void pixel_sum(const gal_kernel *kernel, const image *m, gal_graph *g, draft *d) {
    const int64_t axes[2] = {1, 2};
    galen_error err;
    d->in[d->n_in++] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    must(gal_graph_ints(g, NULL, axes, 2, &d->in[d->n_in++], &err), &err);
}

static void activation(const gal_kernel *kernel, const image *m, gal_graph *g, draft *d) {
    static const char *const kinds[] = {"Clip", "Sigmoid", "SiLU", "Tanh", "HardSigmoid", "HardSwish", "LeakyRelu"};
    size_t n = sizeof kinds / sizeof *kinds;
    const char *kind = m->relu ? "Relu" : kinds[(size_t)(m->more + m->window) % n];
    bool clip = strcmp(kind, "Clip") == 0;
    d->in[d->n_in++] = input(g, "x", kernel->dtype, m->h, m->w, m->c);
    d->attr[d->n_attr++] = (gal_attr){.name = "activation", .type = GAL_ATTR_STRING, .s = kind};
    d->attr[d->n_attr++] = (gal_attr){.name = "act_alpha", .type = GAL_ATTR_FLOAT, .f = clip ? -0.7f : 0.2f};
    d->attr[d->n_attr++] = (gal_attr){.name = "act_beta", .type = GAL_ATTR_FLOAT, .f = clip ? 1.3f : 0.5f};
}

static void make(const gal_kernel *kernel, const image *m, gal_rng *rng, kernel_case *c) {
    draft d = {.n_out = 1};
    int64_t numbers[10];
    galen_error err;
    must(gal_graph_create("check", &c->graph, &err), &err);
    if (strcmp(kernel->op, "GlobalAveragePoolGrad") == 0) {
        global_pool(kernel, m, numbers, c->graph, &d);
    } else if (strcmp(kernel->op, "ReduceSum") == 0) {
        pixel_sum(kernel, m, c->graph, &d);
    } else if (strstr(kernel->op, "Pool") != NULL) {
        pool(kernel, m, numbers, c->graph, &d);
    } else if (strncmp(kernel->op, "BatchNorm", 9) == 0) {
        norm(kernel, m, rng, c->graph, &d);
    } else if (strcmp(kernel->op, "NormGradSum") == 0) {
        norm_sum(kernel, m, rng, c->graph, &d);
    } else if (strcmp(kernel->op, "NormGradEnd") == 0) {
        norm_end(kernel, m, rng, c->graph, &d);
    } else {
        if (strcmp(kernel->op, "Moments") == 0) d.n_out = 2;
        d.in[d.n_in++] = input(c->graph, "dy", kernel->dtype, m->h, m->w, m->c);
        if (strcmp(kernel->op, "ActivationGrad") == 0) activation(kernel, m, c->graph, &d);
    }
    const gal_node_spec spec = {.domain = kernel->domain,
                                .op = kernel->op,
                                .n_in = d.n_in,
                                .n_out = d.n_out,
                                .in = d.in,
                                .attr = d.attr,
                                .n_attr = d.n_attr};
    must(gal_graph_node(c->graph, &spec, &c->node, &err), &err);
    must(gal_graph_mark_output(c->graph, c->node->out[0], &err), &err);
    c->depth = (double)(c->batch * m->h * m->w);
    c->magnitude = strcmp(kernel->op, "ChannelSum") == 0 ? 4 * sqrt(c->depth) : 16;
    c->more_magnitude = 16 * sqrt(c->depth); /* sums of a gradient; statistics are smaller */
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld, window %lld, stride %lld, padding %lld%s", (long long)m->h,
             (long long)m->w, (long long)m->c, (long long)m->window, (long long)m->stride, (long long)m->pad,
             m->relu ? ", Relu" : "");
}

void case_random_train(const gal_kernel *kernel, gal_rng *rng, kernel_case *c) {
    static const int64_t channels[] = {1, 3, 16, 64, 70, 128, 512};
    image m = {.h = case_pick(rng, 1, 14), .w = case_pick(rng, 1, 14), .relu = case_pick(rng, 0, 1) == 1};
    m.c = case_pick(rng, 0, 1) == 0 ? channels[case_pick(rng, 0, 6)] : case_pick(rng, 1, 200);
    m.window = case_pick(rng, 1, m.h < m.w ? m.h : m.w);
    m.stride = case_pick(rng, 1, 3);
    m.pad = m.window > 1 ? case_pick(rng, 0, m.window - 1) : 0;
    m.more = case_pick(rng, 0, m.c);
    *c = (kernel_case){.batch = case_pick(rng, 1, 9)};
    make(kernel, &m, rng, c);
}

bool case_bench_train(const gal_kernel *kernel, int index, int64_t batch, kernel_case *c) {
    static const image images[] = {{.h = 16, .w = 16, .c = 64, .window = 3, .stride = 2, .pad = 1, .relu = true},
                                   {.h = 56, .w = 56, .c = 128, .window = 2, .stride = 2, .relu = true},
                                   {.h = 14, .w = 14, .c = 640, .more = 383, .window = 2, .stride = 2, .relu = true}};
    gal_rng rng = gal_rng_make(1, 1);
    if (index >= (int)(sizeof images / sizeof *images)) return false;
    *c = (kernel_case){.batch = batch};
    make(kernel, &images[index], &rng, c);
    return true;
}
