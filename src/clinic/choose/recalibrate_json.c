/* Calibrations as JSON: in the model card and in evidence. */
#include "base/error.h"
#include "base/mem.h"
#include "clinic/choose/isotonic.h"
#include "clinic/choose/recalibrate.h"
#include "clinic/evaluate/estimate.h"

#include <math.h>
#include <string.h>

/* The keys of parameter[0], [1], ... of each method. */
static const char *const keys[][4] = {
    [GAL_CALIBRATION_NONE] = {NULL},
    [GAL_CALIBRATION_TEMPERATURE] = {"temperature"},
    [GAL_CALIBRATION_PLATT] = {"slope", "intercept"},
    [GAL_CALIBRATION_ISOTONIC] = {"logit", "probability"},
    [GAL_CALIBRATION_BETA] = {"a", "b", "c"},
};

static json_t *numbers(const double *v, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, gal_number_json(v[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *parameters_of(const gal_calibration *c) {
    if (c->method == GAL_CALIBRATION_ISOTONIC)
        return json_pack("{s:o, s:o}", "logit", numbers(c->logit, c->knots), "probability",
                         numbers(c->probability, c->knots));
    json_t *o = json_object();
    for (size_t i = 0; o && keys[c->method][i]; i++)
        if (json_object_set_new(o, keys[c->method][i], gal_number_json(c->parameter[i])) != 0) {
            json_decref(o);
            return NULL;
        }
    return o;
}

json_t *gal_calibration_json(const gal_calibration *c) {
    return json_pack("{s:s, s:o}", "method", gal_calibration_name(c->method), "parameters", parameters_of(c));
}

static json_t *quality(const gal_calibration_quality *q) {
    return json_pack("{s:o, s:o, s:o, s:o}", "log_loss", gal_number_json(q->log_loss), "brier",
                     gal_number_json(q->brier), "ece", gal_number_json(q->expected_error), "mce",
                     gal_number_json(q->maximum_error));
}

json_t *gal_recalibration_json(const gal_recalibration *r) {
    json_t *o = gal_calibration_json(r->calibration);
    json_t *rest = json_pack("{s:I, s:I, s:o, s:o}", "cases", (json_int_t)r->cases, "bins", (json_int_t)r->bins,
                             "before", quality(&r->before), "after", quality(&r->after));
    bool whole = o && rest && json_object_update(o, rest) == 0;
    json_decref(rest);
    if (whole) return o;
    json_decref(o);
    return NULL;
}

/* ---- reading ---- */

static galen_status bad(galen_error *err, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the calibration's %s must be %s", key, need);
}

static galen_status only_keys(const json_t *object, const char *const *known, galen_error *err) {
    size_t wanted = 0;
    while (known[wanted]) wanted++;
    if (!json_is_object(object) || json_object_size(object) != wanted)
        return bad(err, "parameters", "an object of exactly its method's parameters");
    return GALEN_OK;
}

static galen_status read_number(const json_t *object, const char *key, double *out, galen_error *err) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value))) return bad(err, key, "a number");
    *out = json_number_value(value);
    return GALEN_OK;
}

/* Two lists that rise: logits strictly, probabilities within [0, 1]. */
static galen_status read_knots(const json_t *object, gal_calibration *out, galen_error *err) {
    const json_t *logit = json_object_get(object, "logit"), *probability = json_object_get(object, "probability");
    size_t n = json_array_size(logit), most = (size_t)2 * GAL_ISOTONIC_BLOCKS;
    if (n < 1 || n > most || json_array_size(probability) != n)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the calibration's logit and probability must be lists of the same length, 1 to %zu", most);
    out->logit = gal_calloc(n, sizeof *out->logit);
    out->probability = gal_calloc(n, sizeof *out->probability);
    if (!out->logit || !out->probability) return gal_fail_memory(err, "an isotonic curve", 2 * n * sizeof(double));
    out->knots = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *z = json_array_get(logit, i), *p = json_array_get(probability, i);
        if (!json_is_number(z) || !json_is_number(p)) return bad(err, "logit and probability", "lists of numbers");
        double x = out->logit[i] = json_number_value(z), y = out->probability[i] = json_number_value(p);
        if (!isfinite(x) || (i > 0 && !(x > out->logit[i - 1]))) return bad(err, "logit", "finite numbers that rise");
        if (!(y >= 0 && y <= 1) || (i > 0 && y < out->probability[i - 1]))
            return bad(err, "probability", "numbers of 0 to 1 that do not fall");
    }
    return GALEN_OK;
}

static galen_status check(const gal_calibration *c, galen_error *err) {
    const double *p = c->parameter;
    if (c->method == GAL_CALIBRATION_TEMPERATURE && !(p[0] > 0)) return bad(err, "temperature", "above 0");
    if (c->method == GAL_CALIBRATION_PLATT && !(p[0] > 0)) return bad(err, "slope", "above 0");
    if (c->method == GAL_CALIBRATION_BETA && !(p[0] >= 0 && p[1] >= 0)) return bad(err, "a and b", "0 or more");
    return GALEN_OK;
}

galen_status gal_calibration_read(const json_t *object, gal_calibration *out, galen_error *err) {
    const char *name = json_string_value(json_object_get(object, "method"));
    const json_t *parameters = json_object_get(object, "parameters");
    *out = (gal_calibration){0};
    if (!name) return bad(err, "method", "a text");
    if (gal_calibration_parse(name, &out->method, NULL) != GALEN_OK || out->method == GAL_CALIBRATION_NONE)
        return bad(err, "method", "\"temperature\", \"platt\", \"isotonic\" or \"beta\"");
    GAL_TRY(only_keys(parameters, keys[out->method], err));
    if (out->method == GAL_CALIBRATION_ISOTONIC) return read_knots(parameters, out, err);
    for (size_t i = 0; keys[out->method][i]; i++)
        GAL_TRY(read_number(parameters, keys[out->method][i], &out->parameter[i], err));
    return check(out, err);
}
