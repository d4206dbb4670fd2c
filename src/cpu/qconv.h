/*
 * Integer convolution and product for fast rows: galen.QConv, QGemm, DynConv and DynGemm (graph/ops/quantized.h)
 * decoded once.
 *
 * A row sees u8 activations: s8 ones are turned into u8 by adding 128 (an exclusive or with 0x80), which moves the zero
 * point by as much. The sum over raw bytes x * w then lacks x_zero * (sum of w) a channel; gal_qconv_terms puts that
 * into the bias. Padding holds the zero point, so the sum of w is over all taps everywhere. A tile that multiplies x -
 * 128 (gal_gemm_f32.less) sees a zero point 128 lower.
 */
#ifndef GAL_CPU_QCONV_H
#define GAL_CPU_QCONV_H

#include "cpu/conv_f32.h"
#include "graph/ops/quantized.h"

typedef struct gal_qconv {
    gal_conv conv;     /* channels (c, cg) in words of four bytes, rounded up; first, because conv_f32_run.c reads it */
    gal_requant q;     /* from the sum to the output */
    int32_t x_zero;    /* of the u8 form of x */
    int32_t less;      /* of the row's tile (gal_gemm_f32); set by rows that have one */
    bool flip;         /* x is s8 */
    bool copy;         /* x needs another form before the tiles can read it: s8, or channels not in fours */
    int64_t bytes;     /* channels of x as they lie */
    int32_t w_zero;    /* to take off each of in[1] */
    bool twice;        /* the channels of x are copied twice, since weights less w_zero are sums of two s8 */
    bool dynamic;      /* DynConv, DynGemm: x_zero and x_scale come with each call; x_zero here is what to add */
    size_t shift;      /* dynamic: floats from the bias of a column to its f32 bias; 0: none */
    size_t table;      /* offset in bytes of 256 bytes from the start of packed; 0: none */
    int64_t w_step[4]; /* elements of in[1] from one output, channel, row and column to the next */
} gal_qconv;

/* Reads a galen.QConv or QGemm node into *out, all but where packed parts lie. NULL, or why fast rows cannot do it. */
const char *gal_qconv_decode(const gal_node *node, gal_qconv *out);
/* bias[k] in the sum's units (bytes less qc->less) with the zero point's part, and factor[k], for all output channels.
 * Dynamic: the sum of the channel's weights, and w_scale[k]. */
void gal_qconv_terms(const gal_node *node, const gal_qconv *qc, int32_t *bias, float *factor);
/* x_scale * w_scale[k] / y_scale; w_scale[k] of a dynamic op, or 1. */
float gal_qconv_factor(const gal_node *node, const gal_qconv *qc, int64_t k);
/* Bytes of x in the tiles' form, 0 when they can read it as it lies; and making it. */
size_t gal_qconv_copy_bytes(const gal_qconv *qc, int64_t batch);
void gal_qconv_copy(const gal_qconv *qc, const gal_call *call, void *to);

/* y[i] = table[x[i]] of n bytes; x may be y. */
typedef void (*gal_map_fn)(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n);
void gal_map_bytes_avx2(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n);
void gal_map_bytes_avx512(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n);
void gal_map_bytes_avx512vbmi(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n);
void gal_map_bytes_neon(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n);
/* The fastest for the AVX-512 level of this machine. */
gal_map_fn gal_map_bytes_best(void);
/* The same in place for `rows` rows of `cols` bytes, `stride` bytes apart. */
typedef void (*gal_map_rows_fn)(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride);
void gal_map_rows_avx2(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride);
void gal_map_rows_avx512(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride);
void gal_map_rows_avx512vbmi(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride);
void gal_map_rows_neon(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride);
gal_map_rows_fn gal_map_rows_best(void);

extern const gal_gemm_f32 gal_tile_int8_avx2, gal_tile_int8_avxvnni, gal_tile_int8_avx512vnni;
extern const gal_gemm_f32 gal_tile_int8_f32_avx2, gal_tile_int8_f32_avxvnni, gal_tile_int8_f32_avx512vnni;
extern const gal_gemm_f32 gal_tile_int8_neondot, gal_tile_int8_neoni8mm;
extern const gal_gemm_f32 gal_tile_int8_f32_neondot, gal_tile_int8_f32_neoni8mm;

#endif
