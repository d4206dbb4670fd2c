/*
 * galen.Loss: what training makes small, and its gradient by the logits, in one node: both come from the same
 * exponentials.
 *
 * in: logits [N, K], targets [N, K] in [0, 1] (soft ones are allowed: mixup, distillation), optional weights [K]; f32
 * or f64. out: loss [1], gradient [N, K]. Attributes:
 *   kind "binary": K separate questions. Mean over N K of -(w t log p + (1 - t) log(1 - p)), p = sigmoid(logit); w is
 *     the weight of positives (PyTorch's BCEWithLogitsLoss, pos_weight).
 *   kind "categorical": one of K classes. Sum of -w t log p over the sum of w t, p = softmax(logits) (PyTorch's
 *     CrossEntropyLoss, weight; the sum of w t counts targets before smoothing).
 *   smoothing s: targets become (1 - s) t + s / K, binary (1 - s) t + s / 2.
 *   gamma: each log p is weighted by (1 - p)^gamma (focal loss; Lin et al., ICCV 2017).
 *   temperature T: logits / T, and the loss times T^2 (Hinton et al., 2015: distillation).
 */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <string.h>

enum { MAX_CLASSES = 65536 };

galen_status gal_galen_loss_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    const gal_shape *z = &node->in[0]->shape;
    const char *kind = gal_attr_string(node, "kind", "");
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    if (z->rank != 2 || z->dim[1].batch || z->dim[1].size < 1 || z->dim[1].size > MAX_CLASSES ||
        !gal_shape_equal(z, &node->in[1]->shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "logits and targets must both be [N, K]");
    if (node->n_in > 2 && node->in[2] != NULL) {
        const gal_shape *w = &node->in[2]->shape;
        if (w->rank != 1 || !gal_dim_equal(w->dim[0], z->dim[1]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "there must be one weight a class");
    }
    if (strcmp(kind, "binary") != 0 && strcmp(kind, "categorical") != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "kind '%s' is unknown", kind);
    float smoothing = gal_attr_float(node, "smoothing", 0), gamma = gal_attr_float(node, "gamma", 0);
    if (!(smoothing >= 0 && smoothing < 1) || !(gamma >= 0 && gamma <= 100) ||
        !(gal_attr_float(node, "temperature", 1) > 0))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "smoothing, gamma or temperature is out of range");
    const gal_shape one = {.rank = 1, .dim = {{1, false}}};
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &one, err));
    return gal_set_output(node, 1, node->in[0]->dtype, z, err);
}

void gal_galen_loss_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 20 * gal_in_elements(node, 0, batch);
}

typedef struct loss {
    galen_dtype dtype;
    int64_t classes;
    const uint8_t *z, *t, *w; /* of one item; w of all or NULL */
    uint8_t *dz;
    double smoothing, gamma, temperature;
} loss;

static double at(const loss *l, const uint8_t *p, int64_t c) {
    return gal_load_f64(l->dtype, p + (size_t)c * galen_dtype_size(l->dtype));
}

static void put(const loss *l, int64_t c, double v) {
    gal_store_float(l->dtype, l->dz + (size_t)c * galen_dtype_size(l->dtype), v);
}

static double weight(const loss *l, int64_t c) {
    return l->w != NULL ? at(l, l->w, c) : 1;
}

/* log(1 + exp(x)). */
static double softplus(double x) {
    double e = gal_ref_log1p(gal_ref_exp(x > 0 ? -x : x));
    return x > 0 ? x + e : e;
}

/* -(1 - p)^gamma log p for p = sigmoid(z), and its derivative by z. */
static double positive(double z, double gamma, double *slope) {
    double p = gal_ref_sigmoid(z), focus = gamma == 0 ? 1 : gal_ref_exp(-gamma * softplus(z));
    double cost = softplus(-z);
    *slope = -focus * (gamma * p * cost + (1 - p));
    return focus * cost;
}

