/* Conv, Gemm and MatMul on bytes, in QDQ form or as QLinearConv and QLinearMatMul. */
#include "pass/quantized.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

enum { MAX_MORE = 16 };

/* Constant weights as s8, with one scale for all or one an output channel. */
typedef struct weights {
    const galen_tensor *data, *scale; /* data u8 or s8 */
    int32_t zero;
    int64_t outputs;
} weights;

/* One zero point for all, which may be written once a channel. */
static bool same_zero(const gal_value *value, int32_t *zero) {
    *zero = 0;
    if (value == NULL) return true;
    if (value->constant == NULL) return false;
    *zero = gal_zero_at(value->constant, 0);
    for (int64_t i = 0, n = galen_tensor_elements(value->constant); i < n; i++)
        if (gal_zero_at(value->constant, i) != *zero) return false;
    return true;
}

static bool finish_weights(const gal_value *data, const gal_value *scale, const gal_value *zero, int axis,
                           weights *out) {
    if (data->constant == NULL || scale->constant == NULL || scale->dtype != GALEN_F32 || !same_zero(zero, &out->zero))
        return false;
    if (data->dtype != GALEN_I8 && data->dtype != GALEN_U8) return false;
    out->data = data->constant, out->scale = scale->constant;
    out->outputs = data->shape.dim[axis].size;
    int64_t n = galen_tensor_elements(out->scale);
    return n == 1 || n == out->outputs;
}

/* The weights of a node in QDQ form, whose output channels lie along `axis`. */
static bool read_weights(const gal_value *value, int axis, weights *out) {
    const gal_node *dq = value->producer;
    if (!gal_is_op(dq, "", "DequantizeLinear") || value->shape.rank <= axis) return false;
    if (!finish_weights(dq->in[0], dq->in[1], dq->n_in > 2 ? dq->in[2] : NULL, axis, out)) return false;
    int64_t own = gal_attr_int(dq, "axis", 1);
    if (own < 0) own += value->shape.rank;
    return galen_tensor_elements(out->scale) == 1 || own == axis;
}

/* s8 weights: u8 ones shift by 128, and so does their zero point. */
static galen_status make_weights(gal_quantized *q, const weights *w, gal_value **out, int32_t *zero, galen_error *err) {
    int64_t n = galen_tensor_elements(w->data);
    bool shift = w->data->dtype == GALEN_U8;
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_I8, w->data->rank, w->data->dim, out, err));
    uint8_t *to = (*out)->constant->data;
    for (int64_t i = 0; i < n; i++) to[i] = (uint8_t)(((const uint8_t *)w->data->data)[i] ^ (shift ? 0x80 : 0));
    *zero = w->zero - (shift ? 128 : 0);
    return GALEN_OK;
}

static float step_of(const weights *w, float x_scale, int64_t k) {
    return x_scale * (float)gal_scale_at(w->scale, k);
}

/* Bias element k as a number; an i32 one in QDQ form is exact in units of `step` when its scale is that step. */
static bool bias_steps(const gal_value *bias, int64_t k, float step, int32_t *out) {
    const gal_node *dq = bias->producer;
    double v;
    if (gal_const_f32(bias) != NULL) {
        v = (double)gal_const_f32(bias)[galen_tensor_elements(bias->constant) == 1 ? 0 : k] / (double)step;
    } else {
        const galen_tensor *t = dq->in[0]->constant;
        int64_t at = galen_tensor_elements(t) == 1 ? 0 : k;
        double scale = gal_scale_at(dq->in[1]->constant, k);
        bool exact = fabs(scale - (double)step) <= 1e-6 * (double)step;
        v = ((const int32_t *)t->data)[at] * (exact ? 1 : scale / (double)step);
    }
    if (!(fabs(v) < 0x1p31 - 1)) return false;
    *out = (int32_t)rint(v);
    return true;
}

