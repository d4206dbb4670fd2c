/* Small evidence of made-up cases, with names that mean no good. */
#ifndef GAL_TEST_REPORT_EVIDENCE_H
#define GAL_TEST_REPORT_EVIDENCE_H

#include "clinic/compare/judge.h"
#include "clinic/evaluate/evaluate.h"
#include "clinic/evidence/evidence.h"
#include "support/shared.h"

enum { EVIDENCE_CASES = 120 };

static const char hostile[] = "<img src=x onerror=alert(1)>";

/* Scores that a better and a worse model could give; `tilt` makes the two differ. */
static inline void make_cases(gal_case_set *c, double tilt) {
    galen_error err;
    assert_ok(gal_case_set_make(GAL_CASE_BINARY, EVIDENCE_CASES, 1, c, &err), err);
    c->class_name[0] = "ILL";
    c->negative = hostile;
    for (size_t i = 0; i < EVIDENCE_CASES; i++) {
        double at = (double)((i * 37) % EVIDENCE_CASES) / EVIDENCE_CASES;
        c->id[i] = gal_arena_printf(&c->arena, "%s%zu", hostile, i);
        c->positive[i] = i % 3 == 0;
        c->score[i] = 0.02 + 0.9 * (c->positive[i] ? 0.4 + 0.6 * at : 0.7 * at * tilt);
    }
    assert_ok(gal_case_set_finish(c, NULL, &err), err);
}

static inline void add_models(json_t *head, int count) {
    for (int i = 0; i < count; i++)
        json_array_append_new(json_object_get(head, "models"),
                              json_pack("{s:s, s:s, s:{s:s, s:s}}", "file", "/home/somebody/secret/model.onnx",
                                        "sha256", "0123abcd", "card", "intended_use", "research only", "task",
                                        "binary"));
}

static inline void make_evaluation(gal_evidence *e) {
    galen_error err;
    gal_eval_settings settings = gal_eval_defaults();
    settings.has_threshold = true, settings.threshold = 0.5, settings.draws = 50;
    *e = (gal_evidence){.sets = 1, .intact = true};
    make_cases(&e->cases[0], 1);
    assert_ok(gal_evidence_head("eval", NULL, &e->head, &err), err);
    json_object_set_new(e->head, "created", json_string("2026-11-26T12:00:00Z"));
    add_models(e->head, 1);
    e->settings = json_pack("{s:o}", "evaluation", gal_eval_settings_json(&settings));
    assert_ok(gal_evidence_results(e->cases, 1, e->settings, NULL, &e->results, &err), err);
}

static inline void make_comparison(gal_evidence *e, const char *policy_path) {
    galen_error err;
    gal_policy policy;
    assert_ok(gal_policy_load(policy_path, &policy, &err), err);
    gal_judge_settings settings = {.compare = gal_policy_settings(&policy), .shift_limit = 0.1, .policy = &policy};
    settings.compare.has_threshold = true;
    settings.compare.threshold[0] = settings.compare.threshold[1] = 0.5;
    *e = (gal_evidence){.sets = 2, .intact = true};
    make_cases(&e->cases[0], 1);
    make_cases(&e->cases[1], 1.2);
    assert_ok(gal_evidence_head("compare", NULL, &e->head, &err), err);
    add_models(e->head, 2);
    e->settings = gal_judge_settings_json(&settings);
    assert_ok(gal_evidence_results(e->cases, 2, e->settings, NULL, &e->results, &err), err);
    gal_policy_free(&policy);
}

#endif
