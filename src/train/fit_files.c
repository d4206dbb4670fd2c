/* The run folder: checkpoints with what the loop knows, the best model, the log. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/folder.h"
#include "train/loop.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t MODEL_MAX = (size_t)8 << 30;

/* ---- notes ---- */

static double number(const json_t *object, const char *key, double otherwise) {
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static int64_t whole(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static char *write_notes(const gal_fit_loop *l) {
    const gal_operating_point *p = &l->point;
    json_t *o = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:i, s:o, s:I, s:o, s:o, s:o, s:i}", "batch",
        (json_int_t)gal_trainer_batch(l->trainer), "runs", (json_int_t)l->runs, "epoch", (json_int_t)l->epoch, "step",
        (json_int_t)l->step, "skipped", (json_int_t)l->skipped, "loss_sum", gal_json_real(l->loss_sum), "loss_count",
        (json_int_t)l->loss_count, "plateau_best", gal_json_real(l->plateau.best), "plateau_scale",
        gal_json_real(l->plateau.scale), "plateau_waited", l->plateau.waited, "best", gal_json_real(l->best),
        "best_epoch", (json_int_t)l->best_epoch, "best_loss", gal_json_real(l->best_score.loss), "best_accuracy",
        gal_json_real(l->best_score.accuracy), "best_auc", gal_json_real(l->best_score.auc), "waited", l->waited);
    if (o != NULL && l->has_point)
        json_object_set_new(o, "point",
                            json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I}", "threshold", p->threshold, "sensitivity",
                                      p->sensitivity, "specificity", p->specificity, "tp",
                                      (json_int_t)p->true_positives, "fn", (json_int_t)p->false_negatives, "tn",
                                      (json_int_t)p->true_negatives, "fp", (json_int_t)p->false_positives));
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

static void read_point(gal_fit_loop *l, const json_t *point) {
    l->has_point = json_is_object(point);
    if (!l->has_point) return;
    l->point = (gal_operating_point){.threshold = number(point, "threshold", 0),
                                     .sensitivity = number(point, "sensitivity", 0),
                                     .specificity = number(point, "specificity", 0),
                                     .true_positives = (size_t)whole(point, "tp"),
                                     .false_negatives = (size_t)whole(point, "fn"),
                                     .true_negatives = (size_t)whole(point, "tn"),
                                     .false_positives = (size_t)whole(point, "fp")};
}

static galen_status read_notes(gal_fit_loop *l, const char *text, const char *path, galen_error *err) {
    json_t *o;
    GAL_TRY(gal_json_parse(text, strlen(text), path, &o, err));
    bool same = whole(o, "batch") == gal_trainer_batch(l->trainer) && whole(o, "runs") == l->runs;
    l->epoch = whole(o, "epoch"), l->step = whole(o, "step"), l->skipped = whole(o, "skipped");
    l->loss_sum = number(o, "loss_sum", 0), l->loss_count = whole(o, "loss_count");
    l->plateau = (gal_plateau){.best = number(o, "plateau_best", -INFINITY),
                               .scale = number(o, "plateau_scale", 1),
                               .waited = (int)whole(o, "plateau_waited")};
    l->best = number(o, "best", 0), l->best_epoch = whole(o, "best_epoch"), l->waited = (int)whole(o, "waited");
    l->best_score =
        (gal_train_score){number(o, "best_loss", 0), number(o, "best_accuracy", 0), number(o, "best_auc", (double)NAN)};
    read_point(l, json_object_get(o, "point"));
    json_decref(o);
    if (l->epoch < 0 || l->step < 0 || l->step > l->steps)
        return gal_fail(err, GALEN_ERR_FORMAT, "%s: its notes make no sense", path);
    if (same) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "%s: made with another batch size; resume with the run's own options",
                    path);
}

/* ---- files ---- */

galen_status gal_fit_save(gal_fit_loop *l, galen_error *err) {
    char path[GAL_RUN_PATH];
    if (l->options->folder == NULL) return GALEN_OK;
    char *notes = write_notes(l);
    if (notes == NULL) return gal_fail_memory(err, "a checkpoint's notes", 4096);
    galen_status status = gal_run_path(l->options->folder, "log.jsonl", path, err);
    if (status == GALEN_OK) status = gal_file_write(path, l->log.data, l->log.size, err);
    if (status == GALEN_OK) status = gal_run_path(l->options->folder, "last.safetensors", path, err);
    if (status == GALEN_OK) status = gal_checkpoint_write(l->trainer, path, notes, err);
    l->saved = gal_clock_seconds();
    if (status == GALEN_OK) l->kept = l->epoch;
    free(notes);
    return status;
}

