/* The parts of evidence: each computed from the cases and its own settings alone, when written and when verified. */
#include "base/error.h"
#include "clinic/compare/judge.h"
#include "clinic/evaluate/evaluate.h"
#include "clinic/evaluate/severity.h"
#include "clinic/evidence/binary_parts.h"
#include "clinic/evidence/evidence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef galen_status (*part_fn)(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                                galen_error *err);

static galen_status out_of_memory(galen_error *err) {
    return gal_fail_memory(err, "results", 1024);
}

static galen_status evaluation(const gal_case_set *cases, const json_t *json, gal_pool *pool, json_t **out,
                               galen_error *err) {
    gal_eval_settings settings;
    gal_evaluation result;
    GAL_TRY(gal_eval_settings_read(json, &settings, err));
    GAL_TRY(gal_evaluate(cases, &settings, pool, &result, err));
    *out = gal_evaluation_json(&result);
    gal_evaluation_free(&result);
    return *out ? GALEN_OK : out_of_memory(err);
}

static galen_status compare_pairs(const gal_case_pairs *pairs, const gal_compare_settings *settings, json_t **out,
                                  galen_error *err) {
    gal_case_comparison result;
    galen_status status = gal_compare_cases(pairs, settings, &result, err);
    if (status == GALEN_OK) *out = gal_case_comparison_json(&result);
    gal_case_comparison_free(&result);
    if (status != GALEN_OK) return status;
    return *out ? GALEN_OK : out_of_memory(err);
}

static galen_status comparison(const gal_case_set *cases, const json_t *json, gal_pool *pool, json_t **out,
                               galen_error *err) {
    static const char *const names[GAL_SIDES] = {"the reference", "the candidate"};
    gal_compare_settings settings;
    gal_case_pairs pairs;
    (void)pool;
    GAL_TRY(gal_compare_settings_read(json, &settings, err));
    galen_status status = gal_case_pairs_make(&cases[GAL_REFERENCE], &cases[GAL_CANDIDATE], names, &pairs, err);
    if (status == GALEN_OK) status = compare_pairs(&pairs, &settings, out, err);
    gal_case_pairs_free(&pairs);
    return status;
}

static const struct {
    const char *name;
    int sets; /* of cases that it needs */
    part_fn compute;
} parts[] = {
    {"evaluation", 1, evaluation},
    {"comparison", 2, comparison},
    {"flips", 2, gal_judge_flips_part},
    {"gates", 2, gal_judge_gates_part},
    {"decision_curve", 1, gal_decision_curve_part},
    {"subgroups", 1, gal_subgroups_part},
    {"recalibration", 1, gal_recalibration_part},
    {"robustness", 1, gal_severity_part},
};

static galen_status compute(const gal_case_set *cases, int sets, const char *name, const json_t *settings,
                            gal_pool *pool, json_t *results, galen_error *err) {
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        json_t *made = NULL;
        if (strcmp(parts[p].name, name) != 0) continue;
        if (sets < parts[p].sets)
            return gal_fail(err, GALEN_ERR_FORMAT, "'%s' needs %d sets of cases; there is %d", name, parts[p].sets,
                            sets);
        galen_status status = parts[p].compute(cases, settings, pool, &made, err);
        if (status != GALEN_OK) return gal_fail_in(err, status, name);
        return json_object_set_new(results, name, made) == 0 ? GALEN_OK : out_of_memory(err);
    }
    return gal_fail(err, GALEN_ERR_FORMAT, "settings: '%.60s' is no part of evidence: use the Galen that wrote it",
                    name);
}

galen_status gal_evidence_results(const gal_case_set *cases, int sets, const json_t *settings, gal_pool *pool,
                                  json_t **out, galen_error *err) {
    const char *name;
    json_t *value;
    galen_status status = GALEN_OK;
    *out = json_object();
    if (!*out) return out_of_memory(err);
    json_object_foreach((json_t *)settings, name, value) {
        status = compute(cases, sets, name, value, pool, *out, err);
        if (status != GALEN_OK) break;
    }
    if (status != GALEN_OK) json_decref(*out), *out = NULL;
    return status;
}

