/* Pairing, paired comparison and the flip ledger: against the golden file, counts by hand, and refusals. */
#include "clinic/compare/compare.h"
#include "clinic/compare/flips.h"

#include "clinic/sets.h"

static const char *const names[GAL_SIDES] = {"a.csv", "b.csv"};
static galen_error err;

static void compare(const gal_case_set set[2], const gal_compare_settings *s, gal_case_pairs *pairs,
                    gal_case_comparison *out) {
    assert_ok(gal_case_pairs_make(&set[0], &set[1], names, pairs, &err), err);
    assert_ok(gal_compare_cases(pairs, s, out, &err), err);
}

static void release(gal_case_set set[2], gal_case_pairs *pairs, gal_case_comparison *c) {
    gal_case_comparison_free(c);
    gal_case_pairs_free(pairs);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

/* ---- golden ---- */

static void figures_are_golden(void **state) {
    (void)state;
    json_t *root = golden_open();
    const json_t *wanted = json_object_get(json_object_get(root, "paired"), "cxr64-small|cxr64-resnet18@0.5");
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_compare_settings s = gal_compare_defaults();
    sets_xrays(set);
    s.has_threshold = true;
    s.sensitivity_margin = 0.05;
    compare(set, &s, &pairs, &c);
    const gal_binary_comparison *q = &c.question[0];
    assert_int_equal(c.questions, 1);
    golden_near(c.accuracy.mcnemar_exact, golden_number(wanted, "mcnemar_exact_p"), 1e-12, "exact");
    golden_near(c.accuracy.mcnemar_mid_p, golden_number(wanted, "mcnemar_mid_p"), 1e-12, "mid-p");
    golden_near(q->auc_difference.p, golden_number(wanted, "delong_p"), 1e-9, "DeLong");
    assert_int_equal(c.accuracy.counts.only_second, 17); /* the golden table's first is the reference */
    assert_int_equal(c.accuracy.counts.only_first, 26);
    assert_int_equal(c.changed, 43);
    assert_int_equal(q->confusion[GAL_REFERENCE].true_positives, 390);
    assert_int_equal(q->confusion[GAL_CANDIDATE].true_positives, 385);
    /* The reference misses none of 390, so the candidate's 5 misses are all new. */
    assert_int_equal(q->newly_missed.hits, 5);
    assert_int_equal(q->missed.hits, 5);
    assert_true(q->newly_missed.interval.high > 5.0 / 390 && q->newly_missed.interval.high < 0.03);
    golden_near(q->sensitivity.difference, -5.0 / 390, 1e-15, "sensitivity");
    gal_paired counts = {385, 0, 5, 0};
    golden_near(q->sensitivity.tango.low, gal_tango(&counts, GAL_Z95).low, 1e-12, "Tango");
    assert_int_equal(q->sensitivity_verdict, GAL_VERDICT_PASS); /* the lower end is about -0.03 */
    assert_int_equal(q->specificity_verdict, GAL_VERDICT_INSUFFICIENT);
    release(set, &pairs, &c);
    json_decref(root);
}

/* ---- by hand ---- */

static const uint8_t truth[8] = {1, 1, 1, 1, 0, 0, 0, 0};
static const double first[8] = {0.9, 0.8, 0.7, 0.2, 0.1, 0.2, 0.6, 0.3};
static const double second[8] = {0.9, 0.4, 0.7, 0.6, 0.1, 0.7, 0.2, 0.35};

static void two_sets(gal_case_set set[2]) {
    sets_binary(first, truth, 8, false, &set[0]);
    sets_binary(second, truth, 8, false, &set[1]);
}

static void turn_round(gal_case_set *set) {
    for (size_t i = 0, j = set->count - 1; i < j; i++, j--) {
        const char *id = set->id[i];
        double score = set->score[i];
        uint8_t positive = set->positive[i];
        set->id[i] = set->id[j], set->score[i] = set->score[j], set->positive[i] = set->positive[j];
        set->id[j] = id, set->score[j] = score, set->positive[j] = positive;
    }
}

static void counts_and_ledger(void **state) {
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        gal_case_set set[2];
        gal_case_pairs pairs;
        gal_case_comparison c;
        gal_flips flips;
        gal_compare_settings s = gal_compare_defaults();
        s.has_threshold = true;
        s.threshold[0] = s.threshold[1] = 0.5;
        two_sets(set);
        if (turned) turn_round(&set[1]); /* the order of the second list is no matter */
        compare(set, &s, &pairs, &c);
        const gal_binary_comparison *q = &c.question[0];
        assert_int_equal(c.changed, 4);
        assert_int_equal(q->sensitivity.counts.both, 2);
        assert_int_equal(q->sensitivity.counts.only_first, 1);
        assert_int_equal(q->sensitivity.counts.only_second, 1);
        assert_int_equal(q->specificity.counts.both, 2);
        golden_near(q->sensitivity.share[GAL_REFERENCE], 0.75, 0, "share");
        golden_near(c.shift_most, 0.5, 1e-15, "largest shift");
        assert_string_equal(c.shift_id, "c005");
        golden_near(c.shift_mean, (0.4 + 0.4 + 0.5 + 0.4 + 0.05) / 8, 1e-15, "mean shift");
        assert_int_equal(q->newly_missed.hits, 1);
        assert_int_equal(q->newly_missed.cases, 4);

        assert_ok(gal_flips_find(&pairs, &s, 0.01, &flips, &err), err);
        static const struct {
            size_t at;
            gal_flip_kind kind;
        } wanted[] = {{1, GAL_FLIP_NEWLY_MISSED},
                      {5, GAL_FLIP_NEW_FALSE_ALARM},
                      {3, GAL_FLIP_NEWLY_FOUND},
                      {6, GAL_FLIP_FALSE_ALARM_GONE},
                      {7, GAL_FLIP_MOVED}};
        gal_flips_sort(&flips, GAL_FLIPS_BY_HARM);
        assert_int_equal(flips.count, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(flips.flip[i].at, wanted[i].at);
            assert_int_equal(flips.flip[i].kind, wanted[i].kind);
            assert_int_equal(flips.of_kind[wanted[i].kind], 1);
        }
        gal_flips_sort(&flips, GAL_FLIPS_BY_SHIFT);
        assert_int_equal(flips.flip[0].at, 5);
        assert_int_equal(flips.flip[4].at, 7);
        gal_flips_sort(&flips, GAL_FLIPS_BY_ID);
        assert_int_equal(flips.flip[0].at, 1);
        assert_int_equal(flips.flip[4].at, 7);
        gal_flips_free(&flips);
        assert_ok(gal_flips_find(&pairs, &s, 1, &flips, &err), err);
        assert_int_equal(flips.count, 4); /* a shift alone counts no more */
        gal_flips_free(&flips);
        release(set, &pairs, &c);
    }
}

