/*
 * Channels last. Convolutions and pools become galen.* ops on N, H, W, C; what lies between them follows
 * (layout_through.c), and the Transposes this needs at first are left unread, except where values enter or leave such a
 * region.
 */
#include "base/error.h"
#include "base/mem.h"
#include "pass/layout.h"
#include "pass/pass.h"

#include <string.h>

static const int64_t to_nhwc[4] = {0, 2, 3, 1}, to_nchw[4] = {0, 3, 1, 2};

gal_value *gal_layout_twin(const gal_layout *layout, const gal_value *value) {
    return value != NULL && value->id < layout->cap ? layout->twin[value->id] : NULL;
}

static galen_status set_twin(gal_layout *layout, const gal_value *value, gal_value *twin, galen_error *err) {
    if (value->id >= layout->cap) {
        uint32_t cap = value->id + value->id / 2 + 64;
        gal_value **grown = gal_realloc(layout->twin, cap, sizeof *grown);
        if (grown == NULL) return gal_fail_memory(err, "the layout pass", cap * sizeof *grown);
        memset(grown + layout->cap, 0, (cap - layout->cap) * sizeof *grown);
        layout->twin = grown;
        layout->cap = cap;
    }
    layout->twin[value->id] = twin;
    return GALEN_OK;
}

static bool is_one(gal_dim dim) {
    return dim.size == 1 && !dim.batch;
}

bool gal_layout_is_cheap(const gal_layout *layout, const gal_value *value) {
    if (gal_layout_twin(layout, value) != NULL) return true;
    const gal_shape *s = &value->shape;
    return s->rank == 4 && (is_one(s->dim[1]) || (is_one(s->dim[2]) && is_one(s->dim[3])));
}

/* A constant operand of a broadcast, its dimensions completed to four in front and permuted. */
static galen_status permute_constant(gal_graph *graph, const gal_value *value, gal_value **out, galen_error *err) {
    const galen_tensor *t = value->constant;
    int64_t dim[4] = {1, 1, 1, 1}, made[4], stride[4], step = 1;
    for (int i = 0; i < t->rank; i++) dim[4 - t->rank + i] = t->dim[i];
    for (int i = 3; i >= 0; i--) {
        stride[i] = step;
        step *= dim[i];
    }
    for (int i = 0; i < 4; i++) made[i] = dim[to_nhwc[i]];
    GAL_TRY(gal_graph_new_constant(graph, NULL, t->dtype, 4, made, out, err));
    size_t size = galen_dtype_size(t->dtype);
    char *to = (*out)->constant->data;
    const char *from = t->data;
    for (int64_t n = 0; n < made[0]; n++)
        for (int64_t h = 0; h < made[1]; h++)
            for (int64_t w = 0; w < made[2]; w++)
                for (int64_t c = 0; c < made[3]; c++, to += size)
                    memcpy(to, from + (n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3]) * (int64_t)size,
                           size);
    return GALEN_OK;
}

galen_status gal_layout_need(gal_layout *layout, gal_value *value, gal_node *before, gal_value **twin,
                             galen_error *err) {
    *twin = gal_layout_twin(layout, value);
    if (*twin != NULL) return GALEN_OK;
    if (value->constant != NULL) return permute_constant(layout->graph, value, twin, err);
    GAL_TRY(gal_add_transpose(layout->graph, value, to_nhwc, 4, before, twin, err));
    return set_twin(layout, value, *twin, err);
}

galen_status gal_layout_finish(gal_layout *layout, gal_node *node, gal_node *made, galen_error *err) {
    for (uint32_t i = 0; i < made->n_out; i++) {
        if (node->out[i] == NULL || made->out[i] == NULL) continue;
        gal_value *back = made->out[i];
        if (back->shape.rank == 4) {
            GAL_TRY(gal_add_transpose(layout->graph, made->out[i], to_nchw, 4, node, &back, err));
            GAL_TRY(set_twin(layout, back, made->out[i], err));
        }
        gal_graph_replace(layout->graph, node->out[i], back);
    }
    gal_graph_remove(layout->graph, node);
    *layout->changed = true;
    return GALEN_OK;
}

