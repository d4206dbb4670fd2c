/*
 * Each measure grows with the true positives and with the true negatives. So for a number tp of true positives the tn
 * that fit all claims are one stretch, and both its ends move down, never up, as tp grows: one pass finds all.
 */
#include "clinic/claims/claims_search.h"

static const int64_t powers[GAL_DECIMALS_MAX + 1] = {1,      10,      100,      1000,      10000,
                                                     100000, 1000000, 10000000, 100000000, 1000000000};

/* 0 / 0 counts as 0. */
static gal_ratio ratio(gal_wide num, gal_wide den) {
    return (gal_ratio){num, den > 0 ? den : 1};
}

gal_ratio gal_claim_ratio(const gal_claim_set *set, gal_claim_measure measure, int64_t tp, int64_t tn, gal_end end) {
    int64_t p = set->positives, n = set->negatives, fn = p - tp, fp = n - tn;
    gal_wide pairs = (gal_wide)p * n;
    switch (measure) {
    case GAL_CLAIM_SENSITIVITY: return ratio(tp, p);
    case GAL_CLAIM_SPECIFICITY: return ratio(tn, n);
    case GAL_CLAIM_ACCURACY: return ratio(tp + tn, p + n);
    case GAL_CLAIM_BALANCED_ACCURACY: return ratio((gal_wide)tp * n + (gal_wide)tn * p, 2 * pairs);
    case GAL_CLAIM_PPV: return ratio(tp, tp + fp);
    case GAL_CLAIM_NPV: return ratio(tn, tn + fn);
    case GAL_CLAIM_F1: return ratio(2 * tp, 2 * tp + fp + fn);
    default: return ratio(end == GAL_LEAST ? (gal_wide)tp * tn : pairs - (gal_wide)fn * fp, pairs);
    }
}

double gal_claim_value(const gal_claim_set *set, gal_claim_measure measure, int64_t tp, int64_t tn, gal_end end) {
    gal_ratio r = gal_claim_ratio(set, measure, tp, tn, end);
    return (double)r.num / (double)r.den;
}

static gal_wide divide_up(gal_wide a, gal_wide b) {
    gal_wide q = a / b;
    return q + (a % b > 0);
}

static gal_wide divide_down(gal_wide a, gal_wide b) {
    gal_wide q = a / b;
    return q - (a % b < 0);
}

/* AUC comes in steps of half a pair; bounds drawn in to steps tell a claim that lies between two. */
static void to_steps(gal_claim_search *search) {
    gal_wide steps = 2 * (gal_wide)search->set->positives * search->set->negatives;
    gal_wide scale = search->bound[GAL_CLAIM_AUC].scale;
    gal_wide low = search->bound[GAL_CLAIM_AUC].low * steps, high = search->bound[GAL_CLAIM_AUC].high * steps;
    search->bound[GAL_CLAIM_AUC].low =
        search->bound[GAL_CLAIM_AUC].low_open ? divide_down(low, scale) + 1 : divide_up(low, scale);
    search->bound[GAL_CLAIM_AUC].high =
        search->bound[GAL_CLAIM_AUC].high_open ? divide_up(high, scale) - 1 : divide_down(high, scale);
    search->bound[GAL_CLAIM_AUC].scale = steps;
    search->bound[GAL_CLAIM_AUC].low_open = search->bound[GAL_CLAIM_AUC].high_open = false;
}

void gal_search_start(gal_claim_search *search, const gal_claim_set *set, unsigned asked, gal_rounding rounding,
                      int64_t widen) {
    *search = (gal_claim_search){.set = set, .asked = asked};
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!(asked >> m & 1)) continue;
        gal_printed range = gal_decimal_range(set->claim[m], rounding);
        search->bound[m].low = range.low - widen;
        search->bound[m].high = range.high + widen;
        search->bound[m].scale = (gal_wide)2 * powers[set->claim[m].decimals] * (set->percent[m] ? 100 : 1);
        search->bound[m].low_open = range.low_open && widen == 0;
        search->bound[m].high_open = range.high_open && widen == 0;
    }
    if (asked >> GAL_CLAIM_AUC & 1) to_steps(search);
}

/* Everything reaches its lower bound; stays true as tp or tn grows. */
static bool reaches(const gal_claim_search *s, int64_t tp, int64_t tn) {
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!(s->asked >> m & 1)) continue;
        gal_ratio r = gal_claim_ratio(s->set, (gal_claim_measure)m, tp, tn, GAL_GREATEST);
        gal_wide value = r.num * s->bound[m].scale, bound = s->bound[m].low * r.den;
        if (s->bound[m].low_open ? value <= bound : value < bound) return false;
    }
    return true;
}

/* Nothing exceeds its upper bound; stays true as tp or tn falls. */
static bool keeps(const gal_claim_search *s, int64_t tp, int64_t tn) {
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!(s->asked >> m & 1)) continue;
        gal_ratio r = gal_claim_ratio(s->set, (gal_claim_measure)m, tp, tn, GAL_LEAST);
        gal_wide value = r.num * s->bound[m].scale, bound = s->bound[m].high * r.den;
        if (s->bound[m].high_open ? value >= bound : value > bound) return false;
    }
    return true;
}

/* The first of 0 .. end - 1 that has risen above the bound, or end. test(s, i) is false up to it and true from it on.
 */
static int64_t first_true(const gal_claim_search *s, bool (*test)(const gal_claim_search *, int64_t), int64_t end) {
    int64_t low = 0;
    while (low < end) {
        int64_t middle = low + (end - low) / 2;
        if (test(s, middle))
            end = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool tp_reaches(const gal_claim_search *s, int64_t tp) {
    return reaches(s, tp, s->set->negatives);
}

static bool tp_exceeds(const gal_claim_search *s, int64_t tp) {
    return !keeps(s, tp, 0);
}

static bool tn_reaches(const gal_claim_search *s, int64_t tn) {
    return reaches(s, s->set->positives, tn);
}

static bool tn_exceeds(const gal_claim_search *s, int64_t tn) {
    return !keeps(s, 0, tn);
}

bool gal_search_run(const gal_claim_search *s, gal_search_visit visit, void *user) {
    int64_t p = s->set->positives, n = s->set->negatives;
    int64_t tp = first_true(s, tp_reaches, p + 1), end = first_true(s, tp_exceeds, p + 1);
    int64_t least = first_true(s, tn_reaches, n + 1), most = first_true(s, tn_exceeds, n + 1) - 1;
    bool any = false;
    if (s->asked >> GAL_CLAIM_AUC & 1 && s->bound[GAL_CLAIM_AUC].low > s->bound[GAL_CLAIM_AUC].high) return false;
    int64_t first = most + 1, last = most;
    for (; tp < end && least <= most; tp++) {
        while (first > least && reaches(s, tp, first - 1)) first--;
        while (last >= least && !keeps(s, tp, last)) last--;
        if (last < least) break;
        if (first > last) continue;
        any = true;
        if (!visit || !visit(user, tp, first, last)) break;
    }
    return any;
}
