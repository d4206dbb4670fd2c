/* Groups by hand and as cases of their own, gaps drawn again and again, ages, too little data. */
#include "clinic/evaluate/subgroups.h"

#include "base/rng.h"
#include "clinic/golden.h"
#include "clinic/measures/delong.h"
#include "clinic/stats/two_samples.h"

static galen_error err;
static golden_set set;
static uint32_t sex[GOLDEN_MOST], site[GOLDEN_MOST];
static const char *sexes[] = {"F", "M"}, *sites[] = {"north", "east", "south", "west"};

static gal_binary_cases cases_of(const golden_set *s) {
    return (gal_binary_cases){.scores = {s->score, s->positive, s->count}, .probability = s->score};
}

static gal_subgroups made(const gal_binary_cases *c, const gal_attribute *a, size_t n, gal_subgroup_settings s) {
    gal_subgroups out;
    assert_ok(gal_subgroups_make(c, a, n, &s, NULL, &out, &err), err);
    return out;
}

static gal_subgroup_settings at_half(size_t least) {
    gal_subgroup_settings s = gal_subgroup_defaults();
    s.has_threshold = true, s.threshold = 0.5, s.least = least;
    return s;
}

static void model_cases(void) {
    golden_logits("cxr64-small", &set);
    for (size_t i = 0; i < set.count; i++) {
        set.score[i] = 1 / (1 + exp(-set.score[i]));
        sex[i] = i % 3 == 0, site[i] = (uint32_t)(i / 7 % 4);
    }
}

/* Women: 8 of 10 found, 9 of 12 cleared. Men: 5 of 10 and 12 of 12. */
static void by_hand(void **state) {
    (void)state;
    static const size_t hits[2][2] = {{9, 8}, {12, 5}}, cases[2][2] = {{12, 10}, {12, 10}};
    set.count = 0;
    for (uint32_t s = 0; s < 2; s++)
        for (uint8_t positive = 0; positive < 2; positive++)
            for (size_t i = 0; i < cases[s][positive]; i++) {
                bool right = i < hits[s][positive];
                set.score[set.count] = right == positive ? 0.75 : 0.25;
                sex[set.count] = s;
                set.positive[set.count++] = positive;
            }
    gal_binary_cases c = cases_of(&set);
    gal_subgroups got = made(&c, &(gal_attribute){"sex", 2, sexes, sex}, 1, at_half(2));
    const gal_subgroup *women = &got.set->group[0], *men = &got.set->group[1];
    assert_string_equal(women->level, "F");
    assert_int_equal(women->cases, 22);
    assert_int_equal(women->positives, 10);
    const gal_estimate *e = &women->figure[GAL_GROUP_SENSITIVITY];
    gal_interval wilson = gal_wilson(8, 10, GAL_Z95);
    golden_near(e->value, 0.8, 1e-15, "sensitivity");
    golden_near(e->interval.low, wilson.low, 1e-12, "low");
    golden_near(men->figure[GAL_GROUP_SPECIFICITY].value, 1, 0, "specificity");
    golden_near(men->figure[GAL_GROUP_SELECTION].value, 5.0 / 22, 1e-15, "selection");
    /* Probabilities less outcomes: 8 and 9 are right by 1/4, 2 and 3 wrong by 3/4. */
    golden_near(women->figure[GAL_GROUP_CALIBRATION].value, (8 * -0.25 + 2 * -0.75 + 9 * 0.25 + 3 * 0.75) / 22, 1e-15,
                "calibration");
    gal_two_shares sensitivity = {{8, 5}, {10, 10}}, specificity = {{9, 12}, {12, 12}};
    golden_near(women->p[GAL_GROUP_SENSITIVITY], gal_fisher_exact(&sensitivity), 0, "p");
    golden_near(women->p[GAL_GROUP_SPECIFICITY], 0.2173913043, 1e-9, "p"); /* C(12, 3) / C(24, 3), twice */
    golden_near(men->adjusted[GAL_GROUP_SPECIFICITY], 2 * 0.2173913043, 1e-9, "adjusted");
    assert_int_equal(got.tested[GAL_GROUP_SPECIFICITY], 2);
    const gal_gap *gap = &got.set->gap[GAL_GAP_EQUAL_OPPORTUNITY];
    gal_interval pair = gal_newcombe_independent(&sensitivity, GAL_Z95);
    golden_near(gap->value, 0.3, 1e-15, "gap");
    golden_near(gap->interval.high, pair.high, 1e-9, "gap");
    golden_near(gap->interval.low, fmax(pair.low, 0), 1e-9, "gap");
    assert_string_equal(gap->most, "F");
    assert_string_equal(gap->least, "M");
    /* Two pairs are looked at for the larger of both gaps. */
    const gal_gap *odds = &got.set->gap[GAL_GAP_EQUALISED_ODDS];
    golden_near(odds->value, 0.3, 1e-15, "odds");
    golden_near(odds->interval.high,
                fmax(gal_newcombe_independent(&sensitivity, gal_z_of(0.975)).high,
                     -gal_newcombe_independent(&specificity, gal_z_of(0.975)).low),
                1e-9, "odds");
    gal_subgroups_free(&got);
}

