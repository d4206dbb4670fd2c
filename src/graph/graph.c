/* Building and changing graphs: values, constants, inputs and outputs. */
#include "graph/graph.h"

#include "base/error.h"
#include "base/mem.h"
#include "graph/names.h"
#include "graph/op.h"

#include <string.h>

/* Weights are mapped or copied into the arena; four gigabytes of graph is a hostile file. */
static const size_t ARENA_LIMIT = (size_t)4 << 30;

static galen_status no_memory(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_MEMORY, "out of memory for the graph's %s; free memory or use a smaller model",
                    what);
}

galen_status gal_graph_create(const char *name, gal_graph **out, galen_error *err) {
    *out = NULL;
    gal_graph *graph = gal_calloc(1, sizeof *graph);
    gal_names *names = gal_calloc(1, sizeof *names);
    if (!graph || !names) {
        gal_free(graph);
        gal_free(names);
        return no_memory(err, "header");
    }
    graph->names = names;
    gal_arena_init(&graph->arena, ARENA_LIMIT);
    graph->name = gal_arena_text(&graph->arena, name, strlen(name));
    if (!graph->name) {
        gal_graph_destroy(graph);
        return no_memory(err, "name");
    }
    *out = graph;
    return GALEN_OK;
}

void gal_graph_destroy(gal_graph *graph) {
    if (!graph) return;
    gal_names_free(graph->names);
    gal_free(graph->names);
    gal_free(graph->value);
    gal_free(graph->input);
    gal_free(graph->output);
    gal_arena_free(&graph->arena);
    gal_free(graph);
}

gal_value *gal_graph_find(const gal_graph *graph, const char *name) {
    return gal_names_find(graph->names, name);
}

static galen_status grow_values(gal_graph *graph, galen_error *err) {
    if (graph->n_value >= GAL_GRAPH_MAX_VALUES)
        return gal_fail(err, GALEN_ERR_LIMIT, "graph '%s' has more than %d values; split the model", graph->name,
                        GAL_GRAPH_MAX_VALUES);
    if (graph->n_value < graph->cap_value) return GALEN_OK;
    uint32_t cap = graph->cap_value ? graph->cap_value * 2 : 64;
    gal_value **value = gal_realloc(graph->value, cap, sizeof *value);
    if (!value) return no_memory(err, "values");
    graph->value = value;
    graph->cap_value = cap;
    return GALEN_OK;
}

galen_status gal_graph_value(gal_graph *graph, const char *name, gal_value **out, galen_error *err) {
    GAL_TRY(grow_values(graph, err));
    gal_value *v = gal_arena_alloc(&graph->arena, 1, sizeof *v);
    if (!v) return no_memory(err, "values");
    v->id = graph->n_value;
    v->made_up = !name;
    if (!name) {
        uint32_t serial = v->id;
        do v->name = gal_arena_printf(&graph->arena, "_%u", serial++);
        while (v->name && gal_graph_find(graph, v->name));
    } else {
        if (gal_graph_find(graph, name))
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "value '%s' is defined twice; the model is not in single-assignment form, export it again",
                            name);
        v->name = gal_arena_text(&graph->arena, name, strlen(name));
    }
    if (!v->name || !gal_names_add(graph->names, v)) return no_memory(err, "names");
    graph->value[graph->n_value++] = v;
    *out = v;
    return GALEN_OK;
}

static galen_status append(gal_value ***list, uint32_t *count, gal_value *value, galen_error *err) {
    gal_value **grown = gal_realloc(*list, (size_t)*count + 1, sizeof *grown);
    if (!grown) return no_memory(err, "inputs and outputs");
    *list = grown;
    grown[(*count)++] = value;
    return GALEN_OK;
}

galen_status gal_graph_input(gal_graph *graph, const char *name, galen_dtype dtype, const gal_shape *shape,
                             gal_value **out, galen_error *err) {
    gal_value *v;
    GAL_TRY(gal_graph_value(graph, name, &v, err));
    GAL_TRY(append(&graph->input, &graph->n_input, v, err));
    v->dtype = dtype;
    v->shape = *shape;
    v->is_input = true;
    *out = v;
    return GALEN_OK;
}

