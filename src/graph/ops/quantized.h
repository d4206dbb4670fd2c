/*
 * Integer ops made by passes: what their attributes say, and how an exact integer sum becomes an output.
 *
 * A byte q (u8 or s8) with scale s and zero point z stands for (q - z) * s. galen.QConv and galen.QGemm take
 *
 *   in[0] x           u8 or s8, N, H, W, C or M, K       attributes x_scale, x_zero
 *   in[1] w           s8 like galen.Conv's or Gemm's     attribute w_zero (one for all, 0 by default)
 *   in[2] bias        i32 [K], in units of x_scale * w_scale[k]; optional
 *   in[3] residual    u8 or s8 like the output; optional attributes r_scale, r_zero
 *   in[4] w_scale     f32 [1] or [K]
 *   in[5] table       256 bytes of the output's type; optional
 *
 * and give y of type y_type (a galen_dtype: u8, s8, f32 or bf16) with y_scale and y_zero, which float outputs lack:
 *
 *   acc = sum of (x - x_zero) * (w - w_zero) + bias       exact, 32-bit two's complement; padding holds x_zero
 *   v   = (float)acc * factor[k]                          factor = x_scale * w_scale[k] / y_scale, each step in f32
 *   v   = v + (float)(residual - r_zero) * (r_scale / y_scale)
 *   v   = clamp(v, low, high)                             activation none, Relu or Clip, and the range of y_type
 *   y   = rint(v) + y_zero                                half to even; a float output is v itself
 *   y   = table[y]                                        the byte pattern of y is the index
 *
 * The multiplication by a quotient taken once is what QLinearConv and QLinearMatMul do here and in ONNX Runtime, so a
 * node made of one of them has its bits. mid_scale, mid_zero and mid_type say that the model rounds the convolution to
 * bytes of their own before it adds the residual:
 *
 *   v   = rint(clamp((float)acc * (x_scale * w_scale[k] / mid_scale), mid_low, mid_high)) * (mid_scale / y_scale)
 *
 * galen.DynConv and galen.DynGemm are for graphs whose scales are found at run time (DynamicQuantizeLinear); they take
 *
 *   in[0] x, in[1] w      as above, attribute w_zero
 *   in[2] x_zero          one byte of the type of x; optional
 *   in[3] x_scale         one f32; optional, and with it
 *   in[4] w_scale         f32 [1] or [K]
 *   in[5] bias            f32 [1] or [K]; optional
 *
 * and give acc itself (i32) without x_scale, else f32 in the steps of Cast, Mul, Add and Relu:
 *
 *   v   = (float)acc * (x_scale * w_scale[k])
 *   v   = v + bias[k]
 *   y   = v < 0 ? 0 : v                                   with activation Relu
 *
 * Every operation is one IEEE f32 operation or exact, so fast rows give the reference's bits.
 */
#ifndef GAL_GRAPH_OPS_QUANTIZED_H
#define GAL_GRAPH_OPS_QUANTIZED_H

#include "base/half.h"
#include "graph/op.h"
#include "graph/ops/affine.h"

#include <math.h>
#include <string.h>

/* Scale, zero point and type of one byte tensor. */
typedef struct gal_quant {
    float scale;
    int32_t zero;
    galen_dtype dtype;
} gal_quant;

/* From a sum to an output. */
typedef struct gal_requant {
    galen_dtype dtype;     /* of the output */
    float low, high;       /* clamp in steps of y_scale about y_zero; for float outputs in their own units */
    int32_t zero;          /* y_zero */
    bool has_residual;     /* residual and residual_zero are set */
    float residual;        /* r_scale / y_scale, or r_scale for float outputs */
    int32_t residual_zero; /* r_zero */
    galen_dtype residual_dtype;
    bool has_mid;
    float mid_low, mid_high; /* clamp in steps of mid_scale about mid_zero */
    float mid;               /* mid_scale / y_scale */
} gal_requant;

/* Attributes <name>_scale and <name>_zero, with 1 and 0 when absent. */
gal_quant gal_quant_of(const gal_node *node, char name, galen_dtype dtype);
/* The type of output attribute y_type asks for; u8 when absent. */
galen_dtype gal_quant_output(const gal_node *node);
/* Of galen.QConv and QGemm, and of every other op here as far as its attributes go (r_* and mid_* absent). */
void gal_requant_of(const gal_node *node, gal_requant *out);
/* factor of output channel k of galen.QConv or QGemm: x_scale * w_scale[k] / (mid_scale or y_scale). */
float gal_requant_factor(const gal_node *node, const galen_tensor *w_scale, int64_t k);

/* galen.DynConv and DynGemm. */
static inline bool gal_is_dynamic(const gal_node *node) {
    return strcmp(node->op->name, "DynConv") == 0 || strcmp(node->op->name, "DynGemm") == 0;
}

/* galen.QAdd and QMul: zero points and factors of both inputs (quantized_element.c). */
typedef struct gal_qpair {
    gal_requant q;
    int32_t a_zero, b_zero;
    float a, b;    /* QAdd: x_scale / y_scale, r_scale / y_scale */
    float product; /* QMul: x_scale * r_scale / y_scale */
} gal_qpair;
void gal_qpair_of(const gal_node *node, gal_qpair *out);

/* Shape rules: scales are positive and finite, zero points lie in their type, the activation is one that only clamps,
 * y_type is among `types`. */
galen_status gal_quant_check(const gal_node *node, uint32_t types, galen_error *err);
/* And what galen.QConv and QGemm share: types of inputs, w_scale, bias and table for `outputs` channels. */
galen_status gal_quant_check_product(const gal_node *node, int64_t outputs, galen_error *err);

static inline float gal_clampf(float v, float low, float high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

/* v before it is stored. `residual` is the byte as a number, 0 when there is none. */
static inline float gal_requant_value(const gal_requant *q, float factor, int32_t acc, int32_t residual) {
    float v = (float)acc * factor;
    if (q->has_mid) v = rintf(gal_clampf(v, q->mid_low, q->mid_high)) * q->mid;
    if (q->has_residual) v = v + (float)(residual - q->residual_zero) * q->residual;
    return gal_clampf(v, q->low, q->high);
}

/* Stores element i of the output; `table` may be NULL. */
static inline void gal_requant_store(const gal_requant *q, const uint8_t *table, void *y, int64_t i, float v) {
    if (q->dtype == GALEN_F32) {
        ((float *)y)[i] = v;
    } else if (q->dtype == GALEN_BF16) {
        ((uint16_t *)y)[i] = gal_f32_to_bf16(v);
    } else {
        uint8_t byte = (uint8_t)((int32_t)rintf(v) + q->zero);
        ((uint8_t *)y)[i] = table != NULL ? table[byte] : byte;
    }
}

#endif
