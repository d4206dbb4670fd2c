/* Decision curves as JSON. */
#include "base/error.h"
#include "clinic/evaluate/decision_curve.h"

static json_t *point_json(const gal_net_benefit *p) {
    return json_pack("{s:f, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "threshold", p->threshold, "true_positives",
                     (json_int_t)p->true_positives, "false_positives", (json_int_t)p->false_positives, "model",
                     gal_number_json(p->model), "model_interval", gal_interval_json(p->model_interval), "treat_all",
                     gal_number_json(p->all), "treat_all_interval", gal_interval_json(p->all_interval),
                     "over_treat_all", gal_number_json(p->over_all), "over_treat_all_interval",
                     gal_interval_json(p->over_all_interval));
}

json_t *gal_decision_curve_json(const gal_decision_curve *c) {
    json_t *points = json_array();
    int failed = points == NULL;
    for (size_t i = 0; !failed && i < c->count; i++) failed = json_array_append_new(points, point_json(&c->point[i]));
    if (failed) {
        json_decref(points);
        return NULL;
    }
    return json_pack("{s:{s:f, s:f, s:f, s:f}, s:I, s:I, s:o, s:s, s:o}", "settings", "low", c->settings.low, "high",
                     c->settings.high, "step", c->settings.step, "level", c->settings.level, "cases",
                     (json_int_t)c->cases, "positives", (json_int_t)c->positives, "patients",
                     c->patients ? json_integer((json_int_t)c->patients) : json_null(), "method",
                     c->patients ? "mean over cases, by patient" : "mean over cases", "points", points);
}

galen_status gal_decision_settings_read(const json_t *settings, gal_decision_settings *out, galen_error *err) {
    struct {
        const char *key;
        double *to;
    } field[] = {{"low", &out->low}, {"high", &out->high}, {"step", &out->step}, {"level", &out->level}};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        const json_t *value = json_object_get(settings, field[i].key);
        if (!json_is_number(value))
            return gal_fail(err, GALEN_ERR_FORMAT, "decision curve settings: %s must be a number", field[i].key);
        *field[i].to = json_number_value(value);
    }
    return GALEN_OK;
}
