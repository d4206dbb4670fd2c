/* One evaluation for every kind of case set. */
#include "clinic/evaluate/evaluate.h"

static galen_status evaluate_binary(const gal_case_set *cases, const gal_eval_settings *settings, gal_pool *pool,
                                    gal_binary_evaluation *out, galen_error *err) {
    gal_binary_cases binary = {.scores = {cases->score, cases->positive, cases->count},
                               .probability = cases->probability,
                               .patient = cases->patient,
                               .patients = cases->patients};
    return gal_evaluate_binary(&binary, settings, pool, out, err);
}

galen_status gal_evaluate(const gal_case_set *cases, const gal_eval_settings *settings, gal_pool *pool,
                          gal_evaluation *out, galen_error *err) {
    gal_evaluation e = {.kind = cases->kind, .settings = *settings, .cases = cases->count};
    e.patients = cases->patient == NULL ? cases->count : cases->patients;
    galen_status status = cases->kind == GAL_CASE_BINARY ? evaluate_binary(cases, settings, pool, &e.binary, err)
                                                         : gal_evaluate_classes(cases, settings, pool, &e.classes, err);
    if (status == GALEN_OK) *out = e;
    return status;
}

void gal_evaluation_free(gal_evaluation *e) {
    gal_binary_evaluation_free(&e->binary);
    gal_classes_evaluation_free(&e->classes);
    *e = (gal_evaluation){0};
}

json_t *gal_evaluation_json(const gal_evaluation *e) {
    const char *kind = gal_case_kind_name(e->kind);
    json_t *result = e->kind == GAL_CASE_BINARY ? gal_binary_evaluation_json(&e->binary, &e->settings)
                                                : gal_classes_evaluation_json(&e->classes, &e->settings);
    return json_pack("{s:s, s:I, s:I, s:o, s:o}", "kind", kind, "cases", (json_int_t)e->cases, "patients",
                     (json_int_t)e->patients, "settings", gal_eval_settings_json(&e->settings), kind, result);
}