/* Integer constants of up to GAL_KNOWN_MAX elements are shape operands in waiting. */
static galen_status note_known(gal_graph *graph, gal_value *v, galen_error *err) {
    const galen_tensor *t = v->constant;
    int64_t n = galen_tensor_elements(t);
    v->known = NULL;
    if (t->rank > 1 || n < 0 || n > GAL_KNOWN_MAX || (t->dtype != GALEN_I64 && t->dtype != GALEN_I32)) return GALEN_OK;
    gal_dim dims[GAL_KNOWN_MAX];
    for (int64_t i = 0; i < n; i++)
        dims[i] = gal_dim_fixed(t->dtype == GALEN_I64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i]);
    return gal_set_known(graph, v, dims, (size_t)n, err);
}

static galen_status set_constant(gal_graph *graph, gal_value *v, const galen_tensor *tensor, galen_error *err) {
    if (galen_tensor_bytes(tensor) < 0 || !galen_dtype_size(tensor->dtype))
        return gal_fail(err, GALEN_ERR_FORMAT, "constant '%s' has no valid type or size; export the model again",
                        v->name);
    galen_tensor *copy = gal_arena_alloc(&graph->arena, 1, sizeof *copy);
    if (!copy) return no_memory(err, "constants");
    *copy = *tensor;
    v->constant = copy;
    v->dtype = tensor->dtype;
    v->shape = gal_shape_of_tensor(tensor);
    return note_known(graph, v, err);
}

galen_status gal_graph_constant(gal_graph *graph, const char *name, const galen_tensor *tensor, gal_value **out,
                                galen_error *err) {
    gal_value *v;
    GAL_TRY(gal_graph_value(graph, name, &v, err));
    *out = v;
    return set_constant(graph, v, tensor, err);
}

galen_status gal_graph_new_constant(gal_graph *graph, const char *name, galen_dtype dtype, int rank, const int64_t *dim,
                                    gal_value **out, galen_error *err) {
    galen_tensor t = {.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++) t.dim[i] = dim[i];
    int64_t bytes = galen_tensor_bytes(&t);
    if (bytes < 0) return gal_fail(err, GALEN_ERR_LIMIT, "constant '%s' is too large", name ? name : "");
    t.data = gal_arena_alloc_aligned(&graph->arena, (size_t)bytes);
    if (!t.data) return gal_fail_memory(err, name ? name : "a constant", (unsigned long long)bytes);
    GAL_TRY(gal_graph_constant(graph, name, &t, out, err));
    (*out)->known = NULL; /* the data is not there yet */
    return GALEN_OK;
}

galen_status gal_graph_ints(gal_graph *graph, const char *name, const int64_t *v, size_t n, gal_value **out,
                            galen_error *err) {
    int64_t dim[1] = {(int64_t)n};
    galen_tensor t = {.dtype = GALEN_I64, .rank = 1, .dim = {dim[0]}};
    t.data = gal_arena_alloc_aligned(&graph->arena, n * sizeof *v);
    if (!t.data) return no_memory(err, "constants");
    if (n) memcpy(t.data, v, n * sizeof *v);
    return gal_graph_constant(graph, name, &t, out, err);
}

galen_status gal_graph_make_variable(gal_graph *graph, gal_value *value, void *data, galen_error *err) {
    if (value->constant == NULL || value->constant->data == NULL || value->producer != NULL)
        return gal_fail(err, GALEN_ERR_INTERNAL, "value '%s' cannot vary: it is no constant", value->name);
    galen_tensor *own = gal_arena_alloc(&graph->arena, 1, sizeof *own);
    if (own == NULL) return no_memory(err, value->name);
    *own = *value->constant;
    memcpy(data, own->data, (size_t)galen_tensor_bytes(own));
    own->data = data;
    value->constant = own;
    value->is_variable = true;
    return GALEN_OK;
}

galen_status gal_graph_bind(gal_graph *graph, gal_value *value, const galen_tensor *tensor, galen_error *err) {
    gal_shape shape = gal_shape_of_tensor(tensor);
    if (value->dtype != tensor->dtype || value->shape.rank != shape.rank)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "'%s' takes %s of rank %d, not %s of rank %d", value->name,
                        galen_dtype_name(value->dtype), value->shape.rank, galen_dtype_name(tensor->dtype), shape.rank);
    for (uint32_t i = 0; i < graph->n_input; i++)
        if (graph->input[i] == value) {
            memmove(graph->input + i, graph->input + i + 1, (graph->n_input - i - 1) * sizeof *graph->input);
            graph->n_input--;
            break;
        }
    value->is_input = false;
    if (value->producer) {
        gal_node *node = value->producer;
        for (uint32_t i = 0; i < node->n_out; i++)
            if (node->out[i] == value) node->out[i] = NULL;
        value->producer = NULL;
    }
    return set_constant(graph, value, tensor, err);
}

