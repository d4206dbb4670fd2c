/*
 * Where QuantizeLinear and DequantizeLinear go. A tensor gets one pair when a quantisable op reads or makes it, except
 * between a product and the Relu or Clip that alone reads it: those are one op to every runtime. Ops that only move or
 * pick elements keep the scale of their input, and all inputs of a Concat share one, so that they stay copies.
 */
#include "optimize/quantize.h"

#include "base/error.h"
#include "base/mem.h"
#include "optimize/observe.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <math.h>
#include <string.h>

typedef enum kind { OTHER, PRODUCT, PAIR, ONE, MOVE, JOIN } kind;

static const struct {
    const char *op;
    kind kind;
} kinds[] = {
    {"Add", PAIR},      {"AveragePool", ONE}, {"BatchNormalization", ONE}, {"Clip", ONE},        {"Concat", JOIN},
    {"Conv", PRODUCT},  {"Flatten", MOVE},    {"Gemm", PRODUCT},           {"HardSigmoid", ONE}, {"HardSwish", ONE},
    {"Identity", MOVE}, {"LeakyRelu", ONE},   {"GlobalAveragePool", ONE},  {"MatMul", PRODUCT},  {"MaxPool", MOVE},
    {"Mul", PAIR},      {"Relu", ONE},        {"Reshape", MOVE},           {"Sigmoid", ONE},     {"Squeeze", MOVE},
    {"Tanh", ONE},      {"Transpose", MOVE},  {"Unsqueeze", MOVE},
};

typedef struct plan {
    gal_graph *graph;
    uint32_t n;       /* values when the plan was made */
    uint32_t *parent; /* by value id: values that share a scale are one set (union-find) */
    bool *wanted;     /* by value id: gets a pair */
    gal_range *range; /* by value id */
    gal_value **watch;
    gal_range *seen;
    size_t n_watch;
} plan;

static bool is_activation(const gal_value *value) {
    return value != NULL && value->constant == NULL && value->dtype == GALEN_F32;
}

/* The channel axis of a product's weights; false when they cannot be quantised. */
static bool weights_axis(const gal_node *node, int *axis) {
    const gal_value *w = node->in[1], *bias = node->n_in > 2 ? node->in[2] : NULL;
    bool gemm = gal_is_op(node, "", "Gemm"), conv = gal_is_op(node, "", "Conv");
    if (gal_const_f32(w) == NULL || (bias != NULL && gal_const_f32(bias) == NULL)) return false;
    if (gemm && (gal_attr_float(node, "alpha", 1) != 1 || gal_attr_float(node, "beta", 1) != 1 ||
                 gal_attr_int(node, "transA", 0) != 0))
        return false;
    if (!conv && w->shape.rank != 2) return false;
    *axis = conv || (gemm && gal_attr_int(node, "transB", 0) != 0) ? 0 : 1;
    return bias == NULL || gal_fixed_elements(bias) == w->shape.dim[*axis].size;
}

static kind kind_of(const gal_node *node) {
    int axis;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!gal_is_op(node, "", kinds[i].op) || !is_activation(node->out[0])) continue;
        if (kinds[i].kind == PRODUCT && !weights_axis(node, &axis)) return OTHER;
        bool both = kinds[i].kind == PAIR || kinds[i].kind == JOIN;
        for (uint32_t k = 0; k < (both ? node->n_in : 1); k++)
            if (!is_activation(node->in[k])) return OTHER;
        return kinds[i].kind;
    }
    return OTHER;
}

/* A product, sum or BatchNormalization whose only reader clamps it. */
static bool is_inner(const gal_value *value) {
    const gal_node *from = value->producer;
    if (!gal_value_has_one_use(value) || from == NULL) return false;
    const gal_node *to = value->uses->node;
    bool clamps = value->uses->index == 0 && (gal_is_op(to, "", "Relu") || gal_is_op(to, "", "Clip"));
    return clamps &&
           (kind_of(from) == PRODUCT || gal_is_op(from, "", "Add") || gal_is_op(from, "", "BatchNormalization"));
}

static uint32_t root_of(const plan *p, uint32_t id) {
    while (p->parent[id] != id) id = p->parent[id];
    return id;
}

static void share(plan *p, const gal_value *a, const gal_value *b) {
    p->parent[root_of(p, a->id)] = root_of(p, b->id);
}

static void want(plan *p, const gal_value *value) {
    p->wanted[value->id] = is_activation(value) && !value->is_output && !is_inner(value);
}

