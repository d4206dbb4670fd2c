/* Pairing by id. */
#include "clinic/compare/pairs.h"

#include "base/error.h"
#include "base/mem.h"
#include "data/texts.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAMED = 3, MISSING_TEXT = 160 };

/* ---- the same question ---- */

static galen_status check_question(const gal_case_set *a, const gal_case_set *b, const char *const *name,
                                   galen_error *err) {
    if (a->kind != b->kind)
        return gal_fail(err, GALEN_ERR_FORMAT, "%.150s is %s and %.150s %s: only models of one task can be compared",
                        name[0], gal_case_kind_name(a->kind), name[1], gal_case_kind_name(b->kind));
    if (a->classes != b->classes)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "%.150s has %d classes and %.150s %d: compare models of the same classes", name[0], a->classes,
                        name[1], b->classes);
    for (int c = 0; c < a->classes; c++)
        if (a->class_name[c] && b->class_name[c] && strcmp(a->class_name[c], b->class_name[c]) != 0)
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "class %d is '%.80s' in %.120s and '%.80s' in %.120s: give both the same names and order",
                            c + 1, a->class_name[c], name[0], b->class_name[c], name[1]);
    return GALEN_OK;
}

/* ---- the same cases ---- */

/* Ids that the other side lacks. */
typedef struct missing {
    size_t count;
    char text[MISSING_TEXT]; /* the first of them, quoted */
} missing;

static void note_missing(missing *m, const char *id) {
    size_t used = strlen(m->text);
    if (m->count++ < NAMED)
        snprintf(m->text + used, sizeof m->text - used, "%s'%.40s'", used ? ", " : "", id);
    else if (m->count == NAMED + 1 && used < sizeof m->text)
        snprintf(m->text + used, sizeof m->text - used, ", ...");
}

static galen_status refuse_unpaired(const gal_case_pairs *p, const gal_case_set *b, const missing *in_b,
                                    const missing *in_a, galen_error *err) {
    char first[256] = "", second[256] = "";
    if (in_b->count)
        snprintf(first, sizeof first, "%zu of the %zu in %.60s are not in the second (%s)", in_b->count,
                 p->cases->count, p->name[0], in_b->text);
    if (in_a->count)
        snprintf(second, sizeof second, "%zu of the %zu in %.60s are not in the first (%s)", in_a->count, b->count,
                 p->name[1], in_a->text);
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "the two lists are not of the same cases: %s%s%s; leave out what only one has", first,
                    first[0] && second[0] ? ", and " : "", second);
}

/* match[i] becomes the candidate's index of the reference's case i. */
static galen_status match_ids(const gal_case_pairs *p, const gal_case_set *b, gal_texts *ids, size_t *match,
                              uint8_t *seen, galen_error *err) {
    const gal_case_set *a = p->cases;
    missing in_a = {0}, in_b = {0};
    size_t index;
    for (size_t k = 0; k < b->count; k++) GAL_TRY(gal_texts_add(ids, b->id[k], strlen(b->id[k]), &index, NULL, err));
    for (size_t k = 0; k < a->count; k++) {
        bool fresh = false;
        GAL_TRY(gal_texts_add(ids, a->id[k], strlen(a->id[k]), &match[k], &fresh, err));
        if (fresh)
            note_missing(&in_b, a->id[k]);
        else
            seen[match[k]] = 1;
    }
    for (size_t k = 0; k < b->count; k++)
        if (!seen[k]) note_missing(&in_a, b->id[k]);
    if (in_a.count || in_b.count) return refuse_unpaired(p, b, &in_b, &in_a, err);
    return GALEN_OK;
}

