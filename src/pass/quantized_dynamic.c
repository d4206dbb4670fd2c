/*
 * Graphs that find the scale of each tensor when they run, as dynamic quantisation writes them:
 *
 *   xq, x_scale, x_zero = DynamicQuantizeLinear(x)
 *   y = Cast(ConvInteger(xq, w, x_zero, w_zero)) * (x_scale * w_scale) + bias
 *
 * with MatMulInteger for ConvInteger, and Relu or nothing behind it. What is there of it, from the sum on, becomes one
 * galen.DynConv or DynGemm (quantized.h) with the same bits.
 */
#include "pass/quantized.h"

#include "base/error.h"

#include <string.h>

/* The node that alone reads the output of `node`, when it is this ONNX op. */
static gal_node *sole_reader(const gal_node *node, const char *op) {
    const gal_value *y = node->out[0];
    if (y->is_output || y->uses == NULL || y->uses->next != NULL) return NULL;
    return gal_is_op(y->uses->node, "", op) ? y->uses->node : NULL;
}

static gal_value *other_input(const gal_node *node, const gal_value *one) {
    return node->in[0] == one ? node->in[1] : node->in[0];
}

/* What follows the sum, as far as it is understood. */
typedef struct tail {
    gal_node *last;
    gal_value *x_scale;
    const float *w_scale, *bias; /* bias may be NULL */
    int w_step, bias_step;       /* 1: a number each output; 0: one for all */
    bool relu;
} tail;

/* x_scale * w_scale, both as f32: a number found at run time and constants. */
static bool read_scales(const gal_value *value, int rank, int axis, int64_t outputs, tail *t) {
    const gal_node *mul = value->producer;
    if (!gal_is_op(mul, "", "Mul")) return false;
    for (int i = 0; i < 2; i++) {
        t->x_scale = mul->in[i];
        t->w_scale = gal_const_per_axis(mul->in[1 - i], rank, axis, outputs, &t->w_step);
        if (t->w_scale != NULL && t->x_scale->dtype == GALEN_F32 && gal_fixed_elements(t->x_scale) == 1) return true;
    }
    return false;
}

static void read_tail(gal_node *op, int axis, int64_t outputs, tail *t) {
    const gal_shape *shape = &op->out[0]->shape;
    gal_node *cast = sole_reader(op, "Cast"), *mul, *add, *relu;
    tail found = {0};
    *t = (tail){.last = op};
    if (cast == NULL || cast->out[0]->dtype != GALEN_F32 || (mul = sole_reader(cast, "Mul")) == NULL) return;
    if (!read_scales(other_input(mul, cast->out[0]), shape->rank, axis, outputs, &found)) return;
    if (!gal_shape_equal(&mul->out[0]->shape, shape)) return;
    found.last = mul;
    add = sole_reader(mul, "Add");
    if (add != NULL && gal_shape_equal(&add->out[0]->shape, shape)) {
        found.bias = gal_const_per_axis(other_input(add, mul->out[0]), shape->rank, axis, outputs, &found.bias_step);
        if (found.bias != NULL) found.last = add;
    }
    relu = sole_reader(found.last, "Relu");
    if (relu != NULL) found.last = relu, found.relu = true;
    *t = found;
}

static bool is_image(const gal_value *value) {
    const gal_shape *s = &value->shape;
    return s->rank == 4 && !s->dim[1].batch && !s->dim[2].batch && !s->dim[3].batch;
}

/* One zero point for all; *zero 0 when there is none. */
static bool read_zero(const gal_node *node, int32_t *zero) {
    const gal_value *value = node->n_in > 3 ? node->in[3] : NULL;
    *zero = 0;
    if (value == NULL) return true;
    if (value->constant == NULL || galen_tensor_elements(value->constant) < 1) return false;
    *zero = gal_zero_at(value->constant, 0);
    for (int64_t i = 1, n = galen_tensor_elements(value->constant); i < n; i++)
        if (gal_zero_at(value->constant, i) != *zero) return false;
    return true;
}

