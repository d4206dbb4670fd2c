/* Gradients of element-wise ops: the derivative times dy, summed over what a broadcast repeated. */
#include "base/error.h"
#include "graph/ops/grads.h"
#include "graph/ops/types.h"

#include <math.h>
#include <string.h>

/* Input i's gradient is `dy` before broadcasting is undone. */
static galen_status give(const gal_gradient *g, uint32_t i, gal_value *dy, galen_error *err) {
    return gal_gradient_unbroadcast(g, dy, g->node->in[i], &g->dx[i], err);
}

galen_status gal_gradient_add(const gal_gradient *g, galen_error *err) {
    for (uint32_t i = 0; i < 2; i++)
        if (g->wanted[i]) GAL_TRY(give(g, i, g->dy[0], err));
    return GALEN_OK;
}

galen_status gal_gradient_sub(const gal_gradient *g, galen_error *err) {
    gal_value *minus;
    if (g->wanted[0]) GAL_TRY(give(g, 0, g->dy[0], err));
    if (!g->wanted[1]) return GALEN_OK;
    GAL_TRY(gal_gradient_op(g, "Neg", g->dy[0], NULL, &minus, err));
    return give(g, 1, minus, err);
}

galen_status gal_gradient_mul(const gal_gradient *g, galen_error *err) {
    for (uint32_t i = 0; i < 2; i++) {
        gal_value *d;
        if (!g->wanted[i]) continue;
        GAL_TRY(gal_gradient_op(g, "Mul", g->dy[0], g->node->in[1 - i], &d, err));
        GAL_TRY(give(g, i, d, err));
    }
    return GALEN_OK;
}

/* y = a / b: da = dy / b, db = -dy y / b. */
galen_status gal_gradient_div(const gal_gradient *g, galen_error *err) {
    gal_value *over, *d;
    GAL_TRY(gal_gradient_op(g, "Div", g->dy[0], g->node->in[1], &over, err));
    if (g->wanted[0]) GAL_TRY(give(g, 0, over, err));
    if (!g->wanted[1]) return GALEN_OK;
    GAL_TRY(gal_gradient_op(g, "Mul", over, g->node->out[0], &d, err));
    GAL_TRY(gal_gradient_op(g, "Neg", d, NULL, &d, err));
    return give(g, 1, d, err);
}

galen_status gal_gradient_neg(const gal_gradient *g, galen_error *err) {
    return gal_gradient_op(g, "Neg", g->dy[0], NULL, &g->dx[0], err);
}

galen_status gal_gradient_abs(const gal_gradient *g, galen_error *err) {
    gal_value *sign;
    GAL_TRY(gal_gradient_op(g, "Sign", g->node->in[0], NULL, &sign, err));
    return gal_gradient_op(g, "Mul", g->dy[0], sign, &g->dx[0], err);
}

galen_status gal_gradient_exp(const gal_gradient *g, galen_error *err) {
    return gal_gradient_op(g, "Mul", g->dy[0], g->node->out[0], &g->dx[0], err);
}

galen_status gal_gradient_log(const gal_gradient *g, galen_error *err) {
    return gal_gradient_op(g, "Div", g->dy[0], g->node->in[0], &g->dx[0], err);
}

galen_status gal_gradient_sqrt(const gal_gradient *g, galen_error *err) {
    gal_value *half, *d;
    GAL_TRY(gal_gradient_number(g, g->dy[0], 0.5, &half, err));
    GAL_TRY(gal_gradient_op(g, "Mul", g->dy[0], half, &d, err));
    return gal_gradient_op(g, "Div", d, g->node->out[0], &g->dx[0], err);
}

/* 2 / sqrt(pi) exp(-x^2). */
galen_status gal_gradient_erf(const gal_gradient *g, galen_error *err) {
    gal_value *x = g->node->in[0], *d, *factor;
    GAL_TRY(gal_gradient_op(g, "Mul", x, x, &d, err));
    GAL_TRY(gal_gradient_op(g, "Neg", d, NULL, &d, err));
    GAL_TRY(gal_gradient_op(g, "Exp", d, NULL, &d, err));
    GAL_TRY(gal_gradient_number(g, x, 1.1283791670955126, &factor, err));
    GAL_TRY(gal_gradient_op(g, "Mul", d, factor, &d, err));
    return gal_gradient_op(g, "Mul", g->dy[0], d, &g->dx[0], err);
}

