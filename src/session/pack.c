/*
 * Weights in kernel order, packed by all threads of the pool. Once a constant is packed and nobody else reads it, its
 * memory goes back to the system: part by part, so that large weights are never in memory twice.
 */
#include "base/error.h"
#include "base/mem.h"
#include "session/cache.h"
#include "session/internal.h"

#include <string.h>

/* Smaller constants may still be read by a kernel as parameters, and giving a few pages back is not worth a call. */
enum { RELEASE_MIN = 64 << 10 };

static size_t room_for(size_t bytes) {
    return (bytes + GAL_TAIL_PAD + GAL_ALIGN - 1) / GAL_ALIGN * GAL_ALIGN;
}

static galen_status lay_out(gal_session *s, galen_error *err) {
    size_t total = 0;
    for (uint32_t t = 0; t < s->n_step; t++) {
        size_t padded;
        if (s->step[t].packed_bytes == 0) continue;
        if (!gal_size_add(s->step[t].packed_bytes, GAL_TAIL_PAD + GAL_ALIGN - 1, &padded) ||
            !gal_size_add(total, padded / GAL_ALIGN * GAL_ALIGN, &total))
            return gal_fail_memory(err, "packed weights", SIZE_MAX);
    }
    s->packed_bytes = total;
    return GALEN_OK;
}

/* ---- weights that two steps read in the same order ---- */

static bool same_attributes(const gal_node *a, const gal_node *b) {
    if (a->n_attr != b->n_attr) return false;
    for (uint32_t i = 0; i < a->n_attr; i++) {
        const gal_attr *x = &a->attr[i], *y = &b->attr[i];
        if (strcmp(x->name, y->name) != 0 || x->type != y->type || x->count != y->count) return false;
        switch (x->type) {
        case GAL_ATTR_FLOAT:
            if (x->f < y->f || x->f > y->f) return false;
            break;
        case GAL_ATTR_INT:
            if (x->i != y->i) return false;
            break;
        case GAL_ATTR_STRING:
            if (strcmp(x->s, y->s) != 0) return false;
            break;
        case GAL_ATTR_INTS:
            if (memcmp(x->ints, y->ints, x->count * sizeof *x->ints) != 0) return false;
            break;
        case GAL_ATTR_TENSOR:
        case GAL_ATTR_FLOATS: return false; /* no op that packs has one */
        }
    }
    return true;
}

/* All that pack() may read is the same; a layer that is computed again in training (train/recompute.h). */
static bool packs_alike(const gal_step *a, const gal_step *b) {
    const gal_node *x = a->node, *y = b->node;
    if (a->kernel != b->kernel || a->packed_bytes != b->packed_bytes || a->outputs != b->outputs) return false;
    if (x->n_in != y->n_in || x->in[0]->dtype != y->in[0]->dtype) return false;
    if (!gal_shape_equal(&x->in[0]->shape, &y->in[0]->shape) || !same_attributes(x, y)) return false;
    for (uint32_t i = 1; i < x->n_in; i++)
        if (x->in[i] != y->in[i]) return false;
    return true;
}

static void find_same(gal_session *s, const uint32_t *step_of) {
    for (uint32_t t = 0; t < s->n_step; t++) {
        gal_step *step = &s->step[t];
        const gal_node *node = step->node;
        if (step->packed_bytes == 0 || node->n_in < 2 || node->in[1] == NULL || !node->in[1]->is_variable) continue;
        for (const gal_use *use = node->in[1]->uses; use != NULL && step->same == NULL; use = use->next) {
            const gal_step *other = &s->step[step_of[use->node->id]];
            if (other < step && other->same == NULL && packs_alike(other, step)) step->same = other;
        }
        if (step->same != NULL) step->packed_bytes = 0;
    }
}

/* One call of a row's `pack`. */
typedef struct task {
    const gal_step *step;
    gal_columns part;
    const uint8_t *data; /* of the weights that nobody reads after this task, or NULL */
    size_t bytes;
} task;

typedef struct work {
    gal_graph *graph;
    task *task;
} work;

