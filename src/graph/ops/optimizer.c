/*
 * Optimiser steps, element by element, so that outputs may take their inputs' memory. hyper and control are tensors of
 * optimizer.h. A control factor of 0 leaves everything as it was.
 *
 * galen.GradNorm  in: hyper, gradients. out: control. Squares are summed in f64 over blocks of fixed size.
 * galen.Sgd       in: p, g, v, hyper, control. out: p, v, p in 16 bits (optional). v = momentum v + g; p -= rate v
 *                 (nesterov: p -= rate (g + momentum v)), as PyTorch's SGD.
 * galen.Adam      in: p, g, m, v, hyper, control. out: p, m, v, p in 16 bits (optional). Kingma and Ba, ICLR 2015.
 * galen.Ema       in: average, p, hyper, control. out: average.
 *
 * Attribute decay 1: weight decay counts for this p: with decoupled 1 as p -= rate decay p first (AdamW; Loshchilov and
 * Hutter, ICLR 2019), else as g += decay p. Attribute to: the type of p in 16 bits, GALEN_BF16 (default) or GALEN_F16.
 */
#include "graph/ops/optimizer.h"

#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

enum { TASK = 16384 /* elements of a task; GradNorm's blocks, which fix the order of its sum */ };

static galen_status need_numbers(const gal_node *node, uint32_t index, int64_t count, galen_error *err) {
    const gal_shape *s = &node->in[index]->shape;
    GAL_TRY(gal_need_dtype(node, index, GAL_BIT(GALEN_F64), err));
    if (s->rank == 1 && gal_dim_equal(s->dim[0], gal_dim_fixed(count))) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have %lld elements", index, (long long)count);
}

/* in[0 .. n) alike, then hyper and control; out[i] is `like` of the inputs. */
static galen_status step_infer(gal_node *node, uint32_t n, const uint32_t *like, uint32_t n_like, galen_error *err) {
    const gal_value *p = node->in[0];
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    for (uint32_t i = 1; i < n; i++)
        if (node->in[i]->dtype != p->dtype || !gal_shape_equal(&node->in[i]->shape, &p->shape))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be like the parameter", i);
    GAL_TRY(need_numbers(node, n, GAL_HYPER_COUNT, err));
    GAL_TRY(need_numbers(node, n + 1, GAL_CONTROL_COUNT, err));
    for (uint32_t i = 0; i < n_like && i < node->n_out; i++)
        GAL_TRY(gal_set_output(node, i, node->in[like[i]]->dtype, &node->in[like[i]]->shape, err));
    if (node->n_out <= n_like) return GALEN_OK;
    int64_t to = gal_attr_int(node, "to", GALEN_BF16);
    if (to != GALEN_BF16 && to != GALEN_F16)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute to is %lld, not f16 or bf16", (long long)to);
    return gal_set_output(node, n_like, (galen_dtype)to, &p->shape, err);
}

galen_status gal_galen_sgd_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return step_infer(node, 3, (const uint32_t[]){0, 2}, 2, err);
}
galen_status gal_galen_adam_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return step_infer(node, 4, (const uint32_t[]){0, 2, 3}, 3, err);
}
galen_status gal_galen_ema_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return step_infer(node, 2, (const uint32_t[]){0}, 1, err);
}

void gal_galen_sgd_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 4 * gal_out_elements(node, batch);
}
void gal_galen_adam_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 12 * gal_out_elements(node, batch);
}
void gal_galen_ema_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 3 * gal_out_elements(node, batch);
}

typedef struct step {
    const gal_call *call;
    const double *hyper;
    double factor;
    bool decay, decoupled, nesterov;
    int64_t n;
} step;

