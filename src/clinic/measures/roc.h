/* Ranking: how well a score tells positives from negatives, and where to cut it. */
#ifndef GAL_CLINIC_ROC_H
#define GAL_CLINIC_ROC_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

/* Cases with scores, higher for positives; positive[i] is 0 or 1. */
typedef struct gal_scores {
    const double *score;
    const uint8_t *positive;
    size_t count;
} gal_scores;

/*
 * The area under the ROC curve: the probability that a positive scores above a negative, ties counting one half (the
 * Mann-Whitney statistic; Hanley and McNeil, Radiology 1982). GALEN_ERR_NUMERIC for NaN, GALEN_ERR_ARGUMENT unless both
 * kinds are there.
 */
galen_status gal_roc_auc(const gal_scores *scores, double *auc, galen_error *err);

/* Decisions at one cut: positive where score >= threshold. */
typedef struct gal_operating_point {
    double threshold, sensitivity, specificity;
    size_t true_positives, false_negatives, true_negatives, false_positives;
} gal_operating_point;

/* The counts at `threshold`. */
void gal_roc_at(const gal_scores *scores, double threshold, gal_operating_point *out);

/* The highest threshold at which sensitivity is at least `sensitivity` (in (0, 1]): the score of a positive. Errors as
 * gal_roc_auc. */
galen_status gal_roc_for_sensitivity(const gal_scores *scores, double sensitivity, gal_operating_point *out,
                                     galen_error *err);

#endif
