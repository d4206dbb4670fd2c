/* What a job does about memory: a budget that is planned for, and smaller runs when memory runs out. */
#include "base/error.h"
#include "train/job_parts.h"

#include <stdio.h>
#include <string.h>

enum { RING = 4 }; /* batches a loader holds: one in use, three ahead (job_data.c) */

static void say(const gal_train_hooks *hooks, const char *line) {
    if (hooks->say != NULL) hooks->say(hooks->context, line);
}

/* Statistics of fewer pictures make small runs another training. `what`: the normalisation, for people. */
static void add_note(char *line, size_t size, const char *what, int64_t batch) {
    size_t at = strlen(line);
    snprintf(line + at, size - at, "; %s takes its statistics from %lld pictures at a time", what, (long long)batch);
}

static void say_plan(const gal_train_job *job, const gal_train_plan *plan, const gal_train_hooks *hooks) {
    char line[320], again[96] = "nothing computed again";
    if (plan->segments > 0)
        snprintf(again, sizeof again, "checkpointing in %lld segments (about %.0f %% more work)",
                 (long long)plan->segments, 100 * plan->needs.share);
    snprintf(line, sizeof line, "memory: runs of %lld pictures, %lld a step, %s: about %zu of %lld MiB",
             (long long)plan->batch, (long long)plan->runs, again, plan->bytes >> 20, (long long)(job->memory >> 20));
    if (plan->batch < job->batch && plan->needs.normalises)
        add_note(line, sizeof line, "batch normalisation", plan->batch);
    say(hooks, line);
}

/* Decoded pictures get what is left. */
static void cut_cache(gal_train_job *job, size_t bytes) {
    int64_t left = (job->memory - (int64_t)bytes) >> 20;
    if (job->cache > left) job->cache = left;
}

galen_status gal_job_fit_memory(gal_train_job *job, const gal_model *model, const gal_trainer_options *options,
                                size_t image, const gal_teacher_bytes *teacher, const gal_train_hooks *hooks,
                                galen_error *err) {
    gal_train_plan plan = {.batch = job->batch, .runs = job->runs, .segments = job->segments};
    gal_train_budget budget = {.bytes = (size_t)job->memory, .per_image = (size_t)2 * RING * image * sizeof(float)};
    if (job->settled || job->memory == 0) {
        if (job->segments == GAL_SEGMENTS_AUTO) job->segments = 0;
        return GALEN_OK;
    }
    if (teacher != NULL) budget.fixed = teacher->fixed, budget.per_image += teacher->per_image;
    GAL_TRY(gal_train_fit_budget(model, options, &budget, &plan, err));
    say_plan(job, &plan, hooks);
    job->batch = plan.batch, job->runs = plan.runs, job->segments = plan.segments;
    cut_cache(job, plan.bytes);
    return GALEN_OK;
}

bool gal_job_shrink(gal_train_job *job, const gal_train_hooks *hooks, const char *why) {
    char line[640];
    if (job->settled || !gal_train_halve(&job->batch, &job->runs)) return false;
    snprintf(line, sizeof line, "%.300s; going on with %lld runs of %lld pictures a step", why, (long long)job->runs,
             (long long)job->batch);
    add_note(line, sizeof line, "batch normalisation, if there is any,", job->batch);
    say(hooks, line);
    return true;
}
