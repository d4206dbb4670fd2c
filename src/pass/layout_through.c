/* The layout pass between convolutions: element-wise ops as they are, others with their axes renumbered. */
#include "base/error.h"
#include "base/mem.h"
#include "pass/layout.h"

#include <math.h>

enum { MAX_INPUTS = 64 };

/* One number: broadcasts the same in any layout. */
static bool is_single(const gal_value *value) {
    return gal_fixed_elements(value) == 1;
}

/* Input i of an element-wise op can be had in the other layout at no cost. */
static bool can_follow(const gal_layout *layout, const gal_value *value) {
    if (value == NULL || (is_single(value) && value->shape.rank < 4)) return true;
    return value->constant != NULL ? value->shape.rank <= 4 : gal_layout_is_cheap(layout, value);
}

static galen_status remake(gal_layout *layout, gal_node *node, const char *domain, const char *op, uint32_t n_in,
                           gal_value **in, const gal_attr *more, uint32_t n_more, const char *drop, galen_error *err) {
    gal_node *made;
    const gal_remake spec = {.like = node,
                             .domain = domain,
                             .op = op,
                             .n_in = n_in,
                             .in = in,
                             .more = more,
                             .n_more = n_more,
                             .drop = drop,
                             .stands_for = domain[0] && node->stands_for == NULL ? node->op->name : node->stands_for,
                             .before = node};
    GAL_TRY(gal_remake_node(layout->graph, &spec, &made, err));
    return gal_layout_finish(layout, node, made, err);
}

static galen_status elementwise(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[MAX_INPUTS];
    bool any = false;
    if (node->n_in > MAX_INPUTS || node->out[0]->shape.rank != 4) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!can_follow(layout, node->in[i])) return GALEN_OK;
        any |= node->in[i] != NULL && gal_layout_twin(layout, node->in[i]) != NULL;
    }
    if (!any) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++) {
        in[i] = node->in[i];
        if (in[i] == NULL || (is_single(in[i]) && in[i]->shape.rank < 4)) continue;
        GAL_TRY(gal_layout_need(layout, node->in[i], node, &in[i], err));
    }
    return remake(layout, node, node->op->domain, node->op->name, node->n_in, in, NULL, 0, NULL, err);
}

static galen_status concat(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value **in = gal_arena_alloc(&layout->graph->arena, node->n_in, sizeof *in);
    if (in == NULL) return gal_fail_memory(err, node->name, node->n_in * sizeof *in);
    bool any = false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL || node->in[i]->shape.rank != 4 || !can_follow(layout, node->in[i])) return GALEN_OK;
        any |= gal_layout_twin(layout, node->in[i]) != NULL;
    }
    if (!any) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++) GAL_TRY(gal_layout_need(layout, node->in[i], node, &in[i], err));
    const gal_attr axis = gal_attr_of_int("axis", gal_layout_axis(gal_attr_int(node, "axis", 0)));
    return remake(layout, node, "", "Concat", node->n_in, in, &axis, 1, NULL, err);
}

static galen_status split(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[2] = {gal_layout_twin(layout, node->in[0]), node->n_in > 1 ? node->in[1] : NULL};
    if (in[0] == NULL) return GALEN_OK;
    const gal_attr axis = gal_attr_of_int("axis", gal_layout_axis(gal_attr_int(node, "axis", 0)));
    return remake(layout, node, "", "Split", node->n_in, in, &axis, 1, NULL, err);
}

/* The elements of a rank-1 operand; false when one is unknown or depends on the batch. */
static bool known_numbers(const gal_value *value, int64_t *out, int64_t max, int64_t *count) {
    if (value == NULL || value->known == NULL || value->shape.rank != 1) return false;
    *count = value->shape.dim[0].size;
    if (*count > max || value->shape.dim[0].batch) return false;
    for (int64_t i = 0; i < *count; i++) {
        if (value->known[i].batch) return false;
        out[i] = value->known[i].size;
    }
    return true;
}

