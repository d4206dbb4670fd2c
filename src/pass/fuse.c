/*
 * Merges what follows a galen.Conv, galen.Gemm or galen.ScaleShift element by element into it: a residual Add, then an
 * activation. Also makes galen.Gemm of Gemm and of MatMul with Add, so that the same holds there.
 */
#include "base/error.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <math.h>
#include <string.h>

typedef struct activation {
    const char *name; /* for attribute "activation"; NULL: none */
    float alpha, beta;
} activation;

/* In f64 nothing is merged: merged activations compute in f32. */
static bool is_layer(const gal_node *node) {
    return (gal_is_op(node, "galen", "Conv") || gal_is_op(node, "galen", "Gemm")) && node->in[0]->dtype != GALEN_F64;
}

static bool is_bare(const gal_node *node) {
    return gal_attr_string(node, "activation", "")[0] == '\0';
}

/* A bound of Clip: absent is unbounded. */
static bool clip_bound(const gal_node *node, uint32_t index, float otherwise, float *out) {
    *out = otherwise;
    return node->n_in <= index || node->in[index] == NULL || gal_const_scalar(node->in[index], out);
}

static bool read_activation(const gal_node *node, activation *out) {
    static const char *const plain[] = {"Relu", "Sigmoid", "Tanh", "HardSwish"};
    *out = (activation){0};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (gal_is_op(node, "", plain[i])) out->name = plain[i];
    if (gal_is_op(node, "", "LeakyRelu")) *out = (activation){"LeakyRelu", gal_attr_float(node, "alpha", 0.01f), 0};
    if (gal_is_op(node, "", "HardSigmoid"))
        *out = (activation){"HardSigmoid", gal_attr_float(node, "alpha", 0.2f), gal_attr_float(node, "beta", 0.5f)};
    if (gal_is_op(node, "", "Clip") && clip_bound(node, 1, -INFINITY, &out->alpha) &&
        clip_bound(node, 2, INFINITY, &out->beta) && out->alpha <= out->beta)
        out->name = "Clip";
    return out->name != NULL;
}

/* A node like `layer` with other inputs and an activation takes the place of `node`; `name` is what is merged. */
static galen_status merge(gal_graph *graph, gal_node *layer, gal_node *node, gal_value **in, uint32_t n_in,
                          const activation *act, const char *name, galen_error *err) {
    gal_attr more[3];
    uint32_t n = 0;
    gal_node *made;
    if (act != NULL) {
        more[n++] = gal_attr_of_text("activation", act->name);
        if (act->alpha != 0) more[n++] = gal_attr_of_float("act_alpha", act->alpha);
        if (act->beta != 0) more[n++] = gal_attr_of_float("act_beta", act->beta);
    }
    const gal_remake spec = {.like = layer,
                             .domain = "galen",
                             .op = layer->op->name,
                             .n_in = n_in,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .stands_for = gal_merged_name(graph, layer, name),
                             .before = node};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    return GALEN_OK;
}

static galen_status fuse_activation(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    activation act;
    gal_node *layer = gal_sole_producer(node->in[0]);
    if (layer == NULL || !read_activation(node, &act) || !is_bare(layer)) return GALEN_OK;
    bool scale = gal_is_op(layer, "galen", "ScaleShift") && strcmp(act.name, "Relu") == 0;
    if (!is_layer(layer) && !scale) return GALEN_OK;
    GAL_TRY(merge(graph, layer, node, layer->in, layer->n_in, &act, node->op->name, err));
    gal_graph_remove(graph, layer);
    *changed = true;
    return GALEN_OK;
}

