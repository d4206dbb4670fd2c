/* Declares every function named in ops.def, so that a family file needs no prototypes of its own. */
#ifndef GAL_GRAPH_OPS_H
#define GAL_GRAPH_OPS_H

#include "graph/op.h"

/* Functions shared by several rows are declared several times, which C allows. */
#define GAL_OP(symbol, domain, name, min_in, max_in, min_out, max_out, shape_in, flags, attrs, infer, cost, run,       \
               scratch)                                                                                                \
    galen_status infer(gal_graph *graph, gal_node *node, galen_error *err);                                            \
    void cost(const gal_node *node, int64_t batch, gal_cost *out);                                                     \
    galen_status run(const gal_call *call, galen_error *err);                                                          \
    size_t scratch(const gal_node *node, int64_t batch);
#include "graph/ops/ops.def"
#undef GAL_OP

/* For rows of ops that do no arithmetic, and of kernels that need no scratch memory. */
void gal_cost_none(const gal_node *node, int64_t batch, gal_cost *out);
/* One operation for each element of out[0]. */
void gal_cost_elementwise(const gal_node *node, int64_t batch, gal_cost *out);
size_t gal_scratch_none(const gal_node *node, int64_t batch);

#endif
