/* What a run folder says after the training: metrics with intervals, and curves. */
#include "base/error.h"
#include "base/file.h"
#include "train/folder.h"
#include "train/job_parts.h"

#include <galen/version.h>

static const size_t TEXT_MAX = (size_t)64 << 20;

/* ---- metrics ---- */

static json_t *interval_of(gal_interval i) {
    return json_pack("[f, f]", i.low, i.high);
}

static json_t *share_of(size_t hits, size_t misses) {
    return interval_of(gal_wilson(hits, hits + misses, GAL_Z95));
}

static json_t *score_of(const gal_train_score *s, const gal_operating_point *p) {
    json_t *o = json_pack("{s:o, s:o, s:o}", "loss", gal_json_real(s->loss), "accuracy", gal_json_real(s->accuracy),
                          "auc", gal_json_real(s->auc));
    if (o == NULL || p == NULL) return o;
    json_object_set_new(o, "threshold_logit", gal_json_real(p->threshold));
    json_object_set_new(o, "sensitivity", gal_json_real(p->sensitivity));
    json_object_set_new(o, "sensitivity_95", share_of(p->true_positives, p->false_negatives));
    json_object_set_new(o, "specificity", gal_json_real(p->specificity));
    json_object_set_new(o, "specificity_95", share_of(p->true_negatives, p->false_positives));
    json_object_set_new(o, "true_positives", json_integer((json_int_t)p->true_positives));
    json_object_set_new(o, "false_negatives", json_integer((json_int_t)p->false_negatives));
    json_object_set_new(o, "true_negatives", json_integer((json_int_t)p->true_negatives));
    json_object_set_new(o, "false_positives", json_integer((json_int_t)p->false_positives));
    return o;
}

static json_t *test_of(const gal_train_outcome *out) {
    json_t *o = score_of(&out->test, out->fit.has_point ? &out->test_point : NULL);
    if (o != NULL && out->has_test_area) json_object_set_new(o, "auc_95", interval_of(out->test_area.interval));
    return o;
}

galen_status gal_job_write_metrics(const char *folder, const gal_train_outcome *out, galen_error *err) {
    const gal_fit_result *f = &out->fit;
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:{s:I, s:I, s:I}}", "galen", galen_version(), "sha256",
                          out->sha256, "epochs", (json_int_t)f->epochs, "steps", (json_int_t)f->steps, "skipped_steps",
                          (json_int_t)f->skipped, "loss_scale", f->scale, "best_epoch", (json_int_t)f->best_epoch,
                          "pictures", "train", (json_int_t)out->pictures.train, "validation",
                          (json_int_t)out->pictures.val, "test", (json_int_t)out->pictures.test);
    if (o != NULL && out->pictures.val > 0)
        json_object_set_new(o, "validation", score_of(&f->best, f->has_point ? &f->point : NULL));
    if (o != NULL && out->has_test) json_object_set_new(o, "test", test_of(out));
    return gal_run_write_json(folder, "metrics.json", o, err);
}

/* ---- curves ---- */

galen_status gal_job_write_curves(const char *folder, galen_error *err) {
    char path[GAL_RUN_PATH];
    gal_file log;
    gal_buf svg;
    GAL_TRY(gal_run_path(folder, "log.jsonl", path, err));
    GAL_TRY(gal_file_map(path, TEXT_MAX, &log, err));
    gal_buf_init(&svg, TEXT_MAX);
    galen_status status = gal_job_draw_curves((const char *)log.data, log.size, &svg, err);
    gal_file_unmap(&log);
    if (status == GALEN_OK) status = gal_run_write(folder, "curves.svg", svg.data, svg.size, err);
    gal_buf_free(&svg);
    return status;
}
