/*
 * GELU as exporters write it, x * (1 + erf(x / sqrt 2)) / 2 in five nodes, is one: galen.Gelu. One rounding in place of
 * five matters in 16 bits, where 1 + erf(x) of a negative x has lost most of what it is.
 */
#include "base/error.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <math.h>

/* Files in f16 and bf16 hold sqrt 2 and its reciprocal rounded. */
static bool is_about(const gal_value *value, float number) {
    float v;
    return gal_const_scalar(value, &v) && fabsf(v - number) <= 2e-4f * number;
}

/* The node is `op`, one operand is a constant about `number`, and the other is *other. */
static bool with_constant(const gal_node *node, const char *op, float number, gal_value **other) {
    if (!gal_is_op(node, "", op)) return false;
    for (int i = 0; i < 2; i++) {
        *other = node->in[1 - i];
        if (is_about(node->in[i], number)) return true;
    }
    return false;
}

/* The only reader of what `node` makes, when that is no output. */
static gal_node *sole_reader(const gal_node *node) {
    return gal_value_has_one_use(node->out[0]) ? node->out[0]->uses->node : NULL;
}

/* What erf is taken of: x / sqrt 2 or x * sqrt(1/2). */
static gal_value *argument(const gal_node *erf) {
    const gal_node *node = erf->in[0]->producer;
    gal_value *x;
    if (with_constant(node, "Mul", 0.70710678f, &x)) return x;
    return gal_is_op(node, "", "Div") && is_about(node->in[1], 1.41421356f) ? node->in[0] : NULL;
}

/* The product of x, 1/2 and `sum`, multiplied in any order; NULL when it is something else. */
static gal_node *product(gal_node *sum, const gal_value *x) {
    gal_node *first = sole_reader(sum), *second;
    gal_value *other;
    if (!gal_is_op(first, "", "Mul")) return NULL;
    other = first->in[0] == sum->out[0] ? first->in[1] : first->in[0];
    second = sole_reader(first);
    if (other == x) return with_constant(second, "Mul", 0.5f, &other) ? second : NULL;
    if (is_about(other, 0.5f)) {
        if (!gal_is_op(second, "", "Mul")) return NULL;
        return second->in[second->in[0] == first->out[0]] == x ? second : NULL;
    }
    return with_constant(other->producer, "Mul", 0.5f, &other) && other == x ? first : NULL;
}

static galen_status replace(gal_graph *graph, gal_node *erf, bool *changed, galen_error *err) {
    gal_value *x = argument(erf), *other;
    gal_node *sum = x != NULL ? sole_reader(erf) : NULL, *last, *made;
    if (sum == NULL || !with_constant(sum, "Add", 1, &other)) return GALEN_OK;
    last = product(sum, x);
    if (last == NULL || !gal_shape_equal(&last->out[0]->shape, &x->shape)) return GALEN_OK;
    const gal_node_spec spec = {
        .domain = "galen", .op = "Gelu", .n_in = 1, .n_out = 1, .in = &x, .stands_for = "Gelu", .before = last};
    GAL_TRY(gal_graph_node(graph, &spec, &made, err));
    gal_graph_replace(graph, last->out[0], made->out[0]);
    *changed = true;
    return GALEN_OK;
}

galen_status gal_pass_gelu(gal_graph *graph, bool *changed, galen_error *err) {
    bool any = false;
    for (gal_node *node = graph->first; node != NULL; node = node->next)
        if (gal_is_op(node, "", "Erf")) GAL_TRY(replace(graph, node, &any, err));
    *changed |= any;
    return any ? gal_pass_remove_dead(graph, changed, err) : GALEN_OK;
}
