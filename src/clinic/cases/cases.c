/* Case sets: room, names, and the checks that every reader shares. */
#include "clinic/cases/cases.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "data/texts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Rounding to two digits leaves more than this only with many classes, whose probabilities say little then. */
static const double sum_tolerance = 0.02;

const char *gal_case_kind_name(gal_case_kind kind) {
    static const char *const names[] = {"binary", "multiclass", "multilabel"};
    return names[kind];
}

void gal_case_set_free(gal_case_set *cases) {
    gal_arena_free(&cases->arena);
    *cases = (gal_case_set){.kind = cases->kind};
}

static galen_status no_memory(const gal_case_set *cases, galen_error *err) {
    return gal_fail_memory(err, "a list of cases", cases->count * (size_t)cases->classes * sizeof *cases->score);
}

galen_status gal_case_set_make(gal_case_kind kind, size_t count, int classes, gal_case_set *out, galen_error *err) {
    *out = (gal_case_set){.kind = kind, .count = count, .classes = classes};
    gal_arena_init(&out->arena, PTRDIFF_MAX);
    if (count == 0 || classes < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "there are no %s: give some", count == 0 ? "cases" : "classes");
    if (count > GAL_CASES_MAX || classes > GAL_CASE_CLASSES_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "%zu cases of %d classes; %d cases and %d classes are possible: use fewer", count, classes,
                        GAL_CASES_MAX, GAL_CASE_CLASSES_MAX);
    size_t cells = count * (size_t)classes; /* below 2^36 by the limits above */
    out->id = gal_arena_alloc(&out->arena, count, sizeof *out->id);
    out->class_name = gal_arena_alloc(&out->arena, (size_t)classes, sizeof *out->class_name);
    out->score = gal_arena_alloc(&out->arena, cells, sizeof *out->score);
    if (kind == GAL_CASE_MULTICLASS)
        out->label = gal_arena_alloc(&out->arena, count, sizeof *out->label);
    else
        out->positive = gal_arena_alloc(&out->arena, cells, sizeof *out->positive);
    if (!out->id || !out->class_name || !out->score || (!out->label && !out->positive)) return no_memory(out, err);
    return GALEN_OK;
}

/* ---- attributes and patients ---- */

static galen_status number_levels(gal_case_set *cases, const char *const *value, gal_texts *names, uint32_t *of,
                                  galen_error *err) {
    for (size_t k = 0; k < cases->count; k++) {
        size_t level = GAL_NO_LEVEL;
        if (value[k] && value[k][0]) GAL_TRY(gal_texts_add(names, value[k], strlen(value[k]), &level, NULL, err));
        of[k] = (uint32_t)level;
    }
    return GALEN_OK;
}

static galen_status add_attribute(gal_case_set *cases, const char *name, const char *const *value, gal_texts *names,
                                  galen_error *err) {
    gal_attribute *added = &cases->attribute[cases->attributes];
    added->name = gal_arena_text(&cases->arena, name, strlen(name));
    added->of = gal_arena_alloc(&cases->arena, cases->count, sizeof *added->of);
    if (!added->name || !added->of) return no_memory(cases, err);
    GAL_TRY(number_levels(cases, value, names, added->of, err));
    added->levels = (uint32_t)names->count;
    added->level = gal_arena_alloc(&cases->arena, names->count, sizeof *added->level);
    if (!added->level) return no_memory(cases, err);
    if (names->count > 0) memcpy(added->level, names->name, names->count * sizeof *added->level);
    cases->attributes++;
    return GALEN_OK;
}

galen_status gal_case_set_attribute(gal_case_set *cases, const char *name, const char *const *value, galen_error *err) {
    gal_texts names;
    for (int a = 0; a < cases->attributes; a++)
        if (!strcmp(cases->attribute[a].name, name))
            return gal_fail(err, GALEN_ERR_FORMAT, "two columns are called '%.100s': rename one", name);
    if (cases->attributes == GAL_CASE_ATTRIBUTES_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT, "more than %d columns beside ids, labels and scores: leave some out",
                        GAL_CASE_ATTRIBUTES_MAX);
    if (!cases->attribute)
        cases->attribute = gal_arena_alloc(&cases->arena, GAL_CASE_ATTRIBUTES_MAX, sizeof *cases->attribute);
    if (!cases->attribute) return no_memory(cases, err);
    gal_texts_init(&names, &cases->arena);
    galen_status status = add_attribute(cases, name, value, &names, err);
    gal_texts_free(&names);
    return status;
}

galen_status gal_case_set_patients(gal_case_set *cases, const char *const *name, galen_error *err) {
    gal_arena arena;
    gal_texts names;
    cases->patient = gal_arena_alloc(&cases->arena, cases->count, sizeof *cases->patient);
    if (!cases->patient) return no_memory(cases, err);
    gal_arena_init(&arena, PTRDIFF_MAX);
    gal_texts_init(&names, &arena);
    galen_status status = number_levels(cases, name, &names, cases->patient, err);
    cases->patients = names.count;
    gal_texts_free(&names);
    gal_arena_free(&arena);
    for (size_t k = 0; status == GALEN_OK && k < cases->count; k++)
        if (cases->patient[k] == GAL_NO_LEVEL) cases->patient[k] = (uint32_t)cases->patients++;
    return status;
}