static void ledger_is_a_table(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_flips flips;
    gal_buf csv;
    gal_compare_settings s = gal_compare_defaults();
    two_sets(set);
    set[0].id[1] = set[1].id[1] = "odd, \"name\"";
    s.has_threshold = true;
    s.threshold[0] = s.threshold[1] = 0.5;
    assert_ok(gal_case_pairs_make(&set[0], &set[1], names, &pairs, &err), err);
    assert_ok(gal_flips_find(&pairs, &s, 1, &flips, &err), err);
    gal_buf_init(&csv, 1 << 16);
    gal_flips_csv(&flips, &csv);
    assert_false(csv.failed);
    assert_non_null(strstr((char *)csv.data, "\n\"odd, \"\"name\"\"\",,PNEUMONIA,PNEUMONIA,newly missed,0.8"));
    assert_non_null(strstr((char *)csv.data, ",PNEUMONIA,NORMAL\nc003,,PNEUMONIA,PNEUMONIA,newly found,"));
    gal_buf_free(&csv);
    json_t *json = gal_flips_json(&flips, 2);
    assert_int_equal(json_array_size(json_object_get(json, "flips")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "counts"), "newly missed")), 1);
    const json_t *one = json_array_get(json_object_get(json, "flips"), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(one, "candidate"), "decision")), "NORMAL");
    json_decref(json);
    gal_flips_free(&flips);
    gal_case_pairs_free(&pairs);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

