/*
 * BatchNormalization (ONNX opset 15), InstanceNormalization (6), LayerNormalization (17) and LRN (13). Statistics are
 * taken in double, in memory order, in two passes; each result is rounded once.
 */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

/* A view [batch, channels, area] of a tensor of rank 1 or more; with rank 1 there is one channel. */
typedef struct planes {
    galen_dtype dtype;
    size_t size;
    int64_t batch, channels, area;
    const uint8_t *data;
} planes;

static planes planes_of(const galen_tensor *t) {
    planes p = {t->dtype, galen_dtype_size(t->dtype), t->dim[0], t->rank > 1 ? t->dim[1] : 1, 1, t->data};
    for (int i = 2; i < t->rank; i++) p.area *= t->dim[i];
    return p;
}

static inline double at(const galen_tensor *t, int64_t i) {
    return gal_load_f64(t->dtype, (const uint8_t *)t->data + (size_t)i * galen_dtype_size(t->dtype));
}

static inline void put(galen_tensor *t, int64_t i, double v) {
    gal_store_float(t->dtype, (uint8_t *)t->data + (size_t)i * galen_dtype_size(t->dtype), v);
}

static inline double plane_at(const planes *p, int64_t i) {
    return gal_load_f64(p->dtype, p->data + (size_t)i * p->size);
}

/* in[index] must be one number a channel of in[0]. */
static galen_status need_channels(const gal_node *node, uint32_t index, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape, *s = &node->in[index]->shape;
    gal_dim channels = x->rank > 1 ? x->dim[1] : gal_dim_fixed(1);
    GAL_TRY(gal_need_dtype(node, index, GAL_FLOATS, err));
    if (s->rank == 1 && !channels.batch && gal_dim_equal(s->dim[0], channels)) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have one number for each of %lld channels", index,
                         (long long)channels.size);
}

static galen_status need_epsilon(const gal_node *node, galen_error *err) {
    float e = gal_attr_float(node, "epsilon", 1e-5F);
    if (e >= 0 && e <= 1e30F) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute epsilon is %g", (double)e);
}

/* ---- BatchNormalization ---- */

galen_status gal_batchnormalization_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool training;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (node->in[0]->shape.rank < 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input is a scalar");
    for (uint32_t i = 1; i < 5; i++) {
        if (!node->in[i]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is missing", i);
        GAL_TRY(need_channels(node, i, err));
    }
    GAL_TRY(need_epsilon(node, err));
    GAL_TRY(gal_need_flag(node, "training_mode", false, &training, err));
    for (uint32_t i = 1; i < node->n_out; i++) {
        if (!node->out[i]) continue;
        if (!training) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "output %u exists in training mode only", i);
        GAL_TRY(gal_set_output(node, i, node->in[i + 2]->dtype, &node->in[i + 2]->shape, err));
    }
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

void gal_norm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 4 * gal_out_elements(node, batch);
}
void gal_batchnormalization_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 2 * gal_out_elements(node, batch);
}

/* Mean and population variance of one channel over batch items [from, to). */
static void statistics(const planes *p, int64_t from, int64_t to, int64_t c, double *mean, double *variance) {
    double sum = 0, squares = 0, count = (double)((to - from) * p->area);
    for (int64_t n = from; n < to; n++)
        for (int64_t i = 0; i < p->area; i++) sum += plane_at(p, (n * p->channels + c) * p->area + i);
    *mean = sum / count;
    for (int64_t n = from; n < to; n++)
        for (int64_t i = 0; i < p->area; i++) {
            double d = plane_at(p, (n * p->channels + c) * p->area + i) - *mean;
            squares += d * d;
        }
    *variance = squares / count;
}

/* y = (x - mean) * factor + bias on one plane. */
static void affine(const planes *p, galen_tensor *y, int64_t plane, double mean, double factor, double bias) {
    for (int64_t i = plane * p->area; i < (plane + 1) * p->area; i++)
        put(y, i, (plane_at(p, i) - mean) * factor + bias);
}

