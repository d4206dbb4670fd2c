/* Running a job, and what its folder says afterwards. */
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "session/session.h"
#include "train/folder.h"
#include "train/job_parts.h"
#include "train/provenance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NAMES = 4096, MAX_FROZEN = 64 };
static const size_t MODEL_MAX = (size_t)8 << 30, TEXT_MAX = (size_t)64 << 20;

typedef struct run {
    gal_train_job *job; /* a copy of the caller's, where choices are noted */
    gal_train_job here; /* the caller's with the data's present place, for whatever reads them */
    const char *folder, *replay;
    int lock;  /* on the folder */
    bool made; /* it was not there before */
    bool resume;
    gal_run_inputs inputs;
    const gal_train_hooks *hooks;
    gal_train_outcome *out;
    gal_job_data data;
    gal_job_model model;
    gal_job_teacher teacher;
    gal_job_source train, val, test;
    gal_pool *pool;
    gal_trainer *trainer;
    gal_buf best;
    const char *frozen[MAX_FROZEN];
    size_t n_frozen;
    char names[MAX_NAMES]; /* of `frozen`, cut apart */
} run;

/* ---- the folder ---- */

static galen_status make_folder(run *r, galen_error *err) {
    char path[GAL_RUN_PATH];
    r->made = mkdir(r->folder, 0777) == 0;
    if (!r->made && errno != EEXIST)
        return gal_fail(err, GALEN_ERR_IO, "%s: cannot be made: %s; name a folder in one that is there", r->folder,
                        strerror(errno));
    GAL_TRY(gal_run_lock(r->folder, &r->lock, err));
    GAL_TRY(gal_run_path(r->folder, "config.json", path, err));
    bool there = access(path, F_OK) == 0;
    if (there && !r->resume)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "%s: holds a training; go on with it by --resume, or name another folder", r->folder);
    if (!there && r->resume)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s: holds no training to resume; begin one without --resume",
                        r->folder);
    return GALEN_OK;
}

/* ---- putting together ---- */

/* Names separated by commas. */
static galen_status read_frozen(run *r, galen_error *err) {
    const char *list = r->job->freeze;
    if (list == NULL) return GALEN_OK;
    if (strlen(list) >= sizeof r->names)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "freeze: a list of %zu characters; at most %d", strlen(list),
                        MAX_NAMES - 1);
    memcpy(r->names, list, strlen(list) + 1);
    for (char *at = r->names; *at != '\0';) {
        char *end = at + strcspn(at, ",");
        bool last = *end == '\0';
        *end = '\0';
        if (r->n_frozen == MAX_FROZEN)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "freeze: more than %d names; name what several begin with",
                            MAX_FROZEN);
        if (*at != '\0') r->frozen[r->n_frozen++] = at;
        at = last ? end : end + 1;
    }
    return GALEN_OK;
}

static gal_optimizer optimizer_of(const char *name) {
    if (strcmp(name, "sgd") == 0) return GAL_OPTIMIZER_SGD;
    return strcmp(name, "adam") == 0 ? GAL_OPTIMIZER_ADAM : GAL_OPTIMIZER_ADAMW;
}

static galen_status options_of(run *r, gal_trainer_options *out, galen_error *err) {
    const gal_train_job *job = r->job;
    gal_trainer_options o = gal_trainer_default_options();
    o.network = (gal_train_network_options){r->frozen, r->n_frozen, (float)job->dropout};
    o.loss = (gal_train_loss){
        .categorical = r->data.task.categorical, .smoothing = (float)job->smoothing, .gamma = (float)job->focal};
    if (job->teacher != NULL) o.loss.alpha = (float)job->alpha, o.loss.temperature = (float)job->temperature;
    o.optimizer = optimizer_of(job->optimizer);
    o.average = job->average > 0;
    o.accumulate = job->runs > 1;
    o.batch = job->batch;
    o.segments = job->segments;
    o.pool = r->pool;
    o.isa = r->hooks->isa;
    o.loss_scale = (float)job->loss_scale;
    *out = o;
    return gal_precision_parse(job->precision, &out->precision, err);
}

