/* Tables of paired decisions and McNemar's test. */
#include "clinic/stats/paired.h"

#include "clinic/stats/beta.h"

#include <math.h>

void gal_paired_add(gal_paired *counts, bool first, bool second) {
    *(first ? second ? &counts->both : &counts->only_first : second ? &counts->only_second : &counts->neither) += 1;
}

/* Twice the probability of `few` or fewer of n at 1/2, and the probability of `few` itself. */
static double two_tails(const gal_paired *c, double *own) {
    double few = (double)(c->only_first < c->only_second ? c->only_first : c->only_second);
    double n = (double)c->only_first + (double)c->only_second;
    *own = gal_beta_density(few + 1, n - few + 1, 0.5) / (n + 1);
    return n > few ? 2 * gal_beta_cumulative(n - few, few + 1, 0.5) : 2;
}

double gal_mcnemar_exact(const gal_paired *counts) {
    double own;
    return fmin(two_tails(counts, &own), 1);
}

double gal_mcnemar_mid_p(const gal_paired *counts) {
    double own, p = two_tails(counts, &own);
    return fmin(p - own, 1);
}