static void make_plan(plan *p) {
    for (uint32_t i = 0; i < p->n; i++) p->parent[i] = i;
    for (const gal_node *node = p->graph->first; node != NULL; node = node->next) {
        kind k = kind_of(node);
        if (k == OTHER) continue;
        uint32_t reads = k == PAIR || k == JOIN ? node->n_in : 1;
        for (uint32_t i = 0; i < reads; i++) want(p, node->in[i]);
        want(p, node->out[0]);
        for (uint32_t i = 0; (k == MOVE || k == JOIN) && i < reads; i++) share(p, node->in[i], node->out[0]);
    }
}

static galen_status take_memory(plan *p, galen_error *err) {
    size_t n = p->n > 0 ? p->n : 1;
    p->parent = gal_calloc(n, sizeof *p->parent);
    p->wanted = gal_calloc(n, sizeof *p->wanted);
    p->range = gal_calloc(n, sizeof *p->range);
    p->watch = gal_calloc(n, sizeof *p->watch);
    p->seen = gal_calloc(n, sizeof *p->seen);
    bool all = p->parent != NULL && p->wanted != NULL && p->range != NULL && p->watch != NULL && p->seen != NULL;
    return all ? GALEN_OK : gal_fail_memory(err, "quantising", n * sizeof *p->range);
}

static void free_memory(plan *p) {
    gal_free(p->parent);
    gal_free(p->wanted);
    gal_free(p->range);
    gal_free(p->watch);
    gal_free(p->seen);
}

/* Every wanted value takes the union of what its set has seen; a Sigmoid's is known. */
static galen_status find_ranges(plan *p, const gal_model *model, const gal_range_calibration *how, galen_error *err) {
    for (uint32_t i = 0; i < p->n; i++)
        if (p->wanted[i]) p->watch[p->n_watch++] = p->graph->value[i];
    GAL_TRY(gal_optimize_observe(model, how, p->watch, p->n_watch, p->seen, err));
    for (size_t i = 0; i < p->n_watch; i++) {
        gal_range *whole = &p->range[root_of(p, p->watch[i]->id)];
        const gal_node *from = p->watch[i]->producer;
        if (gal_is_op(from, "", "Sigmoid") || gal_is_op(from, "", "HardSigmoid")) p->seen[i] = (gal_range){0, 1};
        whole->low = fminf(whole->low, p->seen[i].low), whole->high = fmaxf(whole->high, p->seen[i].high);
    }
    return GALEN_OK;
}

/* u8 scale and zero point of a range that holds 0. */
static void affine(const gal_range *r, float *scale, uint8_t *zero) {
    *scale = (r->high - r->low) / 255;
    if (!(*scale >= 1e-30f)) *scale = 1; /* nothing but zeros was seen */
    float z = rintf(-r->low / *scale);
    *zero = (uint8_t)(z < 0 ? 0 : z > 255 ? 255 : z);
}

static galen_status scalar(gal_graph *graph, galen_dtype dtype, const void *data, gal_value **out, galen_error *err) {
    GAL_TRY(gal_graph_new_constant(graph, NULL, dtype, 0, NULL, out, err));
    memcpy((*out)->constant->data, data, galen_dtype_size(dtype));
    return GALEN_OK;
}

static galen_status add(gal_graph *graph, const char *op, gal_value **in, uint32_t n_in, int axis, gal_node *before,
                        gal_node **out, galen_error *err) {
    const gal_attr attr = gal_attr_of_int("axis", axis);
    const gal_node_spec spec = {
        .op = op, .n_in = n_in, .n_out = 1, .n_attr = axis >= 0, .in = in, .attr = &attr, .before = before};
    return gal_graph_node(graph, &spec, out, err);
}

/* value -> QuantizeLinear -> DequantizeLinear -> all who read value so far. */
static galen_status add_pair(plan *p, gal_value *value, galen_error *err) {
    float scale;
    uint8_t zero;
    gal_value *in[3] = {value, NULL, NULL};
    gal_node *before = value->producer != NULL ? value->producer->next : p->graph->first, *q, *dq;
    affine(&p->range[root_of(p, value->id)], &scale, &zero);
    GAL_TRY(scalar(p->graph, GALEN_F32, &scale, &in[1], err));
    GAL_TRY(scalar(p->graph, GALEN_U8, &zero, &in[2], err));
    GAL_TRY(add(p->graph, "QuantizeLinear", in, 3, -1, before, &q, err));
    in[0] = q->out[0];
    GAL_TRY(add(p->graph, "DequantizeLinear", in, 3, -1, before, &dq, err));
    for (gal_use *use = value->uses, *next; use != NULL; use = next) {
        next = use->next;
        if (use->node != q) gal_node_set_input(use->node, use->index, dq->out[0]);
    }
    return GALEN_OK;
}

/* Scale of the input as the pairs gave it. */
static float input_scale(const gal_node *node) {
    const gal_node *dq = node->in[0]->producer;
    float scale = 1;
    if (gal_is_op(dq, "", "DequantizeLinear")) gal_const_scalar(dq->in[1], &scale);
    return scale;
}

