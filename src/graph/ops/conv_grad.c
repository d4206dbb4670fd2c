/*
 * Gradients of galen.Conv, images channels last. With p = o * stride - pad + tap * dilation the input pixel that tap
 * meets at output pixel o,
 *   ConvGradInput   dX[n, p, c]     = sum over taps, then outputs k of c's group, of dY[n, o, k] W[k, c, tap]
 *   ConvGradWeight  dW[k, c, tap]   = sum over images, then output pixels in row-major order, of dY[n, o, k] X[n, p, c]
 * over the o and p that exist. Sums are in double and rounded once.
 */
#include "graph/ops/conv_grad.h"

#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

enum {
    CHUNK = 64, /* input channels */
    WIDTH = 4   /* and outputs that are summed side by side */
};

/* ---- shapes ---- */

static galen_status need_image(const gal_node *node, uint32_t index, galen_error *err) {
    const gal_shape *shape = &node->in[index]->shape;
    if (shape->rank != 4)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u has %d dimensions, must be [N, H, W, C]", index,
                             shape->rank);
    if (shape->dim[3].batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "channels of input %u depend on the batch size", index);
    return GALEN_OK;
}

/* The window over images of `spatial`; dy must be what the convolution gives there. */
static galen_status find_window(const gal_node *node, const gal_dim *spatial, const gal_dim *kernel,
                                const gal_shape *dy, gal_window *window, galen_error *err) {
    const gal_window_spec spec = {.spatial = spatial, .rank = 2, .kernel = kernel};
    GAL_TRY(gal_window_make(node, &spec, window, err));
    for (int d = 0; d < 2; d++) {
        gal_dim side = dy->dim[1 + d];
        if (!side.batch && side.size == window->out[1 + d]) continue;
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "spatial dimension %d of the gradient is %lld, the convolution gives %lld", d,
                             (long long)side.size, (long long)window->out[1 + d]);
    }
    return GALEN_OK;
}

static galen_status check_groups(const gal_node *node, const gal_conv_grad *grad, galen_error *err) {
    if (grad->group >= 1 && grad->channels % grad->group == 0 && grad->outputs % grad->group == 0) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%lld groups do not divide %lld channels and %lld outputs",
                         (long long)grad->group, (long long)grad->channels, (long long)grad->outputs);
}

galen_status gal_conv_grad_input_shape(const gal_node *node, gal_conv_grad *grad, gal_shape *out, galen_error *err) {
    const gal_shape *dy = &node->in[0]->shape, *w = &node->in[1]->shape;
    size_t count;
    const int64_t *side = gal_attr_ints(node, "spatial", &count);
    *grad = (gal_conv_grad){.group = gal_attr_int(node, "group", 1)};
    GAL_TRY(need_image(node, 0, err));
    if (count != 2)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute spatial has %zu numbers, needs height and width",
                             count);
    if (w->rank != 4 || !gal_shape_is_fixed(w))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the weights must be [M, C / group, kh, kw]");
    grad->outputs = w->dim[0].size;
    if (grad->group < 1 || __builtin_mul_overflow(w->dim[1].size, grad->group, &grad->channels))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute group is %lld", (long long)grad->group);
    GAL_TRY(check_groups(node, grad, err));
    if (dy->dim[3].size != grad->outputs)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the gradient has %lld channels, the weights make %lld",
                             (long long)dy->dim[3].size, (long long)grad->outputs);
    const gal_dim spatial[2] = {gal_dim_fixed(side[0]), gal_dim_fixed(side[1])};
    GAL_TRY(find_window(node, spatial, w->dim + 2, dy, &grad->window, err));
    *out = (gal_shape){.rank = 4, .dim = {dy->dim[0], spatial[0], spatial[1], gal_dim_fixed(grad->channels)}};
    return GALEN_OK;
}

