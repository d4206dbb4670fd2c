/* Published claims: the search against trying every matrix, the impossible table, bounds on AUC, conflicts, speed. */
#include "support/shared.h"

#include "base/clock.h"
#include "base/rng.h"
#include "clinic/claims/claims.h"
#include "clinic/claims/claims_search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static galen_error err;

/* Texts in the order of gal_claim_measure, NULL where nothing is claimed; percent is decided by `percent`. */
static gal_claim_set claims(int64_t positives, int64_t negatives, bool percent, const char *const *text) {
    gal_claim_set set = {.positives = positives, .negatives = negatives};
    for (int m = 0; m < GAL_N_CLAIMS; m++) {
        set.percent[m] = percent;
        if (text[m]) assert_true(gal_decimal_read(text[m], &set.claim[m]));
    }
    return set;
}

static gal_claim_result check(const gal_claim_set *set, gal_rounding rounding) {
    gal_claim_result out;
    assert_ok(gal_claims_check(set, rounding, &out, &err), err);
    return out;
}

/* By rounding decimal text, the way a paper's author does, in place of the search's integers. */
static bool prints_as(double value, const gal_claim_set *set, gal_claim_measure m, double slack) {
    double low, high, unit = set->percent[m] ? 100 : 1;
    gal_decimal_bounds(set->claim[m], GAL_ROUND_NEAREST, &low, &high);
    return value * unit >= low - slack && value * unit <= high + slack;
}

/* 1: fits, 0: does not, -1: too near an end for floating point to say. */
static int fits(const gal_claim_set *set, int64_t tp, int64_t tn) {
    int out = 1;
    for (int m = 0; m < GAL_N_CLAIMS; m++) {
        if (!set->claim[m].given) continue;
        if (m == GAL_CLAIM_AUC) {
            int64_t pairs = set->positives * set->negatives, step = 2 * tp * tn;
            int64_t last = 2 * (pairs - (set->positives - tp) * (set->negatives - tn));
            bool inside = false, near = false;
            for (; step <= last && !inside; step++) {
                double auc = (double)step / (2.0 * (double)pairs);
                inside = prints_as(auc, set, GAL_CLAIM_AUC, -1e-9);
                near = near || prints_as(auc, set, GAL_CLAIM_AUC, 1e-9);
            }
            if (!near) return 0;
            if (!inside) out = -1;
            continue;
        }
        double value = gal_claim_value(set, (gal_claim_measure)m, tp, tn, GAL_LEAST);
        if (!prints_as(value, set, (gal_claim_measure)m, 1e-9)) return 0;
        if (!prints_as(value, set, (gal_claim_measure)m, -1e-9)) out = -1;
    }
    return out;
}

/* Claims made from a matrix and sometimes spoilt, on small sets: exactly the matrices that trying all finds. */
static void test_exhaustive(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(11, 0);
    int possible = 0, impossible = 0;
    for (int trial = 0; trial < 600; trial++) {
        gal_claim_set set = {.positives = 1 + gal_rng_u32(&rng) % 23, .negatives = 1 + gal_rng_u32(&rng) % 23};
        int64_t tp = gal_rng_u32(&rng) % (set.positives + 1), tn = gal_rng_u32(&rng) % (set.negatives + 1);
        unsigned asked = gal_rng_u32(&rng) & 0xff;
        for (int m = 0; m < GAL_N_CLAIMS; m++) {
            char text[32];
            if (!(asked >> m & 1)) continue;
            double value = gal_claim_value(&set, (gal_claim_measure)m, tp, tn, GAL_LEAST);
            if (gal_rng_u32(&rng) % 6 == 0) value = fmin(1, value + 0.01 * gal_rng_uniform(&rng));
            set.percent[m] = trial % 2;
            snprintf(text, sizeof text, "%.*f", trial % 2 ? 1 : 2, value * (trial % 2 ? 100 : 1));
            assert_true(gal_decimal_read(text, &set.claim[m]));
        }
        uint64_t least = 0, most = 0;
        for (int64_t i = 0; i <= set.positives; i++)
            for (int64_t k = 0; k <= set.negatives; k++) {
                int fit = fits(&set, i, k);
                least += fit == 1;
                most += fit != 0;
            }
        gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
        if (got.matrices < least || got.matrices > most)
            fail_msg("trial %d: %llu matrices, %llu to %llu wanted", trial, (unsigned long long)got.matrices,
                     (unsigned long long)least, (unsigned long long)most);
        possible += got.matrices > 0;
        impossible += got.matrices == 0;
    }
    assert_true(possible > 200 && impossible > 50);
}

