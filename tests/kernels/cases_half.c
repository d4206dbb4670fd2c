/* Problems in bf16 and f16: those of cases.c with activations and weights narrowed, and the two ops at the border. */
#include "base/half.h"
#include "cases.h"
#include "graph/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: bf16 problem: %s\n", err->message);
    exit(1);
}

/* Weights are narrowed; what is added or multiplied a channel stays f32, as do depthwise weights. */
static bool stays_f32(const gal_node *node, uint32_t index) {
    if (index == 1 && strcmp(node->op->name, "Conv") == 0 && gal_attr_int(node, "group", 1) > 1 &&
        node->in[1]->shape.dim[1].size == 1)
        return true;
    if (index > 2 && strcmp(node->op->name, "ExpandDepthwise") == 0) return true;
    if (index < 32 && (node->op->shape_in >> index & 1)) return true;
    if (strcmp(node->op->name, "LayerNormalization") == 0) return index > 0;
    return strcmp(node->op->domain, "galen") == 0 &&
           ((strcmp(node->op->name, "ScaleShift") == 0 && index > 0) || index == 2);
}

static gal_value *copy_value(gal_graph *graph, const gal_value *from, galen_dtype dtype) {
    gal_value *to;
    galen_error err;
    if (from->constant == NULL) {
        must(gal_graph_input(graph, from->name, dtype, &from->shape, &to, &err), &err);
        return to;
    }
    must(gal_graph_new_constant(graph, NULL, dtype, from->constant->rank, from->constant->dim, &to, &err), &err);
    const float *x = from->constant->data;
    int64_t n = galen_tensor_elements(from->constant);
    for (int64_t i = 0; i < n; i++) {
        if (dtype == GALEN_F16)
            ((uint16_t *)to->constant->data)[i] = gal_f32_to_f16(x[i]);
        else if (dtype == GALEN_BF16)
            ((uint16_t *)to->constant->data)[i] = gal_f32_to_bf16(x[i]);
        else
            ((float *)to->constant->data)[i] = x[i];
    }
    return to;
}

/* The same problem in bf16 or f16. */
static void narrow_case(galen_dtype half, kernel_case *c) {
    gal_graph *graph;
    galen_error err;
    const gal_node *node = c->node;
    gal_value *in[8] = {NULL};
    must(gal_graph_create("check", &graph, &err), &err);
    for (uint32_t i = 0; i < node->n_in && i < 8; i++)
        if (node->in[i] != NULL) in[i] = copy_value(graph, node->in[i], stays_f32(node, i) ? GALEN_F32 : half);
    /* Weights vary as in training: in bf16 Winograd takes those of small images too, and no other row looks at it. */
    if (half == GALEN_BF16 && strcmp(node->op->name, "Conv") == 0) in[1]->is_variable = true;
    gal_attr attr[16];
    uint32_t n_attr = node->n_attr;
    memcpy(attr, node->attr, n_attr * sizeof *attr);
    if (strcmp(node->op->name, "Gemm") == 0 && in[0]->shape.rank > 2) /* as the pass has it */
        attr[n_attr++] = (gal_attr){.name = "to", .type = GAL_ATTR_INT, .i = (int64_t)half};
    const gal_node_spec spec = {.domain = node->op->domain,
                                .op = node->op->name,
                                .n_in = node->n_in,
                                .n_out = node->n_out,
                                .n_attr = n_attr,
                                .in = in,
                                .attr = attr};
    gal_node *made;
    must(gal_graph_node(graph, &spec, &made, &err), &err);
    for (uint32_t i = 0; i < made->n_out; i++) must(gal_graph_mark_output(graph, made->out[i], &err), &err);
    gal_graph_destroy(c->graph);
    c->graph = graph;
    c->node = made;
}

/* galen.Narrow of an image to `half`, or Cast back. */
static void border_case(bool narrow, galen_dtype half, int64_t side, int64_t channels, int64_t grown, kernel_case *c) {
    const gal_shape shape = {.rank = 4,
                             .dim = {{1, true}, gal_dim_fixed(side), gal_dim_fixed(side), gal_dim_fixed(channels)}};
    const gal_attr attr[] = {{.name = "to", .type = GAL_ATTR_INT, .i = narrow ? (int64_t)half : (int64_t)GALEN_F32},
                             {.name = "channels", .type = GAL_ATTR_INT, .i = grown}};
    gal_value *x;
    galen_error err;
    must(gal_graph_create("check", &c->graph, &err), &err);
    must(gal_graph_input(c->graph, "x", narrow ? GALEN_F32 : half, &shape, &x, &err), &err);
    const gal_node_spec spec = {.domain = narrow ? "galen" : "",
                                .op = narrow ? "Narrow" : "Cast",
                                .n_in = 1,
                                .n_out = 1,
                                .n_attr = narrow ? 2 : 1,
                                .in = &x,
                                .attr = attr};
    must(gal_graph_node(c->graph, &spec, &c->node, &err), &err);
    must(gal_graph_mark_output(c->graph, c->node->out[0], &err), &err);
    c->depth = 1;
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld, %lld channels", (long long)side, (long long)side,
             (long long)channels, (long long)grown);
}

static bool is_border(const gal_kernel *kernel) {
    return strcmp(kernel->op, "Narrow") == 0 || strcmp(kernel->op, "Cast") == 0;
}

static bool is_half(galen_dtype dtype) {
    return dtype == GALEN_BF16 || dtype == GALEN_F16;
}

/* The 16-bit type of a border's row: what it reads, or what its name says it makes. */
static galen_dtype half_of(const gal_kernel *kernel) {
    if (is_half(kernel->dtype)) return kernel->dtype;
    return strstr(kernel->name, "_f16_") != NULL ? GALEN_F16 : GALEN_BF16;
}

bool case_random_for(const gal_kernel *kernel, gal_rng *rng, kernel_case *out) {
    if (case_is_train(kernel)) {
        case_random_train(kernel, rng, out);
        return true;
    }
    if (case_is_bytes(kernel)) return case_random_bytes(kernel, rng, out);
    if (is_border(kernel)) {
        *out = (kernel_case){.batch = case_pick(rng, 1, 9)};
        int64_t channels = case_pick(rng, 1, 70);
        border_case(kernel->dtype == GALEN_F32, half_of(kernel), case_pick(rng, 1, 20), channels,
                    channels + case_pick(rng, 0, 2), out);
        return true;
    }
    if (case_is_product8(kernel)) {
        case_random_product8(kernel, rng, out);
        return true;
    }
    if (!case_random(kernel->domain, kernel->op, rng, out)) return false;
    if (is_half(kernel->dtype)) narrow_case(kernel->dtype, out);
    return true;
}

bool case_bench_for(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out) {
    if (case_is_train(kernel)) return case_bench_train(kernel, index, batch, out);
    if (case_is_bytes(kernel)) return case_bench_bytes(kernel, index, batch, out);
    if (is_border(kernel)) {
        *out = (kernel_case){.batch = batch};
        if (index == 0) border_case(kernel->dtype == GALEN_F32, half_of(kernel), 32, 64, 64, out);
        return index == 0;
    }
    if (case_is_product8(kernel)) return case_bench_product8(kernel, index, batch, out);
    if (!case_bench(kernel->domain, kernel->op, index, batch, out)) return false;
    if (is_half(kernel->dtype)) narrow_case(kernel->dtype, out);
    return true;
}
