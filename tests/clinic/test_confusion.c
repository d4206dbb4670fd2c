/* Rates against scikit-learn's numbers, by hand, and where they are undefined. */
#include "clinic/confusion.h"

#include "support/shared.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static galen_error err;

static void near(double got, double wanted, const char *what) {
    if (!(fabs(got - wanted) <= 1e-12)) fail_msg("%s: %.17g, %.17g is wanted", what, got, wanted);
}

static size_t count_of(const json_t *confusion, const char *key) {
    return (size_t)json_integer_value(json_object_get(confusion, key));
}

static double number(const json_t *entry, const char *key) {
    const json_t *value = json_object_get(entry, key);
    if (json_is_object(value)) value = json_object_get(value, "value");
    if (!json_is_number(value)) fail_msg("no %s", key);
    return json_number_value(value);
}

static void rates_are_scikit_learn(void **state) {
    (void)state;
    json_t *root = json_load_file(test_shared("golden/metrics.json"), 0, NULL), *entry;
    const char *name;
    size_t compared = 0;
    assert_non_null(root);
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

/* Drawn scores with ties at the threshold: the golden file says the counts. */
static void counts_are_scikit_learn(void **state) {
    (void)state;
    static const char *const set[] = {"ties", "rare"};
    static double score[1024];
    static uint8_t positive[1024];
    json_t *root = json_load_file(test_shared("golden/metrics.json"), 0, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < 2; i++) {
        const json_t *drawn = json_object_get(json_object_get(root, "synthetic"), set[i]);
        const json_t *label = json_object_get(drawn, "label"), *probability = json_object_get(drawn, "probability");
        size_t n = json_array_size(label);
        assert_in_range(n, 1, 1024);
        for (size_t k = 0; k < n; k++) {
            score[k] = json_number_value(json_array_get(probability, k));
            positive[k] = json_integer_value(json_array_get(label, k)) != 0;
        }
        const json_t *entry = json_object_get(json_object_get(root, "binary"), set[i]);
        const json_t *c = json_object_get(entry, "confusion");
        gal_confusion got;
        assert_ok(gal_confusion_at(&(gal_scores){score, positive, n}, number(entry, "threshold"), &got, &err), err);
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
