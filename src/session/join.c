/*
 * Concatenations that copy nothing. Where channels are joined on the last dimension, the inputs can be computed in
 * place: each is a slice of the output, written by a kernel that takes a pitch. DenseNet's concatenations are prefixes
 * of one another, so that all values of a block are slices of the last one.
 *
 * A value becomes a slice when the row that computes it and every row that reads it take pitches (another joined Concat
 * does) and it is neither given to nor wanted by the caller. Concats are looked at from the last to the first, so that
 * the widest takes its inputs first. An input that cannot be a slice is brought in by a galen.Copy node, once for all
 * Concats that find it there.
 */
#include "base/error.h"
#include "base/mem.h"
#include "pass/rewrite.h"
#include "session/internal.h"

#include <string.h>

enum { UNKNOWN, YES, NO, ALIGN = 4 /* bytes at whose multiples a slice's pixels begin: gal_kernel.pitched */ };

typedef struct join {
    gal_session *s;
    gal_slice *slice;    /* by value id */
    gal_value **copy;    /* by value id: what galen.Copy last made of it */
    uint8_t *fit;        /* by value id: may be a slice */
    uint32_t *step_of;   /* by node id, for nodes that have a step */
    bool *joinable;      /* by node id: a Concat that may be joined */
    uint32_t n_old_node; /* ids from here on are copies made here */
} join;

static int64_t channels_of(const gal_value *value) {
    return value->shape.dim[value->shape.rank - 1].size;
}

static bool has_channels(const gal_value *value) {
    const gal_shape *shape = &value->shape;
    return shape->rank >= 2 && !shape->dim[shape->rank - 1].batch && channels_of(value) > 0;
}

static bool is_joinable(const gal_node *node) {
    if (!gal_is_op(node, "", "Concat") || node->out[0] == NULL || !has_channels(node->out[0])) return false;
    int64_t axis = gal_attr_int(node, "axis", 0), rank = node->out[0]->shape.rank;
    if (axis != -1 && axis != rank - 1) return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (!has_channels(node->in[i])) return false;
    return true;
}

static bool takes_pitch(const join *j, const gal_node *node) {
    if (node->op->flags & GAL_OP_PITCHED) return true;
    const gal_kernel *kernel = j->s->step[j->step_of[node->id]].kernel;
    return kernel != NULL && kernel->pitched;
}

/* `use` reads a value that may be a slice. */
static bool reads_pitch(const join *j, const gal_use *use) {
    const gal_kernel *kernel = j->s->step[j->step_of[use->node->id]].kernel;
    return takes_pitch(j, use->node) && use->index == (kernel != NULL ? kernel->pitched_in : 0);
}

static bool is_joined(const join *j, const gal_node *node) {
    return node->id < j->n_old_node && j->joinable[node->id];
}

static bool may_be_slice(const join *j, const gal_value *value) {
    const gal_node *from = value->producer;
    if (from == NULL || value->is_input || value->is_output || value->constant != NULL) return false;
    if (from->n_out != 1 || !has_channels(value) || !(is_joined(j, from) || takes_pitch(j, from))) return false;
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (!is_joined(j, use->node) && !reads_pitch(j, use)) return false;
    return true;
}

static bool can_be_slice(const join *j, const gal_value *value) {
    if (j->fit[value->id] == UNKNOWN) j->fit[value->id] = may_be_slice(j, value) ? YES : NO;
    return j->fit[value->id] == YES;
}

static bool is_aligned(const gal_slice *at) {
    int64_t size = (int64_t)galen_dtype_size(at->root->dtype);
    return at->offset * size % ALIGN == 0 && channels_of(at->root) * size % ALIGN == 0;
}

static bool same_place(const gal_slice *a, const gal_slice *b) {
    return a->root == b->root && a->offset == b->offset;
}

/* `value` or its copy lies there. */
static bool lies_at(const join *j, const gal_value *value, const gal_slice *at) {
    const gal_value *copy = j->copy[value->id];
    return same_place(&j->slice[value->id], at) || (copy != NULL && same_place(&j->slice[copy->id], at));
}

/* All inputs lie side by side from `at` on, and so does the output then. */
static bool lies_whole_at(const join *j, const gal_node *concat, const gal_slice *at) {
    gal_slice part = *at;
    if (part.root == NULL || !is_aligned(at)) return false;
    for (uint32_t i = 0; i < concat->n_in; part.offset += channels_of(concat->in[i++]))
        if (!lies_at(j, concat->in[i], &part)) return false;
    return true;
}

static gal_slice find_in_wider(const join *j, const gal_node *concat) {
    const gal_value *first = concat->in[0], *copy = j->copy[first->id];
    if (!can_be_slice(j, concat->out[0])) return (gal_slice){0};
    if (lies_whole_at(j, concat, &j->slice[first->id])) return j->slice[first->id];
    if (copy != NULL && lies_whole_at(j, concat, &j->slice[copy->id])) return j->slice[copy->id];
    return (gal_slice){0};
}

