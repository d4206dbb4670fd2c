/*
 * ConvInteger and QLinearConv (ONNX opset 10): sums of products of 8-bit numbers less their zero points, in exact
 * 32-bit integers. Padding holds the zero point, so it adds nothing. QLinearConv multiplies the sum, as f32, by
 * x_scale * w_scale / y_scale taken in f32 (quantized.h): the operator does not say how, ONNX Runtime does it so.
 */
#include "base/error.h"
#include "graph/ops/affine.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"

static galen_status no_batch(const gal_node *node, galen_error *err) {
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] && !gal_shape_is_fixed(&node->in[i]->shape))
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "the shape of input %u depends on the batch size",
                                 i);
    return GALEN_OK;
}

galen_status gal_convinteger_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BYTES, err));
    GAL_TRY(no_batch(node, err));
    GAL_TRY(gal_conv_shape(node, 0, 1, UINT32_MAX, false, &window, &shape, err));
    GAL_TRY(gal_need_parameter(node, 2, node->in[0]->dtype, 0, err));
    GAL_TRY(gal_need_parameter(node, 3, node->in[1]->dtype, node->in[1]->shape.dim[0].size, err));
    return gal_set_output(node, 0, GALEN_I32, &shape, err);
}

galen_status gal_qlinearconv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    for (uint32_t i = 0; i < 8; i++)
        if (!node->in[i]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is missing", i);
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 3, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 7, GAL_BYTES, err));
    if (node->n_in > 8 && node->in[8]) GAL_TRY(gal_need_dtype(node, 8, GAL_BIT(GALEN_I32), err));
    GAL_TRY(no_batch(node, err));
    GAL_TRY(gal_conv_shape(node, 0, 3, 8, false, &window, &shape, err));
    int64_t outputs = node->in[3]->shape.dim[0].size;
    GAL_TRY(gal_need_parameter(node, 1, GALEN_F32, 0, err));
    GAL_TRY(gal_need_parameter(node, 2, node->in[0]->dtype, 0, err));
    GAL_TRY(gal_need_parameter(node, 4, GALEN_F32, outputs, err));
    GAL_TRY(gal_need_parameter(node, 5, node->in[3]->dtype, outputs, err));
    GAL_TRY(gal_need_parameter(node, 6, GALEN_F32, 0, err));
    GAL_TRY(gal_need_parameter(node, 7, node->in[7]->dtype, 0, err));
    return gal_set_output(node, 0, node->in[7]->dtype, &shape, err);
}

typedef struct job {
    gal_window w;
    const galen_tensor *x, *weight, *x_zero, *w_zero;
    const galen_tensor *x_scale, *w_scale, *y_scale, *y_zero, *bias; /* NULL for ConvInteger; bias is optional */
    galen_tensor *y;
    int64_t group;
} job;

/* The exact sum for output (o), channel k, item n. */
static int64_t sum_at(const job *j, int64_t n, int64_t k, const int64_t o[3]) {
    const gal_window *w = &j->w;
    int64_t per = j->weight->dim[1], first = k / (j->weight->dim[0] / j->group) * per;
    int64_t taps = gal_window_size(w->kernel), area = gal_window_size(w->in), lo[3], hi[3], at[3], sum = 0;
    int32_t xz = gal_zero_at(j->x_zero, 0), wz = gal_zero_at(j->w_zero, k);
    for (int d = 0; d < 3; d++) {
        gal_window_taps(w, d, o[d], &lo[d], &hi[d]);
        at[d] = o[d] * w->stride[d] - w->before[d];
    }
    for (int64_t c = 0; c < per; c++)
        for (int64_t a = lo[0]; a < hi[0]; a++)
            for (int64_t b = lo[1]; b < hi[1]; b++) {
                int64_t row = (n * j->x->dim[1] + first + c) * area;
                row += ((at[0] + a * w->dilation[0]) * w->in[1] + at[1] + b * w->dilation[1]) * w->in[2] + at[2];
                int64_t tap = (k * per + c) * taps + (a * w->kernel[1] + b) * w->kernel[2];
                for (int64_t e = lo[2]; e < hi[2]; e++)
                    sum += (int64_t)(gal_byte_at(j->x->dtype, j->x->data, row + e * w->dilation[2]) - xz) *
                           (gal_byte_at(j->weight->dtype, j->weight->data, tap + e) - wz);
            }
    return sum;
}

static void store(const job *j, int64_t k, int64_t at, int64_t sum) {
    if (!j->y_scale) {
        ((int32_t *)j->y->data)[at] = (int32_t)(uint32_t)(uint64_t)sum;
        return;
    }
    if (j->bias) sum += ((const int32_t *)j->bias->data)[k];
    float product = (float)gal_scale_at(j->x_scale, 0) * (float)gal_scale_at(j->w_scale, k);
    float factor = product / (float)gal_scale_at(j->y_scale, 0);
    double v = (double)((float)(int32_t)(uint32_t)(uint64_t)sum * factor);
    gal_store_byte(j->y->dtype, j->y->data, at, v, gal_zero_at(j->y_zero, 0));
}

static void plane(void *context, size_t index) {
    const job *j = context;
    int64_t n = (int64_t)index / j->weight->dim[0], k = (int64_t)index % j->weight->dim[0], o[3];
    int64_t at = (int64_t)index * gal_window_size(j->w.out);
    for (o[0] = 0; o[0] < j->w.out[0]; o[0]++)
        for (o[1] = 0; o[1] < j->w.out[1]; o[1]++)
            for (o[2] = 0; o[2] < j->w.out[2]; o[2]++) store(j, k, at++, sum_at(j, n, k, o));
}

static galen_status run(const gal_call *call, job *j, uint32_t weight, galen_error *err) {
    gal_shape shape;
    GAL_TRY(gal_conv_shape(call->node, 0, weight, UINT32_MAX, false, &j->w, &shape, err));
    j->x = call->in[0], j->weight = call->in[weight], j->y = call->out[0];
    j->group = gal_attr_int(call->node, "group", 1);
    gal_pool_run(call->pool, plane, j, (size_t)(j->x->dim[0] * j->weight->dim[0]));
    return GALEN_OK;
}

galen_status gal_convinteger_run(const gal_call *call, galen_error *err) {
    uint32_t n = call->node->n_in;
    job j = {.x_zero = n > 2 ? call->in[2] : NULL, .w_zero = n > 3 ? call->in[3] : NULL};
    return run(call, &j, 1, err);
}

galen_status gal_qlinearconv_run(const gal_call *call, galen_error *err) {
    job j = {.x_scale = call->in[1],
             .x_zero = call->in[2],
             .w_scale = call->in[4],
             .w_zero = call->in[5],
             .y_scale = call->in[6],
             .y_zero = call->in[7],
             .bias = call->node->n_in > 8 ? call->in[8] : NULL};
    return run(call, &j, 3, err);
}
