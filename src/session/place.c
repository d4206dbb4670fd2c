/*
 * Which values share memory. Slices lie in their concatenation's (join.c). A view shares its input's; an op that may
 * work in place takes over its first input's memory when nobody needs it afterwards; graph outputs are written to the
 * caller's memory directly where that is possible.
 */
#include "base/error.h"
#include "base/mem.h"
#include "session/internal.h"

#include <string.h>

/* Scratch lists that die with placing. */
typedef struct work {
    gal_session *s;
    uint32_t *last_use;               /* by value id: last step that reads it; n_step for a graph output */
    uint32_t *root_block, *root_last; /* by value id of a slice's root: its block, and its last_use over all slices */
} work;

static uint32_t count_slots(const gal_graph *graph) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        n += value->is_input || value->is_output || value->producer != NULL || value->uses != NULL;
    }
    return n;
}

static gal_slot *add_slot(gal_session *s, const gal_value *value, uint32_t block) {
    s->slot_of[value->id] = s->n_slot;
    gal_slot *slot = &s->slot[s->n_slot++];
    *slot = (gal_slot){.value = value, .block = block};
    gal_shape_at(&value->shape, value->dtype, s->max_batch, &slot->tensor);
    return slot;
}

/* A block as large as `value`, alive from step `first` to `last`. */
static galen_status add_block(work *w, const gal_value *value, gal_block block, galen_error *err) {
    gal_session *s = w->s;
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, s->max_batch, &tensor);
    int64_t bytes = galen_tensor_bytes(&tensor);
    if (bytes < 0)
        return gal_fail(err, GALEN_ERR_LIMIT, "value '%s' does not fit into memory at batch %lld; use a smaller batch",
                        value->name, (long long)s->max_batch);
    block.bytes = (size_t)bytes;
    if (block.last < block.first) block.last = block.first;
    if (block.home == GAL_HOME_CONSTANT) block.data = value->constant->data;
    s->block[s->n_block++] = block;
    return GALEN_OK;
}

/* A slot with memory of its own. */
static galen_status add_own(work *w, const gal_value *value, gal_home home, uint32_t index, uint32_t first,
                            galen_error *err) {
    add_slot(w->s, value, w->s->n_block);
    const gal_block block = {.home = home, .index = index, .first = first, .last = w->last_use[value->id]};
    return add_block(w, value, block, err);
}

/* A slot in its concatenation's block, which begins with the first slice. */
static galen_status add_slice(work *w, const gal_value *value, uint32_t t, galen_error *err) {
    gal_session *s = w->s;
    const gal_slice *slice = &s->slice[value->id];
    const gal_value *root = slice->root;
    uint32_t *block = &w->root_block[root->id];
    if (*block == UINT32_MAX) {
        *block = s->n_block;
        GAL_TRY(add_block(w, root, (gal_block){.first = t, .last = w->root_last[root->id]}, err));
    }
    gal_slot *slot = add_slot(s, value, *block);
    int64_t pitch = root->shape.dim[root->shape.rank - 1].size;
    slot->offset = (size_t)slice->offset * galen_dtype_size(value->dtype);
    slot->pitch = pitch != value->shape.dim[value->shape.rank - 1].size ? pitch : 0;
    return GALEN_OK;
}

static void join(work *w, const gal_value *value, uint32_t block) {
    add_slot(w->s, value, block);
    gal_block *b = &w->s->block[block];
    if (w->last_use[value->id] > b->last) b->last = w->last_use[value->id];
}

/* Lists every step's reads. Outputs are read by the caller, after the last step. */
static void find_last_uses(work *w) {
    gal_session *s = w->s;
    for (uint32_t t = 0; t < s->n_step; t++)
        for (uint32_t i = 0; i < s->step[t].node->n_in; i++) {
            const gal_value *value = s->step[t].node->in[i];
            if (value != NULL) w->last_use[value->id] = t;
        }
    for (uint32_t o = 0; o < s->graph->n_output; o++) w->last_use[s->graph->output[o]->id] = s->n_step;
}

static bool is_slice(const gal_session *s, const gal_value *value) {
    return s->slice != NULL && s->slice[value->id].root != NULL;
}

/* A concatenation's memory is needed until the last read of any slice, and while slices are written. */
static void find_root_uses(work *w) {
    gal_session *s = w->s;
    for (uint32_t t = 0; t < s->n_step; t++) {
        const gal_value *out = s->step[t].node->n_out > 0 ? s->step[t].node->out[0] : NULL;
        if (out == NULL || !is_slice(s, out)) continue;
        uint32_t *last = &w->root_last[s->slice[out->id].root->id], use = w->last_use[out->id];
        if (use > *last) *last = use;
        if (t > *last) *last = t;
    }
}

static galen_status place_sources(work *w, galen_error *err) {
    gal_session *s = w->s;
    for (uint32_t i = 0; i < s->graph->n_input; i++)
        if (s->slot_of[s->graph->input[i]->id] == UINT32_MAX)
            GAL_TRY(add_own(w, s->graph->input[i], GAL_HOME_INPUT, i, 0, err));
    for (uint32_t i = 0; i < s->graph->n_value; i++) {
        const gal_value *value = s->graph->value[i];
        if (value->constant == NULL || value->producer != NULL || s->slot_of[value->id] != UINT32_MAX) continue;
        if (value->uses != NULL || value->is_output) GAL_TRY(add_own(w, value, GAL_HOME_CONSTANT, 0, 0, err));
    }
    return GALEN_OK;
}

