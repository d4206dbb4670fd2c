/*
 * The sliding window of convolutions and pools: kernel, strides, dilations and padding from a node's attributes, and
 * the output size they give (ONNX operators Conv and MaxPool). One, two or three spatial dimensions are right-aligned
 * in arrays of three, so that kernels have one loop nest for all of them.
 */
#ifndef GAL_GRAPH_OPS_WINDOW_H
#define GAL_GRAPH_OPS_WINDOW_H

#include "graph/graph.h"

enum { GAL_WINDOW_RANK = 3 };

typedef struct gal_window {
    int rank; /* spatial dimensions the node has */
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3];
    int64_t before[3], after[3]; /* padding */
} gal_window;

typedef struct gal_window_spec {
    const gal_dim *spatial; /* the input's spatial dimensions */
    int rank;               /* how many, 1 to 3 */
    const gal_dim *kernel;  /* the weights' spatial dimensions, or NULL: attribute kernel_shape is required */
    bool pool;              /* padding must be smaller than the kernel */
    bool ceil;              /* round the output size up; a window that would start in the padding behind is dropped */
    bool transposed;        /* ConvTranspose */
} gal_window_spec;

/* Reads and checks the attributes. Succeeds again in run whenever it succeeded in infer (err may be NULL there). */
galen_status gal_window_make(const gal_node *node, const gal_window_spec *spec, gal_window *out, galen_error *err);

/* Indices [*lo, *hi) of the kernel whose taps fall inside the input for output position `o` along dimension d. */
static inline void gal_window_taps(const gal_window *w, int d, int64_t o, int64_t *lo, int64_t *hi) {
    int64_t start = o * w->stride[d] - w->before[d], step = w->dilation[d];
    *lo = start < 0 ? (-start + step - 1) / step : 0;
    *hi = start < w->in[d] ? (w->in[d] - start + step - 1) / step : 0;
    if (*hi > w->kernel[d]) *hi = w->kernel[d];
    if (*lo > *hi) *lo = *hi;
}

/* Positions of the window at output `o` that lie on the padded input along dimension d: rounding the size up may push
 * the last window beyond the padding, and that part does not count. */
static inline int64_t gal_window_padded_taps(const gal_window *w, int d, int64_t o) {
    int64_t room = w->in[d] + w->after[d] - (o * w->stride[d] - w->before[d]);
    int64_t fit = (room + w->dilation[d] - 1) / w->dilation[d];
    return fit < w->kernel[d] ? fit : w->kernel[d];
}

/* out's spatial dimensions. */
void gal_window_shape(const gal_window *window, gal_dim *out);

/* Product of the three entries. */
int64_t gal_window_size(const int64_t v[3]);

#endif
