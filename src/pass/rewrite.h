/* What rewrites have in common: questions about values and constants, and careful replacement. */
#ifndef GAL_PASS_REWRITE_H
#define GAL_PASS_REWRITE_H

#include "graph/op.h"

/* The node's op is this one ("" is ONNX, "galen" made by passes). */
bool gal_is_op(const gal_node *node, const char *domain, const char *op);
/* The node that makes `value` when nobody else reads it and it is no graph output, else NULL. */
gal_node *gal_sole_producer(const gal_value *value);

/* Data of an f32 constant, else NULL. */
const float *gal_const_f32(const gal_value *value);
/* Elements of a value whose shape does not depend on the batch, else -1. */
int64_t gal_fixed_elements(const gal_value *value);
/* The only element of an f32 constant of one element. */
bool gal_const_scalar(const gal_value *value, float *out);

/*
 * A constant operand of a broadcast op that gives each index of `axis` of a tensor of this rank one number (or all the
 * same): its f32 data, and *step 1 (one an index) or 0 (one for all). NULL when it is anything else.
 */
const float *gal_const_per_axis(const gal_value *value, int rank, int axis, int64_t size, int *step);

/* False where `by` could not stand in for `old` without losing a name: `old` leaves the graph and `by` does too or
 * comes in from outside. */
bool gal_can_replace(const gal_value *old, const gal_value *by);

/* "Conv+Relu": what `node` stands for and then `more`; in the graph's arena, NULL when out of memory. */
const char *gal_merged_name(gal_graph *graph, const gal_node *node, const char *more);

/* Adds a node like `like` (name, attributes, as many outputs as are read, at most 64) of another op, domain or inputs
 * in front of `before`. One of the same op has as many outputs as `like`. */
typedef struct gal_remake {
    const gal_node *like;
    const char *domain, *op;
    uint32_t n_in;
    gal_value *const *in;
    const gal_attr *more; /* set or added to like's attributes */
    uint32_t n_more;
    const char *drop; /* attributes left out, separated by spaces, or NULL */
    const char *stands_for;
    gal_node *before;
} gal_remake;
galen_status gal_remake_node(gal_graph *graph, const gal_remake *spec, gal_node **out, galen_error *err);

gal_attr gal_attr_of_ints(const char *name, const int64_t *v, size_t n);
gal_attr gal_attr_of_int(const char *name, int64_t v);
gal_attr gal_attr_of_float(const char *name, float v);
gal_attr gal_attr_of_text(const char *name, const char *v);

/* y = Transpose(x, perm), in front of `before`. */
galen_status gal_add_transpose(gal_graph *graph, gal_value *x, const int64_t *perm, int rank, gal_node *before,
                               gal_value **y, galen_error *err);

#endif
