/*
 * The register tile under convolution and matrix product, of any type.
 *
 * A tile computes up to `mr` rows by one panel of output channels. Row i of the left operand is given as one pointer a
 * tap to `seg` contiguous floats, so an NHWC image is read where it lies: no im2col. The right operand is packed as
 * panels [tap][seg][panel width]. Every output is one chain of fused multiply-adds over (tap, position in the segment),
 * in that order, whatever the tile it falls into: its bits do not depend on batch, threads or tile shape.
 *
 * In bf16 a pair of neighbouring channels is one word of four bytes, and stands where f32 has one float: row and panel
 * hold pairs, seg counts them, and a step of the chain is one VDPBF16PS or BFDOT. Accumulators and bias are f32.
 *
 * In f16 a word is a pair too, but its channels are steps of the chain one after the other, fused multiply-adds of what
 * they widen to. The panel holds a row of f16 a channel: two of them where f32 has one.
 *
 * In int8 the word is four channels, u8 on the left and s8 in the panel; sums and bias are i32 (qconv.h).
 */
#ifndef GAL_CPU_GEMM_F32_H
#define GAL_CPU_GEMM_F32_H

#include "cpu/activation.h"

#include <stddef.h>
#include <stdint.h>

enum { GAL_TILE_ROWS = 12 }; /* the most rows of any level */

typedef struct gal_tile_f32 {
    const float *const *row; /* [taps][mr]: the segments of each row; entries of absent rows are not read */
    const uint32_t *tap;     /* [taps]: which tap of the panel each is, rising */
    size_t taps, seg;
    const float *b;       /* the panel */
    const float *bias;    /* one float a column of the panel (padded with zeros) */
    const float *scale;   /* int8: a factor a column of the panel */
    const void *packed;   /* int8: the gal_qconv of the node and what it says lies behind it */
    const void *residual; /* added before the clamp; NULL: none */
    void *out;
    size_t stride;                 /* elements from one row of out to the next */
    size_t residual_stride;        /* the same for residual */
    int rows;                      /* 1 .. mr */
    int cols;                      /* 1 .. panel width */
    float low, high;               /* clamp of the result: (-inf, inf) for none, (0, inf) for Relu */
    const gal_cpu_activation *act; /* for tiles that apply all kinds themselves */
    size_t element;                /* as in gal_gemm_f32 */
} gal_tile_f32;

/* One instruction-set level of the tile. */
typedef struct gal_gemm_f32 {
    int mr, nr;     /* rows, columns of a full panel: two vectors */
    int vec;        /* floats in a vector; a last panel of at most this many columns is packed this wide */
    size_t element; /* bytes of an element of out: 4 for f32, 2 for bf16 and f16; of residual: 4 in f32 tiles, else 2 */
    int32_t less;   /* int8: what the tile takes off the bytes of the left operand */
    void (*tile)(const gal_tile_f32 *tile);
    /* Applies an activation to `rows` rows of `cols` floats in place; NULL when the tile does. */
    void (*activate)(float *x, size_t rows, size_t cols, size_t stride, const gal_cpu_activation *act);
} gal_gemm_f32;

extern const gal_gemm_f32 gal_tile_avx2, gal_tile_avx512, gal_tile_neon;
extern const gal_gemm_f32 gal_tile_bf16_avx512bf16, gal_tile_bf16_f32_avx512bf16; /* with bf16 and with f32 output */
extern const gal_gemm_f32 gal_tile_bf16_neonbf16, gal_tile_bf16_f32_neonbf16;
extern const gal_gemm_f32 gal_tile_f16_avx2, gal_tile_f16_f32_avx2, gal_tile_f16_avx512, gal_tile_f16_f32_avx512;
extern const gal_gemm_f32 gal_tile_f16_neon, gal_tile_f16_f32_neon;

#endif
