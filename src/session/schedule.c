/*
 * Cutting the steps into segments. At each border between steps the cheapest way to have come so far is known; a
 * segment may begin there with any of a handful of group sizes (dynamic programming over borders).
 */
#include "base/error.h"
#include "base/mem.h"
#include "session/cost.h"

#include <math.h>
#include <string.h>

enum {
    GROUPS = 10,    /* group sizes tried: 1, 2, 4 and so on, and a thread's whole share */
    REACH = 1024,   /* steps of a segment with groups at most */
    STEPS = 1 << 13 /* a longer graph is not of a kind that is worth the search */
};

typedef struct choice {
    double seconds;
    uint32_t from; /* where the segment that ends here begins */
    int64_t group;
} choice;

typedef struct search {
    gal_session *s;
    const gal_cost_model *model;
    choice *best; /* by border: n_step + 1 */
    bool *cut;    /* by border: a segment may end here */
    int64_t group[GROUPS];
    int n_group;
} search;

/* Sizes to try, the whole batch (0) first. */
static void list_groups(search *w) {
    int64_t share = ((int64_t)w->model->batch + (int64_t)w->model->threads - 1) / (int64_t)w->model->threads;
    w->group[w->n_group++] = 0;
    for (int64_t g = 1; g < share && w->n_group < GROUPS - 1; g *= 2) w->group[w->n_group++] = g;
    w->group[w->n_group++] = share;
}

/* Segments end where little crosses the border: at least not more than on both sides of it. */
static galen_status find_cuts(search *w, galen_error *err) {
    const gal_session *s = w->s;
    uint32_t n = s->n_step;
    double *alive = gal_calloc((size_t)n + 2, sizeof *alive);
    if (alive == NULL) return gal_fail_memory(err, "the schedule", ((size_t)n + 2) * sizeof *alive);
    for (uint32_t i = 0; i < s->n_block; i++) {
        const gal_block *b = &s->block[i];
        if (b->home != GAL_HOME_ARENA && b->home != GAL_HOME_OUTPUT) continue;
        alive[b->first + 1] += (double)b->bytes;
        if (b->last < n) alive[b->last + 1] -= (double)b->bytes;
    }
    for (uint32_t t = 1; t <= n; t++) alive[t] += alive[t - 1];
    w->cut[0] = w->cut[n] = true;
    for (uint32_t t = 1; t < n; t++)
        w->cut[t] = (alive[t] <= alive[t - 1] && alive[t] <= alive[t + 1]) || !w->model->load[t].apart ||
                    !w->model->load[t - 1].apart;
    gal_free(alive);
    return GALEN_OK;
}

static void try_from(search *w, uint32_t from) {
    const gal_cost_model *model = w->model;
    gal_estimate estimate[GROUPS];
    double share = (double)w->group[w->n_group - 1];
    int open = w->n_group;
    for (int k = 0; k < open; k++)
        estimate[k] = gal_estimate_start(from, (double)w->group[k], k == 0 ? model->batch : share);
    for (uint32_t t = from; t < w->s->n_step && t < from + REACH; t++) {
        if (!model->load[t].apart) open = 1; /* only the whole batch goes on */
        for (int k = 0; k < open; k++) gal_estimate_add(model, &estimate[k], t);
        if (!w->cut[t + 1]) continue;
        for (int k = 0; k < open; k++) {
            double seconds = w->best[from].seconds + gal_estimate_seconds(model, &estimate[k]);
            if (seconds < w->best[t + 1].seconds) w->best[t + 1] = (choice){seconds, from, w->group[k]};
        }
        if (open == 1) break; /* a longer run of whole steps is several of them */
    }
}

/* Seconds of steps [first, end) in groups (0: whole) of `images` a thread. */
static double seconds_of(const gal_cost_model *model, uint32_t first, uint32_t end, double group, double images) {
    gal_estimate e = gal_estimate_start(first, group, group > 0 ? images : images * model->threads);
    for (uint32_t t = first; t < end; t++) gal_estimate_add(model, &e, t);
    return gal_estimate_seconds(model, &e);
}

/* The fewest images a thread for which groups are still estimated to be the faster way. */
static int64_t least_of(const gal_cost_model *model, uint32_t first, uint32_t end, int64_t group) {
    int64_t least = group;
    for (int64_t g = group / 2; g >= 1; g /= 2) {
        if (seconds_of(model, first, end, (double)g, (double)g) > seconds_of(model, first, end, 0, (double)g)) break;
        least = g;
    }
    return least;
}

static void add_segment(gal_session *s, uint32_t first, uint32_t end, int64_t group, int64_t least) {
    gal_segment *last = s->n_segment > 0 ? &s->segment[s->n_segment - 1] : NULL;
    if (last != NULL && last->group == 0 && group == 0)
        last->end = end;
    else
        s->segment[s->n_segment++] = (gal_segment){.first = first, .end = end, .group = group, .least = least};
}

/* Follows the choices from the end to the beginning, turns them round and makes the segments. */
static void take_best(search *w) {
    uint32_t n = w->s->n_step, at = n, next = UINT32_MAX;
    while (at > 0) { /* `from` becomes the border where the segment that begins here ends */
        choice *c = &w->best[at];
        uint32_t from = c->from;
        c->from = next;
        next = at;
        at = from;
    }
    for (uint32_t first = 0; next != UINT32_MAX; first = next, next = w->best[next].from) {
        int64_t group = w->best[next].group;
        add_segment(w->s, first, next, group, group > 0 ? least_of(w->model, first, next, group) : 0);
    }
}

