/* From cases and options to evidence. */
#include "cli/eval.h"

#include "base/error.h"
#include "clinic/evaluate/decision_curve.h"
#include "clinic/evaluate/subgroups.h"

#include <string.h>

static galen_status build_head(const cli_source *source, gal_evidence *out, galen_error *err) {
    GAL_TRY(gal_evidence_head("eval", source_machine(), &out->head, err));
    json_t *models = json_object_get(out->head, "models");
    int failed = json_object_set(out->head, "data", source->data);
    if (source->model) failed |= json_array_append(models, source->model);
    return failed ? gal_fail_memory(err, "evidence", 1024) : GALEN_OK;
}

/* Adds a part's settings; of one class against the others, where one is named. */
static int add_part(const cli_args *args, const char *name, json_t *part, json_t *to) {
    const char *class = cli_get(args, "class")->text;
    int failed = part == NULL;
    if (!failed && class) failed = json_object_set_new(part, "class", json_string(class));
    return failed | json_object_set_new(to, name, part);
}

static int add_groups(const cli_args *args, const gal_eval_settings *e, json_t *to) {
    const gal_subgroup_settings defaults = gal_subgroup_defaults();
    json_int_t least = cli_number(args, "min-group", (long long)defaults.least);
    json_t *threshold = e->has_threshold ? json_real(e->threshold) : json_null();
    json_t *part =
        json_pack("{s:f, s:o, s:I, s:I, s:I, s:I}", "level", e->level, "threshold", threshold, "least", least, "bins",
                  (json_int_t)e->bins, "draws", (json_int_t)e->draws, "seed", (json_int_t)e->seed);
    return add_part(args, "subgroups", part, to);
}

static int add_curve(const cli_args *args, const gal_eval_settings *e, json_t *to) {
    const gal_decision_settings d = gal_decision_defaults();
    json_t *part = json_pack("{s:f, s:f, s:f, s:f}", "low", d.low, "high", d.high, "step", d.step, "level", e->level);
    return add_part(args, "decision_curve", part, to);
}

/* What the card's calibration does to these cases. */
static int add_calibration(const cli_source *source, const gal_eval_settings *e, json_t *to) {
    json_t *part = gal_calibration_json(&source->scored.calibration);
    int failed = part == NULL;
    if (!failed) failed = json_object_set_new(part, "bins", json_integer((json_int_t)e->bins));
    return failed | json_object_set_new(to, "recalibration", part);
}

/* After the hashing of ids, which changes neither order nor scores. */
static galen_status add_worse(const cli_args *args, const gal_eval_settings *e, gal_evidence *out, galen_error *err) {
    json_t *runs;
    if (!cli_get(args, "corrupt")->set) return GALEN_OK;
    GAL_TRY(source_worse(args, &out->cases[0], &runs, err));
    json_t *part = json_pack("{s:f, s:o, s:o}", "level", e->level, "threshold",
                             e->has_threshold ? json_real(e->threshold) : json_null(), "runs", runs);
    int failed = json_object_set_new(out->settings, "robustness", part);
    return failed ? gal_fail_memory(err, "settings", 1024) : GALEN_OK;
}

/* Which results there will be. */
static galen_status build_settings(const cli_args *args, const cli_source *source, const gal_eval_settings *settings,
                                   gal_evidence *out, galen_error *err) {
    const gal_case_set *cases = &out->cases[0];
    bool asked = cases->kind == GAL_CASE_BINARY || cli_get(args, "class")->set;
    if (!asked && cases->attributes > 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "groups need one question: name a class with --class, such as '%.60s'",
                        cases->class_name[0] ? cases->class_name[0] : "0");
    out->settings = json_pack("{s:o}", "evaluation", gal_eval_settings_json(settings));
    int failed = out->settings == NULL;
    if (!failed && asked) failed = add_curve(args, settings, out->settings);
    if (!failed && cases->attributes > 0) failed = add_groups(args, settings, out->settings);
    if (!failed && source->scored.calibration.method != GAL_CALIBRATION_NONE)
        failed = add_calibration(source, settings, out->settings);
    return failed ? gal_fail_memory(err, "settings", 1024) : GALEN_OK;
}

static galen_status compute(const cli_args *args, gal_evidence *out, galen_error *err) {
    gal_pool *pool;
    GAL_TRY(gal_pool_create((int)cli_number(args, "threads", 0), &pool, err));
    galen_status status = gal_evidence_results(out->cases, out->sets, out->settings, pool, &out->results, err);
    gal_pool_destroy(pool);
    return status;
}

galen_status eval_build(const cli_args *args, cli_source *source, const gal_eval_settings *settings, gal_evidence *out,
                        galen_error *err) {
    *out = (gal_evidence){.sets = 1};
    out->cases[0] = source->cases;
    source->cases = (gal_case_set){.count = 0};
    GAL_TRY(source_keep_columns(args, &out->cases[0], err));
    GAL_TRY(build_head(source, out, err));
    GAL_TRY(build_settings(args, source, settings, out, err));
    GAL_TRY(add_worse(args, settings, out, err));
    return compute(args, out, err);
}
