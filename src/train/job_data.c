/* Data of a job: splits, targets, sources. */
#include "base/error.h"
#include "base/mem.h"
#include "data/duplicates.h"
#include "data/split.h"
#include "train/job_parts.h"

#include <stdio.h>
#include <string.h>

/* ---- classes ---- */

static galen_status find_task(const gal_train_job *job, gal_job_data *data, galen_error *err) {
    const gal_dataset *set = data->set;
    bool two = !set->multi_label && set->classes == 2;
    data->task = (gal_train_task){.categorical = !set->multi_label && !two, .classes = two ? 1 : set->classes};
    data->positive = two ? 1 : -1;
    if (job->positive == NULL) return GALEN_OK;
    if (!two) return gal_fail(err, GALEN_ERR_ARGUMENT, "positive '%s': only one of two classes can be", job->positive);
    for (int c = 0; c < 2; c++) {
        if (strcmp(set->class_name[c], job->positive) != 0) continue;
        data->positive = c;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_ARGUMENT, "positive '%s': the classes are %s and %s", job->positive,
                    set->class_name[0], set->class_name[1]);
}

static void say_split(const gal_train_hooks *hooks, const gal_dataset *set, gal_split split, size_t *room) {
    char line[512];
    size_t total = gal_dataset_split_count(set, split);
    if (hooks->say == NULL || total == 0) return;
    gal_dataset_class_counts(set, split, room);
    size_t at = (size_t)snprintf(line, sizeof line, "%s: %zu pictures", gal_split_name(split), total);
    for (int c = 0; c < set->classes && at < sizeof line; c++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%s %zu", c == 0 ? ": " : ", ", set->class_name[c],
                               room[c]);
    hooks->say(hooks->context, line);
}

static galen_status say(const gal_train_hooks *hooks, const gal_dataset *set, galen_error *err) {
    size_t *room = gal_calloc((size_t)set->classes, sizeof *room);
    if (room == NULL) return gal_fail_memory(err, "class counts", (size_t)set->classes * sizeof *room);
    for (int s = GAL_SPLIT_TRAIN; s < GAL_SPLITS; s++) say_split(hooks, set, (gal_split)s, room);
    gal_free(room);
    return GALEN_OK;
}

/* What was read from DICOM headers and how it is used. No patient is named. */
static void say_dicom(const gal_train_hooks *hooks, const gal_dicom_counts *n) {
    char line[160];
    if (hooks->say == NULL || n->files == 0) return;
    if (n->patients > 0) {
        snprintf(line, sizeof line, "%zu DICOM files of %zu patients by their headers: each patient is in one split",
                 n->files - n->unknown, n->patients);
        hooks->say(hooks->context, line);
    }
    if (n->unknown > 0) {
        snprintf(line, sizeof line, "%zu DICOM files name no patient and no study: each is taken as one of its own",
                 n->unknown);
        hooks->say(hooks->context, line);
    }
    if (n->several > 0) {
        snprintf(line, sizeof line, "%zu DICOM files hold several frames: the first is used", n->several);
        hooks->say(hooks->context, line);
    }
}

/* ---- leaks ---- */

enum { NEAR = 2, NAMED = 3 }; /* bits of 128 that may differ; pairs that are named */

static void say_pair(const gal_train_hooks *hooks, const gal_dataset *set, const gal_duplicate *pair) {
    char line[1024];
    const gal_sample *a = &set->sample[pair->a], *b = &set->sample[pair->b];
    snprintf(line, sizeof line, "  %.400s (%s) %s %.400s (%s)", a->id, gal_split_name(a->split),
             pair->exact ? "=" : "~", b->id, gal_split_name(b->split));
    hooks->say(hooks->context, line);
}

static void count_pictures(void *context, size_t done, size_t all) {
    const gal_train_hooks *hooks = context;
    if (hooks->count != NULL) hooks->count(hooks->context, "looking for equal pictures", done, all);
}

/* Counts pictures that stand in two splits and names the first: what is judged on them says less. */
static galen_status find_leaks(const gal_train_job *job, const gal_train_hooks *hooks, const gal_dataset *set,
                               gal_pool *pool, galen_error *err) {
    char line[160];
    gal_duplicates found;
    bool near = strcmp(job->leaks, "near") == 0;
    if (hooks->say == NULL || strcmp(job->leaks, "off") == 0) return GALEN_OK;
    const gal_duplicate_options options = {
        .distance = near ? NEAR : -1, .progress = count_pictures, .context = (void *)(uintptr_t)hooks};
    GAL_TRY(gal_duplicates_find(set, &options, pool, &found, err));
    if (found.count > 0) {
        snprintf(line, sizeof line, "%s%zu pairs of %s pictures stand in two splits:", found.all ? "" : "at least ",
                 found.count, near ? "equal or nearly equal" : "equal");
        hooks->say(hooks->context, line);
    }
    for (size_t i = 0; i < found.count && i < NAMED; i++) say_pair(hooks, set, &found.pair[i]);
    gal_duplicates_free(&found);
    return GALEN_OK;
}

/* Into splits; one class says so before it fails to be divided. */
static galen_status divide(const gal_train_job *job, gal_dataset *set, galen_error *err) {
    galen_status status = gal_dataset_check(set, 0, err);
    if (status == GALEN_OK) status = gal_dataset_split(set, job->val, job->test, (uint64_t)job->seed, err);
    return status == GALEN_OK ? status : gal_fail_in(err, status, job->data);
}