galen_status gal_case_set_hash_ids(gal_case_set *cases, galen_error *err) {
    char hex[GAL_SHA256_HEX];
    for (size_t k = 0; k < cases->count; k++) {
        GAL_TRY(gal_sha256_hex(cases->id[k], strlen(cases->id[k]), hex, err));
        cases->id[k] = gal_arena_text(&cases->arena, hex, sizeof hex - 1);
        if (!cases->id[k]) return no_memory(cases, err);
    }
    cases->path = NULL;
    return GALEN_OK;
}

galen_status gal_case_set_keep_attributes(gal_case_set *cases, const char *const *name, int names, galen_error *err) {
    gal_attribute kept[GAL_CASE_ATTRIBUTES_MAX];
    if (names > GAL_CASE_ATTRIBUTES_MAX) return gal_fail(err, GALEN_ERR_LIMIT, "%d columns are too many", names);
    for (int n = 0; n < names; n++) {
        int a = 0;
        while (a < cases->attributes && strcasecmp(cases->attribute[a].name, name[n]) != 0) a++;
        if (a == cases->attributes)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "there is no column '%.100s'%s%.100s%s: name one that there is",
                            name[n], a ? " (the first is '" : "", a ? cases->attribute[0].name : "", a ? "')" : "");
        for (int before = 0; before < n; before++)
            if (kept[before].of == cases->attribute[a].of)
                return gal_fail(err, GALEN_ERR_ARGUMENT, "the column '%.100s' is named twice: name it once", name[n]);
        kept[n] = cases->attribute[a];
    }
    if (names > 0) memcpy(cases->attribute, kept, (size_t)names * sizeof *kept);
    cases->attributes = names;
    return GALEN_OK;
}

/* ---- probabilities ---- */

static void softmax(const double *logit, size_t n, double *out) {
    double most = logit[0], sum = 0;
    for (size_t c = 1; c < n; c++) most = logit[c] > most ? logit[c] : most;
    for (size_t c = 0; c < n; c++) sum += out[c] = gal_ref_exp(logit[c] - most);
    for (size_t c = 0; c < n; c++) out[c] /= sum;
}

static galen_status fill_probabilities(gal_case_set *cases, galen_error *err) {
    size_t n = (size_t)cases->classes, cells = cases->count * n;
    cases->probability = cases->score;
    if (!cases->logits) return GALEN_OK;
    cases->probability = gal_arena_alloc(&cases->arena, cells, sizeof *cases->probability);
    if (!cases->probability) return no_memory(cases, err);
    if (cases->kind != GAL_CASE_MULTICLASS)
        for (size_t k = 0; k < cells; k++) cases->probability[k] = gal_ref_sigmoid(cases->score[k]);
    else
        for (size_t k = 0; k < cells; k += n) softmax(cases->score + k, n, cases->probability + k);
    return GALEN_OK;
}

/* ---- checks ---- */

typedef struct checker {
    const gal_case_set *cases;
    const size_t *row;
    galen_error *err;
    char name[160];
} checker;

/* What an error calls case k. */
static const char *case_name(checker *c, size_t k) {
    if (c->row)
        snprintf(c->name, sizeof c->name, "row %zu", c->row[k]);
    else
        snprintf(c->name, sizeof c->name, "case '%.120s'", c->cases->id[k]);
    return c->name;
}

static const char *column_name(const gal_case_set *cases, size_t column) {
    return cases->class_name[column] ? cases->class_name[column] : "";
}

static galen_status check_row(checker *c, size_t k) {
    const gal_case_set *cases = c->cases;
    size_t n = (size_t)cases->classes;
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        double score = cases->score[k * n + j];
        if (!isfinite(score))
            return gal_fail(c->err, GALEN_ERR_NUMERIC,
                            "%s: the score of '%.80s' is %s: give each case a number, or leave the case out",
                            case_name(c, k), column_name(cases, j), isnan(score) ? "NaN" : "infinite");
        if (!cases->logits && !(score >= 0 && score <= 1))
            return gal_fail(c->err, GALEN_ERR_FORMAT,
                            "%s: the probability of '%.80s' is %.6g, outside 0 to 1: call the column 'logit' if it "
                            "holds logits, or divide percentages by 100",
                            case_name(c, k), column_name(cases, j), score);
        if (cases->positive && cases->positive[k * n + j] > 1)
            return gal_fail(c->err, GALEN_ERR_FORMAT, "%s: the label of '%.80s' is %d: it must be 0 or 1",
                            case_name(c, k), column_name(cases, j), cases->positive[k * n + j]);
        sum += score;
    }
    if (cases->kind == GAL_CASE_MULTICLASS && !cases->logits && fabs(sum - 1) > sum_tolerance)
        return gal_fail(c->err, GALEN_ERR_FORMAT,
                        "%s: the probabilities of the classes add up to %.6g, not 1: leave no class out, or name them "
                        "logit_CLASS if they are logits",
                        case_name(c, k), sum);
    if (cases->label && cases->label[k] >= (uint32_t)cases->classes)
        return gal_fail(c->err, GALEN_ERR_FORMAT, "%s: the label is class %u of %d (counted from 0): check the labels",
                        case_name(c, k), cases->label[k], cases->classes);
    return GALEN_OK;
}

