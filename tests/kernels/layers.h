/* Convolutions to make problems of: from real networks scaled down, and odd in every way. */
#ifndef GAL_KERNELS_LAYERS_H
#define GAL_KERNELS_LAYERS_H

#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct layer {
    int64_t h, w, c, k, r, s, stride, dilation, top, left, bottom, right, group;
    const char *act; /* NULL: none */
    bool bias, residual;
} layer;

/* Layer `index` of layer_count() of real networks. */
layer layer_real(size_t index);
int64_t layer_count(void);
layer layer_square(int64_t side, int64_t in, int64_t out, int64_t window, int64_t stride, int64_t group);
void layer_odd(layer *l, gal_rng *rng);
void layer_tiled(layer *l, gal_rng *rng);

/* Multiply-adds of one image. */
int64_t layer_work(const layer *l);
/* The reference is slow: halves the image, then the channels, down to that work. */
void layer_scale_down(layer *l, int64_t limit);
void layer_scale_down_channels(layer *l, int64_t limit);
/* Pads more where the window is larger than the padded image. */
void layer_make_fit(layer *l);

#endif