static bool is_bias(const gal_value *bias, int64_t outputs) {
    const gal_node *dq = bias->producer;
    const gal_value *data = bias;
    if (gal_is_op(dq, "", "DequantizeLinear")) {
        if (dq->in[0]->dtype != GALEN_I32 || dq->in[0]->constant == NULL || dq->in[1]->constant == NULL) return false;
        int32_t zero;
        if (dq->n_in > 2 && (!same_zero(dq->in[2], &zero) || zero != 0)) return false;
        data = dq->in[0];
    } else if (gal_const_f32(bias) == NULL) {
        return false;
    }
    int64_t n = gal_fixed_elements(data);
    return n == 1 || (n == outputs && data->shape.dim[data->shape.rank - 1].size == outputs);
}

/* *out NULL: there is none. *fits false: it is none that fits 32 bits. */
static galen_status make_bias(gal_quantized *q, const gal_value *bias, const weights *w, float x_scale, gal_value **out,
                              bool *fits, galen_error *err) {
    *out = NULL, *fits = true;
    if (bias == NULL) return GALEN_OK;
    *fits = is_bias(bias, w->outputs);
    if (!*fits) return GALEN_OK;
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_I32, 1, &w->outputs, out, err));
    for (int64_t k = 0; k < w->outputs && *fits; k++)
        *fits = bias_steps(bias, k, step_of(w, x_scale, k), (int32_t *)(*out)->constant->data + k);
    return GALEN_OK;
}

static galen_status make_scale(gal_quantized *q, const weights *w, gal_value **out, galen_error *err) {
    int64_t n = galen_tensor_elements(w->scale);
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_F32, 1, &n, out, err));
    memcpy((*out)->constant->data, w->scale->data, (size_t)n * sizeof(float));
    return GALEN_OK;
}

/* Every factor must be a positive number, or the op would refuse the node. */
static bool factors_fit(const weights *w, float x_scale, const gal_quant *y) {
    for (int64_t k = 0; k < galen_tensor_elements(w->scale); k++) {
        float f = step_of(w, x_scale, k) / (y->dtype == GALEN_F32 ? 1 : y->scale);
        if (!(f > 0) || !isfinite(f)) return false;
    }
    return true;
}

/* The new node in front of wanted->last, in place of its output. `like` gives the attributes. */
static galen_status make_product(gal_quantized *q, const gal_node *like, const gal_bytes *x, const weights *w,
                                 const gal_value *bias, const gal_wanted *wanted, bool *done, galen_error *err) {
    gal_value *in[5] = {x->value};
    gal_attr more[MAX_MORE];
    bool fits;
    int32_t w_zero;
    bool conv = x->value->shape.rank == 4;
    if (!factors_fit(w, x->quant.scale, &wanted->quant)) return GALEN_OK;
    GAL_TRY(make_bias(q, bias, w, x->quant.scale, &in[2], &fits, err));
    if (!fits) return GALEN_OK;
    GAL_TRY(make_weights(q, w, &in[1], &w_zero, err));
    GAL_TRY(make_scale(q, w, &in[4], err));
    if (conv) GAL_TRY(gal_to_last(q, x->value, wanted->last, &in[0], err));
    uint32_t n = gal_quant_attrs(&x->quant, "x_scale", "x_zero", NULL, more);
    if (w_zero != 0) more[n++] = gal_attr_of_int("w_zero", w_zero);
    n += gal_wanted_attrs(wanted, more + n);
    const gal_remake spec = {.like = like,
                             .domain = "galen",
                             .op = conv ? "QConv" : "QGemm",
                             .n_in = 5,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .drop = "alpha beta transA",
                             .stands_for =
                                 wanted->act != NULL ? gal_merged_name(q->graph, like, wanted->act) : gal_name_of(like),
                             .before = wanted->last};
    gal_node *made;
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_value *y = made->out[0];
    if (conv) GAL_TRY(gal_to_first(q, made->out[0], wanted->last, &y, err));
    gal_stand_in(q, wanted, y);
    *done = true;
    return GALEN_OK;
}

/* Images of two dimensions whose sizes do not depend on the batch. */
static bool is_image(const gal_value *value) {
    const gal_shape *s = &value->shape;
    return s->rank == 4 && !s->dim[1].batch && !s->dim[2].batch && !s->dim[3].batch;
}

static bool plain_gemm(const gal_node *node) {
    if (!gal_is_op(node, "", "Gemm")) return true;
    return gal_attr_float(node, "alpha", 1) == 1 && gal_attr_float(node, "beta", 1) == 1 &&
           gal_attr_int(node, "transA", 0) == 0;
}

