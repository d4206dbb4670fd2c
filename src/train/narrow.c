/*
 * Mixed precision: activations, and weights where they are multiplied, in bf16 or f16; sums, statistics, gradients of
 * weights and the weights that steps change stay f32. A value is narrow from the first convolution on that can take it
 * so, until an op without a 16-bit form reads it.
 */
#include "train/narrow.h"

#include "base/error.h"
#include "graph/op.h"
#include "graph/ops/types.h"
#include "pass/rewrite.h"

enum { FEW_CHANNELS = 16 };

typedef struct narrower {
    gal_graph *graph;
    gal_train_network *net;
    galen_dtype type; /* GALEN_BF16 or GALEN_F16 */
} narrower;

/* Ops whose forward and backward forms take 16-bit activations. */
static bool goes_narrow(const gal_node *node) {
    static const struct {
        const char *domain, *op;
    } ops[] = {{"galen", "BatchNorm"},
               {"galen", "Moments"},
               {"galen", "MaxPool"},
               {"galen", "AveragePool"},
               {"galen", "GlobalAveragePool"},
               {"galen", "ScaleShift"},
               {"", "Add"},
               {"", "Mul"},
               {"", "Relu"},
               {"", "Sigmoid"},
               {"", "Tanh"},
               {"", "HardSigmoid"},
               {"", "HardSwish"},
               {"", "LeakyRelu"},
               {"", "Concat"}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (gal_is_op(node, ops[i].domain, ops[i].op)) return true;
    return false;
}

static int64_t stride_across(const gal_node *node) {
    size_t n;
    const int64_t *strides = gal_attr_ints(node, "strides", &n);
    return n == 2 ? strides[1] : 1;
}

/*
 * Kernels take channels in pairs, or a picture's few where the stride across makes pairs of its pixels; a convolution
 * of other single channels keeps f32 weights, which are few.
 */
static bool is_narrow_conv(const gal_node *node) {
    if (!gal_is_op(node, "galen", "Conv") || node->in[1]->constant == NULL) return false;
    const int64_t *w = node->in[1]->constant->dim, group = gal_attr_int(node, "group", 1);
    if (w[0] / group % 2 != 0) return false;
    return w[1] % 2 == 0 || (group == 1 && w[1] < FEW_CHANNELS && stride_across(node) % 2 == 0);
}

static galen_status add(const narrower *n, const char *domain, const char *op, gal_value *x, const gal_attr *attr,
                        gal_node *before, gal_value **out, galen_error *err) {
    gal_node *made;
    const gal_node_spec spec = {.domain = domain,
                                .op = op,
                                .n_in = 1,
                                .n_out = 1,
                                .in = &x,
                                .attr = attr,
                                .n_attr = attr != NULL,
                                .before = before};
    GAL_TRY(gal_graph_node(n->graph, &spec, &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

static galen_status add_narrow(const narrower *n, gal_value *x, gal_node *before, gal_value **out, galen_error *err) {
    const gal_attr to = gal_attr_of_int("to", n->type);
    return add(n, "galen", "Narrow", x, &to, before, out, err);
}

/* Input i in 16 bits: converted in front of the node, a constant once and for all. */
static galen_status narrow_input(const narrower *n, gal_node *node, uint32_t i, galen_error *err) {
    gal_value *x = node->in[i], *y;
    if (x == NULL || x->dtype == n->type) return GALEN_OK;
    if (x->constant == NULL) {
        GAL_TRY(add_narrow(n, x, node, &y, err));
    } else {
        const galen_tensor *t = x->constant;
        GAL_TRY(gal_graph_new_constant(n->graph, NULL, n->type, t->rank, t->dim, &y, err));
        gal_f32_to_half_row(n->type, t->data, y->constant->data, (size_t)galen_tensor_elements(t));
    }
    gal_node_set_input(node, i, y);
    return GALEN_OK;
}

static galen_status widen_inputs(const narrower *n, gal_node *node, galen_error *err) {
    const gal_attr to = gal_attr_of_int("to", GALEN_F32);
    for (uint32_t i = 0; i < node->n_in; i++) {
        gal_value *y;
        if (node->in[i] == NULL || node->in[i]->dtype != n->type) continue;
        GAL_TRY(add(n, "", "Cast", node->in[i], &to, node, &y, err));
        gal_node_set_input(node, i, y);
    }
    return GALEN_OK;
}

/* Remembers which parameter the 16-bit weights are the narrow form of. */
static void pair(const narrower *n, const gal_value *weights, gal_value *narrow) {
    for (size_t i = 0; i < n->net->n_parameter; i++)
        if (n->net->parameter[i].value == weights) n->net->parameter[i].narrow = narrow;
}

/* The narrow form of shared weights is shared. */
static gal_value *narrow_form(const narrower *n, const gal_value *weights) {
    for (size_t i = 0; i < n->net->n_parameter; i++)
        if (n->net->parameter[i].value == weights) return n->net->parameter[i].narrow;
    return NULL;
}

static galen_status narrow_conv(const narrower *n, gal_node *node, galen_error *err) {
    gal_value *weights = node->in[1], *before = narrow_form(n, weights);
    GAL_TRY(narrow_input(n, node, 0, err));
    if (before != NULL) {
        gal_node_set_input(node, 1, before);
        return GALEN_OK;
    }
    GAL_TRY(narrow_input(n, node, 1, err));
    pair(n, weights, node->in[1]);
    return GALEN_OK;
}

/* What a convolution in f32 makes (single channels, or a picture's three under an odd stride) goes on in 16 bits. */
static galen_status narrow_output(const narrower *n, gal_node *node, galen_error *err) {
    gal_value *wide = node->out[0], *y;
    GAL_TRY(widen_inputs(n, node, err));
    GAL_TRY(add_narrow(n, wide, node->next, &y, err));
    gal_graph_replace(n->graph, wide, y);
    gal_node_set_input(y->producer, 0, wide);
    return GALEN_OK;
}

static bool reads_narrow(const narrower *n, const gal_node *node) {
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != NULL && node->in[i]->dtype == n->type) return true;
    return false;
}

/* Activations among the inputs: all of element-wise ops and concatenations, else the first. */
static uint32_t activations(const gal_node *node) {
    return node->op->domain[0] == '\0' ? node->n_in : 1;
}

static galen_status visit(const narrower *n, gal_node *node, galen_error *err) {
    if (is_narrow_conv(node)) {
        GAL_TRY(narrow_conv(n, node, err));
    } else if (gal_is_op(node, "galen", "Conv")) {
        return narrow_output(n, node, err);
    } else if (reads_narrow(n, node)) {
        if (!goes_narrow(node)) return widen_inputs(n, node, err);
        for (uint32_t i = 0; i < activations(node); i++) GAL_TRY(narrow_input(n, node, i, err));
    } else {
        return GALEN_OK;
    }
    return node->op->infer(n->graph, node, err);
}

galen_status gal_train_narrow(gal_train_network *net, galen_dtype type, galen_error *err) {
    const narrower n = {.graph = net->graph, .net = net, .type = type};
    const gal_attr to = gal_attr_of_int("to", GALEN_F32);
    gal_node *next;
    for (gal_node *node = net->graph->first; node != NULL; node = next) {
        next = node->next;
        if (gal_is_op(node, "", "Cast") || gal_is_op(node, "galen", "Narrow")) continue;
        GAL_TRY(visit(&n, node, err));
    }
    if (net->logits->dtype == type) GAL_TRY(add(&n, "", "Cast", net->logits, &to, NULL, &net->logits, err));
    return GALEN_OK;
}