static galen_status check_truth(const gal_case_pairs *p, const gal_case_set *b, const size_t *match, galen_error *err) {
    const gal_case_set *a = p->cases;
    size_t classes = (size_t)a->classes, differ = 0, at = 0;
    for (size_t k = a->count; k-- > 0;) {
        bool same = a->kind == GAL_CASE_MULTICLASS
                        ? a->label[k] == b->label[match[k]]
                        : !memcmp(a->positive + k * classes, b->positive + match[k] * classes, classes);
        if (same) continue;
        differ++;
        at = k;
    }
    if (differ == 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "%zu of the %zu cases have two different labels, the first '%.80s' (number %zu of %.100s, number "
                    "%zu of %.100s): correct the labels",
                    differ, a->count, a->id[at], at + 1, p->name[0], match[at] + 1, p->name[1]);
}

/* ---- the same order ---- */

static double *reorder(const double *from, const size_t *match, size_t count, size_t classes) {
    double *to = gal_calloc(count * classes, sizeof *to); /* fits: `from` is as large */
    for (size_t k = 0; to && k < count; k++) memcpy(to + k * classes, from + match[k] * classes, classes * sizeof *to);
    return to;
}

static galen_status put_in_order(gal_case_pairs *p, const gal_case_set *b, const size_t *match, galen_error *err) {
    size_t count = p->cases->count, classes = (size_t)p->cases->classes, same = 0;
    p->score[1] = b->score;
    p->probability[1] = b->probability;
    while (same < count && match[same] == same) same++;
    if (same == count) return GALEN_OK;
    p->copy[0] = reorder(b->score, match, count, classes);
    p->copy[1] = b->probability == b->score ? NULL : reorder(b->probability, match, count, classes);
    if (!p->copy[0] || (!p->copy[1] && b->probability != b->score))
        return gal_fail_memory(err, "the scores in the other's order", count * classes * sizeof(double));
    p->score[1] = p->copy[0];
    p->probability[1] = p->copy[1] ? p->copy[1] : p->copy[0];
    return GALEN_OK;
}

static galen_status pair(gal_case_pairs *p, const gal_case_set *b, size_t *match, uint8_t *seen, galen_error *err) {
    gal_arena arena;
    gal_texts ids;
    gal_arena_init(&arena, PTRDIFF_MAX);
    gal_texts_init(&ids, &arena);
    galen_status status = match_ids(p, b, &ids, match, seen, err);
    gal_texts_free(&ids);
    gal_arena_free(&arena);
    if (status == GALEN_OK) status = check_truth(p, b, match, err);
    return status == GALEN_OK ? put_in_order(p, b, match, err) : status;
}

galen_status gal_case_pairs_make(const gal_case_set *a, const gal_case_set *b, const char *const name[GAL_SIDES],
                                 gal_case_pairs *out, galen_error *err) {
    *out = (gal_case_pairs){.cases = a,
                            .name = {name[0], name[1]},
                            .logits = {a->logits, b->logits},
                            .score = {a->score},
                            .probability = {a->probability}};
    GAL_TRY(check_question(a, b, name, err));
    size_t *match = gal_calloc(a->count, sizeof *match);
    uint8_t *seen = gal_calloc(b->count, 1);
    galen_status status = match && seen ? pair(out, b, match, seen, err)
                                        : gal_fail_memory(err, "the pairs of cases", a->count * sizeof *match);
    gal_free(match);
    gal_free(seen);
    return status;
}

void gal_case_pairs_free(gal_case_pairs *pairs) {
    gal_free(pairs->copy[0]);
    gal_free(pairs->copy[1]);
    *pairs = (gal_case_pairs){0};
}

gal_case_set gal_case_pairs_candidate(const gal_case_pairs *pairs) {
    gal_case_set view = *pairs->cases;
    /* What reads a set does not write to it; the pointers are not const for those who fill one. */
    view.score = (double *)(uintptr_t)pairs->score[GAL_CANDIDATE];
    view.probability = (double *)(uintptr_t)pairs->probability[GAL_CANDIDATE];
    view.logits = pairs->logits[GAL_CANDIDATE];
    view.arena = (gal_arena){0};
    return view;
}
