/* The whole binary evaluation against the golden numbers, on cases of one kind, of one case, and without memory. */
#include "clinic/evaluate/evaluate.h"

#include "clinic/golden.h"

static galen_error err;
static golden_set set;

static gal_case_set cases_of(golden_set *from) {
    return (gal_case_set){.kind = GAL_CASE_BINARY,
                          .count = from->count,
                          .classes = 1,
                          .score = from->score,
                          .probability = from->score,
                          .positive = from->positive};
}

static gal_eval_settings settings_at(double threshold) {
    gal_eval_settings settings = gal_eval_defaults();
    settings.has_threshold = true;
    settings.threshold = threshold;
    settings.draws = 0;
    return settings;
}

static void near_figure(const gal_evaluation *e, gal_figure figure, double wanted) {
    golden_near(e->binary.figure[figure].value, wanted, 1e-9, gal_figure_name(figure));
}

/* Value and all three intervals, from the JSON that users get. */
static void near_proportion(const json_t *figures, const json_t *entry, const char *name) {
    static const char *const interval[] = {"wilson", "clopper_pearson", "jeffreys"};
    const json_t *got = json_object_get(figures, name), *wanted = json_object_get(entry, name);
    golden_near(golden_number(got, "value"), golden_number(wanted, "value"), 1e-12, name);
    golden_near(golden_number(got, "low"), json_number_value(json_array_get(json_object_get(wanted, "wilson"), 0)),
                1e-12, "low");
    for (size_t i = 0; i < 3; i++)
        for (size_t end = 0; end < 2; end++)
            golden_near(json_number_value(json_array_get(json_object_get(got, interval[i]), end)),
                        json_number_value(json_array_get(json_object_get(wanted, interval[i]), end)), 1e-9,
                        interval[i]);
}

static void numbers_are_golden(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        golden_probabilities(root, name, &set);
        gal_case_set cases = cases_of(&set);
        gal_eval_settings settings = settings_at(golden_number(entry, "threshold"));
        gal_evaluation e;
        assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
        const json_t *confusion = json_object_get(entry, "confusion"), *delong = json_object_get(entry, "delong");
        assert_int_equal(e.binary.confusion.true_positives, golden_number(confusion, "tp"));
        assert_int_equal(e.binary.confusion.false_negatives, golden_number(confusion, "fn"));
        near_figure(&e, GAL_ACCURACY, golden_number(entry, "accuracy"));
        near_figure(&e, GAL_BALANCED_ACCURACY, golden_number(entry, "balanced_accuracy"));
        near_figure(&e, GAL_F1, golden_number(entry, "f1"));
        near_figure(&e, GAL_MCC, golden_number(entry, "mcc"));
        near_figure(&e, GAL_AUC, golden_number(entry, "auc"));
        near_figure(&e, GAL_AVERAGE_PRECISION, golden_number(entry, "average_precision"));
        near_figure(&e, GAL_BRIER, golden_number(entry, "brier"));
        near_figure(&e, GAL_LOG_LOSS, golden_number(entry, "log_loss"));
        near_figure(&e, GAL_ECE, golden_number(entry, "ece_equal_mass_10"));
        golden_interval(e.binary.figure[GAL_AUC].interval, json_object_get(delong, "ci95"), 1e-9, "DeLong");
        json_t *json = gal_evaluation_json(&e);
        const json_t *figures = json_object_get(json_object_get(json, "binary"), "figures");
        near_proportion(figures, entry, "sensitivity");
        near_proportion(figures, entry, "specificity");
        near_proportion(figures, entry, "ppv");
        near_proportion(figures, entry, "npv");
        json_decref(json);
        gal_evaluation_free(&e);
        compared++;
    }
    assert_true(compared > 20);
    json_decref(root);
}

