/*
 * Gradients. An op's rule (ops/grad_*.c, listed in ops/grads.def) appends the nodes that carry the gradient of its
 * outputs back to its inputs; the walk over a graph is src/train/backward.c. Everything is nodes of the same IR, so
 * that forward and backward pass are one graph, planned and run as one.
 */
#ifndef GAL_GRAPH_GRAD_H
#define GAL_GRAPH_GRAD_H

#include "graph/op.h"

/* One node on the way back. */
typedef struct gal_gradient {
    gal_graph *graph;
    gal_node *node;
    gal_value *const *dy; /* n_out: the loss's gradient by each output; NULL where none arrives, never all NULL */
    const bool *wanted;   /* n_in: inputs whose gradient somebody needs */
    gal_value **dx;       /* n_in, all NULL: the rule sets those that are wanted, in the shape and type of the input */
} gal_gradient;

/* Appends nodes to g->graph. GALEN_ERR_UNSUPPORTED names the node for a form that has no gradient here. */
typedef galen_status (*gal_gradient_fn)(const gal_gradient *g, galen_error *err);

/* The rule of `op`, or NULL: nothing flows back through it. */
gal_gradient_fn gal_gradient_rule(const gal_op *op);

/* ---- for rules ---- */

/* Appends a node with `n_out` outputs; *out is its first output. */
galen_status gal_gradient_node(const gal_gradient *g, const char *domain, const char *op, gal_value *const *in,
                               uint32_t n_in, const gal_attr *attr, uint32_t n_attr, uint32_t n_out, gal_value **out,
                               galen_error *err);
/* The same for ONNX ops of one or two inputs (b may be NULL) without attributes. */
galen_status gal_gradient_op(const gal_gradient *g, const char *op, gal_value *a, gal_value *b, gal_value **out,
                             galen_error *err);
/* A constant of one element, of `like`'s type. */
galen_status gal_gradient_number(const gal_gradient *g, const gal_value *like, double number, gal_value **out,
                                 galen_error *err);
/* The sum of `dy` over what a broadcast of `x` repeated, in x's shape; dy itself when nothing was. */
galen_status gal_gradient_unbroadcast(const gal_gradient *g, gal_value *dy, const gal_value *x, gal_value **out,
                                      galen_error *err);
/* `dy` under the shape of `x`, which has as many elements. */
galen_status gal_gradient_reshape(const gal_gradient *g, gal_value *dy, const gal_value *x, gal_value **out,
                                  galen_error *err);
/* The node's attributes of those names (separated by spaces) that it has, borrowed; returns how many. */
uint32_t gal_gradient_attributes(const gal_node *node, const char *names, gal_attr *out, uint32_t max);

#endif
