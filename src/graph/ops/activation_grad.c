/*
 * galen.ActivationGrad: in: dY, X, of any float type. out: dX = dY f'(X) for the activation f of attributes activation,
 * act_alpha and act_beta (activation.h), where X is f's input. At a kink the slope is the one PyTorch takes: 0 for Relu
 * and the flat parts, including the bounds of the Hard ones; 1 within Clip's bounds, which count as inside.
 */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/activation.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

enum { TASK = 16384 /* elements */ };

galen_status gal_galen_activationgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_activation kind;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (node->in[1]->dtype != node->in[0]->dtype || !gal_shape_equal(&node->in[1]->shape, &node->in[0]->shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 1 must be like input 0");
    if (!gal_activation_of(node, &kind) || kind == GAL_ACT_NONE)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is unknown",
                             gal_attr_string(node, "activation", ""));
    return gal_infer_same(graph, node, err);
}

void gal_galen_activationgrad_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 2 * gal_out_elements(node, batch);
}

static double slope(gal_activation kind, double alpha, double beta, double x) {
    double s;
    switch (kind) {
    case GAL_ACT_NONE:
    case GAL_ACT_GELU: break; /* no node asks for these */
    case GAL_ACT_RELU: return x > 0;
    case GAL_ACT_CLIP: return x >= alpha && x <= beta;
    case GAL_ACT_SIGMOID: s = gal_ref_sigmoid(x); return s * (1 - s);
    case GAL_ACT_SILU: s = gal_ref_sigmoid(x); return s * (1 + x * (1 - s));
    case GAL_ACT_TANH: s = gal_ref_tanh(x); return 1 - s * s;
    case GAL_ACT_HARD_SIGMOID: return alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0;
    case GAL_ACT_HARD_SWISH: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
    case GAL_ACT_LEAKY_RELU: return x > 0 ? 1 : alpha;
    }
    return 1;
}

typedef struct work {
    const gal_call *call;
    gal_activation kind;
    double alpha, beta;
    int64_t n;
} work;

static void some(void *context, size_t index) {
    const work *w = context;
    galen_dtype dtype = w->call->in[0]->dtype;
    size_t size = galen_dtype_size(dtype);
    int64_t first = (int64_t)index * TASK, end = first + TASK < w->n ? first + TASK : w->n;
    for (int64_t i = first; i < end; i++) {
        double dy = gal_load_f64(dtype, (const char *)w->call->in[0]->data + (size_t)i * size);
        double x = gal_load_f64(dtype, (const char *)w->call->in[1]->data + (size_t)i * size);
        gal_store_float(dtype, (char *)w->call->out[0]->data + (size_t)i * size,
                        dy * slope(w->kind, w->alpha, w->beta, x));
    }
}

galen_status gal_galen_activationgrad_run(const gal_call *call, galen_error *err) {
    (void)err;
    work w = {.call = call, .n = galen_tensor_elements(call->in[0])};
    gal_activation_of(call->node, &w.kind);
    w.alpha = gal_attr_float(call->node, "act_alpha", 0), w.beta = gal_attr_float(call->node, "act_beta", 0);
    gal_pool_run(call->pool, some, &w, (size_t)((w.n + TASK - 1) / TASK));
    return GALEN_OK;
}
