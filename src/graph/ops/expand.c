/* galen.ExpandDepthwise and galen.GatedConv: chains of an inverted bottleneck as one node, with the references' bits.
 */
#include "graph/ops/expand.h"

#include "base/error.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/ops.h"
#include "graph/ops/pool_ref.h"
#include "graph/ops/rules.h"

#include <string.h>

static gal_value *input(const gal_node *node, uint32_t index) {
    return index < node->n_in ? node->in[index] : NULL;
}

/* The first convolution has an attribute "first_NAME" of the node as its "NAME". */
static uint32_t first_attributes(const gal_node *node, gal_attr *to) {
    static const char *const names[GAL_EXPAND_ATTRS] = {"first_activation", "first_act_alpha", "first_act_beta"};
    uint32_t n = 0;
    for (size_t i = 0; i < GAL_EXPAND_ATTRS; i++) {
        const gal_attr *attr = gal_attr_find(node, names[i]);
        if (attr == NULL) continue;
        to[n] = *attr;
        to[n++].name = names[i] + strlen("first_");
    }
    return n;
}

void gal_expand_split(const gal_node *node, gal_expand *out) {
    *out = (gal_expand){.first_in = {input(node, 0), input(node, 1), input(node, 2)},
                        .depthwise_in = {&out->inner, input(node, 3), input(node, 4)},
                        .first_out = {&out->inner},
                        .depthwise_out = {node->out[0]},
                        .first = {.op = node->op, .name = node->name, .n_in = 3, .n_out = 1},
                        .depthwise = {.op = node->op, .name = node->name, .n_in = 3, .n_out = 1}};
    out->first.in = out->first_in, out->first.out = out->first_out;
    out->first.attr = out->first_attr, out->first.n_attr = first_attributes(node, out->first_attr);
    out->depthwise.in = out->depthwise_in, out->depthwise.out = out->depthwise_out;
    out->depthwise.attr = node->attr, out->depthwise.n_attr = node->n_attr;
    const gal_value *x = node->in[0], *w = node->in[1];
    out->inner.dtype = x->dtype;
    out->inner.shape = x->shape;
    if (w->shape.rank > 0) out->inner.shape.dim[x->shape.rank - 1] = w->shape.dim[0];
}

/* What galen.Conv takes, but f64. */
static galen_status need_type(const gal_node *node, galen_error *err) {
    return gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_BF16) | GAL_BIT(GALEN_F16), err);
}

/*
 * in: X [N, H, W, C], W1 [E, C, 1, 1], optional B1 [E], W2 [E, 1, R, S], optional B2 [E]. out: Y [N, OH, OW, E] and,
 * when asked for, its mean [N, 1, 1, E]. Types as in galen.Conv; in bf16 and f16 what lies between the convolutions is
 * rounded as the first of them rounds it, and the mean is that of Y as it was rounded.
 */
galen_status gal_galen_expanddepthwise_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_expand parts;
    GAL_TRY(need_type(node, err));
    if (node->in[0]->shape.rank != 4 || node->in[1]->shape.rank != 4 || input(node, 3) == NULL)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "an image [N, H, W, C] and two weights are needed");
    gal_expand_split(node, &parts);
    const gal_dim *w = node->in[1]->shape.dim;
    if (w[2].size != 1 || w[3].size != 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the first window is %lldx%lld, must be 1x1",
                             (long long)w[2].size, (long long)w[3].size);
    GAL_TRY(gal_galen_conv_infer(graph, &parts.first, err));
    GAL_TRY(gal_galen_conv_infer(graph, &parts.depthwise, err));
    if (node->in[3]->shape.dim[1].size != 1 || node->in[3]->shape.dim[0].size != w[0].size)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the second convolution is not depthwise");
    if (node->n_out < 2 || node->out[1] == NULL) return GALEN_OK;
    gal_shape mean = node->out[0]->shape;
    mean.dim[1] = mean.dim[2] = gal_dim_fixed(1);
    return gal_set_output(node, 1, node->in[0]->dtype, &mean, err);
}