/* A group's area is that of its cases alone; its p that of two independent areas. */
static void areas_are_of_their_cases(void **state) {
    (void)state;
    static golden_set part[2];
    gal_auc area[2];
    model_cases();
    gal_binary_cases c = cases_of(&set);
    gal_subgroups got = made(&c, &(gal_attribute){"sex", 2, sexes, sex}, 1, at_half(20));
    for (int s = 0; s < 2; s++) {
        part[s].count = 0;
        for (size_t i = 0; i < set.count; i++) {
            if (sex[i] != (uint32_t)s) continue;
            part[s].score[part[s].count] = set.score[i];
            part[s].positive[part[s].count++] = set.positive[i];
        }
        gal_scores alone = {part[s].score, part[s].positive, part[s].count};
        assert_ok(gal_delong(&alone, GAL_Z95, &area[s], &err), err);
        golden_near(got.set->group[s].figure[GAL_GROUP_AUC].value, area[s].auc, 0, "area");
        golden_near(got.set->group[s].figure[GAL_GROUP_AUC].interval.low, area[s].interval.low, 1e-12, "area");
        gal_reliability_bin bin[10];
        assert_ok(gal_reliability(&alone, 10, bin, &err), err);
        golden_near(got.set->group[s].figure[GAL_GROUP_ECE].value, gal_expected_calibration_error(bin, 10), 0, "ece");
    }
    double z = fabs(area[0].auc - area[1].auc) / sqrt(area[0].variance + area[1].variance);
    golden_near(got.set->group[0].p[GAL_GROUP_AUC], erfc(z / sqrt(2)), 1e-12, "p");
    golden_near(got.set->gap[GAL_GAP_AUC].value, fabs(area[0].auc - area[1].auc), 1e-15, "gap");
    assert_true(isnan(got.set->group[0].figure[GAL_GROUP_ECE].interval.low)); /* no draws */
    gal_subgroups_free(&got);
    gal_subgroup_settings drawn = at_half(20);
    drawn.draws = 200;
    got = made(&c, &(gal_attribute){"sex", 2, sexes, sex}, 1, drawn);
    for (int s = 0; s < 2; s++) {
        const gal_estimate *ece = &got.set->group[s].figure[GAL_GROUP_ECE];
        assert_true(ece->interval.low < ece->value && ece->value < ece->interval.high);
        assert_true(ece->interval.high - ece->interval.low < 0.3);
    }
    gal_subgroups_free(&got);
}

/* Four groups of which one is found less often: the gap's interval holds the true one, and groups that are alike are
 * seldom told apart, all tests together. */
static void intervals_and_corrections_hold(void **state) {
    (void)state;
    enum { DRAWS = 400, CASES = 480 };
    for (int unlike = 0; unlike < 2; unlike++) {
        size_t covered = 0, alarms = 0;
        for (uint64_t draw = 0; draw < DRAWS; draw++) {
            gal_rng rng = gal_rng_make((uint64_t)unlike, draw);
            set.count = CASES;
            for (size_t i = 0; i < CASES; i++) {
                site[i] = (uint32_t)(i % 4), set.positive[i] = i / 4 % 2;
                double right = unlike && site[i] == 3 ? 0.7 : 0.85;
                set.score[i] = (gal_rng_uniform(&rng) < right) == (set.positive[i] != 0) ? 0.9 : 0.1;
            }
            gal_binary_cases c = cases_of(&set);
            gal_subgroups got = made(&c, &(gal_attribute){"site", 4, sites, site}, 1, at_half(20));
            gal_interval in = got.set->gap[GAL_GAP_EQUAL_OPPORTUNITY].interval;
            double truth = unlike ? 0.15 : 0;
            covered += in.low <= truth && truth <= in.high;
            bool alarm = false;
            for (int g = 0; g < 4; g++) alarm |= got.set->group[g].adjusted[GAL_GROUP_SENSITIVITY] < 0.05;
            alarms += alarm;
            gal_subgroups_free(&got);
        }
        assert_true(covered >= 0.95 * DRAWS);
        if (!unlike) assert_true(alarms <= 0.05 * DRAWS);
    }
}

