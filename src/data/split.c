/*
 * Dividing a data set. What moves is a unit: a group, or a picture without one. Units are tried in random order, large
 * ones first, and one moves when that brings the moved pictures of its classes nearer to what was asked for.
 */
#include "data/split.h"

#include "base/error.h"
#include "base/mem.h"
#include "data/order.h"
#include "data/texts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { END = -1 };

typedef struct unit {
    size_t size;
    size_t rank;   /* in random order */
    int64_t first; /* sample; the others by work.next */
    bool moves;
} unit;

typedef struct work {
    gal_dataset *set;
    size_t pictures, units, none; /* none: the class of pictures without any */
    unit *unit;
    int64_t *next;               /* [samples] the next of the same unit, or END */
    double *wanted, *got, *more; /* [classes + 1] pictures of each class: to move, moving, of the unit in hand */
} work;

static galen_status make_work(gal_dataset *set, work *w, galen_error *err) {
    size_t classes = (size_t)set->classes + 1;
    *w = (work){.set = set, .none = (size_t)set->classes};
    w->unit = gal_calloc(set->count, sizeof *w->unit);
    w->next = gal_calloc(set->count, sizeof *w->next);
    w->wanted = gal_calloc(3 * classes, sizeof *w->wanted);
    if (!w->unit || !w->next || !w->wanted) return gal_fail_memory(err, "a split", set->count * sizeof *w->unit);
    w->got = w->wanted + classes;
    w->more = w->got + classes;
    return GALEN_OK;
}

static void free_work(work *w) {
    gal_free(w->unit);
    gal_free(w->next);
    gal_free(w->wanted);
}

static void count_classes(const work *w, const gal_sample *sample, double *count) {
    for (int l = 0; l < sample->labels; l++) count[sample->label[l]]++;
    if (sample->labels == 0) count[w->none]++;
}

static galen_status collect(work *w, gal_split from, double fraction, gal_arena *arena, galen_error *err) {
    gal_texts groups;
    gal_texts_init(&groups, arena);
    size_t *unit_of = gal_calloc(w->set->count, sizeof *unit_of); /* by number of the group */
    galen_status status = unit_of ? GALEN_OK : gal_fail_memory(err, "groups", w->set->count * sizeof *unit_of);
    for (size_t i = 0; status == GALEN_OK && i < w->set->count; i++) {
        const gal_sample *sample = &w->set->sample[i];
        if (sample->split != from) continue;
        size_t at = w->units, group = 0;
        bool fresh = true;
        if (sample->group) status = gal_texts_add(&groups, sample->group, strlen(sample->group), &group, &fresh, err);
        if (fresh) {
            if (sample->group) unit_of[group] = at;
            w->unit[w->units++] = (unit){.first = END};
        } else {
            at = unit_of[group];
        }
        w->next[i] = w->unit[at].first;
        w->unit[at].first = (int64_t)i;
        w->unit[at].size++;
        w->pictures++;
        count_classes(w, sample, w->wanted);
    }
    for (size_t c = 0; c <= w->none; c++) w->wanted[c] *= fraction;
    gal_free(unit_of);
    gal_texts_free(&groups);
    return status;
}

static int large_first(const void *a, const void *b) {
    const unit *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static galen_status put_in_order(work *w, uint64_t seed, gal_split to, galen_error *err) {
    size_t *rank = gal_calloc(w->units, sizeof *rank);
    if (!rank) return gal_fail_memory(err, "a split", w->units * sizeof *rank);
    gal_rng rng = gal_draw_at(seed, GAL_DRAW_SPLIT, 0, (uint64_t)to);
    for (size_t i = 0; i < w->units; i++) rank[i] = i;
    gal_shuffle(rank, w->units, &rng);
    for (size_t i = 0; i < w->units; i++) w->unit[i].rank = rank[i];
    gal_free(rank);
    qsort(w->unit, w->units, sizeof *w->unit, large_first);
    return GALEN_OK;
}

/* Whether moving the unit reduces the sum over its classes of (got - wanted)^2 / wanted. */
static bool brings_nearer(work *w, const unit *u) {
    double change = 0;
    memset(w->more, 0, (w->none + 1) * sizeof *w->more);
    for (int64_t i = u->first; i != END; i = w->next[i]) count_classes(w, &w->set->sample[i], w->more);
    for (size_t c = 0; c <= w->none; c++)
        if (w->more[c] > 0) change += w->more[c] * (w->more[c] + 2 * (w->got[c] - w->wanted[c])) / w->wanted[c];
    return change < 0;
}

static galen_status choose(work *w, double fraction, gal_split to, galen_error *err) {
    size_t moved = 0;
    for (size_t k = 0; k < w->units; k++) {
        unit *u = &w->unit[k];
        u->moves = brings_nearer(w, u);
        if (!u->moves) continue;
        moved += u->size;
        for (size_t c = 0; c <= w->none; c++) w->got[c] += w->more[c];
    }
    if (moved > 0 && moved < w->pictures) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "%zu pictures (%zu groups) cannot be divided so that '%s' gets %g of them: ask for a larger share, "
                    "name the pictures of '%s' yourself, or group them by another rule",
                    w->pictures, w->units, gal_split_name(to), fraction, gal_split_name(to));
}

