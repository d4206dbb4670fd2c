/*
 * Batch normalisation while training, channels last (Ioffe and Szegedy, ICML 2015), in PyTorch's sense:
 *
 * galen.BatchNorm      in: X [..., C] (any float type), gamma, beta, running mean, running variance [C], and the
 * batch's mean and variance [C] where galen.Moments has them already. out: Y = gamma (X - mean) istd + beta, mean [C],
 * istd [C] = 1 / sqrt(variance + epsilon) of the batch, running mean, running variance = (1 - momentum) old + momentum
 * new, the new variance being the unbiased one. With activation "Relu" negative Y are 0. galen.Moments        in: X
 * [..., C]. out: mean [C], variance [C] over all pixels. galen.BatchNormGrad  in: dY, X, gamma, mean, istd, and beta
 * with activation "Relu": Y is computed again to see where it is 0, which costs less than to read it. out: dX, dgamma,
 * dbeta. galen.ChannelSum     in: dY [..., C]. out: its sum over all else [C].
 *
 * The gradient of features that many layers read, in parts (train/dense_grad.h): of W channels, of which a layer
 * normalises the first C. What a layer's sums add to it is a line through X that all layers share.
 *
 * galen.NormGradSum    in: G [..., W], then as BatchNormGrad, or nothing for beta, and the line [2, W] of the layers
 *                      before or nothing. out: G + gamma istd dY in the first C channels, dgamma, dbeta, the line with
 *                      this layer's: its value at the mean, its slope.
 * galen.NormGradEnd    in: G [..., W], X [..., N], mean [start + N or more], line [2, W]. out: dX = G + line(X) for
 *                      channels from `start` on.
 *
 * What is [C] is f32, or f64 with X. Sums are in double over pixels in memory order.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>
#include <string.h>

static galen_dtype wide(galen_dtype dtype) {
    return dtype == GALEN_F64 ? GALEN_F64 : GALEN_F32;
}

static galen_status need_rows(const gal_node *node, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (x->rank >= 1 && !x->dim[x->rank - 1].batch && x->dim[x->rank - 1].size > 0) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the last dimension must be channels");
}

static gal_shape channels_of(const gal_value *value) {
    return (gal_shape){.rank = 1, .dim = {value->shape.dim[value->shape.rank - 1]}};
}

/* Inputs [from, to) have a number for each channel of input `like`. */
static galen_status need_channels(const gal_node *node, uint32_t like, uint32_t from, uint32_t to, galen_error *err) {
    gal_shape shape = channels_of(node->in[like]);
    for (uint32_t i = from; i < to; i++) {
        GAL_TRY(gal_need_dtype(node, i, GAL_BIT(wide(node->in[0]->dtype)), err));
        if (!gal_shape_equal(&node->in[i]->shape, &shape))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have one number a channel", i);
    }
    return GALEN_OK;
}

static galen_status need_like_first(const gal_node *node, uint32_t index, galen_error *err) {
    const gal_value *a = node->in[0], *b = node->in[index];
    if (b->dtype == a->dtype && gal_shape_equal(&a->shape, &b->shape)) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be like input 0", index);
}

static galen_status need_relu(const gal_node *node, bool *relu, galen_error *err) {
    const char *name = gal_attr_string(node, "activation", "");
    *relu = strcmp(name, "Relu") == 0;
    if (*relu || name[0] == '\0') return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is unknown", name);
}

