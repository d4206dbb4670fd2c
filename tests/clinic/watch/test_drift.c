/* Drift: tables of chi-squared and Kolmogorov, every order of two small samples, false alarms and delays in
 * simulations. */
#include "support/shared.h"

#include "base/rng.h"
#include "clinic/watch/drift.h"

#include <math.h>

static galen_error err;

static void near(double got, double wanted, double tolerance, const char *what) {
    if (!(fabs(got - wanted) <= tolerance)) fail_msg("%s: %.17g, %.17g is wanted", what, got, wanted);
}

/* Quantiles of published tables, to the digits of double precision. */
static void test_tables(void **state) {
    (void)state;
    near(gal_chi_squared_tail(3.841458820694124, 1), 0.05, 1e-14, "1 degree");
    near(gal_chi_squared_tail(9.487729036781154, 4), 0.05, 1e-14, "4 degrees");
    near(gal_chi_squared_tail(30.14352720564616, 19), 0.05, 1e-14, "19 degrees");
    near(gal_chi_squared_tail(2, 2), exp(-1), 1e-15, "2 degrees");
    near(gal_chi_squared_tail(0, 7), 1, 0, "nothing");
    near(gal_chi_squared_tail(5000, 63), 0, 1e-300, "far out");
}

/* Shares with half a case added, by Python's floats too; the tail of 4 degrees is exp(-x/2) (1 + x/2). */
static void test_psi(void **state) {
    (void)state;
    const uint64_t then[5] = {100, 120, 80, 90, 110}, same[5] = {22, 25, 17, 19, 20}, now[5] = {30, 20, 25, 45, 0};
    gal_psi changed = gal_psi_of(then, now, 5), alike = gal_psi_of(then, same, 5);
    double n = 500, m = 120, x = 0;
    for (int b = 0; b < 5; b++) {
        double e = ((double)then[b] + 0.5) / (n + 2.5), a = ((double)now[b] + 0.5) / (m + 2.5);
        x += (a - e) * log(a / e);
    }
    near(changed.index, x, 1e-14, "index");
    near(changed.index, 1.048249245908998, 1e-13, "index by Python");
    near(alike.p, 0.9847184059438149, 1e-13, "p by Python");
    x /= 1 / n + 1 / m;
    near(changed.p, exp(-x / 2) * (1 + x / 2), 1e-15, "p");
    assert_true(changed.index > 0.25 && changed.p < 1e-6 && alike.index < 0.02 && alike.p > 0.7);
    near(gal_psi_of(then, then, 5).index, 0, 0, "no change");
    assert_true(isnan(gal_psi_of(then, (uint64_t[5]){0}, 5).index));
}