galen_status gal_gradient_softplus(const gal_gradient *g, galen_error *err) {
    gal_value *d;
    GAL_TRY(gal_gradient_op(g, "Sigmoid", g->node->in[0], NULL, &d, err));
    return gal_gradient_op(g, "Mul", g->dy[0], d, &g->dx[0], err);
}

/* c x^(c - 1) for a constant exponent of one element. */
galen_status gal_gradient_pow(const gal_gradient *g, galen_error *err) {
    const gal_value *by = g->node->in[1];
    if (g->wanted[1] || by->constant == NULL || galen_tensor_elements(by->constant) != 1)
        return gal_node_fail(g->node, err, GALEN_ERR_UNSUPPORTED, "no gradient unless the exponent is one constant");
    double c = gal_load_f64(by->dtype, by->constant->data);
    gal_value *less, *factor, *d;
    GAL_TRY(gal_gradient_number(g, g->node->in[0], c - 1, &less, err));
    GAL_TRY(gal_gradient_number(g, g->node->in[0], c, &factor, err));
    GAL_TRY(gal_gradient_op(g, "Pow", g->node->in[0], less, &d, err));
    GAL_TRY(gal_gradient_op(g, "Mul", d, factor, &d, err));
    return gal_gradient_op(g, "Mul", g->dy[0], d, &g->dx[0], err);
}

/* y > 0 exactly where x > 0: reading y lets x's memory be overwritten. */
galen_status gal_gradient_relu(const gal_gradient *g, galen_error *err) {
    gal_value *in[2] = {g->dy[0], g->node->out[0]};
    const gal_attr attr = {.name = "activation", .type = GAL_ATTR_STRING, .s = "Relu"};
    return gal_gradient_node(g, "galen", "ActivationGrad", in, 2, &attr, 1, 1, &g->dx[0], err);
}

/* The bound that input i of Clip gives, or `otherwise`. */
static bool clip_bound(const gal_node *node, uint32_t i, float otherwise, float *out) {
    *out = otherwise;
    if (i >= node->n_in || node->in[i] == NULL) return true;
    if (node->in[i]->constant == NULL || galen_tensor_elements(node->in[i]->constant) != 1) return false;
    *out = (float)gal_load_f64(node->in[i]->dtype, node->in[i]->constant->data);
    return true;
}

/* Those of graph/ops/activation.h, by their ONNX names; slopes and bounds go to act_alpha and act_beta. */
galen_status gal_gradient_activation(const gal_gradient *g, galen_error *err) {
    const gal_node *node = g->node;
    const char *op = node->op->name;
    gal_value *in[2] = {g->dy[0], node->in[0]};
    float alpha = gal_attr_float(node, "alpha", strcmp(op, "LeakyRelu") == 0 ? 0.01F : 0.2F);
    float beta = gal_attr_float(node, "beta", 0.5F);
    if (strcmp(op, "Clip") == 0 && !(clip_bound(node, 1, -INFINITY, &alpha) && clip_bound(node, 2, INFINITY, &beta)))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient unless the bounds are constants");
    const gal_attr attr[3] = {{.name = "activation", .type = GAL_ATTR_STRING, .s = op},
                              {.name = "act_alpha", .type = GAL_ATTR_FLOAT, .f = alpha},
                              {.name = "act_beta", .type = GAL_ATTR_FLOAT, .f = beta}};
    return gal_gradient_node(g, "galen", "ActivationGrad", in, 2, attr, 3, 1, &g->dx[0], err);
}

/* Rounding is taken as what it approximates. To 16 bits by the op that has fast rows. */
galen_status gal_gradient_cast(const gal_gradient *g, galen_error *err) {
    gal_value *in[1] = {g->dy[0]};
    galen_dtype type = g->node->in[0]->dtype;
    bool narrow = g->dy[0]->dtype == GALEN_F32 && (type == GALEN_BF16 || type == GALEN_F16);
    const gal_attr to = {.name = "to", .type = GAL_ATTR_INT, .i = type};
    return gal_gradient_node(g, narrow ? "galen" : "", narrow ? "Narrow" : "Cast", in, 1, &to, 1, 1, &g->dx[0], err);
}