static void little_data_is_said(void **state) {
    (void)state;
    model_cases();
    for (size_t i = 0; i < set.count; i++) sex[i] = i < 30 ? 1 : i < 40 ? GAL_NO_LEVEL : 0;
    gal_binary_cases c = cases_of(&set);
    size_t positives = 0;
    for (size_t i = 0; i < 30; i++) positives += set.positive[i];
    gal_subgroups got = made(&c, &(gal_attribute){"sex", 2, sexes, sex}, 1, at_half(25));
    const gal_subgroup *few = &got.set->group[1];
    assert_int_equal(got.set->unknown, 10);
    assert_int_equal(few->positives, positives);
    assert_true(positives < 25 || positives == 30);
    assert_false(few->enough[GAL_GROUP_AUC]);
    assert_true(isnan(few->figure[GAL_GROUP_AUC].value) && isnan(few->p[GAL_GROUP_AUC]));
    assert_true(few->enough[GAL_GROUP_CALIBRATION] && !isnan(few->p[GAL_GROUP_CALIBRATION]));
    assert_true(isnan(got.set->gap[GAL_GAP_AUC].value));
    json_t *json = gal_subgroups_json(&got);
    const json_t *groups = json_object_get(json_array_get(json_object_get(json, "attributes"), 0), "groups");
    const json_t *figures = json_object_get(json_array_get(groups, 1), "figures");
    assert_string_equal(json_string_value(json_object_get(figures, "auc")), "insufficient data");
    json_decref(json);
    gal_subgroups_free(&got);
    /* Scores that are no probabilities, no threshold, one group only, names without end. */
    static char name[GOLDEN_MOST][8];
    static const char *level[GOLDEN_MOST];
    for (uint32_t i = 0; i < set.count; i++) {
        snprintf(name[i], sizeof name[i], "%u", i);
        level[i] = name[i], site[i] = i, sex[i] = 0;
    }
    c.probability = NULL;
    got = made(&c, (gal_attribute[]){{"sex", 2, sexes, sex}, {"patient", (uint32_t)set.count, level, site}}, 2,
               gal_subgroup_defaults());
    assert_int_equal(got.set[0].groups, 1);
    assert_int_equal(got.set[1].groups, 0);
    assert_int_equal(got.set[1].levels, set.count);
    assert_false(isnan(got.set[0].group->figure[GAL_GROUP_AUC].value));
    assert_true(isnan(got.set[0].group->figure[GAL_GROUP_SENSITIVITY].value));
    assert_true(isnan(got.set[0].group->figure[GAL_GROUP_CALIBRATION].value));
    assert_true(isnan(got.set[0].group->p[GAL_GROUP_AUC]));
    json = gal_subgroups_json(&got);
    assert_non_null(json);
    json_decref(json);
    gal_subgroups_free(&got);
}

