/* Tables of paired decisions and McNemar's test. */
#include "clinic/stats/paired.h"

#include "base/error.h"
#include "clinic/stats/beta.h"

#include <math.h>

static galen_status refuse_nan(const gal_decider *d, size_t count, const char *which, galen_error *err) {
    if (isnan(d->threshold)) return gal_fail(err, GALEN_ERR_NUMERIC, "the %s threshold is NaN", which);
    for (size_t i = 0; i < count; i++)
        if (isnan(d->score[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the %s score of case %zu is NaN", which, i + 1);
    return GALEN_OK;
}

void gal_paired_add(gal_paired *counts, bool first, bool second) {
    *(first ? second ? &counts->both : &counts->only_first : second ? &counts->only_second : &counts->neither) += 1;
}

galen_status gal_pair(const uint8_t *positive, size_t count, const gal_decider *first, const gal_decider *second,
                      gal_cases cases, gal_paired *out, galen_error *err) {
    GAL_TRY(refuse_nan(first, count, "first", err));
    GAL_TRY(refuse_nan(second, count, "second", err));
    *out = (gal_paired){0};
    for (size_t i = 0; i < count; i++) {
        bool is = positive[i] != 0;
        if (cases != GAL_CASES_ALL && is != (cases == GAL_CASES_POSITIVE)) continue;
        bool a = (first->score[i] >= first->threshold) == is, b = (second->score[i] >= second->threshold) == is;
        gal_paired_add(out, a, b);
    }
    return GALEN_OK;
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