/* ---- verifying ---- */

static void describe(const json_t *value, char out[GAL_EVIDENCE_VALUE]) {
    out[0] = 0;
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_REAL: (void)snprintf(out, GAL_EVIDENCE_VALUE, "%.17g", json_real_value(value)); break;
    case JSON_INTEGER: (void)snprintf(out, GAL_EVIDENCE_VALUE, "%lld", (long long)json_integer_value(value)); break;
    case JSON_STRING: (void)snprintf(out, GAL_EVIDENCE_VALUE, "'%.50s'", json_string_value(value)); break;
    case JSON_TRUE: (void)snprintf(out, GAL_EVIDENCE_VALUE, "true"); break;
    case JSON_FALSE: (void)snprintf(out, GAL_EVIDENCE_VALUE, "false"); break;
    case JSON_NULL: (void)snprintf(out, GAL_EVIDENCE_VALUE, value ? "null" : "nothing"); break;
    case JSON_ARRAY: (void)snprintf(out, GAL_EVIDENCE_VALUE, "a list of %zu", json_array_size(value)); break;
    case JSON_OBJECT: (void)snprintf(out, GAL_EVIDENCE_VALUE, "an object"); break;
    }
}

static bool differ(gal_evidence_check *check, const json_t *stored, const json_t *computed) {
    describe(stored, check->stored);
    describe(computed, check->computed);
    return false;
}

static bool numbers_agree(const json_t *a, const json_t *b) {
    double x = json_number_value(a), y = json_number_value(b), size = fabs(x) > fabs(y) ? fabs(x) : fabs(y);
    return x == y || fabs(x - y) <= 1e-12 * size;
}

static bool values_agree(gal_evidence_check *check, const json_t *stored, const json_t *computed);

/* `length` bytes of the path are those of the parent. */
static bool members_agree(gal_evidence_check *check, const json_t *stored, const json_t *computed, size_t length) {
    const char *key;
    json_t *value;
    size_t room = sizeof check->path - length;
    json_object_foreach((json_t *)computed, key, value) {
        (void)snprintf(check->path + length, room, ".%s", key);
        if (!values_agree(check, json_object_get(stored, key), value)) return false;
    }
    json_object_foreach((json_t *)stored, key, value) {
        (void)snprintf(check->path + length, room, ".%s", key);
        if (!json_object_get(computed, key)) return differ(check, value, NULL);
    }
    return true;
}

static bool entries_agree(gal_evidence_check *check, const json_t *stored, const json_t *computed, size_t length) {
    size_t n = json_array_size(computed);
    if (json_array_size(stored) != n) return differ(check, stored, computed);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(check->path + length, sizeof check->path - length, "[%zu]", i);
        if (!values_agree(check, json_array_get(stored, i), json_array_get(computed, i))) return false;
    }
    return true;
}

/* As deep as the computed tree is; the stored one may be hostile. */
static bool values_agree(gal_evidence_check *check, const json_t *stored, const json_t *computed) {
    size_t length = strlen(check->path);
    bool same = true;
    if (json_is_number(stored) && json_is_number(computed))
        same = numbers_agree(stored, computed) || differ(check, stored, computed);
    else if (!stored || json_typeof(stored) != json_typeof(computed))
        same = differ(check, stored, computed);
    else if (json_is_object(computed))
        return members_agree(check, stored, computed, length);
    else if (json_is_array(computed))
        return entries_agree(check, stored, computed, length);
    else
        same = json_equal(stored, computed) || differ(check, stored, computed);
    check->compared += same;
    return same;
}

galen_status gal_evidence_verify(const gal_evidence *evidence, gal_pool *pool, gal_evidence_check *out,
                                 galen_error *err) {
    json_t *computed;
    *out = (gal_evidence_check){.compared = 0};
    GAL_TRY(gal_evidence_results(evidence->cases, evidence->sets, evidence->settings, pool, &computed, err));
    (void)snprintf(out->path, sizeof out->path, "results");
    out->same = values_agree(out, evidence->results, computed);
    if (out->same) out->path[0] = 0;
    json_decref(computed);
    return GALEN_OK;
}
