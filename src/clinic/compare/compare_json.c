/* A comparison and its settings as JSON. */
#include "clinic/compare/compare.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static json_t *verdict_json(gal_verdict verdict, double margin) {
    return isnan(margin) ? json_null() : json_string(gal_verdict_name(verdict));
}

static json_t *count_json(size_t count) {
    return json_integer((json_int_t)count);
}

static json_t *needed_json(size_t count) {
    return count ? count_json(count) : json_null();
}

/* ---- settings ---- */

json_t *gal_compare_settings_json(const gal_compare_settings *s) {
    json_t *thresholds = s->has_threshold ? json_pack("[o, o]", gal_number_json(s->threshold[GAL_REFERENCE]),
                                                      gal_number_json(s->threshold[GAL_CANDIDATE]))
                                          : json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:s}", "level", gal_number_json(s->level), "thresholds", thresholds,
                     "sensitivity_margin", gal_number_json(s->sensitivity_margin), "specificity_margin",
                     gal_number_json(s->specificity_margin), "interval", "Tango");
}

static galen_status read_number(const json_t *value, const char *what, bool may_lack, double *out, galen_error *err) {
    if (!json_is_number(value) && !(may_lack && json_is_null(value)))
        return gal_fail(err, GALEN_ERR_FORMAT, "settings of the comparison: %s must be a number%s", what,
                        may_lack ? " or null" : "");
    *out = json_is_number(value) ? json_number_value(value) : (double)NAN;
    return GALEN_OK;
}

galen_status gal_compare_settings_read(const json_t *json, gal_compare_settings *out, galen_error *err) {
    const json_t *thresholds = json_object_get(json, "thresholds");
    const char *interval = json_string_value(json_object_get(json, "interval"));
    *out = gal_compare_defaults();
    GAL_TRY(read_number(json_object_get(json, "level"), "level", false, &out->level, err));
    GAL_TRY(read_number(json_object_get(json, "sensitivity_margin"), "sensitivity_margin", true,
                        &out->sensitivity_margin, err));
    GAL_TRY(read_number(json_object_get(json, "specificity_margin"), "specificity_margin", true,
                        &out->specificity_margin, err));
    if (!interval || strcmp(interval, "Tango") != 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "settings of the comparison: interval must be Tango");
    out->has_threshold = json_is_array(thresholds);
    if (!out->has_threshold && !json_is_null(thresholds))
        return gal_fail(err, GALEN_ERR_FORMAT, "settings of the comparison: thresholds must be two numbers or null");
    for (size_t side = 0; out->has_threshold && side < GAL_SIDES; side++)
        GAL_TRY(read_number(json_array_get(thresholds, side), "each threshold", false, &out->threshold[side], err));
    return GALEN_OK;
}

/* ---- results ---- */

static json_t *difference_json(const gal_share_difference *d) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cases", count_json(d->cases),
                     "both", count_json(d->counts.both), "only_reference", count_json(d->counts.only_second),
                     "only_candidate", count_json(d->counts.only_first), "neither", count_json(d->counts.neither),
                     "reference", gal_number_json(d->share[GAL_REFERENCE]), "candidate",
                     gal_number_json(d->share[GAL_CANDIDATE]), "difference", gal_number_json(d->difference),
                     "design_effect", gal_number_json(d->design_effect), "newcombe", gal_interval_json(d->newcombe),
                     "tango", gal_interval_json(d->tango), "mcnemar_exact", gal_number_json(d->mcnemar_exact),
                     "mcnemar_mid_p", gal_number_json(d->mcnemar_mid_p));
}

static json_t *counts_json(const gal_confusion *m) {
    return json_pack("{s:o, s:o, s:o, s:o}", "true_positives", count_json(m->true_positives), "false_positives",
                     count_json(m->false_positives), "false_negatives", count_json(m->false_negatives),
                     "true_negatives", count_json(m->true_negatives));
}

static json_t *area_json(const gal_auc *auc) {
    return json_pack("{s:o, s:o, s:o, s:o}", "value", gal_number_json(auc->auc), "low",
                     gal_number_json(auc->interval.low), "high", gal_number_json(auc->interval.high), "logit",
                     gal_interval_json(auc->logit));
}

static json_t *areas_json(const gal_binary_comparison *q) {
    const gal_auc_difference *d = &q->auc_difference;
    if (!q->ranked) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "reference", area_json(&q->auc[GAL_REFERENCE]), "candidate",
                     area_json(&q->auc[GAL_CANDIDATE]), "difference", gal_number_json(d->difference), "low",
                     gal_number_json(d->interval.low), "high", gal_number_json(d->interval.high), "p",
                     gal_number_json(d->p));
}

static json_t *decisions_json(const gal_binary_comparison *q, const gal_compare_settings *s) {
    if (!q->decided) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "reference",
                     counts_json(&q->confusion[GAL_REFERENCE]), "candidate", counts_json(&q->confusion[GAL_CANDIDATE]),
                     "sensitivity", difference_json(&q->sensitivity), "specificity", difference_json(&q->specificity),
                     "accuracy", difference_json(&q->accuracy), "missed", gal_estimate_json(&q->missed, s->level),
                     "newly_missed", gal_estimate_json(&q->newly_missed, s->level), "new_false_alarms",
                     gal_estimate_json(&q->new_false_alarms, s->level), "sensitivity_noninferior",
                     verdict_json(q->sensitivity_verdict, s->sensitivity_margin), "specificity_noninferior",
                     verdict_json(q->specificity_verdict, s->specificity_margin), "positives_needed",
                     needed_json(q->positives_needed), "negatives_needed", needed_json(q->negatives_needed));
}

static json_t *question_json(const gal_binary_comparison *q, const gal_compare_settings *s) {
    return json_pack("{s:s?, s:o, s:o, s:o, s:o}", "name", q->name, "positives", count_json(q->positives), "negatives",
                     count_json(q->negatives), "decisions", decisions_json(q, s), "auc", areas_json(q));
}

json_t *gal_case_comparison_json(const gal_case_comparison *c) {
    json_t *questions = json_array();
    for (int i = 0; questions != NULL && i < c->questions; i++) {
        if (json_array_append_new(questions, question_json(&c->question[i], &c->settings)) == 0) continue;
        json_decref(questions);
        return NULL;
    }
    json_t *shift = json_pack("{s:o, s:o, s:s?}", "most", gal_number_json(c->shift_most), "mean",
                              gal_number_json(c->shift_mean), "id", c->shift_id);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", gal_case_kind_name(c->kind), "cases",
                     count_json(c->cases), "patients", c->patients ? count_json(c->patients) : json_null(), "settings",
                     gal_compare_settings_json(&c->settings), "changed",
                     c->decided ? count_json(c->changed) : json_null(), "accuracy",
                     c->decided ? difference_json(&c->accuracy) : json_null(), "probability_shift", shift, "questions",
                     questions);
}