static void test_bins(void **state) {
    (void)state;
    double value[100], edge[GAL_PSI_MAX_BINS];
    uint64_t bin[GAL_PSI_MAX_BINS] = {0};
    int edges;
    for (int i = 0; i < 100; i++) value[i] = (i * 37) % 100;
    assert_ok(gal_psi_edges(value, 100, 10, edge, &edges, &err), err);
    assert_int_equal(edges, 9);
    gal_psi_count(value, 100, edge, edges, bin);
    for (int b = 0; b < 10; b++) assert_int_equal(bin[b], 10);
    for (int i = 0; i < 100; i++) value[i] = i < 70 ? 1 : i;
    assert_ok(gal_psi_edges(value, 100, 10, edge, &edges, &err), err);
    assert_int_equal(edges, 3); /* 70, 80 and 90: the ones stay together */
    assert_true(edge[0] == 70);
    assert_int_equal(gal_psi_edges(value, 100, 1, edge, &edges, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_psi_edges(value, 5, 10, edge, &edges, &err), GALEN_ERR_ARGUMENT);
}

/* Under no change p is near uniform: 5 % of 2,000 draws below 0.05, within three standard errors and the approximation.
 */
static void test_psi_size(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(3, 0);
    int below = 0;
    for (int trial = 0; trial < 2000; trial++) {
        uint64_t a[10] = {0}, b[10] = {0};
        for (int i = 0; i < 1000; i++) a[(int)(10 * gal_rng_uniform(&rng))]++;
        for (int i = 0; i < 500; i++) b[(int)(10 * gal_rng_uniform(&rng))]++;
        below += gal_psi_of(a, b, 10).p < 0.05;
    }
    assert_in_range(below, 70, 130);
}

/* Every way to deal 12 places to samples of 5 and 7: the share with a distance at least as large is p. */
static void test_ks_exact(void **state) {
    (void)state;
    enum { N = 5, M = 7, ALL = 792 };
    double distance[ALL], p[ALL];
    int at = 0;
    for (unsigned mask = 0; mask < 1u << (N + M); mask++) {
        uint64_t a[N + M] = {0}, b[N + M] = {0};
        if (__builtin_popcount(mask) != N) continue;
        for (int i = 0; i < N + M; i++) (mask >> i & 1 ? a : b)[i] = 1;
        gal_ks ks;
        assert_ok(gal_ks_of(a, b, N + M, &ks, &err), err);
        assert_true(ks.exact);
        distance[at] = ks.distance;
        p[at++] = ks.p;
    }
    assert_int_equal(at, ALL);
    for (int i = 0; i < ALL; i++) {
        int as_much = 0;
        for (int k = 0; k < ALL; k++) as_much += distance[k] >= distance[i] - 1e-12;
        near(p[i], as_much / (double)ALL, 1e-12, "p");
    }
}

/* 1, 2, 2, 3, 3, 3, 4, 5 and 2, 3, 4, 4, 5, 5, 6, 7, 8, in a bin for each value; then as many that tell it by the
 * limit: 20,000 each, one sample 272 places behind the other. */
static void test_ks(void **state) {
    (void)state;
    const uint64_t then[8] = {1, 2, 3, 1, 1}, now[8] = {0, 1, 1, 2, 2, 1, 1, 1}, none[8] = {0};
    gal_ks ks;
    assert_ok(gal_ks_of(then, now, 8, &ks, &err), err);
    near(ks.distance, 6 / 8.0 - 2 / 9.0, 1e-15, "ties");
    assert_ok(gal_ks_of(then, then, 8, &ks, &err), err);
    assert_true(ks.distance == 0 && ks.p == 1);
    const uint64_t first[3] = {272, 19728, 0}, second[3] = {0, 19728, 272};
    assert_ok(gal_ks_of(first, second, 3, &ks, &err), err);
    assert_false(ks.exact);
    near(ks.distance, 272 / 20000.0, 1e-12, "shift");
    near(ks.p, 2 * (exp(-2 * 1.36 * 1.36) - exp(-8 * 1.36 * 1.36) + exp(-18 * 1.36 * 1.36)), 1e-12, "limit");
    const uint64_t many[2] = {30000, 10000}, more[2] = {10000, 10000};
    assert_ok(gal_ks_of(many, more, 2, &ks, &err), err);
    assert_true(ks.distance == 0.25 && !ks.exact && ks.p < 1e-100);
    assert_int_equal(gal_ks_of(then, none, 8, &ks, &err), GALEN_ERR_ARGUMENT);
    test_fail_allocation(1, 0);
    galen_status status = gal_ks_of(then, now, 8, &ks, &err);
    test_fail_allocation(0, 0);
    assert_int_equal(status, GALEN_ERR_MEMORY);
}

static double mean_run(double limit, double shift, gal_rng *rng, int runs, gal_drift way) {
    double total = 0;
    for (int r = 0; r < runs; r++) {
        gal_cusum c;
        gal_drift drift = GAL_DRIFT_NONE;
        assert_ok(gal_cusum_start(10, 2, 0.5, limit, &c, &err), err);
        while (drift == GAL_DRIFT_NONE) drift = gal_cusum_add(&c, 10 + 2 * (shift + gal_rng_normal(rng)));
        if (way != GAL_DRIFT_NONE && drift != way) total += 1e6;
        total += (double)c.count;
    }
    return total / runs;
}

/* Montgomery's table 9.3: 465 without a shift, 10.4 at one deviation. With the limit of drift_reference.h Siegmund's
 * approximation (Sequential Analysis, 1985) has 9,500 and 16, as is said there. */
static void test_cusum(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(8, 1);
    near(mean_run(5, 0, &rng, 1500, GAL_DRIFT_NONE), 465, 465 * 0.1, "false alarms");
    near(mean_run(5, 1, &rng, 1500, GAL_DRIFT_UP), 10.4, 0.7, "a shift up");
    near(mean_run(5, -1, &rng, 1500, GAL_DRIFT_DOWN), 10.4, 0.7, "a shift down");
    near(mean_run(8, 0, &rng, 400, GAL_DRIFT_NONE), 9500, 9500 * 0.15, "rare false alarms");
    near(mean_run(8, 1, &rng, 1500, GAL_DRIFT_UP), 16.3, 0.7, "a shift up");
}

/* 3, 3, 3 of mean 0 and deviation 1: the sum is 2.5, 5, 7.5. */
static void test_cusum_by_hand(void **state) {
    (void)state;
    gal_cusum c;
    assert_ok(gal_cusum_start(0, 1, 0.5, 5, &c, &err), err);
    assert_int_equal(gal_cusum_add(&c, 3), GAL_DRIFT_NONE);
    assert_int_equal(gal_cusum_add(&c, 3), GAL_DRIFT_NONE);
    assert_int_equal(gal_cusum_add(&c, 3), GAL_DRIFT_UP);
    assert_true(c.high == 7.5 && c.high_run == 3 && c.low == 0);
    assert_int_equal(gal_cusum_add(&c, -100), GAL_DRIFT_UP); /* it stays */
    assert_ok(gal_cusum_start(0, 1, 0.5, 5, &c, &err), err);
    assert_int_equal(gal_cusum_add(&c, -6), GAL_DRIFT_DOWN);
    assert_ok(gal_cusum_start(0, 1, 0.5, 5, &c, &err), err);
    assert_int_equal(gal_cusum_add(&c, NAN), GAL_DRIFT_UP);
    assert_int_equal(gal_cusum_start(0, 0, 0.5, 5, &c, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_cusum_start(NAN, 1, 0.5, 5, &c, &err), GALEN_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),   cmocka_unit_test(test_psi),           cmocka_unit_test(test_bins),
        cmocka_unit_test(test_psi_size), cmocka_unit_test(test_ks_exact),      cmocka_unit_test(test_ks),
        cmocka_unit_test(test_cusum),    cmocka_unit_test(test_cusum_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
