/* Every invariant of the IR, checked after each pass in debug builds. */
#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"

#include <string.h>

static galen_status broken(galen_error *err, const char *what, const char *name) {
    return gal_fail(err, GALEN_ERR_INTERNAL, "graph invariant broken: %s ('%s'); report this as a bug", what, name);
}

static galen_status verify_uses(const gal_value *v, galen_error *err) {
    const gal_use *prev = NULL;
    for (const gal_use *u = v->uses; u; prev = u, u = u->next) {
        if (u->prev != prev) return broken(err, "list of uses is not linked both ways", v->name);
        if (!u->node || u->index >= u->node->n_in || u->node->in[u->index] != v)
            return broken(err, "a use does not read its value", v->name);
    }
    return GALEN_OK;
}

static galen_status verify_node(const gal_graph *graph, const gal_node *n, unsigned char *ready, galen_error *err) {
    for (uint32_t i = 0; i < n->n_in; i++) {
        const gal_value *v = n->in[i];
        if (!v) {
            if (i < n->op->min_in) return broken(err, "a required input is missing", n->name);
            continue;
        }
        if (n->use[i].node != n || n->use[i].index != i)
            return broken(err, "an input is not linked to its value", n->name);
        if (!v->constant && !v->is_input && !ready[v->id])
            return broken(err, "a value is read before it is computed", v->name);
        if (v->id >= graph->n_value || graph->value[v->id] != v)
            return broken(err, "a value is not in the graph's list", v->name);
    }
    for (uint32_t i = 0; i < n->n_out; i++) {
        gal_value *v = n->out[i];
        if (!v) continue;
        if (v->producer != n) return broken(err, "an output does not name its producer", v->name);
        if (!galen_dtype_size(v->dtype) || v->shape.rank < 0 || v->shape.rank > GALEN_MAX_RANK)
            return broken(err, "an output has no type or shape", v->name);
        for (int d = 0; d < v->shape.rank; d++)
            if (v->shape.dim[d].size < 0) return broken(err, "a dimension is negative", v->name);
        if (ready[v->id]) return broken(err, "a value is computed twice", v->name);
        ready[v->id] = 1;
    }
    return GALEN_OK;
}

static galen_status verify_nodes(const gal_graph *graph, unsigned char *ready, galen_error *err) {
    uint32_t count = 0;
    const gal_node *prev = NULL;
    for (const gal_node *n = graph->first; n; prev = n, n = n->next, count++) {
        if (n->prev != prev || count > graph->n_node)
            return broken(err, "the list of nodes is not linked both ways", n->name);
        GAL_TRY(verify_node(graph, n, ready, err));
    }
    if (count != graph->n_node || graph->last != prev) return broken(err, "the count of nodes is wrong", graph->name);
    for (uint32_t i = 0; i < graph->n_output; i++) {
        const gal_value *v = graph->output[i];
        if (!v->is_output) return broken(err, "an output is not marked", v->name);
        if (!v->constant && !v->is_input && !ready[v->id]) return broken(err, "an output is never computed", v->name);
    }
    return GALEN_OK;
}

galen_status gal_graph_verify(const gal_graph *graph, galen_error *err) {
    unsigned char *ready = gal_calloc(graph->n_value, 1);
    if (!ready) return gal_fail_memory(err, "checking the graph", graph->n_value);
    galen_status status = verify_nodes(graph, ready, err);
    gal_free(ready);
    for (uint32_t i = 0; i < graph->n_value && status == GALEN_OK; i++) {
        const gal_value *v = graph->value[i];
        status = verify_uses(v, err);
        if (status == GALEN_OK && gal_graph_find(graph, v->name) != v)
            status = broken(err, "a value is not found under its name", v->name);
    }
    return status;
}