/* Each case four times, as four pictures of a patient: intervals are those of the patients. */
static void patients_count_once(void **state) {
    (void)state;
    enum { PATIENTS = 200, TIMES = 4 };
    static double a[PATIENTS * TIMES], b[PATIENTS * TIMES];
    static uint8_t positive[PATIENTS * TIMES];
    static const char *patient[PATIENTS * TIMES];
    static char name[PATIENTS][8];
    gal_compare_settings s = gal_compare_defaults();
    gal_case_comparison c[2];
    gal_case_set set[2][2];
    gal_case_pairs pairs[2];
    s.has_threshold = true;
    s.threshold[0] = s.threshold[1] = 0.5;
    s.sensitivity_margin = 0.01;
    for (size_t k = 0; k < PATIENTS; k++) {
        positive[k] = k % 2;
        a[k] = k % 20 == 1 ? 0.3 : positive[k] ? 0.8 : 0.2;
        b[k] = k % 10 == 3 ? 0.4 : positive[k] ? 0.8 : 0.2;
        snprintf(name[k], sizeof name[k], "p%zu", k);
    }
    for (size_t k = 0; k < PATIENTS * TIMES; k++) {
        a[k] = a[k % PATIENTS], b[k] = b[k % PATIENTS], positive[k] = positive[k % PATIENTS];
        patient[k] = name[k % PATIENTS];
    }
    for (int repeated = 0; repeated < 2; repeated++) {
        size_t n = repeated ? PATIENTS * TIMES : PATIENTS;
        sets_binary(a, positive, n, false, &set[repeated][0]);
        sets_binary(b, positive, n, false, &set[repeated][1]);
        assert_ok(gal_case_set_patients(&set[repeated][0], patient, &err), err);
        compare(set[repeated], &s, &pairs[repeated], &c[repeated]);
    }
    const gal_binary_comparison *one = &c[0].question[0], *four = &c[1].question[0];
    assert_true(one->sensitivity.design_effect == 1 && four->sensitivity.design_effect == TIMES);
    assert_true(c[1].accuracy.design_effect == TIMES);
    golden_near(four->sensitivity.tango.low, one->sensitivity.tango.low, 1e-9, "Tango");
    golden_near(four->sensitivity.tango.high, one->sensitivity.tango.high, 1e-9, "Tango");
    golden_near(four->missed.interval.high, one->missed.interval.high, 1e-12, "missed");
    golden_near(four->newly_missed.interval.high, one->newly_missed.interval.high, 1e-12, "newly missed");
    golden_near(four->missed.interval.low, one->missed.interval.low, 1e-12, "missed");
    assert_string_equal(one->missed.method, "Clopper-Pearson");
    assert_string_equal(four->missed.method, "Clopper-Pearson, by patient");
    assert_int_equal(four->positives_needed, TIMES * one->positives_needed);
    for (int repeated = 0; repeated < 2; repeated++) release(set[repeated], &pairs[repeated], &c[repeated]);
}

static void without_threshold(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_flips flips;
    gal_compare_settings s = gal_compare_defaults();
    two_sets(set);
    compare(set, &s, &pairs, &c);
    assert_false(c.decided);
    assert_true(c.question[0].ranked && !c.question[0].decided);
    assert_ok(gal_flips_find(&pairs, &s, 0.3, &flips, &err), err);
    assert_int_equal(flips.count, 4);
    assert_int_equal(flips.of_kind[GAL_FLIP_MOVED], 4);
    json_t *json = gal_case_comparison_json(&c);
    assert_true(json_is_null(json_object_get(json, "accuracy")));
    json_decref(json);
    gal_flips_free(&flips);
    release(set, &pairs, &c);
}

