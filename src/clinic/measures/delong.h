/* Areas under the ROC curve with their sampling error, of one score and of two on the same cases. */
#ifndef GAL_CLINIC_DELONG_H
#define GAL_CLINIC_DELONG_H

#include "clinic/measures/roc.h"
#include "clinic/stats/interval.h"

/* An area under the ROC curve with its variance and two intervals. */
typedef struct gal_auc {
    double auc, variance;
    gal_interval interval, logit;
} gal_auc;

/*
 * DeLong's variance of the area, ties counting one half (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).
 *
 * interval: auc +- z * sqrt(variance), cut to [0, 1], as most programs have it. It is short of its level with few cases
 * and near 1, and a point where the variance is 0, as of an area of 1: no pair was in the wrong order then, which does
 * not say that the true area is known.
 *
 * logit: log(auc / (1 - auc)) +- z * sqrt(variance) / (auc (1 - auc)), turned back (M. S. Pepe, The Statistical
 * Evaluation of Medical Tests for Classification and Prediction, 2003, p. 107), which lies in (0, 1) and reaches
 * further to the side where there is room. With a variance of 0 it is gal_newcombe_area's.
 *
 * Errors as gal_roc_auc, and GALEN_ERR_ARGUMENT with fewer than two cases of a kind. O(n log n).
 */
galen_status gal_delong(const gal_scores *scores, double z, gal_auc *out, galen_error *err);

/*
 * The areas that one seen on so many cases does not speak against: those at most z standard errors away, by their own
 * standard error, Hanley and McNeil's of exponential scores with the mean of the two numbers in place of each (method 5
 * of R. G. Newcombe, Statistics in Medicine 25:559, 2006). To the last bits by halving. At an area of 1 the upper end
 * is 1, at one of 0 the lower 0, and the other end is off it.
 */
gal_interval gal_newcombe_area(double auc, size_t positives, size_t negatives, double z);

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
