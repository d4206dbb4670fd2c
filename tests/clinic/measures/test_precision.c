/* Average precision against scikit-learn's numbers, curves by hand and against counts at each threshold; wrong input.
 */
#include "clinic/measures/precision.h"

#include "base/mem.h"
#include "base/rng.h"
#include "clinic/golden.h"

static galen_error err;
static golden_set set;

static void average_is_scikit_learn(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        double got;
        golden_probabilities(root, name, &set);
        assert_ok(gal_average_precision(&(gal_scores){set.score, set.positive, set.count}, &got, &err), err);
        golden_near(got, golden_number(entry, "average_precision"), 1e-12, name);
        compared++;
    }
    assert_true(compared > 20);
    json_decref(root);
}

static void points_are_counts(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(3, 0);
    set.count = 300;
    for (size_t i = 0; i < set.count; i++) {
        set.positive[i] = i % 4 == 0;
        set.score[i] = floor(20 * gal_rng_uniform(&rng) + 5 * set.positive[i]);
    }
    gal_scores scores = {set.score, set.positive, set.count};
    gal_precision_point *curve;
    size_t count;
    assert_ok(gal_precision_curve(&scores, &curve, &count, &err), err);
    assert_in_range(count, 15, 25);
    for (size_t i = 0; i < count; i++) {
        gal_operating_point at;
        gal_roc_at(&scores, curve[i].threshold, &at);
        double tp = (double)at.true_positives;
        assert_true(curve[i].recall == at.sensitivity);
        assert_true(curve[i].precision == tp / (tp + (double)at.false_positives));
        assert_true(i == 0 || curve[i].threshold < curve[i - 1].threshold);
    }
    assert_true(curve[count - 1].recall == 1 && curve[count - 1].precision == 0.25);
    gal_free(curve);
}

/* Right, wrong, right: 1 * 1/2 + 2/3 * 1/2. All alike: the share of positives. */
static void by_hand(void **state) {
    (void)state;
    double s[4] = {0.9, 0.8, 0.7, 0.1}, same[4] = {0};
    uint8_t positive[4] = {1, 0, 1, 0};
    double got;
    assert_ok(gal_average_precision(&(gal_scores){s, positive, 4}, &got, &err), err);
    golden_near(got, 5.0 / 6, 1e-15, "by hand");
    assert_ok(gal_average_precision(&(gal_scores){same, positive, 4}, &got, &err), err);
    assert_true(got == 0.5);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    double s[2] = {0.1, 0.2}, got;
    uint8_t all[2] = {1, 1}, none[2] = {0, 0}, both[2] = {0, 1};
    assert_int_equal(gal_average_precision(&(gal_scores){s, all, 2}, &got, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_average_precision(&(gal_scores){s, none, 2}, &got, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_average_precision(&(gal_scores){s, both, 0}, &got, &err), GALEN_ERR_ARGUMENT);
    for (long n = 1; n <= 2; n++) {
        test_fail_allocation(n, 0);
        assert_int_equal(gal_average_precision(&(gal_scores){s, both, 2}, &got, &err), GALEN_ERR_MEMORY);
        test_fail_allocation(0, 0);
    }
    s[0] = (double)NAN;
    assert_int_equal(gal_average_precision(&(gal_scores){s, both, 2}, &got, &err), GALEN_ERR_NUMERIC);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(average_is_scikit_learn), cmocka_unit_test(points_are_counts),
                                       cmocka_unit_test(by_hand), cmocka_unit_test(wrong_input_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