galen_status gal_conv_grad_weight_shape(const gal_node *node, gal_conv_grad *grad, gal_shape *out, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape, *dy = &node->in[1]->shape;
    GAL_TRY(need_image(node, 0, err));
    GAL_TRY(need_image(node, 1, err));
    *grad = (gal_conv_grad){
        .channels = x->dim[3].size, .outputs = dy->dim[3].size, .group = gal_attr_int(node, "group", 1)};
    GAL_TRY(check_groups(node, grad, err));
    if (!gal_dim_equal(x->dim[0], dy->dim[0]))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "image and gradient have different batch sizes");
    GAL_TRY(find_window(node, x->dim + 1, NULL, dy, &grad->window, err));
    const int64_t *kernel = grad->window.kernel;
    *out = (gal_shape){.rank = 4,
                       .dim = {gal_dim_fixed(grad->outputs), gal_dim_fixed(grad->channels / grad->group),
                               gal_dim_fixed(kernel[1]), gal_dim_fixed(kernel[2])}};
    return GALEN_OK;
}

static galen_status need_types(const gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    return gal_need_same_dtype(node, 0, err);
}

galen_status gal_galen_convgradinput_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_conv_grad grad;
    gal_shape shape;
    (void)graph;
    GAL_TRY(need_types(node, err));
    GAL_TRY(gal_conv_grad_input_shape(node, &grad, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_galen_convgradweight_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_conv_grad grad;
    gal_shape shape;
    (void)graph;
    GAL_TRY(need_types(node, err));
    GAL_TRY(gal_conv_grad_weight_shape(node, &grad, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype == GALEN_F64 ? GALEN_F64 : GALEN_F32, &shape, err);
}

/* The convolution's own: each element of dY meets one group's weights of its output. */
static void grad_cost(const gal_node *node, uint32_t dy, const gal_shape *w, int64_t batch, gal_cost *cost) {
    int64_t mac = gal_in_elements(node, dy, batch);
    for (int i = 1; i < w->rank; i++)
        if (__builtin_mul_overflow(mac, w->dim[i].size, &mac)) mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac;
}

void gal_galen_convgradinput_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    grad_cost(node, 0, &node->in[1]->shape, batch, cost);
}

void gal_galen_convgradweight_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    grad_cost(node, 1, &node->out[0]->shape, batch, cost);
}

/* ---- sums ---- */

typedef struct grad_job {
    gal_conv_grad grad;
    galen_dtype dtype;
    int64_t batch, cg, kg; /* channels and outputs of a group */
    int64_t blocks;        /* of outputs in a group */
    const void *x, *w, *dy;
    void *out;
} grad_job;

static inline double load(galen_dtype t, const void *p, int64_t i) {
    if (t == GALEN_F32) return (double)((const float *)p)[i];
    if (t == GALEN_F64) return ((const double *)p)[i];
    if (t == GALEN_BF16) return (double)gal_ld_bf16((const uint16_t *)p + i);
    return (double)gal_ld_f16((const uint16_t *)p + i);
}

/* The output position that meets input position `at` by tap k, or -1. */
static int64_t met(const gal_window *w, int d, int64_t at, int64_t k) {
    int64_t o = at + w->before[d] - k * w->dilation[d];
    if (o < 0 || o % w->stride[d] != 0) return -1;
    o /= w->stride[d];
    return o < w->out[d] ? o : -1;
}

/* acc[c] += dY[k] W[k, first + c, tap] over the outputs k of a group; dy and w are at its first. */
static inline __attribute__((always_inline)) void spread(const grad_job *job, galen_dtype t, int64_t dy, int64_t w,
                                                         int64_t count, double *acc) {
    int64_t taps = job->grad.window.kernel[1] * job->grad.window.kernel[2];
    for (int64_t k = 0; k < job->kg; k++) {
        double v = load(t, job->dy, dy + k);
        for (int64_t c = 0; c < count; c++) acc[c] += v * load(t, job->w, w + (k * job->cg + c) * taps);
    }
}

