/* McNemar's test against statsmodels' and published numbers, sums of binomial probabilities, and by hand. */
#include "clinic/stats/paired.h"

#include "clinic/golden.h"

static golden_set first, second;

static void table_and_p_are_statsmodels(void **state) {
    (void)state;
    json_t *root = golden_open();
    const json_t *wanted = json_object_get(json_object_get(root, "paired"), "cxr64-small|cxr64-resnet18@0.5");
    const json_t *table = json_object_get(wanted, "table_correct_a_b");
    golden_logits("cxr64-small", &first);
    golden_logits("cxr64-resnet18", &second);
    gal_paired all = {0}, ill = {0}, well = {0};
    for (size_t k = 0; k < first.count; k++) {
        bool is = first.positive[k] != 0, a = (first.score[k] >= 0) == is, b = (second.score[k] >= 0) == is;
        gal_paired_add(&all, a, b);
        gal_paired_add(is ? &ill : &well, a, b);
    }
    const size_t got[4] = {all.both, all.only_first, all.only_second, all.neither};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(got[i], json_integer_value(json_array_get(json_array_get(table, i / 2), i % 2)));
    golden_near(gal_mcnemar_exact(&all), golden_number(wanted, "mcnemar_exact_p"), 1e-12, "exact");
    golden_near(gal_mcnemar_mid_p(&all), golden_number(wanted, "mcnemar_mid_p"), 1e-12, "mid-p");
    /* The golden file's confusion matrices at 1/2: tp 390 and 385, tn 139 and 153. */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_and_p_are_statsmodels),
        cmocka_unit_test(published),
        cmocka_unit_test(p_is_a_sum),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
