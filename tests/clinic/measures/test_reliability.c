/* Calibration errors, Brier's score and log loss against scikit-learn's and NumPy's numbers, by hand; wrong input. */
#include "clinic/measures/reliability.h"

#include "clinic/golden.h"

enum { BINS = 10 };

static galen_error err;
static golden_set set;

static void numbers_are_scikit_learn(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        gal_reliability_bin bin[BINS];
        gal_brier brier;
        double loss;
        golden_probabilities(root, name, &set);
        gal_scores scores = {set.score, set.positive, set.count};
        assert_ok(gal_reliability(&scores, BINS, bin, &err), err);
        golden_near(gal_expected_calibration_error(bin, BINS), golden_number(entry, "ece_equal_mass_10"), 1e-12, name);
        assert_ok(gal_brier_score(&scores, BINS, &brier, &err), err);
        golden_near(brier.score, golden_number(entry, "brier"), 1e-12, name);
        double sum = brier.reliability - brier.resolution + brier.uncertainty + brier.within;
        golden_near(sum, brier.score, 1e-13, "parts");
        assert_ok(gal_log_loss(&scores, &loss, &err), err);
        golden_near(loss, golden_number(entry, "log_loss"), 1e-12, name);
        compared++;
    }
    assert_true(compared > 20);
    json_decref(root);
}

/* Two bins of one probability each: 1/5 with 1 of 4 positive, 4/5 with 2 of 4. */
static void by_hand(void **state) {
    (void)state;
    double p[8] = {0.2, 0.8, 0.2, 0.8, 0.2, 0.8, 0.2, 0.8}, loss;
    uint8_t positive[8] = {1, 1, 0, 1, 0, 0, 0, 0};
    gal_scores scores = {p, positive, 8};
    gal_reliability_bin bin[2];
    gal_brier brier;
    assert_ok(gal_reliability(&scores, 2, bin, &err), err);
    assert_true(bin[0].cases == 4 && bin[0].share == 0.25 && bin[1].share == 0.5);
    golden_near(bin[1].probability, 0.8, 1e-15, "probability");
    golden_near(gal_expected_calibration_error(bin, 2), (0.05 + 0.3) / 2, 1e-15, "ECE");
    golden_near(gal_maximum_calibration_error(bin, 2), 0.3, 1e-15, "MCE");
    assert_ok(gal_brier_score(&scores, 2, &brier, &err), err);
    golden_near(brier.score, (0.64 + 3 * 0.04 + 2 * 0.04 + 2 * 0.64) / 8, 1e-15, "Brier");
    golden_near(brier.reliability, (0.05 * 0.05 + 0.3 * 0.3) / 2, 1e-15, "reliability");
    golden_near(brier.resolution, 0.125 * 0.125, 1e-15, "resolution");
    golden_near(brier.uncertainty, 3.0 / 8 * 5 / 8, 1e-15, "uncertainty");
    golden_near(brier.within, 0, 1e-15, "within");
    assert_ok(gal_log_loss(&scores, &loss, &err), err);
    golden_near(loss, -(3 * log(0.2) + 5 * log(0.8)) / 8, 1e-15, "log loss");
}

/* Bins of 2, 1, 1 cases; more bins than cases; ties stay in the order given. */
static void masses(void **state) {
    (void)state;
    double p[4] = {0.9, 0.1, 0.5, 0.1}, same[4] = {0.5, 0.5, 0.5, 0.5};
    uint8_t positive[4] = {1, 0, 1, 1};
    gal_reliability_bin bin[6];
    gal_brier brier;
    assert_ok(gal_reliability(&(gal_scores){p, positive, 4}, 3, bin, &err), err);
    assert_true(bin[0].cases == 2 && bin[1].cases == 1 && bin[2].cases == 1);
    assert_true(bin[0].share == 0.5 && bin[1].probability == 0.5 && bin[2].probability == 0.9);
    assert_ok(gal_reliability(&(gal_scores){p, positive, 4}, 6, bin, &err), err);
    assert_true(bin[3].cases == 1 && bin[4].cases == 0 && isnan(bin[5].share));
    golden_near(gal_expected_calibration_error(bin, 6), (0.1 + 0.9 + 0.5 + 0.1) / 4, 1e-15, "ECE");
    golden_near(gal_maximum_calibration_error(bin, 6), 0.9, 1e-15, "MCE");
    assert_true(isnan(gal_expected_calibration_error(bin + 4, 2)) && isnan(gal_maximum_calibration_error(bin + 4, 2)));
    assert_ok(gal_brier_score(&(gal_scores){p, positive, 4}, 6, &brier, &err), err);
    golden_near(brier.reliability, brier.score, 1e-15, "a bin for each case");
    assert_ok(gal_reliability(&(gal_scores){same, positive, 4}, 2, bin, &err), err);
    assert_true(bin[0].share == 0.5 && bin[1].share == 1);
}

static void one_class_and_certainty(void **state) {
    (void)state;
    double p[2] = {1, 0}, loss;
    uint8_t well[2] = {0, 0}, right[2] = {1, 0};
    gal_brier brier;
    assert_ok(gal_brier_score(&(gal_scores){p, well, 2}, 1, &brier, &err), err);
    assert_true(brier.score == 0.5 && brier.uncertainty == 0 && brier.resolution == 0 && brier.reliability == 0.25);
    assert_ok(gal_log_loss(&(gal_scores){p, right, 2}, &loss, &err), err);
    golden_near(loss, 0, 1e-14, "certain and right");
    assert_ok(gal_log_loss(&(gal_scores){p, well, 2}, &loss, &err), err);
    golden_near(loss, -log(1e-15) / 2, 0.06, "certain and wrong");
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    static const double wrong[] = {-0.1, 1.1, (double)NAN};
    uint8_t positive[2] = {0, 1};
    gal_reliability_bin bin[2];
    gal_brier brier;
    double p[2] = {0.5, 0.5}, loss;
    gal_scores scores = {p, positive, 2}, none = {p, positive, 0};
    for (size_t i = 0; i < 3; i++) {
        p[1] = wrong[i];
        assert_int_equal(gal_reliability(&scores, 2, bin, &err), GALEN_ERR_NUMERIC);
        assert_non_null(strstr(err.message, "case 2"));
        assert_int_equal(gal_brier_score(&scores, 2, &brier, &err), GALEN_ERR_NUMERIC);
        assert_int_equal(gal_log_loss(&scores, &loss, &err), GALEN_ERR_NUMERIC);
    }
    p[1] = 1;
    assert_int_equal(gal_reliability(&scores, 0, bin, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_reliability(&none, 2, bin, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_brier_score(&none, 2, &brier, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_log_loss(&none, &loss, &err), GALEN_ERR_ARGUMENT);
    test_fail_allocation(1, 0);
    assert_int_equal(gal_reliability(&scores, 2, bin, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(1, 0);
    assert_int_equal(gal_brier_score(&scores, 2, &brier, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_scikit_learn),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(masses),
        cmocka_unit_test(one_class_and_certainty),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
