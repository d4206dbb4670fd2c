/*
 * Weight gradient of a 3x3 convolution with stride 1 by Winograd's minimal filtering, F(3x3, 4x4).
 *
 * The gradient of one tile of 4x4 pixels of dY is itself a convolution of 3x3 outputs: of the 6x6 pixels of X that the
 * tile meets, by the tile. With the points of conv_wino.h it takes 36 products in place of 144,
 *     dW = A' [ sum over tiles (B' x B) * (V dy V') ] A
 * where * multiplies position by position. B is that of the forward F(4x4, 3x3), since both have six points; V takes
 * each point to the powers 0 to 3 and A' to the powers 0 to 2. What Cook and Toom divide by is part of A, which is
 * applied once to the sums, so that V is exact in f32. For each position the sum is a matrix product of channels by
 * outputs over tiles, done by the register tile of conv_grad_weight.h on floats; bf16 becomes f32 as it is read.
 *
 * Rounding errors are 1.7 times those of the direct sums (tests/cpu/test_grad_wino.c).
 *
 * Tiles are summed in order within a chunk, whose size follows from the shape, and chunks in order.
 */
#ifndef GAL_CPU_CONV_GRAD_WINO_H
#define GAL_CPU_CONV_GRAD_WINO_H

#include "cpu/conv_grad_weight.h"
#include "cpu/conv_wino.h"
#include "graph/ops/conv_grad.h"

enum { GAL_GRAD_WINO_TILE = 4, GAL_GRAD_WINO_SIDE = 6 };

/* One instruction-set level. */
typedef struct gal_grad_wino_level {
    const gal_wino_level *wino; /* whose input() transforms X; its type is that of X and dY */
    const gal_grad_level *grad; /* of floats */
    /* V dy V' of one tile: 16 pointers to k elements each; position p to to[p * step], whole vectors. */
    void (*dy)(const void *const *pixel, size_t k, float *to, size_t step);
    /* A' sum A of `width` outputs, whole vectors: position p at sum[p * step], tap t to to[t * width]. */
    void (*taps)(const float *sum, size_t step, size_t width, float *to);
} gal_grad_wino_level;

extern const gal_grad_wino_level gal_grad_wino_f32_avx2, gal_grad_wino_f32_avx512, gal_grad_wino_f32_neon,
    gal_grad_wino_bf16_avx512bf16;

/*
 * How one node is cut up for a batch and threads. A part is some blocks of channels by some panels of outputs; a thread
 * computes it from the first tile to the last in memory of its own, since what another core wrote is slow to read.
 * Sizes in floats, places in bytes: of the zeros from the start of the scratch memory, of the others from the start of
 * a part's own.
 */
typedef struct gal_grad_wino {
    gal_conv_grad g;
    int64_t down, across, all, tiles; /* tiles of an image, of the batch and of a chunk */
    bool whole;                       /* the batch is one chunk, whose sums need no memory */
    int64_t blocks, panels;           /* channels by register tiles, outputs by two vectors */
    int64_t block_parts, panel_parts; /* parts that the blocks and the panels are cut into */
    size_t pixel, columns;            /* the most channels and outputs of a part, in whole vectors */
    size_t x_step, dy_step, sum_step; /* from one position to the next */
    size_t zero_bytes, x_at, dy_at, sum_at, part_bytes;
} gal_grad_wino;

/* NULL, or why this row cannot or should not do it. */
const char *gal_grad_wino_make(const gal_node *node, const gal_grad_wino_level *level, int64_t batch, int threads,
                               gal_grad_wino *wino);
/* Of the scratch memory. */
size_t gal_grad_wino_bytes(const gal_grad_wino *wino);
galen_status gal_grad_wino_run(const gal_call *call, const gal_grad_wino_level *level);

#endif
