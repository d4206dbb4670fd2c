/* Net benefit by hand, against its definition, by patient, and drawn again and again. */
#include "clinic/evaluate/decision_curve.h"

#include "base/rng.h"
#include "clinic/golden.h"

static galen_error err;
static golden_set set;

static gal_binary_cases cases_of(const golden_set *s) {
    return (gal_binary_cases){.scores = {s->score, s->positive, s->count}, .probability = s->score};
}

static gal_decision_curve made(const gal_binary_cases *cases, double low, double high, double step) {
    gal_decision_curve curve;
    gal_decision_settings s = {low, high, step, 0.95};
    assert_ok(gal_decision_curve_make(cases, &s, NULL, &curve, &err), err);
    return curve;
}

/* 10 cases, 4 positive; from 0.2 on 3 true and 2 false positives: 3/10 - 2/10 * 1/4. */
static void by_hand(void **state) {
    (void)state;
    set = (golden_set){.score = {0.9, 0.8, 0.2, 0.1, 0.7, 0.3, 0.1, 0.1, 0, 0},
                       .positive = {1, 1, 1, 1, 0, 0, 0, 0, 0, 0},
                       .count = 10};
    gal_binary_cases cases = cases_of(&set);
    gal_decision_curve c = made(&cases, 0.2, 0.2, 0.1);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.point->true_positives, 3);
    assert_int_equal(c.point->false_positives, 2);
    golden_near(c.point->model, 0.25, 1e-15, "model");
    golden_near(c.point->all, 0.4 - 0.6 / 4, 1e-15, "all");
    golden_near(c.point->over_all, 0, 1e-15, "over all"); /* four negatives left alone pay for one positive missed */
    /* Benefits 1 (three), -1/4 (two), 0 (five): their variance. */
    double variance = (3 * 0.75 * 0.75 + 2 * 0.5 * 0.5 + 5 * 0.25 * 0.25) / 9;
    golden_near(c.point->model_interval.high, 0.25 + GAL_Z95 * sqrt(variance / 10), 1e-12, "interval");
    gal_decision_curve_free(&c);
}

static void is_its_definition(void **state) {
    (void)state;
    json_t *root = golden_open();
    golden_drawn(root, "ties", &set);
    json_decref(root);
    gal_binary_cases cases = cases_of(&set);
    gal_decision_curve c = made(&cases, 0.01, 0.99, 0.01);
    double n = (double)set.count;
    assert_int_equal(c.count, 99);
    for (size_t i = 0; i < c.count; i++) {
        double t = 0.01 + 0.01 * (double)i, tp = 0, fp = 0, positives = 0;
        golden_near(c.point[i].threshold, t, 1e-15, "threshold");
        for (size_t k = 0; k < set.count; k++) {
            positives += set.positive[k];
            if (set.score[k] < c.point[i].threshold) continue;
            *(set.positive[k] ? &tp : &fp) += 1;
        }
        double all = positives / n - (n - positives) / n * t / (1 - t);
        golden_near(c.point[i].model, tp / n - fp / n * t / (1 - t), 1e-11, "model");
        golden_near(c.point[i].all, all, 1e-11, "all");
        golden_near(c.point[i].over_all, c.point[i].model - c.point[i].all, 1e-11, "over all");
    }
    gal_decision_curve_free(&c);
}

/* Each case a patient changes nothing; each case twice in its patient neither, but doubled cases alone look surer. */
static void patients_are_units(void **state) {
    (void)state;
    static uint32_t patient[2 * GOLDEN_MOST];
    static golden_set twice;
    json_t *root = golden_open();
    golden_drawn(root, "ties", &set);
    json_decref(root);
    twice.count = 2 * set.count;
    assert_in_range(twice.count, 1, GOLDEN_MOST);
    for (size_t i = 0; i < twice.count; i++) {
        twice.score[i] = set.score[i / 2], twice.positive[i] = set.positive[i / 2];
        patient[i] = (uint32_t)i;
    }
    gal_binary_cases cases = cases_of(&set), doubled = cases_of(&twice);
    gal_decision_curve alone = made(&cases, 0.05, 0.95, 0.1), surer = made(&doubled, 0.05, 0.95, 0.1);
    cases.patient = patient, cases.patients = set.count;
    gal_decision_curve each = made(&cases, 0.05, 0.95, 0.1);
    for (size_t i = 0; i < twice.count; i++) patient[i] = (uint32_t)(i / 2);
    doubled.patient = patient, doubled.patients = set.count;
    gal_decision_curve both = made(&doubled, 0.05, 0.95, 0.1);
    for (size_t i = 0; i < alone.count; i++) {
        gal_interval a = alone.point[i].over_all_interval, b = both.point[i].over_all_interval;
        golden_near(each.point[i].over_all_interval.low, a.low, 1e-12, "each case a patient");
        golden_near(b.low, a.low, 1e-12, "both of a patient");
        golden_near(b.high, a.high, 1e-12, "both of a patient");
        gal_interval m = surer.point[i].model_interval;
        assert_true(m.high - m.low < 0.8 * (alone.point[i].model_interval.high - alone.point[i].model_interval.low));
    }
    gal_decision_curve_free(&alone);
    gal_decision_curve_free(&surer);
    gal_decision_curve_free(&each);
    gal_decision_curve_free(&both);
}

