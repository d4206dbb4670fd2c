/*
 * One walker for everything that visits a dense output in order and reads each input at its own strides: broadcasting,
 * transposing, slicing, tiling. It merges dimensions, splits the output over the pool and calls a typed loop for each
 * run of the last dimension.
 */
#ifndef GAL_GRAPH_OPS_WALK_H
#define GAL_GRAPH_OPS_WALK_H

#include "graph/op.h"

enum { GAL_WALK_RANK = 2 * GALEN_MAX_RANK, GAL_WALK_IN = 3 };

/* A run of count elements: in[k] advances by step[k] bytes (0 for a repeated one), out is dense. */
typedef struct gal_lane {
    const uint8_t *in[GAL_WALK_IN];
    int64_t step[GAL_WALK_IN];
    uint8_t *out;
    size_t count;
    const void *context;
} gal_lane;

typedef void (*gal_lane_fn)(const gal_lane *lane);

typedef struct gal_walk {
    int rank;
    uint32_t n_in;
    int64_t dim[GAL_WALK_RANK];                 /* of the output */
    int64_t stride[GAL_WALK_IN][GAL_WALK_RANK]; /* bytes */
    const uint8_t *in[GAL_WALK_IN];
    uint8_t *out;
    size_t out_size; /* bytes of an output element */
    gal_lane_fn fn;
    const void *context;
} gal_walk;

/* Visits every element of the output. */
void gal_walk_run(gal_walk *walk, gal_pool *pool);

/* out[i] = fn(in[0][i], ...) with NumPy broadcasting of n_in <= 3 tensors to out's shape. */
void gal_walk_broadcast(const galen_tensor *const *in, uint32_t n_in, galen_tensor *out, gal_lane_fn fn,
                        const void *context, gal_pool *pool);

/* The loop that copies elements of 1, 2, 4 or 8 bytes. */
gal_lane_fn gal_lane_copy(size_t element_size);

/* Bytes between neighbours along each dimension of a dense tensor. */
void gal_dense_strides(const galen_tensor *tensor, int64_t stride[GALEN_MAX_RANK]);

#endif
