/* Removes nodes none of whose outputs is read, last to first, so that whole chains go at once. */
#include "graph/op.h"
#include "pass/pass.h"

static bool is_read(const gal_node *node) {
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return true;
    return false;
}

galen_status gal_pass_remove_dead(gal_graph *graph, bool *changed, galen_error *err) {
    (void)err;
    gal_node *prev;
    for (gal_node *node = graph->last; node != NULL; node = prev) {
        prev = node->prev;
        if (is_read(node)) continue;
        gal_graph_remove(graph, node);
        *changed = true;
    }
    return GALEN_OK;
}
