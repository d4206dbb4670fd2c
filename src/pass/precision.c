/*
 * bf16 or f16 where it pays: convolutions and products read 16 bits, and what lies between them follows when it can.
 * Graph inputs and outputs stay f32; galen.Narrow and Cast stand at the borders. Ops without a 16-bit form keep f32
 * between two of them. Where nothing says which of the two types is meant, both are: a graph has one of them.
 */
#include "base/error.h"
#include "base/half.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <string.h>

enum { MAX_INPUTS = 512, DISCARD_MIN = 64 << 10 /* bytes worth a call */ };

/* The value in type `to` that `value` is the widened form of, or NULL. */
static gal_value *narrow_form(galen_dtype to, const gal_value *value) {
    const gal_node *cast = value != NULL ? value->producer : NULL;
    if (!gal_is_op(cast, "", "Cast") || cast->in[0]->dtype != to || value->dtype != GALEN_F32) return NULL;
    return cast->in[0];
}

/* A Narrow that an earlier reader of `value` needed; those that make outputs come last. */
static gal_value *narrowed_before(const gal_value *value, int64_t channels) {
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (gal_is_op(use->node, "galen", "Narrow") && gal_attr_int(use->node, "channels", 0) == channels &&
            !use->node->out[0]->is_output)
            return use->node->out[0];
    return NULL;
}

