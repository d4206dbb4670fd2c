/* Reference pooling over any strides, for ONNX's pools and their channels-last forms. */
#ifndef GAL_GRAPH_OPS_POOL_REF_H
#define GAL_GRAPH_OPS_POOL_REF_H

#include "graph/op.h"
#include "graph/ops/window.h"

typedef enum gal_pool_kind { GAL_POOL_MAX, GAL_POOL_AVERAGE, GAL_POOL_LP } gal_pool_kind;

/* Shape rule: in[0] is [batch, channels, spatial...] or [batch, spatial..., channels]. */
galen_status gal_pool_shape(const gal_node *node, bool channels_last, gal_window *window, gal_shape *out,
                            galen_error *err);

/* Computes out[0] (and out[1], the indices of maxima, if there). */
galen_status gal_pool_ref_run(const gal_call *call, gal_pool_kind kind, bool channels_last, galen_error *err);

/* The same with one window as large as the image. */
galen_status gal_pool_ref_global(const gal_call *call, gal_pool_kind kind, bool channels_last);

/* [batch, channels, 1, ...] or [batch, 1, ..., channels]. */
galen_status gal_pool_global_shape(const gal_node *node, bool channels_last, gal_shape *out, galen_error *err);

#endif