static void classes_one_by_one(void **state) {
    (void)state;
    static const uint32_t label[6] = {0, 0, 1, 1, 2, 2};
    static const double a[18] = {0.8, 0.1, 0.1, 0.4, 0.3, 0.3, 0.1, 0.8, 0.1,
                                 0.1, 0.2, 0.7, 0.1, 0.1, 0.8, 0.5, 0.2, 0.3};
    static const double b[18] = {0.8, 0.1, 0.1, 0.3, 0.4, 0.3, 0.1, 0.8, 0.1,
                                 0.1, 0.6, 0.3, 0.1, 0.1, 0.8, 0.2, 0.5, 0.3};
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_flips flips;
    gal_compare_settings s = gal_compare_defaults();
    sets_multiclass(a, label, 6, 3, &set[0]);
    sets_multiclass(b, label, 6, 3, &set[1]);
    s.sensitivity_margin = 0.5;
    compare(set, &s, &pairs, &c);
    assert_int_equal(c.questions, 3);
    assert_int_equal(c.changed, 3);
    assert_int_equal(c.accuracy.counts.both, 3);
    assert_int_equal(c.accuracy.counts.only_first, 1);
    assert_int_equal(c.accuracy.counts.only_second, 1);
    assert_int_equal(c.accuracy.counts.neither, 1);
    assert_string_equal(c.question[1].name, "class B");
    assert_int_equal(c.question[0].newly_missed.hits, 1);
    assert_int_equal(c.question[1].sensitivity.counts.only_first, 1);
    assert_int_equal(c.question[1].specificity.counts.only_second, 2);
    assert_ok(gal_flips_find(&pairs, &s, 1, &flips, &err), err);
    assert_int_equal(flips.of_kind[GAL_FLIP_NEWLY_MISSED], 1);
    assert_int_equal(flips.of_kind[GAL_FLIP_NEWLY_FOUND], 1);
    assert_int_equal(flips.of_kind[GAL_FLIP_OTHER_ERROR], 1);
    gal_flips_free(&flips);
    release(set, &pairs, &c);
}

/* ---- refusals ---- */

static void refused(const gal_case_set *a, const gal_case_set *b, const char *says) {
    gal_case_pairs pairs;
    assert_int_equal(gal_case_pairs_make(a, b, names, &pairs, &err), GALEN_ERR_FORMAT);
    if (!strstr(err.message, says)) fail_msg("says %s", err.message);
    gal_case_pairs_free(&pairs);
}

