/*
 * Folds what scales and shifts channels after Conv, ConvTranspose or Gemm into their weights and bias:
 * BatchNormalization (y = (x - mean) / sqrt(var + epsilon) * scale + shift) and Mul, Div, Add, Sub by constants.
 * Computed in double and rounded once.
 */
#include "base/error.h"
#include "base/mem.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <math.h>

/* y = a * x + b for each channel. */
typedef struct affine {
    int64_t channels;
    double *a, *b;
    bool scales; /* any a is not 1 */
} affine;

static bool read_bn(const gal_node *node, affine *f) {
    const float *p[4];
    if (node->n_in < 5 || gal_attr_int(node, "training_mode", 0) != 0) return false;
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return false;
    for (int i = 0; i < 4; i++) {
        p[i] = gal_const_f32(node->in[i + 1]);
        if (p[i] == NULL || gal_fixed_elements(node->in[i + 1]) != f->channels) return false;
    }
    double epsilon = gal_attr_float(node, "epsilon", 1e-5f);
    for (int64_t c = 0; c < f->channels; c++) {
        f->a[c] = p[0][c] / sqrt((double)p[3][c] + epsilon);
        f->b[c] = p[1][c] - p[2][c] * f->a[c];
    }
    f->scales = true;
    return true;
}

/* x op constant, or constant op x where that is the same. */
static bool read_arithmetic(const gal_node *node, uint32_t x, affine *f) {
    int step;
    const gal_value *value = node->in[x];
    const float *k = gal_const_per_axis(node->in[1 - x], value->shape.rank, 1, f->channels, &step);
    bool mul = gal_is_op(node, "", "Mul"), div = gal_is_op(node, "", "Div"), sub = gal_is_op(node, "", "Sub");
    if (k == NULL || (x == 1 && (div || sub))) return false;
    for (int64_t c = 0; c < f->channels; c++) {
        double v = k[c * step];
        f->a[c] = mul ? v : div ? 1 / v : 1;
        f->b[c] = mul || div ? 0 : sub ? -v : v;
    }
    f->scales = mul || div;
    return true;
}

static bool is_finite(const affine *f) {
    for (int64_t c = 0; c < f->channels; c++)
        if (!isfinite((float)f->a[c]) || !isfinite((float)f->b[c])) return false;
    return true;
}

/* Output channel of element i of the weights. */
typedef struct weight_order {
    int64_t inner, outer, modulo; /* channel = i / inner % modulo + i / outer * modulo */
} weight_order;

static bool weight_order_of(const gal_node *node, int64_t channels, weight_order *o) {
    const gal_shape *w = &node->in[1]->shape;
    int64_t n = gal_fixed_elements(node->in[1]);
    if (w->rank < 2 || n <= 0) return false;
    if (gal_is_op(node, "", "Gemm")) {
        bool transposed = gal_attr_int(node, "transB", 0) != 0;
        *o = (weight_order){transposed ? w->dim[1].size : 1, n, channels};
        return w->dim[transposed ? 0 : 1].size == channels;
    }
    if (gal_is_op(node, "", "Conv")) {
        *o = (weight_order){n / channels, n, channels};
        return w->dim[0].size == channels;
    }
    int64_t group = gal_attr_int(node, "group", 1), inner = n / w->dim[0].size / w->dim[1].size;
    *o = (weight_order){inner, n / group, w->dim[1].size};
    return group > 0 && w->dim[1].size * group == channels;
}

/* `to` may be `from`. */
static void scale(const float *from, int64_t n, const weight_order *o, const affine *f, float *to) {
    for (int64_t i = 0; i < n; i += o->inner) {
        double a = f->a[i / o->inner % o->modulo + i / o->outer * o->modulo];
        for (int64_t j = i; j < i + o->inner; j++) to[j] = (float)(from[j] * a);
    }
}

/* The layer's weights lie in the graph's own memory and nobody else reads them: they need no copy. */
static bool may_overwrite(const gal_graph *graph, const gal_value *weights) {
    const galen_tensor *t = weights->constant;
    return gal_value_has_one_use(weights) && gal_arena_holds(&graph->arena, t->data, (size_t)galen_tensor_bytes(t));
}

