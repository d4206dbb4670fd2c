/* What a card says that was chosen on validation cases: the threshold's data and the calibration. */
#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "model/card_input.h"
#include "model/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

galen_status gal_card_read_frozen_on(const json_t *frozen_on, gal_card *card, galen_error *err) {
    if (!frozen_on) return GALEN_OK;
    return gal_data_mark_read(frozen_on, "the model card's threshold.frozen_on", &card->threshold_data, err);
}

galen_status gal_card_read_calibration(const json_t *value, gal_card *card, galen_error *err) {
    static const char *const keys[] = {"method", "parameters", "fitted_on", NULL};
    if (!value || json_is_null(value)) return GALEN_OK;
    if (!json_is_object(value))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the model card's calibration must be an object with \"method\", \"parameters\" and "
                        "\"fitted_on\"");
    GAL_TRY(gal_card_only_keys(value, "calibration", keys, err));
    galen_status status = gal_calibration_read(value, &card->calibration, err);
    if (status != GALEN_OK) return gal_fail_in(err, status, "the model card");
    return gal_data_mark_read(json_object_get(value, "fitted_on"), "the model card's calibration.fitted_on",
                              &card->calibration_data, err);
}

galen_status gal_card_check_calibration(const gal_card *card, int64_t scores, galen_error *err) {
    gal_calibration_method method = card->calibration.method;
    if (method == GAL_CALIBRATION_NONE) return GALEN_OK;
    if (card->task == GAL_TASK_MULTILABEL)
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card has a calibration, which a multilabel model cannot use");
    if (scores < 0 || scores == 1 || method == GAL_CALIBRATION_TEMPERATURE) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "the model card calibrates by %s, which needs a model of one output; this one has %lld and takes a "
                    "temperature",
                    gal_calibration_name(method), (long long)scores);
}

/* ---- writing ---- */

/* The logit from which on a probability reaches `p` for certain, as predictors compute it: rounding must not lose the
 * case that the threshold came from. */
static double reaching_logit(double p) {
    double logit = gal_logit_of(p);
    while (gal_ref_sigmoid(logit) > p) logit = nextafter(logit, -INFINITY);
    return logit;
}

static json_t *threshold_json(const gal_card_choice *c) {
    char text[GAL_FROZEN_TEXT];
    double at = c->threshold->at.threshold;
    gal_frozen_text(c->threshold, text);
    return json_pack("{s:f, s:s, s:o}", "logit", c->probability ? reaching_logit(at) : at, "chosen", text, "frozen_on",
                     gal_data_mark_json(c->data));
}

static json_t *calibration_json(const gal_card_choice *c) {
    json_t *o = gal_calibration_json(c->calibration);
    if (o && json_object_set_new(o, "fitted_on", gal_data_mark_json(c->data)) == 0) return o;
    json_decref(o);
    return NULL;
}

static bool put_choice(const gal_card_choice *c, json_t *root) {
    bool whole = !c->threshold || json_object_set_new(root, "threshold", threshold_json(c)) == 0;
    if (c->calibration && c->calibration->method == GAL_CALIBRATION_NONE)
        json_object_del(root, "calibration");
    else if (c->calibration)
        whole = whole && json_object_set_new(root, "calibration", calibration_json(c)) == 0;
    return whole;
}

galen_status gal_card_choose(const char *card, const gal_card_choice *choice, char **out, galen_error *err) {
    json_t *root = NULL;
    if (card) GAL_TRY(gal_json_parse(card, strlen(card), "the model card", &root, err));
    if (!card) root = json_object();
    if (root && !json_is_object(root)) {
        json_decref(root);
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card is not a JSON object");
    }
    char *text = root && put_choice(choice, root) ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    *out = text ? gal_strdup(text) : NULL;
    free(text); /* Jansson's own allocation */
    return *out ? GALEN_OK : gal_fail_memory(err, "the model card", 0);
}
