/*
 * galen.ExpandDepthwise: a 1x1 convolution, the depthwise one behind it, and the mean of its output over the image, as
 * inverted bottlenecks have them (MobileNetV2, Sandler et al. 2018; EfficientNet, Tan and Le 2019). What the first
 * makes exists only inside the node.
 */
#ifndef GAL_GRAPH_OPS_EXPAND_H
#define GAL_GRAPH_OPS_EXPAND_H

#include "graph/op.h"

enum { GAL_EXPAND_ATTRS = 3 }; /* of the first convolution: its activation */

/* Both convolutions as nodes of galen.Conv that read the node's own values; valid as long as it is. */
typedef struct gal_expand {
    gal_node first, depthwise;
    gal_value inner, *first_in[3], *depthwise_in[3], *first_out[1], *depthwise_out[1];
    gal_attr first_attr[GAL_EXPAND_ATTRS];
} gal_expand;

/* Points of *out lie in *out: not to be copied. The shape of `inner` is the shape rule's, once that has run. */
void gal_expand_split(const gal_node *node, gal_expand *out);

#endif
