/* Intervals of shares against statsmodels' numbers, closed forms and their ends. */
#include "clinic/stats/interval.h"

#include "clinic/golden.h"

#include <stdbool.h>

static size_t count_of(const json_t *confusion, const char *key) {
    return (size_t)json_integer_value(json_object_get(confusion, key));
}

/* All models and data sets of the golden file: four shares each, three intervals of each. */
static void shares_are_statsmodels(void **state) {
    (void)state;
    static const struct {
        const char *name;
        gal_interval (*of)(size_t, size_t, double);
    } method[] = {{"wilson", gal_wilson}, {"clopper_pearson", gal_clopper_pearson}, {"jeffreys", gal_jeffreys}};
    static const char *const share[][3] = {
        {"sensitivity", "tp", "fn"}, {"specificity", "tn", "fp"}, {"ppv", "tp", "fp"}, {"npv", "tn", "fn"}};
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        const json_t *confusion = json_object_get(entry, "confusion");
        for (size_t i = 0; i < 4; i++) {
            size_t hits = count_of(confusion, share[i][1]), misses = count_of(confusion, share[i][2]);
            for (size_t m = 0; m < 3; m++) {
                const json_t *wanted = json_object_get(json_object_get(entry, share[i][0]), method[m].name);
                if (wanted == NULL) continue;
                golden_interval(method[m].of(hits, hits + misses, GAL_Z95), wanted, 1e-12, name);
                compared++;
            }
        }
    }
    assert_true(compared > 120);
    json_decref(root);
}

static void ends_are_sensible(void **state) {
    (void)state;
    golden_near(gal_z_of(0.95), GAL_Z95, 1e-15, "95 %");
    golden_near(gal_z_of(0.9), 1.6448536269514722, 1e-15, "90 %");
    assert_true(isnan(gal_z_of(0)) && isnan(gal_z_of(1)) && isnan(gal_z_of((double)NAN)));
    gal_interval none = gal_wilson(0, 0, GAL_Z95), never = gal_wilson(0, 7, GAL_Z95),
                 always = gal_wilson(7, 7, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    assert_true(never.low == 0 && never.high > 0.3 && never.high < 0.5);
    assert_true(always.high == 1 && fabs(always.low - (1 - never.high)) < 1e-12);
    for (size_t n = 1; n < 400; n++)
        for (size_t hits = 0; hits <= n; hits += 1 + n / 7) {
            gal_interval i = gal_wilson(hits, n, GAL_Z95);
            double p = (double)hits / (double)n;
            assert_true(i.low >= 0 && i.low <= p && p <= i.high && i.high <= 1);
        }
}

/* At the ends the exact interval has a closed form: (tail)^(1/n). One case: the roots of p = tail. */
static void exact_ends_are_powers(void **state) {
    (void)state;
    gal_interval none = gal_clopper_pearson(0, 0, GAL_Z95), one = gal_clopper_pearson(1, 1, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    golden_near(one.low, 0.025, 1e-15, "one of one");
    assert_true(one.high == 1);
    for (size_t n = 1; n < 5000; n += 1 + n / 3) {
        double end = pow(0.025, 1 / (double)n);
        gal_interval never = gal_clopper_pearson(0, n, GAL_Z95), always = gal_clopper_pearson(n, n, GAL_Z95);
        assert_true(never.low == 0 && always.high == 1);
        golden_near(always.low, end, 1e-13, "n of n");
        golden_near(never.high, 1 - end, 1e-13, "0 of n");
    }
    none = gal_jeffreys(0, 0, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    gal_interval never = gal_jeffreys(0, 9, GAL_Z95), always = gal_jeffreys(9, 9, GAL_Z95);
    golden_near(never.low, 1 - always.high, 1e-15, "mirrored");
    golden_near(never.high, 1 - always.low, 1e-15, "mirrored");
    assert_true(never.low > 0 && never.low < 1e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares_are_statsmodels),
                                       cmocka_unit_test(exact_ends_are_powers), cmocka_unit_test(ends_are_sensible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