static bool is_image(const gal_value *value) {
    const gal_shape *s = &value->shape;
    bool known =
        value->dtype == GALEN_F32 || value->dtype == GALEN_F64 || value->dtype == GALEN_U8 || value->dtype == GALEN_I8;
    return known && s->rank == 4 && !s->dim[1].batch && !s->dim[2].batch && !s->dim[3].batch;
}

/* Padding in numbers whatever auto_pad says: top, left, bottom, right. */
static bool explicit_pads(const gal_node *node, const int64_t kernel[2], int64_t pads[4]) {
    const char *how = gal_attr_string(node, "auto_pad", "NOTSET");
    size_t n_pad, n_stride, n_dilation;
    const int64_t *pad = gal_attr_ints(node, "pads", &n_pad), *stride = gal_attr_ints(node, "strides", &n_stride);
    const int64_t *dilation = gal_attr_ints(node, "dilations", &n_dilation);
    bool given = strcmp(how, "NOTSET") == 0 && n_pad == 4, same = strncmp(how, "SAME", 4) == 0;
    for (int i = 0; i < 4; i++) pads[i] = given ? pad[i] : 0;
    for (int i = 0; same && i < 2; i++) {
        int64_t s = n_stride == 2 ? stride[i] : 1, d = n_dilation == 2 ? dilation[i] : 1;
        int64_t total = (node->out[0]->shape.dim[2 + i].size - 1) * s + (kernel[i] - 1) * d + 1 -
                        node->in[0]->shape.dim[2 + i].size;
        if (total < 0) total = 0;
        bool more_in_front = strcmp(how, "SAME_LOWER") == 0;
        pads[i] = more_in_front ? total - total / 2 : total / 2;
        pads[i + 2] = total - pads[i];
    }
    return pads[0] >= 0 && pads[1] >= 0 && pads[2] >= 0 && pads[3] >= 0;
}

static galen_status convert(gal_layout *layout, gal_node *node, gal_value **in, const gal_attr *more, uint32_t n_more,
                            const char *drop, galen_error *err) {
    gal_node *made;
    GAL_TRY(gal_layout_need(layout, node->in[0], node, &in[0], err));
    const gal_remake spec = {.like = node,
                             .domain = "galen",
                             .op = node->op->name,
                             .n_in = node->n_in,
                             .in = in,
                             .more = more,
                             .n_more = n_more,
                             .drop = drop,
                             .stands_for = node->stands_for != NULL ? node->stands_for : node->op->name,
                             .before = node};
    GAL_TRY(gal_remake_node(layout->graph, &spec, &made, err));
    return gal_layout_finish(layout, node, made, err);
}

static galen_status convert_conv(gal_layout *layout, gal_node *node, galen_error *err) {
    const gal_value *w = node->in[1], *bias = node->n_in > 2 ? node->in[2] : NULL;
    if (!is_image(node->in[0]) || !is_image(node->out[0]) || w->constant == NULL ||
        (bias != NULL && bias->constant == NULL))
        return GALEN_OK;
    const int64_t kernel[2] = {w->shape.dim[2].size, w->shape.dim[3].size};
    int64_t pads[4];
    if (!explicit_pads(node, kernel, pads)) return GALEN_OK;
    const gal_attr more = gal_attr_of_ints("pads", pads, 4);
    gal_value *in[3] = {NULL, node->in[1], node->n_in > 2 ? node->in[2] : NULL};
    return convert(layout, node, in, &more, 1, "auto_pad", err);
}