galen_status gal_quantize_product(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done,
                                  galen_error *err) {
    gal_bytes x;
    weights w;
    bool conv = gal_is_op(op, "", "Conv");
    int axis = conv || gal_attr_int(op, "transB", 0) != 0 ? 0 : 1;
    if (!gal_read_dequantize(op->in[0], &x) || !read_weights(op->in[1], axis, &w) || !plain_gemm(op)) return GALEN_OK;
    if (conv ? !is_image(op->in[0]) || !is_image(op->out[0]) : op->in[0]->shape.rank != 2 || op->in[1]->shape.rank != 2)
        return GALEN_OK;
    return make_product(q, op, &x, &w, op->n_in > 2 ? op->in[2] : NULL, wanted, done, err);
}

/* MatMul and the Add of a bias as one op; the order of the Add's inputs is free. */
galen_status gal_quantize_biased(gal_quantized *q, gal_node *add, const gal_wanted *wanted, bool *done,
                                 galen_error *err) {
    for (int i = 0; i < 2; i++) {
        const gal_node *op = gal_sole_producer(add->in[i]);
        gal_bytes x;
        weights w;
        if (!gal_is_op(op, "", "MatMul") || !gal_shape_equal(&op->out[0]->shape, &add->out[0]->shape)) continue;
        if (!gal_read_dequantize(op->in[0], &x) || !read_weights(op->in[1], 1, &w)) continue;
        if (op->in[0]->shape.rank != 2 || op->in[1]->shape.rank != 2 || !is_bias(add->in[1 - i], w.outputs)) continue;
        return make_product(q, op, &x, &w, add->in[1 - i], wanted, done, err);
    }
    return GALEN_OK;
}

/* Bytes with scale in[i + 1] and zero point in[i + 2], one constant number each. */
static bool read_triple(const gal_node *node, uint32_t i, gal_quant *out) {
    const gal_value *zero = node->in[i + 1];
    *out = (gal_quant){.dtype = zero->dtype};
    if (!gal_const_scalar(node->in[i], &out->scale) || zero->constant == NULL || gal_fixed_elements(zero) != 1)
        return false;
    out->zero = gal_zero_at(zero->constant, 0);
    return out->scale > 0 && isfinite(out->scale);
}

galen_status gal_quantize_linear(gal_quantized *q, gal_node *node, bool *done, galen_error *err) {
    bool conv = gal_is_op(node, "", "QLinearConv");
    gal_wanted wanted = {.last = node};
    gal_bytes x = {.value = node->in[0]};
    weights w;
    if (!conv && !gal_is_op(node, "", "QLinearMatMul")) return GALEN_OK;
    if (!read_triple(node, 1, &x.quant) || !read_triple(node, 6, &wanted.quant) ||
        !finish_weights(node->in[3], node->in[4], node->in[5], conv ? 0 : 1, &w))
        return GALEN_OK;
    if (conv ? !is_image(node->in[0]) || !is_image(node->out[0])
             : node->in[0]->shape.rank != 2 || node->in[3]->shape.rank != 2)
        return GALEN_OK;
    const gal_value *bias = conv && node->n_in > 8 ? node->in[8] : NULL;
    if (bias == NULL) return make_product(q, node, &x, &w, NULL, &wanted, done, err);
    if (bias->constant == NULL) return GALEN_OK;
    /* The bias of QLinearConv is in units of x_scale * w_scale already: say so as QDQ does. */
    gal_value *in[2] = {node->in[8], NULL};
    gal_node *dq;
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_F32, 1, &w.outputs, &in[1], err));
    for (int64_t k = 0; k < w.outputs; k++) ((float *)in[1]->constant->data)[k] = step_of(&w, x.quant.scale, k);
    const gal_attr axis = gal_attr_of_int("axis", 0);
    GAL_TRY(gal_graph_node(
        q->graph,
        &(gal_node_spec){
            .op = "DequantizeLinear", .n_in = 2, .n_out = 1, .n_attr = 1, .in = in, .attr = &axis, .before = node},
        &dq, err));
    return make_product(q, node, &x, &w, dq->out[0], &wanted, done, err);
}
