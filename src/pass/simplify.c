/*
 * Removes what changes nothing (Identity, Dropout, reshapes to the same shape, arithmetic with 0 or 1) and merges what
 * can be one step: chains of reshapes and transposes, zero padding before a convolution, a mean over the whole image.
 */
#include "base/error.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <string.h>

typedef struct simplify {
    gal_graph *graph;
    bool *changed;
} simplify;

/* `node` does nothing: its readers read `by`. */
static galen_status drop(simplify *s, gal_node *node, gal_value *by) {
    if (!gal_can_replace(node->out[0], by)) return GALEN_OK;
    gal_graph_replace(s->graph, node->out[0], by);
    gal_graph_remove(s->graph, node);
    *s->changed = true;
    return GALEN_OK;
}

static galen_status replace(simplify *s, gal_node *node, gal_value *by) {
    gal_graph_replace(s->graph, node->out[0], by);
    gal_graph_remove(s->graph, node);
    *s->changed = true;
    return GALEN_OK;
}

static bool same_type(const gal_node *node) {
    return node->in[0]->dtype == node->out[0]->dtype && gal_shape_equal(&node->in[0]->shape, &node->out[0]->shape);
}

static bool only_first_is_read(const gal_node *node) {
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return false;
    return true;
}

/* Every element of an integer operand is `v`; true for an omitted one. */
static bool all_equal(const gal_node *node, uint32_t index, int64_t v) {
    if (node->n_in <= index || node->in[index] == NULL) return true;
    const gal_value *value = node->in[index];
    if (value->known == NULL || !gal_shape_is_fixed(&value->shape)) return false;
    int64_t n = gal_fixed_elements(value);
    for (int64_t i = 0; i < n; i++)
        if (value->known[i].batch || value->known[i].size != v) return false;
    return true;
}

static bool is_false(const gal_node *node, uint32_t index) {
    if (node->n_in <= index || node->in[index] == NULL) return true;
    const galen_tensor *t = node->in[index]->constant;
    return t != NULL && t->dtype == GALEN_BOOL && galen_tensor_elements(t) == 1 && *(const uint8_t *)t->data == 0;
}

/* x + 0, x - 0, x * 1, x / 1 with a single constant. */
static bool is_neutral(const gal_node *node) {
    float v;
    bool add = gal_is_op(node, "", "Add") || gal_is_op(node, "", "Sub"),
         mul = gal_is_op(node, "", "Mul") || gal_is_op(node, "", "Div");
    return (add || mul) && gal_const_scalar(node->in[1], &v) && v == (mul ? 1.0f : 0.0f) && same_type(node);
}

static bool does_nothing(const gal_node *node) {
    static const char *const reshapes[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Cast"};
    static const char *const variadic[] = {"Sum", "Mean", "Max", "Min", "Concat"};
    if (!only_first_is_read(node) || !same_type(node)) return false;
    for (size_t i = 0; i < sizeof reshapes / sizeof *reshapes; i++)
        if (gal_is_op(node, "", reshapes[i])) return true;
    for (size_t i = 0; i < sizeof variadic / sizeof *variadic; i++)
        if (gal_is_op(node, "", variadic[i])) return node->n_in == 1;
    if (gal_is_op(node, "", "Identity")) return true;
    if (gal_is_op(node, "", "Dropout")) return is_false(node, 2);
    if (gal_is_op(node, "", "Pad")) return all_equal(node, 1, 0);
    if (gal_is_op(node, "", "Slice")) return all_equal(node, 4, 1);
    return is_neutral(node);
}

static bool is_reshape(const gal_node *node) {
    return gal_is_op(node, "", "Reshape") || gal_is_op(node, "", "Flatten") || gal_is_op(node, "", "Squeeze") ||
           gal_is_op(node, "", "Unsqueeze");
}

/* The operand that makes Reshape give `shape`: at most one dimension may follow the batch. */
static bool reshape_operand(const gal_shape *shape, int64_t *dims) {
    int open = 0;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i].size == 0) return false;
        dims[i] = shape->dim[i].batch ? -1 : shape->dim[i].size;
        open += shape->dim[i].batch;
    }
    return open <= 1;
}

