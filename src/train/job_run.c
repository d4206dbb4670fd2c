/* Running a job, and what its folder says afterwards. */
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "model/json.h"
#include "session/session.h"
#include "train/job_parts.h"

#include <galen/version.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, MAX_FROZEN = 64 };
static const size_t MODEL_MAX = (size_t)8 << 30, TEXT_MAX = (size_t)64 << 20;

typedef struct run {
    const gal_train_job *job;
    const char *folder;
    bool resume;
    const gal_train_hooks *hooks;
    gal_train_outcome *out;
    gal_job_data data;
    gal_job_model model;
    gal_job_source train, val, test;
    gal_pool *pool;
    gal_trainer *trainer;
    gal_buf best;
    const char *frozen[MAX_FROZEN];
    size_t n_frozen;
    char names[PATH_SIZE]; /* of `frozen`, cut apart */
} run;

/* ---- the folder ---- */

static galen_status path_of(const run *r, const char *name, char out[PATH_SIZE], galen_error *err) {
    int n = snprintf(out, PATH_SIZE, "%s/%s", r->folder, name);
    return n > 0 && n < PATH_SIZE ? GALEN_OK : gal_fail(err, GALEN_ERR_ARGUMENT, "the run folder's name is too long");
}

static galen_status write_text(const run *r, const char *name, const void *text, size_t size, galen_error *err) {
    char path[PATH_SIZE];
    GAL_TRY(path_of(r, name, path, err));
    return gal_file_write(path, text, size, err);
}

static galen_status make_folder(const run *r, galen_error *err) {
    char path[PATH_SIZE];
    if (mkdir(r->folder, 0777) != 0 && errno != EEXIST)
        return gal_fail(err, GALEN_ERR_IO, "%s: cannot be made: %s", r->folder, strerror(errno));
    GAL_TRY(path_of(r, "config.json", path, err));
    bool there = access(path, F_OK) == 0;
    if (there && !r->resume)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "%s: holds a training; go on with it by --resume, or name another folder", r->folder);
    if (!there && r->resume) return gal_fail(err, GALEN_ERR_ARGUMENT, "%s: holds no training to resume", r->folder);
    return GALEN_OK;
}

static galen_status write_config(const run *r, galen_error *err) {
    gal_buf text;
    gal_buf_init(&text, TEXT_MAX);
    galen_status status = gal_train_job_write(r->job, &text, err);
    if (status == GALEN_OK) status = write_text(r, "config.json", text.data, text.size, err);
    gal_buf_free(&text);
    return status;
}

/* ---- putting together ---- */

/* Names separated by commas. */
static galen_status read_frozen(run *r, galen_error *err) {
    const char *list = r->job->freeze;
    if (list == NULL) return GALEN_OK;
    if (strlen(list) >= sizeof r->names) return gal_fail(err, GALEN_ERR_ARGUMENT, "freeze: too long a list");
    memcpy(r->names, list, strlen(list) + 1);
    for (char *at = r->names; *at != '\0';) {
        char *end = at + strcspn(at, ",");
        bool last = *end == '\0';
        *end = '\0';
        if (r->n_frozen == MAX_FROZEN)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "freeze: more than %d names", MAX_FROZEN);
        if (*at != '\0') r->frozen[r->n_frozen++] = at;
        at = last ? end : end + 1;
    }
    return GALEN_OK;
}

static gal_optimizer optimizer_of(const char *name) {
    if (strcmp(name, "sgd") == 0) return GAL_OPTIMIZER_SGD;
    return strcmp(name, "adam") == 0 ? GAL_OPTIMIZER_ADAM : GAL_OPTIMIZER_ADAMW;
}

static galen_status make_trainer(run *r, galen_error *err) {
    const gal_train_job *job = r->job;
    gal_trainer_options o = gal_trainer_default_options();
    o.network = (gal_train_network_options){r->frozen, r->n_frozen, (float)job->dropout};
    o.loss = (gal_train_loss){
        .categorical = r->data.task.categorical, .smoothing = (float)job->smoothing, .gamma = (float)job->focal};
    o.optimizer = optimizer_of(job->optimizer);
    o.average = job->average > 0;
    o.accumulate = job->runs > 1;
    o.batch = job->batch;
    o.pool = r->pool;
    GAL_TRY(gal_precision_parse(job->precision, &o.precision, err));
    return gal_trainer_create(r->model.model, &o, &r->trainer, err);
}

