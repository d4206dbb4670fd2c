/* What a search over counts says about a row of claims: what fits, what conflicts, what comes nearest. */
#include "clinic/claims/claims.h"

#include "base/error.h"
#include "clinic/claims/claims_search.h"

#include <math.h>
#include <string.h>

enum { ALL_CLAIMS = (1u << GAL_N_CLAIMS) - 1 };

const char *gal_claim_name(gal_claim_measure measure) {
    static const char *const name[GAL_N_CLAIMS] = {"sensitivity", "specificity", "accuracy", "balanced_accuracy",
                                                   "ppv",         "npv",         "f1",       "auc"};
    return name[measure];
}

static bool has(unsigned set, unsigned measure) {
    return set >> measure & 1;
}

static double claimed_share(const gal_claim_set *set, unsigned measure) {
    return gal_decimal_value(set->claim[measure]) / (set->percent[measure] ? 100 : 1);
}

/* Half a unit of the last digit, as a share. */
static double half_unit(const gal_claim_set *set, unsigned measure) {
    return 0.5 * pow(10, -set->claim[measure].decimals) / (set->percent[measure] ? 100 : 1);
}

/* ---- what fits ---- */

/* Wilson's intervals of sensitivity and specificity put together: the half widths add as independent errors do. */
static gal_interval balanced_interval(const gal_claim_set *set, int64_t tp, int64_t tn) {
    double se = (double)tp / (double)set->positives, sp = (double)tn / (double)set->negatives;
    gal_interval a = gal_wilson((size_t)tp, (size_t)set->positives, GAL_Z95);
    gal_interval b = gal_wilson((size_t)tn, (size_t)set->negatives, GAL_Z95);
    return (gal_interval){(se + sp - hypot(se - a.low, sp - b.low)) / 2,
                          (se + sp + hypot(a.high - se, b.high - sp)) / 2};
}

static gal_interval interval_of(const gal_claim_set *set, unsigned measure, int64_t tp, int64_t tn) {
    if (measure == GAL_CLAIM_BALANCED_ACCURACY) return balanced_interval(set, tp, tn);
    int64_t fp = set->negatives - tn, fn = set->positives - tp, hits = tp, cases = set->positives;
    switch (measure) {
    case GAL_CLAIM_SPECIFICITY: hits = tn, cases = set->negatives; break;
    case GAL_CLAIM_ACCURACY: hits = tp + tn, cases = set->positives + set->negatives; break;
    case GAL_CLAIM_PPV: cases = tp + fp; break;
    case GAL_CLAIM_NPV: hits = tn, cases = tn + fn; break;
    case GAL_CLAIM_F1: cases = tp + fp + fn; break;
    default: break;
    }
    gal_interval out = gal_wilson((size_t)hits, (size_t)cases, GAL_Z95);
    if (measure == GAL_CLAIM_F1) out = (gal_interval){2 * out.low / (1 + out.low), 2 * out.high / (1 + out.high)};
    return out;
}

/* The standard error by Hanley and McNeil. */
static double auc_error(const gal_claim_set *set, double auc) {
    double p = (double)set->positives, n = (double)set->negatives, square = auc * auc;
    double q1 = auc / (2 - auc), q2 = 2 * square / (1 + auc);
    return sqrt(fmax((auc * (1 - auc) + (p - 1) * (q1 - square) + (n - 1) * (q2 - square)) / (p * n), 0));
}

typedef struct summary {
    const gal_claim_set *set;
    unsigned asked;
    gal_claim_result *out;
} summary;

static bool add_to_summary(void *user, int64_t tp, int64_t first, int64_t last) {
    summary *s = user;
    gal_claim_result *out = s->out;
    if (out->matrices == 0) {
        out->true_positives[0] = tp;
        out->true_negatives[0] = first, out->true_negatives[1] = last;
    }
    out->matrices += (uint64_t)(last - first + 1);
    out->true_positives[1] = tp;
    if (first < out->true_negatives[0]) out->true_negatives[0] = first;
    if (last > out->true_negatives[1]) out->true_negatives[1] = last;
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!has(s->asked, m)) continue;
        gal_claim_finding *f = &out->measure[m];
        f->low = fmin(f->low, gal_claim_value(s->set, (gal_claim_measure)m, tp, first, GAL_LEAST));
        f->high = fmax(f->high, gal_claim_value(s->set, (gal_claim_measure)m, tp, last, GAL_GREATEST));
        if (m == GAL_CLAIM_AUC) continue;
        f->interval.low = fmin(f->interval.low, interval_of(s->set, m, tp, first).low);
        f->interval.high = fmax(f->interval.high, interval_of(s->set, m, tp, last).high);
    }
    return true;
}

