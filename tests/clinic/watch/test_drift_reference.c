/* The reference of drift: alike is alike, shifts are found and dated, false alarms are as rare as said, damage is
 * refused.
 */
#include "support/shared.h"

#include "base/rng.h"
#include "clinic/watch/drift_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000 };

static galen_error err;
static double rows[MOST][GAL_DRIFT_SERIES], later[MOST][GAL_DRIFT_SERIES];

/* Series of different shapes; `shift` moves the means from row `from` on, by deviations. */
static void draw(double (*row)[GAL_DRIFT_SERIES], size_t n, size_t from, double shift, gal_rng *rng) {
    for (size_t i = 0; i < n; i++) {
        row[i][GAL_DRIFT_SCORE] = 3 * gal_rng_normal(rng) - 1;
        row[i][GAL_DRIFT_MEAN] = 0.5 + 0.1 * (gal_rng_normal(rng) + (i >= from ? shift : 0));
        row[i][GAL_DRIFT_SPREAD] = exp(gal_rng_normal(rng));
        row[i][GAL_DRIFT_DARK] = fmax(gal_rng_normal(rng), 0); /* half of all are 0 */
    }
}

static void fit(size_t n, gal_drift_reference *out) {
    assert_ok(gal_drift_fit(rows[0], n, out, &err), err);
}

static void test_alike(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(11, 0);
    gal_drift_reference reference;
    gal_drift_finding f[GAL_DRIFT_SERIES];
    draw(rows, 600, 0, 0, &rng);
    fit(600, &reference);
    assert_int_equal(reference.parts[GAL_DRIFT_SCORE].bins, 64);
    assert_in_range(reference.parts[GAL_DRIFT_DARK].bins, 28, 36);
    assert_ok(gal_drift_compare(&reference, rows[0], 600, f, &err), err);
    for (int s = 0; s < GAL_DRIFT_SERIES; s++) {
        assert_true(f[s].psi.index == 0 && f[s].psi.p == 1 && f[s].ks.distance == 0 && f[s].ks.p == 1);
        assert_true(f[s].shift == GAL_SHIFT_NONE && f[s].alarm == GAL_DRIFT_NONE && f[s].at == 0);
    }
}

static void test_shifted(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(12, 0);
    gal_drift_reference reference;
    gal_drift_finding f[GAL_DRIFT_SERIES];
    draw(rows, 600, 0, 0, &rng);
    fit(600, &reference);
    draw(later, 200, 100, -1.5, &rng);
    assert_ok(gal_drift_compare(&reference, later[0], 200, f, &err), err);
    const gal_drift_finding *mean = &f[GAL_DRIFT_MEAN];
    assert_true(mean->shift == GAL_SHIFT_LARGE && mean->psi.index > 0.25 && mean->ks.p < 1e-6);
    assert_int_equal(mean->alarm, GAL_DRIFT_DOWN);
    assert_in_range(mean->at, 101, 120);
    assert_in_range(mean->since, 90, 105);
    for (int s = 0; s < GAL_DRIFT_SERIES; s++)
        if (s != GAL_DRIFT_MEAN) assert_true(f[s].shift == GAL_SHIFT_NONE && f[s].alarm == GAL_DRIFT_NONE);
}

/* A shift of any of four in 1 % of comparisons, p of Kolmogorov and Smirnov below 0.05 in 5 % or fewer. Sums alarm each
 * 9,500 cases of a known distribution, 84 in all these; one that 500 cases tell of has more. */
static void test_chance(void **state) {
    (void)state;
    enum { TRIALS = 1000, N = 500, M = 200 };
    gal_rng rng = gal_rng_make(13, 0);
    int shifts = 0, below = 0, alarms = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        gal_drift_reference reference;
        gal_drift_finding f[GAL_DRIFT_SERIES];
        draw(rows, N, 0, 0, &rng);
        draw(later, M, 0, 0, &rng);
        fit(N, &reference);
        assert_ok(gal_drift_compare(&reference, later[0], M, f, &err), err);
        for (int s = 0; s < GAL_DRIFT_SERIES; s++) {
            shifts += f[s].shift != GAL_SHIFT_NONE;
            below += f[s].ks.p < 0.05;
            alarms += f[s].alarm != GAL_DRIFT_NONE;
        }
    }
    print_message("of %d: %d shifts, %d p below 0.05, %d alarms\n", TRIALS * GAL_DRIFT_SERIES, shifts, below, alarms);
    assert_in_range(shifts, 0, 20);
    assert_in_range(below, 80, 240);
    assert_in_range(alarms, 20, 160);
}

/* All equal: nothing to compare with, and no harm to the others. */
static void test_constant(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(14, 0);
    gal_drift_reference reference;
    gal_drift_finding f[GAL_DRIFT_SERIES];
    draw(rows, 50, 0, 0, &rng);
    for (int i = 0; i < 50; i++) rows[i][GAL_DRIFT_DARK] = 0.25;
    fit(50, &reference);
    assert_int_equal(reference.parts[GAL_DRIFT_DARK].bins, 1);
    assert_ok(gal_drift_compare(&reference, rows[0], 50, f, &err), err);
    assert_true(isnan(f[GAL_DRIFT_DARK].psi.index) && isnan(f[GAL_DRIFT_DARK].ks.p));
    assert_true(f[GAL_DRIFT_DARK].alarm == GAL_DRIFT_NONE && f[GAL_DRIFT_SCORE].psi.index == 0);
}