static void ages_go_in_bands(void **state) {
    (void)state;
    static const char *age[] = {"3",  "045Y", "018M", "100D", "64.9", "80", "65",
                                "17", "old",  "999",  "18Y",  "0x10", "5YY"};
    static const int band[] = {0, 2, 0, 0, 2, 4, 3, 0, -1, -1, 1, -1, -1};
    enum { N = sizeof age / sizeof *age };
    uint32_t of[N + 1];
    for (uint32_t i = 0; i < N; i++) of[i] = i;
    of[N] = GAL_NO_LEVEL;
    gal_arena arena;
    gal_attribute out;
    bool made;
    gal_arena_init(&arena, 1 << 20);
    assert_ok(gal_age_bands(&(gal_attribute){"PatientAge", N, age, of}, N + 1, &arena, &out, &made, &err), err);
    assert_true(made);
    for (size_t i = 0; i < N; i++) assert_int_equal(out.of[i], band[i] < 0 ? GAL_NO_LEVEL : (uint32_t)band[i]);
    assert_int_equal(out.of[N], GAL_NO_LEVEL);
    assert_string_equal(out.level[4], "80+");
    assert_ok(gal_age_bands(&(gal_attribute){"site", N, age, of}, N + 1, &arena, &out, &made, &err), err);
    assert_false(made);
    assert_ok(gal_age_bands(&(gal_attribute){"age", 2, sexes, of}, 2, &arena, &out, &made, &err), err);
    assert_false(made); /* words stay words */
    gal_arena_free(&arena);
}

static void any_threads_same_json(void **state) {
    (void)state;
    gal_pool *pool;
    gal_subgroups one, four;
    gal_subgroup_settings s = at_half(20), back;
    s.draws = 50;
    gal_attribute a[] = {{"sex", 2, sexes, sex}, {"site", 4, sites, site}};
    model_cases();
    gal_binary_cases c = cases_of(&set);
    assert_ok(gal_pool_create(4, &pool, &err), err);
    assert_ok(gal_subgroups_make(&c, a, 2, &s, NULL, &one, &err), err);
    assert_ok(gal_subgroups_make(&c, a, 2, &s, pool, &four, &err), err);
    gal_pool_destroy(pool);
    assert_int_equal(one.tested[GAL_GROUP_SENSITIVITY], 6);
    json_t *x = gal_subgroups_json(&one), *y = gal_subgroups_json(&four);
    assert_non_null(x);
    assert_true(json_equal(x, y));
    assert_ok(gal_subgroup_settings_read(json_object_get(x, "settings"), &back, &err), err);
    assert_true(back.has_threshold && back.threshold == 0.5 && back.least == 20 && back.bins == 10 &&
                back.draws == 50 && back.seed == 1 && back.level == s.level);
    json_object_set_new(json_object_get(x, "settings"), "least", json_integer(-1));
    assert_int_equal(gal_subgroup_settings_read(json_object_get(x, "settings"), &back, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_subgroup_settings_read(json_object_get(x, "tested"), &back, &err), GALEN_ERR_FORMAT);
    json_decref(x);
    json_decref(y);
    gal_subgroups_free(&one);
    gal_subgroups_free(&four);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    gal_subgroups got;
    gal_attribute a = {"sex", 2, sexes, sex};
    model_cases();
    gal_binary_cases c = cases_of(&set);
    gal_subgroup_settings wrong[5] = {at_half(1), at_half(20), at_half(20), at_half(20), at_half(20)};
    wrong[1].level = 1, wrong[2].bins = 0, wrong[3].threshold = (double)NAN, wrong[4].draws = GAL_MOST_DRAWS + 1;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(gal_subgroups_make(&c, &a, 1, &wrong[i], NULL, &got, &err), GALEN_ERR_ARGUMENT);
    gal_subgroup_settings good = at_half(20);
    galen_status status = GALEN_ERR_MEMORY;
    long n = 0;
    for (; status == GALEN_ERR_MEMORY && n < 400; n++) {
        test_fail_allocation(n + 1, 0);
        status = gal_subgroups_make(&c, &a, 1, &good, NULL, &got, &err);
    }
    test_fail_allocation(0, 0);
    assert_ok(status, err);
    assert_true(n > 10);
    gal_subgroups_free(&got);
    set.score[1] = 1.5;
    assert_int_equal(gal_subgroups_make(&c, &a, 1, &good, NULL, &got, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 2"));
    set.score[1] = (double)NAN, c.probability = NULL;
    assert_int_equal(gal_subgroups_make(&c, &a, 1, &good, NULL, &got, &err), GALEN_ERR_NUMERIC);
    c.scores.count = 0;
    assert_int_equal(gal_subgroups_make(&c, &a, 1, &good, NULL, &got, &err), GALEN_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(areas_are_of_their_cases),
        cmocka_unit_test(intervals_and_corrections_hold),
        cmocka_unit_test(little_data_is_said),
        cmocka_unit_test(ages_go_in_bands),
        cmocka_unit_test(any_threads_same_json),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