/* The counts leave AUC a wide range; the claim itself narrows it. */
static void finish_auc(const gal_claim_set *set, const gal_claim_search *search, gal_claim_finding *f) {
    double scale = (double)search->bound[GAL_CLAIM_AUC].scale;
    f->low = fmax(f->low, (double)search->bound[GAL_CLAIM_AUC].low / scale);
    f->high = fmin(f->high, (double)search->bound[GAL_CLAIM_AUC].high / scale);
    f->interval.low = fmax(f->low - GAL_Z95 * auc_error(set, f->low), 0);
    f->interval.high = fmin(f->high + GAL_Z95 * auc_error(set, f->high), 1);
}

/* ---- what does not ---- */

/* The smallest sets of claims that no counts fit, each without a smaller one in it. */
static void find_conflicts(const gal_claim_set *set, unsigned asked, gal_rounding rounding, gal_claim_result *out) {
    for (int size = 1; size <= GAL_N_CLAIMS; size++) {
        for (unsigned some = 1; some <= ALL_CLAIMS; some++) {
            gal_claim_search search;
            bool known = false;
            if (some & ~asked || __builtin_popcount(some) != size) continue;
            for (int i = 0; i < out->n_conflicts; i++) known = known || (out->conflict[i] & ~some) == 0;
            if (known) continue;
            gal_search_start(&search, set, some, rounding, 0);
            if (gal_search_run(&search, NULL, NULL)) continue;
            out->conflict[out->n_conflicts++] = some;
            if (out->n_conflicts == GAL_CLAIMS_MAX_CONFLICTS) return;
        }
    }
}

typedef struct nearest_value {
    const gal_claim_set *set;
    unsigned measure;
    double wanted, best;
} nearest_value;

static void offer(nearest_value *n, double value) {
    if (isnan(n->best) || fabs(value - n->wanted) < fabs(n->best - n->wanted)) n->best = value;
}

/* Of the AUC values that curves through these operating points have. */
static void offer_auc(nearest_value *n, int64_t tp, int64_t first, int64_t last) {
    double steps = 2 * (double)n->set->positives * (double)n->set->negatives;
    double low = gal_claim_value(n->set, GAL_CLAIM_AUC, tp, first, GAL_LEAST);
    double high = gal_claim_value(n->set, GAL_CLAIM_AUC, tp, last, GAL_GREATEST);
    offer(n, fmin(fmax(round(n->wanted * steps) / steps, low), high));
}

static bool offer_stretch(void *user, int64_t tp, int64_t first, int64_t last) {
    nearest_value *n = user;
    if (n->measure == GAL_CLAIM_AUC) {
        offer_auc(n, tp, first, last);
        return true;
    }
    gal_claim_measure m = (gal_claim_measure)n->measure;
    while (last - first > 1) { /* the value grows with tn */
        int64_t middle = first + (last - first) / 2;
        if (gal_claim_value(n->set, m, tp, middle, GAL_LEAST) < n->wanted)
            first = middle;
        else
            last = middle;
    }
    offer(n, gal_claim_value(n->set, m, tp, first, GAL_LEAST));
    offer(n, gal_claim_value(n->set, m, tp, last, GAL_LEAST));
    return true;
}

/* Claims that nothing fits say nothing of the others. */
static unsigned possible_alone(unsigned asked, const gal_claim_result *out) {
    for (int i = 0; i < out->n_conflicts; i++)
        if (__builtin_popcount(out->conflict[i]) == 1) asked &= ~out->conflict[i];
    return asked;
}

static double nearest_among(const gal_claim_set *set, unsigned measure, unsigned kept, gal_rounding rounding) {
    gal_claim_search search;
    nearest_value n = {set, measure, claimed_share(set, measure), NAN};
    gal_search_start(&search, set, kept, rounding, 0);
    gal_search_run(&search, offer_stretch, &n);
    return n.best;
}

static void find_nearest_values(const gal_claim_set *set, unsigned asked, gal_rounding rounding,
                                gal_claim_result *out) {
    unsigned kept = possible_alone(asked, out);
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!has(asked, m)) continue;
        out->measure[m].nearest = nearest_among(set, m, kept & ~(1u << m), rounding);
        if (!has(kept, m)) out->measure[m].nearest_alone = nearest_among(set, m, 0, rounding);
    }
}

