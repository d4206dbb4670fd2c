/* Gradient checkpointing: activations that the backward pass computes again instead of keeping them. */
#ifndef GAL_TRAIN_RECOMPUTE_H
#define GAL_TRAIN_RECOMPUTE_H

#include "graph/graph.h"

/* What a rewrite added. */
typedef struct gal_recomputation {
    size_t nodes; /* copies of nodes of the forward pass */
    double share; /* estimate: their work as a share of the whole graph's before */
} gal_recomputation;

/*
 * Rewrites a graph behind the gradient walk (backward.h) so that it keeps less: the forward pass, everything up to the
 * node that makes `loss`, is cut where little crosses, into at most `segments` of them. What crosses is kept; what
 * else the backward pass reads of a segment is computed again, by copies of the nodes that stand just in front of the
 * first reader. The last segment is kept as it is. Copies are the same ops on the same inputs, so that every output has
 * the bits it had. Running statistics are made once: a copy has no such output. Values without N (the statistics of a
 * batch) and concatenations along the last dimension, whose memory is their inputs', are kept everywhere.
 *
 * The order of the nodes is the whole point: no pass that merges equal nodes or moves them may come after this one.
 * `batch`: images of a run, for the estimates. Fewer than two segments change nothing.
 */
galen_status gal_train_recompute(gal_graph *graph, const gal_value *loss, int64_t segments, int64_t batch,
                                 gal_recomputation *out, galen_error *err);

#endif
