/* DeLong's variance from each case's placement among those of the other kind. */
#include "clinic/measures/delong.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/measures/ranked.h"

#include <math.h>

static const double rounding = 1e-30; /* placements are good to 1e-16: a smaller variance is no spread */

/*
 * Each positive's share of negatives below it, and each negative's share of positives above it, in the order of the
 * cases: both have the area as their mean, and their spread is what DeLong's variance is made of. Cases of one score
 * share their placement.
 */
static void place(const gal_ranked *r, size_t count, size_t positives, double *placement) {
    double p = (double)positives, n = (double)(count - positives);
    size_t above = 0, passed = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i, up = 0;
        for (; end < count && r[end].score == r[i].score; end++) up += r[end].positive;
        size_t down = end - i - up;
        double of_positive = (n - (double)passed - 0.5 * (double)down) / n;
        double of_negative = ((double)above + 0.5 * (double)up) / p;
        for (size_t k = i; k < end; k++) placement[r[k].at] = r[k].positive ? of_positive : of_negative;
        above += up, passed += down;
        i = end;
    }
}

/* The caller frees *out with gal_free. */
static galen_status placements(const gal_scores *s, double **out, double *auc, galen_error *err) {
    gal_ranked *r;
    size_t positives;
    GAL_TRY(gal_roc_auc(s, auc, err));
    GAL_TRY(gal_rank(s, &r, &positives, err));
    size_t negatives = s->count - positives;
    *out = NULL;
    if (positives >= 2 && negatives >= 2) *out = gal_calloc(s->count, sizeof **out);
    if (*out != NULL) place(r, s->count, positives, *out);
    gal_free(r);
    if (positives < 2 || negatives < 2)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu positive and %zu negative cases; an interval needs two of each",
                        positives, negatives);
    if (*out == NULL) return gal_fail_memory(err, "placements", s->count * sizeof **out);
    return GALEN_OK;
}

/* The variance of a mean over positives that equals the one over negatives. */
static double variance_of(const gal_scores *s, const double *placement, double mean) {
    double sum[2] = {0}, count[2] = {0};
    for (size_t i = 0; i < s->count; i++) {
        int kind = s->positive[i] != 0;
        double from_mean = placement[i] - mean;
        sum[kind] += from_mean * from_mean;
        count[kind]++;
    }
    return sum[1] / (count[1] - 1) / count[1] + sum[0] / (count[0] - 1) / count[0];
}

/* The last area from `auc` on towards `end` that is no more than z of its own standard errors away. */
static double farthest(double auc, double end, double positives, double negatives, double z) {
    double inside = auc, outside = end, others = (positives + negatives) / 2 - 1;
    for (;;) {
        double t = (inside + outside) / 2, pairs = positives * negatives;
        if (t == inside || t == outside) return inside;
        double variance = t * (1 - t) * (1 + others * (1 - t) / (2 - t) + others * t / (1 + t)) / pairs;
        *(fabs(auc - t) <= z * sqrt(variance) ? &inside : &outside) = t;
    }
}

gal_interval gal_newcombe_area(double auc, size_t positives, size_t negatives, double z) {
    double p = (double)positives, n = (double)negatives;
    return (gal_interval){farthest(auc, 0, p, n, z), farthest(auc, 1, p, n, z)};
}

static gal_interval on_logit_scale(double auc, double half) {
    double middle = gal_ref_log(auc / (1 - auc)), reach = half / (auc * (1 - auc));
    return (gal_interval){gal_ref_sigmoid(middle - reach), gal_ref_sigmoid(middle + reach)};
}

galen_status gal_delong(const gal_scores *s, double z, gal_auc *out, galen_error *err) {
    double *placement, auc;
    size_t positives = 0;
    GAL_TRY(placements(s, &placement, &auc, err));
    double variance = variance_of(s, placement, auc), half = z * sqrt(variance);
    gal_free(placement);
    for (size_t i = 0; i < s->count; i++) positives += s->positive[i] != 0;
    *out = (gal_auc){.auc = auc, .variance = variance, .interval = {fmax(auc - half, 0), fmin(auc + half, 1)}};
    bool spread = variance > rounding && auc > 0 && auc < 1;
    out->logit = spread ? on_logit_scale(auc, half) : gal_newcombe_area(auc, positives, s->count - positives, z);
    return GALEN_OK;
}

galen_status gal_delong_paired(const gal_scores *s, const double *other, double z, gal_auc_difference *out,
                               galen_error *err) {
    double *first, *second, auc[2];
    gal_scores others = {other, s->positive, s->count};
    GAL_TRY(placements(s, &first, &auc[0], err));
    galen_status status = placements(&others, &second, &auc[1], err);
    if (status != GALEN_OK) {
        gal_free(first);
        return status;
    }
    for (size_t i = 0; i < s->count; i++) first[i] -= second[i];
    double difference = auc[0] - auc[1], variance = variance_of(s, first, difference), half = z * sqrt(variance);
    gal_free(first);
    gal_free(second);
    *out = (gal_auc_difference){.difference = difference, .variance = variance, .statistic = 0, .p = 1};
    out->interval = (gal_interval){fmax(difference - half, -1), fmin(difference + half, 1)};
    if (variance > rounding) {
        out->statistic = difference / sqrt(variance);
        out->p = erfc(fabs(out->statistic) / sqrt(2));
    } else if (difference != 0) {
        out->statistic = out->p = (double)NAN;
    }
    return GALEN_OK;
}
