/* The pass that makes integer ops, shared by its files. */
#ifndef GAL_PASS_QUANTIZED_H
#define GAL_PASS_QUANTIZED_H

#include "graph/ops/quantized.h"
#include "pass/rewrite.h"

/* A byte tensor with one scale: what DequantizeLinear reads or QuantizeLinear makes. */
typedef struct gal_bytes {
    gal_value *value; /* of the bytes */
    gal_quant quant;
} gal_bytes;

/* What an integer op gives: bytes (quant) or f32 (quant.dtype GALEN_F32), clamped by `act` ("Relu", "Clip" or NULL). */
typedef struct gal_wanted {
    gal_quant quant;
    const char *act;
    float act_alpha, act_beta;
    gal_node *last; /* its output is what the new op stands for; the op goes in front of it */
} gal_wanted;

typedef struct gal_quantized {
    gal_graph *graph;
    bool *changed;
} gal_quantized;

/* `value` is DequantizeLinear of bytes with one constant scale and zero point. */
bool gal_read_dequantize(const gal_value *value, gal_bytes *out);
/* `node` is QuantizeLinear with one constant scale and zero point. */
bool gal_read_quantize(const gal_node *node, gal_quant *out);
bool gal_same_quant(const gal_quant *a, const gal_quant *b);

/* Attributes x_scale, x_zero for name "x" into more[0] and more[1]; with `type`, which may be NULL, into more[2]. */
uint32_t gal_quant_attrs(const gal_quant *quant, const char *scale, const char *zero, const char *type, gal_attr *more);
/* y_scale, y_zero, y_type and the activation of `wanted`: at most 6. */
uint32_t gal_wanted_attrs(const gal_wanted *wanted, gal_attr *more);

/* Bytes of an image in N, H, W, C and back, by a Transpose in front of `before`. */
galen_status gal_to_last(gal_quantized *q, gal_value *value, gal_node *before, gal_value **out, galen_error *err);
galen_status gal_to_first(gal_quantized *q, gal_value *value, gal_node *before, gal_value **out, galen_error *err);

/* What `node` stands for: its own name for one that came with the model. */
static inline const char *gal_name_of(const gal_node *node) {
    return node->stands_for != NULL ? node->stands_for : node->op->name;
}

/* `by` takes the place of the output of wanted->last. */
void gal_stand_in(gal_quantized *q, const gal_wanted *wanted, gal_value *by);

/* Each tries to make one integer op of `op`, an ONNX node whose (clamped) output is wanted; *done says whether. */
galen_status gal_quantize_product(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done,
                                  galen_error *err);
/* `add` is an Add: of a MatMul and a constant bias. */
galen_status gal_quantize_biased(gal_quantized *q, gal_node *add, const gal_wanted *wanted, bool *done,
                                 galen_error *err);
galen_status gal_quantize_add(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err);
galen_status gal_quantize_mul(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err);
galen_status gal_quantize_pool(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err);
galen_status gal_quantize_norm(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err);
galen_status gal_quantize_concat(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done,
                                 galen_error *err);
/* An activation, or nothing at all (op NULL: other scales for `x`), as a table. */
galen_status gal_quantize_map(gal_quantized *q, const gal_node *op, const gal_bytes *x, const gal_wanted *wanted,
                              bool *done, galen_error *err);
/* ONNX's QLinearConv and QLinearMatMul. */
galen_status gal_quantize_linear(gal_quantized *q, gal_node *node, bool *done, galen_error *err);
/* ConvInteger and MatMulInteger, with what follows them in a graph of dynamic quantisation. */
galen_status gal_quantize_dynamic(gal_quantized *q, gal_node *op, galen_error *err);
/* Once channels are last: pictures enter as bytes of four channels, tables move into products. */
galen_status gal_quantized_entry(gal_quantized *q, gal_node *node, galen_error *err);

#endif
