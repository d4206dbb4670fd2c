/* The gradient walk: from a loss back to what shall be trained, as nodes of the same graph. */
#ifndef GAL_TRAIN_BACKWARD_H
#define GAL_TRAIN_BACKWARD_H

#include "graph/graph.h"

/*
 * Appends to `graph` the nodes that compute gradient[i] = d loss / d target[i], in target[i]'s shape and type; loss has
 * one element. With `scale`, a value like loss, all of them are that many times as large (loss scaling); NULL: 1. Where
 * several paths lead to a value their gradients are added in the order the walk meets them, which the graph fixes. NULL
 * in gradient[i]: the loss does not depend on target[i]. GALEN_ERR_UNSUPPORTED names the node that no gradient flows
 * back through.
 */
galen_status gal_train_backward(gal_graph *graph, gal_value *loss, gal_value *scale, gal_value *const *target, size_t n,
                                gal_value **gradient, galen_error *err);

#endif