/* `node` becomes a Reshape of `x` to the same shape, if that can be said. */
static galen_status become_reshape(simplify *s, gal_node *node, gal_value *x, galen_error *err) {
    int64_t dims[GALEN_MAX_RANK];
    gal_value *in[2] = {x, NULL};
    gal_node *made;
    if (!reshape_operand(&node->out[0]->shape, dims)) return GALEN_OK;
    GAL_TRY(gal_graph_ints(s->graph, NULL, dims, (size_t)node->out[0]->shape.rank, &in[1], err));
    const gal_node_spec spec = {.op = "Reshape", .name = node->name, .n_in = 2, .n_out = 1, .in = in, .before = node};
    GAL_TRY(gal_graph_node(s->graph, &spec, &made, err));
    return replace(s, node, made->out[0]);
}

static galen_status merge_reshapes(simplify *s, gal_node *node, galen_error *err) {
    gal_node *first = node->in[0]->producer;
    if (first == NULL || !is_reshape(first)) return GALEN_OK;
    if (gal_shape_equal(&first->in[0]->shape, &node->out[0]->shape)) return drop(s, node, first->in[0]);
    return become_reshape(s, node, first->in[0], err);
}

static void perm_of(const gal_node *node, int64_t perm[GALEN_MAX_RANK]) {
    size_t n;
    const int64_t *given = gal_attr_ints(node, "perm", &n);
    int rank = node->in[0]->shape.rank;
    for (int i = 0; i < rank; i++) perm[i] = (int)n == rank ? given[i] : rank - 1 - i;
}

static bool is_identity(const int64_t *perm, int rank) {
    for (int i = 0; i < rank; i++)
        if (perm[i] != i) return false;
    return true;
}

/* Dimensions of more than one element keep their order: the bytes stay as they are. */
static bool keeps_order(const gal_shape *x, const int64_t *perm) {
    int64_t last = -1;
    for (int i = 0; i < x->rank; i++) {
        gal_dim dim = x->dim[perm[i]];
        if (dim.size == 1 && !dim.batch) continue;
        if (perm[i] < last) return false;
        last = perm[i];
    }
    return true;
}

static galen_status simplify_transpose(simplify *s, gal_node *node, galen_error *err) {
    int64_t perm[GALEN_MAX_RANK], before[GALEN_MAX_RANK];
    int rank = node->in[0]->shape.rank;
    gal_value *y;
    perm_of(node, perm);
    if (is_identity(perm, rank)) return drop(s, node, node->in[0]);
    gal_node *first = node->in[0]->producer;
    if (gal_is_op(first, "", "Transpose")) {
        perm_of(first, before);
        for (int i = 0; i < rank; i++) perm[i] = before[perm[i]];
        if (is_identity(perm, rank)) return drop(s, node, first->in[0]);
        GAL_TRY(gal_add_transpose(s->graph, first->in[0], perm, rank, node, &y, err));
        return replace(s, node, y);
    }
    return keeps_order(&node->in[0]->shape, perm) ? become_reshape(s, node, node->in[0], err) : GALEN_OK;
}

static bool pads_with_zero(const gal_node *pad) {
    float v = 0;
    if (pad->n_in > 2 && pad->in[2] != NULL && !gal_const_scalar(pad->in[2], &v)) return false;
    return pad->n_in <= 3 && v == 0 && strcmp(gal_attr_string(pad, "mode", "constant"), "constant") == 0;
}