galen_status gal_galen_batchnorm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool relu;
    gal_shape channels;
    float epsilon = gal_attr_float(node, "epsilon", 1e-5F), momentum = gal_attr_float(node, "momentum", 0.1F);
    GAL_TRY(need_rows(node, err));
    GAL_TRY(need_channels(node, 0, 1, 5, err));
    GAL_TRY(need_relu(node, &relu, err));
    bool known = node->n_in > 5 && node->in[5] != NULL;
    if (known && (node->n_in < 7 || node->in[6] == NULL))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 6 (variance) is missing");
    if (known) GAL_TRY(need_channels(node, 0, 5, 7, err));
    if (!(epsilon >= 0 && epsilon <= 1e30F) || !(momentum >= 0 && momentum <= 1))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "epsilon or momentum is out of range");
    channels = channels_of(node->in[0]);
    for (uint32_t i = 1; i < 5; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_galen_batchnormgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool relu;
    gal_shape channels;
    GAL_TRY(need_rows(node, err));
    GAL_TRY(need_like_first(node, 1, err));
    GAL_TRY(need_channels(node, 0, 2, 5, err));
    GAL_TRY(need_relu(node, &relu, err));
    if (relu && (node->n_in < 6 || node->in[5] == NULL))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 5 (beta) is missing");
    if (relu) GAL_TRY(need_channels(node, 0, 5, 6, err));
    channels = channels_of(node->in[0]);
    for (uint32_t i = 1; i < 3; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_galen_channelsum_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_rows(node, err));
    gal_shape channels = channels_of(node->in[0]);
    return gal_set_output(node, 0, wide(node->in[0]->dtype), &channels, err);
}

galen_status gal_galen_moments_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_rows(node, err));
    gal_shape channels = channels_of(node->in[0]);
    for (uint32_t i = 0; i < 2; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    return GALEN_OK;
}

/* Input `index` is like input 0 but for the number of channels, which is at most as large. */
static galen_status need_narrower(const gal_node *node, uint32_t index, galen_error *err) {
    const gal_value *a = node->in[0], *b = node->in[index];
    gal_shape shape = b->shape;
    int last = a->shape.rank - 1;
    if (b->dtype == a->dtype && shape.rank == last + 1 && !shape.dim[last].batch && shape.dim[last].size > 0 &&
        shape.dim[last].size <= a->shape.dim[last].size) {
        shape.dim[last] = a->shape.dim[last];
        if (gal_shape_equal(&shape, &a->shape)) return GALEN_OK;
    }
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be like input 0, with as many channels or fewer",
                         index);
}

/* [2, channels of input 0] */
static gal_shape line_of(const gal_node *node) {
    gal_shape channels = channels_of(node->in[0]);
    return (gal_shape){.rank = 2, .dim = {gal_dim_fixed(2), channels.dim[0]}};
}

static galen_status need_line(const gal_node *node, uint32_t index, galen_error *err) {
    gal_shape line = line_of(node);
    GAL_TRY(gal_need_dtype(node, index, GAL_BIT(wide(node->in[0]->dtype)), err));
    if (gal_shape_equal(&node->in[index]->shape, &line)) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have two numbers a channel", index);
}

galen_status gal_galen_normgradsum_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool relu;
    GAL_TRY(need_rows(node, err));
    for (uint32_t i = 1; i < 3; i++) GAL_TRY(need_narrower(node, i, err));
    gal_shape channels = channels_of(node->in[2]), line = line_of(node), dy = channels_of(node->in[1]);
    if (!gal_shape_equal(&channels, &dy))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "inputs 1 and 2 (dY, X) must have as many channels");
    GAL_TRY(need_channels(node, 2, 3, 6, err));
    GAL_TRY(need_relu(node, &relu, err));
    if (relu && (node->n_in < 7 || node->in[6] == NULL))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 6 (beta) is missing");
    if (relu) GAL_TRY(need_channels(node, 2, 6, 7, err));
    if (node->n_in > 7 && node->in[7] != NULL) GAL_TRY(need_line(node, 7, err));
    for (uint32_t i = 1; i < 3; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    GAL_TRY(gal_set_output(node, 3, wide(node->in[0]->dtype), &line, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_galen_normgradend_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_rows(node, err));
    GAL_TRY(need_narrower(node, 1, err));
    GAL_TRY(need_line(node, 3, err));
    GAL_TRY(gal_need_dtype(node, 2, GAL_BIT(wide(node->in[0]->dtype)), err));
    int64_t start = gal_attr_int(node, "start", 0), n = channels_of(node->in[1]).dim[0].size;
    const gal_shape *mean = &node->in[2]->shape;
    int64_t most = mean->rank == 1 && !mean->dim[0].batch ? mean->dim[0].size : 0;
    if (most > channels_of(node->in[0]).dim[0].size || start < 0 || start > most - n)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "channels %lld and on are not all there", (long long)start);
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[1]->shape, err);
}

