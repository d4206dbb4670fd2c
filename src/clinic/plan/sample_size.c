/* Numbers of cases by search and formula. */
#include "clinic/plan/sample_size.h"

#include "base/error.h"
#include "base/refmath.h"
#include "clinic/stats/beta.h"

#include <math.h>

static galen_status beyond(const char *what, galen_error *err) {
    return gal_fail(err, GALEN_ERR_LIMIT, "%s would need more than %d cases; ask for less", what, GAL_PLAN_MOST);
}

static galen_status check_share(const char *what, double v, double low, double high, galen_error *err) {
    if (v > low && v < high) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "%s of %g; it must be above %g and below %g", what, v, low, high);
}

/* ---- shares ---- */

static double half_width_at(double expected, gal_proportion_method method, double level, size_t n) {
    double hits = expected * (double)n, widest = 0;
    size_t ends[] = {(size_t)floor(hits), (size_t)ceil(hits)};
    for (int i = 0; i < 2; i++) {
        gal_interval in = gal_proportion_interval(method, ends[i] < n ? ends[i] : n, n, level);
        widest = fmax(widest, (in.high - in.low) / 2);
    }
    return widest;
}

galen_status gal_plan_share(double expected, double half_width, gal_proportion_method method, double level,
                            size_t *cases, galen_error *err) {
    if (!(expected >= 0 && expected <= 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "an expected share of %g; it must lie in [0, 1]", expected);
    GAL_TRY(check_share("a half width", half_width, 0, 0.5, err));
    GAL_TRY(check_share("a level", level, 0, 1, err));
    size_t low = 0, high = 1;
    for (; half_width_at(expected, method, level, high) > half_width; high *= 2) {
        if (high > GAL_PLAN_MOST / 2) return beyond("such an interval", err);
        low = high;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(half_width_at(expected, method, level, middle) > half_width ? &low : &high) = middle;
    }
    /* Rounding makes the width saw up and down by that of one case more or less: the least n lies at most as many
     * cases below as that takes, which is fewer than two percent and a period of the saw. */
    double saw = fmax(expected, 1 - expected) < 1 ? 1 / fmin(expected, 1 - expected) : 1;
    double back = 0.02 * fmin((double)high, 2000) + 2 * fmin(saw, 2000);
    size_t least = high;
    for (size_t n = high; n-- > 1 && (double)(high - n) <= back;)
        if (half_width_at(expected, method, level, n) <= half_width) least = n;
    *cases = least;
    return GALEN_OK;
}

/* ---- areas ---- */

double gal_planned_auc_variance(gal_auc_variance method, double auc, double positives, double negatives) {
    if (method == GAL_OBUCHOWSKI) {
        double a = gal_ref_normal_quantile(auc) * 1.414, square = a * a;
        return 0.0099 * exp(-square / 2) * ((5 * square + 8) / positives + (square + 8) / negatives);
    }
    double q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc), square = auc * auc;
    return (auc * (1 - auc) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)) /
           (positives * negatives);
}

galen_status gal_plan_auc(gal_auc_variance method, double auc, double half_width, double ratio, double level,
                          size_t *positives, size_t *negatives, galen_error *err) {
    if (!(auc >= 0.5 && auc < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "an expected area of %g; it must be at least 0.5 and below 1", auc);
    GAL_TRY(check_share("a half width", half_width, 0, 0.5, err));
    GAL_TRY(check_share("a level", level, 0, 1, err));
    if (!(ratio > 0 && ratio < GAL_PLAN_MOST))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%g negatives to each positive; it must be above 0", ratio);
    double z = gal_z_of(level);
    size_t low = 0, high = GAL_PLAN_MOST;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        double n = (double)middle, variance = gal_planned_auc_variance(method, auc, n, ceil(ratio * n));
        *(z * sqrt(variance) > half_width ? &low : &high) = middle;
    }
    double others = ceil(ratio * (double)high);
    if (high == GAL_PLAN_MOST || others > GAL_PLAN_MOST) return beyond("such an area", err);
    *positives = high;
    *negatives = (size_t)others;
    return GALEN_OK;
}

/* ---- non-inferiority ---- */

static galen_status check_paired(const gal_plan_paired *p, galen_error *err) {
    GAL_TRY(check_share("a margin", p->margin, 0, 1, err));
    GAL_TRY(check_share("an alpha", p->alpha, 0, 0.5, err));
    if (!(p->discordance > 0 && p->discordance <= 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "an expected discordance of %g; it must be above 0 and at most 1: the share of cases on which "
                        "just one of the two is right",
                        p->discordance);
    if (!(p->difference > -p->margin && fabs(p->difference) <= p->discordance))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "an expected difference of %g; it must be above minus the margin and no larger than the "
                        "discordance",
                        p->difference);
    return GALEN_OK;
}

/* The variance of one case's difference, as expected, and at the margin for the shares that are likeliest then. */
static void variances(const gal_plan_paired *p, double *expected, double *at_margin) {
    double first = (p->discordance + p->difference) / 2, second = (p->discordance - p->difference) / 2;
    double shift = -p->margin, b = (2 - first + second) * shift - first - second;
    double c = -second * shift * (1 - shift), q = (sqrt(fmax(b * b - 8 * c, 0)) - b) / 4;
    *expected = p->discordance - p->difference * p->difference;
    *at_margin = 2 * q + shift * (1 - shift);
}

double gal_planned_power(const gal_plan_paired *p, double cases) {
    double expected, at_margin;
    if (check_paired(p, NULL) != GALEN_OK || !(cases > 0)) return (double)NAN;
    variances(p, &expected, &at_margin);
    double z = gal_ref_normal_quantile(1 - p->alpha);
    double off = sqrt(cases) * (p->difference + p->margin) - z * sqrt(at_margin);
    if (expected <= 0) return off > 0;
    return erfc(-off / sqrt(2 * expected)) / 2;
}

galen_status gal_plan_noninferior(const gal_plan_paired *p, double power, size_t *cases, galen_error *err) {
    size_t low = 0, high = GAL_PLAN_MOST;
    GAL_TRY(check_paired(p, err));
    GAL_TRY(check_share("a power", power, 0, 1, err));
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(gal_planned_power(p, (double)middle) >= power ? &high : &low) = middle;
    }
    if (high == GAL_PLAN_MOST) return beyond("such a test", err);
    *cases = high;
    return GALEN_OK;
}

/* ---- totals ---- */

size_t gal_plan_total(size_t needed, double share) {
    double total = ceil((double)needed / share - 1e-9);
    return total <= GAL_PLAN_MOST ? (size_t)total : GAL_PLAN_MOST + 1;
}

size_t gal_plan_total_assured(size_t needed, double share, double assurance) {
    size_t low = needed > 0 ? needed - 1 : 0, high = GAL_PLAN_MOST + 1;
    while (high - low > 1) {
        size_t n = low + (high - low) / 2;
        double enough = gal_beta_cumulative((double)needed, (double)(n - needed + 1), share);
        *(needed == 0 || enough >= assurance ? &high : &low) = n;
    }
    return needed == 0 ? 0 : high;
}
