/*
 * Convolution of a 3x3 window with stride 1 by Winograd's minimal filtering, F(2x2, 3x3) and F(4x4, 3x3).
 *
 * The output is cut into tiles of m x m on a grid fixed to the image; a tile reads (m + 2) x (m + 2) pixels. With
 * the matrices of Cook and Toom (A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015)
 *     tile = A' [ (G w G') * (B' x B) ] A
 * where * multiplies the (m + 2)^2 positions one by one and sums over the channels: for each position that is a matrix
 * product of tiles by channels, done by the register tile of gemm_f32.h. F(2x2) multiplies 16 times for 4 outputs in
 * place of 36, F(4x4) 36 times for 16 in place of 144.
 *
 * F(2x2) interpolates at 0, 1, -1 and infinity, so that its transforms only add. F(4x4) does at 0, +-11/16, +-3/2 and
 * infinity: of the pairs tried these have the smallest mean error, half that of 0, +-1, +-2, and every coefficient is
 * exact in f32. Weights are transformed in f64 and rounded once.
 *
 * bf16 and f16 become f32 as they are read and are rounded once, when an output is written: F(4x4) of floats multiplies
 * a quarter as often, and products of bf16 are only twice as fast, of f16 no faster.
 *
 * An output is one fixed chain of operations on the pixels of its own tile, so its bits depend on nothing else. NaN or
 * infinity in one pixel reaches every output of the tiles that read it, not only its neighbours.
 */
#ifndef GAL_CPU_CONV_WINO_H
#define GAL_CPU_CONV_WINO_H

#include "cpu/conv_f32.h"

enum { GAL_WINO_POSITIONS = 36 }; /* the most of any kind */

/* A node's parameters in front of its packed weights. */
typedef struct gal_wino {
    gal_conv cv;
    bool changing;        /* the weights, from run to run */
    galen_dtype dtype;    /* of pixels, weights and outputs */
    int m, side;          /* outputs and inputs along the side of a tile: m and m + 2 */
    int64_t down, across; /* tiles of an image */
    int64_t block;        /* tiles whose transformed pixels stay in L2 together with a panel's products */
    size_t pixel;         /* floats of a transformed pixel: the channels rounded up to a vector */
    size_t columns;       /* outputs rounded up to a vector */
    size_t zero;          /* where zeros for padding and for the products' bias lie, in floats from the start */
    size_t bias, weights; /* columns floats; [panel][position][c][columns of the panel] */
    size_t size;          /* floats in all */
} gal_wino;

/* The products of one tile by one panel, and where its outputs go. */
typedef struct gal_wino_out {
    const float *products; /* [position][columns], positions `step` floats apart */
    size_t step;
    int cols;         /* of the panel, 1 .. its width */
    int rows, across; /* outputs inside the image, 1 .. m */
    const float *bias;
    const void *residual; /* elements of the level, as out; may be NULL */
    void *out;            /* the tile's first output */
    size_t pixel, line;   /* elements from one pixel, one line of out to the next */
    size_t residual_pixel, residual_line;
    float low, high; /* clamp */
} gal_wino_out;

/* Weights as a model holds them: the window of column k and channel c is the nine at w + k * column + c * channel. */
typedef struct gal_wino_weights {
    const void *w;     /* of the layer's type */
    const float *bias; /* may be NULL */
    int64_t column, channel;
    bool reversed; /* the last tap comes first: an input gradient */
} gal_wino_weights;

/* What a level's processors do in a cycle of one core. */
typedef struct gal_wino_cost {
    double multiply; /* vectors of f32 multiply-adds */
    double direct;   /* the same of the type's direct sums */
    double l3;       /* bytes of weights from L3 */
} gal_wino_cost;

/* One instruction-set level. */
typedef struct gal_wino_level {
    const gal_gemm_f32 *gemm;
    galen_dtype dtype; /* of pixels, weights and outputs */
    int smallest;      /* m of the smallest tile that has a row */
    gal_wino_cost cost;
    /* G w G' in f64 of `width` windows [tap][width], whole vectors; position p to to[p * step]. */
    void (*weights)(int m, const double g[6][3], const float *window, size_t width, float *to, size_t step);
    /* B' x B of one tile: `side`^2 pointers to c elements each; position p to to[p * step], whole vectors. */
    void (*input)(int m, const void *const *pixel, size_t c, float *to, size_t step);
    /* A' products A, then bias, residual and clamp. */
    void (*output)(int m, const gal_wino_out *out);
} gal_wino_level;

extern const gal_wino_level gal_wino_f32_avx2, gal_wino_f32_avx512, gal_wino_f32_neon, gal_wino_bf16_avx512bf16,
    gal_wino_f16_avx2, gal_wino_f16_avx512, gal_wino_f16_neon;

/* A convolution by F(m x m, 3x3), m 2 or 4. NULL, or why this row cannot or should not do it. */
const char *gal_wino_make(const gal_conv *conv, const gal_wino_level *level, bool changing, int m, gal_wino *wino);
/* The same for a node of galen.Conv. */
const char *gal_wino_decode(const gal_node *node, const gal_wino_level *level, int m, gal_wino *wino);
void gal_wino_pack(const gal_wino *wino, const gal_wino_level *level, const gal_wino_weights *from, gal_columns part,
                   float *packed);
/* Scratch of one thread in bytes, a multiple of 64, enough for any smaller batch too. */
size_t gal_wino_slot_bytes(const gal_wino *wino, const gal_gemm_f32 *gemm, int64_t batch);
/* out[0] = activation(conv(in[0]) + bias + in[3]) with call->packed; in[3] may be missing. Takes pitches. */
void gal_wino_run(const gal_wino_level *level, const gal_call *call);

#endif