void gal_galen_batchnorm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 5 * gal_out_elements(node, batch);
}
void gal_galen_batchnormgrad_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 9 * gal_out_elements(node, batch);
}

void gal_galen_normgradsum_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 7 * gal_in_elements(node, 1, batch);
}
void gal_galen_normgradend_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 4 * gal_out_elements(node, batch);
}

/* ---- kernels: a task is a channel ---- */

typedef struct work {
    const gal_call *call;
    galen_dtype dtype;
    size_t size;
    int64_t rows, channels;
    bool relu;
    double epsilon, momentum;
} work;

static work work_of(const gal_call *call) {
    const galen_tensor *x = call->in[0];
    work w = {.call = call, .dtype = x->dtype, .size = galen_dtype_size(x->dtype), .channels = x->dim[x->rank - 1]};
    w.rows = galen_tensor_elements(x) / w.channels;
    w.relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    w.epsilon = gal_attr_float(call->node, "epsilon", 1e-5F);
    w.momentum = gal_attr_float(call->node, "momentum", 0.1F);
    return w;
}

static double element(const work *w, uint32_t in, int64_t row, int64_t c) {
    const galen_tensor *t = w->call->in[in];
    return gal_load_f64(w->dtype, (const char *)t->data + (size_t)(row * gal_dense_pitch(t) + c) * w->size);
}

static void put(const work *w, int64_t row, int64_t c, double v) {
    const galen_tensor *t = w->call->out[0];
    gal_store_float(w->dtype, (char *)t->data + (size_t)(row * gal_dense_pitch(t) + c) * w->size, v);
}

static double number(const work *w, uint32_t in, int64_t c) {
    const galen_tensor *t = w->call->in[in];
    return gal_load_f64(t->dtype, (const char *)t->data + (size_t)c * galen_dtype_size(t->dtype));
}

static void put_number(const work *w, uint32_t out, int64_t c, double v) {
    const galen_tensor *t = w->call->out[out];
    if (t != NULL) gal_store_float(t->dtype, (char *)t->data + (size_t)c * galen_dtype_size(t->dtype), v);
}

/* The variance, which divides by all pixels. */
static double moments(const work *w, int64_t c, double *mean) {
    double n = (double)w->rows, sum = 0, squares = 0;
    for (int64_t r = 0; r < w->rows; r++) sum += element(w, 0, r, c);
    *mean = sum / n;
    for (int64_t r = 0; r < w->rows; r++) {
        double d = element(w, 0, r, c) - *mean;
        squares += d * d;
    }
    return squares / n;
}

static void put_moments(void *context, size_t index) {
    const work *w = context;
    double mean, variance = moments(w, (int64_t)index, &mean);
    put_number(w, 0, (int64_t)index, mean);
    put_number(w, 1, (int64_t)index, variance);
}

static void normalise(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index;
    double n = (double)w->rows, mean, variance;
    if (w->call->node->n_in > 5 && w->call->in[5] != NULL)
        mean = number(w, 5, c), variance = number(w, 6, c);
    else
        variance = moments(w, c, &mean);
    double istd = 1 / sqrt(variance + w->epsilon), gamma = number(w, 1, c), beta = number(w, 2, c);
    for (int64_t r = 0; r < w->rows; r++) {
        double y = gamma * ((element(w, 0, r, c) - mean) * istd) + beta;
        put(w, r, c, w->relu && y < 0 ? 0 : y);
    }
    put_number(w, 1, c, mean);
    put_number(w, 2, c, istd);
    put_number(w, 3, c, (1 - w->momentum) * number(w, 3, c) + w->momentum * mean);
    double unbiased = w->rows > 1 ? variance * n / (n - 1) : variance;
    put_number(w, 4, c, (1 - w->momentum) * number(w, 4, c) + w->momentum * unbiased);
}

/* What is known of a channel. */
typedef struct channel {
    double gamma, mean, istd, beta;
} channel;

/* By inputs dy and dy + 1, X. */
static double arriving(const work *w, const channel *k, uint32_t dy, int64_t row, int64_t c) {
    if (w->relu && !(k->gamma * ((element(w, dy + 1, row, c) - k->mean) * k->istd) + k->beta > 0)) return 0;
    return element(w, dy, row, c);
}

