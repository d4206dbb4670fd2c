/* Areas under the ROC curve with their sampling error, of one score and of two on the same cases. */
#ifndef GAL_CLINIC_DELONG_H
#define GAL_CLINIC_DELONG_H

#include "clinic/measures/roc.h"
#include "clinic/stats/interval.h"

/* An area under the ROC curve with its variance and interval. */
typedef struct gal_auc {
    double auc, variance;
    gal_interval interval;
} gal_auc;

/*
 * DeLong's variance of the area, ties counting one half (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988), and
 * auc +- z * sqrt(variance), cut to [0, 1]. An area of 0 or 1 has a variance of 0: the interval is a point then, which
 * says that no pair was in the wrong order, not that the true area is known. Errors as gal_roc_auc, and
 * GALEN_ERR_ARGUMENT with fewer than two cases of a kind. O(n log n).
 */
galen_status gal_delong(const gal_scores *scores, double z, gal_auc *out, galen_error *err);

/* Two areas of the same cases. */
typedef struct gal_auc_difference {
    double difference, variance;
    gal_interval interval; /* difference +- z * sqrt(variance), cut to [-1, 1] */
    double statistic;      /* difference / sqrt(variance), standard normal where the true areas are equal */
    double p;              /* two-sided */
} gal_auc_difference;

/*
 * The area of `scores` less that of `other`, scores of the same cases in the same order, with DeLong's variance of the
 * difference: the covariance of the two areas is in it (the paper above). Scores that rank alike have a difference and
 * a statistic of 0 and p = 1. A variance of 0 with areas that differ (each ranks without spread) allows no test:
 * statistic and p are NaN. Errors as gal_delong.
 */
galen_status gal_delong_paired(const gal_scores *scores, const double *other, double z, gal_auc_difference *out,
                               galen_error *err);

#endif
