/* Gradients of galen.Conv: what their shape rules know, for the references and the fast rows. */
#ifndef GAL_GRAPH_OPS_CONV_GRAD_H
#define GAL_GRAPH_OPS_CONV_GRAD_H

#include "graph/op.h"
#include "graph/ops/window.h"

/*
 * The convolution whose gradient is asked for, Y [N, oh, ow, outputs] = conv(X [N, h, w, channels], W [outputs,
 * channels / group, kh, kw]): window.in is h and w, window.out is oh and ow (entries 1 and 2).
 */
typedef struct gal_conv_grad {
    gal_window window;
    int64_t channels, outputs, group; /* channels and outputs of all groups together */
} gal_conv_grad;

/* galen.ConvGradInput: dY, W and attribute spatial [h, w] give dX [N, h, w, channels]. */
galen_status gal_conv_grad_input_shape(const gal_node *node, gal_conv_grad *grad, gal_shape *out, galen_error *err);
/* galen.ConvGradWeight: X, dY and attribute kernel_shape give dW [outputs, channels / group, kh, kw]. */
galen_status gal_conv_grad_weight_shape(const gal_node *node, gal_conv_grad *grad, gal_shape *out, galen_error *err);

#endif
