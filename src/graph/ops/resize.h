/* What a Resize node asks for, and which input positions make an output position: shared by reference and fast rows. */
#ifndef GAL_GRAPH_OPS_RESIZE_H
#define GAL_GRAPH_OPS_RESIZE_H

#include "graph/graph.h"

typedef enum gal_resize_mode { GAL_RESIZE_NEAREST, GAL_RESIZE_LINEAR, GAL_RESIZE_CUBIC } gal_resize_mode;
typedef enum gal_resize_coordinates {
    GAL_RESIZE_HALF_PIXEL,
    GAL_RESIZE_PYTORCH_HALF_PIXEL,
    GAL_RESIZE_ALIGN_CORNERS,
    GAL_RESIZE_ASYMMETRIC,
    GAL_RESIZE_TF_HALF_PIXEL_FOR_NN,
    GAL_RESIZE_TF_CROP_AND_RESIZE
} gal_resize_coordinates;
typedef enum gal_resize_rounding {
    GAL_RESIZE_ROUND_PREFER_FLOOR,
    GAL_RESIZE_ROUND_PREFER_CEIL,
    GAL_RESIZE_FLOOR,
    GAL_RESIZE_CEIL
} gal_resize_rounding;

typedef struct gal_resize {
    gal_resize_mode mode;
    gal_resize_coordinates coordinates;
    gal_resize_rounding rounding;
    double cubic_a, extrapolation;
    bool exclude_outside;
    bool sized; /* sizes were given, not scales */
    int rank;
    bool kept[GALEN_MAX_RANK]; /* this dimension is copied index by index */
    double scale[GALEN_MAX_RANK], roi_start[GALEN_MAX_RANK], roi_end[GALEN_MAX_RANK];
    gal_dim out[GALEN_MAX_RANK];
} gal_resize;

/* Which input indices make one output index along one dimension. */
typedef struct gal_resize_taps {
    int count;
    bool outside; /* beyond the roi's image: the extrapolation value */
    int64_t index[4];
    double weight[4];
} gal_resize_taps;

/* All but the roi, which is data. Fails on attributes, scales or sizes that make no sense, naming the node. */
galen_status gal_resize_read(const gal_node *node, gal_resize *out, galen_error *err);
/* The taps of output index `o` along dimension d, whose input has `in` elements (resize_taps.c). */
void gal_resize_find(const gal_resize *resize, int d, int64_t o, int64_t in, gal_resize_taps *taps);

#endif
