/* Choosing where to cut a score, with confidence in what the cut will do to cases not seen yet. */
#ifndef GAL_CLINIC_OPERATING_POINT_H
#define GAL_CLINIC_OPERATING_POINT_H

#include "clinic/measures/roc.h"

#include <jansson.h>

enum { GAL_FROZEN_TEXT = 192 };

/* A threshold and what speaks for it. */
typedef struct gal_frozen_point {
    gal_operating_point at;    /* on the cases it was chosen on: its specificity is as seen there, without confidence */
    double wanted, confidence; /* sensitivity; one-sided */
    double bound;              /* the sensitivity is at least this, with that confidence; >= wanted */
} gal_frozen_point;

/*
 * The highest threshold whose one-sided lower bound of sensitivity (Clopper and Pearson) is at least `wanted`, in
 * (0, 1), with `confidence` in (0, 1). Although it is chosen by looking, the confidence holds: the bound of the score
 * of the k-th highest of n positives is that of a tolerance limit, true sensitivity being Beta(k, n - k + 1) there (S.
 * S. Wilks, Annals of Mathematical Statistics 12, 1941), provided that the cases were drawn as those to come. Errors as
 * gal_roc_auc, and GALEN_ERR_ARGUMENT, saying how many are needed, with too few positives to be sure even if none were
 * missed.
 */
galen_status gal_freeze_sensitivity(const gal_scores *scores, double wanted, double confidence, gal_frozen_point *out,
                                    galen_error *err);

/* The least number of positives that can show a sensitivity of `wanted` with `confidence` (both in (0, 1), else 0):
 * the n from which wanted^n <= 1 - confidence. */
size_t gal_positives_needed(double wanted, double confidence);

/* How it was frozen, for the card: "sensitivity >= 0.98 with 95 % confidence: 389 of 390 positives found". */
void gal_frozen_text(const gal_frozen_point *point, char out[GAL_FROZEN_TEXT]);

/* {"threshold", "wanted_sensitivity", "confidence", "lower_bound", "sensitivity", "specificity", "true_positives",
 * "false_negatives", "true_negatives", "false_positives", "method"}. A new reference, NULL without memory. */
json_t *gal_frozen_json(const gal_frozen_point *point);

#endif
