/* Gradients of the layers: convolution, product, normalisation, pooling, softmax, loss. */
#include "base/error.h"
#include "graph/ops/grads.h"
#include "graph/ops/rules.h"

#include <string.h>

static gal_attr ints_attr(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

static gal_attr int_attr(const char *name, int64_t v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = v};
}

/* Height and width of an image in N, H, W, C. */
static void spatial_of(const gal_value *image, int64_t out[2]) {
    out[0] = image->shape.dim[1].size, out[1] = image->shape.dim[2].size;
}

/* galen.Conv before anything was merged into it: y = conv(x, w) + b. */
galen_status gal_gradient_conv(const gal_gradient *g, galen_error *err) {
    gal_node *node = g->node;
    gal_value *x = node->in[0], *w = node->in[1], *dy = g->dy[0];
    gal_attr attr[6];
    if (gal_attr_string(node, "activation", "")[0] != '\0' || (node->n_in > 3 && node->in[3] != NULL))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient with a merged activation or residual");
    uint32_t n = gal_gradient_attributes(node, "dilations group pads strides", attr, 4);
    int64_t kernel[2] = {w->shape.dim[2].size, w->shape.dim[3].size}, spatial[2];
    spatial_of(x, spatial);
    attr[n] = ints_attr("kernel_shape", kernel, 2);
    attr[n + 1] = ints_attr("spatial", spatial, 2);
    gal_value *to_input[2] = {dy, w}, *to_weights[2] = {x, dy};
    if (g->wanted[0])
        GAL_TRY(gal_gradient_node(g, "galen", "ConvGradInput", to_input, 2, attr, n + 2, 1, &g->dx[0], err));
    if (g->wanted[1])
        GAL_TRY(gal_gradient_node(g, "galen", "ConvGradWeight", to_weights, 2, attr, n + 1, 1, &g->dx[1], err));
    if (node->n_in > 2 && g->wanted[2])
        GAL_TRY(gal_gradient_node(g, "galen", "ChannelSum", &dy, 1, NULL, 0, 1, &g->dx[2], err));
    return GALEN_OK;
}

static galen_status product(const gal_gradient *g, gal_value *a, gal_value *b, bool ta, bool tb, float alpha,
                            gal_value **out, galen_error *err) {
    gal_value *in[2] = {a, b};
    const gal_attr attr[3] = {
        {.name = "alpha", .type = GAL_ATTR_FLOAT, .f = alpha}, int_attr("transA", ta), int_attr("transB", tb)};
    return gal_gradient_node(g, "", "Gemm", in, 2, attr, 3, 1, out, err);
}

/* y = alpha A B' + beta C, A [M, K] as it lies. */
galen_status gal_gradient_gemm(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    gal_value *a = node->in[0], *b = node->in[1], *dy = g->dy[0];
    bool tb = gal_attr_int(node, "transB", 0) != 0;
    float alpha = gal_attr_float(node, "alpha", 1), beta = gal_attr_float(node, "beta", 1);
    if (gal_attr_int(node, "transA", 0) != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient with transA");
    if (g->wanted[0]) GAL_TRY(product(g, dy, b, false, !tb, alpha, &g->dx[0], err));
    if (g->wanted[1] && tb) GAL_TRY(product(g, dy, a, true, false, alpha, &g->dx[1], err));
    if (g->wanted[1] && !tb) GAL_TRY(product(g, a, dy, true, false, alpha, &g->dx[1], err));
    if (node->n_in < 3 || !g->wanted[2]) return GALEN_OK;
    GAL_TRY(gal_gradient_unbroadcast(g, dy, node->in[2], &g->dx[2], err));
    if (beta == 1) return GALEN_OK;
    gal_value *factor;
    GAL_TRY(gal_gradient_number(g, dy, beta, &factor, err));
    return gal_gradient_op(g, "Mul", g->dx[2], factor, &g->dx[2], err);
}

galen_status gal_gradient_matmul(const gal_gradient *g, galen_error *err) {
    gal_value *a = g->node->in[0], *b = g->node->in[1], *dy = g->dy[0];
    if (a->shape.rank != 2 || b->shape.rank != 2)
        return gal_node_fail(g->node, err, GALEN_ERR_UNSUPPORTED, "no gradient unless both operands are matrices");
    if (g->wanted[0]) GAL_TRY(product(g, dy, b, false, true, 1, &g->dx[0], err));
    return g->wanted[1] ? product(g, a, dy, true, false, 1, &g->dx[1], err) : GALEN_OK;
}

galen_status gal_gradient_batch_norm(const gal_gradient *g, galen_error *err) {
    gal_node *node = g->node;
    gal_attr attr[1];
    uint32_t n = gal_gradient_attributes(node, "activation", attr, 1);
    bool relu = gal_attr_string(node, "activation", "")[0] != '\0';
    gal_value *in[6] = {g->dy[0], node->in[0], node->in[1], node->out[1], node->out[2], node->in[2]}, *first;
    GAL_TRY(gal_gradient_node(g, "galen", "BatchNormGrad", in, relu ? 6 : 5, attr, n, 3, &first, err));
    for (uint32_t i = 0; i < 3; i++)
        if (g->wanted[i]) g->dx[i] = first->producer->out[i];
    return GALEN_OK;
}

/* A normalisation that is not trained: only x's gradient, by the same factors. */
galen_status gal_gradient_scale_shift(const gal_gradient *g, galen_error *err) {
    gal_node *node = g->node;
    gal_value *in[3] = {g->dy[0], node->in[1]};
    if (g->wanted[1] || g->wanted[2] || gal_attr_string(node, "activation", "")[0] != '\0')
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "only the gradient of its input exists");
    GAL_TRY(
        gal_graph_new_constant(g->graph, NULL, node->in[2]->dtype, 1, &node->in[2]->shape.dim[0].size, &in[2], err));
    return gal_gradient_node(g, "galen", "ScaleShift", in, 3, NULL, 0, 1, &g->dx[0], err);
}

