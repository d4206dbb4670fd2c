/*
 * galen.ScaledConv: a galen.ScaleShift and the 1x1 galen.Conv that reads it, so that what lies between is never stored
 * as a whole. The bits are those of the two. What DenseNet's layers begin with.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/scale_shift.h"
#include "graph/ops/types.h"
#include "graph/ops/window.h"

#include <string.h>

enum { X, W, BIAS, NOTHING, SCALE, SHIFT };

static bool is_row(const gal_value *value, gal_dim channels) {
    return value != NULL && value->dtype == GALEN_F32 && value->shape.rank == 1 &&
           gal_dim_equal(value->shape.dim[0], channels);
}

/* in: X [N, H, W, C], W [K, C, 1, 1], optional bias [K], nothing, scale [C], shift [C]. "in_activation" is "Relu" or
 * absent. */
galen_status gal_galen_scaledconv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    if (node->n_in != SHIFT + 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "there must be %d inputs", SHIFT + 1);
    GAL_TRY(gal_galen_conv_infer(graph, node, err));
    const gal_shape *x = &node->in[X]->shape, *w = &node->in[W]->shape;
    if (node->in[NOTHING] != NULL) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "there is no residual (input 3)");
    if (w->rank != 4 || w->dim[2].size != 1 || w->dim[3].size != 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the window is not 1x1");
    for (uint32_t i = SCALE; i <= SHIFT; i++)
        if (!is_row(node->in[i], x->dim[3]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have one element a channel", i);
    const char *activation = gal_attr_string(node, "in_activation", "");
    if (activation[0] != '\0' && strcmp(activation, "Relu") != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is unknown", activation);
    return GALEN_OK;
}

void gal_galen_scaledconv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    bool relu = gal_attr_string(node, "in_activation", "")[0] != '\0';
    galen_tensor x;
    gal_galen_conv_cost(node, batch, cost);
    gal_shape_at(&node->in[X]->shape, node->in[X]->dtype, batch, &x);
    cost->flop += (relu ? 3 : 2) * galen_tensor_elements(&x);
}

/* The scaled input. */
size_t gal_galen_scaledconv_scratch(const gal_node *node, int64_t batch) {
    galen_tensor x;
    gal_shape_at(&node->in[X]->shape, node->in[X]->dtype, batch, &x);
    int64_t bytes = galen_tensor_bytes(&x);
    return bytes > 0 ? (size_t)bytes : 0;
}

galen_status gal_galen_scaledconv_run(const gal_call *call, galen_error *err) {
    bool relu = gal_attr_string(call->node, "in_activation", "")[0] != '\0';
    galen_tensor scaled = *call->in[X];
    scaled.data = call->scratch;
    gal_scale_shift_ref(call->in[X], call->in[SCALE]->data, call->in[SHIFT]->data, relu, call->scratch, call->pool);
    const galen_tensor *in[] = {&scaled, call->in[W], call->in[BIAS], NULL, call->in[SCALE], call->in[SHIFT]};
    gal_call conv = *call;
    conv.in = in;
    return gal_galen_conv_run(&conv, err);
}
