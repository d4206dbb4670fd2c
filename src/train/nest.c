/* Concatenations of concatenations, and moments of their parts (train/dense_grad.h). */
#include "base/error.h"
#include "base/mem.h"
#include "pass/rewrite.h"
#include "train/dense_grad.h"

bool gal_train_joins_channels(const gal_node *node) {
    if (node == NULL || !gal_is_op(node, "", "Concat") || node->n_in < 2) return false;
    int64_t axis = gal_attr_int(node, "axis", 0);
    return axis == -1 || axis == node->out[0]->shape.rank - 1;
}

/* ---- concatenations ---- */

static bool begins_with(const gal_node *node, const gal_node *prefix) {
    if (prefix->n_in >= node->n_in) return false;
    for (uint32_t i = 0; i < prefix->n_in; i++)
        if (node->in[i] != prefix->in[i]) return false;
    for (const gal_node *at = node->prev; at != NULL; at = at->prev)
        if (at == prefix) return true;
    return false;
}

/* The longest Concat in front of `node` that it begins with, or NULL. */
static gal_node *find_prefix(const gal_node *node) {
    gal_node *best = NULL;
    for (const gal_use *use = node->in[0]->uses; use != NULL; use = use->next) {
        if (!gal_train_joins_channels(use->node) || (best != NULL && use->node->n_in <= best->n_in)) continue;
        if (begins_with(node, use->node)) best = use->node;
    }
    return best;
}

static galen_status nest_one(gal_graph *graph, gal_node *node, const gal_node *prefix, galen_error *err) {
    uint32_t n = node->n_in - prefix->n_in + 1;
    gal_value **in = gal_arena_alloc(&graph->arena, n, sizeof(gal_value *));
    gal_node *made;
    if (in == NULL) return gal_fail_memory(err, "a concatenation", n * sizeof(gal_value *));
    in[0] = prefix->out[0];
    for (uint32_t i = 1; i < n; i++) in[i] = node->in[prefix->n_in + i - 1];
    const gal_node_spec spec = {.op = "Concat",
                                .name = node->name,
                                .n_in = n,
                                .n_out = 1,
                                .in = in,
                                .attr = node->attr,
                                .n_attr = node->n_attr,
                                .before = node};
    GAL_TRY(gal_graph_node(graph, &spec, &made, err));
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    return GALEN_OK;
}

/* From the last to the first, so that prefixes are still whole when they are looked for. */
static galen_status nest_all(gal_graph *graph, galen_error *err) {
    gal_node *prev;
    for (gal_node *node = graph->last; node != NULL; node = prev) {
        prev = node->prev;
        const gal_node *prefix = gal_train_joins_channels(node) ? find_prefix(node) : NULL;
        if (prefix != NULL) GAL_TRY(nest_one(graph, node, prefix, err));
    }
    return GALEN_OK;
}

/* ---- moments ---- */

typedef struct moments {
    bool wanted;
    gal_value *mean, *variance;
} moments;

typedef struct sharer {
    gal_graph *graph;
    uint32_t n_value; /* before anything was added */
    moments *of;      /* by value id */
} sharer;

static moments *of_value(const sharer *s, const gal_value *value) {
    return value != NULL && value->id < s->n_value ? &s->of[value->id] : NULL;
}

/* Backwards: moments of a normalised Concat are wanted, and so are those of its parts. */
static void find_wanted(const sharer *s) {
    for (const gal_node *node = s->graph->last; node != NULL; node = node->prev) {
        if (gal_is_op(node, "galen", "BatchNorm") && gal_train_joins_channels(node->in[0]->producer))
            of_value(s, node->in[0])->wanted = true;
        if (!gal_train_joins_channels(node) || !of_value(s, node->out[0])->wanted) continue;
        for (uint32_t i = 0; i < node->n_in; i++) of_value(s, node->in[i])->wanted = true;
    }
}

static galen_status join_moments(const sharer *s, const gal_node *concat, bool variance, gal_value **out,
                                 galen_error *err) {
    gal_value **in = gal_arena_alloc(&s->graph->arena, concat->n_in, sizeof(gal_value *));
    const gal_attr axis = gal_attr_of_int("axis", 0);
    gal_node *made;
    if (in == NULL) return gal_fail_memory(err, "a concatenation", concat->n_in * sizeof(gal_value *));
    for (uint32_t i = 0; i < concat->n_in; i++) {
        const moments *part = of_value(s, concat->in[i]);
        in[i] = variance ? part->variance : part->mean;
    }
    const gal_node_spec spec = {
        .op = "Concat", .n_in = concat->n_in, .n_out = 1, .in = in, .attr = &axis, .n_attr = 1, .before = concat->next};
    GAL_TRY(gal_graph_node(s->graph, &spec, &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

/* Moments of `value`, in front of `before`. */
static galen_status add_moments(const sharer *s, gal_value *value, gal_node *before, galen_error *err) {
    moments *m = of_value(s, value);
    gal_node *made;
    if (m == NULL || !m->wanted) return GALEN_OK;
    if (gal_train_joins_channels(value->producer)) {
        GAL_TRY(join_moments(s, value->producer, false, &m->mean, err));
        return join_moments(s, value->producer, true, &m->variance, err);
    }
    const gal_node_spec spec = {
        .domain = "galen", .op = "Moments", .n_in = 1, .n_out = 2, .in = &value, .before = before};
    GAL_TRY(gal_graph_node(s->graph, &spec, &made, err));
    m->mean = made->out[0], m->variance = made->out[1];
    return GALEN_OK;
}

static void take_moments(const sharer *s, gal_node *norm) {
    const moments *m = of_value(s, norm->in[0]);
    if (m == NULL || m->mean == NULL || norm->n_in < 7) return;
    gal_node_set_input(norm, 5, m->mean);
    gal_node_set_input(norm, 6, m->variance);
}

static galen_status share_moments(const sharer *s, galen_error *err) {
    gal_node *next;
    find_wanted(s);
    for (uint32_t i = 0; i < s->n_value; i++)
        if (s->graph->value[i]->producer == NULL) GAL_TRY(add_moments(s, s->graph->value[i], s->graph->first, err));
    for (gal_node *node = s->graph->first; node != NULL; node = next) {
        next = node->next;
        if (gal_is_op(node, "galen", "BatchNorm")) take_moments(s, node);
        for (uint32_t i = 0; i < node->n_out; i++)
            if (node->out[i] != NULL) GAL_TRY(add_moments(s, node->out[i], next, err));
    }
    return GALEN_OK;
}

galen_status gal_train_nest(gal_graph *graph, galen_error *err) {
    GAL_TRY(nest_all(graph, err));
    sharer s = {.graph = graph, .n_value = graph->n_value};
    s.of = gal_calloc(s.n_value > 0 ? s.n_value : 1, sizeof *s.of);
    if (s.of == NULL) return gal_fail_memory(err, "moments of features", s.n_value * sizeof *s.of);
    galen_status status = share_moments(&s, err);
    gal_free(s.of);
    return status;
}
