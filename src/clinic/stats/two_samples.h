/* Two groups of different cases: how far apart their shares are, and corrections for looking at many. */
#ifndef GAL_CLINIC_TWO_SAMPLES_H
#define GAL_CLINIC_TWO_SAMPLES_H

#include "clinic/stats/interval.h"

/* hits of cases in each group. */
typedef struct gal_two_shares {
    size_t hits[2], cases[2];
} gal_two_shares;

/* The interval of the first share less the second, of independent groups: Wilson's two put together (method 10 of R. G.
 * Newcombe, Statistics in Medicine 17:873, 1998). [-1, 1] where a group has no cases. */
gal_interval gal_newcombe_independent(const gal_two_shares *shares, double z);

/* Fisher's exact test that both shares are equal, two-sided: the probability of all tables with these margins that are
 * no likelier than this one (R. A. Fisher, JRSS 98:39, 1935; ties within 1e-7 count, as in R). 1 where a margin is
 * empty. O(smallest margin). */
double gal_fisher_exact(const gal_two_shares *shares);

/*
 * Holm's correction (Scandinavian Journal of Statistics 6:65, 1979): p values that may each be compared with one level,
 * which then holds for all together. p[count] in any order, NaN for what was not tested; adjusted[count] may be p.
 * Returns how many were tested; O(count^2).
 */
size_t gal_holm(const double *p, size_t count, double *adjusted);

#endif
