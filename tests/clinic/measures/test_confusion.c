/* Rates against scikit-learn's numbers, by hand, and where they are undefined. */
#include "clinic/measures/confusion.h"

#include "clinic/golden.h"

static galen_error err;
static golden_set set;

static void near(double got, double wanted, const char *what) {
    golden_near(got, wanted, 1e-12, what);
}

static size_t count_of(const json_t *confusion, const char *key) {
    return (size_t)json_integer_value(json_object_get(confusion, key));
}

/* Shares with intervals are objects. */
static double number(const json_t *entry, const char *key) {
    const json_t *value = json_object_get(entry, key);
    return json_is_object(value) ? golden_number(value, "value") : golden_number(entry, key);
}

static void rates_are_scikit_learn(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        const json_t *c = json_object_get(entry, "confusion");
        gal_rates r = gal_confusion_rates(
            &(gal_confusion){count_of(c, "tp"), count_of(c, "fp"), count_of(c, "fn"), count_of(c, "tn")});
        near(r.accuracy, number(entry, "accuracy"), name);
        near(r.balanced_accuracy, number(entry, "balanced_accuracy"), name);
        near(r.sensitivity, number(entry, "sensitivity"), name);
        near(r.specificity, number(entry, "specificity"), name);
        near(r.ppv, number(entry, "ppv"), name);
        near(r.npv, number(entry, "npv"), name);
        near(r.f1, number(entry, "f1"), name);
        near(r.mcc, number(entry, "mcc"), name);
        compared++;
    }
    assert_true(compared > 20);
    json_decref(root);
}

/*
 * A frozen threshold is the score of a positive, computed elsewhere: the last bit of exp may differ, so it is lowered
 * by less than any two scores lie apart.
 */
static void counts_are_scikit_learn(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        const json_t *c = json_object_get(entry, "confusion");
        double threshold = number(entry, "threshold");
        gal_confusion got;
        golden_probabilities(root, name, &set);
        if (threshold != 0.5) threshold -= 1e-14;
        assert_ok(gal_confusion_at(&(gal_scores){set.score, set.positive, set.count}, threshold, &got, &err), err);
        assert_int_equal(got.true_positives, count_of(c, "tp"));
        assert_int_equal(got.false_positives, count_of(c, "fp"));
        assert_int_equal(got.false_negatives, count_of(c, "fn"));
        assert_int_equal(got.true_negatives, count_of(c, "tn"));
    }
    json_decref(root);
}

/* 90 of 100 ill and 160 of 200 well are called rightly. */
static void by_hand(void **state) {
    (void)state;
    gal_rates r = gal_confusion_rates(&(gal_confusion){90, 40, 10, 160});
    near(r.positive_ratio, 4.5, "LR+");
    near(r.negative_ratio, 0.125, "LR-");
    near(gal_ppv_at(0.9, 0.8, 0.1), 0.09 / 0.27, "PPV at 10 %");
    near(gal_npv_at(0.9, 0.8, 0.1), 0.72 / 0.73, "NPV at 10 %");
    near(gal_ppv_at(r.sensitivity, r.specificity, 1 / 3.0), r.ppv, "PPV at the cases' own prevalence");
    near(gal_npv_at(r.sensitivity, r.specificity, 1 / 3.0), r.npv, "NPV at the cases' own prevalence");
    assert_true(gal_ppv_at(0.9, 0.8, 0) == 0 && gal_ppv_at(0.9, 0.8, 1) == 1);
}

static void undefined_is_nan(void **state) {
    (void)state;
    gal_rates none = gal_confusion_rates(&(gal_confusion){0});
    const double all[] = {
        none.accuracy, none.sensitivity, none.specificity, none.balanced_accuracy, none.ppv,
        none.npv,      none.f1,          none.mcc,         none.positive_ratio,    none.negative_ratio};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_true(isnan(all[i]));
    gal_rates ill = gal_confusion_rates(&(gal_confusion){.true_positives = 3, .false_negatives = 1});
    assert_true(ill.accuracy == 0.75 && ill.sensitivity == 0.75 && ill.ppv == 1 && ill.npv == 0);
    assert_true(isnan(ill.specificity) && isnan(ill.balanced_accuracy) && isnan(ill.mcc));
    assert_true(isnan(ill.positive_ratio) && isnan(ill.negative_ratio));
    gal_rates sharp = gal_confusion_rates(&(gal_confusion){.true_positives = 3, .true_negatives = 5});
    assert_true(isinf(sharp.positive_ratio) && sharp.negative_ratio == 0);
    near(sharp.mcc, 1, "no error");
    gal_rates never = gal_confusion_rates(&(gal_confusion){.false_negatives = 3, .true_negatives = 5});
    assert_true(isnan(never.ppv) && isnan(never.positive_ratio) && never.negative_ratio == 1 && never.f1 == 0);
    assert_true(isnan(gal_ppv_at(0.9, 0.8, 1.1)) && isnan(gal_ppv_at(0.9, 0.8, NAN)) &&
                isnan(gal_npv_at(0.9, 0.8, -1)));
    assert_true(isnan(gal_ppv_at(0, 1, 0.5)) && isnan(gal_npv_at(1, 0, 0.5)));
}

static void nan_is_refused(void **state) {
    (void)state;
    double score[] = {0.1, NAN};
    uint8_t positive[] = {0, 1};
    gal_confusion out;
    assert_int_equal(gal_confusion_at(&(gal_scores){score, positive, 2}, 0.5, &out, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 2"));
    assert_int_equal(gal_confusion_at(&(gal_scores){score, positive, 1}, NAN, &out, &err), GALEN_ERR_NUMERIC);
    assert_ok(gal_confusion_at(&(gal_scores){NULL, NULL, 0}, 0.5, &out, &err), err);
    assert_int_equal(out.true_negatives, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_scikit_learn), cmocka_unit_test(counts_are_scikit_learn), cmocka_unit_test(by_hand),
        cmocka_unit_test(undefined_is_nan),       cmocka_unit_test(nan_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