/* Read only as the second input (the weights) of steps that pack it. */
static bool packs(const gal_session *s, const uint32_t *step_of, const gal_use *use) {
    return use->index == 1 && s->step[step_of[use->node->id]].packed_bytes > 0;
}

static bool may_release(const gal_session *s, const uint32_t *step_of, const gal_value *value) {
    if (value == NULL || value->constant == NULL || value->producer != NULL || value->is_output) return false;
    if (value->is_variable || s->block[s->slot[s->slot_of[value->id]].block].bytes < RELEASE_MIN) return false;
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (!packs(s, step_of, use)) return false;
    return true;
}

/* Neither kernels nor the graph keep a pointer, so that whoever still reads the constant is found at once. */
static void release(gal_session *s, const gal_value *value) {
    gal_block *block = &s->block[s->slot[s->slot_of[value->id]].block];
    gal_graph_discard(s->graph, block->data, block->bytes);
    block->data = NULL;
    galen_tensor *tensor = (galen_tensor *)(uintptr_t)value->constant; /* the session owns the graph */
    tensor->data = NULL;
}

galen_status gal_session_check_constants(const gal_graph *graph, galen_error *err) {
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        if (value->constant != NULL && value->uses != NULL && value->constant->data == NULL &&
            galen_tensor_elements(value->constant) != 0)
            return gal_fail(err, GALEN_ERR_ARGUMENT,
                            "constant '%s' was taken by an earlier session; load the model again", value->name);
    }
    return GALEN_OK;
}

/* What a task leaves unread of weights that no other step reads: its own rows where a Conv packs in parts. */
static void note_unread(const gal_session *s, const uint32_t *step_of, task *t) {
    const gal_value *weights = t->step->node->n_in > 1 ? t->step->node->in[1] : NULL;
    if (!may_release(s, step_of, weights) || weights->uses->next != NULL) return;
    t->data = weights->constant->data;
    t->bytes = (size_t)galen_tensor_bytes(weights->constant);
    if (t->step->outputs == 0) return;
    size_t row = t->bytes / (size_t)t->step->outputs;
    bool by_rows = strcmp(t->step->node->op->name, "Conv") == 0;
    t->data = by_rows ? t->data + (size_t)t->part.first * row : NULL;
    t->bytes = (size_t)(t->part.end - t->part.first) * row;
}

/* Tasks of all steps, in order, to `to` unless that is NULL; returns their number. */
static size_t list_tasks(const gal_session *s, const uint32_t *step_of, task *to) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_step; i++) {
        const gal_step *step = &s->step[i];
        if (step->packed_bytes == 0) continue;
        int64_t outputs = step->outputs > 0 ? step->outputs : 1;
        for (int64_t first = 0; first < outputs; first += GAL_PACK_STEP, n++) {
            if (to == NULL) continue;
            int64_t end = outputs - first < GAL_PACK_STEP ? outputs : first + GAL_PACK_STEP;
            to[n] = (task){.step = step, .part = {first, end}};
            note_unread(s, step_of, &to[n]);
        }
    }
    return n;
}

static void run_task(void *context, size_t index) {
    const work *w = context;
    const task *t = &w->task[index];
    t->step->kernel->pack(t->step->node, t->part, t->step->packed);
    if (t->data != NULL) gal_graph_discard(w->graph, t->data, t->bytes);
}

/* ---- variables ---- */

static bool reads_variable(const gal_node *node) {
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != NULL && node->in[i]->is_variable) return true;
    return false;
}

/* Keeps the tasks of steps that pack variables. */
static galen_status note_repacks(gal_session *s, const task *all, size_t n, galen_error *err) {
    for (size_t i = 0; i < n; i++) s->n_repack += reads_variable(all[i].step->node);
    if (s->n_repack == 0) return GALEN_OK;
    s->repack = gal_arena_alloc(&s->store, s->n_repack, sizeof *s->repack);
    if (s->repack == NULL) return gal_fail_memory(err, "packed weights", s->n_repack * sizeof *s->repack);
    s->n_repack = 0;
    for (size_t i = 0; i < n; i++)
        if (reads_variable(all[i].step->node)) s->repack[s->n_repack++] = (gal_repack){all[i].step, all[i].part};
    return GALEN_OK;
}

