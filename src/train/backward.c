/* The gradient walk: nodes from last to first, each by its op's rule (graph/grad.h). */
#include "train/backward.h"

#include "base/error.h"
#include "base/mem.h"
#include "graph/grad.h"

#include <string.h>

typedef struct walk {
    gal_graph *graph;
    uint32_t n_value;    /* before anything was appended */
    bool *leads;         /* by value id: some target is on the way to it */
    gal_value **arrived; /* by value id: the sum of gradients so far, or NULL */
    gal_value **dx;      /* room for the gradients of one node's inputs */
    gal_value **dy;
    bool *wanted;
} walk;

static uint32_t most_ends(const gal_graph *graph) {
    uint32_t most = 1;
    for (const gal_node *node = graph->first; node != NULL; node = node->next) {
        if (node->n_in > most) most = node->n_in;
        if (node->n_out > most) most = node->n_out;
    }
    return most;
}

static galen_status take_room(walk *w, galen_error *err) {
    uint32_t ends = most_ends(w->graph);
    w->leads = gal_calloc(w->n_value, sizeof *w->leads);
    w->arrived = gal_calloc(w->n_value, sizeof *w->arrived);
    w->dx = gal_calloc(ends, sizeof *w->dx);
    w->dy = gal_calloc(ends, sizeof *w->dy);
    w->wanted = gal_calloc(ends, sizeof *w->wanted);
    if (w->leads != NULL && w->arrived != NULL && w->dx != NULL && w->dy != NULL && w->wanted != NULL) return GALEN_OK;
    return gal_fail_memory(err, "the gradient walk", w->n_value * sizeof *w->arrived);
}

static void find_ways(walk *w, gal_value *const *target, size_t n) {
    for (size_t i = 0; i < n; i++) w->leads[target[i]->id] = true;
    for (const gal_node *node = w->graph->first; node != NULL; node = node->next) {
        bool any = false;
        for (uint32_t i = 0; i < node->n_in; i++) any |= node->in[i] != NULL && w->leads[node->in[i]->id];
        for (uint32_t i = 0; i < node->n_out && any; i++)
            if (node->out[i] != NULL) w->leads[node->out[i]->id] = true;
    }
}

static galen_status arrive(walk *w, const gal_value *at, gal_value *gradient, galen_error *err) {
    gal_value **sum = &w->arrived[at->id], *in[2] = {*sum, gradient};
    if (*sum == NULL) {
        *sum = gradient;
        return GALEN_OK;
    }
    gal_node *made;
    const gal_node_spec spec = {.op = "Add", .n_in = 2, .in = in, .n_out = 1};
    GAL_TRY(gal_graph_node(w->graph, &spec, &made, err));
    *sum = made->out[0];
    return GALEN_OK;
}

/* Whether any of the node's outputs was reached, with their gradients in w->dy. */
static bool gather(walk *w, const gal_node *node) {
    bool any = false;
    for (uint32_t i = 0; i < node->n_out; i++) {
        w->dy[i] = node->out[i] != NULL ? w->arrived[node->out[i]->id] : NULL;
        any |= w->dy[i] != NULL;
    }
    return any;
}

static galen_status visit(walk *w, gal_node *node, galen_error *err) {
    bool any = false;
    if (!gather(w, node)) return GALEN_OK;
    for (uint32_t i = 0; i < node->n_in; i++) {
        w->dx[i] = NULL;
        w->wanted[i] = node->in[i] != NULL && w->leads[node->in[i]->id];
        any |= w->wanted[i];
    }
    if (!any) return GALEN_OK;
    gal_gradient_fn rule = gal_gradient_rule(node->op);
    if (rule == NULL)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "no gradient flows back through this op; freeze the layers in front of it");
    const gal_gradient g = {.graph = w->graph, .node = node, .dy = w->dy, .wanted = w->wanted, .dx = w->dx};
    GAL_TRY(rule(&g, err));
    for (uint32_t i = 0; i < node->n_in; i++)
        if (w->wanted[i] && w->dx[i] != NULL) GAL_TRY(arrive(w, node->in[i], w->dx[i], err));
    return GALEN_OK;
}

static galen_status start(walk *w, const gal_value *loss, gal_value *scale, galen_error *err) {
    gal_value *one;
    if (scale != NULL) {
        w->arrived[loss->id] = scale;
        return GALEN_OK;
    }
    int64_t dim[GALEN_MAX_RANK];
    for (int i = 0; i < loss->shape.rank; i++) dim[i] = loss->shape.dim[i].size;
    GAL_TRY(gal_graph_new_constant(w->graph, NULL, loss->dtype, loss->shape.rank, dim, &one, err));
    if (loss->dtype == GALEN_F64)
        *(double *)one->constant->data = 1;
    else
        *(float *)one->constant->data = 1;
    w->arrived[loss->id] = one;
    return GALEN_OK;
}

static galen_status walk_back(walk *w, gal_value *loss, gal_value *scale, gal_value *const *target, size_t n,
                              gal_value **gradient, galen_error *err) {
    gal_node *last = w->graph->last;
    GAL_TRY(take_room(w, err));
    find_ways(w, target, n);
    GAL_TRY(start(w, loss, scale, err));
    for (gal_node *node = last; node != NULL; node = node->prev) GAL_TRY(visit(w, node, err));
    for (size_t i = 0; i < n; i++) gradient[i] = w->arrived[target[i]->id];
    return GALEN_OK;
}

galen_status gal_train_backward(gal_graph *graph, gal_value *loss, gal_value *scale, gal_value *const *target, size_t n,
                                gal_value **gradient, galen_error *err) {
    walk w = {.graph = graph, .n_value = graph->n_value};
    if (!gal_shape_is_fixed(&loss->shape) || (loss->dtype != GALEN_F32 && loss->dtype != GALEN_F64))
        return gal_fail(err, GALEN_ERR_INTERNAL, "the loss '%s' is no single number", loss->name);
    galen_status status = walk_back(&w, loss, scale, target, n, gradient, err);
    gal_free(w.leads);
    gal_free(w.arrived);
    gal_free(w.dx);
    gal_free(w.dy);
    gal_free(w.wanted);
    return status;
}
