/* Calibrations: at the least loss, told apart from slow searches, undone where nothing is wrong, kept as JSON. */
#include "clinic/choose/recalibrate.h"

#include "base/rng.h"
#include "clinic/golden.h"
#include "clinic/measures/reliability.h"

enum { CLASSES = 3 };

static galen_error err;
static golden_set set;
static double class_logit[GOLDEN_MOST * CLASSES];
static uint32_t class_label[GOLDEN_MOST];

static gal_scores scores_of(const golden_set *s) {
    return (gal_scores){s->score, s->positive, s->count};
}

/* Logits that are `slope` times and `shift` off what outcomes are drawn by. */
static void draw(size_t count, double slope, double shift, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 0);
    set.count = count;
    for (size_t i = 0; i < count; i++) {
        double z = 2 * gal_rng_normal(&rng);
        set.score[i] = slope * z + shift;
        set.positive[i] = gal_rng_uniform(&rng) < 1 / (1 + exp(-z));
    }
}

static double log_loss(const gal_calibration *c) {
    double sum = 0;
    for (size_t i = 0; i < set.count; i++) {
        double p = gal_calibration_apply(c, set.score[i]);
        sum -= set.positive[i] ? log(p) : log1p(-p);
    }
    return sum;
}

/* No step along any parameter helps; the loss is flat there to second order. */
static void assert_least(const gal_calibration *c, int parameters) {
    double least = log_loss(c);
    for (int k = 0; k < parameters; k++)
        for (double step = -1e-3; step < 2e-3; step += 2e-3) {
            gal_calibration other = *c;
            other.parameter[k] += step;
            if (!(log_loss(&other) > least)) fail_msg("parameter %d is not best", k);
        }
}

static gal_calibration fitted(gal_calibration_method method) {
    gal_calibration c;
    gal_scores scores = scores_of(&set);
    assert_ok(gal_calibration_fit(method, &scores, &c, &err), err);
    return c;
}

static void temperature_is_best(void **state) {
    (void)state;
    draw(2000, 3, 0, 1);
    gal_calibration c = fitted(GAL_CALIBRATION_TEMPERATURE);
    golden_near(c.parameter[0], 3, 0.3, "temperature");
    assert_least(&c, 1);
    double slope = 0; /* of the loss by 1 / T */
    for (size_t i = 0; i < set.count; i++)
        slope += (1 / (1 + exp(-set.score[i] / c.parameter[0])) - set.positive[i]) * set.score[i];
    golden_near(slope, 0, 1e-8, "slope");
}

/* Targets are smoothed: derivatives of that loss vanish, and cases that do not overlap have a curve too. */
static void platt_is_best(void **state) {
    (void)state;
    draw(300, 0.5, 1, 2);
    gal_calibration c = fitted(GAL_CALIBRATION_PLATT);
    golden_near(c.parameter[0], 2, 0.6, "slope");
    double slope[2] = {0}, positives = 0;
    for (size_t i = 0; i < set.count; i++) positives += set.positive[i];
    for (size_t i = 0; i < set.count; i++) {
        double target = set.positive[i] ? (positives + 1) / (positives + 2) : 1 / ((double)set.count - positives + 2);
        double off = gal_calibration_apply(&c, set.score[i]) - target;
        slope[0] += off * set.score[i], slope[1] += off;
    }
    golden_near(slope[0], 0, 1e-9, "slope");
    golden_near(slope[1], 0, 1e-9, "intercept");
    set = (golden_set){.score = {-1, 1}, .positive = {0, 1}, .count = 2};
    c = fitted(GAL_CALIBRATION_PLATT);
    golden_near(gal_calibration_apply(&c, 1), 2.0 / 3, 1e-12, "two cases"); /* the targets themselves */
    golden_near(gal_calibration_apply(&c, -1), 1.0 / 3, 1e-12, "two cases");
}

static void beta_is_best(void **state) {
    (void)state;
    draw(3000, 1, 0, 3);
    gal_calibration c = fitted(GAL_CALIBRATION_BETA);
    golden_near(c.parameter[0], 1, 0.3, "a"); /* nothing is wrong with these */
    golden_near(c.parameter[1], 1, 0.3, "b");
    golden_near(c.parameter[2], 0, 0.4, "c");
    assert_least(&c, 3);
}

