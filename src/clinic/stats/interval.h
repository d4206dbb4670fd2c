/* How far a measured share may be from the true one, by chance of which cases were seen. */
#ifndef GAL_CLINIC_INTERVAL_H
#define GAL_CLINIC_INTERVAL_H

#include <stddef.h>

/* The standard normal quantile of a two-sided interval of 95 %. */
#define GAL_Z95 1.959963984540054

/* That quantile for any level in (0, 1); NaN outside. */
double gal_z_of(double level);

typedef struct gal_interval {
    double low, high; /* in [0, 1]; of a difference, in [-1, 1] */
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
/* The same of numbers that need not be whole, such as cases less what belonging together takes off them. */
gal_interval gal_exact_effective(double hits, double cases, double z);

/*
 * Jeffreys' interval: equal tails of the posterior Beta(hits + 1/2, misses + 1/2) (Brown, Cai and DasGupta, Statistical
 * Science 16, 2001, without their change at shares of 0 and 1: there it leaves out the share itself, by little). As
 * gal_clopper_pearson otherwise.
 */
gal_interval gal_jeffreys(size_t hits, size_t cases, double z);

#endif
