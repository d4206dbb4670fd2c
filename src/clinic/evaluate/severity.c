/* Figures of worse and worse pictures. */
#include "clinic/evaluate/severity.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/evaluate/estimate.h"
#include "clinic/measures/confusion.h"
#include "clinic/measures/delong.h"

#include <math.h>

typedef struct severity {
    const gal_case_set *cases;
    double level, threshold; /* threshold NaN: none */
    double *score;           /* [count] of the run in work */
} severity;

static int put_estimate(json_t *to, const gal_estimate *e, double level) {
    return json_object_set_new(to, e->name, gal_estimate_json(e, level));
}

static galen_status put_decisions(const severity *s, const gal_scores *scores, json_t *to, galen_error *err) {
    gal_confusion c;
    if (isnan(s->threshold)) {
        int failed = json_object_set_new(to, "sensitivity", json_null());
        failed |= json_object_set_new(to, "specificity", json_null());
        return failed ? gal_fail_memory(err, "figures", 64) : GALEN_OK;
    }
    GAL_TRY(gal_confusion_at(scores, s->threshold, &c, err));
    gal_estimate found =
        gal_estimate_share("sensitivity", c.true_positives, c.true_positives + c.false_negatives, GAL_WILSON, s->level);
    gal_estimate cleared =
        gal_estimate_share("specificity", c.true_negatives, c.true_negatives + c.false_positives, GAL_WILSON, s->level);
    int failed = put_estimate(to, &found, s->level) | put_estimate(to, &cleared, s->level);
    return failed ? gal_fail_memory(err, "figures", 64) : GALEN_OK;
}

static galen_status put_figures(const severity *s, const double *score, json_t *to, galen_error *err) {
    const gal_scores scores = {score, s->cases->positive, s->cases->count};
    gal_auc area;
    GAL_TRY(gal_delong(&scores, gal_z_of(s->level), &area, err));
    const gal_estimate auc = gal_estimate_area("auc", &area);
    if (put_estimate(to, &auc, s->level) != 0) return gal_fail_memory(err, "figures", 64);
    return put_decisions(s, &scores, to, err);
}

static galen_status read_scores(const severity *s, const json_t *run, galen_error *err) {
    const json_t *scores = json_object_get(run, "scores");
    if (json_array_size(scores) != s->cases->count)
        return gal_fail(err, GALEN_ERR_FORMAT, "a run has %zu scores of %zu cases", json_array_size(scores),
                        s->cases->count);
    for (size_t i = 0; i < s->cases->count; i++) {
        const json_t *value = json_array_get(scores, i);
        if (!json_is_number(value)) return gal_fail(err, GALEN_ERR_FORMAT, "scores of a run must be numbers");
        s->score[i] = json_number_value(value);
    }
    return GALEN_OK;
}

static galen_status add_run(const severity *s, const json_t *run, json_t *list, galen_error *err) {
    static const char *const kept[] = {"kind", "unit", "severity", "amount"};
    GAL_TRY(read_scores(s, run, err));
    json_t *one = json_object();
    int failed = json_array_append_new(list, one);
    for (size_t i = 0; i < sizeof kept / sizeof *kept && !failed; i++) {
        json_t *value = json_object_get(run, kept[i]);
        failed = json_object_set(one, kept[i], value != NULL ? value : json_null());
    }
    return failed ? gal_fail_memory(err, "a run", 64) : put_figures(s, s->score, one, err);
}

static galen_status compute(const severity *s, const json_t *runs, json_t *out, galen_error *err) {
    json_t *plain = json_object(), *list = json_array(), *run;
    size_t at;
    int failed = json_object_set_new(out, "plain", plain) | json_object_set_new(out, "runs", list);
    if (failed) return gal_fail_memory(err, "runs", 64);
    GAL_TRY(put_figures(s, s->cases->score, plain, err));
    json_array_foreach(runs, at, run) GAL_TRY(add_run(s, run, list, err));
    return GALEN_OK;
}

galen_status gal_severity_part(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                               galen_error *err) {
    const json_t *level = json_object_get(settings, "level"), *threshold = json_object_get(settings, "threshold");
    const json_t *runs = json_object_get(settings, "runs");
    (void)pool; /* a thousand runs of a million cases would pay for it; tens do not */
    *out = NULL;
    if (cases->kind != GAL_CASE_BINARY)
        return gal_fail(err, GALEN_ERR_FORMAT, "only cases of one yes-or-no question can be followed");
    if (!json_is_number(level) || !(json_number_value(level) > 0 && json_number_value(level) < 1) ||
        (!json_is_number(threshold) && !json_is_null(threshold)) || !json_is_array(runs) ||
        json_array_size(runs) > GAL_SEVERITY_RUNS)
        return gal_fail(err, GALEN_ERR_FORMAT, "settings need a level, a threshold or null, and a list of runs");
    severity s = {cases, json_number_value(level),
                  json_is_number(threshold) ? json_number_value(threshold) : (double)NAN,
                  gal_calloc(cases->count, sizeof *s.score)};
    *out = json_object();
    galen_status status = s.score != NULL && *out != NULL
                              ? compute(&s, runs, *out, err)
                              : gal_fail_memory(err, "runs", cases->count * sizeof *s.score);
    gal_free(s.score);
    if (status != GALEN_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