static galen_status slice(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[5] = {gal_layout_twin(layout, node->in[0])};
    int64_t axes[4] = {0, 1, 2, 3}, n = node->in[1]->shape.rank == 1 ? node->in[1]->shape.dim[0].size : 0;
    if (in[0] == NULL || n < 1 || n > 4) return GALEN_OK;
    if (node->n_in > 3 && node->in[3] != NULL && !known_numbers(node->in[3], axes, 4, &n)) return GALEN_OK;
    for (int64_t i = 0; i < n; i++) axes[i] = gal_layout_axis(axes[i]);
    for (uint32_t i = 1; i < node->n_in; i++) in[i] = node->in[i];
    GAL_TRY(gal_graph_ints(layout->graph, NULL, axes, (size_t)n, &in[3], err));
    return remake(layout, node, "", "Slice", node->n_in > 4 ? node->n_in : 4, in, NULL, 0, NULL, err);
}

static galen_status pad(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[4] = {gal_layout_twin(layout, node->in[0])};
    int64_t pads[8], made[8], n;
    if (in[0] == NULL || node->n_in > 3 || !known_numbers(node->in[1], pads, 8, &n) || n != 8) return GALEN_OK;
    for (int i = 0; i < 4; i++) {
        made[gal_layout_axis(i)] = pads[i];
        made[4 + gal_layout_axis(i)] = pads[4 + i];
    }
    GAL_TRY(gal_graph_ints(layout->graph, NULL, made, 8, &in[1], err));
    if (node->n_in > 2) in[2] = node->in[2];
    return remake(layout, node, "", "Pad", node->n_in, in, NULL, 0, NULL, err);
}

static galen_status resize(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[4] = {gal_layout_twin(layout, node->in[0])};
    const float *scales = node->n_in > 2 ? gal_const_f32(node->in[2]) : NULL;
    int64_t sizes[4], made[4], n = 0;
    bool sized = node->n_in > 3 && node->in[3] != NULL;
    if (in[0] == NULL || (node->n_in > 1 && node->in[1] != NULL && gal_fixed_elements(node->in[1]) != 0))
        return GALEN_OK;
    if (sized ? !known_numbers(node->in[3], sizes, 4, &n) || n != 4
              : scales == NULL || gal_fixed_elements(node->in[2]) != 4)
        return GALEN_OK;
    if (sized) {
        for (int i = 0; i < 4; i++) made[gal_layout_axis(i)] = sizes[i];
        GAL_TRY(gal_graph_ints(layout->graph, NULL, made, 4, &in[3], err));
    } else {
        const int64_t four = 4;
        GAL_TRY(gal_graph_new_constant(layout->graph, NULL, GALEN_F32, 1, &four, &in[2], err));
        for (int i = 0; i < 4; i++) ((float *)in[2]->constant->data)[gal_layout_axis(i)] = scales[i];
    }
    return remake(layout, node, "", "Resize", sized ? 4 : 3, in, NULL, 0, NULL, err);
}

static galen_status reduce(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[1] = {gal_layout_twin(layout, node->in[0])};
    size_t n;
    const int64_t *axes = gal_attr_ints(node, "axes", &n);
    int64_t made[4];
    bool used[4] = {false}, keep = gal_attr_int(node, "keepdims", 1) != 0;
    if (in[0] == NULL || node->n_in != 1 || n < 1 || n > 4) return GALEN_OK;
    for (size_t i = 0; i < n; i++) {
        used[axes[i] < 0 ? axes[i] + 4 : axes[i]] = true;
        made[i] = gal_layout_axis(axes[i]);
    }
    /* Without kept dimensions what remains must be in the same order in both layouts. */
    if (!keep && !(used[1] || (used[2] && used[3]))) return GALEN_OK;
    const gal_attr more = gal_attr_of_ints("axes", made, n);
    return remake(layout, node, "", node->op->name, 1, in, &more, 1, NULL, err);
}