typedef struct nearest_matrix {
    const gal_claim_set *set;
    unsigned asked;
    gal_claim_result *out;
} nearest_matrix;

static bool offer_matrix(void *user, int64_t tp, int64_t first, int64_t last) {
    nearest_matrix *n = user;
    for (int64_t tn = first;; tn = last) {
        double miss = 0;
        for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
            if (!has(n->asked, m)) continue;
            double wanted = claimed_share(n->set, m);
            double low = gal_claim_value(n->set, (gal_claim_measure)m, tp, tn, GAL_LEAST);
            double high = gal_claim_value(n->set, (gal_claim_measure)m, tp, tn, GAL_GREATEST);
            miss = fmax(miss, fmax(low - wanted, wanted - high) / half_unit(n->set, m));
        }
        if (miss < n->out->nearest_miss) {
            n->out->nearest_miss = miss;
            n->out->nearest[0] = tp, n->out->nearest[1] = tn;
        }
        if (tn == last) return true;
    }
}

/* Bounds are widened alike, each in units of its own last digit, until some counts fit. */
static void find_nearest_matrix(const gal_claim_set *set, unsigned asked, gal_rounding rounding,
                                gal_claim_result *out) {
    const int64_t most = INT64_C(1) << 52;
    gal_claim_search search;
    int64_t low = 0, high = 1;
    for (;; low = high, high *= 2) {
        gal_search_start(&search, set, asked, rounding, high);
        if (high >= most || gal_search_run(&search, NULL, NULL)) break;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        gal_search_start(&search, set, asked, rounding, middle);
        if (gal_search_run(&search, NULL, NULL))
            high = middle;
        else
            low = middle;
    }
    nearest_matrix n = {set, asked, out};
    out->nearest_miss = INFINITY;
    gal_search_start(&search, set, asked, rounding, high);
    gal_search_run(&search, offer_matrix, &n);
}

/* ---- */

static galen_status check_side(int64_t cases, const char *what, galen_error *err) {
    if (cases >= 1 && cases <= GAL_CLAIMS_MAX_SIDE) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "%lld %s cases: from 1 to %d can be searched", (long long)cases, what,
                    (int)GAL_CLAIMS_MAX_SIDE);
}

static galen_status check_digits(const gal_claim_set *set, unsigned measure, galen_error *err) {
    const int64_t most = INT64_C(1000000000000);
    int64_t units = set->claim[measure].units;
    if (units > -most && units < most) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_LIMIT, "%s has more digits than can be compared; round it to six decimals",
                    gal_claim_name((gal_claim_measure)measure));
}

static void leave_unknown(gal_claim_result *out, unsigned measure) {
    gal_claim_finding *f = &out->measure[measure];
    f->low = f->high = f->interval.low = f->interval.high = NAN;
}

galen_status gal_claims_check(const gal_claim_set *set, gal_rounding rounding, gal_claim_result *out,
                              galen_error *err) {
    unsigned asked = 0;
    memset(out, 0, sizeof *out);
    GAL_TRY(check_side(set->positives, "positive", err));
    GAL_TRY(check_side(set->negatives, "negative", err));
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        bool given = set->claim[m].given;
        if (given) GAL_TRY(check_digits(set, m, err));
        asked |= (unsigned)given << m;
        out->measure[m] = (gal_claim_finding){.claimed = given ? claimed_share(set, m) : NAN,
                                              .low = INFINITY,
                                              .high = -INFINITY,
                                              .interval = {INFINITY, -INFINITY},
                                              .nearest = NAN,
                                              .nearest_alone = NAN};
    }
    gal_claim_search search;
    summary s = {set, asked, out};
    gal_search_start(&search, set, asked, rounding, 0);
    gal_search_run(&search, add_to_summary, &s);
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++)
        if (out->matrices == 0 || !has(asked, m)) leave_unknown(out, m);
    if (out->matrices > 0) {
        if (has(asked, GAL_CLAIM_AUC)) finish_auc(set, &search, &out->measure[GAL_CLAIM_AUC]);
        return GALEN_OK;
    }
    find_conflicts(set, asked, rounding, out);
    find_nearest_values(set, asked, rounding, out);
    find_nearest_matrix(set, asked, rounding, out);
    return GALEN_OK;
}

gal_verdict gal_claim_target(gal_interval interval, double target) {
    if (interval.low >= target) return GAL_VERDICT_PASS;
    return interval.high >= target ? GAL_VERDICT_INSUFFICIENT : GAL_VERDICT_FAIL;
}