/* 8 of 10 positives and 9 of 12 negatives are right. */
static void ratios_and_prevalence_by_hand(void **state) {
    (void)state;
    for (size_t k = 0; k < 22; k++) {
        set.positive[k] = k < 10;
        set.score[k] = k < 8 || (k >= 10 && k < 13) ? 0.75 : 0.25;
    }
    set.count = 22;
    gal_case_set cases = cases_of(&set);
    gal_eval_settings settings = settings_at(0.5);
    settings.prevalence = 0.1;
    gal_evaluation e;
    assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
    near_figure(&e, GAL_LR_POSITIVE, 0.8 / 0.25);
    near_figure(&e, GAL_LR_NEGATIVE, 0.2 / 0.75);
    near_figure(&e, GAL_PPV_AT_PREVALENCE, 0.08 / (0.08 + 0.225));
    near_figure(&e, GAL_NPV_AT_PREVALENCE, 0.675 / (0.675 + 0.02));
    near_figure(&e, GAL_MCE, 0.75); /* the last bin holds two negatives */
    const gal_estimate *ratio = &e.binary.figure[GAL_LR_POSITIVE];
    double half = GAL_Z95 * sqrt(1.0 / 8 - 1.0 / 10 + 1.0 / 3 - 1.0 / 12);
    golden_near(ratio->interval.low, 3.2 * exp(-half), 1e-12, "low");
    golden_near(ratio->interval.high, 3.2 * exp(half), 1e-12, "high");
    assert_int_equal(e.binary.roc.count, 3);
    assert_true(e.binary.roc.point[1].x == 0.25 && e.binary.roc.point[1].y == 0.8);
    gal_evaluation_free(&e);
}

/* What one kind of case leaves undefined is NaN, null in JSON, and nothing else is. */
static void one_kind_goes_as_far_as_it_goes(void **state) {
    (void)state;
    for (size_t count = 1; count <= 5; count += 4)
        for (uint8_t kind = 0; kind < 2; kind++) {
            for (size_t k = 0; k < count; k++) set.positive[k] = kind, set.score[k] = 0.1 + 0.2 * (double)k;
            set.count = count;
            gal_case_set cases = cases_of(&set);
            gal_eval_settings settings = settings_at(0.5);
            settings.draws = 100;
            gal_evaluation e;
            assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
            const gal_estimate *f = e.binary.figure;
            assert_true(isnan(f[GAL_AUC].value) && isnan(f[GAL_BALANCED_ACCURACY].value));
            assert_true(isnan(f[kind ? GAL_SPECIFICITY : GAL_SENSITIVITY].value));
            assert_true(f[kind ? GAL_SPECIFICITY : GAL_SENSITIVITY].method == NULL);
            assert_false(isnan(f[kind ? GAL_SENSITIVITY : GAL_SPECIFICITY].interval.low));
            assert_false(isnan(f[GAL_BRIER].value) || isnan(f[GAL_ECE].value) || isnan(f[GAL_ACCURACY].value));
            json_t *json = gal_evaluation_json(&e);
            const json_t *figures = json_object_get(json_object_get(json, "binary"), "figures");
            assert_true(json_is_null(json_object_get(json_object_get(figures, "auc"), "value")));
            assert_null(json_object_get(figures, "ppv_at_prevalence")); /* not asked for */
            json_decref(json);
            gal_evaluation_free(&e);
        }
}

