/* McNemar's test against statsmodels' and published numbers, sums of binomial probabilities, and by hand. */
#include "clinic/stats/paired.h"

#include "clinic/golden.h"

static galen_error err;
static golden_set first, second;

static void table_and_p_are_statsmodels(void **state) {
    (void)state;
    json_t *root = golden_open();
    const json_t *wanted = json_object_get(json_object_get(root, "paired"), "cxr64-small|cxr64-resnet18@0.5");
    const json_t *table = json_object_get(wanted, "table_correct_a_b");
    golden_logits("cxr64-small", &first);
    golden_logits("cxr64-resnet18", &second);
    gal_paired all, ill, well;
    gal_decider a = {first.score, 0}, b = {second.score, 0};
    assert_ok(gal_pair(first.positive, first.count, &a, &b, GAL_CASES_ALL, &all, &err), err);
    const size_t got[4] = {all.both, all.only_first, all.only_second, all.neither};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(got[i], json_integer_value(json_array_get(json_array_get(table, i / 2), i % 2)));
    golden_near(gal_mcnemar_exact(&all), golden_number(wanted, "mcnemar_exact_p"), 1e-12, "exact");
    golden_near(gal_mcnemar_mid_p(&all), golden_number(wanted, "mcnemar_mid_p"), 1e-12, "mid-p");
    /* The golden file's confusion matrices at 1/2: tp 390 and 385, tn 139 and 153. */
    assert_ok(gal_pair(first.positive, first.count, &a, &b, GAL_CASES_POSITIVE, &ill, &err), err);
    assert_ok(gal_pair(first.positive, first.count, &a, &b, GAL_CASES_NEGATIVE, &well, &err), err);
    assert_int_equal(ill.both + ill.only_first, 390);
    assert_int_equal(ill.both + ill.only_second, 385);
    assert_int_equal(well.both + well.only_first, 139);
    assert_int_equal(well.both + well.only_second, 153);
    assert_int_equal(ill.neither + well.neither, all.neither);
    json_decref(root);
}

/* Response before and after therapy (Cavo et al., 2012) as computed in Fagerland, Lydersen and Laake's book. */
static void published(void **state) {
    (void)state;
    gal_paired cavo = {59, 6, 16, 80};
    golden_near(gal_mcnemar_exact(&cavo), 0.052479, 5e-7, "exact");
    golden_near(gal_mcnemar_mid_p(&cavo), 0.034690, 5e-7, "mid-p");
}

static void p_is_a_sum(void **state) {
    (void)state;
    for (size_t n = 1; n <= 50; n++) {
        double mass = ldexp(1, -(int)n), below = 0;
        for (size_t k = 0; 2 * k <= n; k++) {
            below += mass;
            gal_paired one = {3, k, n - k, 5}, other = {0, n - k, k, 0};
            golden_near(gal_mcnemar_exact(&one), fmin(2 * below, 1), 1e-13, "exact");
            golden_near(gal_mcnemar_mid_p(&one), fmin(2 * below - mass, 1), 1e-13, "mid-p");
            assert_true(gal_mcnemar_exact(&one) == gal_mcnemar_exact(&other));
            mass *= (double)(n - k) / (double)(k + 1);
        }
    }
}

static void ends(void **state) {
    (void)state;
    gal_paired none = {0}, alike = {5, 0, 0, 2}, one = {5, 1, 0, 2};
    golden_near(gal_mcnemar_exact(&none), 1, 1e-15, "exact, no cases");
    golden_near(gal_mcnemar_exact(&alike), 1, 1e-15, "exact, alike");
    golden_near(gal_mcnemar_exact(&one), 1, 1e-15, "exact, one of one");
    golden_near(gal_mcnemar_mid_p(&none), 1, 1e-15, "no cases");
    golden_near(gal_mcnemar_mid_p(&alike), 1, 1e-15, "alike");
    golden_near(gal_mcnemar_mid_p(&one), 0.5, 1e-15, "one of one");
}

static void nan_is_refused(void **state) {
    (void)state;
    double s[2] = {0, 1}, t[2] = {0, (double)NAN};
    uint8_t positive[2] = {0, 1};
    gal_paired out;
    gal_decider good = {s, 0.5}, bad = {t, 0.5}, cut = {s, (double)NAN};
    assert_int_equal(gal_pair(positive, 2, &good, &bad, GAL_CASES_ALL, &out, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "second score of case 2"));
    assert_int_equal(gal_pair(positive, 2, &cut, &good, GAL_CASES_ALL, &out, &err), GALEN_ERR_NUMERIC);
    assert_ok(gal_pair(positive, 0, &good, &good, GAL_CASES_ALL, &out, &err), err);
    assert_int_equal(out.both + out.only_first + out.only_second + out.neither, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_and_p_are_statsmodels),
        cmocka_unit_test(published),
        cmocka_unit_test(p_is_a_sum),
        cmocka_unit_test(ends),
        cmocka_unit_test(nan_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
