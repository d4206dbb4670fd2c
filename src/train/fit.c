/* The loop. */
#include "train/fit.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "train/loop.h"

#include <math.h>
#include <string.h>

static const size_t LOG_MAX = (size_t)64 << 20;

static bool must_stop(const gal_fit_loop *l) {
    return l->options->stop != NULL && *l->options->stop != 0;
}

/* ---- steps ---- */

/* Where an epoch stands, for people. */
typedef struct pace {
    double start;
    int64_t images, first_step;
} pace;

static double speed_of(const pace *p) {
    double passed = gal_clock_seconds() - p->start;
    return passed > 0 ? (double)p->images / passed : 0;
}

static double loss_of(const gal_fit_loop *l) {
    return l->loss_count > 0 ? l->loss_sum / (double)l->loss_count : (double)NAN;
}

static void report(const gal_fit_loop *l, const pace *p, double rate, const gal_train_score *score, bool ended,
                   bool best) {
    if (l->options->progress == NULL) return;
    double passed = gal_clock_seconds() - p->start;
    int64_t made = l->step - p->first_step, left = (l->options->epochs - l->epoch) * l->steps - l->step;
    const gal_fit_progress progress = {.epoch = l->epoch + 1,
                                       .epochs = l->options->epochs,
                                       .step = l->step,
                                       .steps = l->steps,
                                       .loss = loss_of(l),
                                       .rate = rate,
                                       .images_per_second = ended ? l->speed : speed_of(p),
                                       .seconds_left = made > 0 ? passed / (double)made * (double)left : (double)NAN,
                                       .skipped = l->skipped,
                                       .scale = gal_trainer_scale(l->trainer),
                                       .score = score,
                                       .ended = ended,
                                       .best = best,
                                       .best_epoch = l->best_epoch,
                                       .best_score = &l->best_score};
    l->options->progress(l->options->context, &progress);
}

static galen_status teach(const gal_fit_loop *l, const gal_train_batch *batch, galen_error *err) {
    const float *logits;
    if (l->options->teacher == NULL) return GALEN_OK;
    GAL_TRY(gal_teacher_answer(l->options->teacher, batch->count, batch->images, &logits, err));
    gal_trainer_teach(l->trainer, logits);
    return GALEN_OK;
}

/* Up to `runs` batches; *made is how many there were. */
static galen_status gather(gal_fit_loop *l, int *made, int64_t *images, galen_error *err) {
    gal_train_batch batch;
    double loss;
    for (*made = 0; *made < l->runs; (*made)++) {
        GAL_TRY(l->train->next(l->train->context, &batch, err));
        if (batch.count == 0) return GALEN_OK;
        int64_t seed = (l->epoch * l->steps + l->step) * l->runs + *made;
        GAL_TRY(teach(l, &batch, err));
        GAL_TRY(gal_trainer_run(l->trainer, batch.count, batch.images, batch.targets, seed, &loss, err));
        *images += batch.count;
        if (!isfinite(loss)) continue;
        l->loss_sum += loss;
        l->loss_count++;
    }
    return GALEN_OK;
}

static galen_status make_steps(gal_fit_loop *l, pace *p, galen_error *err) {
    for (;;) {
        double rate = gal_schedule_rate(&l->schedule, &l->plateau, l->epoch * l->steps + l->step), norm;
        gal_train_hyper hyper = l->options->hyper;
        bool skipped;
        int runs;
        GAL_TRY(gather(l, &runs, &p->images, err));
        if (runs == 0) return GALEN_OK;
        hyper.rate = rate;
        GAL_TRY(gal_trainer_step(l->trainer, &hyper, runs, &norm, &skipped, err));
        l->step++;
        l->skipped += skipped;
        report(l, p, rate, NULL, false, false);
        if (must_stop(l)) return GALEN_OK;
        if (l->options->save_seconds > 0 && gal_clock_seconds() - l->saved >= l->options->save_seconds)
            GAL_TRY(gal_fit_save(l, err));
    }
}