/* One row of dX. */
static inline __attribute__((always_inline)) void input_row(const grad_job *job, galen_dtype t, int64_t n, int64_t h) {
    const gal_window *win = &job->grad.window;
    int64_t r = win->kernel[1], s = win->kernel[2], channels = job->grad.channels;
    for (int64_t w = 0; w < win->in[2]; w++) {
        for (int64_t c = 0, count; c < channels; c += count) {
            double acc[CHUNK] = {0};
            int64_t group = c / job->cg, from = c % job->cg, out = ((n * win->in[1] + h) * win->in[2] + w) * channels;
            count = job->cg - from < CHUNK ? job->cg - from : CHUNK;
            for (int64_t a = 0; a < r; a++) {
                int64_t oh = met(win, 1, h, a);
                for (int64_t b = 0; oh >= 0 && b < s; b++) {
                    int64_t ow = met(win, 2, w, b);
                    if (ow < 0) continue;
                    int64_t dy = ((n * win->out[1] + oh) * win->out[2] + ow) * job->grad.outputs + group * job->kg;
                    spread(job, t, dy, (group * job->kg * job->cg + from) * r * s + a * s + b, count, acc);
                }
            }
            for (int64_t i = 0; i < count; i++)
                gal_store_float(t, (uint8_t *)job->out + (size_t)(out + c + i) * galen_dtype_size(t), acc[i]);
        }
    }
}

static void input_task(void *context, size_t index) {
    const grad_job *job = context;
    int64_t rows = job->grad.window.in[1], n = (int64_t)index / rows, h = (int64_t)index % rows;
    if (job->dtype == GALEN_F32) {
        input_row(job, GALEN_F32, n, h);
    } else if (job->dtype == GALEN_F64) {
        input_row(job, GALEN_F64, n, h);
    } else if (job->dtype == GALEN_BF16) {
        input_row(job, GALEN_BF16, n, h);
    } else {
        input_row(job, GALEN_F16, n, h);
    }
}

galen_status gal_galen_convgradinput_run(const gal_call *call, galen_error *err) {
    gal_shape shape;
    grad_job job = {.dtype = call->in[0]->dtype, .batch = call->in[0]->dim[0]};
    GAL_TRY(gal_conv_grad_input_shape(call->node, &job.grad, &shape, err));
    job.dy = call->in[0]->data, job.w = call->in[1]->data, job.out = call->out[0]->data;
    job.cg = job.grad.channels / job.grad.group, job.kg = job.grad.outputs / job.grad.group;
    gal_pool_run(call->pool, input_task, &job, (size_t)(job.batch * job.grad.window.in[1]));
    return GALEN_OK;
}

/* Output positions [*lo, *hi) for which tap k of dimension d falls inside the input. */
static void inside(const gal_window *w, int d, int64_t k, int64_t *lo, int64_t *hi) {
    int64_t shift = k * w->dilation[d] - w->before[d], s = w->stride[d];
    *lo = shift < 0 ? (-shift + s - 1) / s : 0;
    *hi = shift < w->in[d] ? (w->in[d] - shift + s - 1) / s : 0;
    if (*hi > w->out[d]) *hi = w->out[d];
}