static galen_status read_whole(const gal_fit_loop *l, const char *name, gal_buf *out, galen_error *err) {
    char path[GAL_RUN_PATH];
    gal_file file;
    GAL_TRY(gal_run_path(l->options->folder, name, path, err));
    GAL_TRY(gal_file_map(path, MODEL_MAX, &file, err));
    out->size = 0;
    gal_buf_put(out, file.data, file.size);
    gal_file_unmap(&file);
    return out->failed ? gal_fail_memory(err, path, file.size) : GALEN_OK;
}

/* Lines of whole epochs: the checkpoint may be older than the log. */
static void cut_log(gal_fit_loop *l) {
    int64_t lines = 0;
    size_t end = 0;
    for (size_t i = 0; i < l->log.size && lines < l->epoch; i++) {
        if (l->log.data[i] != '\n') continue;
        lines++;
        end = i + 1;
    }
    l->log.size = end;
}

galen_status gal_fit_restore(gal_fit_loop *l, bool *found, galen_error *err) {
    char path[GAL_RUN_PATH], *notes;
    *found = false;
    GAL_TRY(gal_run_path(l->options->folder, "last.safetensors", path, err));
    if (access(path, F_OK) != 0 && errno == ENOENT) return GALEN_OK;
    GAL_TRY(gal_checkpoint_read(l->trainer, path, &notes, err));
    galen_status status = read_notes(l, notes, path, err);
    gal_free(notes);
    if (status != GALEN_OK) return status;
    *found = true;
    if (l->best_epoch > 0) GAL_TRY(read_whole(l, "best.onnx", l->model, err));
    GAL_TRY(read_whole(l, "log.jsonl", &l->log, err));
    cut_log(l);
    return GALEN_OK;
}

/* ---- the card ---- */

static void add_threshold(const gal_fit_loop *l, json_t *card) {
    char chosen[160];
    if (!l->has_point) return;
    snprintf(chosen, sizeof chosen, "validation (%zu positive, %zu negative), sensitivity >= %.4g",
             l->point.true_positives + l->point.false_negatives, l->point.true_negatives + l->point.false_positives,
             l->options->sensitivity);
    json_object_set_new(card, "threshold", json_pack("{s:f, s:s}", "logit", l->point.threshold, "chosen", chosen));
}

static void add_summary(const gal_fit_loop *l, json_t *card) {
    json_t *training = json_object_get(card, "training");
    if (!json_is_object(training)) {
        training = json_object();
        json_object_set_new(card, "training", training);
    }
    json_object_set_new(training, "epoch", json_integer(l->best_epoch));
    json_object_set_new(training, "epochs", json_integer(l->options->epochs));
    json_object_set_new(training, "steps", json_integer(gal_trainer_steps(l->trainer)));
    if (l->val == NULL) return;
    json_t *validation = json_pack("{s:I, s:o, s:o, s:o}", "pictures", (json_int_t)l->val->count, "loss",
                                   gal_json_real(l->best_score.loss), "accuracy", gal_json_real(l->best_score.accuracy),
                                   "auc", gal_json_real(l->best_score.auc));
    if (validation != NULL && l->has_point) {
        json_object_set_new(validation, "sensitivity", json_real(l->point.sensitivity));
        json_object_set_new(validation, "specificity", json_real(l->point.specificity));
    }
    json_object_set_new(training, "validation", validation);
}

static galen_status write_card(gal_fit_loop *l, galen_error *err) {
    json_t *card;
    if (l->options->card == NULL) return GALEN_OK;
    GAL_TRY(gal_json_parse(l->options->card, strlen(l->options->card), "the model card", &card, err));
    add_threshold(l, card);
    add_summary(l, card);
    char *text = json_dumps(card, JSON_INDENT(2));
    json_decref(card);
    if (text == NULL) return gal_fail_memory(err, "the model card", 4096);
    galen_status status = gal_trainer_set_meta(l->trainer, "galen.card", text, err);
    free(text);
    return status;
}

galen_status gal_fit_keep_best(gal_fit_loop *l, galen_error *err) {
    char path[GAL_RUN_PATH];
    GAL_TRY(write_card(l, err));
    l->model->size = 0;
    GAL_TRY(gal_trainer_export(l->trainer, l->options->averaged, l->model, err));
    if (l->options->folder == NULL) return GALEN_OK;
    GAL_TRY(gal_run_path(l->options->folder, "best.onnx", path, err));
    return gal_file_write(path, l->model->data, l->model->size, err);
}