/* `value` in type `to` in front of `before`, its last dimension grown to `channels` unless that is 0. */
static galen_status need_narrow(gal_graph *graph, galen_dtype to, gal_value *value, int64_t channels, gal_node *before,
                                gal_value **out, galen_error *err) {
    *out = channels == 0 ? narrow_form(to, value) : NULL;
    if (*out == NULL) *out = narrowed_before(value, channels);
    if (*out != NULL) return GALEN_OK;
    const gal_attr attr[] = {gal_attr_of_int("to", to), gal_attr_of_int("channels", channels)};
    gal_node *made;
    GAL_TRY(gal_graph_node(graph,
                           &(gal_node_spec){.domain = "galen",
                                            .op = "Narrow",
                                            .n_in = 1,
                                            .n_out = 1,
                                            .n_attr = channels != 0 ? 2 : 1,
                                            .in = &value,
                                            .attr = attr,
                                            .before = before},
                           &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

/* An f32 constant in type `type`; dimension 1 grows by `more` zeros. */
static galen_status narrow_constant(gal_graph *graph, galen_dtype type, const gal_value *value, int64_t more,
                                    gal_value **out, galen_error *err) {
    const galen_tensor *t = value->constant;
    int64_t dim[GALEN_MAX_RANK], inner = 1;
    memcpy(dim, t->dim, sizeof dim);
    if (more > 0) dim[1] += more;
    GAL_TRY(gal_graph_new_constant(graph, NULL, type, t->rank, dim, out, err));
    for (int i = 1; i < t->rank; i++) inner *= t->dim[i];
    const float *from = t->data;
    uint16_t *to = (*out)->constant->data;
    int64_t n = galen_tensor_elements(t), outer = inner > 0 ? n / inner : 0;
    int64_t step = outer > 0 ? galen_tensor_elements((*out)->constant) / outer : 0;
    for (int64_t k = 0; k < outer; k++) gal_f32_to_half_row(type, from + k * inner, to + k * step, (size_t)inner);
    return GALEN_OK;
}

/* The f32 weights, once nobody reads them: those that passes made are memory of the graph. */
static void forget(gal_graph *graph, gal_value *value) {
    size_t bytes = (size_t)galen_tensor_bytes(value->constant);
    if (value->uses != NULL || value->is_output || bytes < DISCARD_MIN) return;
    gal_graph_discard(graph, value->constant->data, bytes);
    galen_tensor *tensor = (galen_tensor *)(uintptr_t)value->constant; /* the graph is the caller's to rewrite */
    tensor->data = NULL;
}

/* `node` again on other inputs and with `more`, an attribute or NULL; a 16-bit result is widened for whoever reads it.
 */
static galen_status replace_with(gal_graph *graph, gal_node *node, gal_value **in, const gal_attr *more,
                                 galen_error *err) {
    static const gal_attr to_f32 = {.name = "to", .type = GAL_ATTR_INT, .i = GALEN_F32};
    gal_node *made, *cast;
    const gal_remake spec = {.like = node,
                             .domain = node->op->domain,
                             .op = node->op->name,
                             .n_in = node->n_in,
                             .in = in,
                             .more = more,
                             .n_more = more != NULL ? 1 : 0,
                             .stands_for = node->stands_for,
                             .before = node};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    gal_value *result = made->out[0];
    if (gal_dtype_is_half(result->dtype)) {
        const gal_node_spec widen = {
            .op = "Cast", .n_in = 1, .n_out = 1, .n_attr = 1, .in = &made->out[0], .attr = &to_f32, .before = node};
        GAL_TRY(gal_graph_node(graph, &widen, &cast, err));
        result = cast->out[0];
    }
    gal_graph_replace(graph, node->out[0], result);
    gal_graph_remove(graph, node);
    return GALEN_OK;
}

static galen_status replace(gal_graph *graph, gal_node *node, gal_value **in, galen_error *err) {
    return replace_with(graph, node, in, NULL, err);
}

static bool is_depthwise(const gal_node *node) {
    int64_t group = gal_attr_int(node, "group", 1);
    const gal_shape *w = &node->in[1]->shape;
    return group > 1 && w->dim[1].size == 1 && w->dim[0].size == group;
}

/* Depthwise weights stay f32: they are few, and each is used as it is. */
static galen_status convert_depthwise(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed,
                                      galen_error *err) {
    gal_value *in[4] = {NULL, node->in[1], node->n_in > 2 ? node->in[2] : NULL, NULL};
    GAL_TRY(need_narrow(graph, to, node->in[0], 0, node, &in[0], err));
    if (node->n_in > 3 && node->in[3] != NULL) GAL_TRY(need_narrow(graph, to, node->in[3], 0, node, &in[3], err));
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* What comes in from outside, in whatever type, at most reshaped. */
static bool is_entry(const gal_value *value) {
    while (value->producer != NULL && value->producer->n_in > 0 &&
           (gal_is_op(value->producer, "", "Cast") || gal_is_op(value->producer, "", "Reshape")))
        value = value->producer->in[0];
    return value->is_input;
}

/* Weights in pairs of input channels; an odd image from outside the 16-bit part (a picture) grows by a channel. */
static galen_status convert_conv(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *w = node->in[1], *residual = node->n_in > 3 ? node->in[3] : NULL;
    if (gal_const_f32(w) == NULL || (node->n_in > 2 && node->in[2] != NULL && gal_const_f32(node->in[2]) == NULL))
        return GALEN_OK;
    if (is_depthwise(node)) return convert_depthwise(graph, to, node, changed, err);
    int64_t channels = w->shape.dim[1].size, odd = channels % 2;
    if (channels < 1) return GALEN_OK;
    if (odd &&
        (gal_attr_int(node, "group", 1) != 1 || (narrow_form(to, node->in[0]) != NULL && !is_entry(node->in[0]))))
        return GALEN_OK;
    gal_value *in[4] = {NULL, NULL, node->n_in > 2 ? node->in[2] : NULL, NULL};
    GAL_TRY(need_narrow(graph, to, node->in[0], odd ? channels + 1 : 0, node, &in[0], err));
    GAL_TRY(narrow_constant(graph, to, w, odd, &in[1], err));
    if (residual != NULL) GAL_TRY(need_narrow(graph, to, residual, 0, node, &in[3], err));
    GAL_TRY(replace(graph, node, in, err));
    forget(graph, w);
    *changed = true;
    return GALEN_OK;
}

/* A product of rows of pixels or tokens is read by more layers; one of a row an image makes logits, which stay f32. */
static galen_status convert_gemm(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *w = node->in[1];
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    if (gal_const_f32(w) == NULL || w->shape.dim[transposed].size % 2 != 0) return GALEN_OK;
    if (node->n_in > 2 && node->in[2] != NULL && gal_const_f32(node->in[2]) == NULL) return GALEN_OK;
    gal_value *in[3] = {NULL, NULL, node->n_in > 2 ? node->in[2] : NULL};
    GAL_TRY(need_narrow(graph, to, node->in[0], 0, node, &in[0], err));
    GAL_TRY(narrow_constant(graph, to, w, 0, &in[1], err));
    const gal_attr result = gal_attr_of_int("to", to);
    GAL_TRY(replace_with(graph, node, in, node->in[0]->shape.rank > 2 ? &result : NULL, err));
    forget(graph, w);
    *changed = true;
    return GALEN_OK;
}

/* Ops whose first input decides the type; the others are parameters. */
static galen_status follow(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *in[3] = {narrow_form(to, node->in[0])};
    if (in[0] == NULL || node->n_in > 3 || node->n_out != 1) return GALEN_OK;
    for (uint32_t i = 1; i < node->n_in; i++) in[i] = node->in[i];
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* `value` in type `to` in front of `before`, also when it is a constant. */
static galen_status need_operand(gal_graph *graph, galen_dtype to, gal_value *value, gal_node *before, gal_value **out,
                                 galen_error *err) {
    return gal_const_f32(value) != NULL ? narrow_constant(graph, to, value, 0, out, err)
                                        : need_narrow(graph, to, value, 0, before, out, err);
}

/* Elements of one image, about. */
static double weight_of(const gal_value *value) {
    double n = 1;
    for (int i = 0; i < value->shape.rank; i++) n *= (double)value->shape.dim[i].size;
    return n;
}

/* Two operands, one or both in 16 bits: the other is narrowed when it is no larger than what would be widened. */
static galen_status join(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *in[2] = {narrow_form(to, node->in[0]), narrow_form(to, node->in[1])};
    if (in[0] == NULL && in[1] == NULL) return GALEN_OK;
    for (int i = 0; i < 2; i++) {
        if (in[i] != NULL) continue;
        if (weight_of(node->in[i]) > weight_of(node->in[1 - i])) return GALEN_OK;
        GAL_TRY(need_operand(graph, to, node->in[i], node, &in[i], err));
    }
    bool commutes = gal_is_op(node, "", "Add") || gal_is_op(node, "", "Mul");
    if (commutes && !gal_shape_equal(&in[0]->shape, &node->out[0]->shape)) {
        gal_value *gate = in[0]; /* the result may then take the place of the large operand */
        in[0] = in[1], in[1] = gate;
    }
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* The rest says where to, and must not be narrowed. */
static galen_status follow_resize(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *in[4] = {narrow_form(to, node->in[0])};
    if (in[0] == NULL) return GALEN_OK;
    for (uint32_t i = 1; i < node->n_in; i++) in[i] = node->in[i];
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* The bounds have the type of what they bound. A bound rounds as the result would: no other number comes out. */
static galen_status follow_clip(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *in[3] = {narrow_form(to, node->in[0])};
    if (in[0] == NULL) return GALEN_OK;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL && gal_const_f32(node->in[i]) == NULL) return GALEN_OK;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL) GAL_TRY(narrow_constant(graph, to, node->in[i], 0, &in[i], err));
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* Every input must be in 16 bits already. */
static galen_status follow_all(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    gal_value *in[MAX_INPUTS];
    if (node->n_in > MAX_INPUTS) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++)
        if ((in[i] = narrow_form(to, node->in[i])) == NULL) return GALEN_OK;
    GAL_TRY(replace(graph, node, in, err));
    *changed = true;
    return GALEN_OK;
}

/* An output in 16 bits is what was widened. */
static galen_status narrow_again(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err) {
    (void)err;
    gal_value *value = narrow_form(to, node->in[0]);
    if (value == NULL || node->out[0]->dtype != to || value->is_input || value->is_output ||
        gal_attr_int(node, "channels", 0) != 0)
        return GALEN_OK;
    gal_graph_replace(graph, node->out[0], value);
    gal_graph_remove(graph, node);
    *changed = true;
    return GALEN_OK;
}

static const struct {
    const char *domain, *op;
    galen_status (*convert)(gal_graph *graph, galen_dtype to, gal_node *node, bool *changed, galen_error *err);
} rules[] = {
    {"galen", "Conv", convert_conv},
    {"galen", "Gemm", convert_gemm},
    {"galen", "AveragePool", follow},
    {"galen", "Gelu", follow},
    {"galen", "GlobalAveragePool", follow},
    {"galen", "MaxPool", follow},
    {"galen", "Narrow", narrow_again},
    {"galen", "ScaleShift", follow},
    {"", "Add", join},
    {"", "Clip", follow_clip},
    {"", "Concat", follow_all},
    {"", "Div", join},
    {"", "Flatten", follow},
    {"", "HardSigmoid", follow},
    {"", "HardSwish", follow},
    {"", "Identity", follow},
    {"", "LayerNormalization", follow},
    {"", "LeakyRelu", follow},
    {"", "Mul", join},
    {"", "Relu", follow},
    {"", "Reshape", follow},
    {"", "Resize", follow_resize},
    {"", "Sigmoid", follow},
    {"", "Squeeze", follow},
    {"", "Sub", join},
    {"", "Tanh", follow},
    {"", "Unsqueeze", follow},
};

galen_status gal_pass_narrow(gal_graph *graph, galen_dtype to, bool *changed, galen_error *err) {
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        if (node->n_in == 0 || node->in[0] == NULL || node->in[0]->dtype != GALEN_F32) continue;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
            if (!gal_is_op(node, rules[i].domain, rules[i].op)) continue;
            GAL_TRY(rules[i].convert(graph, to, node, changed, err));
            break;
        }
    }
    return gal_pass_remove_dead(graph, changed, err);
}