/* ln p fits best with a weight below 0 here: it is left out, and what remains is best. */
static void beta_stays_rising(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(4, 0);
    set.count = 2000;
    for (size_t i = 0; i < set.count; i++) {
        double z = 2 * gal_rng_normal(&rng), truth = 1.5 * log1p(exp(z)) + 0.3 * log1p(exp(-z)) - 2;
        set.score[i] = z;
        set.positive[i] = gal_rng_uniform(&rng) < 1 / (1 + exp(-truth));
    }
    gal_calibration c = fitted(GAL_CALIBRATION_BETA);
    assert_true(c.parameter[0] == 0 && c.parameter[1] > 0);
    double least = log_loss(&c);
    for (int k = 1; k < 3; k++)
        for (double step = -1e-3; step < 2e-3; step += 2e-3) {
            gal_calibration other = c;
            other.parameter[k] += step;
            assert_true(log_loss(&other) > least);
        }
    c.parameter[0] = 1e-3; /* the only way that a may go */
    assert_true(log_loss(&c) > least);
}

static void isotonic_follows_its_blocks(void **state) {
    (void)state;
    set = (golden_set){.score = {-3, -1, 0, 1, 2, 4}, .positive = {0, 1, 0, 0, 1, 1}, .count = 6};
    gal_calibration c = fitted(GAL_CALIBRATION_ISOTONIC);
    assert_int_equal(c.knots, 5); /* 0 at -3; a third from -1 to 1; 1 from 2 to 4 */
    static const double at[][2] = {{-9, 0},        {-3, 0},        {-2, 1.0 / 6}, {-1, 1.0 / 3},
                                   {0.3, 1.0 / 3}, {1.5, 2.0 / 3}, {2, 1},        {9, 1}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        golden_near(gal_calibration_apply(&c, at[i][0]), at[i][1], 1e-15, "line");
    assert_true(isnan(gal_calibration_apply(&c, (double)NAN)));
    gal_calibration_free(&c);
}

/* A real model's overconfidence goes down on cases it was not fitted on. */
static void helps_on_other_cases(void **state) {
    (void)state;
    static golden_set all;
    golden_logits("cxr64-small", &all);
    set.count = 0;
    golden_set rest = {.count = 0};
    for (size_t i = 0; i < all.count; i++) {
        golden_set *to = i % 2 ? &set : &rest;
        to->score[to->count] = all.score[i];
        to->positive[to->count++] = all.positive[i];
    }
    for (int m = GAL_CALIBRATION_PLATT; m <= GAL_CALIBRATION_BETA; m++) {
        gal_calibration c = fitted((gal_calibration_method)m);
        gal_recalibration r;
        gal_scores scores = scores_of(&rest);
        assert_ok(gal_recalibrate(&c, &scores, 10, &r, &err), err);
        assert_true(r.after.expected_error < r.before.expected_error / 2);
        assert_true(r.after.brier < r.before.brier);
        assert_int_equal(r.cases, rest.count);
        json_t *json = gal_recalibration_json(&r);
        golden_near(golden_number(json_object_get(json, "after"), "ece"), r.after.expected_error, 0, "ece");
        json_decref(json);
        gal_calibration_free(&c);
    }
}

static void draw_classes(double scale) {
    gal_rng rng = gal_rng_make(5, 0);
    for (size_t i = 0; i < 1500; i++) {
        double *z = class_logit + i * CLASSES, e[CLASSES], sum = 0, u = gal_rng_uniform(&rng);
        for (size_t k = 0; k < CLASSES; k++) z[k] = 1.5 * gal_rng_normal(&rng), sum += e[k] = exp(z[k]);
        for (class_label[i] = 0; class_label[i] < CLASSES - 1 && u * sum >= e[class_label[i]]; class_label[i]++)
            u -= e[class_label[i]] / sum;
        for (size_t k = 0; k < CLASSES; k++) z[k] *= scale;
    }
}

static void classes_have_a_temperature(void **state) {
    (void)state;
    gal_calibration c, two;
    gal_recalibration r;
    draw_classes(2);
    gal_class_scores scores = {class_logit, class_label, 1500, CLASSES};
    assert_ok(gal_calibration_fit_classes(&scores, &c, &err), err);
    golden_near(c.parameter[0], 2, 0.25, "temperature");
    double slope = 0, p[CLASSES];
    for (size_t i = 0; i < scores.count; i++) {
        const double *z = class_logit + i * CLASSES;
        gal_calibration_apply_classes(&c, z, CLASSES, p);
        golden_near(p[0] + p[1] + p[2], 1, 1e-15, "sum");
        for (size_t k = 0; k < CLASSES; k++) slope += (p[k] - (k == class_label[i])) * z[k];
    }
    golden_near(slope, 0, 1e-8, "slope");
    assert_ok(gal_recalibrate_classes(&c, &scores, 10, &r, &err), err);
    assert_true(r.after.log_loss < r.before.log_loss && r.after.expected_error < r.before.expected_error);
    /* Two classes are the binary case. */
    draw(500, 2, 0, 6);
    for (size_t i = 0; i < set.count; i++)
        class_logit[2 * i] = 0, class_logit[2 * i + 1] = set.score[i], class_label[i] = set.positive[i];
    assert_ok(gal_calibration_fit_classes(&(gal_class_scores){class_logit, class_label, 500, 2}, &c, &err), err);
    two = fitted(GAL_CALIBRATION_TEMPERATURE);
    golden_near(c.parameter[0], two.parameter[0], 1e-12, "two classes");
}

static void json_keeps_every_bit(void **state) {
    (void)state;
    draw(500, 2, 0.3, 7);
    for (int m = GAL_CALIBRATION_TEMPERATURE; m <= GAL_CALIBRATION_BETA; m++) {
        gal_calibration c = fitted((gal_calibration_method)m), back;
        json_t *json = gal_calibration_json(&c);
        char *text = json_dumps(json, 0);
        json_decref(json);
        json = json_loads(text, 0, NULL);
        assert_ok(gal_calibration_read(json, &back, &err), err);
        assert_int_equal(back.method, c.method);
        for (double z = -6; z < 6; z += 0.37)
            assert_true(gal_calibration_apply(&c, z) == gal_calibration_apply(&back, z));
        json_decref(json);
        free(text);
        gal_calibration_free(&c);
        gal_calibration_free(&back);
    }
}

static void wrong_json_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "{}",
        "{\"method\": \"none\", \"parameters\": {}}",
        "{\"method\": \"magic\", \"parameters\": {}}",
        "{\"method\": \"temperature\"}",
        "{\"method\": \"temperature\", \"parameters\": {\"temperature\": 0}}",
        "{\"method\": \"temperature\", \"parameters\": {\"temperature\": \"1\"}}",
        "{\"method\": \"temperature\", \"parameters\": {\"temperature\": 1, \"more\": 1}}",
        "{\"method\": \"platt\", \"parameters\": {\"slope\": -1, \"intercept\": 0}}",
        "{\"method\": \"beta\", \"parameters\": {\"a\": 1, \"b\": -1, \"c\": 0}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [], \"probability\": []}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [0, 1], \"probability\": [0]}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [1, 1], \"probability\": [0, 1]}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [0, 1], \"probability\": [1, 0]}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [0, 1], \"probability\": [0, 2]}}",
        "{\"method\": \"isotonic\", \"parameters\": {\"logit\": [0, null], \"probability\": [0, 1]}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *json = json_loads(wrong[i], 0, NULL);
        gal_calibration c;
        assert_non_null(json);
        if (gal_calibration_read(json, &c, &err) != GALEN_ERR_FORMAT) fail_msg("%s is read", wrong[i]);
        assert_non_null(strstr(err.message, "the calibration's "));
        gal_calibration_free(&c);
        json_decref(json);
    }
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    gal_calibration c;
    gal_recalibration r;
    gal_calibration_method method;
    set = (golden_set){.score = {-2, -1, 1, 2}, .positive = {1, 1, 0, 0}, .count = 4};
    gal_scores scores = scores_of(&set);
    for (int m = GAL_CALIBRATION_TEMPERATURE; m <= GAL_CALIBRATION_BETA; m++) {
        if (m == GAL_CALIBRATION_ISOTONIC || m == GAL_CALIBRATION_BETA) continue; /* flat; not overlapping */
        assert_int_equal(gal_calibration_fit((gal_calibration_method)m, &scores, &c, &err), GALEN_ERR_NUMERIC);
    }
    for (int i = 0; i < 4; i++) set.positive[i] = i >= 2;
    assert_int_equal(gal_calibration_fit(GAL_CALIBRATION_TEMPERATURE, &scores, &c, &err), GALEN_ERR_NUMERIC);
    assert_int_equal(gal_calibration_fit(GAL_CALIBRATION_BETA, &scores, &c, &err), GALEN_ERR_NUMERIC);
    for (int m = GAL_CALIBRATION_TEMPERATURE; m <= GAL_CALIBRATION_BETA; m++) {
        set.score[1] = m & 1 ? INFINITY : (double)NAN;
        assert_int_equal(gal_calibration_fit((gal_calibration_method)m, &scores, &c, &err), GALEN_ERR_NUMERIC);
        assert_non_null(strstr(err.message, "case 2"));
        set.score[1] = -1;
        set.positive[0] = set.positive[1] = 1;
        assert_int_equal(gal_calibration_fit((gal_calibration_method)m, &scores, &c, &err), GALEN_ERR_ARGUMENT);
        set.positive[0] = set.positive[1] = 0;
    }
    scores.count = 0;
    assert_int_equal(gal_calibration_fit(GAL_CALIBRATION_PLATT, &scores, &c, &err), GALEN_ERR_ARGUMENT);
    c = (gal_calibration){0};
    assert_int_equal(gal_recalibrate(&c, &scores, 10, &r, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_calibration_parse("spline", &method, &err), GALEN_ERR_ARGUMENT);
    assert_ok(gal_calibration_parse("isotonic", &method, &err), err);
    assert_string_equal(gal_calibration_name(method), "isotonic");
}