static void running(const gal_call *call, uint32_t out, int64_t c, double fresh, double momentum) {
    if (out < call->node->n_out && call->out[out])
        put(call->out[out], c, at(call->in[out + 2], c) * momentum + fresh * (1 - momentum));
}

galen_status gal_batchnormalization_run(const gal_call *call, galen_error *err) {
    (void)err;
    const gal_node *node = call->node;
    planes p = planes_of(call->in[0]);
    double epsilon = (double)gal_attr_float(node, "epsilon", 1e-5F),
           momentum = (double)gal_attr_float(node, "momentum", 0.9F);
    bool training = gal_attr_int(node, "training_mode", 0) != 0;
    for (int64_t c = 0; c < p.channels; c++) {
        double mean = at(call->in[3], c), variance = at(call->in[4], c);
        if (training) {
            statistics(&p, 0, p.batch, c, &mean, &variance);
            running(call, 1, c, mean, momentum);
            running(call, 2, c, variance, momentum);
        }
        double factor = at(call->in[1], c) / sqrt(variance + epsilon);
        for (int64_t n = 0; n < p.batch; n++)
            affine(&p, call->out[0], n * p.channels + c, mean, factor, at(call->in[2], c));
    }
    return GALEN_OK;
}

/* ---- InstanceNormalization ---- */

galen_status gal_instancenormalization_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (node->in[0]->shape.rank < 3)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, needs 3 or more",
                             node->in[0]->shape.rank);
    GAL_TRY(need_channels(node, 1, err));
    GAL_TRY(need_channels(node, 2, err));
    GAL_TRY(need_epsilon(node, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_instancenormalization_run(const gal_call *call, galen_error *err) {
    (void)err;
    planes p = planes_of(call->in[0]);
    double epsilon = (double)gal_attr_float(call->node, "epsilon", 1e-5F);
    for (int64_t n = 0; n < p.batch && p.area > 0; n++)
        for (int64_t c = 0; c < p.channels; c++) {
            double mean, variance;
            statistics(&p, n, n + 1, c, &mean, &variance);
            affine(&p, call->out[0], n * p.channels + c, mean, at(call->in[1], c) / sqrt(variance + epsilon),
                   at(call->in[2], c));
        }
    return GALEN_OK;
}

/* ---- LayerNormalization ---- */

/* in[index] must broadcast to the normalised dimensions. */
static galen_status need_inner(const gal_node *node, uint32_t index, int axis, galen_error *err) {
    if (index >= node->n_in || !node->in[index]) return GALEN_OK;
    const gal_shape *x = &node->in[0]->shape, *s = &node->in[index]->shape;
    bool fits = s->rank <= x->rank - axis;
    for (int i = 1; fits && i <= s->rank; i++) {
        gal_dim d = s->dim[s->rank - i];
        fits = gal_dim_equal(d, x->dim[x->rank - i]) || gal_dim_equal(d, gal_dim_fixed(1));
    }
    if (fits) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u does not broadcast to the normalised dimensions",
                         index);
}

/* Scale and bias have x's type, or stay f32 beside an x in 16 bits: they are few. */
static galen_status need_parameter_types(const gal_node *node, galen_error *err) {
    galen_dtype type = node->in[0]->dtype;
    uint32_t allowed = GAL_BIT(type) | (gal_dtype_is_half(type) ? GAL_BIT(GALEN_F32) : 0);
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL) GAL_TRY(gal_need_dtype(node, i, allowed, err));
    return GALEN_OK;
}

galen_status gal_layernormalization_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int axis;
    gal_shape reduced = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(need_parameter_types(node, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", -1), reduced.rank, &axis, err));
    GAL_TRY(need_inner(node, 1, axis, err));
    GAL_TRY(need_inner(node, 2, axis, err));
    GAL_TRY(need_epsilon(node, err));
    int64_t stash = gal_attr_int(node, "stash_type", GALEN_F32);
    if (stash != GALEN_F32 && stash != GALEN_BF16)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute stash_type %lld is not supported",
                             (long long)stash);
    for (int i = axis; i < reduced.rank; i++) reduced.dim[i] = gal_dim_fixed(1);
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err));
    GAL_TRY(gal_set_output(node, 1, (galen_dtype)stash, &reduced, err));
    return gal_set_output(node, 2, (galen_dtype)stash, &reduced, err);
}