/* Every row of the published table, whose specificities no count of 234 gives. */
static void test_published(void **state) {
    static const char *const row[3][GAL_N_CLAIMS] = {
        {"98.46", "93.1", "95.8", NULL, "94.2", NULL, NULL, "97.3"},
        {"99.23", "93.4", "96.2", NULL, "94.8", NULL, NULL, "97.8"},
        {"98.97", "93.2", "96.1", NULL, "94.5", NULL, NULL, "97.5"},
    };
    (void)state;
    for (int i = 0; i < 3; i++) {
        gal_claim_set set = claims(390, 234, true, row[i]);
        for (int r = GAL_ROUND_NEAREST; r <= GAL_ROUND_ANY; r++) {
            gal_claim_result got = check(&set, (gal_rounding)r);
            assert_int_equal(got.matrices, 0);
            assert_true(got.n_conflicts > 0 && isnan(got.measure[GAL_CLAIM_PPV].low));
        }
    }
    gal_claim_set first = claims(390, 234, true, row[0]);
    gal_claim_result got = check(&first, GAL_ROUND_NEAREST);
    assert_int_equal(got.conflict[0], 1u << GAL_CLAIM_SPECIFICITY);
    assert_true(isnan(got.measure[GAL_CLAIM_SPECIFICITY].nearest)); /* sensitivity and precision conflict without it */
    assert_true(fabs(got.measure[GAL_CLAIM_SPECIFICITY].nearest_alone - 218 / 234.0) < 1e-12);
    assert_true(fabs(got.measure[GAL_CLAIM_PPV].nearest - 384 / 404.0) < 1e-12 &&
                isnan(got.measure[GAL_CLAIM_PPV].nearest_alone));
    assert_true(got.nearest_miss > 1);
    for (int i = 0; i < got.n_conflicts; i++) /* every set is possible without any one of its claims */
        for (int m = 0; m < GAL_N_CLAIMS; m++) {
            gal_claim_search search;
            if (!(got.conflict[i] >> m & 1)) continue;
            gal_search_start(&search, &first, got.conflict[i], GAL_ROUND_NEAREST, 0);
            assert_false(gal_search_run(&search, NULL, NULL));
            gal_search_start(&search, &first, got.conflict[i] & ~(1u << m), GAL_ROUND_NEAREST, 0);
            assert_true(gal_search_run(&search, NULL, NULL));
        }
}

/* 95 of 100 and 190 of 200: accuracy 285 of 300; what each measure then is, and its interval, by hand and statsmodels.
 */
static void test_findings(void **state) {
    static const char *const text[GAL_N_CLAIMS] = {"0.95", "0.95", "0.95", NULL, "0.905", NULL, NULL, "0.97"};
    (void)state;
    gal_claim_set set = claims(100, 200, false, text);
    gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
    assert_int_equal(got.matrices, 1);
    assert_int_equal(got.true_positives[0], 95);
    assert_int_equal(got.true_negatives[1], 190);
    gal_interval wilson = gal_wilson(95, 100, GAL_Z95);
    assert_true(got.measure[GAL_CLAIM_SENSITIVITY].interval.low == wilson.low);
    assert_true(got.measure[GAL_CLAIM_SENSITIVITY].interval.high == wilson.high);
    assert_true(fabs(got.measure[GAL_CLAIM_PPV].low - 95 / 105.0) < 1e-15);
    /* The end at 0.965: q1 = 0.965 / 1.035, q2 = 2 0.965^2 / 1.965, SE = 0.013424. */
    assert_true(fabs(got.measure[GAL_CLAIM_AUC].low - 0.965) < 1e-12);
    double q1 = 0.965 / 1.035, q2 = 2 * 0.931225 / 1.965;
    double se = sqrt((0.965 * 0.035 + 99 * (q1 - 0.931225) + 199 * (q2 - 0.931225)) / 20000);
    assert_true(fabs(got.measure[GAL_CLAIM_AUC].interval.low - (0.965 - GAL_Z95 * se)) < 1e-12);
    assert_int_equal(gal_claim_target(got.measure[GAL_CLAIM_SENSITIVITY].interval, 0.88), GAL_VERDICT_PASS);
    assert_int_equal(gal_claim_target(got.measure[GAL_CLAIM_SENSITIVITY].interval, 0.95), GAL_VERDICT_INSUFFICIENT);
    assert_int_equal(gal_claim_target(got.measure[GAL_CLAIM_SENSITIVITY].interval, 0.99), GAL_VERDICT_FAIL);
    assert_int_equal(gal_claim_target((gal_interval){NAN, NAN}, 0.5), GAL_VERDICT_FAIL);
}

/* Sensitivity and specificity 0.9 on 10 and 10 leave AUC from 0.81 to 0.99, in steps of 1/200. */
static void test_auc(void **state) {
    static const struct {
        const char *auc;
        bool possible;
    } say[] = {{"0.81", true},  {"0.80", false},  {"0.8", true},   {"0.99", true},
               {"1.00", false}, {"0.995", false}, {"0.985", true}, {"0.8525", false}};
    (void)state;
    for (size_t i = 0; i < sizeof say / sizeof *say; i++) {
        const char *const text[GAL_N_CLAIMS] = {"0.9", "0.9", [GAL_CLAIM_AUC] = say[i].auc};
        gal_claim_set set = claims(10, 10, false, text);
        gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
        if ((got.matrices > 0) != say[i].possible) fail_msg("AUC %s", say[i].auc);
    }
    const char *const low[GAL_N_CLAIMS] = {"0.9", "0.9", [GAL_CLAIM_AUC] = "0.70"};
    gal_claim_set set = claims(10, 10, false, low);
    gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
    assert_true(fabs(got.measure[GAL_CLAIM_AUC].nearest - 0.81) < 1e-12 &&
                isnan(got.measure[GAL_CLAIM_AUC].nearest_alone));
}