/* x * Sigmoid(x), and x * HardSigmoid(x, 1/6, 1/2) which is HardSwish. */
static galen_status fuse_gate(gal_graph *graph, gal_node *mul, uint32_t gated, bool *changed, galen_error *err) {
    gal_value *x = mul->in[gated];
    gal_node *gate = gal_sole_producer(mul->in[1 - gated]), *layer = x->producer;
    if (gate == NULL || layer == NULL || gate->n_in != 1 || gate->in[0] != x || x->is_output || !is_layer(layer) ||
        !is_bare(layer))
        return GALEN_OK;
    if (x->uses == NULL || x->uses->next == NULL || x->uses->next->next != NULL) return GALEN_OK;
    bool silu = gal_is_op(gate, "", "Sigmoid");
    bool hard = gal_is_op(gate, "", "HardSigmoid") && gal_attr_float(gate, "alpha", 0.2f) == 1.0f / 6 &&
                gal_attr_float(gate, "beta", 0.5f) == 0.5f;
    if (!silu && !hard) return GALEN_OK;
    const activation act = {silu ? "SiLU" : "HardSwish", 0, 0};
    GAL_TRY(merge(graph, layer, mul, layer->in, layer->n_in, &act, act.name, err));
    gal_graph_remove(graph, gate);
    gal_graph_remove(graph, layer);
    *changed = true;
    return GALEN_OK;
}

/* conv + bias + residual, activation afterwards: only a convolution that has neither yet, and nobody else reads. */
static galen_status fuse_residual(gal_graph *graph, gal_node *add, uint32_t which, bool *changed, galen_error *err) {
    gal_node *conv = gal_sole_producer(add->in[which]);
    gal_value *residual = add->in[1 - which];
    if (!gal_is_op(conv, "galen", "Conv") || !is_bare(conv) || (conv->n_in > 3 && conv->in[3] != NULL)) return GALEN_OK;
    if (residual->dtype != GALEN_F32 || residual->constant != NULL) return GALEN_OK;
    if (!gal_shape_equal(&residual->shape, &conv->out[0]->shape)) return GALEN_OK;
    gal_value *in[4] = {conv->in[0], conv->in[1], conv->n_in > 2 ? conv->in[2] : NULL, residual};
    GAL_TRY(merge(graph, conv, add, in, 4, NULL, "Add", err));
    gal_graph_remove(graph, conv);
    *changed = true;
    return GALEN_OK;
}

/* Gemm with constant weights, alpha and beta 1. */
static galen_status take_gemm(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    if (gal_const_f32(node->in[1]) == NULL || gal_attr_int(node, "transA", 0) != 0 ||
        gal_attr_float(node, "alpha", 1) != 1)
        return GALEN_OK;
    bool bias = node->n_in > 2 && node->in[2] != NULL;
    if (bias && (gal_attr_float(node, "beta", 1) != 1 || gal_const_f32(node->in[2]) == NULL)) return GALEN_OK;
    gal_node *made;
    const gal_remake spec = {.like = node,
                             .domain = "galen",
                             .op = "Gemm",
                             .n_in = bias ? 3 : 2,
                             .in = node->in,
                             .drop = "alpha beta transA",
                             .stands_for = node->stands_for != NULL ? node->stands_for : "Gemm",
                             .before = node};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    *changed = true;
    return GALEN_OK;
}

/* MatMul of matrices, or of a stack of them, with constant weights. */
static galen_status take_matmul(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    if (gal_const_f32(node->in[1]) == NULL || node->in[0]->shape.rank < 2 || node->in[1]->shape.rank != 2)
        return GALEN_OK;
    gal_node *made;
    const gal_remake spec = {.like = node,
                             .domain = "galen",
                             .op = "Gemm",
                             .n_in = 2,
                             .in = node->in,
                             .stands_for = node->stands_for != NULL ? node->stands_for : "MatMul",
                             .before = node};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    *changed = true;
    return GALEN_OK;
}

/* The Add of a row of constants to a product that has none yet. */
static galen_status fuse_row(gal_graph *graph, gal_node *add, uint32_t which, bool *changed, galen_error *err) {
    gal_node *gemm = gal_sole_producer(add->in[which]);
    int step;
    if (!gal_is_op(gemm, "galen", "Gemm") || !is_bare(gemm) || gemm->n_in > 2) return GALEN_OK;
    gal_value *in[3] = {gemm->in[0], gemm->in[1], add->in[1 - which]};
    int rank = add->in[which]->shape.rank;
    const gal_dim columns = add->in[which]->shape.dim[rank - 1];
    if (columns.batch || gal_const_per_axis(in[2], rank, rank - 1, columns.size, &step) == NULL || step != 1 ||
        (rank > 2 && in[2]->shape.rank > 1))
        return GALEN_OK;
    GAL_TRY(merge(graph, gemm, add, in, 3, NULL, "Add", err));
    gal_graph_remove(graph, gemm);
    *changed = true;
    return GALEN_OK;
}