/* Both convolutions, and an addition an output for the mean. */
void gal_galen_expanddepthwise_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_expand parts;
    gal_expand_split(node, &parts);
    gal_galen_conv_cost(&parts.first, batch, cost);
    gal_galen_conv_cost(&parts.depthwise, batch, cost);
    if (node->n_out > 1 && node->out[1] != NULL) cost->flop += gal_out_elements(node, batch);
}

/* What the first convolution makes. */
size_t gal_galen_expanddepthwise_scratch(const gal_node *node, int64_t batch) {
    gal_expand parts;
    galen_tensor inner;
    gal_expand_split(node, &parts);
    gal_shape_at(&parts.inner.shape, parts.inner.dtype, batch, &inner);
    return (size_t)galen_tensor_bytes(&inner);
}

static galen_status run_conv(const gal_call *call, const gal_node *node, const galen_tensor *const in[3],
                             galen_tensor *out, galen_error *err) {
    const gal_call part = {.node = node, .in = in, .out = &out, .pool = call->pool};
    return gal_galen_conv_run(&part, err);
}

galen_status gal_galen_expanddepthwise_run(const gal_call *call, galen_error *err) {
    const gal_node *node = call->node;
    gal_expand parts;
    galen_tensor inner;
    gal_expand_split(node, &parts);
    gal_shape_at(&parts.inner.shape, parts.inner.dtype, call->in[0]->dim[0], &inner);
    inner.data = call->scratch;
    const galen_tensor *first[3] = {call->in[0], call->in[1], call->in[2]};
    const galen_tensor *second[3] = {&inner, call->in[3], node->n_in > 4 ? call->in[4] : NULL};
    GAL_TRY(run_conv(call, &parts.first, first, &inner, err));
    GAL_TRY(run_conv(call, &parts.depthwise, second, call->out[0], err));
    if (node->n_out < 2 || call->out[1] == NULL) return GALEN_OK;
    const galen_tensor *const y = call->out[0];
    const gal_call mean = {.node = &parts.first, .in = &y, .out = call->out + 1, .pool = call->pool};
    return gal_pool_ref_global(&mean, GAL_POOL_AVERAGE, true);
}

/* ---- the 1x1 convolution of an image times one number a channel ---- */

/* in: X [N, H, W, C], W [K, C, 1, 1], optional B [K], optional residual like the output, gate [N, 1, 1, C] of X's type.
 */
galen_status gal_galen_gatedconv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    GAL_TRY(need_type(node, err));
    GAL_TRY(gal_galen_conv_infer(graph, node, err));
    gal_shape gate = node->in[0]->shape;
    gate.dim[1] = gate.dim[2] = gal_dim_fixed(1);
    if (node->in[4] == NULL || !gal_shape_equal(&node->in[4]->shape, &gate))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "the gate (input 4) must have one number an image and channel");
    return GALEN_OK;
}

void gal_galen_gatedconv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_galen_conv_cost(node, batch, cost);
    cost->flop += gal_in_elements(node, 0, batch);
}

/* The product, rounded as Mul rounds it. */
size_t gal_galen_gatedconv_scratch(const gal_node *node, int64_t batch) {
    return (size_t)gal_in_elements(node, 0, batch) * galen_dtype_size(node->in[0]->dtype);
}

galen_status gal_galen_gatedconv_run(const gal_call *call, galen_error *err) {
    galen_tensor x = *call->in[0], *made = &x;
    x.data = call->scratch;
    const galen_tensor *const factors[2] = {call->in[0], call->in[4]};
    GAL_TRY(gal_mul_run(&(gal_call){.node = call->node, .in = factors, .out = &made, .pool = call->pool}, err));
    const galen_tensor *in[4] = {&x, call->in[1], call->in[2], call->in[3]};
    const gal_call conv = {.node = call->node, .in = in, .out = call->out, .pool = call->pool};
    return gal_galen_conv_run(&conv, err);
}
