/* f32 convolution and matrix product as one thing: a packed right operand and rows gathered by pointer (gemm_f32.h). */
#ifndef GAL_CPU_CONV_F32_H
#define GAL_CPU_CONV_F32_H

#include "cpu/activation.h"
#include "cpu/gemm_f32.h"
#include "cpu/kernel.h"

/* Floats of window rows cut by the border that a tile may copy. */
enum { GAL_CONV_EDGE = 4096 };

/*
 * A convolution as the kernels see it. Sizes in elements; layouts NHWC. A matrix product is a 1x1 image of c channels.
 * In bf16 and f16 c and cg count pairs of channels, each a word of four bytes, and every offset into the input does
 * too; in int8 fours.
 */
typedef struct gal_conv {
    int64_t h, w, c;        /* input image */
    int64_t oh, ow, k;      /* output image */
    int64_t r, s;           /* window */
    int64_t sh, sw, dh, dw; /* strides, dilations */
    int64_t top, left;      /* padding in front; what is behind follows from oh and ow */
    int64_t group, cg, kg;  /* groups, channels of a group in and out */
    gal_cpu_activation act;
    uint32_t pad;                       /* the word that padding holds: 0 but for int8 */
    size_t scale;                       /* offset in floats from the start of packed, int8: a factor a column */
    bool merged;                        /* a window row (s * c floats) is one segment */
    size_t zero, bias, panels, columns; /* offsets in floats from the start of packed; padded columns of a group */
    /* Output pixels lie apart: output (n, oh, ow) is pixel y_first + n * y_image + oh * y_row + ow * y_step. */
    bool spread;
    int64_t y_first, y_image, y_row, y_step;
} gal_conv;

/* Sizes, window, groups and activation of a galen.Conv or galen.QConv into *conv, c and cg in channels; nothing else.
 * NULL, or why fast rows cannot do it. */
const char *gal_conv_geometry(const gal_node *node, gal_conv *conv);
/* Whole window rows should be segments: few channels (c is set in words), side by side. */
bool gal_conv_wants_merging(const gal_conv *conv);
/* Reads node (galen.Conv) into *conv, all but the packed weights. NULL, or why the fast rows cannot do it. */
const char *gal_conv_f32_decode(const gal_node *node, int vec, gal_conv *conv);
/* Decides where zero, bias and panels lie; gal_conv_f32_decode has done it. */
void gal_conv_f32_place(gal_conv *conv, int vec);
/*
 * The same for depthwise convolution: each channel by its own window, weights f32 whatever the input. Channels are
 * channels, not pairs; columns is c rounded up to `block`; behind `panels` lie r * s * columns weights, in the row's
 * own order.
 */
const char *gal_conv_dw_decode(const gal_node *node, int block, gal_conv *conv);
size_t gal_conv_dw_packed_bytes(const gal_conv *conv);
/* No NaN or infinity: then a tap that meets only padding adds nothing and may be skipped. Rows refuse other weights. */
bool gal_conv_f32_finite(const galen_tensor *weights);
size_t gal_conv_f32_packed_bytes(const gal_conv *conv);
/* Writes the part's bias and panels to `packed`, and the first part *conv. weight(k, c, r, s) is w[k * stride[0] + c *
 * stride[1] + r * stride[2] + s
 * * stride[3]]. */
void gal_conv_f32_pack(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, const int64_t stride[4],
                       const float *bias, gal_columns part, void *packed);
/* out[0] = activation(conv(in[0]) + bias + in[3]) with call->packed; in[3] may be missing. Takes pitches. */
void gal_conv_f32_run(const gal_gemm_f32 *gemm, const gal_call *call);
/* The same where all of packed but the panels is at `terms`, without in[3]. */
void gal_conv_f32_run_terms(const gal_gemm_f32 *gemm, const gal_call *call, const void *terms);
/* The same by other weights than call->packed, without in[3]. */
void gal_conv_f32_run_by(const gal_gemm_f32 *gemm, const gal_call *call, const void *packed);

/* `count` pixels side by side by columns [from, from + columns) of 1x1 weights; from is a multiple of gemm->nr. */
typedef struct gal_pixels {
    const gal_conv *conv; /* with what the tile's rows packed behind it */
    const gal_gemm_f32 *gemm;
    const void *x; /* [count][conv->c] words: floats, or pairs of 16 bits */
    int64_t count, from, columns;
    void *out;            /* of column `from`; pixels out_pitch elements of gemm->element bytes apart */
    const void *residual; /* NULL, or laid out like out */
    int64_t out_pitch;
} gal_pixels;
/* On the calling thread. Each output has the bits of gal_conv_f32_run. */
void gal_conv_pixels(const gal_pixels *pixels);

#endif