/* Element of a parameter that broadcasts along the last dimensions of x, at flat position i of the normalised part. */
static double broadcast_at(const galen_tensor *param, const galen_tensor *x, int64_t i) {
    int64_t from = 0, stride = 1;
    for (int d = 1; d <= param->rank; d++) {
        int64_t size = x->dim[x->rank - d], mine = param->dim[param->rank - d];
        if (mine != 1) from += i % size * stride;
        stride *= mine;
        i /= size;
    }
    return at(param, from);
}

galen_status gal_layernormalization_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *scale = call->in[1], *bias = call->node->n_in > 2 ? call->in[2] : NULL;
    int axis;
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", -1), x->rank, &axis, err));
    double epsilon = (double)gal_attr_float(call->node, "epsilon", 1e-5F);
    planes p = {x->dtype, galen_dtype_size(x->dtype), 1, 1, 1, x->data};
    for (int i = 0; i < x->rank; i++) *(i < axis ? &p.batch : &p.area) *= x->dim[i];
    for (int64_t n = 0; n < p.batch && p.area > 0; n++) {
        double mean, variance;
        statistics(&p, n, n + 1, 0, &mean, &variance);
        double inverse = 1 / sqrt(variance + epsilon);
        for (int64_t i = 0; i < p.area; i++) {
            double v = (plane_at(&p, n * p.area + i) - mean) * inverse * broadcast_at(scale, x, i);
            put(call->out[0], n * p.area + i, v + (bias ? broadcast_at(bias, x, i) : 0));
        }
        if (call->node->n_out > 1 && call->out[1]) put(call->out[1], n, mean);
        if (call->node->n_out > 2 && call->out[2]) put(call->out[2], n, inverse);
    }
    return GALEN_OK;
}

/* ---- LRN ---- */

galen_status gal_lrn_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int64_t size = gal_attr_int(node, "size", 0);
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (size < 1 || size > INT32_MAX)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute size is %lld", (long long)size);
    if (node->in[0]->shape.rank < 2)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, needs 2 or more",
                             node->in[0]->shape.rank);
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

void gal_lrn_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    int64_t flop;
    if (__builtin_mul_overflow(gal_out_elements(node, batch), 2 * gal_attr_int(node, "size", 1) + 4, &flop))
        flop = INT64_MAX / 64;
    cost->flop += flop;
}

galen_status gal_lrn_run(const gal_call *call, galen_error *err) {
    (void)err;
    planes p = planes_of(call->in[0]);
    int64_t size = gal_attr_int(call->node, "size", 1);
    double alpha = (double)gal_attr_float(call->node, "alpha", 1e-4F),
           beta = (double)gal_attr_float(call->node, "beta", 0.75F);
    double bias = (double)gal_attr_float(call->node, "bias", 1);
    for (int64_t n = 0; n < p.batch; n++)
        for (int64_t c = 0; c < p.channels; c++) {
            int64_t lo = c - (size - 1) / 2, hi = c + size / 2;
            if (lo < 0) lo = 0;
            if (hi > p.channels - 1) hi = p.channels - 1;
            for (int64_t i = 0; i < p.area; i++) {
                double sum = 0;
                for (int64_t k = lo; k <= hi; k++) {
                    double v = plane_at(&p, (n * p.channels + k) * p.area + i);
                    sum += v * v;
                }
                int64_t o = (n * p.channels + c) * p.area + i;
                put(call->out[0], o, plane_at(&p, o) / gal_ref_pow(bias + alpha / (double)size * sum, beta));
            }
        }
    return GALEN_OK;
}
