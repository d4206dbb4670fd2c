/* The one reference convolution: Conv and galen.Conv call it with their own strides, so that they give the same bits.
 */
#ifndef GAL_GRAPH_OPS_CONV_REF_H
#define GAL_GRAPH_OPS_CONV_REF_H

#include "graph/op.h"
#include "graph/ops/activation.h"
#include "graph/ops/window.h"

/*
 * Where things lie, in elements. Outputs are sums in double over channel, then window position in row-major order, then
 * the bias; rounded once; then the residual is added and rounded; then the activation. A merged bf16 or f16 convolution
 * does all of that on f32 and rounds at the end; its weights may be f32.
 */
typedef struct gal_conv_ref {
    gal_window window;
    galen_dtype dtype;
    int64_t batch, channels, outputs, group; /* channels and outputs of all groups together */
    const void *x, *w, *bias, *residual;     /* bias and residual may be NULL; the residual lies like y */
    void *y;
    int64_t x_stride[5], y_stride[5]; /* batch, channel, depth, row, column */
    bool merged;                      /* galen.Conv: residual and activation; of bf16 and f16 with an f32 bias */
    bool f32_weights;                 /* whatever dtype is */
    gal_activation activation;        /* only when merged */
    float alpha, beta;
} gal_conv_ref;

void gal_conv_ref_run(const gal_conv_ref *conv, gal_pool *pool);

/* Strides of a dense tensor [batch, channels, spatial...] or, with channels last, [batch, spatial..., channels]. */
void gal_conv_strides(int64_t channels, const int64_t spatial[3], bool channels_last, int64_t stride[5]);

/* Shape rule of convolutions: checks x, weights [outputs, channels / group, kernel...] and bias, and makes the output's
 * shape. */
galen_status gal_conv_shape(const gal_node *node, uint32_t x, uint32_t w, uint32_t bias, bool channels_last,
                            gal_window *window, gal_shape *out, galen_error *err);

#endif
