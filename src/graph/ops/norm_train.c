/*
 * Batch normalisation while training, channels last (Ioffe and Szegedy, ICML 2015), in PyTorch's sense:
 *
 * galen.BatchNorm      in: X [..., C] (any float type), gamma, beta, running mean, running variance [C].
 *                      out: Y = gamma (X - mean) istd + beta, mean [C], istd [C] = 1 / sqrt(variance + epsilon) of the
 *                      batch, running mean, running variance = (1 - momentum) old + momentum new, the new variance
 * being the unbiased one. With activation "Relu" negative Y are 0. galen.BatchNormGrad  in: dY, X, gamma, mean, istd,
 * and beta with activation "Relu": Y is computed again to see where it is 0, which costs less than to read it. out: dX,
 * dgamma, dbeta. galen.ChannelSum     in: dY [..., C]. out: its sum over all else [C].
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

static gal_shape channels_of(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    return (gal_shape){.rank = 1, .dim = {x->dim[x->rank - 1]}};
}

/* Inputs [from, to) have a number a channel. */
static galen_status need_channels(const gal_node *node, uint32_t from, uint32_t to, galen_error *err) {
    gal_shape shape = channels_of(node);
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
    GAL_TRY(need_channels(node, 1, 5, err));
    GAL_TRY(need_relu(node, &relu, err));
    if (!(epsilon >= 0 && epsilon <= 1e30F) || !(momentum >= 0 && momentum <= 1))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "epsilon or momentum is out of range");
    channels = channels_of(node);
    for (uint32_t i = 1; i < 5; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_galen_batchnormgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool relu;
    gal_shape channels;
    GAL_TRY(need_rows(node, err));
    GAL_TRY(need_like_first(node, 1, err));
    GAL_TRY(need_channels(node, 2, 5, err));
    GAL_TRY(need_relu(node, &relu, err));
    if (relu && (node->n_in < 6 || node->in[5] == NULL))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 5 (beta) is missing");
    if (relu) GAL_TRY(need_channels(node, 5, 6, err));
    channels = channels_of(node);
    for (uint32_t i = 1; i < 3; i++) GAL_TRY(gal_set_output(node, i, wide(node->in[0]->dtype), &channels, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_galen_channelsum_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_rows(node, err));
    gal_shape channels = channels_of(node);
    return gal_set_output(node, 0, wide(node->in[0]->dtype), &channels, err);
}

void gal_galen_batchnorm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 5 * gal_out_elements(node, batch);
}
void gal_galen_batchnormgrad_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 9 * gal_out_elements(node, batch);
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
    return gal_load_f64(w->dtype, (const char *)w->call->in[in]->data + (size_t)(row * w->channels + c) * w->size);
}

static void put(const work *w, int64_t row, int64_t c, double v) {
    gal_store_float(w->dtype, (char *)w->call->out[0]->data + (size_t)(row * w->channels + c) * w->size, v);
}

static double number(const work *w, uint32_t in, int64_t c) {
    const galen_tensor *t = w->call->in[in];
    return gal_load_f64(t->dtype, (const char *)t->data + (size_t)c * galen_dtype_size(t->dtype));
}

static void put_number(const work *w, uint32_t out, int64_t c, double v) {
    const galen_tensor *t = w->call->out[out];
    if (t != NULL) gal_store_float(t->dtype, (char *)t->data + (size_t)c * galen_dtype_size(t->dtype), v);
}

static void normalise(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index;
    double n = (double)w->rows, sum = 0, squares = 0;
    for (int64_t r = 0; r < w->rows; r++) sum += element(w, 0, r, c);
    double mean = sum / n;
    for (int64_t r = 0; r < w->rows; r++) {
        double d = element(w, 0, r, c) - mean;
        squares += d * d;
    }
    double variance = squares / n, istd = 1 / sqrt(variance + w->epsilon);
    double gamma = number(w, 1, c), beta = number(w, 2, c);
    for (int64_t r = 0; r < w->rows; r++) {
        double y = gamma * ((element(w, 0, r, c) - mean) * istd) + beta;
        put(w, r, c, w->relu && y < 0 ? 0 : y);
    }
    put_number(w, 1, c, mean);
    put_number(w, 2, c, istd);
    put_number(w, 3, c, (1 - w->momentum) * number(w, 3, c) + w->momentum * mean);
    double unbiased = w->rows > 1 ? squares / (n - 1) : variance;
    put_number(w, 4, c, (1 - w->momentum) * number(w, 4, c) + w->momentum * unbiased);
}

/* What is known of a channel. */
typedef struct channel {
    double gamma, mean, istd, beta;
} channel;

static double arriving(const work *w, const channel *k, int64_t row, int64_t c) {
    if (w->relu && !(k->gamma * ((element(w, 1, row, c) - k->mean) * k->istd) + k->beta > 0)) return 0;
    return element(w, 0, row, c);
}

/* With xhat = (x - mean) istd: dX = gamma istd (dY - sum(dY) / n - xhat sum(dY xhat) / n). */
static void differentiate(void *context, size_t index) {
    const work *w = context;
    int64_t c = (int64_t)index;
    const channel k = {number(w, 2, c), number(w, 3, c), number(w, 4, c), w->relu ? number(w, 5, c) : 0};
    double n = (double)w->rows, sum = 0, weighted = 0;
    for (int64_t r = 0; r < w->rows; r++) {
        double dy = arriving(w, &k, r, c);
        sum += dy;
        weighted += dy * ((element(w, 1, r, c) - k.mean) * k.istd);
    }
    for (int64_t r = 0; r < w->rows; r++) {
        double xhat = (element(w, 1, r, c) - k.mean) * k.istd;
        put(w, r, c, k.gamma * k.istd * (arriving(w, &k, r, c) - sum / n - xhat * (weighted / n)));
    }
    put_number(w, 1, c, weighted);
    put_number(w, 2, c, sum);
}

static void add_up(void *context, size_t index) {
    const work *w = context;
    double sum = 0;
    for (int64_t r = 0; r < w->rows; r++) sum += element(w, 0, r, (int64_t)index);
    put_number(w, 0, (int64_t)index, sum);
}

static galen_status run(const gal_call *call, gal_task_fn fn) {
    work w = work_of(call);
    gal_pool_run(call->pool, fn, &w, (size_t)w.channels);
    return GALEN_OK;
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