static galen_status open_all(run *r, galen_error *err) {
    GAL_TRY(read_frozen(r, err));
    GAL_TRY(gal_pool_create((int)r->job->threads, &r->pool, err));
    GAL_TRY(gal_job_open_data(r->job, r->hooks, r->pool, &r->data, err));
    GAL_TRY(gal_job_open_model(r->job, &r->data, &r->model, err));
    const gal_recipe *recipe = &r->model.recipe;
    GAL_TRY(gal_job_open_source(r->job, &r->data, recipe, GAL_SPLIT_TRAIN, true, &r->train, err));
    if (r->data.pictures.val > 0)
        GAL_TRY(gal_job_open_source(r->job, &r->data, recipe, GAL_SPLIT_VAL, false, &r->val, err));
    return make_trainer(r, err);
}

/* ---- running ---- */

static galen_status fit(run *r, galen_error *err) {
    const gal_train_job *job = r->job;
    gal_fit_options o = {
        .schedule = {.rate = job->rate, .warm_up = job->warm_up, .floor = 0.01, .factor = 0.1, .patience = 3},
        .numbers = {.decay = job->decay,
                    .beta1 = job->momentum,
                    .beta2 = 0.999,
                    .epsilon = 1e-8,
                    .max_norm = job->clip,
                    .average = job->average},
        .epochs = job->epochs,
        .runs_a_step = (int)job->runs,
        .patience = (int)job->patience,
        .sensitivity = job->sensitivity,
        .averaged = job->average > 0,
        .folder = r->folder,
        .resume = r->resume,
        .card = r->model.card,
        .stop = r->hooks->stop,
        .progress = r->hooks->progress,
        .context = r->hooks->context,
        .pool = r->pool};
    GAL_TRY(gal_schedule_parse(job->schedule, &o.schedule.kind, err));
    int64_t batches = (r->train.source.count + job->batch - 1) / job->batch;
    o.schedule.every = (batches + job->runs - 1) / job->runs * ((job->epochs + 2) / 3); /* three stairs */
    o.metric = strcmp(job->metric, "loss") == 0       ? GAL_METRIC_LOSS
               : strcmp(job->metric, "accuracy") == 0 ? GAL_METRIC_ACCURACY
                                                      : GAL_METRIC_AUC;
    return gal_fit(r->trainer, &r->train.source, r->data.pictures.val > 0 ? &r->val.source : NULL, &o, &r->best,
                   &r->out->fit, err);
}

/* The best model on pictures that nothing was chosen by. */
static galen_status judge_test(run *r, galen_error *err) {
    gal_train_answers answers;
    GAL_TRY(gal_job_open_source(r->job, &r->data, &r->model.recipe, GAL_SPLIT_TEST, false, &r->test, err));
    GAL_TRY(gal_train_ask(r->best.data, r->best.size, &r->test.source, r->data.task, r->job->batch, r->pool, &answers,
                          err));
    galen_status status = gal_train_measure(&answers, &r->out->test, err);
    if (status == GALEN_OK && r->out->fit.has_point) {
        double *score = gal_calloc((size_t)answers.count, sizeof *score);
        uint8_t *positive = gal_calloc((size_t)answers.count, sizeof *positive);
        for (int64_t i = 0; score != NULL && positive != NULL && i < answers.count; i++)
            score[i] = (double)answers.logit[i], positive[i] = answers.target[i] >= 0.5F;
        if (score == NULL || positive == NULL)
            status = gal_fail_memory(err, "test scores", (size_t)answers.count * sizeof *score);
        else
            gal_roc_at(&(gal_scores){score, positive, (size_t)answers.count}, r->out->fit.point.threshold,
                       &r->out->test_point);
        gal_free(score);
        gal_free(positive);
    }
    gal_train_answers_free(&answers);
    r->out->has_test = status == GALEN_OK;
    return status;
}