/* What depends on the size of a run. */
static galen_status make_parts(run *r, galen_error *err) {
    const gal_recipe *recipe = &r->model.recipe;
    gal_trainer_options o;
    GAL_TRY(options_of(r, &o, err));
    GAL_TRY(gal_job_open_teacher(r->job, &r->data, recipe, r->hooks->isa, r->pool, &r->teacher, err));
    GAL_TRY(gal_job_open_source(r->job, &r->data, recipe, GAL_SPLIT_TRAIN, true, &r->train, err));
    if (r->data.pictures.val > 0)
        GAL_TRY(gal_job_open_source(r->job, &r->data, recipe, GAL_SPLIT_VAL, false, &r->val, err));
    return gal_trainer_create(r->model.model, &o, &r->trainer, err);
}

static void close_parts(run *r) {
    gal_trainer_destroy(r->trainer);
    r->trainer = NULL;
    gal_job_close_source(&r->train);
    gal_job_close_source(&r->val);
    gal_job_close_teacher(&r->teacher);
}

static galen_status fit_memory(run *r, galen_error *err) {
    const gal_recipe *p = &r->model.recipe;
    gal_teacher_bytes teacher = {0};
    gal_trainer_options o;
    GAL_TRY(options_of(r, &o, err));
    if (r->job->memory > 0 && !r->job->settled)
        GAL_TRY(gal_job_teacher_needs(r->job, &r->data, p, r->hooks->isa, r->pool, &teacher, err));
    return gal_job_fit_memory(r->job, r->model.model, &o, (size_t)p->channels * (size_t)p->height * (size_t)p->width,
                              &teacher, r->hooks, err);
}

/* Digests of what is read; against those of the run that is resumed or replayed. */
static galen_status find_inputs(run *r, galen_error *err) {
    const char *before = r->resume ? r->folder : r->replay;
    char line[GAL_RUN_OTHER + 64];
    GAL_TRY(gal_run_inputs_read(&r->here, &r->data, r->hooks, r->pool, &r->inputs, err));
    memcpy(r->data.sha256, r->inputs.data_sha256, sizeof r->data.sha256);
    if (before == NULL) return GALEN_OK;
    GAL_TRY(gal_run_compare(before, &r->inputs, r->hooks->isa, r->out->other, err));
    if (r->out->other[0] == '\0' || r->hooks->say == NULL) return GALEN_OK;
    snprintf(line, sizeof line, "%s: its bits may differ", r->out->other);
    r->hooks->say(r->hooks->context, line);
    return GALEN_OK;
}

static galen_status make_parts_that_fit(run *r, galen_error *err) {
    galen_error own;
    galen_status status;
    while ((status = make_parts(r, &own)) == GALEN_ERR_MEMORY && gal_job_shrink(r->job, r->hooks, own.message))
        close_parts(r);
    if (status != GALEN_OK && err != NULL) *err = own;
    return status;
}

static galen_status open_all(run *r, galen_error *err) {
    GAL_TRY(read_frozen(r, err));
    GAL_TRY(gal_pool_create((int)r->job->threads, &r->pool, err));
    GAL_TRY(gal_job_open_data(&r->here, r->hooks, r->pool, &r->data, err));
    GAL_TRY(find_inputs(r, err));
    GAL_TRY(gal_job_open_model(r->job, &r->data, &r->model, err));
    GAL_TRY(fit_memory(r, err));
    return make_parts_that_fit(r, err);
}

/* ---- running ---- */

