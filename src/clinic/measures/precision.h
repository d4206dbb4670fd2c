/* Precision and recall: how good a score is at finding the few, where specificity would flatter it. */
#ifndef GAL_CLINIC_PRECISION_H
#define GAL_CLINIC_PRECISION_H

#include "clinic/measures/roc.h"

typedef struct gal_precision_point {
    double threshold;         /* cases scoring at least this much are called positive */
    double precision, recall; /* PPV and sensitivity there */
} gal_precision_point;

/*
 * A point for each score that occurs, highest first, so recall grows to 1 (Davis and Goadrich, ICML 2006); nothing is
 * drawn between them. The caller frees *out with gal_free. Errors as gal_roc_auc. O(n log n).
 */
galen_status gal_precision_curve(const gal_scores *scores, gal_precision_point **out, size_t *count, galen_error *err);

/* The area under it in steps, the sum of precision times the gain in recall, ties being one step: never optimistic as
 * straight lines between points are (Boyd, Eng and Page, ECML 2013). Errors as gal_roc_auc. */
galen_status gal_average_precision(const gal_scores *scores, double *out, galen_error *err);

#endif