/* What pack() leaves alone is zero since the first time. */
static void repack(void *context, size_t index) {
    const gal_repack *r = &((const gal_session *)context)->repack[index];
    r->step->kernel->pack(r->step->node, r->part, r->step->packed);
}

void gal_session_repack(gal_session *session) {
    gal_pool_run(session->pool, repack, session, session->n_repack);
}

static galen_status pack_all(gal_session *s, const uint32_t *step_of, galen_error *err) {
    size_t n = list_tasks(s, step_of, NULL);
    work w = {.graph = s->graph, .task = gal_calloc(n, sizeof *w.task)};
    if (w.task == NULL) return gal_fail_memory(err, "packed weights", n * sizeof *w.task);
    list_tasks(s, step_of, w.task);
    galen_status status = note_repacks(s, w.task, n, err);
    if (status == GALEN_OK) gal_pool_run(s->pool, run_task, &w, n);
    gal_free(w.task);
    return status;
}

static void release_all(gal_session *s, const uint32_t *step_of) {
    for (uint32_t t = 0; t < s->n_step; t++) {
        const gal_value *weights = s->step[t].node->n_in > 1 ? s->step[t].node->in[1] : NULL;
        if (s->step[t].packed_bytes > 0 && may_release(s, step_of, weights) && weights->constant->data != NULL)
            release(s, weights);
    }
}

static void point_steps(gal_session *s, uint8_t *at) {
    s->packed = at;
    for (uint32_t t = 0; t < s->n_step; t++) {
        if (s->step[t].packed_bytes == 0) continue;
        s->step[t].packed = at;
        at += room_for(s->step[t].packed_bytes);
    }
    for (uint32_t t = 0; t < s->n_step; t++)
        if (s->step[t].same != NULL) s->step[t].packed = s->step[t].same->packed;
}

static galen_status pack_anew(gal_session *s, const uint32_t *step_of, const gal_cache *cache, galen_error *err) {
    uint8_t *packed = gal_alloc_zeroed(s->packed_bytes);
    if (packed == NULL) return gal_fail_memory(err, "packed weights", s->packed_bytes);
    point_steps(s, packed);
    GAL_TRY(pack_all(s, step_of, err));
    release_all(s, step_of);
    if (cache->path != NULL) gal_cache_write(cache, s);
    return GALEN_OK;
}

static galen_status pack_or_map(gal_session *s, const uint32_t *step_of, const gal_session_options *options,
                                galen_error *err) {
    gal_cache cache;
    if (s->packed_bytes == 0) return GALEN_OK;
    GAL_TRY(gal_cache_find(s, options, &cache, err));
    const uint8_t *kept = cache.path != NULL ? gal_cache_map(&cache, s, &s->packed_map) : NULL;
    galen_status status = GALEN_OK;
    if (kept == NULL) {
        status = pack_anew(s, step_of, &cache, err);
    } else {
        point_steps(s, (uint8_t *)(uintptr_t)kept); /* kernels only read it */
        release_all(s, step_of);
    }
    gal_cache_free(&cache);
    return status;
}

galen_status gal_session_pack(gal_session *session, const gal_session_options *options, galen_error *err) {
    uint32_t n = session->graph->next_node;
    uint32_t *step_of = gal_calloc(n > 0 ? n : 1, sizeof *step_of);
    if (step_of == NULL) return gal_fail_memory(err, "packed weights", n * sizeof *step_of);
    for (uint32_t t = 0; t < session->n_step; t++) step_of[session->step[t].node->id] = t;
    find_same(session, step_of);
    galen_status status = lay_out(session, err);
    if (status == GALEN_OK && !session->plan_only) status = pack_or_map(session, step_of, options, err);
    gal_free(step_of);
    return status;
}