galen_status gal_graph_mark_output(gal_graph *graph, gal_value *value, galen_error *err) {
    if (value->is_output)
        return gal_fail(err, GALEN_ERR_FORMAT, "'%s' is listed twice among the graph's outputs; export the model again",
                        value->name);
    GAL_TRY(append(&graph->output, &graph->n_output, value, err));
    value->is_output = true;
    return GALEN_OK;
}

static void unlink_use(gal_value *value, gal_use *use) {
    if (use->prev)
        use->prev->next = use->next;
    else
        value->uses = use->next;
    if (use->next) use->next->prev = use->prev;
    use->prev = use->next = NULL;
}

static void link_use(gal_value *value, gal_use *use) {
    use->prev = NULL;
    use->next = value->uses;
    if (value->uses) value->uses->prev = use;
    value->uses = use;
}

void gal_node_set_input(gal_node *node, uint32_t index, gal_value *value) {
    gal_use *use = &node->use[index];
    use->node = node;
    use->index = index;
    if (node->in[index]) unlink_use(node->in[index], use);
    node->in[index] = value;
    if (value) link_use(value, use);
}

/* What `value` holds in another order, type or shape; NULL when it is computed. */
static gal_value *form_of(const gal_value *value) {
    const gal_node *node = value->producer;
    if (!node || node->n_in == 0) return NULL;
    bool moves = (node->op->flags & GAL_OP_VIEW) || !strcmp(node->op->name, "Transpose") ||
                 !strcmp(node->op->name, "Cast") || !strcmp(node->op->name, "Narrow");
    return moves ? node->in[0] : NULL;
}

void gal_graph_note_origins(gal_graph *graph) {
    for (uint32_t i = 0; i < graph->n_value; i++) graph->value[i]->origin = graph->value[i]->name;
}

const char *gal_value_origin(const gal_value *value) {
    while (value && !value->origin) value = form_of(value);
    return value ? value->origin : NULL;
}

static void hand_on_origin(const gal_value *old, gal_value *by) {
    const char *origin = gal_value_origin(old);
    if (!origin) return;
    by->origin = origin;
    for (by = form_of(by); by && !by->origin; by = form_of(by)) by->origin = origin;
}

static void swap_names(gal_graph *graph, gal_value *a, gal_value *b) {
    bool made_up = a->made_up;
    gal_names_swap(graph->names, a, b);
    a->made_up = b->made_up;
    b->made_up = made_up;
}

void gal_graph_discard(gal_graph *graph, const void *data, size_t bytes) {
    gal_arena_discard(&graph->arena, data, bytes);
    for (size_t i = 0; i < graph->n_file; i++) gal_file_release_range(&graph->file[i], data, bytes);
}

void gal_graph_replace(gal_graph *graph, gal_value *old, gal_value *by) {
    hand_on_origin(old, by);
    while (old->uses) gal_node_set_input(old->uses->node, old->uses->index, by);
    bool better = by->made_up && !old->made_up;
    if (better || old->is_output) swap_names(graph, old, by);
    if (!old->is_output) return;
    for (uint32_t i = 0; i < graph->n_output; i++)
        if (graph->output[i] == old) graph->output[i] = by;
    old->is_output = false;
    by->is_output = true;
}

bool gal_value_has_one_use(const gal_value *value) {
    return value->uses && !value->uses->next && !value->is_output;
}

void gal_graph_remove(gal_graph *graph, gal_node *node) {
    for (uint32_t i = 0; i < node->n_in; i++) gal_node_set_input(node, i, NULL);
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i]) node->out[i]->producer = NULL;
    if (node->prev)
        node->prev->next = node->next;
    else
        graph->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        graph->last = node->prev;
    node->prev = node->next = NULL;
    graph->n_node--;
}

galen_status gal_graph_infer(gal_graph *graph, galen_error *err) {
    for (gal_node *n = graph->first; n; n = n->next) {
        for (uint32_t i = 0; i < n->n_out; i++)
            if (n->out[i]) n->out[i]->known = NULL;
        GAL_TRY(n->op->infer(graph, n, err));
    }
    return GALEN_OK;
}