/* Probabilities that are true, uniform ones: the net benefit at t is the mean over p >= t of p - (1 - p) t / (1 - t).
 */
static void intervals_cover(void **state) {
    (void)state;
    enum { DRAWS = 1500, CASES = 300 };
    const double t = 0.3, truth = (1 - t * t) / 2 - (1 - t) * (1 - t) / 2 * t / (1 - t);
    size_t covered = 0;
    set.count = CASES;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        gal_rng rng = gal_rng_make(3, draw);
        for (size_t i = 0; i < CASES; i++) {
            set.score[i] = gal_rng_uniform(&rng);
            set.positive[i] = gal_rng_uniform(&rng) < set.score[i];
        }
        gal_binary_cases cases = cases_of(&set);
        gal_decision_curve c = made(&cases, t, t, 0.1);
        covered += c.point->model_interval.low <= truth && truth <= c.point->model_interval.high;
        gal_decision_curve_free(&c);
    }
    golden_near((double)covered / DRAWS, 0.95, 0.017, "coverage"); /* three standard errors */
}

static void any_threads_same_json(void **state) {
    (void)state;
    static uint32_t patient[GOLDEN_MOST];
    gal_pool *pool;
    golden_logits("cxr64-small", &set);
    for (size_t i = 0; i < set.count; i++) {
        set.score[i] = 1 / (1 + exp(-set.score[i]));
        patient[i] = (uint32_t)(i / 3);
    }
    gal_binary_cases cases = cases_of(&set);
    cases.patient = patient, cases.patients = set.count / 3;
    gal_decision_settings s = gal_decision_defaults(), back;
    gal_decision_curve one, four;
    assert_ok(gal_pool_create(4, &pool, &err), err);
    assert_ok(gal_decision_curve_make(&cases, &s, NULL, &one, &err), err);
    assert_ok(gal_decision_curve_make(&cases, &s, pool, &four, &err), err);
    gal_pool_destroy(pool);
    json_t *a = gal_decision_curve_json(&one), *b = gal_decision_curve_json(&four);
    assert_true(json_equal(a, b));
    assert_int_equal(json_array_size(json_object_get(a, "points")), 99);
    assert_ok(gal_decision_settings_read(json_object_get(a, "settings"), &back, &err), err);
    assert_memory_equal(&s, &back, sizeof s);
    json_object_del(json_object_get(a, "settings"), "step");
    assert_int_equal(gal_decision_settings_read(json_object_get(a, "settings"), &back, &err), GALEN_ERR_FORMAT);
    json_decref(a);
    json_decref(b);
    gal_decision_curve_free(&one);
    gal_decision_curve_free(&four);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    static const gal_decision_settings wrong[] = {
        {0, 0.9, 0.1, 0.95},    {0.5, 0.4, 0.1, 0.95}, {0.1, 1, 0.1, 0.95},          {0.1, 0.9, 0, 0.95},
        {0.1, 0.9, 1e-6, 0.95}, {0.1, 0.9, 0.1, 1},    {0.1, 0.9, (double)NAN, 0.95}};
    gal_decision_settings good = gal_decision_defaults();
    gal_decision_curve c;
    set = (golden_set){.score = {0.5, 0.5}, .positive = {1, 1}, .count = 2};
    gal_binary_cases cases = cases_of(&set);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(gal_decision_curve_make(&cases, &wrong[i], NULL, &c, &err), GALEN_ERR_ARGUMENT);
    assert_ok(gal_decision_curve_make(&cases, &good, NULL, &c, &err), err); /* one kind alone will do */
    gal_decision_curve_free(&c);
    for (long n = 1; n <= 2; n++) {
        static const uint32_t patient[2];
        cases.patient = patient, cases.patients = 1;
        test_fail_allocation(n, 0);
        assert_int_equal(gal_decision_curve_make(&cases, &good, NULL, &c, &err), GALEN_ERR_MEMORY);
    }
    test_fail_allocation(0, 0);
    set.score[1] = 1.5;
    assert_int_equal(gal_decision_curve_make(&cases, &good, NULL, &c, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 2"));
    cases.probability = NULL;
    assert_int_equal(gal_decision_curve_make(&cases, &good, NULL, &c, &err), GALEN_ERR_ARGUMENT);
    cases.scores.count = 0;
    assert_int_equal(gal_decision_curve_make(&cases, &good, NULL, &c, &err), GALEN_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(is_its_definition),
        cmocka_unit_test(patients_are_units),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(any_threads_same_json),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