static galen_status fuse_add(gal_graph *graph, gal_node *add, uint32_t which, bool *changed, galen_error *err) {
    const gal_node *layer = add->in[which]->producer;
    return gal_is_op(layer, "galen", "Gemm") ? fuse_row(graph, add, which, changed, err)
                                             : fuse_residual(graph, add, which, changed, err);
}

/* One channel of a ScaleShift and what follows it. */
static void rescale(double scale, double shift, double k, bool mul, float *to_scale, float *to_shift) {
    *to_scale = (float)(mul ? scale * k : scale);
    *to_shift = (float)(mul ? shift * k : shift + k);
}

static bool stays_finite(const float *scale, const float *shift, const float *k, int step, int64_t channels, bool mul) {
    for (int64_t c = 0; c < channels; c++) {
        float a, b;
        rescale(scale[c], shift[c], k[c * step], mul, &a, &b);
        if (!isfinite(a) || !isfinite(b)) return false;
    }
    return true;
}

/* scale * k, shift * k for Mul; shift + k for Add, with a row of constants behind a galen.ScaleShift. */
static galen_status fuse_scale(gal_graph *graph, gal_node *node, uint32_t which, bool *changed, galen_error *err) {
    gal_node *layer = gal_sole_producer(node->in[which]);
    if (!gal_is_op(layer, "galen", "ScaleShift") || !is_bare(layer)) return GALEN_OK;
    const float *scale = gal_const_f32(layer->in[1]), *shift = gal_const_f32(layer->in[2]);
    int rank = node->in[which]->shape.rank, step;
    const gal_dim channels = node->in[which]->shape.dim[rank - 1];
    const float *k = gal_const_per_axis(node->in[1 - which], rank, rank - 1, channels.size, &step);
    if (k == NULL || scale == NULL || shift == NULL || channels.batch) return GALEN_OK;
    bool mul = gal_is_op(node, "", "Mul");
    if (!stays_finite(scale, shift, k, step, channels.size, mul)) return GALEN_OK;
    gal_value *in[3] = {layer->in[0], NULL, NULL};
    for (int i = 1; i < 3; i++) GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, 1, &channels.size, &in[i], err));
    float *to_scale = in[1]->constant->data, *to_shift = in[2]->constant->data;
    for (int64_t c = 0; c < channels.size; c++)
        rescale(scale[c], shift[c], k[c * step], mul, &to_scale[c], &to_shift[c]);
    GAL_TRY(merge(graph, layer, node, in, 3, NULL, node->op->name, err));
    gal_graph_remove(graph, layer);
    *changed = true;
    return GALEN_OK;
}

static galen_status fuse_pair(gal_graph *graph, gal_node *node, bool *changed, galen_error *err) {
    bool add = gal_is_op(node, "", "Add"), done = false;
    for (uint32_t i = 0; i < 2 && !done; i++) {
        if (gal_is_op(node->in[i]->producer, "galen", "ScaleShift"))
            GAL_TRY(fuse_scale(graph, node, i, &done, err));
        else
            GAL_TRY(add ? fuse_add(graph, node, i, &done, err) : fuse_gate(graph, node, i, &done, err));
    }
    *changed |= done;
    return GALEN_OK;
}

galen_status gal_pass_fuse(gal_graph *graph, bool *changed, galen_error *err) {
    bool gemm = gal_op_find("galen", "Gemm") != NULL;
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        if (gal_is_op(node, "", "Add") || gal_is_op(node, "", "Mul"))
            GAL_TRY(fuse_pair(graph, node, changed, err));
        else if (gemm && gal_is_op(node, "", "Gemm"))
            GAL_TRY(take_gemm(graph, node, changed, err));
        else if (gemm && gal_is_op(node, "", "MatMul"))
            GAL_TRY(take_matmul(graph, node, changed, err));
        else if (node->n_in > 0 && node->in[0] != NULL)
            GAL_TRY(fuse_activation(graph, node, changed, err));
    }
    return GALEN_OK;
}