/* A copy of input i in front of `concat`. One that was made for a later Concat comes forward. */
static galen_status bring_in(join *j, gal_node *concat, uint32_t i, const gal_slice *at, galen_error *err) {
    gal_graph *graph = j->s->graph;
    gal_value *value = concat->in[i], *old = j->copy[value->id];
    gal_node *made;
    GAL_TRY(gal_graph_node(
        graph, &(gal_node_spec){.domain = "galen", .op = "Copy", .n_in = 1, .n_out = 1, .in = &value, .before = concat},
        &made, err));
    if (old != NULL && same_place(&j->slice[old->id], at)) {
        gal_node *late = old->producer;
        gal_graph_replace(graph, old, made->out[0]);
        gal_graph_remove(graph, late);
        j->slice[old->id] = (gal_slice){0};
    }
    j->copy[value->id] = made->out[0];
    j->slice[made->out[0]->id] = *at;
    gal_node_set_input(concat, i, made->out[0]);
    return GALEN_OK;
}

static galen_status place_inputs(join *j, gal_node *concat, gal_slice at, galen_error *err) {
    for (uint32_t i = 0; i < concat->n_in; i++) {
        const gal_value *value = concat->in[i];
        int64_t channels = channels_of(value);
        gal_slice *slice = &j->slice[value->id];
        if (slice->root == NULL && is_aligned(&at) && can_be_slice(j, value)) *slice = at;
        if (!same_place(slice, &at)) GAL_TRY(bring_in(j, concat, i, &at, err));
        at.offset += channels;
    }
    return GALEN_OK;
}

static bool any_slice(const join *j, const gal_node *concat) {
    for (uint32_t i = 0; i < concat->n_in; i++)
        if (can_be_slice(j, concat->in[i])) return true;
    return false;
}

/* Its inputs go where its output is: in a wider Concat's, or in memory of its own. One that would copy all its inputs
 * is left as it is. */
static galen_status join_concat(join *j, gal_node *concat, galen_error *err) {
    const gal_value *out = concat->out[0];
    gal_slice *at = &j->slice[out->id];
    if (at->root == NULL) *at = find_in_wider(j, concat);
    if (at->root == NULL && any_slice(j, concat)) *at = (gal_slice){.root = out};
    return at->root == NULL ? GALEN_OK : place_inputs(j, concat, *at, err);
}

/* Room for the values there are and a copy of each input of each joinable Concat. */
static galen_status take_room(join *j, size_t n_copy, galen_error *err) {
    gal_graph *graph = j->s->graph;
    size_t n_value = graph->n_value + n_copy;
    j->slice = gal_arena_alloc(&j->s->store, n_value, sizeof *j->slice);
    j->copy = gal_calloc(n_value, sizeof *j->copy);
    j->fit = gal_calloc(n_value, sizeof *j->fit);
    if (j->slice == NULL || j->copy == NULL || j->fit == NULL)
        return gal_fail_memory(err, "the plan of concatenations", n_value * sizeof *j->slice);
    return GALEN_OK;
}

/* Fills step_of and joinable; the number of inputs of all joinable Concats. */
static size_t find_concats(join *j) {
    size_t n_in = 0;
    for (uint32_t t = 0; t < j->s->n_step; t++) {
        const gal_node *node = j->s->step[t].node;
        j->step_of[node->id] = t;
        j->joinable[node->id] = is_joinable(node);
        if (j->joinable[node->id]) n_in += node->n_in;
    }
    return n_in;
}

static galen_status join_all(join *j, galen_error *err) {
    gal_session *s = j->s;
    uint32_t n = s->graph->next_node, n_step = s->n_step;
    j->n_old_node = n;
    j->step_of = gal_calloc(n > 0 ? n : 1, sizeof *j->step_of);
    j->joinable = gal_calloc(n > 0 ? n : 1, sizeof *j->joinable);
    if (j->step_of == NULL || j->joinable == NULL)
        return gal_fail_memory(err, "the plan of concatenations", n * sizeof *j->step_of);
    size_t n_copy = find_concats(j);
    if (n_copy == 0) return GALEN_OK;
    GAL_TRY(take_room(j, n_copy, err));
    for (uint32_t t = n_step; t-- > 0;) {
        gal_node *concat = (gal_node *)(uintptr_t)s->step[t].node; /* the session may rewrite its graph */
        if (j->joinable[concat->id]) GAL_TRY(join_concat(j, concat, err));
    }
    s->slice = j->slice;
    return GALEN_OK;
}

galen_status gal_session_join(gal_session *session, galen_error *err) {
    join j = {.s = session};
    galen_status status = join_all(&j, err);
    gal_free(j.copy);
    gal_free(j.fit);
    gal_free(j.step_of);
    gal_free(j.joinable);
    return status;
}