static void draw(size_t count) {
    for (size_t k = 0; k < count; k++) {
        set.positive[k] = k % 3 == 0;
        set.score[k] = (double)((k * 7919) % 1009) / 1009 * 0.8 + (set.positive[k] ? 0.2 : 0);
    }
    set.count = count;
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    draw(50);
    gal_case_set cases = cases_of(&set);
    gal_evaluation e;
    gal_eval_settings settings = settings_at(0.5), wrong = settings;
    set.score[6] = NAN;
    assert_int_equal(gal_evaluate(&cases, &settings, NULL, &e, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 7"));
    set.score[6] = 1.5;
    assert_int_equal(gal_evaluate(&cases, &settings, NULL, &e, &err), GALEN_ERR_NUMERIC);
    cases.count = 0;
    assert_int_equal(gal_evaluate(&cases, &settings, NULL, &e, &err), GALEN_ERR_ARGUMENT);
    wrong.level = 1;
    assert_int_equal(gal_eval_check(&wrong, &err), GALEN_ERR_ARGUMENT);
    wrong = settings, wrong.prevalence = 1.5;
    assert_int_equal(gal_eval_check(&wrong, &err), GALEN_ERR_ARGUMENT);
    wrong = settings, wrong.bins = 0;
    assert_int_equal(gal_eval_check(&wrong, &err), GALEN_ERR_ARGUMENT);
    wrong = settings, wrong.seed = UINT64_MAX;
    assert_int_equal(gal_eval_check(&wrong, &err), GALEN_ERR_ARGUMENT);
}

static void settings_survive_json(void **state) {
    (void)state;
    gal_eval_settings settings = settings_at(-0.125), got;
    settings.prevalence = 0.1, settings.proportions = GAL_JEFFREYS, settings.seed = INT64_MAX;
    for (int with = 1; with >= 0; with--) {
        settings.has_threshold = with;
        if (!with) settings.threshold = 0;
        json_t *json = gal_eval_settings_json(&settings);
        char *text = json_dumps(json, 0);
        json_decref(json);
        json = json_loads(text, 0, NULL);
        free(text);
        assert_ok(gal_eval_settings_read(json, &got, &err), err);
        assert_true(got.has_threshold == settings.has_threshold && got.threshold == settings.threshold);
        assert_true(got.level == settings.level && got.prevalence == 0.1 && got.proportions == GAL_JEFFREYS);
        assert_true(got.bins == settings.bins && got.draws == settings.draws && got.seed == settings.seed);
        json_object_del(json, "bins");
        assert_int_equal(gal_eval_settings_read(json, &got, &err), GALEN_ERR_FORMAT);
        json_decref(json);
    }
}

/* Thinned curves keep their ends, their best corners and only points of the exact one. */
static void curves_are_thinned(void **state) {
    (void)state;
    draw(4000);
    gal_scores scores = {set.score, set.positive, set.count};
    gal_curve exact, thin;
    assert_ok(gal_roc_curve(&scores, &exact, &err), err);
    assert_ok(gal_roc_curve(&scores, &thin, &err), err);
    assert_ok(gal_curve_thin(&thin, 100, &err), err);
    assert_in_range(thin.count, 50, 100);
    assert_int_equal(thin.exact, exact.count);
    double best = 0, kept = 0, widest = 0;
    for (size_t i = 0, k = 0; i < exact.count; i++) {
        best = fmax(best, exact.point[i].y - exact.point[i].x);
        if (k == thin.count || memcmp(&exact.point[i], &thin.point[k], sizeof thin.point[k]) != 0) continue;
        kept = fmax(kept, thin.point[k].y - thin.point[k].x);
        if (k > 0) widest = fmax(widest, thin.point[k].x - thin.point[k - 1].x);
        k++;
        if (i + 1 == exact.count) assert_int_equal(k, thin.count);
    }
    assert_true(kept == best && widest < 0.05);
    assert_true(isinf(thin.point[0].threshold) && thin.point[thin.count - 1].x == 1);
    assert_int_equal(gal_curve_thin(&thin, 7, &err), GALEN_ERR_ARGUMENT);
    gal_curve_free(&exact);
    gal_curve_free(&thin);
}

static void same_figures(const gal_evaluation *a, const gal_evaluation *b) {
    for (int f = 0; f < GAL_FIGURES; f++) {
        assert_memory_equal(&a->binary.figure[f].interval, &b->binary.figure[f].interval, sizeof(gal_interval));
        assert_true(a->binary.figure[f].method == b->binary.figure[f].method);
    }
}

/* What no formula gives comes from draws, the same for any number of threads. */
static void draws_give_the_rest(void **state) {
    (void)state;
    draw(900);
    gal_case_set cases = cases_of(&set);
    gal_eval_settings settings = settings_at(0.5);
    settings.draws = 300, settings.prevalence = 0.02;
    gal_evaluation e, other;
    gal_pool *pool;
    assert_ok(gal_pool_create(2, &pool, &err), err);
    assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
    assert_ok(gal_evaluate(&cases, &settings, pool, &other, &err), err);
    same_figures(&e, &other);
    gal_pool_destroy(pool);
    for (int f = 0; f < GAL_FIGURES; f++) {
        const gal_estimate *figure = &e.binary.figure[f];
        if (f == GAL_BRIER_UNCERTAINTY) {
            assert_null(figure->method);
            continue;
        }
        assert_non_null(figure->method);
        assert_true(figure->interval.low < figure->interval.high);
        if (f != GAL_ECE && f != GAL_MCE && f != GAL_BRIER_RELIABILITY) /* which chance only raises */
            assert_true(figure->interval.low <= figure->value && figure->value <= figure->interval.high);
    }
    assert_string_equal(e.binary.figure[GAL_SENSITIVITY].method, "Wilson");
    assert_string_equal(e.binary.figure[GAL_AUC].method, "DeLong");
    gal_interval logit = e.binary.figure[GAL_AUC].logit, area = e.binary.figure[GAL_AUC].interval;
    assert_true(logit.low < area.low && logit.low > 0 && logit.high < 1 && logit.low < logit.high);
    assert_string_equal(e.binary.figure[GAL_BALANCED_ACCURACY].method, "MOVER");
    assert_string_equal(e.binary.figure[GAL_F1].method, "BCa bootstrap (stratified)");
    gal_evaluation_free(&e);
    gal_evaluation_free(&other);
}

static double width(const gal_evaluation *e, gal_figure figure) {
    return e->binary.figure[figure].interval.high - e->binary.figure[figure].interval.low;
}

/* Each case twice, as two pictures of one patient: nothing new is known, so intervals are those of half the cases. */
static void patients_are_drawn_whole(void **state) {
    (void)state;
    static uint32_t patient[GOLDEN_MOST];
    gal_evaluation once, twice;
    gal_eval_settings settings = settings_at(0.5);
    settings.draws = 2000;
    draw(600);
    gal_case_set cases = cases_of(&set);
    assert_ok(gal_evaluate(&cases, &settings, NULL, &once, &err), err);
    for (size_t k = 0; k < 600; k++) {
        set.score[k + 600] = set.score[k], set.positive[k + 600] = set.positive[k];
        patient[k] = patient[k + 600] = (uint32_t)k;
    }
    cases.count = 1200, cases.patient = patient, cases.patients = 600;
    assert_ok(gal_evaluate(&cases, &settings, NULL, &twice, &err), err);
    assert_int_equal(twice.patients, 600);
    static const gal_figure figures[] = {GAL_SENSITIVITY, GAL_SPECIFICITY, GAL_AUC, GAL_F1, GAL_BRIER};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        double ratio = width(&twice, figures[i]) / width(&once, figures[i]);
        if (!(ratio > 0.9 && ratio < 1.1)) fail_msg("%s: %g", gal_figure_name(figures[i]), ratio);
        assert_string_equal(twice.binary.figure[figures[i]].method, "BCa bootstrap (by patient)");
    }
    gal_evaluation_free(&once);
    gal_evaluation_free(&twice);
}

/* Ten right answers of ten do not make certain: draws that never differ give no interval. */
static void perfection_is_not_certain(void **state) {
    (void)state;
    static const uint32_t patient[10] = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t k = 0; k < 10; k++) set.positive[k] = k < 5, set.score[k] = k < 5 ? 0.9 : 0.1;
    set.count = 10;
    for (int by_patient = 0; by_patient < 2; by_patient++) {
        gal_case_set cases = cases_of(&set);
        gal_eval_settings settings = settings_at(0.5);
        settings.draws = 200;
        uint32_t of[10];
        memcpy(of, patient, sizeof of);
        if (by_patient) cases.patient = of, cases.patients = 9;
        gal_evaluation e;
        assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
        const gal_estimate *f = e.binary.figure;
        assert_string_equal(f[GAL_SENSITIVITY].method, "Wilson");
        golden_near(f[GAL_SENSITIVITY].interval.low, gal_wilson(5, 5, GAL_Z95).low, 1e-12, "sensitivity");
        double below = 1 - gal_wilson(5, 5, GAL_Z95).low;
        golden_near(f[GAL_BALANCED_ACCURACY].interval.low, 1 - sqrt(2 * below * below) / 2, 1e-12, "balanced");
        assert_true(f[GAL_F1].value == 1 && f[GAL_F1].method == NULL && isnan(f[GAL_F1].interval.low));
        assert_true(isinf(f[GAL_LR_POSITIVE].value) && f[GAL_LR_POSITIVE].method == NULL);
        gal_evaluation_free(&e);
    }
}