/* max |w| / 127 for each channel, but not so small that the bias would overflow. */
static void weight_scales(const galen_tensor *w, int axis, const float *bias, float x_scale, float *scale) {
    int64_t inner = 1, channels = w->dim[axis], n = galen_tensor_elements(w);
    for (int i = axis + 1; i < w->rank; i++) inner *= w->dim[i];
    for (int64_t k = 0; k < channels; k++) scale[k] = 0;
    for (int64_t i = 0; i < n; i++) {
        float *s = &scale[i / inner % channels];
        *s = fmaxf(*s, fabsf(((const float *)w->data)[i]));
    }
    for (int64_t k = 0; k < channels; k++) {
        float least = bias != NULL ? fabsf(bias[k]) / x_scale * 0x1p-30f : 0;
        scale[k] = fmaxf(fmaxf(scale[k] / 127, least), 1e-20f);
    }
}

static void round_weights(const galen_tensor *w, int axis, const float *scale, int8_t *out) {
    int64_t inner = 1, channels = w->dim[axis], n = galen_tensor_elements(w);
    for (int i = axis + 1; i < w->rank; i++) inner *= w->dim[i];
    for (int64_t i = 0; i < n; i++) {
        float v = rintf(((const float *)w->data)[i] / scale[i / inner % channels]);
        out[i] = (int8_t)fminf(fmaxf(v, -127), 127);
    }
}

static galen_status quantise_bias(gal_graph *graph, gal_node *node, const float *scale, float x_scale,
                                  galen_error *err) {
    const float *bias = gal_const_f32(node->in[2]);
    int64_t n = gal_fixed_elements(node->in[2]);
    gal_value *in[2];
    gal_node *dq;
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_I32, 1, &n, &in[0], err));
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, 1, &n, &in[1], err));
    for (int64_t k = 0; k < n; k++) {
        float step = x_scale * scale[k];
        ((float *)in[1]->constant->data)[k] = step;
        ((int32_t *)in[0]->constant->data)[k] = (int32_t)rint((double)bias[k] / (double)step);
    }
    GAL_TRY(add(graph, "DequantizeLinear", in, 2, 0, node, &dq, err));
    gal_node_set_input(node, 2, dq->out[0]);
    return GALEN_OK;
}

static galen_status quantise_weights(gal_graph *graph, gal_node *node, int axis, galen_error *err) {
    const gal_value *w = node->in[1];
    const float *bias = node->n_in > 2 ? gal_const_f32(node->in[2]) : NULL;
    int64_t channels = w->shape.dim[axis].size;
    gal_value *in[3];
    gal_node *dq;
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_I8, w->constant->rank, w->constant->dim, &in[0], err));
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, 1, &channels, &in[1], err));
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_I8, 1, &channels, &in[2], err)); /* zeros */
    float *scale = in[1]->constant->data, x_scale = input_scale(node);
    weight_scales(w->constant, axis, bias, x_scale, scale);
    round_weights(w->constant, axis, scale, in[0]->constant->data);
    GAL_TRY(add(graph, "DequantizeLinear", in, 3, axis, node, &dq, err));
    gal_node_set_input(node, 1, dq->out[0]);
    return bias != NULL ? quantise_bias(graph, node, scale, x_scale, err) : GALEN_OK;
}

static galen_status rewrite(plan *p, galen_error *err) {
    int axis;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->wanted[i]) GAL_TRY(add_pair(p, p->graph->value[i], err));
    for (gal_node *node = p->graph->first; node != NULL; node = node->next)
        if (kind_of(node) == PRODUCT && weights_axis(node, &axis)) GAL_TRY(quantise_weights(p->graph, node, axis, err));
    return GALEN_OK;
}

static galen_status quantise(plan *p, const gal_model *model, const gal_range_calibration *how, galen_error *err) {
    GAL_TRY(take_memory(p, err));
    make_plan(p);
    GAL_TRY(find_ranges(p, model, how, err));
    return rewrite(p, err);
}

galen_status gal_optimize_quantize(gal_model *model, const gal_range_calibration *how, galen_error *err) {
    gal_graph *graph = model->graph;
    if (graph->n_input != 1 || graph->input[0]->dtype != GALEN_F32)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the model has %u inputs; only models of one f32 input can be quantised", graph->n_input);
    if (how->count < 1) return gal_fail(err, GALEN_ERR_ARGUMENT, "no input to observe ranges on; give at least one");
    GAL_TRY(gal_pass_run_all(graph, true, err));
    plan p = {.graph = graph, .n = graph->n_value};
    galen_status status = quantise(&p, model, how, err);
    free_memory(&p);
    return status;
}
