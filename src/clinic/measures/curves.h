/* The ROC and precision-recall curves as points: each one, and few enough of them to draw. */
#ifndef GAL_CLINIC_CURVES_H
#define GAL_CLINIC_CURVES_H

#include "clinic/measures/roc.h"

/* ROC: x = 1 - specificity, y = sensitivity; precision-recall: x = recall, y = precision. */
typedef struct gal_curve_point {
    double threshold; /* cases scoring at least this much are called positive; infinite: none is */
    double x, y;
} gal_curve_point;

typedef struct gal_curve {
    gal_curve_point *point; /* highest threshold first, so x never falls */
    size_t count;
    size_t exact; /* points before thinning; count where nothing was left out */
} gal_curve;

void gal_curve_free(gal_curve *curve);

/* (0, 0) and a point for each score that occurs (Fawcett, Pattern Recognition Letters 27, 2006). The caller frees *out
 * with gal_curve_free. Errors as gal_roc_auc. O(n log n). */
galen_status gal_roc_curve(const gal_scores *scores, gal_curve *out, galen_error *err);

/* The points of gal_precision_curve; otherwise as gal_roc_curve. */
galen_status gal_recall_curve(const gal_scores *scores, gal_curve *out, galen_error *err);

/*
 * Leaves at most `most` (8 or more) of a curve's points, in place: both ends; the corners of its upper convex hull,
 * where the best operating points are (Provost and Fawcett, Machine Learning 42, 2001), evenly thinned to half of the
 * room should there be more; and in the room left those nearest to even steps along the curve. Each point left is one
 * of the exact curve; a curve with room for all is not changed. GALEN_ERR_ARGUMENT for less room, or of memory.
 */
galen_status gal_curve_thin(gal_curve *curve, size_t most, galen_error *err);

#endif
