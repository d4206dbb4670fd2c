/*
 * The weight gradient of a convolution as a matrix product: channels of X by outputs of dY, summed over the pixels that
 * a tap brings together.
 *
 * A register tile holds up to `mr` channels (broadcast from memory) by two vectors of outputs and walks a list of
 * pixels, so that strides, dilation and padding cost nothing inside. A word of X or dY is a float, in f16 the one it
 * widens to, or the bf16 of two images side by side, which are multiplied and added in one step.
 */
#ifndef GAL_CPU_CONV_GRAD_WEIGHT_H
#define GAL_CPU_CONV_GRAD_WEIGHT_H

#include "cpu/kernel.h"

/* Where X and dY of one product lie, in words from the tile's first. */
typedef struct gal_grad_pixel {
    uint32_t x, dy;
} gal_grad_pixel;

typedef struct gal_grad_tile {
    const float *x, *dy; /* words: the first channel, the first output */
    const gal_grad_pixel *pixel;
    size_t pixels;
    float *sum;    /* the first channel's sums, whole vectors */
    size_t stride; /* floats from one channel's sums to the next's */
    int rows;      /* channels, 1 .. mr */
    int vectors;   /* of outputs, 1 or 2 */
    bool first;    /* the sums are set; otherwise added to */
    /* Words to what the next chunk has in the place of a pixel's X and dY, which is fetched on the way; 0: nothing is.
     */
    size_t x_ahead, dy_ahead;
} gal_grad_tile;

typedef struct gal_grad_level {
    int mr, vec; /* channels of a tile, floats in a vector */
    void (*tile)(const gal_grad_tile *tile);
    /* to[j][i] = from[i][j]; steps in floats from row to row. */
    void (*transpose)(const float *from, int64_t step, int64_t rows, int64_t columns, float *to, int64_t to_step);
    /* bf16 only: n words, image a in the low halves and image b, or zero where it is NULL, in the high ones. */
    void (*pair)(const uint16_t *a, const uint16_t *b, uint32_t *word, size_t n);
    /* f16 only: n floats. */
    void (*widen)(const uint16_t *x, float *y, size_t n);
    /* NULL, or called on a thread before its first tile and after its last: what a tile needs of the processor. */
    void (*begin)(void);
    void (*end)(void);
} gal_grad_level;

extern const gal_grad_level gal_grad_avx2, gal_grad_avx512, gal_grad_avx512bf16, gal_grad_neon;

/* The functions of a row, for any level. */
const char *gal_grad_weight_reject(const gal_node *node, const gal_grad_level *level);
void gal_grad_weight_needs(const gal_node *node, const gal_grad_level *level, int64_t max_batch,
                           gal_kernel_needs *needs);
galen_status gal_grad_weight_run(const gal_call *call, const gal_grad_level *level);

#endif