static bool only_first_output(const gal_node *node) {
    if (node->n_out == 0 || node->out[0] == NULL) return false;
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return false;
    return true;
}

static bool same_bytes(const gal_session *s, const gal_value *a, const gal_value *b) {
    galen_tensor x, y;
    for (int k = 0; k < 2; k++) {
        int64_t batch = k ? s->max_batch : 1;
        gal_shape_at(&a->shape, a->dtype, batch, &x);
        gal_shape_at(&b->shape, b->dtype, batch, &y);
        if (galen_tensor_bytes(&x) != galen_tensor_bytes(&y)) return false;
    }
    return a->dtype == b->dtype;
}

bool gal_session_can_view(const gal_session *s, const gal_node *node) {
    return (node->op->flags & GAL_OP_VIEW) && node->n_in > 0 && node->in[0] != NULL && only_first_output(node) &&
           same_bytes(s, node->in[0], node->out[0]);
}

/* In place: in[0]'s memory is ours to write, dies here, and no other input of the node lies in it. */
static bool can_overwrite(const gal_session *s, uint32_t t) {
    const gal_node *node = s->step[t].node;
    if (!(node->op->flags & GAL_OP_INPLACE) || node->n_in == 0 || node->in[0] == NULL) return false;
    if (node->out[0] == NULL || node->in[0]->dtype != node->out[0]->dtype) return false;
    if (!gal_shape_equal(&node->in[0]->shape, &node->out[0]->shape)) return false;
    uint32_t block = s->slot[s->slot_of[node->in[0]->id]].block;
    if (s->block[block].home != GAL_HOME_ARENA || s->block[block].last != t) return false;
    if (s->slot[s->slot_of[node->in[0]->id]].pitch != 0) return false;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL && s->slot[s->slot_of[node->in[i]->id]].block == block) return false;
    return true;
}

static galen_status place_outputs_of(work *w, uint32_t t, galen_error *err) {
    gal_session *s = w->s;
    const gal_step *step = &s->step[t];
    const gal_node *node = step->node;
    uint32_t first = 0;
    if (node->n_out > 0 && node->out[0] != NULL && is_slice(s, node->out[0])) {
        GAL_TRY(add_slice(w, node->out[0], t, err));
        first = 1;
    } else if (step->is_view || can_overwrite(s, t)) {
        join(w, node->out[0], s->slot[s->slot_of[node->in[0]->id]].block);
        first = 1;
    }
    for (uint32_t i = first; i < node->n_out; i++)
        if (node->out[i] != NULL) GAL_TRY(add_own(w, node->out[i], GAL_HOME_ARENA, 0, t, err));
    return GALEN_OK;
}

/* A block of the arena that holds an output moves to the caller's memory; any further output in it is copied at the
 * end. */
static void place_graph_outputs(gal_session *s) {
    for (uint32_t o = 0; o < s->graph->n_output; o++) {
        uint32_t slot = s->slot_of[s->graph->output[o]->id];
        gal_block *block = &s->block[s->slot[slot].block];
        if (block->home == GAL_HOME_ARENA) {
            block->home = GAL_HOME_OUTPUT;
            block->index = o;
        } else {
            s->copy[s->n_copy++] = (gal_copy){slot, o};
        }
    }
}

static galen_status take_room(work *w, galen_error *err) {
    gal_session *s = w->s;
    uint32_t n_value = s->graph->n_value, n_slot = count_slots(s->graph);
    s->slot_of = gal_arena_alloc(&s->store, n_value, sizeof *s->slot_of);
    s->slot = gal_arena_alloc(&s->store, n_slot, sizeof *s->slot);
    s->block = gal_arena_alloc(&s->store, n_slot, sizeof *s->block);
    s->copy = gal_arena_alloc(&s->store, s->graph->n_output, sizeof *s->copy);
    w->last_use = gal_calloc(n_value > 0 ? n_value : 1, sizeof *w->last_use);
    w->root_block = gal_calloc(n_value > 0 ? n_value : 1, sizeof *w->root_block);
    w->root_last = gal_calloc(n_value > 0 ? n_value : 1, sizeof *w->root_last);
    if (s->slot_of == NULL || s->slot == NULL || s->block == NULL || s->copy == NULL || w->last_use == NULL ||
        w->root_block == NULL || w->root_last == NULL)
        return gal_fail_memory(err, "the plan", (unsigned long long)n_slot * (sizeof *s->slot + sizeof *s->block));
    memset(s->slot_of, 0xff, n_value * sizeof *s->slot_of);
    memset(w->root_block, 0xff, n_value * sizeof *w->root_block);
    return GALEN_OK;
}

static galen_status place_all(work *w, galen_error *err) {
    GAL_TRY(take_room(w, err));
    find_last_uses(w);
    find_root_uses(w);
    GAL_TRY(place_sources(w, err));
    for (uint32_t t = 0; t < w->s->n_step; t++) GAL_TRY(place_outputs_of(w, t, err));
    place_graph_outputs(w->s);
    return GALEN_OK;
}

galen_status gal_session_place(gal_session *session, galen_error *err) {
    work w = {.s = session};
    galen_status status = place_all(&w, err);
    gal_free(w.last_use);
    gal_free(w.root_block);
    gal_free(w.root_last);
    return status;
}
