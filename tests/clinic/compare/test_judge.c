/* A comparison as a whole, and its parts of evidence computed again. */
#include "clinic/compare/judge.h"
#include "clinic/evidence/evidence.h"

#include "clinic/sets.h"

static const char *const names[GAL_SIDES] = {"small", "resnet18"};
static galen_error err;

static void settings_of(const gal_policy *policy, gal_judge_settings *s) {
    *s = (gal_judge_settings){.compare = gal_policy_settings(policy), .shift_limit = 0.1, .policy = policy};
    s->compare.has_threshold = true;
}

static void all_at_once(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_policy policy;
    gal_judge_settings s;
    gal_judgement j;
    sets_xrays(set);
    assert_ok(gal_policy_load("policies/medical-critical.json", &policy, &err), err);
    settings_of(&policy, &s);
    assert_ok(gal_judge(set, names, &s, NULL, &j, &err), err);
    assert_int_equal(j.comparison.changed, 43);
    assert_int_equal(j.flips.of_kind[GAL_FLIP_NEWLY_MISSED], 5);
    assert_int_equal(j.flips.of_kind[GAL_FLIP_NEW_FALSE_ALARM], 12);
    assert_int_equal(j.flips.of_kind[GAL_FLIP_FALSE_ALARM_GONE], 26);
    assert_int_equal(j.flips.flip[0].kind, GAL_FLIP_NEWLY_MISSED);
    /* A balanced accuracy near 0.82 is far from 0.98. */
    assert_string_equal(j.gates.gate[0].gate, "medical accuracy");
    assert_int_equal(j.gates.gate[0].verdict, GAL_VERDICT_FAIL);
    assert_int_equal(j.gates.verdict, GAL_VERDICT_FAIL);
    gal_judgement_free(&j);
    s.policy = NULL;
    assert_ok(gal_judge(set, names, &s, NULL, &j, &err), err);
    assert_int_equal(j.gates.count, 0);
    gal_judgement_free(&j);
    gal_policy_free(&policy);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

/* What evidence of `set` says when it is verified. */
static bool verifies(gal_case_set set[2], json_t *settings, json_t *results) {
    gal_evidence e = {.settings = settings, .cases = {set[0], set[1]}, .sets = 2, .results = results};
    gal_evidence_check check;
    assert_ok(gal_evidence_verify(&e, NULL, &check, &err), err);
    return check.same;
}

static void evidence_is_computed_again(void **state) {
    (void)state;
    gal_case_set set[2];
    gal_policy policy;
    gal_judge_settings s;
    gal_judgement j;
    json_t *results;
    sets_xrays(set);
    assert_ok(gal_policy_load("policies/balanced.json", &policy, &err), err);
    settings_of(&policy, &s);
    assert_ok(gal_judge(set, names, &s, NULL, &j, &err), err);
    json_t *settings = gal_judge_settings_json(&s);
    assert_ok(gal_evidence_results(set, 2, settings, NULL, &results, &err), err);
    /* The parts are what judging gave at first. */
    json_t *part[3] = {gal_case_comparison_json(&j.comparison), gal_flips_json(&j.flips, SIZE_MAX),
                       gal_gates_json(&j.gates)};
    static const char *const name[3] = {"comparison", "flips", "gates"};
    for (int i = 0; i < 3; i++) {
        assert_true(json_equal(json_object_get(results, name[i]), part[i]));
        json_decref(part[i]);
    }
    assert_true(verifies(set, settings, results));
    json_t *gate = json_array_get(json_object_get(results, "gates"), 0);
    json_object_set_new(gate, "verdict", json_string("pass"));
    assert_false(verifies(set, settings, results));
    json_decref(results);
    json_t *gates = json_object_get(settings, "gates");
    json_object_set_new(gates, "policy", json_string("{}"));
    assert_int_equal(gal_evidence_results(set, 2, settings, NULL, &results, &err), GALEN_ERR_FORMAT);
    json_object_del(gates, "policy");
    assert_int_equal(gal_evidence_results(set, 2, settings, NULL, &results, &err), GALEN_ERR_FORMAT);
    json_decref(settings);
    gal_judgement_free(&j);
    gal_policy_free(&policy);
    for (int side = 0; side < 2; side++) gal_case_set_free(&set[side]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once), cmocka_unit_test(evidence_is_computed_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
