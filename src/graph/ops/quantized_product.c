/* galen.QConv, QGemm, DynConv and DynGemm (quantized.h): convolution and matrix product of bytes, in plain C. */
#include "base/error.h"
#include "graph/ops/activation.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/gemm_ref.h"
#include "graph/ops/ops.h"
#include "graph/ops/quantized.h"
#include "graph/ops/rules.h"

/* in: X [N, H, W, C], W [K, C / group, R, S] and the rest as quantized.h says. */
galen_status gal_galen_qconv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    if (node->in[0]->shape.rank != 4)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, must be [N, H, W, C]",
                             node->in[0]->shape.rank);
    GAL_TRY(gal_conv_shape(node, 0, 1, UINT32_MAX, true, &window, &shape, err));
    GAL_TRY(gal_quant_check_product(node, node->in[1]->shape.dim[0].size, err));
    if (node->in[3] != NULL && !gal_shape_equal(&node->in[3]->shape, &shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the residual (input 3) must have the output's shape");
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

/* A [M, K] times W [K, N], or [N, K] with transB. */
static galen_status matrix_shape(const gal_node *node, gal_shape *shape, galen_error *err) {
    bool transposed;
    GAL_TRY(gal_need_flag(node, "transB", false, &transposed, err));
    const gal_shape *a = &node->in[0]->shape, *b = &node->in[1]->shape;
    if (a->rank != 2 || b->rank != 2 || !gal_shape_is_fixed(b) || !gal_dim_equal(a->dim[1], b->dim[transposed]))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the operands do not fit together as matrices");
    *shape = (gal_shape){.rank = 2, .dim = {a->dim[0], b->dim[!transposed]}};
    return GALEN_OK;
}

/* in: A and W, and the rest as quantized.h says. */
galen_status gal_galen_qgemm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape shape;
    GAL_TRY(matrix_shape(node, &shape, err));
    GAL_TRY(gal_quant_check_product(node, shape.dim[1].size, err));
    if (node->in[3] != NULL && !gal_shape_equal(&node->in[3]->shape, &shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the residual (input 3) must have the output's shape");
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

/* What DynConv and DynGemm share; sets their output. */
static galen_status set_dynamic(gal_node *node, const gal_shape *shape, int64_t outputs, galen_error *err) {
    gal_activation kind;
    bool scaled = node->n_in > 3 && node->in[3] != NULL;
    int64_t w_zero = gal_attr_int(node, "w_zero", 0);
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BIT(GALEN_I8), err));
    GAL_TRY(gal_need_parameter(node, 2, node->in[0]->dtype, 0, err));
    GAL_TRY(gal_need_parameter(node, 3, GALEN_F32, 0, err));
    GAL_TRY(gal_need_parameter(node, 4, GALEN_F32, outputs, err));
    GAL_TRY(gal_need_parameter(node, 5, GALEN_F32, outputs, err));
    if (scaled != (node->n_in > 4 && node->in[4] != NULL) || (!scaled && node->n_in > 5 && node->in[5] != NULL))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the scales (inputs 3 and 4) are not both there");
    if (w_zero < -128 || w_zero > 127)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute w_zero is %lld, outside i8", (long long)w_zero);
    if (!gal_activation_of(node, &kind) || kind > GAL_ACT_RELU || (!scaled && kind != GAL_ACT_NONE))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is not Relu of floats",
                             gal_attr_string(node, "activation", ""));
    return gal_set_output(node, 0, scaled ? GALEN_F32 : GALEN_I32, shape, err);
}

galen_status gal_galen_dynconv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    if (node->in[0]->shape.rank != 4)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, must be [N, H, W, C]",
                             node->in[0]->shape.rank);
    GAL_TRY(gal_conv_shape(node, 0, 1, UINT32_MAX, true, &window, &shape, err));
    return set_dynamic(node, &shape, node->in[1]->shape.dim[0].size, err);
}

galen_status gal_galen_dyngemm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape shape;
    GAL_TRY(matrix_shape(node, &shape, err));
    return set_dynamic(node, &shape, shape.dim[1].size, err);
}

/* Three operations an output for what follows the sum, two more for a residual. */
static void add_epilogue(const gal_node *node, int64_t batch, gal_cost *cost) {
    int64_t outputs = gal_out_elements(node, batch);
    bool residual = !gal_is_dynamic(node) && node->n_in > 3 && node->in[3] != NULL;
    cost->flop += (residual ? 5 : 3) * outputs;
}

void gal_galen_qconv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_conv_cost(node, batch, cost);
    add_epilogue(node, batch, cost);
}

void gal_galen_qgemm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    int64_t inner = node->in[0]->shape.dim[1].size, mac;
    if (__builtin_mul_overflow(gal_out_elements(node, batch), inner, &mac)) mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac;
    add_epilogue(node, batch, cost);
}

typedef struct job {
    const gal_node *node;
    gal_requant q;
    const galen_tensor *x, *w_scale, *residual;
    const int8_t *w;
    const int32_t *bias;
    const galen_tensor *x_scale, *shift; /* DynConv, DynGemm: shift is the f32 bias; without x_scale y is the sum */
    const uint8_t *table;
    void *y;
    int32_t x_zero, w_zero;
    bool dynamic, relu;
    /* A convolution is a row of pixels of one image a task; a product is an image of 1 by 1 a row. */
    gal_window window;
    int64_t channels, outputs, group, k_step, c_step; /* steps of w for the next output and the next channel */
} job;