static void unpaired_lists(void **state) {
    (void)state;
    gal_case_set set[2], classes;
    static const double p[4] = {0.5, 0.5, 0.5, 0.5};
    static const uint32_t label[2] = {0, 1};
    two_sets(set);
    set[1].id[2] = "stranger";
    refused(&set[0], &set[1], "1 of the 8 in a.csv are not in the second ('c002')");
    refused(&set[0], &set[1], "1 of the 8 in b.csv are not in the first ('stranger')");
    for (size_t k = 0; k < 8; k++) set[1].id[k] = gal_arena_printf(&set[1].arena, "x%zu", k);
    refused(&set[0], &set[1], "8 of the 8 in b.csv are not in the first ('x0', 'x1', 'x2', ...)");
    gal_case_set_free(&set[1]);
    sets_binary(second, truth, 7, false, &set[1]);
    refused(&set[0], &set[1], "1 of the 8 in a.csv are not in the second ('c007'); leave out");
    gal_case_set_free(&set[1]);
    sets_binary(second, truth, 8, false, &set[1]);
    set[1].positive[3] = 0;
    set[1].positive[6] = 1;
    refused(&set[0], &set[1],
            "2 of the 8 cases have two different labels, the first 'c003' (number 4 of a.csv, number 4 of b.csv)");
    set[1].class_name[0] = "TB";
    refused(&set[0], &set[1], "class 1 is 'PNEUMONIA' in a.csv and 'TB' in b.csv");
    sets_multiclass(p, label, 2, 2, &classes);
    refused(&set[0], &classes, "a.csv is binary and b.csv multiclass");
    gal_case_set_free(&classes);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

static void wrong_settings(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_flips flips;
    two_sets(set);
    assert_ok(gal_case_pairs_make(&set[0], &set[1], names, &pairs, &err), err);
    gal_compare_settings good = gal_compare_defaults(), s[4] = {good, good, good, good};
    s[0].level = 1;
    s[1].sensitivity_margin = 0;
    s[2].specificity_margin = 2;
    s[3].has_threshold = true, s[3].threshold[1] = (double)NAN;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(gal_compare_cases(&pairs, &s[i], &c, &err), GALEN_ERR_ARGUMENT);
        gal_case_comparison_free(&c);
    }
    assert_int_equal(gal_flips_find(&pairs, &good, 1.5, &flips, &err), GALEN_ERR_ARGUMENT);
    gal_flips_free(&flips);
    gal_case_pairs_free(&pairs);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

/* Settings survive their JSON, whole; results are the same object each time. */
static void json_is_complete(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_compare_settings s = gal_compare_defaults(), back;
    two_sets(set);
    s.has_threshold = true;
    s.threshold[0] = 0.1 + 0.2, s.threshold[1] = 0.5;
    s.sensitivity_margin = 0.01;
    compare(set, &s, &pairs, &c);
    json_t *json = gal_case_comparison_json(&c), *again = gal_case_comparison_json(&c);
    assert_true(json && json_equal(json, again));
    char *text = json_dumps(json, JSON_REAL_PRECISION(17));
    json_t *read = json_loads(text, 0, NULL);
    assert_ok(gal_compare_settings_read(json_object_get(read, "settings"), &back, &err), err);
    assert_true(back.threshold[0] == s.threshold[0] && back.threshold[1] == s.threshold[1]);
    assert_true(back.sensitivity_margin == 0.01 && isnan(back.specificity_margin) && back.level == 0.95);
    json_object_del(json_object_get(read, "settings"), "level");
    assert_int_equal(gal_compare_settings_read(json_object_get(read, "settings"), &back, &err), GALEN_ERR_FORMAT);
    free(text);
    json_decref(json);
    json_decref(again);
    json_decref(read);
    release(set, &pairs, &c);
}

static void memory_runs_out(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_compare_settings s = gal_compare_defaults();
    two_sets(set);
    turn_round(&set[1]);
    s.has_threshold = true;
    for (long n = 1;; n++) {
        gal_case_pairs pairs;
        gal_case_comparison c = {0};
        gal_flips flips = {0};
        test_fail_allocation(n, 1);
        galen_status status = gal_case_pairs_make(&set[0], &set[1], names, &pairs, &err);
        if (status == GALEN_OK) status = gal_compare_cases(&pairs, &s, &c, &err);
        if (status == GALEN_OK) status = gal_flips_find(&pairs, &s, 0, &flips, &err);
        test_fail_allocation(0, 0);
        gal_flips_free(&flips);
        gal_case_comparison_free(&c);
        gal_case_pairs_free(&pairs);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_true(n < 100);
    }
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures_are_golden), cmocka_unit_test(counts_and_ledger),
                                       cmocka_unit_test(ledger_is_a_table),  cmocka_unit_test(patients_count_once),
                                       cmocka_unit_test(without_threshold),  cmocka_unit_test(classes_one_by_one),
                                       cmocka_unit_test(unpaired_lists),     cmocka_unit_test(wrong_settings),
                                       cmocka_unit_test(json_is_complete),   cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