/* The batches of steps that were made before a resume, which can take as long as they did. */
static galen_status pass_over(const gal_fit_loop *l, galen_error *err) {
    gal_train_batch batch;
    for (int64_t i = 0; i < l->step * l->runs && !must_stop(l); i++)
        GAL_TRY(l->train->next(l->train->context, &batch, err));
    return GALEN_OK;
}

/* ---- epochs ---- */

/* The higher the better. */
static double metric_of(const gal_fit_loop *l, const gal_train_score *score) {
    switch (l->options->metric) {
    case GAL_METRIC_ACCURACY: return score->accuracy;
    case GAL_METRIC_LOSS: return -score->loss;
    case GAL_METRIC_AUC: break;
    }
    return score->auc;
}

static gal_train_task task_of(const gal_fit_loop *l) {
    return gal_trainer_task(l->trainer);
}

static galen_status freeze_point(gal_fit_loop *l, const gal_train_answers *answers, galen_error *err) {
    l->has_point = l->options->sensitivity > 0 && !answers->task.categorical && answers->task.classes == 1;
    return l->has_point ? gal_train_cut(answers, l->options->sensitivity, &l->point, err) : GALEN_OK;
}

/* The model as it is, asked about the validation pictures; kept when it is the best so far. */
static galen_status judge(gal_fit_loop *l, gal_train_score *score, bool *best, galen_error *err) {
    gal_train_answers answers;
    gal_buf now;
    gal_buf_init(&now, SIZE_MAX / 2);
    galen_status status = gal_trainer_export(l->trainer, l->options->averaged, &now, err);
    if (status == GALEN_OK)
        status = gal_train_ask(now.data, now.size, l->val, task_of(l), gal_trainer_batch(l->trainer),
                               gal_trainer_isa(l->trainer), l->options->pool, &answers, err);
    gal_buf_free(&now);
    if (status == GALEN_ERR_NUMERIC)
        return gal_fail(
            err, status,
            "after epoch %lld the model's answers are no numbers any more: train anew with a lower rate, or a "
            "clip",
            (long long)l->epoch + 1);
    if (status != GALEN_OK) return status;
    status = gal_train_measure(&answers, score, err);
    double metric = status == GALEN_OK ? metric_of(l, score) : 0;
    bool even = metric == l->best && score->loss < l->best_score.loss; /* a small set is soon ranked without a fault */
    *best = status == GALEN_OK && (l->best_epoch == 0 || metric > l->best || even);
    if (*best) {
        l->best = metric;
        l->best_score = *score;
        status = freeze_point(l, &answers, err);
    }
    gal_train_answers_free(&answers);
    return status;
}

static void log_number(gal_fit_loop *l, const char *key, double v) {
    if (isfinite(v))
        gal_buf_printf(&l->log, ", \"%s\": %.9g", key, v);
    else
        gal_buf_printf(&l->log, ", \"%s\": null", key);
}

/* Times are measured in this process: an epoch that was resumed counts from there. */
static void log_epoch(gal_fit_loop *l, const pace *p, double rate, const gal_train_score *score, bool best) {
    gal_buf_printf(&l->log, "{\"epoch\": %lld, \"step\": %lld", (long long)l->epoch,
                   (long long)gal_trainer_steps(l->trainer));
    log_number(l, "loss", loss_of(l));
    log_number(l, "rate", rate);
    gal_buf_printf(&l->log, ", \"skipped\": %lld", (long long)l->skipped);
    log_number(l, "scale", gal_trainer_scale(l->trainer));
    log_number(l, "seconds", gal_clock_seconds() - p->start);
    log_number(l, "images_per_second", l->speed);
    if (score != NULL) {
        log_number(l, "val_loss", score->loss);
        log_number(l, "val_accuracy", score->accuracy);
        log_number(l, "val_auc", score->auc);
    }
    if (best && l->has_point) {
        log_number(l, "threshold_logit", l->point.threshold);
        log_number(l, "val_sensitivity", l->point.sensitivity);
        log_number(l, "val_specificity", l->point.specificity);
    }
    gal_buf_printf(&l->log, ", \"best\": %s}\n", best ? "true" : "false");
}

