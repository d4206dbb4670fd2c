/* What the figures of many classes are computed from: units, orders, and each case's part. */
#include "clinic/evaluate/class_draws.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"
#include "clinic/measures/reliability.h"

#include <math.h>

/* kind[i] of a multi-class set: the true class's number when classes are sorted by cases, the most frequent first. */
static galen_status kinds_of(const gal_case_set *set, size_t *order, uint32_t *kind, galen_error *err) {
    size_t classes = (size_t)set->classes;
    double *cases = gal_calloc(classes, sizeof *cases);
    uint32_t *number = gal_calloc(classes, sizeof *number);
    galen_status status = GALEN_OK;
    if (cases == NULL || number == NULL)
        status = gal_fail_memory(err, "classes", classes * (sizeof *cases + sizeof *number));
    for (size_t i = 0; status == GALEN_OK && i < set->count; i++) cases[set->label[i]]++;
    if (status == GALEN_OK) status = gal_order(cases, classes, GAL_DESCENDING, order, err);
    for (size_t k = 0; status == GALEN_OK && k < classes; k++) number[order[k]] = (uint32_t)k;
    for (size_t i = 0; status == GALEN_OK && i < set->count; i++) kind[i] = number[set->label[i]];
    gal_free(cases);
    gal_free(number);
    return status;
}

static galen_status number_units(const gal_case_set *set, gal_units *units, galen_error *err) {
    size_t classes = (size_t)set->classes, room = set->count > classes ? set->count : classes;
    size_t *order = gal_calloc(room, sizeof *order);
    uint32_t *kind = gal_calloc(set->count, sizeof *kind);
    galen_status status = GALEN_OK;
    if (order == NULL || kind == NULL)
        status = gal_fail_memory(err, "the order of cases", room * (sizeof *order + sizeof *kind));
    else if (set->kind == GAL_CASE_MULTICLASS)
        status = kinds_of(set, order, kind, err);
    if (status == GALEN_OK) {
        gal_patients patients = {set->patient, set->patients};
        for (size_t i = 0; i < set->count; i++) order[i] = i;
        status = gal_units_make(kind, set->count, classes, &patients, order, units, err);
    }
    gal_free(order);
    gal_free(kind);
    return status;
}

static void take_class(const gal_case_set *set, size_t class, double *score, uint8_t *positive) {
    size_t classes = (size_t)set->classes;
    for (size_t i = 0; i < set->count; i++) {
        score[i] = set->score[i * classes + class];
        positive[i] = set->kind == GAL_CASE_MULTICLASS ? set->label[i] == class : set->positive[i * classes + class];
    }
}

static galen_status place_classes(gal_class_draws *d, double *column, uint8_t *positive, galen_error *err) {
    size_t n = d->set->count, classes = (size_t)d->set->classes;
    d->by_score = gal_calloc(classes, sizeof *d->by_score);
    if (d->by_score == NULL) return gal_fail_memory(err, "classes by score", classes * sizeof *d->by_score);
    for (size_t c = 0; c < classes; c++) {
        d->by_score[c] = gal_calloc(n, sizeof **d->by_score);
        if (d->by_score[c] == NULL) return gal_fail_memory(err, "cases by score", n * sizeof **d->by_score);
        take_class(d->set, c, column, positive);
        gal_scores scores = {column, positive, n};
        GAL_TRY(gal_place_scores(&scores, NULL, d->units.of, d->by_score[c], err));
    }
    return GALEN_OK;
}

/* Loss, squared error and rank of the true class of case i. */
static void judge_case(gal_class_draws *d, size_t i) {
    size_t classes = (size_t)d->set->classes, is = d->set->label[i];
    const double *p = d->set->probability + i * classes, *score = d->set->score + i * classes;
    for (size_t c = 0; c < classes; c++) {
        double off = p[c] - (c == is);
        d->brier[i] += off * off;
        d->place[i] += score[c] > score[is] || (score[c] == score[is] && c < is);
    }
    d->loss[i] = gal_case_log_loss(p[is], true);
}

static galen_status judge_cases(gal_class_draws *d, double *confidence, uint8_t *right, galen_error *err) {
    size_t n = d->set->count, classes = (size_t)d->set->classes;
    d->place = gal_calloc(n, sizeof *d->place);
    d->loss = gal_calloc(n, sizeof *d->loss);
    d->brier = gal_calloc(n, sizeof *d->brier);
    d->by_confidence = gal_calloc(n, sizeof *d->by_confidence);
    if (d->place == NULL || d->loss == NULL || d->brier == NULL || d->by_confidence == NULL)
        return gal_fail_memory(err, "cases by confidence", n * (sizeof *d->by_confidence + 2 * sizeof *d->loss));
    for (size_t i = 0; i < n; i++) {
        judge_case(d, i);
        confidence[i] = d->set->probability[i * classes + d->predicted[i]];
        right[i] = d->predicted[i] == d->set->label[i];
    }
    gal_scores scores = {confidence, right, n};
    return gal_place_probabilities(&scores, d->units.of, d->by_confidence, err);
}

static galen_status make(gal_class_draws *d, galen_error *err) {
    GAL_TRY(number_units(d->set, &d->units, err));
    double *column = gal_calloc(d->set->count, sizeof *column);
    uint8_t *positive = gal_calloc(d->set->count, sizeof *positive);
    galen_status status = GALEN_OK;
    if (column == NULL || positive == NULL)
        status = gal_fail_memory(err, "a class", d->set->count * (sizeof *column + sizeof *positive));
    if (status == GALEN_OK) status = place_classes(d, column, positive, err);
    if (status == GALEN_OK && d->set->kind == GAL_CASE_MULTICLASS) status = judge_cases(d, column, positive, err);
    gal_free(column);
    gal_free(positive);
    return status;
}

galen_status gal_class_draws_make(const gal_case_set *set, const uint32_t *predicted, const uint8_t *called,
                                  size_t bins, gal_class_draws *out, galen_error *err) {
    gal_class_draws d = {.set = set, .bins = bins, .predicted = predicted, .called = called};
    galen_status status = make(&d, err);
    if (status == GALEN_OK)
        *out = d;
    else
        gal_class_draws_free(&d);
    return status;
}

void gal_class_draws_free(gal_class_draws *d) {
    for (int c = 0; d->by_score != NULL && c < d->set->classes; c++) gal_free(d->by_score[c]);
    gal_free(d->by_score);
    gal_free(d->by_confidence);
    gal_free(d->place);
    gal_free(d->loss);
    gal_free(d->brier);
    gal_units_free(&d->units);
    *d = (gal_class_draws){0};
}
