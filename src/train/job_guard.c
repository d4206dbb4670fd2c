/* Limits of unusual pictures and sets of labels for the model that a training made. */
#include "base/error.h"
#include "base/mem.h"
#include "clinic/watch/ood.h"
#include "session/guard.h"
#include "train/folder.h"
#include "train/job_parts.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 16 };

static gal_guard_options options_of(const gal_train_job *job, const gal_job_data *data, const gal_train_hooks *hooks) {
    gal_guard_options o = gal_guard_defaults();
    o.score.set = data->set;
    o.score.split = GAL_SPLIT_VAL;
    o.score.predictor.batch =
        job->batch < BATCH ? (int)job->batch : BATCH; /* a run that --memory made small stays so */
    o.score.predictor.threads = (int)job->threads;
    o.score.predictor.isa = gal_isa_name(hooks->isa);
    if (data->positive < 0 && !data->task.categorical) o.set_alpha = 0; /* several labels a picture: no sets */
    return o;
}

static void say(const gal_train_hooks *hooks, const char *line) {
    if (hooks->say != NULL) hooks->say(hooks->context, line);
}

static void say_fitted(const gal_train_hooks *hooks, const gal_guard_options *o, const gal_guard *g) {
    char line[256];
    int at = snprintf(line, sizeof line, "guard: from %zu validation pictures: unusual beyond a distance of %.4g",
                      g->pictures, g->limit[GAL_OOD_MAHALANOBIS]);
    if (o->set_alpha > 0 && at > 0 && (size_t)at < sizeof line)
        snprintf(line + at, sizeof line - (size_t)at, ", one label for %.1f %% of them", 100 * g->answered);
    say(hooks, line);
}

/* The old file is read while the new one is made: *best is exchanged when that is whole. */
static galen_status write_model(const char *path, const char *card, gal_buf *best, galen_error *err) {
    gal_buf bytes;
    gal_buf_init(&bytes, best->max);
    galen_status status = gal_guard_write(path, card, &bytes, err);
    if (status == GALEN_OK) status = gal_file_write(path, bytes.data, bytes.size, err);
    if (status == GALEN_OK) {
        gal_buf old = *best;
        *best = bytes;
        bytes = old;
    }
    gal_buf_free(&bytes);
    return status;
}

galen_status gal_job_guard(const gal_train_job *job, const gal_job_data *data, const char *folder,
                           const gal_train_hooks *hooks, gal_buf *best, galen_error *err) {
    char path[GAL_RUN_PATH], line[GALEN_ERROR_MAX + 64], *card = NULL;
    gal_guard guard;
    galen_error own;
    if (strcmp(job->guard, "yes") != 0) return GALEN_OK;
    const gal_guard_options o = options_of(job, data, hooks);
    if ((double)data->pictures.val < gal_ood_least(o.ood_alpha)) {
        snprintf(line, sizeof line, "guard: no limits in the card: %zu validation pictures, of which %.0f are needed",
                 data->pictures.val, gal_ood_least(o.ood_alpha));
        say(hooks, line);
        return GALEN_OK;
    }
    GAL_TRY(gal_run_path(folder, "best.onnx", path, err));
    galen_status status = gal_guard_fit(path, "the validation pictures", &o, &card, &guard, &own);
    if (status == GALEN_OK) {
        status = write_model(path, card, best, err);
        gal_free(card);
        if (status == GALEN_OK) say_fitted(hooks, &o, &guard);
        return status;
    }
    if (status == GALEN_ERR_MEMORY || status == GALEN_ERR_IO) {
        if (err != NULL) *err = own;
        return status;
    }
    snprintf(line, sizeof line, "guard: no limits in the card: %s", own.message);
    say(hooks, line);
    return GALEN_OK;
}