/* Loss of one item before the mean, with its gradient; *count is what the item adds to the divisor. */
static double binary(const loss *l, double *count) {
    double sum = 0;
    for (int64_t c = 0; c < l->classes; c++) {
        double z = at(l, l->z, c) / l->temperature, t = at(l, l->t, c), up, down, w = weight(l, c);
        t = t * (1 - l->smoothing) + l->smoothing / 2;
        double yes = positive(z, l->gamma, &up), no = positive(-z, l->gamma, &down);
        sum += w * t * yes + (1 - t) * no;
        put(l, c, w * t * up - (1 - t) * down);
    }
    *count = (double)l->classes;
    return sum;
}

static double log_sum(const loss *l) {
    double most = at(l, l->z, 0), sum = 0;
    for (int64_t c = 1; c < l->classes; c++) most = at(l, l->z, c) > most ? at(l, l->z, c) : most;
    for (int64_t c = 0; c < l->classes; c++) sum += gal_ref_exp((at(l, l->z, c) - most) / l->temperature);
    return most / l->temperature + gal_ref_log(sum);
}

/* h = w t p f'(p) with f(p) = -(1 - p)^gamma log p; the gradient by logit c is h(c) - p(c) sum(h). */
static double slope_of(double wt, double p, double log_p, double gamma) {
    double h = -gal_ref_pow(1 - p, gamma);
    if (gamma > 0 && p < 1) h += gamma * gal_ref_pow(1 - p, gamma - 1) * p * log_p;
    return wt * h;
}

static double categorical(const loss *l, double *count) {
    double sum = 0, slopes = 0, all = log_sum(l);
    *count = 0;
    for (int64_t c = 0; c < l->classes; c++) {
        double t = at(l, l->t, c), w = weight(l, c), log_p = at(l, l->z, c) / l->temperature - all;
        double wt = w * (t * (1 - l->smoothing) + l->smoothing / (double)l->classes), p = gal_ref_exp(log_p);
        *count += w * t;
        sum -= wt * gal_ref_pow(1 - p, l->gamma) * log_p;
        slopes += slope_of(wt, p, log_p, l->gamma);
    }
    for (int64_t c = 0; c < l->classes; c++) {
        double t = at(l, l->t, c), log_p = at(l, l->z, c) / l->temperature - all, p = gal_ref_exp(log_p);
        double wt = weight(l, c) * (t * (1 - l->smoothing) + l->smoothing / (double)l->classes);
        put(l, c, slope_of(wt, p, log_p, l->gamma) - p * slopes);
    }
    return sum;
}

galen_status gal_galen_loss_run(const gal_call *call, galen_error *err) {
    (void)err;
    const gal_node *node = call->node;
    const galen_tensor *z = call->in[0], *w = node->n_in > 2 ? call->in[2] : NULL;
    bool of_classes = strcmp(gal_attr_string(node, "kind", ""), "categorical") == 0;
    loss l = {.dtype = z->dtype, .classes = z->dim[1], .w = w != NULL ? w->data : NULL};
    l.smoothing = gal_attr_float(node, "smoothing", 0), l.gamma = gal_attr_float(node, "gamma", 0);
    l.temperature = gal_attr_float(node, "temperature", 1);
    size_t row = (size_t)l.classes * galen_dtype_size(z->dtype);
    double sum = 0, count = 0;
    for (int64_t n = 0; n < z->dim[0]; n++) {
        double more;
        l.z = (const uint8_t *)z->data + (size_t)n * row;
        l.t = (const uint8_t *)call->in[1]->data + (size_t)n * row;
        l.dz = (uint8_t *)call->out[1]->data + (size_t)n * row;
        sum += of_classes ? categorical(&l, &more) : binary(&l, &more);
        count += more;
    }
    if (count <= 0) count = 1; /* no item counts: the loss is 0 */
    l.dz = call->out[1]->data;
    for (int64_t i = 0; i < z->dim[0] * l.classes; i++) put(&l, i, at(&l, l.dz, i) * l.temperature / count);
    gal_store_float(l.dtype, call->out[0]->data, sum * l.temperature * l.temperature / count);
    return GALEN_OK;
}
