/* Comparing and judging in one go, and again from evidence. */
#include "clinic/compare/judge.h"

#include "base/error.h"

#include <stdint.h>
#include <string.h>

galen_status gal_judge(const gal_case_set sets[GAL_SIDES], const char *const name[GAL_SIDES],
                       const gal_judge_settings *s, gal_pool *pool, gal_judgement *out, galen_error *err) {
    *out = (gal_judgement){.gates = {.verdict = GAL_VERDICT_INSUFFICIENT}};
    GAL_TRY(gal_case_pairs_make(&sets[GAL_REFERENCE], &sets[GAL_CANDIDATE], name, &out->pairs, err));
    GAL_TRY(gal_compare_cases(&out->pairs, &s->compare, &out->comparison, err));
    GAL_TRY(gal_flips_find(&out->pairs, &s->compare, s->shift_limit, &out->flips, err));
    gal_flips_sort(&out->flips, GAL_FLIPS_BY_HARM);
    const gal_gate_evidence evidence = {.pairs = &out->pairs,
                                        .comparison = &out->comparison,
                                        .group = s->group,
                                        .groups = s->groups,
                                        .certificate = s->certificate,
                                        .pool = pool};
    return s->policy ? gal_gates_judge(s->policy, &evidence, &out->gates, err) : GALEN_OK;
}

void gal_judgement_free(gal_judgement *j) {
    gal_flips_free(&j->flips);
    gal_case_comparison_free(&j->comparison);
    gal_case_pairs_free(&j->pairs);
}

/* ---- parts of evidence ---- */

json_t *gal_judge_settings_json(const gal_judge_settings *s) {
    json_t *out =
        json_pack("{s:o, s:{s:o, s:o}}", "comparison", gal_compare_settings_json(&s->compare), "flips", "comparison",
                  gal_compare_settings_json(&s->compare), "limit", gal_number_json(s->shift_limit));
    int failed = 0;
    if (!out || !s->policy) return out;
    json_t *groups = json_array();
    for (size_t i = 0; i < s->groups; i++) failed |= json_array_append_new(groups, json_string(s->group[i]));
    json_t *gates = json_pack("{s:o, s:s%, s:o, s:b}", "comparison", gal_compare_settings_json(&s->compare), "policy",
                              s->policy->text, s->policy->size, "groups", groups, "certificate", s->certificate);
    failed |= json_object_set_new(out, "gates", gates);
    if (failed == 0) return out;
    json_decref(out);
    return NULL;
}

/* Judges by the settings of a part, of which `policy` is NULL or what *settings asks for. */
static galen_status judge_part(const gal_case_set *sets, const json_t *json, const gal_policy *policy, gal_pool *pool,
                               gal_judgement *out, galen_error *err) {
    static const char *const name[GAL_SIDES] = {"the reference", "the candidate"};
    const json_t *limit = json_object_get(json, "limit");
    gal_judge_settings s = {.policy = policy,
                            .shift_limit = json_is_number(limit) ? json_number_value(limit) : 1,
                            .certificate = json_is_true(json_object_get(json, "certificate"))};
    const json_t *groups = json_object_get(json, "groups");
    const char *group[GAL_JUDGE_GROUPS];
    s.group = group, s.groups = json_array_size(groups);
    if (s.groups > GAL_JUDGE_GROUPS)
        return gal_fail(err, GALEN_ERR_LIMIT, "%zu groups are named; %d can be", s.groups, GAL_JUDGE_GROUPS);
    for (size_t i = 0; i < s.groups; i++)
        if (!(group[i] = json_string_value(json_array_get(groups, i))))
            return gal_fail(err, GALEN_ERR_FORMAT, "groups must be a list of names");
    GAL_TRY(gal_compare_settings_read(json_object_get(json, "comparison"), &s.compare, err));
    return gal_judge(sets, name, &s, pool, out, err);
}

static galen_status hand_over(json_t *made, json_t **out, galen_error *err) {
    *out = made;
    return made ? GALEN_OK : gal_fail_memory(err, "results of a comparison", 0);
}

galen_status gal_judge_flips_part(const gal_case_set *sets, const json_t *settings, gal_pool *pool, json_t **out,
                                  galen_error *err) {
    gal_judgement j = {0};
    galen_status status = judge_part(sets, settings, NULL, pool, &j, err);
    if (status == GALEN_OK) status = hand_over(gal_flips_json(&j.flips, SIZE_MAX), out, err);
    gal_judgement_free(&j);
    return status;
}

galen_status gal_judge_gates_part(const gal_case_set *sets, const json_t *settings, gal_pool *pool, json_t **out,
                                  galen_error *err) {
    const json_t *text = json_object_get(settings, "policy");
    gal_policy policy = {0};
    gal_judgement j = {0};
    if (!json_is_string(text)) return gal_fail(err, GALEN_ERR_FORMAT, "the text of the policy is missing");
    galen_status status = gal_policy_read(json_string_value(text), json_string_length(text), &policy, err);
    if (status == GALEN_OK) status = judge_part(sets, settings, &policy, pool, &j, err);
    if (status == GALEN_OK) status = hand_over(gal_gates_json(&j.gates), out, err);
    gal_judgement_free(&j);
    gal_policy_free(&policy);
    return status;
}