/* BatchNormalization that could not be folded: one multiply and add a channel. */
static galen_status batch_norm(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[3] = {gal_layout_twin(layout, node->in[0])};
    if (in[0] == NULL || gal_attr_int(node, "training_mode", 0) != 0 || gal_op_find("galen", "ScaleShift") == NULL)
        return GALEN_OK;
    if (in[0]->dtype != GALEN_F32 || node->in[0]->shape.dim[1].batch || node->out[0]->dtype != GALEN_F32)
        return GALEN_OK;
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return GALEN_OK;
    const float *p[4];
    int64_t channels = node->in[0]->shape.dim[1].size;
    for (int i = 0; i < 4; i++) {
        p[i] = gal_const_f32(node->in[i + 1]);
        if (p[i] == NULL || gal_fixed_elements(node->in[i + 1]) != channels) return GALEN_OK;
    }
    GAL_TRY(gal_graph_new_constant(layout->graph, NULL, GALEN_F32, 1, &channels, &in[1], err));
    GAL_TRY(gal_graph_new_constant(layout->graph, NULL, GALEN_F32, 1, &channels, &in[2], err));
    double epsilon = gal_attr_float(node, "epsilon", 1e-5f);
    for (int64_t c = 0; c < channels; c++) {
        double a = p[0][c] / sqrt((double)p[3][c] + epsilon);
        float *scale = in[1]->constant->data, *shift = in[2]->constant->data;
        scale[c] = (float)a;
        shift[c] = (float)(p[1][c] - p[2][c] * a);
        if (!isfinite(scale[c]) || !isfinite(shift[c])) return GALEN_OK;
    }
    return remake(layout, node, "galen", "ScaleShift", 3, in, NULL, 0, "epsilon momentum training_mode", err);
}

/* Between floats and bytes: one scale, or one along an axis. */
static galen_status quantize(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[3] = {gal_layout_twin(layout, node->in[0])};
    if (in[0] == NULL) return GALEN_OK;
    for (uint32_t i = 1; i < node->n_in; i++) in[i] = node->in[i];
    const gal_attr axis = gal_attr_of_int("axis", gal_layout_axis(gal_attr_int(node, "axis", 1)));
    return remake(layout, node, "", node->op->name, node->n_in, in, &axis, 1, NULL, err);
}

/* The ends of a whole tensor are the same in any order. */
static galen_status quantize_dynamic(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[1] = {gal_layout_twin(layout, node->in[0])};
    if (in[0] == NULL) return GALEN_OK;
    return remake(layout, node, "", node->op->name, 1, in, NULL, 0, NULL, err);
}

/* galen.QMap: the second input is a table whatever the layout. */
static galen_status map(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *in[2] = {gal_layout_twin(layout, node->in[0]), node->in[1]};
    if (in[0] == NULL) return GALEN_OK;
    return remake(layout, node, "galen", "QMap", 2, in, NULL, 0, NULL, err);
}

static const struct {
    const char *op;
    galen_status (*move)(gal_layout *layout, gal_node *node, galen_error *err);
} rules[] = {
    {"BatchNormalization", batch_norm},
    {"Concat", concat},
    {"DequantizeLinear", quantize},
    {"DynamicQuantizeLinear", quantize_dynamic},
    {"Pad", pad},
    {"QuantizeLinear", quantize},
    {"ReduceMax", reduce},
    {"ReduceMean", reduce},
    {"ReduceMin", reduce},
    {"Resize", resize},
    {"Slice", slice},
    {"Split", split},
};

galen_status gal_layout_through(gal_layout *layout, gal_node *node, galen_error *err) {
    if (node->n_in == 0 || node->in[0] == NULL || node->out[0] == NULL) return GALEN_OK;
    if (gal_is_op(node, "galen", "QMap")) return map(layout, node, err);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (gal_is_op(node, "", rules[i].op)) return rules[i].move(layout, node, err);
    return (node->op->flags & GAL_OP_LAYOUT_FREE) && node->n_out == 1 ? elementwise(layout, node, err) : GALEN_OK;
}
