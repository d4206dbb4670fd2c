/* Adding nodes: arity, attributes, copies, links and the shape rule. */
#include "base/error.h"
#include "graph/graph.h"
#include "graph/op.h"

#include <string.h>

static const char *shown(const gal_node_spec *spec) {
    return spec->name && *spec->name ? spec->name : "(unnamed)";
}

static bool knows_attribute(const gal_op *op, const char *name) {
    size_t n = strlen(name);
    for (const char *p = op->attrs; *p;) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, name, n) == 0) return true;
        p += len + (p[len] == ' ');
    }
    return false;
}

static galen_status check_arity(const gal_op *op, const gal_node_spec *spec, galen_error *err) {
    if (spec->n_in < op->min_in || (op->max_in != 255 && spec->n_in > op->max_in))
        return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): %u inputs, needs %u to %u; export the model again",
                        shown(spec), op->name, spec->n_in, op->min_in, op->max_in);
    if (spec->n_out < op->min_out || (op->max_out != 255 && spec->n_out > op->max_out))
        return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): %u outputs, needs %u to %u; export the model again",
                        shown(spec), op->name, spec->n_out, op->min_out, op->max_out);
    for (uint32_t i = 0; i < op->min_in; i++)
        if (!spec->in[i])
            return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): input %u is missing; export the model again",
                            shown(spec), op->name, i);
    for (uint32_t i = 0; i < op->min_out && spec->out_name; i++)
        if (spec->out_name[i] && !*spec->out_name[i])
            return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): output %u is missing; export the model again",
                            shown(spec), op->name, i);
    for (uint32_t i = 0; i < spec->n_attr; i++) {
        if (!knows_attribute(op, spec->attr[i].name))
            return gal_fail(err, GALEN_ERR_UNSUPPORTED, "node '%s' (%s): attribute '%s' is not supported", shown(spec),
                            op->name, spec->attr[i].name);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(spec->attr[i].name, spec->attr[j].name) == 0)
                return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): attribute '%s' appears twice", shown(spec),
                                op->name, spec->attr[i].name);
    }
    return GALEN_OK;
}

static void *copy_array(gal_arena *arena, const void *from, size_t count, size_t size) {
    void *to = gal_arena_alloc(arena, count, size);
    if (to && count) memcpy(to, from, count * size);
    return to;
}

static bool copy_attr(gal_arena *arena, const gal_attr *from, gal_attr *to) {
    *to = *from;
    to->name = gal_arena_text(arena, from->name, strlen(from->name));
    const void *copy = to->name;
    switch (from->type) {
    case GAL_ATTR_STRING: copy = to->s = gal_arena_text(arena, from->s, strlen(from->s)); break;
    case GAL_ATTR_TENSOR: copy = to->tensor = copy_array(arena, from->tensor, 1, sizeof *from->tensor); break;
    case GAL_ATTR_INTS: copy = to->ints = copy_array(arena, from->ints, from->count, sizeof *from->ints); break;
    case GAL_ATTR_FLOATS: copy = to->floats = copy_array(arena, from->floats, from->count, sizeof *from->floats); break;
    default: break;
    }
    return to->name && copy;
}

/* Everything of the node that can fail, before anything is linked. */
static galen_status allocate(gal_graph *graph, const gal_op *op, const gal_node_spec *spec, gal_node **out,
                             galen_error *err) {
    gal_arena *arena = &graph->arena;
    gal_node *n = gal_arena_alloc(arena, 1, sizeof *n);
    if (!n) return gal_fail_memory(err, "a graph node", sizeof *n);
    n->op = op;
    n->id = graph->next_node;
    n->n_in = spec->n_in, n->n_out = spec->n_out, n->n_attr = spec->n_attr;
    n->name = spec->name && *spec->name ? gal_arena_text(arena, spec->name, strlen(spec->name))
                                        : gal_arena_printf(arena, "%s_%u", op->name, n->id);
    n->stands_for = spec->stands_for ? gal_arena_text(arena, spec->stands_for, strlen(spec->stands_for)) : NULL;
    n->in = gal_arena_alloc(arena, n->n_in, sizeof(gal_value *));
    n->use = gal_arena_alloc(arena, n->n_in, sizeof *n->use);
    n->out = gal_arena_alloc(arena, n->n_out, sizeof(gal_value *));
    n->attr = gal_arena_alloc(arena, n->n_attr, sizeof *n->attr);
    bool whole = n->name && n->in && n->use && n->out && n->attr && (!spec->stands_for || n->stands_for);
    for (uint32_t i = 0; whole && i < n->n_attr; i++) whole = copy_attr(arena, &spec->attr[i], &n->attr[i]);
    if (!whole)
        return gal_fail(err, GALEN_ERR_MEMORY, "out of memory for node '%s'; free memory or use a smaller model",
                        shown(spec));
    for (uint32_t i = 0; i < n->n_out; i++) {
        const char *name = spec->out_name ? spec->out_name[i] : NULL;
        if (name && !*name) continue;
        GAL_TRY(gal_graph_value(graph, name, &n->out[i], err));
        n->out[i]->producer = n;
    }
    *out = n;
    return GALEN_OK;
}

static void insert(gal_graph *graph, gal_node *n, gal_node *before) {
    n->next = before;
    n->prev = before ? before->prev : graph->last;
    if (n->prev)
        n->prev->next = n;
    else
        graph->first = n;
    if (before)
        before->prev = n;
    else
        graph->last = n;
    graph->n_node++;
    graph->next_node++;
}

galen_status gal_graph_node(gal_graph *graph, const gal_node_spec *spec, gal_node **out, galen_error *err) {
    const char *domain = spec->domain ? spec->domain : "";
    const gal_op *op = gal_op_find(domain, spec->op);
    if (!op)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "node '%s': op '%s%s%s' is not supported", shown(spec), domain,
                        *domain ? "." : "", spec->op);
    GAL_TRY(check_arity(op, spec, err));
    if (graph->n_node >= GAL_GRAPH_MAX_NODES)
        return gal_fail(err, GALEN_ERR_LIMIT, "graph '%s' has more than %d nodes; split the model", graph->name,
                        GAL_GRAPH_MAX_NODES);
    gal_node *n = NULL;
    GAL_TRY(allocate(graph, op, spec, &n, err));
    insert(graph, n, spec->before);
    for (uint32_t i = 0; i < n->n_in; i++) gal_node_set_input(n, i, spec->in[i]);
    galen_status status = op->infer(graph, n, err);
    if (status != GALEN_OK) {
        gal_graph_remove(graph, n);
        return status;
    }
    if (out) *out = n;
    return GALEN_OK;
}