static void memory_may_fail(void **state) {
    (void)state;
    draw(1200);
    gal_case_set cases = cases_of(&set);
    gal_eval_settings settings = settings_at(0.5);
    settings.draws = 20;
    gal_evaluation e;
    for (long n = 1;; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_evaluate(&cases, &settings, NULL, &e, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_in_range(n, 1, 100);
    }
    gal_evaluation_free(&e);
}

static long json_allocations;

static void *some_json(size_t size) {
    return json_allocations-- > 0 ? malloc(size) : NULL;
}

static void json_memory_may_fail(void **state) {
    (void)state;
    draw(40);
    gal_case_set cases = cases_of(&set);
    gal_eval_settings settings = settings_at(0.5);
    gal_evaluation e;
    assert_ok(gal_evaluate(&cases, &settings, NULL, &e, &err), err);
    json_t *json = NULL;
    json_set_alloc_funcs(some_json, free);
    for (long n = 0; json == NULL; n++) {
        json_allocations = n;
        json = gal_evaluation_json(&e);
        assert_true(n < 10000);
    }
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(json_object_size(json), 5);
    json_decref(json);
    gal_evaluation_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_golden),
        cmocka_unit_test(ratios_and_prevalence_by_hand),
        cmocka_unit_test(one_kind_goes_as_far_as_it_goes),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(settings_survive_json),
        cmocka_unit_test(curves_are_thinned),
        cmocka_unit_test(draws_give_the_rest),
        cmocka_unit_test(patients_are_drawn_whole),
        cmocka_unit_test(perfection_is_not_certain),
        cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(json_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