static double in(const step *s, uint32_t k, int64_t i) {
    const galen_tensor *t = s->call->in[k];
    return t->dtype == GALEN_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

static void out(const step *s, uint32_t k, int64_t i, double v) {
    const galen_tensor *t = s->call->out[k];
    if (t->dtype == GALEN_F64)
        ((double *)t->data)[i] = v;
    else
        ((float *)t->data)[i] = (float)v;
}

/* The parameter and, where it is asked for, its form in 16 bits, which rounds what was stored. */
static void put_parameter(const step *s, uint32_t copy, int64_t i, double p) {
    out(s, 0, i, p);
    const galen_tensor *narrow = copy < s->call->node->n_out ? s->call->out[copy] : NULL;
    if (narrow != NULL) gal_store_float(narrow->dtype, (uint16_t *)narrow->data + i, (double)(float)p);
}

/* The gradient that counts and, with decoupled decay, the smaller parameter. */
static double gradient(const step *s, int64_t i, double *p) {
    double g = in(s, 1, i) * s->factor, decay = s->hyper[GAL_HYPER_DECAY];
    if (!s->decay || decay == 0) return g;
    if (!s->decoupled) return g + decay * *p;
    *p -= s->hyper[GAL_HYPER_RATE] * decay * *p;
    return g;
}

static void sgd(const step *s, int64_t i) {
    double p = in(s, 0, i), g = gradient(s, i, &p), momentum = s->hyper[GAL_HYPER_BETA1];
    double v = momentum * in(s, 2, i) + g;
    out(s, 1, i, v);
    put_parameter(s, 2, i, p - s->hyper[GAL_HYPER_RATE] * (s->nesterov ? g + momentum * v : v));
}

static void adam(const step *s, int64_t i) {
    const double *h = s->hyper;
    double p = in(s, 0, i), g = gradient(s, i, &p);
    double m = h[GAL_HYPER_BETA1] * in(s, 2, i) + (1 - h[GAL_HYPER_BETA1]) * g;
    double v = h[GAL_HYPER_BETA2] * in(s, 3, i) + (1 - h[GAL_HYPER_BETA2]) * g * g;
    out(s, 1, i, m);
    out(s, 2, i, v);
    double root = sqrt(v / h[GAL_HYPER_BIAS2]) + h[GAL_HYPER_EPSILON];
    put_parameter(s, 3, i, p - h[GAL_HYPER_RATE] * (m / h[GAL_HYPER_BIAS1]) / root);
}

static void ema(const step *s, int64_t i) {
    double share = s->hyper[GAL_HYPER_EMA];
    out(s, 0, i, share * in(s, 0, i) + (1 - share) * in(s, 1, i));
}

/* Everything as it was: outputs are copies of the inputs they stand for. */
static void keep_sgd(const step *s, int64_t i) {
    out(s, 1, i, in(s, 2, i));
    put_parameter(s, 2, i, in(s, 0, i));
}
static void keep_adam(const step *s, int64_t i) {
    out(s, 1, i, in(s, 2, i));
    out(s, 2, i, in(s, 3, i));
    put_parameter(s, 3, i, in(s, 0, i));
}
static void keep_ema(const step *s, int64_t i) {
    out(s, 0, i, in(s, 0, i));
}

typedef void (*element_fn)(const step *s, int64_t i);

typedef struct job {
    step s;
    element_fn fn;
} job;

static void some(void *context, size_t index) {
    const job *j = context;
    int64_t first = (int64_t)index * TASK, end = first + TASK < j->s.n ? first + TASK : j->s.n;
    for (int64_t i = first; i < end; i++) j->fn(&j->s, i);
}

static galen_status run(const gal_call *call, uint32_t n, element_fn fn, element_fn keep) {
    const gal_node *node = call->node;
    const double *control = call->in[n + 1]->data;
    double factor = control[GAL_CONTROL_FACTOR];
    job j = {.s = {.call = call, .hyper = call->in[n]->data, .factor = factor}, .fn = factor == 0 ? keep : fn};
    j.s.decay = gal_attr_int(node, "decay", 0) != 0, j.s.decoupled = gal_attr_int(node, "decoupled", 0) != 0;
    j.s.nesterov = gal_attr_int(node, "nesterov", 0) != 0;
    j.s.n = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, some, &j, (size_t)((j.s.n + TASK - 1) / TASK));
    return GALEN_OK;
}

galen_status gal_galen_sgd_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, 3, sgd, keep_sgd);
}
galen_status gal_galen_adam_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, 4, adam, keep_adam);
}
galen_status gal_galen_ema_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, 2, ema, keep_ema);
}

/* ---- the norm of all gradients ---- */

galen_status gal_galen_gradnorm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_numbers(node, 0, GAL_HYPER_COUNT, err));
    for (uint32_t i = 1; i < node->n_in; i++) {
        if (node->in[i] == NULL || !gal_shape_is_fixed(&node->in[i]->shape))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "gradient %u is missing or depends on the batch", i);
        GAL_TRY(gal_need_dtype(node, i, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    }
    const gal_shape shape = {.rank = 1, .dim = {{GAL_CONTROL_COUNT, false}}};
    return gal_set_output(node, 0, GALEN_F64, &shape, err);
}

void gal_galen_gradnorm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    for (uint32_t i = 1; i < node->n_in; i++) cost->flop += 2 * gal_in_elements(node, i, batch);
}

static int64_t blocks_of(int64_t elements) {
    return (elements + TASK - 1) / TASK;
}

size_t gal_galen_gradnorm_scratch(const gal_node *node, int64_t batch) {
    int64_t blocks = 0;
    for (uint32_t i = 1; i < node->n_in; i++) blocks += blocks_of(gal_in_elements(node, i, batch));
    return (size_t)blocks * sizeof(double);
}

typedef struct squares {
    const galen_tensor *g;
    double *sum; /* by block */
} squares;

static void sum_squares(const float *g, size_t n, double sum[8]) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) sum[i % 8] += (double)g[i] * (double)g[i];
}

static void square_block(void *context, size_t index) {
    const squares *q = context;
    int64_t n = galen_tensor_elements(q->g), first = (int64_t)index * TASK, end = first + TASK < n ? first + TASK : n;
    double sum[8] = {0}; /* side by side, for vectors */
    if (q->g->dtype == GALEN_F64)
        for (int64_t i = first; i < end; i++)
            sum[i % 8] += ((const double *)q->g->data)[i] * ((const double *)q->g->data)[i];
    else
        sum_squares((const float *)q->g->data + first, (size_t)(end - first), sum);
    q->sum[index] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

galen_status gal_galen_gradnorm_run(const gal_call *call, galen_error *err) {
    (void)err;
    const double *hyper = call->in[0]->data;
    double *sum = call->scratch, total = 0, *control = call->out[0]->data;
    for (uint32_t i = 1; i < call->node->n_in; i++) {
        size_t blocks = (size_t)blocks_of(galen_tensor_elements(call->in[i]));
        squares q = {call->in[i], sum};
        gal_pool_run(call->pool, square_block, &q, blocks);
        for (size_t b = 0; b < blocks; b++) total += sum[b];
        sum += blocks;
    }
    double norm = sqrt(total) * hyper[GAL_HYPER_SCALE], most = hyper[GAL_HYPER_MAX_NORM];
    double clip = most > 0 && norm > most ? most / norm : 1;
    control[GAL_CONTROL_NORM] = norm;
    control[GAL_CONTROL_FACTOR] = isfinite(norm) ? hyper[GAL_HYPER_SCALE] * clip : 0;
    return GALEN_OK;
}