static galen_status check_ids(checker *c, gal_texts *ids, size_t *first) {
    const gal_case_set *cases = c->cases;
    for (size_t k = 0; k < cases->count; k++) {
        size_t index;
        bool fresh = false;
        if (!cases->id[k] || !cases->id[k][0])
            return gal_fail(c->err, GALEN_ERR_FORMAT, "case %zu has no id: give each one of its own", k + 1);
        GAL_TRY(gal_texts_add(ids, cases->id[k], strlen(cases->id[k]), &index, &fresh, c->err));
        if (fresh) {
            first[index] = k;
        } else if (c->row) {
            return gal_fail(c->err, GALEN_ERR_FORMAT,
                            "row %zu: the id '%.100s' stands in row %zu already: each case may occur once", c->row[k],
                            cases->id[k], c->row[first[index]]);
        } else {
            return gal_fail(c->err, GALEN_ERR_FORMAT,
                            "the id '%.100s' stands twice, at case %zu and at case %zu: each may occur once",
                            cases->id[k], first[index] + 1, k + 1);
        }
    }
    return GALEN_OK;
}

static galen_status check_unique(checker *c) {
    gal_arena arena;
    gal_texts ids;
    gal_arena_init(&arena, PTRDIFF_MAX);
    gal_texts_init(&ids, &arena);
    size_t *first = gal_calloc(c->cases->count, sizeof *first);
    galen_status status = first ? check_ids(c, &ids, first) : no_memory(c->cases, c->err);
    gal_free(first);
    gal_texts_free(&ids);
    gal_arena_free(&arena);
    return status;
}

static galen_status check_kinds(const gal_case_set *cases, galen_error *err) {
    if (cases->kind == GAL_CASE_MULTILABEL) return GALEN_OK; /* its questions are asked one by one */
    if (cases->kind == GAL_CASE_MULTICLASS) {
        for (size_t k = 1; k < cases->count; k++)
            if (cases->label[k] != cases->label[0]) return GALEN_OK;
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "all %zu cases are of the class '%.80s': AUC, specificity and what follows from them cannot be "
                        "computed: add cases of other classes",
                        cases->count, column_name(cases, cases->label[0]));
    }
    size_t positives = 0;
    for (size_t k = 0; k < cases->count; k++) positives += cases->positive[k];
    if (positives > 0 && positives < cases->count) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "all %zu cases are %s: AUC, %s and what follows from them cannot be computed: add %s cases",
                    cases->count, positives ? "positive" : "negative", positives ? "specificity" : "sensitivity",
                    positives ? "negative" : "positive");
}

static galen_status not_text(galen_error *err, const char *where) {
    return gal_fail(err, GALEN_ERR_FORMAT, "%s is not UTF-8 text: save the names as UTF-8", where);
}

static galen_status check_texts(checker *c) {
    const gal_case_set *cases = c->cases;
    for (size_t k = 0; k < cases->count; k++) {
        if (gal_utf8_valid(cases->id[k]) && (!cases->path || !cases->path[k] || gal_utf8_valid(cases->path[k])))
            continue;
        char where[64];
        (void)snprintf(where, sizeof where, "the name of %s %zu", c->row ? "the case in row" : "case",
                       c->row ? c->row[k] : k + 1);
        return not_text(c->err, where);
    }
    for (int i = 0; i < cases->classes; i++)
        if (cases->class_name[i] && !gal_utf8_valid(cases->class_name[i])) return not_text(c->err, "a class's name");
    if (cases->negative && !gal_utf8_valid(cases->negative)) return not_text(c->err, "the negative label");
    for (int a = 0; a < cases->attributes; a++) {
        const gal_attribute *of = &cases->attribute[a];
        if (!gal_utf8_valid(of->name)) return not_text(c->err, "a column's name");
        for (uint32_t level = 0; level < of->levels; level++)
            if (!gal_utf8_valid(of->level[level])) return not_text(c->err, of->name);
    }
    return GALEN_OK;
}

galen_status gal_case_set_finish(gal_case_set *cases, const size_t *row, galen_error *err) {
    checker c = {.cases = cases, .row = row, .err = err};
    GAL_TRY(check_unique(&c));
    GAL_TRY(check_texts(&c));
    for (size_t k = 0; k < cases->count; k++) GAL_TRY(check_row(&c, k));
    GAL_TRY(check_kinds(cases, err));
    return fill_probabilities(cases, err);
}
