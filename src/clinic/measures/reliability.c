/* Reliability in bins of equal mass, and scores of probabilities. */
#include "clinic/measures/reliability.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"

#include <math.h>

static galen_status refuse(const gal_scores *s, size_t bins, galen_error *err) {
    if (s->count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no cases; at least one is needed");
    if (bins == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no bins; at least one is needed");
    for (size_t i = 0; i < s->count; i++)
        if (!(s->score[i] >= 0 && s->score[i] <= 1))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the probability of case %zu is %g; it must lie in [0, 1]", i + 1,
                            s->score[i]);
    return GALEN_OK;
}

static galen_status sorted(const gal_scores *s, size_t bins, gal_ranked **out, galen_error *err) {
    GAL_TRY(refuse(s, bins, err));
    /* Cases of one probability stay in the order given: bins may part them, and must not do so by chance. */
    return gal_sorted_copies(s, GAL_ASCENDING, out, err);
}

static gal_reliability_bin bin_of(const gal_ranked *r, size_t cases) {
    double probability = 0, positives = 0, n = (double)cases;
    for (size_t i = 0; i < cases; i++) {
        probability += r[i].score;
        positives += r[i].positive;
    }
    return (gal_reliability_bin){cases, probability / n, positives / n};
}

static size_t size_of_bin(size_t count, size_t bins, size_t i) {
    return count / bins + (i < count % bins);
}

galen_status gal_reliability(const gal_scores *s, size_t bins, gal_reliability_bin *out, galen_error *err) {
    gal_ranked *r = NULL;
    GAL_TRY(sorted(s, bins, &r, err));
    for (size_t i = 0, at = 0; i < bins; at += out[i++].cases) out[i] = bin_of(r + at, size_of_bin(s->count, bins, i));
    gal_free(r);
    return GALEN_OK;
}

double gal_expected_calibration_error(const gal_reliability_bin *bin, size_t bins) {
    double sum = 0, cases = 0;
    for (size_t i = 0; i < bins; i++) {
        if (bin[i].cases == 0) continue;
        sum += (double)bin[i].cases * fabs(bin[i].share - bin[i].probability);
        cases += (double)bin[i].cases;
    }
    return cases > 0 ? sum / cases : (double)NAN;
}

double gal_maximum_calibration_error(const gal_reliability_bin *bin, size_t bins) {
    double worst = (double)NAN; /* fmax passes over it */
    for (size_t i = 0; i < bins; i++) worst = fmax(worst, fabs(bin[i].share - bin[i].probability));
    return worst;
}

/* Adds one bin's part, not yet divided by the number of cases; `share`: that of all. */
static void add_bin(gal_brier *sum, const gal_ranked *r, size_t cases, double share) {
    gal_reliability_bin bin = bin_of(r, cases);
    for (size_t i = 0; i < cases; i++) {
        double error = r[i].score - r[i].positive, spread = r[i].score - bin.probability;
        sum->score += error * error;
        sum->within += spread * spread - 2 * spread * (r[i].positive - bin.share);
    }
    double n = (double)cases, off = bin.probability - bin.share, apart = bin.share - share;
    sum->reliability += n * off * off;
    sum->resolution += n * apart * apart;
}

galen_status gal_brier_score(const gal_scores *s, size_t bins, gal_brier *out, galen_error *err) {
    gal_ranked *r = NULL;
    GAL_TRY(sorted(s, bins, &r, err));
    double n = (double)s->count, share = bin_of(r, s->count).share;
    gal_brier sum = {0};
    for (size_t i = 0, at = 0; i < bins && at < s->count; i++) {
        size_t cases = size_of_bin(s->count, bins, i);
        add_bin(&sum, r + at, cases, share);
        at += cases;
    }
    gal_free(r);
    *out = (gal_brier){sum.score / n, sum.reliability / n, sum.resolution / n, share * (1 - share), sum.within / n};
    return GALEN_OK;
}

double gal_case_log_loss(double probability, bool positive) {
    const double least = 1e-15;
    double p = fmin(fmax(probability, least), 1 - least);
    return positive ? -log(p) : -log1p(-p);
}

galen_status gal_log_loss(const gal_scores *s, double *out, galen_error *err) {
    double sum = 0;
    GAL_TRY(refuse(s, 1, err));
    for (size_t i = 0; i < s->count; i++) sum += gal_case_log_loss(s->score[i], s->positive[i] != 0);
    *out = sum / (double)s->count;
    return GALEN_OK;
}