static galen_status fit(run *r, galen_error *err) {
    const gal_train_job *job = r->job;
    gal_fit_options o = {
        .schedule = {.rate = job->rate, .warm_up = job->warm_up, .floor = 0.01, .factor = 0.1, .patience = 3},
        .hyper = {.decay = job->decay,
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
        .save_seconds = 60 * job->save_every,
        .folder = r->folder,
        .resume = r->resume,
        .card = r->model.card,
        .stop = r->hooks->stop,
        .progress = r->hooks->progress,
        .context = r->hooks->context,
        .pool = r->pool,
        .teacher = r->teacher.teacher};
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
    GAL_TRY(gal_train_ask(r->best.data, r->best.size, &r->test.source, r->data.task, r->job->batch, r->hooks->isa,
                          r->pool, &answers, err));
    galen_status status = gal_train_measure(&answers, &r->out->test, err);
    if (status == GALEN_OK && r->out->fit.has_point) {
        r->out->test_point.threshold = r->out->fit.point.threshold;
        status = gal_train_at_cut(&answers, &r->out->test_point, &r->out->test_area, &r->out->has_test_area, err);
    }
    gal_train_answers_free(&answers);
    r->out->has_test = status == GALEN_OK;
    return status;
}

static galen_status write_config(const run *r, galen_error *err) {
    gal_buf text;
    gal_buf_init(&text, TEXT_MAX);
    gal_train_job whole = *r->job;
    if (r->teacher.teacher != NULL) whole.teacher_sha256 = r->teacher.sha256;
    galen_status status = gal_train_job_write(&whole, &text, err);
    if (status == GALEN_OK) status = gal_run_write(r->folder, "config.json", text.data, text.size, err);
    gal_buf_free(&text);
    return status;
}

/* config.json comes last: a folder that has it has the others. */
static galen_status write_start(const run *r, galen_error *err) {
    const gal_train_hooks *h = r->hooks;
    GAL_TRY(gal_run_write_start(r->folder, r->job, &r->inputs, h->machine, h->isa, gal_pool_threads(r->pool), err));
    return write_config(r, err);
}

/* With the settings as they are now, from the first step. */
static galen_status begin_anew(run *r, galen_error *err) {
    char path[GAL_RUN_PATH];
    close_parts(r);
    GAL_TRY(gal_run_path(r->folder, "last.safetensors", path, err));
    if (unlink(path) != 0 && errno != ENOENT) /* of the first epoch, with other runs */
        return gal_fail(err, GALEN_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    GAL_TRY(make_parts_that_fit(r, err));
    return write_config(r, err);
}

/*
 * When memory runs out before a first epoch is saved, by when everything has been in memory once, smaller runs begin
 * anew: a training whose runs change on its way could not be replayed.
 */
static galen_status fit_what_fits(run *r, galen_error *err) {
    galen_error own = {0};
    galen_status status;
    while ((status = fit(r, &own)) == GALEN_ERR_MEMORY && r->out->fit.epochs == 0 &&
           gal_job_shrink(r->job, r->hooks, own.message))
        GAL_TRY(begin_anew(r, err));
    if (status != GALEN_OK && err != NULL) *err = own;
    return status;
}

static void begin(const run *r, gal_train_phase phase) {
    if (r->hooks->phase != NULL) r->hooks->phase(r->hooks->context, phase);
}

static galen_status go(run *r, galen_error *err) {
    if (r->replay != NULL) GAL_TRY(gal_run_check_hashes(r->replay, err));
    GAL_TRY(make_folder(r, err));
    GAL_TRY(open_all(r, err));
    r->out->pictures = r->data.pictures;
    r->out->task = r->data.task;
    if (!r->resume) GAL_TRY(write_start(r, err));
    begin(r, GAL_TRAIN_LOOP);
    GAL_TRY(fit_what_fits(r, err));
    begin(r, GAL_TRAIN_AFTER);
    if (r->out->fit.interrupted || r->out->fit.best_epoch == 0) return GALEN_OK;
    close_parts(r); /* their memory is for what comes */
    GAL_TRY(gal_job_guard(r->job, &r->data, r->folder, r->hooks, &r->best, err));
    GAL_TRY(gal_sha256_hex(r->best.data, r->best.size, r->out->sha256, err));
    if (r->data.pictures.test > 0) GAL_TRY(judge_test(r, err));
    GAL_TRY(gal_job_write_curves(r->folder, err));
    GAL_TRY(gal_job_write_metrics(r->folder, r->out, err));
    return gal_run_write_hashes(r->folder, err);
}

galen_status gal_train_job_run(const gal_train_job *job, const gal_train_place *place, const gal_train_hooks *hooks,
                               gal_train_outcome *out, galen_error *err) {
    gal_train_job own = *job; /* texts stay the caller's */
    run r = {.job = &own,
             .here = *job,
             .folder = place->folder,
             .replay = place->replay,
             .lock = -1,
             .resume = place->resume,
             .hooks = hooks,
             .out = out};
    own.settled |= place->resume || place->replay != NULL;
    *out = (gal_train_outcome){.has_test = false};
    if (place->data != NULL) r.here.data = place->data;
    gal_buf_init(&r.best, MODEL_MAX);
    galen_status status = go(&r, err);
    close_parts(&r);
    gal_job_close_source(&r.test);
    gal_job_close_model(&r.model);
    gal_job_close_data(&r.data);
    gal_run_inputs_free(&r.inputs);
    gal_buf_free(&r.best);
    if (r.pool != NULL) gal_pool_destroy(r.pool);
    if (status != GALEN_OK && r.made) rmdir(r.folder); /* which only an empty one follows */
    gal_run_unlock(r.lock);
    return status;
}
