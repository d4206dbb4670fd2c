/* What shape rules of several families share: one limit on outputs, small integer tensors known at load, plain costs.
 */
#ifndef GAL_GRAPH_OPS_RULES_H
#define GAL_GRAPH_OPS_RULES_H

#include "graph/op.h"

/* No op may make a tensor of more elements than this for one batch item: shapes in files are not to be trusted. */
#define GAL_MAX_ELEMENTS ((int64_t)1 << 31)

/* Sets type and shape of output `index` (nothing when it is omitted); GALEN_ERR_LIMIT when it would be too large. */
galen_status gal_set_output(const gal_node *node, uint32_t index, galen_dtype dtype, const gal_shape *shape,
                            galen_error *err);

/* Requires all present inputs from `first` on to have the type of in[first]. */
galen_status gal_need_same_dtype(const gal_node *node, uint32_t first, galen_error *err);

/*
 * Elements of a rank 0 or 1 integer value known at load, from `known` or from a constant. Writes at most GAL_KNOWN_MAX
 * to `out`; false when they are not known, not integers or too many.
 */
bool gal_known_of(const gal_value *value, gal_dim out[GAL_KNOWN_MAX], size_t *count);

/* Records `dims` for out[0] when its type is a 32 or 64-bit integer and its rank at most 1. */
galen_status gal_know(gal_graph *graph, const gal_node *node, const gal_dim *dims, size_t count, galen_error *err);

/* known of in[0] becomes known of out[0]. */
galen_status gal_know_same(gal_graph *graph, const gal_node *node, galen_error *err);

/* An attribute that must be 0 or 1. */
galen_status gal_need_flag(const gal_node *node, const char *name, bool otherwise, bool *out, galen_error *err);

/* Elements of output 0 at batch size N, saturated. */
int64_t gal_out_elements(const gal_node *node, int64_t batch);
int64_t gal_in_elements(const gal_node *node, uint32_t index, int64_t batch);

/* One operation an input element. */
void gal_cost_scan(const gal_node *node, int64_t batch, gal_cost *cost);

/* Copies in[0]'s bytes to out[0] unless they are the same memory. */
galen_status gal_view_run(const gal_call *call, galen_error *err);

#endif
