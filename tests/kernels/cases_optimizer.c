/* Optimiser steps on parameters of every size, some of them skipped. */
#include "cases.h"
#include "graph/op.h"
#include "graph/ops/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IN = 6 };

bool case_is_optimizer(const char *op) {
    return strcmp(op, "Adam") == 0 || strcmp(op, "Sgd") == 0 || strcmp(op, "Ema") == 0;
}

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: optimiser: %s\n", err->message);
    exit(1);
}

static gal_value *numbers(gal_graph *graph, galen_dtype dtype, int64_t n) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, dtype, 1, &n, &value, &err), &err);
    return value;
}

/* n floats in [from, from + 1). */
static gal_value *floats(gal_graph *graph, gal_rng *rng, int64_t n, float from) {
    gal_value *value = numbers(graph, GALEN_F32, n);
    float *data = value->constant->data;
    for (int64_t i = 0; i < n; i++) data[i] = from + (float)gal_rng_uniform(rng);
    return value;
}

static void make(const char *op, gal_rng *rng, int64_t n, kernel_case *c) {
    bool adam = strcmp(op, "Adam") == 0, sgd = strcmp(op, "Sgd") == 0;
    gal_value *in[MAX_IN];
    uint32_t n_in = 0, n_out = adam ? 3 : sgd ? 2 : 1;
    galen_error err;
    must(gal_graph_create("check", &c->graph, &err), &err);
    in[n_in++] = floats(c->graph, rng, n, -0.5f);
    in[n_in++] = floats(c->graph, rng, n, -0.5f);
    if (adam || sgd) in[n_in++] = floats(c->graph, rng, n, -0.5f);
    if (adam) in[n_in++] = floats(c->graph, rng, n, 0.01f); /* a mean of squares */
    double *h = (in[n_in++] = numbers(c->graph, GALEN_F64, GAL_HYPER_COUNT))->constant->data;
    double *control = (in[n_in++] = numbers(c->graph, GALEN_F64, GAL_CONTROL_COUNT))->constant->data;
    for (int i = 0; i < GAL_HYPER_COUNT; i++) h[i] = 0.01 + 0.98 * gal_rng_uniform(rng);
    h[GAL_HYPER_DECAY] *= 0.1 * (double)case_pick(rng, 0, 1);
    control[GAL_CONTROL_NORM] = 1;
    control[GAL_CONTROL_FACTOR] = case_pick(rng, 0, 4) == 0 ? 0 : 0.5;
    const gal_attr attr[3] = {
        {.name = "decay", .type = GAL_ATTR_INT, .i = case_pick(rng, 0, 1)},
        {.name = sgd ? "nesterov" : "decoupled", .type = GAL_ATTR_INT, .i = case_pick(rng, 0, 1)},
        {.name = "to", .type = GAL_ATTR_INT, .i = case_pick(rng, 0, 1) == 1 ? GALEN_F16 : GALEN_BF16}};
    const gal_node_spec spec = {.domain = "galen",
                                .op = op,
                                .n_in = n_in,
                                .n_out = n_out + (adam || sgd ? (uint32_t)case_pick(rng, 0, 1) : 0),
                                .in = in,
                                .attr = attr,
                                .n_attr = adam || sgd ? 3 : 0};
    must(gal_graph_node(c->graph, &spec, &c->node, &err), &err);
    must(gal_graph_mark_output(c->graph, c->node->out[0], &err), &err);
    snprintf(c->text, sizeof c->text, "%lld parameters%s", (long long)n,
             control[GAL_CONTROL_FACTOR] == 0 ? ", skipped" : "");
}

void case_random_optimizer(const char *op, gal_rng *rng, kernel_case *c) {
    *c = (kernel_case){.batch = 1, .depth = 1, .magnitude = 4};
    make(op, rng, case_pick(rng, 0, 3) == 0 ? case_pick(rng, 16000, 40000) : case_pick(rng, 1, 200), c);
}

bool case_bench_optimizer(const char *op, int index, kernel_case *c) {
    static const int64_t size[] = {64, 36864, 2359296};
    gal_rng rng = gal_rng_make(1, 1);
    if (index >= (int)(sizeof size / sizeof *size)) return false;
    *c = (kernel_case){.batch = 1, .depth = 1};
    make(op, &rng, size[index], c);
    return true;
}
