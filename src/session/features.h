/* What a classifier sees before it decides: the input of its last layer. */
#ifndef GAL_SESSION_FEATURES_H
#define GAL_SESSION_FEATURES_H

#include "graph/graph.h"

/*
 * The value that the last product with weights (Gemm, MatMul, or a convolution) of the graph's first output reads, as
 * GlobalAveragePool left it in most networks; behind that product there may be additions of constants, changes of shape
 * and Sigmoid or Softmax. *width: its numbers an image. NULL when the graph ends otherwise, has no such value of a
 * floating type with the batch first, or one of more than 65,536 numbers.
 */
gal_value *gal_features_find(const gal_graph *graph, int *width);

#endif
