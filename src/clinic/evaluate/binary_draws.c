/* The figures of GAL_LANES weighted samples at once. */
#include "clinic/evaluate/binary_draws.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"

#include <math.h>
#include <string.h>

enum { LANES = GAL_LANES };

static void decision_figures(const gal_binary_draws *d, const gal_ranking *all, double (*out)[LANES]) {
    for (int l = 0; l < LANES; l++) {
        double figure[GAL_FIGURES];
        gal_confusion c = {.true_positives = (size_t)all->true_positives[l],
                           .false_positives = (size_t)all->false_positives[l]};
        c.false_negatives = (size_t)all->positives[l] - c.true_positives;
        c.true_negatives = (size_t)all->negatives[l] - c.false_positives;
        gal_decision_figures(&c, d->settings->prevalence, figure);
        for (int f = GAL_ACCURACY; f <= GAL_LR_NEGATIVE; f++) out[f][l] = figure[f];
    }
}

static void calibration_figures(const gal_binary_draws *d, const gal_weights *weight, const gal_ranking *all,
                                double (*out)[LANES]) {
    gal_calibration c;
    gal_calibration_pass(d->by_probability, d->cases, weight, all->positives, all->negatives, d->settings->bins, &c);
    for (int l = 0; l < LANES; l++) {
        double share = all->positives[l] / (all->positives[l] + all->negatives[l]);
        out[GAL_BRIER][l] = c.brier[l];
        out[GAL_BRIER_RELIABILITY][l] = c.reliability[l];
        out[GAL_BRIER_RESOLUTION][l] = c.resolution[l];
        out[GAL_BRIER_UNCERTAINTY][l] = share * (1 - share);
        /* What the decomposition leaves. */
        out[GAL_BRIER_WITHIN][l] = c.brier[l] - c.reliability[l] + c.resolution[l] - share * (1 - share);
        out[GAL_LOG_LOSS][l] = c.loss[l];
        out[GAL_ECE][l] = c.expected_error[l];
        out[GAL_MCE][l] = c.worst_error[l];
    }
}

void gal_binary_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]) {
    const gal_binary_draws *d = draws;
    gal_ranking ranking;
    for (int f = 0; f < GAL_FIGURES; f++)
        for (int l = 0; l < LANES; l++) out[f][l] = (double)NAN;
    gal_ranking_pass(d->by_score, d->cases, weight, &ranking);
    if (d->decided) decision_figures(d, &ranking, out);
    memcpy(out[GAL_AUC], ranking.auc, sizeof ranking.auc);
    memcpy(out[GAL_AVERAGE_PRECISION], ranking.average_precision, sizeof ranking.average_precision);
    if (d->by_probability != NULL) calibration_figures(d, weight, &ranking, out);
}

/* Cases are numbered by kind and score, so that the passes read weights nearly in a row. */
static galen_status number_units(const gal_binary_cases *cases, gal_binary_draws *d, galen_error *err) {
    size_t *order = gal_calloc(d->cases, sizeof *order);
    uint32_t *kind = gal_calloc(d->cases, sizeof *kind);
    galen_status status = GALEN_OK;
    if (order == NULL || kind == NULL)
        status = gal_fail_memory(err, "the order of cases", d->cases * (sizeof *order + sizeof *kind));
    if (status == GALEN_OK) status = gal_order(cases->scores.score, d->cases, GAL_DESCENDING, order, err);
    if (status == GALEN_OK) {
        gal_patients patients = {cases->patient, cases->patients};
        for (size_t i = 0; i < d->cases; i++) kind[i] = cases->scores.positive[i] != 0;
        status = gal_units_make(kind, d->cases, 2, &patients, order, &d->units, err);
    }
    gal_free(order);
    gal_free(kind);
    return status;
}

static galen_status make(const gal_binary_cases *cases, const uint8_t *called, gal_binary_draws *d, galen_error *err) {
    GAL_TRY(number_units(cases, d, err));
    d->by_score = gal_calloc(d->cases, sizeof *d->by_score);
    if (d->by_score == NULL) return gal_fail_memory(err, "cases by score", d->cases * sizeof *d->by_score);
    GAL_TRY(gal_place_scores(&cases->scores, called, d->units.of, d->by_score, err));
    if (cases->probability == NULL) return GALEN_OK;
    d->by_probability = gal_calloc(d->cases, sizeof *d->by_probability);
    if (d->by_probability == NULL)
        return gal_fail_memory(err, "cases by probability", d->cases * sizeof *d->by_probability);
    gal_scores probabilities = {cases->probability, cases->scores.positive, d->cases};
    return gal_place_probabilities(&probabilities, d->units.of, d->by_probability, err);
}

galen_status gal_binary_draws_make(const gal_binary_cases *cases, const uint8_t *called,
                                   const gal_eval_settings *settings, gal_binary_draws *out, galen_error *err) {
    gal_binary_draws d = {.cases = cases->scores.count, .settings = settings, .decided = called != NULL};
    galen_status status = make(cases, called, &d, err);
    if (status == GALEN_OK)
        *out = d;
    else
        gal_binary_draws_free(&d);
    return status;
}

void gal_binary_draws_free(gal_binary_draws *d) {
    gal_free(d->by_score);
    gal_free(d->by_probability);
    gal_units_free(&d->units);
    *d = (gal_binary_draws){0};
}
