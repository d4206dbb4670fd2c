/* Fitting limits, sets and a reference of drift on a data set. */
#include "session/guard.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/watch/conformal.h"
#include "clinic/watch/ood.h"
#include "model/card.h"
#include "model/onnx.h"
#include "session/predictor.h"

#include <math.h>
#include <string.h>

gal_guard_options gal_guard_defaults(void) {
    return (gal_guard_options){.score = gal_score_defaults(), .ood_alpha = 0.01, .set_alpha = 0.1};
}

static galen_status replace(char **card, const char *key, json_t *part, galen_error *err) {
    char *text;
    GAL_TRY(gal_card_put(*card, key, part, &text, err));
    gal_free(*card);
    *card = text;
    return GALEN_OK;
}

/* Puts `part` (owned; NULL: out of memory) under `key` into the card's text in place. */
static galen_status put(char **card, const char *key, json_t *part, const gal_scored *scored, galen_error *err) {
    galen_status status = part && json_object_set_new(part, "data_sha256", json_string(scored->data_sha256)) == 0
                              ? replace(card, key, part, err)
                              : gal_fail_memory(err, "the model card", 0);
    json_decref(part);
    return status;
}

/* Of too few pictures there is none, and one of other pictures does not stay. */
static galen_status fit_drift(const gal_scored *scored, char **card, gal_guard *out, galen_error *err) {
    gal_drift_reference reference;
    if (scored->cases.count < GAL_DRIFT_LEAST) return replace(card, "drift", json_null(), err);
    GAL_TRY(gal_drift_fit(scored->watched, scored->cases.count, &reference, err));
    out->drift = true;
    return put(card, "drift", gal_drift_json(&reference), scored, err);
}

static galen_status fit_limits(const gal_scored *scored, double alpha, char **card, gal_guard *out, galen_error *err) {
    const gal_ood_cases cases = {scored->feature, scored->raw, scored->cases.count, scored->width, scored->n_scores};
    gal_ood ood;
    GAL_TRY(gal_ood_fit(&cases, alpha, &ood, err));
    memcpy(out->limit, ood.limit, sizeof out->limit);
    galen_status status = put(card, "ood", gal_ood_json(&ood), scored, err);
    gal_ood_free(&ood);
    return status;
}

static galen_status measure_sets(const gal_conformal *conformal, const gal_class_cases *cases, gal_guard *out,
                                 galen_error *err) {
    size_t counts[2 * GAL_CONFORMAL_MAX_CLASSES];
    gal_conformal_quality q = {.class_cases = counts, .class_covered = counts + GAL_CONFORMAL_MAX_CLASSES};
    GAL_TRY(gal_conformal_measure(conformal, cases, &q, err));
    out->answered = (double)q.answered / (double)q.cases;
    out->least[0] = out->least[1] = conformal->least[0];
    for (int k = 1; k < conformal->classes; k++) {
        out->least[0] = fmin(out->least[0], conformal->least[k]);
        out->least[1] = fmax(out->least[1], conformal->least[k]);
    }
    return GALEN_OK;
}

static galen_status fit_sets_on(const gal_class_cases *cases, const gal_scored *scored, const gal_guard_options *o,
                                char **card, gal_guard *out, galen_error *err) {
    gal_conformal conformal;
    GAL_TRY(gal_conformal_fit(cases, o->set_alpha, o->by_class, &conformal, err));
    galen_status status = measure_sets(&conformal, cases, out, err);
    if (status == GALEN_OK) status = put(card, "conformal", gal_conformal_json(&conformal), scored, err);
    gal_conformal_free(&conformal);
    return status;
}

static galen_status fit_sets(const gal_scored *scored, const gal_guard_options *o, char **card, gal_guard *out,
                             galen_error *err) {
    const gal_case_set *set = &scored->cases;
    if (set->kind == GAL_CASE_MULTILABEL)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "sets of labels are for models that give one label: leave them out");
    if (set->kind == GAL_CASE_MULTICLASS)
        return fit_sets_on(&(gal_class_cases){set->probability, set->label, set->count, set->classes}, scored, o, card,
                           out, err);
    uint32_t *label = gal_calloc(set->count, sizeof *label);
    if (!label) return gal_fail_memory(err, "labels", set->count * sizeof *label);
    for (size_t i = 0; i < set->count; i++) label[i] = set->positive[i];
    galen_status status =
        fit_sets_on(&(gal_class_cases){set->probability, label, set->count, 1}, scored, o, card, out, err);
    gal_free(label);
    return status;
}

/* The card as the file has it; *out NULL where it has none. */
static galen_status read_card(const char *path, char **out, galen_error *err) {
    gal_model *model;
    *out = NULL;
    GAL_TRY(gal_onnx_load(path, NULL, &model, err));
    const char *text = gal_model_meta(model, "galen.card");
    if (text) *out = gal_strdup(text);
    bool lost = text && !*out;
    gal_model_destroy(model);
    return lost ? gal_fail_memory(err, "the model card", 0) : GALEN_OK;
}

galen_status gal_guard_fit(const char *model, const char *data, const gal_guard_options *options, char **card,
                           gal_guard *out, galen_error *err) {
    gal_guard_options o = options ? *options : gal_guard_defaults();
    gal_scored scored;
    *out = (gal_guard){.limit = {NAN, NAN, NAN}, .answered = NAN, .least = {NAN, NAN}};
    o.score.features = o.score.choosing = true;
    GAL_TRY(read_card(model, card, err));
    galen_status status = gal_score_cases(model, data, &o.score, &scored, err);
    if (status == GALEN_OK) {
        out->pictures = scored.cases.count;
        out->width = scored.width;
        memcpy(out->data_sha256, scored.data_sha256, sizeof out->data_sha256);
        if (o.ood_alpha > 0) status = fit_limits(&scored, o.ood_alpha, card, out, err);
        if (status == GALEN_OK && o.set_alpha > 0) status = fit_sets(&scored, &o, card, out, err);
        if (status == GALEN_OK) status = fit_drift(&scored, card, out, err);
        gal_scored_free(&scored);
    }
    if (status == GALEN_OK) return status;
    gal_free(*card);
    *card = NULL;
    return status;
}

galen_status gal_guard_write(const char *model, const char *card, gal_buf *out, galen_error *err) {
    gal_model *loaded;
    GAL_TRY(gal_onnx_load(model, NULL, &loaded, err));
    galen_status status = gal_model_set_meta(loaded, "galen.card", card, err);
    if (status == GALEN_OK) status = gal_onnx_write(loaded, out, err);
    gal_model_destroy(loaded);
    return status;
}

const gal_drift_reference *gal_predictor_drift(const galen_predictor *predictor) {
    return &predictor->card.drift;
}
