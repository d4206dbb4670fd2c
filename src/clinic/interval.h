/* How far a measured share or area may be from the true one, by chance of which cases were seen. */
#ifndef GAL_CLINIC_INTERVAL_H
#define GAL_CLINIC_INTERVAL_H

#include "clinic/roc.h"

/* The standard normal quantile of a two-sided interval of 95 %. */
#define GAL_Z95 1.959963984540054

typedef struct gal_interval {
    double low, high; /* in [0, 1] */
} gal_interval;

/*
 * Wilson's score interval of a share of `hits` in `cases` (E. B. Wilson, JASA 22, 1927, without continuity correction);
 * it stays sensible at shares of 0 and 1. `z`: the normal quantile. No cases: [0, 1].
 */
gal_interval gal_wilson(size_t hits, size_t cases, double z);

/*
 * The exact interval (Clopper and Pearson, Biometrika 26, 1934, by quantiles of the beta distribution): covers the true
 * share at least as often as it says, so it is wider than need be. As gal_wilson otherwise; z stands for the level it
 * has under the normal distribution (GAL_Z95: 95 %).
 */
gal_interval gal_clopper_pearson(size_t hits, size_t cases, double z);

/*
 * Jeffreys' interval: equal tails of the posterior Beta(hits + 1/2, misses + 1/2) (Brown, Cai and DasGupta, Statistical
 * Science 16, 2001, without their change at shares of 0 and 1: there it leaves out the share itself, by little). As
 * gal_clopper_pearson otherwise.
 */
gal_interval gal_jeffreys(size_t hits, size_t cases, double z);

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

#endif
