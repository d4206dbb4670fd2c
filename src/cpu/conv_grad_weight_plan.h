/* How the weight gradient of one node is cut up: what conv_grad_weight.c runs. */
#ifndef GAL_CPU_CONV_GRAD_WEIGHT_PLAN_H
#define GAL_CPU_CONV_GRAD_WEIGHT_PLAN_H

#include "cpu/conv_grad_weight.h"
#include "graph/ops/conv_grad.h"

enum {
    GAL_GRAD_PIXELS = 2048,  /* of a chunk, at most */
    GAL_GRAD_WHOLE_TAPS = 32 /* of a window whose batch may be one chunk */
};

/* What node, level and batch decide; sizes in words. */
typedef struct gal_grad_plan {
    gal_conv_grad g;
    int64_t cg, kg, r, s, oh, ow; /* channels and outputs of a group, window, dY */
    bool pairs;                   /* of images: bf16 */
    bool merged;                  /* a window row is the rows of a tile */
    bool copy_x, copy_dy;
    int64_t columns;                   /* outputs of a group in whole vectors */
    int64_t rows, taps;                /* channels of a tile's tap, taps; window row and window rows when merged */
    int64_t padded;                    /* pixels of a copied window row */
    int64_t x_line, dy_line, dy_pixel; /* words of a line in X and dY; of a pixel of dY */
    int64_t all, lines;                /* lines of the batch and of a chunk */
    bool whole;                        /* the batch is one chunk, whose pixel lists are shared and sums never stored */
    /* Scratch, bytes from its start: the lists' lengths and lists, or the sums; copies of X and of dY; all of it for
     * this and for any smaller batch. */
    size_t x_at, dy_at, bytes;
} gal_grad_plan;

/* NULL, or why the rows cannot do it. */
const char *gal_grad_plan_make(const gal_node *node, const gal_grad_level *level, int64_t batch, gal_grad_plan *plan);

#endif
