/*
 * Integer ops of com.microsoft, which ONNX Runtime's quantiser writes (QOperator format). Each is defined, in ONNX
 * Runtime's ContribOperators.md, as a float op between scales; here it becomes DequantizeLinear, that op and
 * QuantizeLinear, and the passes make it integer again (pass/quantized.h).
 */
#include "model/onnx_rewrite.h"

#include "base/error.h"
#include "graph/ops/affine.h"

#include <string.h>

/* The float op that one of com.microsoft's stands for, and where its inputs lie. */
typedef struct form {
    const char *op, *real;
    uint32_t operands; /* triples of value, scale and zero point; scale and zero point of the output follow */
    const char *attrs; /* what the float op takes not */
} form;

static const form forms[] = {
    {"QLinearAdd", "Add", 2, ""},
    {"QLinearAveragePool", "AveragePool", 1, "channels_last"},
    {"QLinearGlobalAveragePool", "GlobalAveragePool", 1, "channels_last"},
    {"QLinearLeakyRelu", "LeakyRelu", 1, ""},
    {"QLinearMul", "Mul", 2, ""},
    {"QLinearSigmoid", "Sigmoid", 1, ""},
};

static gal_value *input(const gal_rewrite *r, uint32_t i) {
    return i < r->spec->n_in ? r->spec->in[i] : NULL;
}

/* Value, scale and zero point from input `at` on, as f32; `axis` is of scales in a row. */
static galen_status to_real(gal_rewrite *r, uint32_t at, int64_t axis, gal_value **out, galen_error *err) {
    gal_value *in[3] = {input(r, at), input(r, at + 1), input(r, at + 2)};
    const gal_attr attr = {.name = "axis", .type = GAL_ATTR_INT, .i = axis};
    if (in[0] == NULL || in[1] == NULL)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "input %u or %u is missing", at, at + 1);
    return gal_rewrite_emit(r, "DequantizeLinear", in, in[2] != NULL ? 3 : 2, &attr, 1, false, out, err);
}

/* The node's output: `value` in bytes with the scale and zero point of input `at` on, whose absence means u8 about 0.
 */
static galen_status to_bytes(gal_rewrite *r, gal_value *value, uint32_t at, galen_error *err) {
    gal_value *in[3] = {value, input(r, at), input(r, at + 1)};
    if (in[1] == NULL) return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "input %u, the scale, is missing", at);
    return gal_rewrite_emit(r, "QuantizeLinear", in, in[2] != NULL ? 3 : 2, NULL, 0, true, NULL, err);
}

/* Without its zero point an output has the type of the input: ONNX's QuantizeLinear would say u8. */
static galen_status check_type(gal_rewrite *r, const gal_value *x, uint32_t zero, galen_error *err) {
    if (input(r, zero) != NULL || x->dtype == GALEN_U8) return GALEN_OK;
    return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "an s8 output needs its zero point, input %u", zero);
}

static galen_status rewrite_form(gal_rewrite *r, const form *f, galen_error *err) {
    gal_value *real[2], *y;
    gal_attr *attr;
    uint32_t n_attr, scale = 3 * f->operands;
    if (gal_rewrite_int(r, "channels_last", 0) != 0)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "channels_last is not supported: channels come first");
    for (uint32_t i = 0; i < f->operands; i++) GAL_TRY(to_real(r, 3 * i, 1, &real[i], err));
    GAL_TRY(check_type(r, r->spec->in[0], scale + 1, err));
    GAL_TRY(gal_rewrite_keep(r, f->attrs, 0, &attr, &n_attr, err));
    GAL_TRY(gal_rewrite_emit(r, f->real, real, f->operands, attr, n_attr, false, &y, err));
    return to_bytes(r, y, scale, err);
}

/* Scale and zero point of the output, then triples. */
static galen_status rewrite_concat(gal_rewrite *r, galen_error *err) {
    uint32_t n = r->spec->n_in > 2 ? (r->spec->n_in - 2) / 3 : 0;
    gal_value **real = gal_arena_alloc(&r->graph->arena, n + 1, sizeof *real), *y;
    if (real == NULL) return gal_fail_memory(err, "inputs", (n + 1) * sizeof *real);
    if (n == 0 || 2 + 3 * n != r->spec->n_in)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "%u inputs are not a scale, a zero point and triples",
                                r->spec->n_in);
    for (uint32_t i = 0; i < n; i++) GAL_TRY(to_real(r, 2 + 3 * i, 1, &real[i], err));
    GAL_TRY(check_type(r, r->spec->in[2], 1, err));
    GAL_TRY(gal_rewrite_emit(r, "Concat", real, n, r->spec->attr, r->spec->n_attr, false, &y, err));
    return to_bytes(r, y, 0, err);
}

/* The bias is i32 in units of a_scale * b_scale, which must be known: DequantizeLinear of it. */
static galen_status real_bias(gal_rewrite *r, gal_value **out, galen_error *err) {
    const gal_value *a = input(r, 1), *b = input(r, 4);
    gal_value *scale, *in[2] = {input(r, 6)};
    *out = NULL;
    if (in[0] == NULL) return GALEN_OK;
    if (a == NULL || b == NULL || a->constant == NULL || b->constant == NULL || a->dtype != GALEN_F32 ||
        b->dtype != GALEN_F32 || galen_tensor_elements(a->constant) != 1)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "a bias needs constant f32 scales");
    int64_t n = galen_tensor_elements(b->constant);
    GAL_TRY(gal_graph_new_constant(r->graph, NULL, GALEN_F32, n == 1 ? 0 : 1, &n, &scale, err));
    for (int64_t k = 0; k < n; k++)
        ((float *)scale->constant->data)[k] = *(const float *)a->constant->data * ((const float *)b->constant->data)[k];
    in[1] = scale;
    const gal_attr attr = {.name = "axis", .type = GAL_ATTR_INT, .i = in[0]->shape.rank - 1};
    return gal_rewrite_emit(r, "DequantizeLinear", in, 2, &attr, 1, false, out, err);
}

/* A and B in triples, C, and scale and zero point of the output: without them it is f32. */
static galen_status rewrite_gemm(gal_rewrite *r, galen_error *err) {
    gal_value *in[3], *y;
    const gal_attr *alpha = gal_rewrite_attr(r, "alpha");
    if (alpha != NULL && alpha->f != 1)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "alpha %g is not supported: use 1", (double)alpha->f);
    GAL_TRY(to_real(r, 0, 1, &in[0], err));
    GAL_TRY(to_real(r, 3, gal_rewrite_int(r, "transB", 0) != 0 ? 0 : 1, &in[1], err));
    GAL_TRY(real_bias(r, &in[2], err));
    bool real = input(r, 7) == NULL;
    GAL_TRY(gal_rewrite_emit(r, "Gemm", in, in[2] != NULL ? 3 : 2, r->spec->attr, r->spec->n_attr, real, &y, err));
    if (real) return GALEN_OK;
    GAL_TRY(check_type(r, r->spec->in[0], 8, err));
    return to_bytes(r, y, 7, err);
}

galen_status gal_rewrite_microsoft(gal_rewrite *r, galen_error *err) {
    if (strcmp(r->spec->op, "QGemm") == 0) return rewrite_gemm(r, err);
    if (strcmp(r->spec->op, "QLinearConcat") == 0) return rewrite_concat(r, err);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(r->spec->op, forms[i].op) == 0) return rewrite_form(r, &forms[i], err);
    return gal_fail(err, GALEN_ERR_UNSUPPORTED, "node '%s': op 'com.microsoft.%s' is not supported",
                    r->spec->name ? r->spec->name : "(unnamed)", r->spec->op);
}