static galen_status settle(const gal_train_job *job, const gal_train_hooks *hooks, gal_pool *pool, gal_job_data *data,
                           galen_error *err) {
    gal_dataset *set = data->set;
    say_dicom(hooks, &set->dicom);
    GAL_TRY(divide(job, set, err));
    data->pictures =
        (gal_train_counts){gal_dataset_split_count(set, GAL_SPLIT_TRAIN), gal_dataset_split_count(set, GAL_SPLIT_VAL),
                           gal_dataset_split_count(set, GAL_SPLIT_TEST)};
    GAL_TRY(say(hooks, set, err));
    bool judged = data->pictures.val > 0 || job->val > 0;
    GAL_TRY(find_leaks(job, hooks, set, pool, err));
    galen_status status = gal_dataset_check(set, 1U << GAL_SPLIT_TRAIN | (judged ? 1U << GAL_SPLIT_VAL : 0), err);
    return status == GALEN_OK ? find_task(job, data, err) : gal_fail_in(err, status, job->data);
}

galen_status gal_job_open_data(const gal_train_job *job, const gal_train_hooks *hooks, gal_pool *pool,
                               gal_job_data *out, galen_error *err) {
    *out = (gal_job_data){.positive = -1};
    if (job->data == NULL) return gal_fail(err, GALEN_ERR_ARGUMENT, "no data was named");
    const gal_dataset_options options = {.group_rule = job->group};
    GAL_TRY(gal_dataset_open(job->data, &options, &out->set, err));
    galen_status status = settle(job, hooks, pool, out, err);
    if (status != GALEN_OK) gal_job_close_data(out);
    return status;
}

void gal_job_close_data(gal_job_data *data) {
    gal_dataset_free(data->set);
    data->set = NULL;
}

/* ---- sources ---- */

static galen_status start(void *context, int64_t epoch, galen_error *err) {
    gal_job_source *s = context;
    return gal_loader_start(s->loader, (uint64_t)epoch, err);
}

static void set_targets(const gal_job_data *data, const gal_sample *sample, float *target) {
    memset(target, 0, (size_t)data->task.classes * sizeof *target);
    if (data->positive >= 0) {
        target[0] = sample->label[0] == data->positive ? 1 : 0;
        return;
    }
    for (int i = 0; i < sample->labels; i++) target[sample->label[i]] = 1;
}

/* The targets of a batch, mixed as its pictures were. */
static void fill_targets(gal_job_source *s, const gal_loader_batch *batch) {
    size_t classes = (size_t)s->data->task.classes;
    float *own = batch->weight != NULL ? s->own : s->targets;
    for (size_t i = 0; i < batch->count; i++)
        set_targets(s->data, &s->data->set->sample[batch->sample[i]], own + i * classes);
    for (size_t i = 0; batch->weight != NULL && i < batch->count; i++) {
        const float *a = own + i * classes, *b = own + batch->partner[i] * classes;
        for (size_t c = 0; c < classes; c++)
            s->targets[i * classes + c] = batch->weight[i] * a[c] + (1 - batch->weight[i]) * b[c];
    }
}

static galen_status next(void *context, gal_train_batch *out, galen_error *err) {
    gal_job_source *s = context;
    gal_loader_batch batch;
    GAL_TRY(gal_loader_next(s->loader, &batch, err));
    fill_targets(s, &batch);
    *out = (gal_train_batch){.count = (int64_t)batch.count, .images = batch.images, .targets = s->targets};
    return GALEN_OK;
}

/* The preset, and what the settings ask for beside it. */
static gal_augment augment_of(const gal_train_job *job) {
    gal_augment a = *gal_augment_preset(job->augment);
    a.flip_x = strchr(job->flip, 'x') != NULL ? 0.5 : 0;
    a.flip_y = strchr(job->flip, 'y') != NULL ? 0.5 : 0;
    a.mixup = job->mixup;
    if (job->crop > 0) a.crop = job->crop;
    if (job->elastic > 0) a.elastic = job->elastic;
    return a;
}

galen_status gal_job_open_source(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                 gal_split split, bool learn, gal_job_source *out, galen_error *err) {
    const gal_augment augment = augment_of(job);
    const gal_loader_options options = {.split = split,
                                        .recipe = *recipe,
                                        .batch = (int)job->batch,
                                        .workers = job->workers > 0 ? (int)job->workers : gal_pool_available_threads(),
                                        .depth = 3,
                                        .augment = learn ? &augment : NULL,
                                        .shuffle = learn,
                                        .weighted = learn && job->weighted,
                                        .seed = (uint64_t)job->seed,
                                        .cache_bytes = (size_t)job->cache << 20};
    size_t room = (size_t)job->batch * (size_t)data->task.classes;
    *out = (gal_job_source){.data = data, .targets = gal_calloc(2 * room, sizeof(float))};
    if (out->targets == NULL) return gal_fail_memory(err, "targets", room * sizeof(float));
    out->own = out->targets + room;
    GAL_TRY(gal_loader_open(data->set, &options, &out->loader, err));
    out->source = (gal_train_source){out, (int64_t)gal_loader_count(out->loader), start, next};
    return GALEN_OK;
}

void gal_job_close_source(gal_job_source *s) {
    gal_loader_close(s->loader);
    gal_free(s->targets);
    *s = (gal_job_source){.data = NULL};
}