/* dbeta, and dgamma in *weighted. */
static double sums(const work *w, const channel *k, uint32_t dy, int64_t c, double *weighted) {
    double sum = 0;
    *weighted = 0;
    for (int64_t r = 0; r < w->rows; r++) {
        double d = arriving(w, k, dy, r, c);
        sum += d;
        *weighted += d * ((element(w, dy + 1, r, c) - k->mean) * k->istd);
    }
    return sum;
}

/* With xhat = (x - mean) istd: dX = gamma istd (dY - sum(dY) / n - xhat sum(dY xhat) / n). */
static void differentiate(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index;
    const channel k = {number(w, 2, c), number(w, 3, c), number(w, 4, c), w->relu ? number(w, 5, c) : 0};
    double n = (double)w->rows, weighted, sum = sums(w, &k, 0, c, &weighted);
    for (int64_t r = 0; r < w->rows; r++) {
        double xhat = (element(w, 1, r, c) - k.mean) * k.istd;
        put(w, r, c, k.gamma * k.istd * (arriving(w, &k, 0, r, c) - sum / n - xhat * (weighted / n)));
    }
    put_number(w, 1, c, weighted);
    put_number(w, 2, c, sum);
}

/* A number of `line` and what it was before. */
static void put_line(const work *w, int64_t part, int64_t c, double more) {
    const galen_tensor *t = w->call->out[3];
    int64_t at = part * gal_dense_pitch(t) + c;
    bool before = w->call->node->n_in > 7 && w->call->in[7] != NULL;
    size_t size = galen_dtype_size(t->dtype);
    if (before) more += gal_load_f64(t->dtype, (const char *)w->call->in[7]->data + (size_t)at * size);
    gal_store_float(t->dtype, (char *)t->data + (size_t)at * size, more);
}

static void add_gradient(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index;
    if (c >= gal_dense_pitch(w->call->in[2])) {
        for (int64_t r = 0; r < w->rows; r++) put(w, r, c, element(w, 0, r, c));
        for (int64_t part = 0; part < 2; part++) put_line(w, part, c, 0);
        return;
    }
    const channel k = {number(w, 3, c), number(w, 4, c), number(w, 5, c), w->relu ? number(w, 6, c) : 0};
    double n = (double)w->rows, factor = k.gamma * k.istd, weighted, sum = sums(w, &k, 1, c, &weighted);
    for (int64_t r = 0; r < w->rows; r++) put(w, r, c, element(w, 0, r, c) + factor * arriving(w, &k, 1, r, c));
    put_number(w, 1, c, weighted);
    put_number(w, 2, c, sum);
    put_line(w, 0, c, -factor * sum / n);
    put_line(w, 1, c, -factor * k.istd * weighted / n);
}

static void end_gradient(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index, from = gal_attr_int(w->call->node, "start", 0) + c;
    double mean = number(w, 2, from), at_mean = number(w, 3, from), slope = number(w, 3, w->channels + from);
    for (int64_t r = 0; r < w->rows; r++)
        put(w, r, c, element(w, 0, r, from) + at_mean + slope * (element(w, 1, r, c) - mean));
}

static void add_up(void *context, size_t index) {
    const work *w = context;
    double sum = 0;
    for (int64_t r = 0; r < w->rows; r++) sum += element(w, 0, r, (int64_t)index);
    put_number(w, 0, (int64_t)index, sum);
}

static galen_status run_channels(const gal_call *call, gal_task_fn fn, int64_t n) {
    work w = work_of(call);
    gal_pool_run(call->pool, fn, &w, (size_t)n);
    return GALEN_OK;
}

static galen_status run(const gal_call *call, gal_task_fn fn) {
    return run_channels(call, fn, gal_dense_pitch(call->in[0]));
}

galen_status gal_galen_batchnorm_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, normalise);
}
galen_status gal_galen_batchnormgrad_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, differentiate);
}
galen_status gal_galen_channelsum_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, add_up);
}
galen_status gal_galen_moments_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, put_moments);
}
galen_status gal_galen_normgradsum_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, add_gradient);
}
galen_status gal_galen_normgradend_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_channels(call, end_gradient, gal_dense_pitch(call->in[1]));
}