/* Sums of one tap [a, b] for `width` outputs from k on and `count` input channels from c on, over the whole batch. */
static inline __attribute__((always_inline)) void weight_sums(const grad_job *job, galen_dtype t, int width, int64_t k,
                                                              int64_t c, int64_t count, const int64_t tap[2],
                                                              double (*acc)[CHUNK]) {
    const gal_window *w = &job->grad.window;
    int64_t h0, h1, w0, w1, step = w->stride[2] * job->grad.channels;
    inside(w, 1, tap[0], &h0, &h1);
    inside(w, 2, tap[1], &w0, &w1);
    for (int64_t n = 0; n < job->batch; n++)
        for (int64_t oh = h0; oh < h1; oh++) {
            int64_t row = n * w->in[1] + oh * w->stride[1] - w->before[1] + tap[0] * w->dilation[1];
            int64_t column = w0 * w->stride[2] - w->before[2] + tap[1] * w->dilation[2];
            int64_t x = (row * w->in[2] + column) * job->grad.channels + c;
            int64_t dy = ((n * w->out[1] + oh) * w->out[2] + w0) * job->grad.outputs + k;
            for (int64_t ow = w0; ow < w1; ow++, x += step, dy += job->grad.outputs)
                for (int q = 0; q < width; q++) {
                    double v = load(t, job->dy, dy + q);
                    for (int64_t i = 0; i < count; i++) acc[q][i] += v * load(t, job->x, x + i);
                }
        }
}

static inline __attribute__((always_inline)) void weight_tap(const grad_job *job, galen_dtype t, int width, int64_t k,
                                                             int64_t tap) {
    const gal_window *w = &job->grad.window;
    int64_t taps = w->kernel[1] * w->kernel[2], first = k / job->kg * job->cg;
    for (int64_t c = 0; c < job->cg; c += CHUNK) {
        double acc[WIDTH][CHUNK] = {{0}};
        int64_t count = job->cg - c < CHUNK ? job->cg - c : CHUNK;
        const int64_t at[2] = {tap / w->kernel[2], tap % w->kernel[2]};
        weight_sums(job, t, width, k, first + c, count, at, acc);
        for (int q = 0; q < width; q++)
            for (int64_t i = 0; i < count; i++) {
                int64_t to = ((k + q) * job->cg + c + i) * taps + tap;
                if (t == GALEN_F64) {
                    ((double *)job->out)[to] = acc[q][i];
                } else {
                    ((float *)job->out)[to] = (float)acc[q][i];
                }
            }
    }
}

/* One tap of up to WIDTH outputs of a group, so that an input element is read once for all of them. */
static inline __attribute__((always_inline)) void weight_block(const grad_job *job, galen_dtype t, int64_t block,
                                                               int64_t tap) {
    int64_t group = block / job->blocks, end = (group + 1) * job->kg;
    int64_t k = group * job->kg + block % job->blocks * WIDTH;
    if (end - k >= WIDTH) {
        weight_tap(job, t, WIDTH, k, tap);
    } else {
        for (; k < end; k++) weight_tap(job, t, 1, k, tap);
    }
}

static void weight_task(void *context, size_t index) {
    const grad_job *job = context;
    int64_t taps = job->grad.window.kernel[1] * job->grad.window.kernel[2];
    int64_t block = (int64_t)index / taps, tap = (int64_t)index % taps;
    if (job->dtype == GALEN_F32) {
        weight_block(job, GALEN_F32, block, tap);
    } else if (job->dtype == GALEN_F64) {
        weight_block(job, GALEN_F64, block, tap);
    } else if (job->dtype == GALEN_BF16) {
        weight_block(job, GALEN_BF16, block, tap);
    } else {
        weight_block(job, GALEN_F16, block, tap);
    }
}

galen_status gal_galen_convgradweight_run(const gal_call *call, galen_error *err) {
    gal_shape shape;
    grad_job job = {.dtype = call->in[0]->dtype, .batch = call->in[0]->dim[0]};
    GAL_TRY(gal_conv_grad_weight_shape(call->node, &job.grad, &shape, err));
    job.x = call->in[0]->data, job.dy = call->in[1]->data, job.out = call->out[0]->data;
    job.cg = job.grad.channels / job.grad.group, job.kg = job.grad.outputs / job.grad.group;
    job.blocks = (job.kg + WIDTH - 1) / WIDTH;
    int64_t taps = job.grad.window.kernel[1] * job.grad.window.kernel[2];
    gal_pool_run(call->pool, weight_task, &job, (size_t)(job.grad.group * job.blocks * taps));
    return GALEN_OK;
}
