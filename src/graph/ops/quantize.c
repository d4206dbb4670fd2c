/*
 * QuantizeLinear, DequantizeLinear (ONNX opset 13) and DynamicQuantizeLinear (11). Quotients are taken in f32, as the
 * operators are specified: at ties a wider quotient would round to another integer than everyone else's. Graphs that
 * gal_pass_widen made for reference have f64 scales, and divide in f64.
 */
#include "base/error.h"
#include "graph/ops/affine.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

/* Scale (input 1) and zero point (input 2): one number each, or one for each index along the axis. */
static galen_status need_scale(const gal_node *node, bool wide, galen_dtype bytes, galen_error *err) {
    int64_t count = 0;
    if (!gal_is_single(node, 1)) {
        int axis;
        const gal_shape *x = &node->in[0]->shape;
        GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 1), x->rank, &axis, err));
        if (x->dim[axis].batch)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "dimension %d depends on the batch size", axis);
        count = x->dim[axis].size;
    }
    GAL_TRY(gal_need_parameter(node, 1, wide ? GALEN_F64 : GALEN_F32, count, err));
    GAL_TRY(gal_need_parameter(node, 2, bytes, count, err));
    if (count > 1 && node->n_in > 2 && node->in[2] && gal_is_single(node, 2))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the scale has %lld numbers but the zero point only one",
                             (long long)count);
    return GALEN_OK;
}

galen_status gal_quantizelinear_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    galen_dtype to = node->n_in > 2 && node->in[2] ? node->in[2]->dtype : GALEN_U8;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64) | GAL_BIT(GALEN_I32), err));
    if (node->n_in > 2 && node->in[2]) GAL_TRY(gal_need_dtype(node, 2, GAL_BYTES, err));
    GAL_TRY(need_scale(node, node->in[0]->dtype == GALEN_F64, to, err));
    return gal_set_output(node, 0, to, &node->in[0]->shape, err);
}

galen_status gal_dequantizelinear_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES | GAL_BIT(GALEN_I32), err));
    bool wide = node->in[1]->dtype == GALEN_F64;
    GAL_TRY(need_scale(node, wide, node->in[0]->dtype, err));
    return gal_set_output(node, 0, wide ? GALEN_F64 : GALEN_F32, &node->in[0]->shape, err);
}

galen_status gal_dynamicquantizelinear_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape scalar = {.rank = 0};
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    GAL_TRY(gal_set_output(node, 0, GALEN_U8, &node->in[0]->shape, err));
    GAL_TRY(gal_set_output(node, 1, node->in[0]->dtype, &scalar, err));
    return gal_set_output(node, 2, GALEN_U8, &scalar, err);
}

void gal_quantize_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 2 * gal_out_elements(node, batch);
}
void gal_dynamicquantizelinear_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 4 * gal_out_elements(node, batch);
}

/* Element i divided by its scale, in the input's own precision. */
static inline double quotient(const galen_tensor *x, int64_t i, double scale) {
    if (x->dtype == GALEN_F64) return ((const double *)x->data)[i] / scale;
    float v = x->dtype == GALEN_F32 ? ((const float *)x->data)[i] : (float)((const int32_t *)x->data)[i];
    return (double)(v / (float)scale);
}

/* Elements are seen as [outer, axis, inner]; axis and inner are 1 for a single scale. */
typedef struct layout {
    int64_t outer, axis, inner;
} layout;

static galen_status layout_of(const gal_call *call, layout *out, galen_error *err) {
    const galen_tensor *x = call->in[0];
    *out = (layout){1, 1, 1};
    int axis = x->rank;
    if (galen_tensor_elements(call->in[1]) != 1)
        GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", 1), x->rank, &axis, err));
    for (int i = 0; i < x->rank; i++) *(i < axis ? &out->outer : i == axis ? &out->axis : &out->inner) *= x->dim[i];
    return GALEN_OK;
}

galen_status gal_quantizelinear_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *zero = call->node->n_in > 2 ? call->in[2] : NULL;
    galen_tensor *y = call->out[0];
    layout l;
    GAL_TRY(layout_of(call, &l, err));
    for (int64_t i = 0, n = l.outer * l.axis * l.inner; i < n; i++) {
        int64_t c = i / l.inner % l.axis;
        gal_store_byte(y->dtype, y->data, i, quotient(x, i, gal_scale_at(call->in[1], c)), gal_zero_at(zero, c));
    }
    return GALEN_OK;
}

galen_status gal_dequantizelinear_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *zero = call->node->n_in > 2 ? call->in[2] : NULL;
    layout l;
    GAL_TRY(layout_of(call, &l, err));
    for (int64_t i = 0, n = l.outer * l.axis * l.inner; i < n; i++) {
        int64_t c = i / l.inner % l.axis;
        int64_t v = x->dtype == GALEN_I32 ? ((const int32_t *)x->data)[i] : gal_byte_at(x->dtype, x->data, i);
        double real = (double)(v - gal_zero_at(zero, c)) * gal_scale_at(call->in[1], c);
        if (call->out[0]->dtype == GALEN_F64)
            ((double *)call->out[0]->data)[i] = real;
        else
            ((float *)call->out[0]->data)[i] = (float)real;
    }
    return GALEN_OK;
}

/* The same in f64. */
static void quantize_f64(const gal_call *call) {
    const double *x = call->in[0]->data;
    int64_t n = galen_tensor_elements(call->in[0]);
    double lo = 0, hi = 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
    }
    double scale = hi == lo ? 1 : (hi - lo) / 255;
    uint8_t zero;
    gal_store_byte(GALEN_U8, &zero, 0, 0 - lo / scale, 0);
    if (call->out[0])
        for (int64_t i = 0; i < n; i++) gal_store_byte(GALEN_U8, call->out[0]->data, i, x[i] / scale, zero);
    if (call->node->n_out > 1 && call->out[1]) *(double *)call->out[1]->data = scale;
    if (call->node->n_out > 2 && call->out[2]) *(uint8_t *)call->out[2]->data = zero;
}

galen_status gal_dynamicquantizelinear_run(const gal_call *call, galen_error *err) {
    (void)err;
    if (call->in[0]->dtype == GALEN_F64) {
        quantize_f64(call);
        return GALEN_OK;
    }
    const float *x = call->in[0]->data;
    int64_t n = galen_tensor_elements(call->in[0]);
    float lo = 0, hi = 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
    }
    float scale = hi == lo ? 1 : (hi - lo) / 255;
    float middle = 0 - lo / scale;
    uint8_t zero;
    gal_store_byte(GALEN_U8, &zero, 0, (double)middle, 0);
    if (call->out[0])
        for (int64_t i = 0; i < n; i++) gal_store_byte(GALEN_U8, call->out[0]->data, i, (double)(x[i] / scale), zero);
    if (call->node->n_out > 1 && call->out[1]) *(float *)call->out[1]->data = scale;
    if (call->node->n_out > 2 && call->out[2]) *(uint8_t *)call->out[2]->data = zero;
    return GALEN_OK;
}
