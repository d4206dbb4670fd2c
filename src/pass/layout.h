/*
 * The layout pass, shared by its two files. A value of rank 4 in the model's order (N, C, H, W) may have a twin: a
 * value with the same elements in the order N, H, W, C.
 */
#ifndef GAL_PASS_LAYOUT_H
#define GAL_PASS_LAYOUT_H

#include "pass/rewrite.h"

typedef struct gal_layout {
    gal_graph *graph;
    gal_value **twin; /* by value id */
    uint32_t cap;
    bool *changed;
} gal_layout;

/* The twin of `value`, or NULL. */
gal_value *gal_layout_twin(const gal_layout *layout, const gal_value *value);
/* The twin costs nothing: it exists, or only dimensions of size 1 change places. */
bool gal_layout_is_cheap(const gal_layout *layout, const gal_value *value);
/* The twin, made in front of `before` when there is none: a permuted constant or a Transpose. Constants of lower rank
 * are those of a broadcast. */
galen_status gal_layout_need(gal_layout *layout, gal_value *value, gal_node *before, gal_value **twin,
                             galen_error *err);
/* Replaces `node` by `made`, whose outputs of rank 4 are twins of node's; others are the same. */
galen_status gal_layout_finish(gal_layout *layout, gal_node *node, gal_node *made, galen_error *err);

/* Moves a node that does not care about the order of dimensions, or names them by number, to the twins of its inputs if
 * it can. */
galen_status gal_layout_through(gal_layout *layout, gal_node *node, galen_error *err);

/* Place in N, H, W, C of an axis of N, C, H, W. */
static inline int64_t gal_layout_axis(int64_t axis) {
    static const int64_t to[4] = {0, 3, 1, 2};
    return to[axis < 0 ? axis + 4 : axis];
}

#endif
