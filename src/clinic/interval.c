/* Intervals of shares and areas. */
#include "clinic/interval.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/beta.h"
#include "clinic/ranked.h"

#include <math.h>

static gal_interval cut(double low, double high) {
    return (gal_interval){fmax(low, 0), fmin(high, 1)};
}

gal_interval gal_wilson(size_t hits, size_t cases, double z) {
    if (cases == 0) return (gal_interval){0, 1};
    double n = (double)cases, p = (double)hits / n, z2 = z * z;
    double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    gal_interval out = cut(centre - half, centre + half);
    /* Exact by the formula; in floating point they may be an ulp off. */
    if (hits == 0) out.low = 0;
    if (hits == cases) out.high = 1;
    return out;
}

/* What the normal distribution leaves beyond z, by erfc for the sake of its small values. */
static double tail_of(double z) {
    return erfc(z / sqrt(2)) / 2;
}

/* Of a quantile near 1 the distance from 1 is found, which keeps its digits. */
static double upper_quantile(double a, double b, double tail) {
    return 1 - gal_beta_quantile(b, a, tail);
}

gal_interval gal_clopper_pearson(size_t hits, size_t cases, double z) {
    double k = (double)hits, n = (double)cases, tail = tail_of(z);
    gal_interval out = {0, 1};
    if (hits > 0) out.low = gal_beta_quantile(k, n - k + 1, tail);
    if (hits < cases) out.high = upper_quantile(k + 1, n - k, tail);
    return out;
}

gal_interval gal_jeffreys(size_t hits, size_t cases, double z) {
    if (cases == 0) return (gal_interval){0, 1};
    double a = (double)hits + 0.5, b = (double)(cases - hits) + 0.5, tail = tail_of(z);
    return (gal_interval){gal_beta_quantile(a, b, tail), upper_quantile(a, b, tail)};
}

/*
 * Each positive's share of negatives below it, and each negative's share of positives above it: both have the area as
 * their mean, and the sums of squared distances from it are what DeLong's variance is made of. Cases of one score share
 * their placement.
 */
static void sum_squares(const gal_ranked *r, size_t count, size_t positives, double auc, double sum[2]) {
    double p = (double)positives, n = (double)(count - positives);
    size_t above = 0, passed = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i, up = 0;
        for (; end < count && r[end].score == r[i].score; end++) up += r[end].positive;
        size_t down = end - i - up;
        double of_positive = (n - (double)passed - 0.5 * (double)down) / n - auc;
        double of_negative = ((double)above + 0.5 * (double)up) / p - auc;
        sum[1] += (double)up * of_positive * of_positive;
        sum[0] += (double)down * of_negative * of_negative;
        above += up, passed += down;
        i = end;
    }
}

galen_status gal_delong(const gal_scores *s, double z, gal_auc *out, galen_error *err) {
    gal_ranked *r;
    size_t positives;
    double sum[2] = {0}, auc;
    GAL_TRY(gal_roc_auc(s, &auc, err));
    GAL_TRY(gal_rank(s, &r, &positives, err));
    size_t negatives = s->count - positives;
    if (positives >= 2 && negatives >= 2) sum_squares(r, s->count, positives, auc, sum);
    gal_free(r);
    if (positives < 2 || negatives < 2)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu positive and %zu negative cases; an interval needs two of each",
                        positives, negatives);
    double p = (double)positives, n = (double)negatives;
    double variance = sum[1] / (p - 1) / p + sum[0] / (n - 1) / n, half = z * sqrt(variance);
    *out = (gal_auc){auc, variance, cut(auc - half, auc + half)};
    return GALEN_OK;
}
