/* A new last layer. */
#include "train/head.h"

#include "base/error.h"
#include "base/rng.h"
#include "pass/rewrite.h"

#include <math.h>

/* The last layer: in[1] of `product` is [K, C], or [C, K] when `turned`; the bias is in[at] of `adder`, or NULL. */
typedef struct head {
    gal_node *product, *adder;
    uint32_t at;
    bool turned;
} head;

static bool is_activation(const gal_node *node) {
    return gal_is_op(node, "", "Softmax") || gal_is_op(node, "", "LogSoftmax") || gal_is_op(node, "", "Sigmoid");
}

static galen_status refuse(const gal_node *node, galen_error *err) {
    return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                    "node '%s' (%s) makes the output: only a last layer of Gemm, or MatMul and Add, can be replaced",
                    node->name, node->op->name);
}

static galen_status find(const gal_model *model, head *out, galen_error *err) {
    if (model->graph->n_output != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the model has %u outputs; one last layer can be replaced",
                        model->graph->n_output);
    gal_node *node = model->graph->output[0]->producer;
    *out = (head){0};
    if (node != NULL && is_activation(node)) node = node->in[0]->producer;
    if (node == NULL) return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the model has no last layer");
    if (gal_is_op(node, "", "Add")) {
        for (uint32_t i = 0; i < 2; i++)
            if (node->in[i]->constant != NULL && node->in[1 - i]->producer != NULL) out->adder = node, out->at = i;
        if (out->adder == NULL) return refuse(node, err);
        node = node->in[1 - out->at]->producer;
    }
    bool gemm = gal_is_op(node, "", "Gemm");
    out->product = node;
    out->turned = !gemm || gal_attr_int(node, "transB", 0) == 0;
    if (gemm && node->n_in > 2 && node->in[2] != NULL) out->adder = node, out->at = 2;
    bool plain = node->n_in > 1 && node->in[1]->constant != NULL && node->in[1]->shape.rank == 2 &&
                 node->in[1]->dtype == GALEN_F32;
    return (gemm || gal_is_op(node, "", "MatMul")) && plain ? GALEN_OK : refuse(node, err);
}

galen_status gal_train_replace_head(gal_model *model, int64_t classes, uint64_t seed, galen_error *err) {
    head h = {0};
    gal_value *weights, *bias = NULL;
    GAL_TRY(find(model, &h, err));
    if (classes < 1 || classes > 65536)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%lld classes; 1 to 65536", (long long)classes);
    int64_t inputs = h.product->in[1]->constant->dim[h.turned ? 0 : 1];
    const int64_t dim[2] = {h.turned ? inputs : classes, h.turned ? classes : inputs};
    GAL_TRY(gal_graph_new_constant(model->graph, "head.weight", GALEN_F32, 2, dim, &weights, err));
    if (h.adder != NULL) GAL_TRY(gal_graph_new_constant(model->graph, "head.bias", GALEN_F32, 1, &classes, &bias, err));
    gal_rng rng = gal_rng_make(seed, UINT32_MAX);
    float *w = weights->constant->data;
    for (int64_t i = 0; i < classes * inputs; i++)
        w[i] = (float)((2 * gal_rng_uniform(&rng) - 1) * sqrt(6.0 / (double)inputs));
    gal_node_set_input(h.product, 1, weights);
    if (h.adder != NULL) gal_node_set_input(h.adder, h.at, bias);
    return gal_graph_infer(model->graph, err);
}
