/* Decision curves, groups and recalibration as parts of evidence. */
#include "clinic/evidence/binary_parts.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/choose/recalibrate.h"
#include "clinic/evaluate/decision_curve.h"
#include "clinic/evaluate/subgroups.h"

#include <math.h>
#include <string.h>

/* One column of the cases. */
typedef struct question {
    gal_binary_cases cases;
    double *score, *probability;
    uint8_t *positive;
} question;

static void free_question(question *q) {
    gal_free(q->score);
    gal_free(q->probability);
    gal_free(q->positive);
}

static galen_status find_column(const gal_case_set *c, const json_t *settings, size_t *out, galen_error *err) {
    const char *name = json_string_value(json_object_get(settings, "class"));
    *out = 0;
    if (!name && c->kind == GAL_CASE_BINARY) return GALEN_OK;
    if (!name)
        return gal_fail(err, GALEN_ERR_FORMAT, "these cases have %d classes; name the one to ask about", c->classes);
    for (int i = 0; i < c->classes; i++)
        if (c->class_name[i] && strcmp(c->class_name[i], name) == 0) {
            *out = (size_t)i;
            return GALEN_OK;
        }
    return gal_fail(err, GALEN_ERR_FORMAT, "the cases have no class '%.100s'", name);
}

static galen_status make_question(const gal_case_set *c, const json_t *settings, question *q, galen_error *err) {
    size_t column, classes = (size_t)c->classes;
    GAL_TRY(find_column(c, settings, &column, err));
    q->score = gal_calloc(c->count, sizeof *q->score);
    q->probability = gal_calloc(c->count, sizeof *q->probability);
    q->positive = gal_calloc(c->count, 1);
    if (!q->score || !q->probability || !q->positive)
        return gal_fail_memory(err, "one question of the cases", c->count * 2 * sizeof *q->score);
    for (size_t i = 0; i < c->count; i++) {
        q->score[i] = c->score[i * classes + column];
        q->probability[i] = c->probability[i * classes + column];
        q->positive[i] = c->kind == GAL_CASE_MULTICLASS ? c->label[i] == column : c->positive[i * classes + column];
    }
    q->cases = (gal_binary_cases){.scores = {q->score, q->positive, c->count},
                                  .probability = q->probability,
                                  .patient = c->patient,
                                  .patients = c->patients};
    return GALEN_OK;
}

static galen_status given(json_t *made, json_t **out, galen_error *err) {
    *out = made;
    return made ? GALEN_OK : gal_fail_memory(err, "results", 1024);
}

galen_status gal_decision_curve_part(const gal_case_set *cases, const json_t *json, gal_pool *pool, json_t **out,
                                     galen_error *err) {
    gal_decision_settings settings;
    gal_decision_curve curve = {0};
    question q = {0};
    GAL_TRY(gal_decision_settings_read(json, &settings, err));
    galen_status status = make_question(cases, json, &q, err);
    if (status == GALEN_OK) status = gal_decision_curve_make(&q.cases, &settings, pool, &curve, err);
    if (status == GALEN_OK) status = given(gal_decision_curve_json(&curve), out, err);
    gal_decision_curve_free(&curve);
    free_question(&q);
    return status;
}

galen_status gal_subgroups_part(const gal_case_set *cases, const json_t *json, gal_pool *pool, json_t **out,
                                galen_error *err) {
    gal_subgroup_settings settings;
    gal_subgroups groups = {0};
    question q = {0};
    GAL_TRY(gal_subgroup_settings_read(json, &settings, err));
    galen_status status = make_question(cases, json, &q, err);
    if (status == GALEN_OK)
        status =
            gal_subgroups_make(&q.cases, cases->attribute, (size_t)cases->attributes, &settings, pool, &groups, err);
    if (status == GALEN_OK) status = given(gal_subgroups_json(&groups), out, err);
    gal_subgroups_free(&groups);
    free_question(&q);
    return status;
}

/* ---- recalibration ---- */

/* Logits of all columns: the scores, or of probabilities what gives them back. Softmax of ln p is p. */
static galen_status logits_of(const gal_case_set *c, double **out, galen_error *err) {
    size_t n = c->count * (size_t)c->classes;
    *out = gal_calloc(n, sizeof **out);
    if (!*out) return gal_fail_memory(err, "logits", n * sizeof **out);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = c->logits                        ? c->score[i]
                    : c->kind == GAL_CASE_MULTICLASS ? gal_ref_log(fmax(c->probability[i], 1e-15))
                                                     : gal_logit_of(c->probability[i]);
    return GALEN_OK;
}

static galen_status recalibrate(const gal_case_set *c, const gal_calibration *calibration, const double *logits,
                                size_t bins, gal_recalibration *out, galen_error *err) {
    if (c->kind == GAL_CASE_BINARY)
        return gal_recalibrate(calibration, &(gal_scores){logits, c->positive, c->count}, bins, out, err);
    if (c->kind == GAL_CASE_MULTILABEL || calibration->method != GAL_CALIBRATION_TEMPERATURE)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "cases of several classes are calibrated by temperature, and those of "
                        "several labels not at all");
    gal_class_scores scores = {logits, c->label, c->count, (size_t)c->classes};
    return gal_recalibrate_classes(calibration, &scores, bins, out, err);
}

galen_status gal_recalibration_part(const gal_case_set *cases, const json_t *json, gal_pool *pool, json_t **out,
                                    galen_error *err) {
    const json_t *bins = json_object_get(json, "bins");
    gal_calibration calibration = {0};
    gal_recalibration result;
    double *logits = NULL;
    (void)pool;
    if (!json_is_integer(bins) || json_integer_value(bins) < 1 || json_integer_value(bins) > GAL_MOST_BINS)
        return gal_fail(err, GALEN_ERR_FORMAT, "recalibration settings: bins must be 1 to %d", GAL_MOST_BINS);
    galen_status status = gal_calibration_read(json, &calibration, err);
    if (status == GALEN_OK) status = logits_of(cases, &logits, err);
    if (status == GALEN_OK)
        status = recalibrate(cases, &calibration, logits, (size_t)json_integer_value(bins), &result, err);
    if (status == GALEN_OK) status = given(gal_recalibration_json(&result), out, err);
    gal_calibration_free(&calibration);
    gal_free(logits);
    return status;
}