/* 1/8 = 12.5 % prints as 13 by halves up, 12 by halves to even or cut off. */
static void test_rounding(void **state) {
    static const struct {
        const char *text;
        bool fits[GAL_ROUND_ANY + 1];
    } say[] = {{"12", {true, false, true, true, true}},
               {"13", {true, true, false, false, true}},
               {"11", {false, false, false, false, false}},
               {"12.5", {true, true, true, true, true}}};
    (void)state;
    for (size_t i = 0; i < sizeof say / sizeof *say; i++)
        for (int r = 0; r <= GAL_ROUND_ANY; r++) {
            const char *const text[GAL_N_CLAIMS] = {say[i].text};
            gal_claim_set set = claims(8, 1, true, text);
            if ((check(&set, (gal_rounding)r).matrices > 0) != say[i].fits[r])
                fail_msg("%s by rule %d", say[i].text, r);
        }
}

/* No decision of a kind: 0 / 0 counts as 0. A claim beyond 1 fits nothing. */
static void test_edges(void **state) {
    (void)state;
    const char *const never[GAL_N_CLAIMS] = {"0.0", "1.0", [GAL_CLAIM_PPV] = "0.0", [GAL_CLAIM_F1] = "0.0"};
    gal_claim_set set = claims(5, 5, false, never);
    assert_int_equal(check(&set, GAL_ROUND_NEAREST).matrices, 1);
    const char *const beyond[GAL_N_CLAIMS] = {"101.0"};
    set = claims(5, 5, true, beyond);
    gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
    assert_true(got.matrices == 0 && got.measure[GAL_CLAIM_SENSITIVITY].nearest_alone == 1 && got.nearest[0] == 5);
    const char *const none[GAL_N_CLAIMS] = {NULL};
    set = claims(5, 7, false, none);
    assert_int_equal(check(&set, GAL_ROUND_NEAREST).matrices, 6 * 8);
    set.negatives = 0;
    assert_int_equal(gal_claims_check(&set, GAL_ROUND_NEAREST, &got, &err), GALEN_ERR_ARGUMENT);
    set.negatives = GAL_CLAIMS_MAX_SIDE + 1;
    assert_int_equal(gal_claims_check(&set, GAL_ROUND_NEAREST, &got, &err), GALEN_ERR_ARGUMENT);
}

/* A million cases on each side. Sanitizers and busy machines get ten times what it takes. */
static void test_speed(void **state) {
    (void)state;
    const char *const some[GAL_N_CLAIMS] = {
        [GAL_CLAIM_ACCURACY] = "0.55", [GAL_CLAIM_F1] = "0.6", [GAL_CLAIM_AUC] = "0.7"};
    gal_claim_set set = claims(1000000, 1000000, false, some);
    double start = gal_clock_seconds();
    gal_claim_result got = check(&set, GAL_ROUND_NEAREST);
    assert_true(got.matrices > 1000000);
    print_message("free search: %.3f s\n", gal_clock_seconds() - start);
    assert_true(gal_clock_seconds() - start < 10);
    const char *const tight[GAL_N_CLAIMS] = {"0.9512", "0.9467", "0.9601", NULL, "0.9411", NULL, NULL, "0.981"};
    set = claims(1000000, 1000000, false, tight);
    start = gal_clock_seconds();
    got = check(&set, GAL_ROUND_NEAREST);
    assert_true(got.matrices == 0 && got.n_conflicts > 0);
    print_message("impossible row: %.3f s\n", gal_clock_seconds() - start);
    assert_true(gal_clock_seconds() - start < 20);
}

static void test_decimals(void **state) {
    static const struct {
        const char *text;
        int64_t units;
        int decimals;
        bool percent, cut;
    } good[] = {{"95.8", 958, 1, false, false},
                {"95,80 %", 9580, 2, true, false},
                {" 0.5%", 5, 1, true, false},
                {"-3", -3, 0, false, false},
                {"+7.", 7, 0, false, false},
                {".25", 25, 2, false, false},
                {"0.12345678912", 123456789, 9, false, true}};
    static const char *const bad[] = {"x", "1.2.3", "1e5", "12x", ".", "%", "1,234.5", "9999999999999999", "5 % %"};
    static const char *const nothing[] = {"", "-", "n/a", "NA", "\xe2\x80\x93", "  "};
    gal_decimal d;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(gal_decimal_read(good[i].text, &d) && d.given);
        assert_int_equal(d.units, good[i].units);
        assert_int_equal(d.decimals, good[i].decimals);
        assert_true(d.percent == good[i].percent && d.cut == good[i].cut);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gal_decimal_read(bad[i], &d)) fail_msg("'%s' is accepted", bad[i]);
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        assert_true(gal_decimal_read(nothing[i], &d));
        assert_false(d.given);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals), cmocka_unit_test(test_exhaustive), cmocka_unit_test(test_published),
        cmocka_unit_test(test_findings), cmocka_unit_test(test_auc),        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_edges),    cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
