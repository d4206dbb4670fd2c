/* Thresholds with confidence: against every threshold, by hand, and on cases drawn anew. */
#include "clinic/choose/operating_point.h"

#include "base/rng.h"
#include "clinic/golden.h"
#include "clinic/stats/beta.h"

static galen_error err;
static golden_set set;

static gal_scores scores_of(const golden_set *s) {
    return (gal_scores){s->score, s->positive, s->count};
}

/* Of all scores as thresholds, the highest whose interval (its lower end at 5 % in one tail) reaches what is wanted. */
static void is_the_highest(void **state) {
    (void)state;
    static const double wanted[] = {0.5, 0.9, 0.95, 0.98};
    golden_logits("cxr64-small", &set);
    gal_scores scores = scores_of(&set);
    for (size_t w = 0; w < 4; w++) {
        double best = -INFINITY;
        for (size_t i = 0; i < set.count; i++) {
            gal_operating_point at;
            gal_roc_at(&scores, set.score[i], &at);
            gal_interval bound = gal_clopper_pearson(at.true_positives, 390, 1.6448536269514722);
            if (bound.low >= wanted[w]) best = fmax(best, set.score[i]);
        }
        gal_frozen_point got;
        assert_ok(gal_freeze_sensitivity(&scores, wanted[w], 0.95, &got, &err), err);
        golden_near(got.at.threshold, best, 0, "threshold");
        assert_true(got.bound >= wanted[w]);
        golden_near(got.bound, gal_clopper_pearson(got.at.true_positives, 390, 1.6448536269514722).low, 1e-12, "bound");
    }
}

/* 0.98^149 = 0.0493, 0.98^148 = 0.0503. */
static void positives_needed(void **state) {
    (void)state;
    assert_int_equal(gal_positives_needed(0.98, 0.95), 149);
    assert_int_equal(gal_positives_needed(0.95, 0.95), 59);
    assert_int_equal(gal_positives_needed(0.5, 0.5), 1);
    assert_int_equal(gal_positives_needed(0.5, 0.75), 2);
    assert_int_equal(gal_positives_needed(0.99, 0.99), 459);
    assert_int_equal(gal_positives_needed(1, 0.99), 0);
    set.count = 150;
    for (size_t i = 0; i < set.count; i++) set.score[i] = (double)i, set.positive[i] = i > 0;
    gal_frozen_point got;
    gal_scores scores = scores_of(&set);
    assert_ok(gal_freeze_sensitivity(&scores, 0.98, 0.95, &got, &err), err);
    golden_near(got.at.threshold, 1, 0, "the lowest positive");
    char text[GAL_FROZEN_TEXT];
    gal_frozen_text(&got, text);
    assert_string_equal(text, "sensitivity >= 0.98 with 95 % confidence: 149 of 149 positives found");
    scores.count--;
    assert_int_equal(gal_freeze_sensitivity(&scores, 0.98, 0.95, &got, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "148 positive cases"));
    assert_non_null(strstr(err.message, "at least 149 are needed"));
}

/* Scores of positives are uniform: a threshold's true sensitivity is 1 - threshold. It falls short of what was wanted
 * in at most one draw of twenty, and not much more seldom. */
static void confidence_holds(void **state) {
    (void)state;
    enum { DRAWS = 4000, CASES = 200 };
    size_t short_of = 0;
    set.count = CASES + 1;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        gal_rng rng = gal_rng_make(11, draw);
        for (size_t i = 0; i < CASES; i++) set.score[i] = gal_rng_uniform(&rng), set.positive[i] = 1;
        set.score[CASES] = -1, set.positive[CASES] = 0;
        gal_frozen_point got;
        gal_scores scores = scores_of(&set);
        assert_ok(gal_freeze_sensitivity(&scores, 0.9, 0.95, &got, &err), err);
        short_of += 1 - got.at.threshold < 0.9;
    }
    /* At least 188 of 200 must be found: P(Beta(188, 13) < 0.9). Three standard errors. */
    double p = gal_beta_cumulative(188, 13, 0.9), share = (double)short_of / DRAWS;
    assert_true(p > 0.03 && p < 0.05);
    golden_near(share, p, 3 * sqrt(p * (1 - p) / DRAWS), "short of what was wanted");
}

/* All who share the last score are called positive. */
static void ties_are_found_together(void **state) {
    (void)state;
    set.count = 12;
    for (size_t i = 0; i < set.count; i++) set.score[i] = i < 6, set.positive[i] = i % 6 != 5;
    gal_frozen_point got;
    gal_scores scores = scores_of(&set);
    assert_ok(gal_freeze_sensitivity(&scores, 0.1, 0.5, &got, &err), err);
    assert_int_equal(got.at.true_positives, 5);
    assert_int_equal(got.at.false_positives, 1);
    json_t *json = gal_frozen_json(&got);
    golden_near(golden_number(json, "lower_bound"), got.bound, 0, "bound");
    golden_near(golden_number(json, "true_negatives"), 1, 0, "count");
    json_decref(json);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    static const double wrong[] = {0, 1, -1, 2, 0.9999999, (double)NAN};
    gal_frozen_point got;
    set = (golden_set){.score = {0, 1}, .positive = {0, 1}, .count = 2};
    gal_scores scores = scores_of(&set);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(gal_freeze_sensitivity(&scores, wrong[i], 0.95, &got, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_freeze_sensitivity(&scores, 0.5, 1, &got, &err), GALEN_ERR_ARGUMENT);
    set.score[0] = (double)NAN;
    assert_int_equal(gal_freeze_sensitivity(&scores, 0.1, 0.5, &got, &err), GALEN_ERR_NUMERIC);
    set.score[0] = 0, set.positive[0] = 1;
    assert_int_equal(gal_freeze_sensitivity(&scores, 0.1, 0.5, &got, &err), GALEN_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_highest),         cmocka_unit_test(positives_needed),
        cmocka_unit_test(confidence_holds),       cmocka_unit_test(ties_are_found_together),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