static void wrong_classes_are_refused(void **state) {
    (void)state;
    gal_calibration c;
    double z[] = {5, 0, 0, 5};
    uint32_t label[] = {0, 1};
    gal_class_scores scores = {z, label, 2, 2};
    assert_int_equal(gal_calibration_fit_classes(&scores, &c, &err), GALEN_ERR_NUMERIC); /* all are right */
    label[0] = 1, label[1] = 0;
    assert_int_equal(gal_calibration_fit_classes(&scores, &c, &err), GALEN_ERR_NUMERIC); /* all are wrong */
    label[1] = 2;
    assert_int_equal(gal_calibration_fit_classes(&scores, &c, &err), GALEN_ERR_ARGUMENT);
    label[1] = 0, z[3] = (double)NAN;
    assert_int_equal(gal_calibration_fit_classes(&scores, &c, &err), GALEN_ERR_NUMERIC);
    scores.count = 0;
    assert_int_equal(gal_calibration_fit_classes(&scores, &c, &err), GALEN_ERR_ARGUMENT);
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    draw(50, 1, 0, 8);
    gal_scores scores = scores_of(&set);
    for (int m = GAL_CALIBRATION_TEMPERATURE; m <= GAL_CALIBRATION_BETA; m++) {
        gal_calibration c;
        galen_status status = GALEN_ERR_MEMORY;
        long n = 0;
        for (; status == GALEN_ERR_MEMORY && n < 20; n++) {
            test_fail_allocation(n + 1, 0);
            status = gal_calibration_fit((gal_calibration_method)m, &scores, &c, &err);
        }
        test_fail_allocation(0, 0);
        assert_ok(status, err);
        assert_in_range(n, 3, 10);
        gal_calibration_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_is_best),
        cmocka_unit_test(platt_is_best),
        cmocka_unit_test(beta_is_best),
        cmocka_unit_test(beta_stays_rising),
        cmocka_unit_test(isotonic_follows_its_blocks),
        cmocka_unit_test(helps_on_other_cases),
        cmocka_unit_test(classes_have_a_temperature),
        cmocka_unit_test(json_keeps_every_bit),
        cmocka_unit_test(wrong_json_is_refused),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(wrong_classes_are_refused),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
