/* Finding and sorting flips. */
#include "clinic/compare/flips.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *gal_flip_name(gal_flip_kind kind) {
    static const char *const name[GAL_FLIP_KINDS] = {"newly missed", "new false alarm",  "other error",
                                                     "newly found",  "false alarm gone", "moved"};
    return name[kind];
}

typedef struct finder {
    const gal_case_pairs *pairs;
    size_t classes;
    bool multiclass, decided;
    uint8_t *decision[GAL_SIDES]; /* [count][classes] */
    size_t capacity;
    gal_flips *out;
} finder;

/* ---- one case ---- */

static int decision_of(const finder *f, int side, size_t k, size_t column) {
    const uint8_t *row = f->decision[side] + k * f->classes;
    if (!f->decided) return -1;
    if (!f->multiclass) return row[column];
    const uint8_t *one = memchr(row, 1, f->classes);
    return one ? (int)(one - row) : -1;
}

static gal_flip_kind kind_of(const finder *f, const gal_flip *flip) {
    const gal_case_set *cases = f->pairs->cases;
    int reference = flip->decision[GAL_REFERENCE], candidate = flip->decision[GAL_CANDIDATE];
    if (reference == candidate) return GAL_FLIP_MOVED;
    if (f->multiclass) {
        int label = (int)cases->label[flip->at];
        return reference == label   ? GAL_FLIP_NEWLY_MISSED
               : candidate == label ? GAL_FLIP_NEWLY_FOUND
                                    : GAL_FLIP_OTHER_ERROR;
    }
    if (cases->positive[flip->at * f->classes + flip->column])
        return candidate ? GAL_FLIP_NEWLY_FOUND : GAL_FLIP_NEWLY_MISSED;
    return candidate ? GAL_FLIP_NEW_FALSE_ALARM : GAL_FLIP_FALSE_ALARM_GONE;
}

static double shift_of(const gal_flip *flip) {
    return flip->probability[GAL_CANDIDATE] - flip->probability[GAL_REFERENCE];
}

static galen_status keep(finder *f, const gal_flip *flip, galen_error *err) {
    if (f->out->count == f->capacity) {
        size_t room = f->capacity ? 2 * f->capacity : 64;
        gal_flip *grown = gal_realloc(f->out->flip, room, sizeof *grown);
        if (!grown) return gal_fail_memory(err, "the flip ledger", room * sizeof *grown);
        f->out->flip = grown;
        f->capacity = room;
    }
    f->out->flip[f->out->count++] = *flip;
    f->out->of_kind[flip->kind]++;
    return GALEN_OK;
}

static galen_status look_at(finder *f, size_t k, size_t column, galen_error *err) {
    gal_flip flip = {.at = k, .column = column};
    for (int side = 0; side < GAL_SIDES; side++) {
        flip.score[side] = f->pairs->score[side][k * f->classes + column];
        flip.probability[side] = f->pairs->probability[side][k * f->classes + column];
        flip.decision[side] = decision_of(f, side, k, column);
    }
    flip.kind = kind_of(f, &flip);
    if (flip.kind == GAL_FLIP_MOVED && !(fabs(shift_of(&flip)) > f->out->limit)) return GALEN_OK;
    return keep(f, &flip, err);
}

/* ---- all ---- */

static galen_status find(finder *f, const gal_compare_settings *settings, galen_error *err) {
    const gal_case_set *cases = f->pairs->cases;
    for (int side = 0; side < GAL_SIDES; side++) {
        f->decision[side] = gal_calloc(cases->count * f->classes, 1);
        if (!f->decision[side]) return gal_fail_memory(err, "the decisions", cases->count * f->classes);
        gal_decide(f->pairs, settings, side, f->decision[side]);
    }
    for (size_t k = 0; k < cases->count; k++) {
        if (f->multiclass) GAL_TRY(look_at(f, k, cases->label[k], err));
        for (size_t c = 0; !f->multiclass && c < f->classes; c++) GAL_TRY(look_at(f, k, c, err));
    }
    return GALEN_OK;
}

galen_status gal_flips_find(const gal_case_pairs *pairs, const gal_compare_settings *settings, double limit,
                            gal_flips *out, galen_error *err) {
    *out = (gal_flips){.pairs = pairs, .limit = limit};
    if (!(limit >= 0 && limit <= 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a limit of %g for moved probabilities; it must lie in 0 to 1", limit);
    finder f = {.pairs = pairs,
                .classes = (size_t)pairs->cases->classes,
                .multiclass = pairs->cases->kind == GAL_CASE_MULTICLASS,
                .out = out};
    f.decided = f.multiclass || settings->has_threshold;
    galen_status status = find(&f, settings, err);
    gal_free(f.decision[0]);
    gal_free(f.decision[1]);
    return status;
}

void gal_flips_free(gal_flips *flips) {
    gal_free(flips->flip);
    *flips = (gal_flips){0};
}

/* ---- order ---- */

typedef struct sorting {
    gal_flip_order order;
    const char *const *id;
} sorting;

static int sign(double x) {
    return (x > 0) - (x < 0);
}

static int by_order(const void *left, const void *right, void *context) {
    const gal_flip *a = left, *b = right;
    const sorting *s = context;
    int by_shift = sign(fabs(shift_of(b)) - fabs(shift_of(a))), first = 0;
    switch (s->order) {
    case GAL_FLIPS_BY_CASE: break;
    case GAL_FLIPS_BY_HARM: first = a->kind != b->kind ? (int)a->kind - (int)b->kind : by_shift; break;
    case GAL_FLIPS_BY_SHIFT: first = by_shift; break;
    case GAL_FLIPS_BY_ID: first = strcmp(s->id[a->at], s->id[b->at]); break;
    }
    if (first) return first;
    if (a->at != b->at) return a->at < b->at ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

void gal_flips_sort(gal_flips *flips, gal_flip_order order) {
    sorting s = {order, flips->count ? flips->pairs->cases->id : NULL};
    if (flips->count) qsort_r(flips->flip, flips->count, sizeof *flips->flip, by_order, &s);
}
