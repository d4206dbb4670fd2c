/*
 * Gradients of features that many layers read (DenseNet): two rewrites of a training graph, one before and one after
 * the walk back (train/backward.h).
 *
 * Each layer of a dense block normalises the concatenation of all features before it. Left alone, every feature's mean
 * and variance are computed once a reader, and every reader's gradient is cut into one slice a feature, which are added
 * one by one: a number of slices and sums that grows with the square of the layers.
 */
#ifndef GAL_TRAIN_DENSE_GRAD_H
#define GAL_TRAIN_DENSE_GRAD_H

#include "graph/graph.h"

/* A Concat of at least two values along their last dimension. */
bool gal_train_joins_channels(const gal_node *node);

/*
 * On the forward graph, channels last: a Concat that begins with what an earlier one joins reads that one instead, and
 * galen.BatchNorm of a Concat takes the moments of each part, which are computed once. Sums of a part run in another
 * order than sums of the whole.
 */
galen_status gal_train_nest(gal_graph *graph, galen_error *err);

/*
 * After the walk back: where the gradient of such a normalisation is added to that of a wider Concat's first channels,
 * galen.NormGradSum adds it in place in one pass over memory, and galen.NormGradEnd takes out each feature's gradient
 * once it is whole.
 */
galen_status gal_train_sum_dense(gal_graph *graph, galen_error *err);

#endif