static galen_status find_best(search *w, galen_error *err) {
    uint32_t n = w->s->n_step;
    list_groups(w);
    GAL_TRY(find_cuts(w, err));
    for (uint32_t t = 1; t <= n; t++) w->best[t].seconds = INFINITY;
    for (uint32_t t = 0; t < n; t++)
        if (w->cut[t] && w->best[t].seconds < (double)INFINITY) try_from(w, t);
    take_best(w);
    return GALEN_OK;
}

static galen_status choose(gal_session *s, galen_error *err) {
    gal_cost_model model;
    search w = {.s = s, .model = &model};
    galen_status status = gal_cost_model_make(s, &model, err);
    w.best = gal_calloc((size_t)s->n_step + 1, sizeof *w.best);
    w.cut = gal_calloc((size_t)s->n_step + 1, sizeof *w.cut);
    if (status == GALEN_OK && (w.best == NULL || w.cut == NULL))
        status = gal_fail_memory(err, "the schedule", ((size_t)s->n_step + 1) * sizeof *w.best);
    if (status == GALEN_OK) status = find_best(&w, err);
    gal_free(w.best);
    gal_free(w.cut);
    gal_cost_model_free(&model);
    return status;
}

/* Groups of that many wherever the ops allow it. */
static void force(gal_session *s, int64_t group, uint32_t cut) {
    for (uint32_t t = 0, end; t < s->n_step; t = end) {
        bool apart = gal_session_treats_items_apart(s->step[t].node);
        for (end = t + 1; end < s->n_step; end++)
            if (gal_session_treats_items_apart(s->step[end].node) != apart || (cut > 0 && end - t == cut)) break;
        add_segment(s, t, end, apart ? group : 0, 1);
    }
}

/* Each slot that the segment's steps read or write, once. */
static galen_status list_slots(gal_session *s, gal_segment *segment, uint32_t *seen, galen_error *err) {
    uint32_t mark = (uint32_t)(segment - s->segment) + 1;
    for (int pass = 0; pass < 2; pass++) {
        uint32_t n = 0;
        for (uint32_t t = segment->first; t < segment->end; t++) {
            const gal_node *node = s->step[t].node;
            for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
                const gal_value *value = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
                uint32_t slot = value != NULL ? s->slot_of[value->id] : UINT32_MAX;
                if (slot == UINT32_MAX || seen[slot] == 2 * mark + (uint32_t)pass) continue;
                seen[slot] = 2 * mark + (uint32_t)pass;
                if (pass == 1) segment->slot[n] = slot;
                n++;
            }
        }
        if (pass == 1) break;
        segment->n_slot = n;
        segment->slot = gal_arena_alloc(&s->store, n, sizeof *segment->slot);
        if (segment->slot == NULL) return gal_fail_memory(err, "the schedule", n * sizeof *segment->slot);
    }
    return GALEN_OK;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Scratch of a step that runs in groups, serially or with all threads. */
static size_t group_scratch(const gal_session *s, const gal_step *step, int64_t group) {
    gal_kernel_needs alone = {0}, shared = {0};
    if (step->kernel == NULL) return step->node->op->scratch != NULL ? step->node->op->scratch(step->node, group) : 0;
    if (step->kernel->needs == NULL) return 0;
    step->kernel->needs(step->node, group, 1, &alone);
    step->kernel->needs(step->node, group, gal_pool_threads(s->pool), &shared);
    return larger(alone.scratch_bytes, shared.scratch_bytes);
}

/* While the weights are still there to be looked at: packing may let go of them. */
static void size_scratch(gal_session *s) {
    for (uint32_t i = 0; i < s->n_segment; i++)
        for (uint32_t t = s->segment[i].first; t < s->segment[i].end && s->segment[i].group > 0; t++)
            if (!s->step[t].is_view) s->step[t].scratch_bytes = group_scratch(s, &s->step[t], s->segment[i].group);
}

galen_status gal_session_schedule(gal_session *s, const gal_session_options *options, galen_error *err) {
    int64_t threads = gal_pool_threads(s->pool);
    if (s->n_step == 0) return GALEN_OK;
    s->segment = gal_arena_alloc(&s->store, s->n_step, sizeof *s->segment);
    if (s->segment == NULL) return gal_fail_memory(err, "the schedule", (size_t)s->n_step * sizeof *s->segment);
    bool none = options->group >= s->max_batch || s->max_batch < threads || s->max_batch < 2;
    if (none || (options->group == 0 && s->n_step > STEPS))
        add_segment(s, 0, s->n_step, 0, 0);
    else if (options->group > 0)
        force(s, options->group, options->cut);
    else
        GAL_TRY(choose(s, err));
    size_scratch(s);
    uint32_t *seen = gal_calloc(s->n_slot, sizeof *seen);
    if (seen == NULL) return gal_fail_memory(err, "the schedule", s->n_slot * sizeof *seen);
    galen_status status = GALEN_OK;
    for (uint32_t i = 0; i < s->n_segment && status == GALEN_OK; i++)
        if (s->segment[i].group > 0) status = list_slots(s, &s->segment[i], seen, err);
    gal_free(seen);
    return status;
}