/* s8 weights less their zero point where all of them fit, else s8 weights with one. */
static galen_status make_weights(gal_quantized *q, const galen_tensor *w, int32_t *zero, gal_value **out,
                                 galen_error *err) {
    int64_t n = galen_tensor_elements(w);
    int32_t least = 0, most = 0, less = *zero;
    for (int64_t i = 0; i < n; i++) {
        int32_t v = gal_byte_at(w->dtype, w->data, i) - *zero;
        least = v < least ? v : least, most = v > most ? v : most;
    }
    if (least < -128 || most > 127) less = w->dtype == GALEN_U8 ? 128 : 0;
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_I8, w->rank, w->dim, out, err));
    int8_t *to = (*out)->constant->data;
    for (int64_t i = 0; i < n; i++) to[i] = (int8_t)(gal_byte_at(w->dtype, w->data, i) - less);
    *zero -= less;
    return GALEN_OK;
}

static galen_status make_row(gal_quantized *q, const float *v, int step, int64_t outputs, gal_value **out,
                             galen_error *err) {
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_F32, 1, &outputs, out, err));
    for (int64_t k = 0; k < outputs; k++) ((float *)(*out)->constant->data)[k] = v[k * step];
    return GALEN_OK;
}

static const char *name_of(gal_quantized *q, const gal_node *op, const tail *t) {
    if (t->x_scale == NULL) return gal_name_of(op);
    if (t->bias == NULL) return gal_merged_name(q->graph, op, t->relu ? "Cast+Mul+Relu" : "Cast+Mul");
    return gal_merged_name(q->graph, op, t->relu ? "Cast+Mul+Add+Relu" : "Cast+Mul+Add");
}

static galen_status make_dynamic(gal_quantized *q, gal_node *op, int32_t w_zero, int64_t outputs, const tail *t,
                                 galen_error *err) {
    bool conv = op->in[0]->shape.rank == 4;
    gal_value *in[6] = {op->in[0], NULL, op->n_in > 2 ? op->in[2] : NULL, t->x_scale};
    gal_attr more[2];
    uint32_t n = 0;
    gal_node *made;
    GAL_TRY(make_weights(q, op->in[1]->constant, &w_zero, &in[1], err));
    if (t->x_scale != NULL) GAL_TRY(make_row(q, t->w_scale, t->w_step, outputs, &in[4], err));
    if (t->bias != NULL) GAL_TRY(make_row(q, t->bias, t->bias_step, outputs, &in[5], err));
    if (conv) GAL_TRY(gal_to_last(q, op->in[0], t->last, &in[0], err));
    if (w_zero != 0) more[n++] = gal_attr_of_int("w_zero", w_zero);
    if (t->relu) more[n++] = gal_attr_of_text("activation", "Relu");
    const gal_remake spec = {.like = op,
                             .domain = "galen",
                             .op = conv ? "DynConv" : "DynGemm",
                             .n_in = t->bias != NULL      ? 6
                                     : t->x_scale != NULL ? 5
                                                          : 3,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .stands_for = name_of(q, op, t),
                             .before = t->last};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_value *y = made->out[0];
    if (conv) GAL_TRY(gal_to_first(q, y, t->last, &y, err));
    gal_stand_in(q, &(gal_wanted){.last = t->last}, y);
    return GALEN_OK;
}

galen_status gal_quantize_dynamic(gal_quantized *q, gal_node *op, galen_error *err) {
    bool conv = gal_is_op(op, "", "ConvInteger");
    int32_t w_zero;
    tail t;
    if ((!conv && !gal_is_op(op, "", "MatMulInteger")) || op->in[1]->constant == NULL || !read_zero(op, &w_zero))
        return GALEN_OK;
    if (conv ? !is_image(op->in[0]) || !is_image(op->out[0]) : op->in[0]->shape.rank != 2 || op->in[1]->shape.rank != 2)
        return GALEN_OK;
    if (op->n_in > 2 && op->in[2] != NULL && gal_fixed_elements(op->in[2]) != 1) return GALEN_OK;
    int64_t outputs = op->in[1]->shape.dim[conv ? 0 : 1].size;
    read_tail(op, 1, outputs, &t);
    return make_dynamic(q, op, w_zero, outputs, &t, err);
}
