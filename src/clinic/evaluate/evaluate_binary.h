/* How good a model answers a yes-or-no question, with an interval to every figure. */
#ifndef GAL_CLINIC_EVALUATE_BINARY_H
#define GAL_CLINIC_EVALUATE_BINARY_H

#include "base/pool.h"
#include "clinic/cases/cases.h"
#include "clinic/evaluate/estimate.h"
#include "clinic/measures/confusion.h"
#include "clinic/measures/curves.h"
#include "clinic/measures/reliability.h"

/* Figures of a binary evaluation, each a row of the table in evaluate_binary.c. Named in JSON like this, in lower case
 * and without GAL_. */
typedef enum gal_figure {
    /* Of the decision at the threshold; formulas: confusion.h. */
    GAL_ACCURACY,
    GAL_BALANCED_ACCURACY,
    GAL_SENSITIVITY,
    GAL_SPECIFICITY,
    GAL_PPV,
    GAL_NPV,
    GAL_PPV_AT_PREVALENCE, /* settings.prevalence */
    GAL_NPV_AT_PREVALENCE,
    GAL_F1,
    GAL_MCC,
    GAL_LR_POSITIVE, /* likelihood ratios */
    GAL_LR_NEGATIVE,
    /* Of the ranking; roc.h, precision.h. */
    GAL_AUC,
    GAL_AVERAGE_PRECISION,
    /* Of the probabilities; reliability.h. */
    GAL_BRIER,
    GAL_BRIER_RELIABILITY,
    GAL_BRIER_RESOLUTION,
    GAL_BRIER_UNCERTAINTY,
    GAL_BRIER_WITHIN,
    GAL_LOG_LOSS,
    GAL_ECE,
    GAL_MCE,
    GAL_FIGURES
} gal_figure;

enum { GAL_CURVE_POINTS = 500 };

/* "sensitivity"; static. */
const char *gal_figure_name(gal_figure figure);

/* Cases of a yes-or-no question: a binary set, a class against the others, a label. Nothing is owned. */
typedef struct gal_binary_cases {
    gal_scores scores;         /* higher is more likely */
    const double *probability; /* [count] in [0, 1]; NULL: no figures of probabilities */
    const uint32_t *patient;   /* [count] below `patients`; NULL: every case is its own patient */
    size_t patients;
    const uint8_t *called; /* [count] decisions, 0 or 1; NULL: those of settings->threshold, if it has one */
} gal_binary_cases;

typedef struct gal_binary_evaluation {
    size_t cases, positives, negatives;
    bool decided;                     /* there was a threshold, or decisions were given */
    gal_confusion confusion;          /* zeros unless decided */
    gal_estimate figure[GAL_FIGURES]; /* by gal_figure; value NaN: not asked for or not defined on these cases */
    gal_curve roc, precision_recall;  /* thinned to GAL_CURVE_POINTS; empty unless both kinds of case are there */
    gal_reliability_bin *bin;         /* [bins] of equal mass; NULL without probabilities */
    size_t bins;
} gal_binary_evaluation;

/* The figures GAL_ACCURACY to GAL_LR_NEGATIVE of `figure`[GAL_FIGURES], with NaN where they are not defined. */
void gal_decision_figures(const gal_confusion *confusion, double prevalence, double *figure);

/*
 * Evaluates, and leaves in *out what gal_binary_evaluation_free frees. Cases of one kind alone are evaluated as far as
 * they go. pool: as gal_pool_run's; no result depends on it.
 *
 * Intervals: of proportions that of settings->proportions; of the balanced accuracy MOVER (Zou and Donner, Statistics
 * in Medicine 27, 2008); of likelihood ratios the logarithmic one (Simel, Samsa and Matchar, Journal of Clinical
 * Epidemiology 44, 1991), none where one is 0 or infinite; of the AUC DeLong's; of all else, but the Brier score's
 * uncertainty, which no model changes, BCa of settings->draws bootstrap samples stratified by kind (bootstrap.h). Where
 * a patient has several cases all of them come from draws of patients, stratified by whether they have a positive case.
 * A figure that is the same in each draw, such as F1 of 1, gets no interval from draws: it keeps that of a formula,
 * which takes cases for independent, or none.
 *
 * GALEN_ERR_ARGUMENT without cases or for settings that gal_eval_check refuses, GALEN_ERR_NUMERIC for a score of NaN or
 * a probability outside [0, 1], GALEN_ERR_MEMORY.
 */
galen_status gal_evaluate_binary(const gal_binary_cases *cases, const gal_eval_settings *settings, gal_pool *pool,
                                 gal_binary_evaluation *out, galen_error *err);
void gal_binary_evaluation_free(gal_binary_evaluation *evaluation);

/* Is there such a figure: what it needs, and asked for? */
bool gal_figure_asked(const gal_binary_evaluation *evaluation, const gal_eval_settings *settings, gal_figure figure);

/* {cases, positives, negatives, confusion: {true_positives, false_positives, false_negatives, true_negatives} or null,
 * figures: {NAME: as gal_estimate_json, ...} of those asked for, roc and precision_recall: as gal_curve_json,
 * reliability: [{cases, probability, share, low, high}, ...]}; low and high by settings->proportions. NULL: out of
 * memory. */
json_t *gal_binary_evaluation_json(const gal_binary_evaluation *evaluation, const gal_eval_settings *settings);

#endif