/* After the last step of an epoch. */
static galen_status end_epoch(gal_fit_loop *l, pace *p, galen_error *err) {
    double rate = gal_schedule_rate(&l->schedule, &l->plateau, (l->epoch + 1) * l->steps - 1);
    gal_train_score score;
    bool best = true;
    l->speed = speed_of(p);
    if (l->val != NULL) {
        GAL_TRY(judge(l, &score, &best, err));
        gal_schedule_epoch(&l->schedule, &l->plateau, metric_of(l, &score));
    }
    if (best) l->best_epoch = l->epoch + 1;
    report(l, p, rate, l->val != NULL ? &score : NULL, true, best);
    l->epoch++;
    log_epoch(l, p, rate, l->val != NULL ? &score : NULL, best);
    l->step = l->loss_count = 0;
    l->loss_sum = 0;
    l->waited = best ? 0 : l->waited + 1;
    if (best) GAL_TRY(gal_fit_keep_best(l, err));
    return gal_fit_save(l, err);
}

/* Patience is left. Asked after a resume too, which must not make one more epoch. */
static bool is_patient(const gal_fit_loop *l) {
    return l->options->patience == 0 || l->waited < l->options->patience;
}

static galen_status run_epochs(gal_fit_loop *l, gal_fit_result *result, galen_error *err) {
    l->saved = gal_clock_seconds();
    while (l->epoch < l->options->epochs && is_patient(l) && !must_stop(l)) {
        pace p = {.first_step = l->step};
        GAL_TRY(l->train->start(l->train->context, l->epoch, err));
        GAL_TRY(pass_over(l, err));
        if (must_stop(l)) break;
        p.start = gal_clock_seconds();
        GAL_TRY(make_steps(l, &p, err));
        if (l->step < l->steps && must_stop(l)) break;
        GAL_TRY(end_epoch(l, &p, err));
    }
    result->stopped_early = l->epoch < l->options->epochs && !is_patient(l);
    result->interrupted = l->epoch < l->options->epochs && is_patient(l);
    return result->interrupted ? gal_fit_save(l, err) : GALEN_OK;
}

/* ---- */

static galen_status check(const gal_fit_options *o, const gal_train_source *train, galen_error *err) {
    if (o->epochs < 1) return gal_fail(err, GALEN_ERR_ARGUMENT, "%lld epochs; at least 1", (long long)o->epochs);
    if (train->count < 1) return gal_fail(err, GALEN_ERR_ARGUMENT, "no pictures to train on");
    if (o->resume && o->folder == NULL) return gal_fail(err, GALEN_ERR_ARGUMENT, "a resume needs a run folder");
    return GALEN_OK;
}

static galen_status go(gal_fit_loop *l, gal_fit_result *result, galen_error *err) {
    bool found = false;
    if (l->options->resume) GAL_TRY(gal_fit_restore(l, &found, err));
    galen_status status = run_epochs(l, result, err);
    result->epochs = status == GALEN_OK ? l->epoch : l->kept;
    if (status != GALEN_OK) return status;
    result->steps = gal_trainer_steps(l->trainer), result->skipped = l->skipped;
    result->scale = gal_trainer_scale(l->trainer);
    result->best_epoch = l->best_epoch, result->best = l->best_score;
    result->has_point = l->has_point, result->point = l->point;
    return GALEN_OK;
}

galen_status gal_fit(gal_trainer *trainer, const gal_train_source *train, const gal_train_source *val,
                     const gal_fit_options *options, gal_buf *model, gal_fit_result *result, galen_error *err) {
    gal_fit_loop l = {.trainer = trainer, .train = train, .val = val, .options = options, .model = model};
    *result = (gal_fit_result){0};
    GAL_TRY(check(options, train, err));
    int64_t batch = gal_trainer_batch(trainer), batches = (train->count + batch - 1) / batch;
    l.runs = options->runs_a_step > 0 ? options->runs_a_step : 1;
    l.steps = (batches + l.runs - 1) / l.runs;
    l.schedule = options->schedule;
    if (l.schedule.steps == 0) l.schedule.steps = l.steps * options->epochs;
    l.plateau = (gal_plateau){.best = -INFINITY, .scale = 1};
    gal_buf_init(&l.log, LOG_MAX);
    galen_status status = go(&l, result, err);
    gal_buf_free(&l.log);
    return status;
}
