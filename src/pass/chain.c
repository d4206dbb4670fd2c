/*
 * Chains of an inverted bottleneck as one node each: a 1x1 galen.Conv, the depthwise one that alone reads it and the
 * mean of what that makes become galen.ExpandDepthwise; the product with a gate and the 1x1 galen.Conv that alone reads
 * it become galen.GatedConv. Activations are merged before (fuse.c).
 */
#include "base/error.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <string.h>

typedef struct chaining {
    gal_graph *graph;
    const gal_chain_choice *choice;
    bool *changed;
} chaining;

static bool is_float_conv(const gal_node *node) {
    if (!gal_is_op(node, "galen", "Conv") || node->in[1]->constant == NULL) return false;
    galen_dtype type = node->in[0]->dtype;
    return (type == GALEN_F32 || gal_dtype_is_half(type)) && node->in[1]->shape.rank == 4 &&
           node->in[0]->shape.rank == 4;
}

static bool has_input(const gal_node *node, uint32_t index) {
    return index < node->n_in && node->in[index] != NULL;
}

static bool all_are(const gal_node *node, const char *name, int64_t value) {
    size_t n;
    const int64_t *v = gal_attr_ints(node, name, &n);
    for (size_t i = 0; i < n; i++)
        if (v[i] != value) return false;
    return true;
}

/* A 1x1 window that moves by single pixels over an image without padding, in one group. */
static bool is_pointwise(const gal_node *node) {
    if (!is_float_conv(node)) return false;
    const gal_dim *w = node->in[1]->shape.dim;
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    bool alike = gal_dim_equal(x->dim[1], y->dim[1]) && gal_dim_equal(x->dim[2], y->dim[2]);
    return w[2].size == 1 && w[3].size == 1 && gal_attr_int(node, "group", 1) == 1 && all_are(node, "strides", 1) &&
           all_are(node, "pads", 0) && alike;
}

static bool is_depthwise(const gal_node *node) {
    if (!is_float_conv(node) || has_input(node, 3)) return false;
    const gal_dim *w = node->in[1]->shape.dim;
    int64_t group = gal_attr_int(node, "group", 1);
    return group > 1 && w[0].size == group && w[1].size == 1;
}

/* The mean over the image that reads `value`, or NULL. */
static gal_node *mean_of(const gal_value *value) {
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (gal_is_op(use->node, "galen", "GlobalAveragePool")) return use->node;
    return NULL;
}

/* The first convolution's activation under the names that the merged node has for it. */
static uint32_t first_attributes(const gal_node *first, gal_attr *to) {
    static const char *const names[][2] = {
        {"activation", "first_activation"}, {"act_alpha", "first_act_alpha"}, {"act_beta", "first_act_beta"}};
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const gal_attr *attr = gal_attr_find(first, names[i][0]);
        if (attr == NULL) continue;
        to[n] = *attr;
        to[n++].name = names[i][1];
    }
    return n;
}

enum { ATTRS_MAX = 16 };

/* Whether `made` is to take the place of the parts; if not, it goes. */
static bool keeps(const chaining *c, gal_node *made, const gal_node *first, const gal_node *last) {
    if (c->choice == NULL || c->choice->takes(c->choice->context, made, first, last)) return true;
    gal_graph_remove(c->graph, made);
    return false;
}

static galen_status expand(const chaining *c, gal_node *node, galen_error *err) {
    gal_graph *graph = c->graph;
    gal_node *first = gal_sole_producer(node->in[0]), *made;
    if (first == NULL || !is_pointwise(first) || has_input(first, 3) || node->n_attr + 3 > ATTRS_MAX) return GALEN_OK;
    gal_node *mean = mean_of(node->out[0]);
    gal_attr attr[ATTRS_MAX];
    memcpy(attr, node->attr, node->n_attr * sizeof *attr);
    uint32_t n = node->n_attr + first_attributes(first, attr + node->n_attr);
    gal_value *in[5] = {first->in[0], first->in[1], has_input(first, 2) ? first->in[2] : NULL, node->in[1],
                        has_input(node, 2) ? node->in[2] : NULL};
    const gal_node_spec spec = {.domain = "galen",
                                .op = "ExpandDepthwise",
                                .name = node->name,
                                .n_in = 5,
                                .n_out = mean != NULL ? 2 : 1,
                                .in = in,
                                .n_attr = n,
                                .attr = attr,
                                .stands_for = gal_merged_name(graph, first, node->op->name),
                                .before = node};
    GAL_TRY(gal_graph_node(graph, &spec, &made, err));
    if (!keeps(c, made, first, node)) return GALEN_OK;
    if (mean != NULL) {
        gal_graph_replace(graph, mean->out[0], made->out[1]);
        gal_graph_remove(graph, mean);
    }
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    gal_graph_remove(graph, first);
    *c->changed = true;
    return GALEN_OK;
}

/* One number an image and channel of x. */
static bool is_gate(const gal_value *value, const gal_value *x) {
    gal_shape shape = x->shape;
    if (shape.rank != 4) return false;
    shape.dim[1] = shape.dim[2] = gal_dim_fixed(1);
    return value->constant == NULL && value->dtype == x->dtype && gal_shape_equal(&value->shape, &shape) &&
           !gal_shape_equal(&value->shape, &x->shape);
}

static galen_status gate(const chaining *c, gal_node *node, galen_error *err) {
    gal_graph *graph = c->graph;
    gal_node *mul = gal_sole_producer(node->in[0]), *made;
    if (mul == NULL || !gal_is_op(mul, "", "Mul") || node->n_in > 4) return GALEN_OK;
    uint32_t gated = is_gate(mul->in[1], mul->in[0]) ? 0 : 1;
    gal_value *x = mul->in[gated], *by = mul->in[1 - gated];
    if (!is_gate(by, x) || !gal_shape_equal(&x->shape, &node->in[0]->shape)) return GALEN_OK;
    gal_value *in[5] = {x, node->in[1], has_input(node, 2) ? node->in[2] : NULL,
                        has_input(node, 3) ? node->in[3] : NULL, by};
    const gal_remake spec = {.like = node,
                             .domain = "galen",
                             .op = "GatedConv",
                             .n_in = 5,
                             .in = in,
                             .stands_for = gal_merged_name(graph, mul, node->op->name),
                             .before = node};
    GAL_TRY(gal_remake_node(graph, &spec, &made, err));
    if (!keeps(c, made, mul, node)) return GALEN_OK;
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    gal_graph_remove(graph, mul);
    *c->changed = true;
    return GALEN_OK;
}

galen_status gal_pass_chain(gal_graph *graph, const gal_chain_choice *choice, bool *changed, galen_error *err) {
    const chaining c = {.graph = graph, .choice = choice, .changed = changed};
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        if (is_depthwise(node)) {
            if (mean_of(node->out[0]) == next && next != NULL) next = next->next;
            GAL_TRY(expand(&c, node, err));
        } else if (is_pointwise(node)) {
            GAL_TRY(gate(&c, node, err));
        }
    }
    return GALEN_OK;
}