/* Sum over the window of output pixel (h, w) of image n for channel k. */
static int32_t sum_at(const job *j, int64_t n, int64_t h, int64_t w, int64_t k) {
    const gal_window *win = &j->window;
    int64_t per = j->channels / j->group, first = k / (j->outputs / j->group) * per, lo[3], hi[3], sum = 0;
    gal_window_taps(win, 1, h, &lo[1], &hi[1]);
    gal_window_taps(win, 2, w, &lo[2], &hi[2]);
    for (int64_t r = lo[1]; r < hi[1]; r++)
        for (int64_t s = lo[2]; s < hi[2]; s++) {
            int64_t row = h * win->stride[1] - win->before[1] + r * win->dilation[1];
            int64_t column = w * win->stride[2] - win->before[2] + s * win->dilation[2];
            int64_t at = ((n * win->in[1] + row) * win->in[2] + column) * j->channels + first;
            const int8_t *weight = j->w + k * j->k_step + r * win->kernel[2] + s;
            for (int64_t c = 0; c < per; c++)
                sum += (int64_t)(gal_byte_at(j->x->dtype, j->x->data, at + c) - j->x_zero) *
                       (weight[c * j->c_step] - j->w_zero);
        }
    if (j->bias != NULL) sum += j->bias[k];
    return (int32_t)(uint32_t)(uint64_t)sum;
}

static void store_dynamic(const job *j, int64_t k, int64_t at, int32_t acc) {
    if (j->x_scale == NULL) {
        ((int32_t *)j->y)[at] = acc;
        return;
    }
    float v = (float)acc * ((float)gal_scale_at(j->x_scale, 0) * (float)gal_scale_at(j->w_scale, k));
    if (j->shift != NULL) v = v + (float)gal_scale_at(j->shift, k);
    ((float *)j->y)[at] = j->relu ? gal_activate(GAL_ACT_RELU, 0, 0, v) : v;
}

static void pixel_row(void *context, size_t index) {
    const job *j = context;
    int64_t n = (int64_t)index / j->window.out[1], h = (int64_t)index % j->window.out[1];
    int64_t at = (int64_t)index * j->window.out[2] * j->outputs;
    for (int64_t w = 0; w < j->window.out[2]; w++)
        for (int64_t k = 0; k < j->outputs; k++, at++) {
            int32_t acc = sum_at(j, n, h, w, k);
            if (j->dynamic) {
                store_dynamic(j, k, at, acc);
                continue;
            }
            int32_t residual = j->residual != NULL ? gal_byte_at(j->residual->dtype, j->residual->data, at) : 0;
            float factor = gal_requant_factor(j->node, j->w_scale, k);
            float v = gal_requant_value(&j->q, factor, acc, residual);
            gal_requant_store(&j->q, j->table, j->y, at, v);
        }
}

static job job_of(const gal_call *call) {
    const gal_node *node = call->node;
    job j = {.node = node, .x = call->in[0], .w_scale = call->in[4], .w = call->in[1]->data, .y = call->out[0]->data};
    gal_requant_of(node, &j.q);
    j.residual = call->in[3];
    j.bias = call->in[2] != NULL ? call->in[2]->data : NULL;
    j.table = node->n_in > 5 && call->in[5] != NULL ? call->in[5]->data : NULL;
    j.x_zero = gal_quant_of(node, 'x', j.x->dtype).zero;
    j.w_zero = (int32_t)gal_attr_int(node, "w_zero", 0);
    j.group = 1;
    return j;
}

static const galen_tensor *input_of(const gal_call *call, uint32_t index) {
    return call->node->n_in > index ? call->in[index] : NULL;
}

static job dynamic_of(const gal_call *call) {
    job j = {.node = call->node, .x = call->in[0], .w = call->in[1]->data, .y = call->out[0]->data, .group = 1};
    j.dynamic = true;
    j.x_zero = gal_zero_at(input_of(call, 2), 0);
    j.x_scale = input_of(call, 3), j.w_scale = input_of(call, 4), j.shift = input_of(call, 5);
    j.w_zero = (int32_t)gal_attr_int(call->node, "w_zero", 0);
    j.relu = gal_attr_find(call->node, "activation") != NULL;
    return j;
}

static galen_status run_conv(const gal_call *call, job j, galen_error *err) {
    gal_shape shape;
    GAL_TRY(gal_conv_shape(call->node, 0, 1, UINT32_MAX, true, &j.window, &shape, err));
    j.channels = j.x->dim[3], j.outputs = call->in[1]->dim[0];
    j.group = gal_attr_int(call->node, "group", 1);
    j.c_step = j.window.kernel[1] * j.window.kernel[2];
    j.k_step = j.channels / j.group * j.c_step;
    gal_pool_run(call->pool, pixel_row, &j, (size_t)(j.x->dim[0] * j.window.out[1]));
    return GALEN_OK;
}

static galen_status run_gemm(const gal_call *call, job j) {
    bool transposed = gal_attr_int(call->node, "transB", 0) != 0;
    j.window = (gal_window){.rank = 2, .in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}};
    for (int d = 0; d < 3; d++) j.window.stride[d] = j.window.dilation[d] = 1;
    j.channels = j.x->dim[1], j.outputs = call->out[0]->dim[1];
    j.k_step = transposed ? j.channels : 1, j.c_step = transposed ? 1 : j.outputs;
    gal_pool_run(call->pool, pixel_row, &j, (size_t)j.x->dim[0]);
    return GALEN_OK;
}

galen_status gal_galen_qconv_run(const gal_call *call, galen_error *err) {
    return run_conv(call, job_of(call), err);
}

galen_status gal_galen_qgemm_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_gemm(call, job_of(call));
}

galen_status gal_galen_dynconv_run(const gal_call *call, galen_error *err) {
    return run_conv(call, dynamic_of(call), err);
}

galen_status gal_galen_dyngemm_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_gemm(call, dynamic_of(call));
}
