/* Figures, settings and curves as JSON. */
#include "clinic/evaluate/estimate.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

json_t *gal_number_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *gal_interval_json(gal_interval interval) {
    return json_pack("[o, o]", gal_number_json(interval.low), gal_number_json(interval.high));
}

static const char *const proportion_key[GAL_PROPORTIONS] = {"wilson", "clopper_pearson", "jeffreys"};

json_t *gal_estimate_json(const gal_estimate *e, double level) {
    json_t *out =
        json_pack("{s:o, s:o, s:o, s:s?}", "value", gal_number_json(e->value), "low", gal_number_json(e->interval.low),
                  "high", gal_number_json(e->interval.high), "method", e->method);
    int failed = out == NULL;
    if (!failed && e->logit.low < e->logit.high)
        failed = json_object_set_new(out, "logit", gal_interval_json(e->logit));
    if (!failed && e->cases > 0) {
        failed = json_object_set_new(out, "hits", json_integer((json_int_t)e->hits));
        failed |= json_object_set_new(out, "cases", json_integer((json_int_t)e->cases));
    }
    for (int m = 0; !failed && e->cases > 0 && m < GAL_PROPORTIONS; m++) {
        gal_interval interval = gal_proportion_interval((gal_proportion_method)m, e->hits, e->cases, level);
        failed |= json_object_set_new(out, proportion_key[m], gal_interval_json(interval));
    }
    if (failed == 0) return out;
    json_decref(out);
    return NULL;
}

json_t *gal_eval_settings_json(const gal_eval_settings *s) {
    return json_pack("{s:o, s:o, s:o, s:s, s:I, s:I, s:I}", "level", gal_number_json(s->level), "threshold",
                     gal_number_json(s->has_threshold ? s->threshold : (double)NAN), "prevalence",
                     gal_number_json(s->prevalence), "proportions", proportion_key[s->proportions], "bins",
                     (json_int_t)s->bins, "draws", (json_int_t)s->draws, "seed", (json_int_t)s->seed);
}

/* A number, or NaN for null. */
static galen_status number_of(const json_t *json, const char *key, double *out, galen_error *err) {
    const json_t *value = json_object_get(json, key);
    if (!json_is_number(value) && !json_is_null(value))
        return gal_fail(err, GALEN_ERR_FORMAT, "settings: %s must be a number or null", key);
    *out = json_is_null(value) ? (double)NAN : json_number_value(value);
    return GALEN_OK;
}

static galen_status whole_of(const json_t *json, const char *key, uint64_t *out, galen_error *err) {
    const json_t *value = json_object_get(json, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "settings: %s must be a whole number of 0 or more", key);
    *out = (uint64_t)json_integer_value(value);
    return GALEN_OK;
}

static galen_status method_of(const json_t *json, gal_proportion_method *out, galen_error *err) {
    const char *name = json_string_value(json_object_get(json, "proportions"));
    for (int m = 0; name != NULL && m < GAL_PROPORTIONS; m++) {
        if (strcmp(name, proportion_key[m]) != 0) continue;
        *out = (gal_proportion_method)m;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_FORMAT, "settings: proportions must be wilson, clopper_pearson or jeffreys");
}

galen_status gal_eval_settings_read(const json_t *json, gal_eval_settings *out, galen_error *err) {
    gal_eval_settings s = {0};
    uint64_t bins = 0, draws = 0;
    GAL_TRY(number_of(json, "level", &s.level, err));
    GAL_TRY(number_of(json, "threshold", &s.threshold, err));
    GAL_TRY(number_of(json, "prevalence", &s.prevalence, err));
    GAL_TRY(method_of(json, &s.proportions, err));
    GAL_TRY(whole_of(json, "bins", &bins, err));
    GAL_TRY(whole_of(json, "draws", &draws, err));
    GAL_TRY(whole_of(json, "seed", &s.seed, err));
    s.has_threshold = !isnan(s.threshold);
    if (!s.has_threshold) s.threshold = 0;
    s.bins = bins, s.draws = draws;
    GAL_TRY(gal_eval_check(&s, err));
    *out = s;
    return GALEN_OK;
}

json_t *gal_curve_json(const gal_curve *curve) {
    json_t *points = json_array();
    int failed = 0;
    for (size_t i = 0; i < curve->count; i++) {
        const gal_curve_point *p = curve->point + i;
        failed |= json_array_append_new(points, json_pack("[o, o, o]", gal_number_json(p->x), gal_number_json(p->y),
                                                          gal_number_json(p->threshold)));
    }
    if (failed == 0) return json_pack("{s:o, s:I}", "points", points, "exact", (json_int_t)curve->exact);
    json_decref(points);
    return NULL;
}