/* Zeros around the image in front of Conv are Conv's own padding. */
static galen_status merge_pad(simplify *s, gal_node *conv, galen_error *err) {
    gal_node *pad = gal_sole_producer(conv->in[0]), *made;
    int rank = conv->in[0]->shape.rank;
    const char *how = gal_attr_string(conv, "auto_pad", "NOTSET");
    int64_t pads[2 * GALEN_MAX_RANK];
    size_t n;
    if (!gal_is_op(pad, "", "Pad") || !pads_with_zero(pad) || rank < 3 || pad->in[1]->known == NULL) return GALEN_OK;
    if (strcmp(how, "NOTSET") != 0 && strcmp(how, "VALID") != 0) return GALEN_OK;
    const int64_t *own = gal_attr_ints(conv, "pads", &n);
    bool has_own = (int)n == 2 * (rank - 2) && strcmp(how, "NOTSET") == 0; /* VALID overrides pads */
    for (int i = 0; i < 2 * rank; i++) {
        gal_dim dim = pad->in[1]->known[i];
        int axis = i % rank, at = i / rank * (rank - 2) + axis - 2;
        if (dim.batch || dim.size < 0 || (axis < 2 && dim.size != 0)) return GALEN_OK;
        if (axis >= 2) pads[at] = dim.size + (has_own ? own[at] : 0);
    }
    const gal_attr more = gal_attr_of_ints("pads", pads, (size_t)(2 * (rank - 2)));
    gal_value *in[3] = {pad->in[0], conv->in[1], conv->n_in > 2 ? conv->in[2] : NULL};
    const gal_remake spec = {.like = conv,
                             .op = "Conv",
                             .n_in = conv->n_in,
                             .in = in,
                             .more = &more,
                             .n_more = 1,
                             .drop = "auto_pad",
                             .stands_for = "Pad+Conv",
                             .before = conv};
    GAL_TRY(gal_remake_node(s->graph, &spec, &made, err));
    GAL_TRY(replace(s, conv, made->out[0]));
    gal_graph_remove(s->graph, pad);
    return GALEN_OK;
}

/* ReduceMean over height and width of an image. */
static galen_status mean_to_pool(simplify *s, gal_node *node, galen_error *err) {
    size_t n;
    const int64_t *axes = gal_attr_ints(node, "axes", &n);
    const gal_shape *x = &node->in[0]->shape;
    if (x->rank != 4 || n != 2 || node->n_in != 1 || node->in[0]->dtype != GALEN_F32) return GALEN_OK;
    for (int i = 2; i < 4; i++)
        if (x->dim[i].batch || x->dim[i].size < 1) return GALEN_OK; /* no pool has such windows */
    int64_t a = axes[0] < 0 ? axes[0] + 4 : axes[0], b = axes[1] < 0 ? axes[1] + 4 : axes[1];
    if (!((a == 2 && b == 3) || (a == 3 && b == 2)) || gal_op_find("", "GlobalAveragePool") == NULL) return GALEN_OK;
    gal_node *pool, *flat;
    const gal_node_spec spec = {.op = "GlobalAveragePool",
                                .name = node->name,
                                .n_in = 1,
                                .n_out = 1,
                                .in = node->in,
                                .stands_for = "ReduceMean",
                                .before = node};
    GAL_TRY(gal_graph_node(s->graph, &spec, &pool, err));
    if (node->out[0]->shape.rank == 4) return replace(s, node, pool->out[0]);
    const gal_node_spec flatten = {.op = "Flatten", .n_in = 1, .n_out = 1, .in = pool->out, .before = node};
    GAL_TRY(gal_graph_node(s->graph, &flatten, &flat, err));
    return replace(s, node, flat->out[0]);
}

/* A Sum of two is an Add. */
static galen_status sum_to_add(simplify *s, gal_node *node, galen_error *err) {
    gal_node *made;
    if (node->n_in != 2) return GALEN_OK;
    const gal_remake spec = {.like = node, .op = "Add", .n_in = 2, .in = node->in, .stands_for = "Sum", .before = node};
    GAL_TRY(gal_remake_node(s->graph, &spec, &made, err));
    return replace(s, node, made->out[0]);
}

static galen_status visit(simplify *s, gal_node *node, galen_error *err) {
    if (node->n_in == 0 || node->in[0] == NULL || node->n_out == 0 || node->out[0] == NULL) return GALEN_OK;
    if (does_nothing(node)) return drop(s, node, node->in[0]);
    if (is_reshape(node)) return merge_reshapes(s, node, err);
    if (gal_is_op(node, "", "Transpose")) return simplify_transpose(s, node, err);
    if (gal_is_op(node, "", "Conv")) return merge_pad(s, node, err);
    if (gal_is_op(node, "", "Sum")) return sum_to_add(s, node, err);
    if (gal_is_op(node, "", "ReduceMean")) return mean_to_pool(s, node, err);
    return GALEN_OK;
}

galen_status gal_pass_simplify(gal_graph *graph, bool *changed, galen_error *err) {
    simplify s = {graph, changed};
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        GAL_TRY(visit(&s, node, err));
    }
    return GALEN_OK;
}
