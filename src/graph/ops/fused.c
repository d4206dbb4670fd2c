/*
 * Domain "galen": what the layout and fuse passes make. Images are channels last, [N, H, W, C]; weights keep ONNX's
 * order. In f32 each has the bits of the chain of ONNX ops it stands for, because it calls the same references and
 * rounds at the same places. In bf16 and f16 sums, bias, residual and activation are not rounded in between.
 */
#include "base/error.h"
#include "graph/ops/affine.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/gemm_ref.h"
#include "graph/ops/ops.h"
#include "graph/ops/pool_ref.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <string.h>

static galen_status need_wide(const gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    return gal_need_same_dtype(node, 0, err);
}

/* All f32, or all f64 (training in references); or activations (inputs 0 and 3) and weights bf16 or f16 with an f32
 * bias.
 * Weights that meet one channel each, as in depthwise convolution, may be f32: they are few. */
static galen_status need_types(const gal_node *node, galen_error *err) {
    galen_dtype half = node->in[0]->dtype;
    if (!gal_dtype_is_half(half)) return need_wide(node, err);
    const gal_shape *w = &node->in[1]->shape;
    bool one = w->rank == 4 && !w->dim[1].batch && w->dim[1].size == 1 && node->in[1]->dtype == GALEN_F32;
    for (uint32_t i = 1; i < node->n_in; i++) {
        if (node->in[i] == NULL || (i == 1 && one)) continue;
        GAL_TRY(gal_need_dtype(node, i, GAL_BIT(i == 2 ? GALEN_F32 : half), err));
    }
    return GALEN_OK;
}

static galen_status need_activation(const gal_node *node, galen_error *err) {
    gal_activation kind;
    if (gal_activation_of(node, &kind)) {
        if (node->in[0]->dtype != GALEN_F64 || kind == GAL_ACT_NONE) return GALEN_OK;
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no activation can be merged in f64");
    }
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is unknown",
                         gal_attr_string(node, "activation", ""));
}

static galen_status need_image(const gal_node *node, galen_error *err) {
    if (node->in[0]->shape.rank == 4) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, must be [N, H, W, C]",
                         node->in[0]->shape.rank);
}

/* in: X, W [K, C / group, R, S], optional B [K], optional residual like the output. */
galen_status gal_galen_conv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    GAL_TRY(need_types(node, err));
    GAL_TRY(need_activation(node, err));
    GAL_TRY(need_image(node, err));
    GAL_TRY(gal_conv_shape(node, 0, 1, 2, true, &window, &shape, err));
    if (node->n_in > 3 && node->in[3] && !gal_shape_equal(&node->in[3]->shape, &shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the residual (input 3) must have the output's shape");
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

/* Conv's, one addition for the residual and one operation for the activation. */
void gal_galen_conv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_activation kind;
    int64_t outputs = gal_out_elements(node, batch);
    gal_conv_cost(node, batch, cost);
    if (node->n_in > 3 && node->in[3]) cost->flop += outputs;
    if (gal_activation_of(node, &kind) && kind != GAL_ACT_NONE) cost->flop += outputs;
}

galen_status gal_galen_conv_run(const gal_call *call, galen_error *err) {
    const gal_node *node = call->node;
    const galen_tensor *x = call->in[0], *w = call->in[1];
    gal_shape shape;
    gal_conv_ref c = {
        .dtype = x->dtype, .merged = true, .batch = x->dim[0], .channels = x->dim[3], .outputs = w->dim[0]};
    GAL_TRY(gal_conv_shape(node, 0, 1, 2, true, &c.window, &shape, err));
    c.group = gal_attr_int(node, "group", 1);
    c.f32_weights = w->dtype == GALEN_F32;
    c.x = x->data, c.w = w->data, c.y = call->out[0]->data;
    c.bias = node->n_in > 2 && call->in[2] ? call->in[2]->data : NULL;
    c.residual = node->n_in > 3 && call->in[3] ? call->in[3]->data : NULL;
    gal_conv_strides(c.channels, c.window.in, true, c.x_stride);
    gal_conv_strides(c.outputs, c.window.out, true, c.y_stride);
    gal_activation_of(node, &c.activation);
    c.alpha = gal_attr_float(node, "act_alpha", 0), c.beta = gal_attr_float(node, "act_beta", 0);
    gal_conv_ref_run(&c, call->pool);
    return GALEN_OK;
}

/*
 * in: A [..., K], W [K, N] or with transB [N, K], optional B [N]. The product [..., N] is f32, also of bf16 or f16
 * operands, unless attribute `to` says that it has their type.
 */
galen_status gal_galen_gemm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_types(node, err));
    GAL_TRY(need_activation(node, err));
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    int64_t to = gal_attr_int(node, "to", GALEN_F32);
    if (to != GALEN_F32 && to != (int64_t)node->in[0]->dtype)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute to %lld is not the operands' type",
                             (long long)to);
    if (node->in[0]->shape.rank > 2 && bias != NULL && bias->shape.rank > 1)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "the bias of a stack of matrices must be one row");
    return gal_gemm_shape(node, GALEN_MAX_RANK, (galen_dtype)to, err);
}