galen_status gal_gradient_pool(const gal_gradient *g, galen_error *err) {
    gal_node *node = g->node;
    bool maximum = strcmp(node->op->name, "MaxPool") == 0, global = strcmp(node->op->name, "GlobalAveragePool") == 0;
    gal_value *in[2] = {g->dy[0], node->in[0]};
    gal_attr attr[8];
    int64_t spatial[2];
    uint32_t n = gal_gradient_attributes(
        node, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides", attr, 7);
    spatial_of(node->in[0], spatial);
    if (!maximum) attr[n++] = ints_attr("spatial", spatial, 2);
    const char *op = maximum ? "MaxPoolGrad" : global ? "GlobalAveragePoolGrad" : "AveragePoolGrad";
    return gal_gradient_node(g, "galen", op, in, maximum ? 2 : 1, attr, n, 1, &g->dx[0], err);
}

/* The same elements are dropped: the same counter draws them again. */
galen_status gal_gradient_drop(const gal_gradient *g, galen_error *err) {
    gal_node *node = g->node;
    gal_value *in[2] = {g->dy[0], node->in[1]};
    return gal_gradient_node(g, "galen", "Drop", in, 2, node->attr, node->n_attr, 1, &g->dx[0], err);
}

/* The loss made its gradient beside itself; a factor on the loss is a factor on that. */
galen_status gal_gradient_loss(const gal_gradient *g, galen_error *err) {
    gal_value *dy = g->dy[0], *own = g->node->out[1];
    if (g->wanted[1]) return gal_node_fail(g->node, err, GALEN_ERR_UNSUPPORTED, "targets have no gradient");
    bool is_one = dy->constant != NULL; /* the walk's own start */
    g->dx[0] = own;
    return is_one ? GALEN_OK : gal_gradient_op(g, "Mul", own, dy, &g->dx[0], err);
}

static galen_status sum_along(const gal_gradient *g, gal_value *x, int64_t axis, gal_value **out, galen_error *err) {
    gal_value *in[2] = {x};
    const gal_attr keep = int_attr("keepdims", 1);
    GAL_TRY(gal_graph_ints(g->graph, NULL, &axis, 1, &in[1], err));
    return gal_gradient_node(g, "", "ReduceSum", in, 2, &keep, 1, 1, out, err);
}

/* dx = y (dy - sum(dy y)). */
galen_status gal_gradient_softmax(const gal_gradient *g, galen_error *err) {
    gal_value *y = g->node->out[0], *d, *sum;
    GAL_TRY(gal_gradient_op(g, "Mul", g->dy[0], y, &d, err));
    GAL_TRY(sum_along(g, d, gal_attr_int(g->node, "axis", -1), &sum, err));
    GAL_TRY(gal_gradient_op(g, "Sub", g->dy[0], sum, &d, err));
    return gal_gradient_op(g, "Mul", d, y, &g->dx[0], err);
}

/* dx = dy - exp(y) sum(dy). */
galen_status gal_gradient_log_softmax(const gal_gradient *g, galen_error *err) {
    gal_value *d, *sum;
    GAL_TRY(sum_along(g, g->dy[0], gal_attr_int(g->node, "axis", -1), &sum, err));
    GAL_TRY(gal_gradient_op(g, "Exp", g->node->out[0], NULL, &d, err));
    GAL_TRY(gal_gradient_op(g, "Mul", d, sum, &d, err));
    return gal_gradient_op(g, "Sub", g->dy[0], d, &g->dx[0], err);
}
