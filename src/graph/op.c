/* The table of operators, and what every operator's cost has in common. */
#include "graph/op.h"

#include "graph/ops/ops.h"

#include <string.h>

static const gal_op table[] = {
#define GAL_OP(symbol, op_domain, op_name, lo_in, hi_in, lo_out, hi_out, shapes, flag_bits, attributes, infer_fn,      \
               cost_fn, run_fn, scratch_fn)                                                                            \
    {.domain = op_domain,                                                                                              \
     .name = op_name,                                                                                                  \
     .min_in = lo_in,                                                                                                  \
     .max_in = hi_in,                                                                                                  \
     .min_out = lo_out,                                                                                                \
     .max_out = hi_out,                                                                                                \
     .shape_in = shapes,                                                                                               \
     .flags = flag_bits,                                                                                               \
     .attrs = attributes,                                                                                              \
     .infer = infer_fn,                                                                                                \
     .cost = cost_fn,                                                                                                  \
     .run = run_fn,                                                                                                    \
     .scratch = scratch_fn},
#include "graph/ops/ops.def"
#undef GAL_OP
};

const gal_op *gal_op_find(const char *domain, const char *name) {
    if (strcmp(domain, "ai.onnx") == 0) domain = "";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0 && strcmp(table[i].domain, domain) == 0) return &table[i];
    return NULL;
}

void gal_cost_none(const gal_node *node, int64_t batch, gal_cost *out) {
    (void)node, (void)batch, (void)out;
}

size_t gal_scratch_none(const gal_node *node, int64_t batch) {
    (void)node, (void)batch;
    return 0;
}

static int64_t elements_at(const gal_value *value, int64_t batch) {
    galen_tensor t;
    gal_shape_at(&value->shape, value->dtype, batch, &t);
    int64_t n = galen_tensor_elements(&t);
    return n < 0 ? 0 : n;
}

void gal_cost_elementwise(const gal_node *node, int64_t batch, gal_cost *out) {
    if (node->out[0]) out->flop += elements_at(node->out[0], batch);
}

void gal_node_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    *cost = (gal_cost){0};
    node->op->cost(node, batch, cost);
    bool moves = !(node->op->flags & GAL_OP_VIEW);
    for (uint32_t i = 0; i < node->n_in; i++) {
        const gal_value *v = node->in[i];
        bool is_shape = i < 32 && (node->op->shape_in >> i & 1);
        if (!v || is_shape) continue;
        int64_t n = elements_at(v, batch);
        if (v->constant) cost->parameters += n;
        if (moves) cost->bytes_read += n * (int64_t)galen_dtype_size(v->dtype);
    }
    for (uint32_t i = 0; moves && i < node->n_out; i++)
        if (node->out[i])
            cost->bytes_written += elements_at(node->out[i], batch) * (int64_t)galen_dtype_size(node->out[i]->dtype);
}