void gal_galen_gemm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_activation kind;
    gal_gemm_cost(node, batch, cost);
    if (gal_activation_of(node, &kind) && kind != GAL_ACT_NONE) cost->flop += gal_out_elements(node, batch);
}

galen_status gal_galen_gemm_run(const gal_call *call, galen_error *err) {
    (void)err;
    const gal_node *node = call->node;
    const galen_tensor *a = call->in[0], *b = call->in[1], *c = node->n_in > 2 ? call->in[2] : NULL;
    bool tb = gal_attr_int(node, "transB", 0) != 0;
    gal_gemm_ref g = {.dtype = a->dtype, .merged = true, .a = a->data, .b = b->data, .alpha = 1, .beta = 1};
    g.y = call->out[0]->data, g.narrow = gal_dtype_is_half(call->out[0]->dtype);
    g.m = 1, g.k = a->dim[a->rank - 1], g.n = b->dim[!tb];
    for (int i = 0; i + 1 < a->rank; i++) g.m *= a->dim[i];
    g.a_row = g.k, g.a_col = 1, g.b_row = tb ? 1 : g.n, g.b_col = tb ? g.k : 1;
    if (c) {
        int64_t cols = c->rank > 0 ? c->dim[c->rank - 1] : 1, rows = c->rank > 1 ? c->dim[c->rank - 2] : 1;
        g.c = c->data;
        g.c_col = cols == 1 ? 0 : 1;
        g.c_row = rows == 1 ? 0 : cols;
    }
    gal_activation_of(node, &g.activation);
    g.act_alpha = gal_attr_float(node, "act_alpha", 0), g.act_beta = gal_attr_float(node, "act_beta", 0);
    gal_gemm_ref_run(&g, call->pool);
    return GALEN_OK;
}

galen_status gal_galen_pool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    bool count;
    bool maximum = strcmp(node->op->name, "MaxPool") == 0; /* also of bytes: a maximum keeps its scale */
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS | (maximum ? GAL_BYTES : 0), err));
    GAL_TRY(need_image(node, err));
    GAL_TRY(gal_need_flag(node, "count_include_pad", false, &count, err));
    GAL_TRY(gal_pool_shape(node, true, &window, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_galen_globalpool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(need_image(node, err));
    GAL_TRY(gal_pool_global_shape(node, true, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_galen_maxpool_run(const gal_call *call, galen_error *err) {
    return gal_pool_ref_run(call, GAL_POOL_MAX, true, err);
}
galen_status gal_galen_averagepool_run(const gal_call *call, galen_error *err) {
    return gal_pool_ref_run(call, GAL_POOL_AVERAGE, true, err);
}

galen_status gal_galen_globalaveragepool_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_pool_ref_global(call, GAL_POOL_AVERAGE, true);
}
