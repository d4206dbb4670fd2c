/* The table of gradient rules, and how rules put their nodes together. */
#include "graph/grad.h"

#include "base/error.h"
#include "graph/ops/grads.h"
#include "graph/ops/types.h"

#include <string.h>

enum { MAX_AXES = GALEN_MAX_RANK };

static const struct {
    const char *domain, *op;
    gal_gradient_fn rule;
} rules[] = {
#define GAL_GRADIENT(domain, op, rule) {domain, op, rule},
#include "graph/ops/grads.def"
#undef GAL_GRADIENT
};

gal_gradient_fn gal_gradient_rule(const gal_op *op) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].op, op->name) == 0 && strcmp(rules[i].domain, op->domain) == 0) return rules[i].rule;
    return NULL;
}

galen_status gal_gradient_node(const gal_gradient *g, const char *domain, const char *op, gal_value *const *in,
                               uint32_t n_in, const gal_attr *attr, uint32_t n_attr, uint32_t n_out, gal_value **out,
                               galen_error *err) {
    gal_node *made;
    const gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = n_in, .in = in, .attr = attr, .n_attr = n_attr, .n_out = n_out};
    GAL_TRY(gal_graph_node(g->graph, &spec, &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

galen_status gal_gradient_op(const gal_gradient *g, const char *op, gal_value *a, gal_value *b, gal_value **out,
                             galen_error *err) {
    gal_value *in[2] = {a, b};
    return gal_gradient_node(g, "", op, in, b != NULL ? 2 : 1, NULL, 0, 1, out, err);
}

galen_status gal_gradient_number(const gal_gradient *g, const gal_value *like, double number, gal_value **out,
                                 galen_error *err) {
    GAL_TRY(gal_graph_new_constant(g->graph, NULL, like->dtype, 0, NULL, out, err));
    gal_store_float(like->dtype, (*out)->constant->data, number);
    return GALEN_OK;
}

static galen_status sum_over(const gal_gradient *g, gal_value *x, const int64_t *axis, size_t n, bool keep,
                             gal_value **out, galen_error *err) {
    gal_value *in[2] = {x};
    const gal_attr attr = {.name = "keepdims", .type = GAL_ATTR_INT, .i = keep};
    GAL_TRY(gal_graph_ints(g->graph, NULL, axis, n, &in[1], err));
    return gal_gradient_node(g, "", "ReduceSum", in, 2, &attr, 1, 1, out, err);
}

/* x is one number a channel, the last dimension. */
static bool is_row(const gal_value *dy, const gal_value *x) {
    int rank = dy->shape.rank;
    return rank > 1 && x->shape.rank == 1 && gal_dim_equal(dy->shape.dim[rank - 1], x->shape.dim[0]);
}

galen_status gal_gradient_unbroadcast(const gal_gradient *g, gal_value *dy, const gal_value *x, gal_value **out,
                                      galen_error *err) {
    int more = dy->shape.rank - x->shape.rank;
    int64_t front[MAX_AXES], inside[MAX_AXES];
    size_t n_inside = 0;
    *out = dy;
    if (gal_shape_equal(&dy->shape, &x->shape)) return GALEN_OK;
    if (is_row(dy, x) && !gal_dtype_is_half(x->dtype))
        return gal_gradient_node(g, "galen", "ChannelSum", &dy, 1, NULL, 0, 1, out, err);
    for (int i = 0; i < more; i++) front[i] = i;
    if (more > 0) GAL_TRY(sum_over(g, *out, front, (size_t)more, false, out, err));
    for (int i = 0; i < x->shape.rank; i++)
        if (!gal_dim_equal((*out)->shape.dim[i], x->shape.dim[i])) inside[n_inside++] = i;
    return n_inside > 0 ? sum_over(g, *out, inside, n_inside, true, out, err) : GALEN_OK;
}

galen_status gal_gradient_reshape(const gal_gradient *g, gal_value *dy, const gal_value *x, gal_value **out,
                                  galen_error *err) {
    int64_t dim[MAX_AXES];
    int unknown = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        unknown += x->shape.dim[i].batch;
        dim[i] = x->shape.dim[i].batch ? -1 : x->shape.dim[i].size;
    }
    if (unknown > 1)
        return gal_node_fail(g->node, err, GALEN_ERR_UNSUPPORTED,
                             "no gradient: several dimensions depend on the batch");
    gal_value *in[2] = {dy};
    GAL_TRY(gal_graph_ints(g->graph, NULL, dim, (size_t)x->shape.rank, &in[1], err));
    return gal_gradient_node(g, "", "Reshape", in, 2, NULL, 0, 1, out, err);
}

static bool is_listed(const char *names, const char *name) {
    size_t length = strlen(name);
    for (const char *at = names; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, name, n) == 0) return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

uint32_t gal_gradient_attributes(const gal_node *node, const char *names, gal_attr *out, uint32_t max) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < node->n_attr && n < max; i++)
        if (is_listed(names, node->attr[i].name)) out[n++] = node->attr[i];
    return n;
}