galen_status gal_dataset_carve(gal_dataset *dataset, gal_split from, gal_split to, double fraction, uint64_t seed,
                               galen_error *err) {
    work w;
    gal_arena arena;
    if (!(fraction > 0 && fraction < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a fraction of %g for '%s': it must lie between 0 and 1", fraction,
                        gal_split_name(to));
    gal_arena_init(&arena, PTRDIFF_MAX);
    galen_status status = make_work(dataset, &w, err);
    if (status == GALEN_OK) status = collect(&w, from, fraction, &arena, err);
    if (status == GALEN_OK && w.units > 0) status = put_in_order(&w, seed, to, err);
    if (status == GALEN_OK) status = choose(&w, fraction, to, err);
    for (size_t k = 0; status == GALEN_OK && k < w.units; k++)
        for (int64_t i = w.unit[k].first; w.unit[k].moves && i != END; i = w.next[i]) dataset->sample[i].split = to;
    free_work(&w);
    gal_arena_free(&arena);
    return status;
}

static galen_status divide_all(gal_dataset *set, double val, double test, uint64_t seed, galen_error *err) {
    galen_status status = GALEN_OK;
    if (test > 0) status = gal_dataset_carve(set, GAL_SPLIT_NONE, GAL_SPLIT_TEST, test, seed, err);
    if (status == GALEN_OK && val > 0) /* of all, taken from what is left */
        status = gal_dataset_carve(set, GAL_SPLIT_NONE, GAL_SPLIT_VAL, val / (1 - test), seed, err);
    for (size_t i = 0; i < set->count; i++) {
        gal_split *split = &set->sample[i].split;
        if (status != GALEN_OK)
            *split = GAL_SPLIT_NONE;
        else if (*split == GAL_SPLIT_NONE)
            *split = GAL_SPLIT_TRAIN;
    }
    return status;
}

galen_status gal_dataset_split(gal_dataset *dataset, double val, double test, uint64_t seed, galen_error *err) {
    size_t without = gal_dataset_split_count(dataset, GAL_SPLIT_NONE);
    if (!(val >= 0 && test >= 0 && val + test < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "fractions of %g for validation and %g for the test: they must leave some for training", val,
                        test);
    if (without == dataset->count) {
        GAL_TRY(divide_all(dataset, val, test, seed, err));
    } else if (without > 0) {
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "%zu of %zu pictures belong to no split and the others to one: say it of all or of none",
                        without, dataset->count);
    } else if (val > 0 && gal_dataset_split_count(dataset, GAL_SPLIT_VAL) == 0) {
        GAL_TRY(gal_dataset_carve(dataset, GAL_SPLIT_TRAIN, GAL_SPLIT_VAL, val, seed, err));
    }
    return gal_dataset_check_groups(dataset, err);
}

/* Where a group was first seen, and whether it has been counted as torn. */
typedef struct seen {
    const gal_sample *sample;
    bool torn;
} seen;

static galen_status find_torn(const gal_dataset *set, gal_texts *groups, seen *first, galen_error *err) {
    const gal_sample *a = NULL, *b = NULL; /* of the first that is torn */
    size_t torn = 0;
    for (size_t i = 0; i < set->count; i++) {
        const gal_sample *sample = &set->sample[i];
        size_t g = 0;
        bool fresh = false;
        if (!sample->group) continue;
        GAL_TRY(gal_texts_add(groups, sample->group, strlen(sample->group), &g, &fresh, err));
        if (fresh) first[g].sample = sample;
        if (first[g].torn || first[g].sample->split == sample->split) continue;
        first[g].torn = true;
        if (torn++ == 0) a = first[g].sample, b = sample;
    }
    if (torn == 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "the group '%.60s' is in '%s' (%.100s) and in '%s' (%.100s), %zu group%s in all: put each on one "
                    "side",
                    a->group, gal_split_name(a->split), a->id, gal_split_name(b->split), b->id, torn,
                    torn == 1 ? "" : "s");
}

galen_status gal_dataset_check_groups(const gal_dataset *dataset, galen_error *err) {
    gal_arena arena;
    gal_texts groups;
    seen *first = gal_calloc(dataset->count, sizeof *first);
    if (!first) return gal_fail_memory(err, "groups", dataset->count * sizeof *first);
    gal_arena_init(&arena, PTRDIFF_MAX);
    gal_texts_init(&groups, &arena);
    galen_status status = find_torn(dataset, &groups, first, err);
    gal_texts_free(&groups);
    gal_arena_free(&arena);
    gal_free(first);
    return status;
}