/* bias * a + b; Gemm's beta goes into it. */
static galen_status make_bias(gal_graph *graph, const gal_node *node, const affine *f, gal_value **out,
                              galen_error *err) {
    int step = 0;
    const float *old = NULL;
    double beta = gal_is_op(node, "", "Gemm") ? gal_attr_float(node, "beta", 1) : 1;
    if (node->n_in > 2 && node->in[2] != NULL)
        old = gal_const_per_axis(node->in[2], node->in[2]->shape.rank, node->in[2]->shape.rank - 1, f->channels, &step);
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, 1, &f->channels, out, err));
    float *to = (*out)->constant->data;
    for (int64_t c = 0; c < f->channels; c++)
        to[c] = (float)((old != NULL ? beta * old[c * step] : 0) * f->a[c] + f->b[c]);
    return GALEN_OK;
}

static bool can_change(const gal_node *node, int64_t channels) {
    weight_order o;
    int step;
    if (!gal_is_op(node, "", "Conv") && !gal_is_op(node, "", "ConvTranspose") && !gal_is_op(node, "", "Gemm"))
        return false;
    if (gal_const_f32(node->in[1]) == NULL || !weight_order_of(node, channels, &o)) return false;
    if (node->n_in < 3 || node->in[2] == NULL) return true;
    const gal_value *bias = node->in[2];
    return gal_const_per_axis(bias, bias->shape.rank, bias->shape.rank - 1, channels, &step) != NULL;
}

static galen_status fold(gal_graph *graph, gal_node *layer, gal_node *node, const affine *f, galen_error *err) {
    gal_value *in[3] = {layer->in[0], layer->in[1], NULL};
    gal_node *made;
    weight_order o;
    const galen_tensor *w = layer->in[1]->constant;
    if (!weight_order_of(layer, f->channels, &o))
        return gal_fail(err, GALEN_ERR_INTERNAL, "weights of '%s' changed", layer->name);
    if (f->scales && !may_overwrite(graph, layer->in[1]))
        GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, w->rank, w->dim, &in[1], err));
    GAL_TRY(make_bias(graph, layer, f, &in[2], err));
    const gal_attr beta = gal_attr_of_float("beta", 1);
    const gal_remake spec = {.like = layer,
                             .op = layer->op->name,
                             .n_in = 3,
                             .in = in,
                             .more = &beta,
                             .n_more = gal_is_op(layer, "", "Gemm"),
                             .stands_for = gal_merged_name(graph, layer, node->op->name),
                             .before = layer};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    /* Nothing can fail any more: the layer that has the old weights goes away. */
    if (f->scales) scale(w->data, galen_tensor_elements(w), &o, f, in[1]->constant->data);
    const gal_value *old = layer->in[1];
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    gal_graph_remove(graph, layer);
    /* Nobody can read the old weights any more; with large models their memory counts. */
    if (old->uses == NULL && !old->is_output)
        gal_graph_discard(graph, old->constant->data, (size_t)galen_tensor_bytes(old->constant));
    return GALEN_OK;
}

static galen_status try_fold(gal_graph *graph, gal_node *node, uint32_t x, bool *changed, galen_error *err) {
    gal_node *layer = gal_sole_producer(node->in[x]);
    if (layer == NULL || node->in[x]->shape.rank < 2 || node->in[x]->shape.dim[1].batch) return GALEN_OK;
    affine f = {.channels = node->in[x]->shape.dim[1].size};
    if (f.channels < 1 || !can_change(layer, f.channels)) return GALEN_OK;
    f.a = gal_calloc((size_t)f.channels, 2 * sizeof *f.a);
    if (f.a == NULL) return gal_fail_memory(err, node->name, (unsigned long long)f.channels * 2 * sizeof *f.a);
    f.b = f.a + f.channels;
    galen_status status = GALEN_OK;
    bool known = gal_is_op(node, "", "BatchNormalization") ? read_bn(node, &f) : read_arithmetic(node, x, &f);
    if (known && is_finite(&f)) {
        status = fold(graph, layer, node, &f, err);
        *changed |= status == GALEN_OK;
    }
    gal_free(f.a);
    return status;
}

galen_status gal_pass_fold_bn(gal_graph *graph, bool *changed, galen_error *err) {
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        bool two = gal_is_op(node, "", "Mul") || gal_is_op(node, "", "Add") || gal_is_op(node, "", "Sub") ||
                   gal_is_op(node, "", "Div");
        if (gal_is_op(node, "", "BatchNormalization"))
            GAL_TRY(try_fold(graph, node, 0, changed, err));
        else if (two && node->in[0]->constant == NULL)
            GAL_TRY(try_fold(graph, node, 0, changed, err));
        else if (two && node->in[1]->constant == NULL)
            GAL_TRY(try_fold(graph, node, 1, changed, err));
    }
    return GALEN_OK;
}