static void test_wrong(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(15, 0);
    gal_drift_reference reference, none;
    gal_drift_finding f[GAL_DRIFT_SERIES];
    draw(rows, 60, 0, 0, &rng);
    fit(60, &reference);
    assert_int_equal(gal_drift_fit(rows[0], 49, &none, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "49 pictures are too few"));
    assert_int_equal(none.cases, 0);
    assert_int_equal(gal_drift_compare(&none, rows[0], 60, f, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_drift_compare(&reference, rows[0], 49, f, &err), GALEN_ERR_ARGUMENT);
    for (long n = 1; n < 4; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_drift_compare(&reference, rows[0], 60, f, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    rows[7][GAL_DRIFT_SPREAD] = INFINITY;
    assert_int_equal(gal_drift_compare(&reference, rows[0], 60, f, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "the spread of picture 8"));
    assert_int_equal(gal_drift_fit(rows[0], 60, &none, &err), GALEN_ERR_NUMERIC);
}

static void test_json(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(16, 0);
    gal_drift_reference reference, again;
    draw(rows, 300, 0, 0, &rng);
    fit(300, &reference);
    json_t *json = gal_drift_json(&reference);
    char *text = json_dumps(json, 0);
    json_decref(json);
    json = json_loads(text, 0, NULL);
    assert_ok(gal_drift_read(json, &again, &err), err);
    assert_memory_equal(&again, &reference, sizeof reference);
    json_decref(json);
    free(text);
}

/* Parts of 50 cases with each of these in place of the mean's, then whole references. */
static void test_damaged(void **state) {
    (void)state;
    static const struct {
        const char *part, *says;
    } bad[] = {{"3", "drift.mean must have 1 to 64 counts"},
               {"{\"edges\": [], \"counts\": []}", "drift.mean must have 1 to 64 counts"},
               {"{\"edges\": [1], \"counts\": [50]}", "an edge less"},
               {"{\"edges\": 0, \"counts\": [50]}", "an edge less"},
               {"{\"edges\": [1], \"counts\": [50, 0]}", "counts must be of 1 or more"},
               {"{\"edges\": [1], \"counts\": [25, 25.0]}", "counts must be of 1 or more"},
               {"{\"edges\": [1], \"counts\": [1, 9223372036854775807]}", "counts must be of 1 or more"},
               {"{\"edges\": [1], \"counts\": [25, 26]}", "has 51 cases where drift.cases says 50"},
               {"{\"edges\": [\"1\"], \"counts\": [25, 25]}", "numbers that rise"},
               {"{\"edges\": [1, 1], \"counts\": [25, 15, 10]}", "numbers that rise"}};
    static const char good[] = "{\"edges\": [0.5], \"counts\": [25, 25]}";
    static const char *const cases[] = {"49", "\"50\"", "-1", "50.0", "4294967296"};
    gal_drift_reference reference;
    char text[1024];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(text, sizeof text, "{\"cases\": 50, \"score\": %s, \"mean\": %s, \"spread\": %s, \"dark\": %s}",
                       good, bad[i].part, good, good);
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        assert_int_equal(gal_drift_read(json, &reference, &err), GALEN_ERR_FORMAT);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_int_equal(reference.cases, 0);
        json_decref(json);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(text, sizeof text, "{\"cases\": %s}", cases[i]);
        json_t *json = json_loads(text, 0, NULL);
        assert_int_equal(gal_drift_read(json, &reference, &err), GALEN_ERR_FORMAT);
        assert_non_null(strstr(err.message, "drift.cases must be a whole number"));
        json_decref(json);
    }
    assert_int_equal(gal_drift_read(json_null(), &reference, &err), GALEN_ERR_FORMAT);
    /* As many parts as there is room for, and one more. */
    for (int n = 64; n <= 65; n++) {
        json_t *edges = json_array(), *counts = json_array(), *json = json_pack("{s:i}", "cases", n);
        for (int b = 0; b < n; b++) {
            if (b > 0) json_array_append_new(edges, json_integer(b));
            json_array_append_new(counts, json_integer(1));
        }
        json_t *part = json_pack("{s:o, s:o}", "edges", edges, "counts", counts);
        for (int s = 0; s < GAL_DRIFT_SERIES; s++)
            json_object_set(json, gal_drift_series_name((gal_drift_series)s), part);
        assert_int_equal(gal_drift_read(json, &reference, &err), n == 64 ? GALEN_OK : GALEN_ERR_FORMAT);
        json_decref(part);
        json_decref(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),    cmocka_unit_test(test_shifted), cmocka_unit_test(test_chance),
        cmocka_unit_test(test_constant), cmocka_unit_test(test_wrong),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