/* ---- results ---- */

static json_t *real(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *score_of(const gal_train_score *s, const gal_operating_point *p) {
    json_t *o = json_pack("{s:o, s:o, s:o}", "loss", real(s->loss), "accuracy", real(s->accuracy), "auc", real(s->auc));
    if (o == NULL || p == NULL) return o;
    json_object_set_new(o, "threshold_logit", real(p->threshold));
    json_object_set_new(o, "sensitivity", real(p->sensitivity));
    json_object_set_new(o, "specificity", real(p->specificity));
    json_object_set_new(o, "true_positives", json_integer((json_int_t)p->true_positives));
    json_object_set_new(o, "false_negatives", json_integer((json_int_t)p->false_negatives));
    json_object_set_new(o, "true_negatives", json_integer((json_int_t)p->true_negatives));
    json_object_set_new(o, "false_positives", json_integer((json_int_t)p->false_positives));
    return o;
}

static galen_status write_metrics(run *r, galen_error *err) {
    const gal_train_outcome *out = r->out;
    const gal_fit_result *f = &out->fit;
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}}", "galen", galen_version(), "sha256",
                          out->sha256, "epochs", (json_int_t)f->epochs, "steps", (json_int_t)f->steps, "skipped_steps",
                          (json_int_t)f->skipped, "best_epoch", (json_int_t)f->best_epoch, "pictures", "train",
                          (json_int_t)out->pictures.train, "validation", (json_int_t)out->pictures.val, "test",
                          (json_int_t)out->pictures.test);
    if (o != NULL && r->data.pictures.val > 0)
        json_object_set_new(o, "validation", score_of(&f->best, f->has_point ? &f->point : NULL));
    if (o != NULL && out->has_test)
        json_object_set_new(o, "test", score_of(&out->test, f->has_point ? &out->test_point : NULL));
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    galen_status status =
        text != NULL ? write_text(r, "metrics.json", text, strlen(text), err) : gal_fail_memory(err, "metrics", 4096);
    free(text);
    return status;
}

static galen_status write_curves(const run *r, galen_error *err) {
    char path[PATH_SIZE];
    gal_file log;
    gal_buf svg;
    GAL_TRY(path_of(r, "log.jsonl", path, err));
    GAL_TRY(gal_file_map(path, TEXT_MAX, &log, err));
    gal_buf_init(&svg, TEXT_MAX);
    galen_status status = gal_job_draw_curves((const char *)log.data, log.size, &svg, err);
    gal_file_unmap(&log);
    if (status == GALEN_OK) status = write_text(r, "curves.svg", svg.data, svg.size, err);
    gal_buf_free(&svg);
    return status;
}

static galen_status go(run *r, galen_error *err) {
    GAL_TRY(make_folder(r, err));
    GAL_TRY(open_all(r, err));
    r->out->pictures = r->data.pictures;
    r->out->task = r->data.task;
    GAL_TRY(write_config(r, err));
    GAL_TRY(fit(r, err));
    if (r->out->fit.interrupted || r->out->fit.best_epoch == 0) return GALEN_OK;
    GAL_TRY(gal_sha256_hex(r->best.data, r->best.size, r->out->sha256, err));
    if (r->data.pictures.test > 0) GAL_TRY(judge_test(r, err));
    GAL_TRY(write_curves(r, err));
    return write_metrics(r, err);
}

galen_status gal_train_job_run(const gal_train_job *job, const char *folder, bool resume, const gal_train_hooks *hooks,
                               gal_train_outcome *out, galen_error *err) {
    run r = {.job = job, .folder = folder, .resume = resume, .hooks = hooks, .out = out};
    *out = (gal_train_outcome){.has_test = false};
    gal_buf_init(&r.best, MODEL_MAX);
    galen_status status = go(&r, err);
    gal_trainer_destroy(r.trainer);
    gal_job_close_source(&r.train);
    gal_job_close_source(&r.val);
    gal_job_close_source(&r.test);
    gal_job_close_model(&r.model);
    gal_job_close_data(&r.data);
    gal_buf_free(&r.best);
    if (r.pool != NULL) gal_pool_destroy(r.pool);
    return status;
}
