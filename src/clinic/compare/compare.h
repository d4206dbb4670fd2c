/* Is a second model as good as the first on the same cases? A pure function of the pairs and settings. */
#ifndef GAL_CLINIC_COMPARE_H
#define GAL_CLINIC_COMPARE_H

#include "clinic/compare/pairs.h"
#include "clinic/evaluate/estimate.h"
#include "clinic/measures/confusion.h"
#include "clinic/measures/delong.h"
#include "clinic/stats/difference.h"

typedef struct gal_compare_settings {
    double level;                /* of every interval, two-sided, in (0, 1) */
    bool has_threshold;          /* without one a yes-or-no question has no decisions to compare; a multi-class set
                                  * needs none: its decision is the likeliest class, the first of equals */
    double threshold[GAL_SIDES]; /* on the scale of each side's scores: positive from it on */
    double sensitivity_margin;   /* how much less sensitive the candidate may be, in (0, 1]; NaN: not tested */
    double specificity_margin;   /* likewise */
} gal_compare_settings;

/* 95 %, no threshold, no margin. */
gal_compare_settings gal_compare_defaults(void);

/* How much more often the candidate is right, on some of the cases. */
typedef struct gal_share_difference {
    gal_paired counts; /* first: the candidate */
    size_t cases;
    double share[GAL_SIDES], difference; /* candidate less reference; NaN without cases */
    /*
     * Where patients have several cases, the intervals are those of so many fewer: the sum of squared cases a patient
     * over the cases, which is what an interval must allow for if a patient's cases always go together (Kish, Survey
     * Sampling, 1965; Rao and Scott, Biometrics 48:577, 1992), so that it is wide enough however they do. 1: each case
     * is its own patient.
     */
    double design_effect;
    gal_interval newcombe, tango;        /* of the difference (difference.h) */
    double mcnemar_exact, mcnemar_mid_p; /* paired.h; for independent cases, as are the areas */
} gal_share_difference;

/* One yes-or-no question: the positives of a binary set, a class against the others, a label. */
typedef struct gal_binary_comparison {
    const char *name; /* of the positive label or class; NULL: unnamed */
    size_t positives, negatives;
    bool decided; /* what follows up to the verdicts is set */
    gal_confusion confusion[GAL_SIDES];
    gal_share_difference sensitivity, specificity, accuracy;
    /* Shares with Clopper and Pearson's interval (with the design effect, that of beta quantiles at as many fewer
     * hits and cases), whose upper end holds at least as often as it says: of positives that
     * the candidate misses, of positives that it misses and the reference finds, of negatives that it alone calls
     * positive. */
    gal_estimate missed, newly_missed, new_false_alarms;
    /* Tango's interval against the margin: of the intervals for paired shares it has an error rate nearest to what it
     * says, also where few cases differ. GAL_VERDICT_INSUFFICIENT without a margin. */
    gal_verdict sensitivity_verdict, specificity_verdict;
    /* Where evidence is insufficient: with how many positives (negatives) non-inferiority would be shown with a
     * probability of 90 %, if both are right equally often and differ on as large a share of cases as here, one case at
     * least (sample_size.h). 0: not asked, or beyond GAL_PLAN_MOST. */
    size_t positives_needed, negatives_needed;
    bool ranked; /* there are two cases of each kind at least, and what follows is set */
    gal_auc auc[GAL_SIDES];
    gal_auc_difference auc_difference; /* candidate less reference */
} gal_binary_comparison;

typedef struct gal_case_comparison {
    gal_case_kind kind;
    gal_compare_settings settings;
    size_t cases, patients; /* patients: 0 where the set names none */
    bool decided;
    size_t changed;                /* cases of which any decision changed */
    gal_share_difference accuracy; /* of all cases; right is a multi-label case with every label right */
    /* Over cases and classes: how far the probability moved, and where it moved farthest. */
    double shift_most, shift_mean;
    const char *shift_id;
    gal_binary_comparison *question; /* [questions]; of a multi-class set each class against the others */
    int questions;
} gal_case_comparison;

/*
 * Compares, and leaves in *out what gal_case_comparison_free frees, after any result; the pairs' cases must outlive it.
 * GALEN_ERR_ARGUMENT for settings outside their ranges.
 */
galen_status gal_compare_cases(const gal_case_pairs *pairs, const gal_compare_settings *settings,
                               gal_case_comparison *out, galen_error *err);
void gal_case_comparison_free(gal_case_comparison *comparison);

/* What one side decides of every case and question: decision[count][questions], 0 or 1; of a multi-class set the
 * likeliest class has the 1. Nothing is written unless there is something to decide with (comparison.decided). */
void gal_decide(const gal_case_pairs *pairs, const gal_compare_settings *settings, int side, uint8_t *decision);

/*
 * {kind, cases, patients, settings: as gal_compare_settings_json, changed, accuracy: DIFFERENCE, probability_shift:
 * {most, mean, id}, questions: [{name, positives, negatives, decisions: {reference, candidate: {true_positives,
 * false_positives, false_negatives, true_negatives}, sensitivity, specificity, accuracy: DIFFERENCE, missed,
 * newly_missed, new_false_alarms: as gal_estimate_json, sensitivity_noninferior, specificity_noninferior: verdict or
 * null, positives_needed, negatives_needed: cases or null} or null, auc: {reference, candidate: {value, low, high,
 * logit: [low, high]}, difference, low, high, p} or null}]}, where DIFFERENCE is {cases, both, only_reference,
 * only_candidate, neither, reference, candidate, difference, newcombe: [low, high], tango: [low, high], mcnemar_exact,
 * mcnemar_mid_p}. What is not decided is null. NULL: out of memory.
 */
json_t *gal_case_comparison_json(const gal_case_comparison *comparison);

/* {level, thresholds: [reference, candidate] or null, sensitivity_margin, specificity_margin: null where not tested,
 * interval: "Tango", the one that verdicts are made with}. NULL: out of memory. */
json_t *gal_compare_settings_json(const gal_compare_settings *settings);
/* Reads what that wrote. GALEN_ERR_FORMAT for a member that is missing or of another kind. */
galen_status gal_compare_settings_read(const json_t *json, gal_compare_settings *out, galen_error *err);

#endif
