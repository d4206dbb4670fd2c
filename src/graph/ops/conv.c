/*
 * Conv and ConvTranspose (ONNX opset 11) in floating point, any of 1 to 3 spatial dimensions.
 */
#include "base/error.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

galen_status gal_conv_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    GAL_TRY(gal_conv_shape(node, 0, 1, 2, false, &window, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

/* MACs of a convolution whose weights are in[w]: each output sums over a group's channels and the kernel. */
static void conv_cost(const gal_node *node, uint32_t w, bool bias, int64_t batch, gal_cost *cost) {
    const gal_shape *ws = &node->in[w]->shape;
    int64_t outputs = gal_out_elements(node, batch), mac = outputs;
    for (int i = 1; i < ws->rank; i++)
        if (__builtin_mul_overflow(mac, ws->dim[i].size, &mac)) mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac + (bias ? outputs : 0);
}

void gal_conv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    conv_cost(node, 1, node->n_in > 2 && node->in[2], batch, cost);
}

void gal_convinteger_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    conv_cost(node, 1, false, batch, cost);
}

void gal_qlinearconv_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    conv_cost(node, 3, node->n_in > 8 && node->in[8], batch, cost);
    cost->flop += 2 * gal_out_elements(node, batch);
}

galen_status gal_conv_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *w = call->in[1];
    gal_shape shape;
    gal_conv_ref c = {.dtype = x->dtype, .batch = x->dim[0], .channels = x->dim[1], .outputs = w->dim[0]};
    GAL_TRY(gal_conv_shape(call->node, 0, 1, 2, false, &c.window, &shape, err));
    c.group = gal_attr_int(call->node, "group", 1);
    c.x = x->data, c.w = w->data, c.y = call->out[0]->data;
    c.bias = call->node->n_in > 2 && call->in[2] ? call->in[2]->data : NULL;
    gal_conv_strides(c.channels, c.window.in, false, c.x_stride);
    gal_conv_strides(c.outputs, c.window.out, false, c.y_stride);
    gal_conv_ref_run(&c, call->pool);
    return GALEN_OK;
}

/* ---- ConvTranspose: weights [channels, outputs / group, kernel...] ---- */

static galen_status transpose_shape(const gal_node *node, gal_window *window, gal_shape *out, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    int64_t group = gal_attr_int(node, "group", 1), outputs;
    if (x->rank < 3 || x->rank != w->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "the input has %d dimensions and the weights have %d; both need the same, 3 or more",
                             x->rank, w->rank);
    if (!gal_shape_is_fixed(w) || x->dim[1].batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "channels or weights depend on the batch size");
    if (group < 1 || x->dim[1].size % group != 0 || w->dim[0].size != x->dim[1].size)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "%lld input channels, weights for %lld and %lld groups do not fit together",
                             (long long)x->dim[1].size, (long long)w->dim[0].size, (long long)group);
    if (__builtin_mul_overflow(w->dim[1].size, group, &outputs))
        return gal_node_fail(node, err, GALEN_ERR_LIMIT, "too many output channels");
    gal_window_spec spec = {.spatial = x->dim + 2, .rank = x->rank - 2, .kernel = w->dim + 2, .transposed = true};
    GAL_TRY(gal_window_make(node, &spec, window, err));
    if (node->n_in > 2 && node->in[2]) {
        const gal_shape *b = &node->in[2]->shape;
        if (b->rank != 1 || !gal_dim_equal(b->dim[0], gal_dim_fixed(outputs)))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                 "the bias must have one number for each of %lld output channels", (long long)outputs);
    }
    *out = (gal_shape){.rank = x->rank, .dim = {x->dim[0], gal_dim_fixed(outputs)}};
    gal_window_shape(window, out->dim + 2);
    return GALEN_OK;
}

galen_status gal_convtranspose_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    GAL_TRY(transpose_shape(node, &window, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

/* Each input element meets every weight of its group and channel once. */
void gal_convtranspose_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    const gal_shape *w = &node->in[1]->shape;
    int64_t mac = gal_in_elements(node, 0, batch);
    for (int i = 1; i < w->rank; i++)
        if (__builtin_mul_overflow(mac, w->dim[i].size, &mac)) mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac + (node->n_in > 2 && node->in[2] ? gal_out_elements(node, batch) : 0);
}

typedef struct transposed {
    gal_window w;
    galen_dtype dtype;
    size_t size; /* of an element */
    int64_t channels, outputs, group;
    const uint8_t *x, *weight, *bias;
    uint8_t *y;
} transposed;

/* The input position that reaches output `o` through tap `k`, or -1. */
static int64_t source(const gal_window *w, int d, int64_t o, int64_t k) {
    int64_t at = o + w->before[d] - k * w->dilation[d];
    if (at < 0 || at % w->stride[d] != 0) return -1;
    at /= w->stride[d];
    return at < w->in[d] ? at : -1;
}

/* One output: the sum over channel, then window position, of what input elements spread onto it. */
static double gather(const transposed *t, int64_t n, int64_t k, const int64_t o[3]) {
    const gal_window *w = &t->w;
    int64_t each = t->outputs / t->group, per = t->channels / t->group, first = k / each * per;
    int64_t taps = gal_window_size(w->kernel), area = gal_window_size(w->in);
    double sum = 0;
    for (int64_t c = first; c < first + per; c++)
        for (int64_t a = 0; a < w->kernel[0]; a++) {
            int64_t z = source(w, 0, o[0], a);
            for (int64_t b = 0; z >= 0 && b < w->kernel[1]; b++) {
                int64_t y = source(w, 1, o[1], b);
                for (int64_t e = 0; y >= 0 && e < w->kernel[2]; e++) {
                    int64_t x = source(w, 2, o[2], e);
                    if (x < 0) continue;
                    int64_t at = (n * t->channels + c) * area + (z * w->in[1] + y) * w->in[2] + x;
                    int64_t tap = (c * each + k % each) * taps + (a * w->kernel[1] + b) * w->kernel[2] + e;
                    sum += gal_load_f64(t->dtype, t->x + (size_t)at * t->size) *
                           gal_load_f64(t->dtype, t->weight + (size_t)tap * t->size);
                }
            }
        }
    return sum;
}

static void transposed_plane(void *context, size_t index) {
    const transposed *t = context;
    int64_t n = (int64_t)index / t->outputs, k = (int64_t)index % t->outputs, o[3];
    uint8_t *y = t->y + index * (size_t)gal_window_size(t->w.out) * t->size;
    for (o[0] = 0; o[0] < t->w.out[0]; o[0]++)
        for (o[1] = 0; o[1] < t->w.out[1]; o[1]++)
            for (o[2] = 0; o[2] < t->w.out[2]; o[2]++, y += t->size) {
                double sum = gather(t, n, k, o);
                if (t->bias) sum += gal_load_f64(t->dtype, t->bias + (size_t)k * t->size);
                gal_store_float(t->dtype, y, sum);
            }
}

galen_status gal_convtranspose_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0];
    gal_shape shape;
    transposed t = {
        .dtype = x->dtype, .size = galen_dtype_size(x->dtype), .channels = x->dim[1], .outputs = call->out[0]->dim[1]};
    GAL_TRY(transpose_shape(call->node, &t.w, &shape, err));
    t.group = gal_attr_int(call->node, "group", 1);
    t.x = x->data, t.weight = call->in[1]->data, t.y = call->out[0]->data;
    t.bias = call->node->n_in > 2 && call->in[2] ? call->in[2]->data : NULL;
    gal_pool_run(call->pool, transposed_plane, &t, (size_t)(x->dim[0] * t.outputs));
    return GALEN_OK;
}