static galen_status convert_pool(gal_layout *layout, gal_node *node, galen_error *err) {
    size_t n;
    const int64_t *kernel = gal_attr_ints(node, "kernel_shape", &n);
    int64_t pads[4];
    if (node->n_out > 1 && node->out[1] != NULL && (node->out[1]->uses != NULL || node->out[1]->is_output))
        return GALEN_OK;
    if (!is_image(node->in[0]) || !is_image(node->out[0]) || n != 2 || !gal_layout_is_cheap(layout, node->in[0]))
        return GALEN_OK;
    if (!explicit_pads(node, kernel, pads)) return GALEN_OK;
    const gal_attr more = gal_attr_of_ints("pads", pads, 4);
    gal_value *in[1];
    return convert(layout, node, in, &more, 1, "auto_pad storage_order", err);
}

static galen_status convert_global(gal_layout *layout, gal_node *node, galen_error *err) {
    if (!is_image(node->in[0]) || gal_layout_twin(layout, node->in[0]) == NULL) return GALEN_OK;
    gal_value *in[1];
    return convert(layout, node, in, NULL, 0, NULL, err);
}

static bool has_perm(const gal_node *node, const int64_t perm[4]) {
    size_t n;
    const int64_t *own = gal_attr_ints(node, "perm", &n);
    return n == 4 && memcmp(own, perm, 4 * sizeof *perm) == 0;
}

/* Transposes, the model's own and those of earlier rounds, say which values are twins. */
static galen_status note_transpose(gal_layout *layout, gal_node *node, galen_error *err) {
    gal_value *x = node->in[0], *y = node->out[0];
    if (has_perm(node, to_nchw)) return set_twin(layout, y, x, err);
    if (!has_perm(node, to_nhwc)) return GALEN_OK;
    gal_value *twin = gal_layout_twin(layout, x);
    if (twin == NULL) return set_twin(layout, x, y, err);
    if (!gal_can_replace(y, twin)) return GALEN_OK;
    gal_graph_replace(layout->graph, y, twin);
    gal_graph_remove(layout->graph, node);
    *layout->changed = true;
    return GALEN_OK;
}

/* A Reshape that only moves dimensions of size 1: [N, 1, 1, C] to [N, C, 1, 1]. */
static galen_status note_reshape(gal_layout *layout, gal_node *node, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    if (x->rank != 4 || y->rank != 4) return GALEN_OK;
    bool twins = true;
    for (int i = 0; i < 4; i++) twins &= gal_dim_equal(x->dim[i], y->dim[to_nhwc[i]]);
    bool flat = is_one(x->dim[3]) || (is_one(x->dim[1]) && is_one(x->dim[2]));
    return twins && flat ? set_twin(layout, node->out[0], node->in[0], err) : GALEN_OK;
}

typedef galen_status (*convert_fn)(gal_layout *layout, gal_node *node, galen_error *err);

static const struct {
    const char *op;
    convert_fn convert;
    bool needs_twin_op; /* galen.<op> must exist */
} rules[] = {
    {"AveragePool", convert_pool, true}, {"Conv", convert_conv, true},     {"GlobalAveragePool", convert_global, true},
    {"MaxPool", convert_pool, true},     {"Reshape", note_reshape, false}, {"Transpose", note_transpose, false},
};

static galen_status visit(gal_layout *layout, gal_node *node, galen_error *err) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!gal_is_op(node, "", rules[i].op)) continue;
        if (rules[i].needs_twin_op && gal_op_find("galen", rules[i].op) == NULL) return GALEN_OK;
        return rules[i].convert(layout, node, err);
    }
    return gal_layout_through(layout, node, err);
}

galen_status gal_pass_layout_nhwc(gal_graph *graph, bool *changed, galen_error *err) {
    gal_layout layout = {.graph = graph, .changed = changed};
    galen_status status = GALEN_OK;
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL && status == GALEN_OK; node = next) {
        next = node->next;
        status = visit(&layout, node, err);
    }
    gal_free(layout.twin);
    return status;
}
