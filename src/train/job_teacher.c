/* The teacher of a job: a file, which must stay the one it was. */
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "train/job_parts.h"

#include <string.h>

static const size_t MODEL_MAX = (size_t)8 << 30;

static galen_status read_teacher(const gal_train_job *job, const gal_teacher_lesson *lesson, gal_isa isa,
                                 gal_pool *pool, gal_job_teacher *out, galen_error *err) {
    const gal_file *file = &out->file;
    GAL_TRY(gal_sha256_hex(file->data, file->size, out->sha256, err));
    if (job->teacher_sha256 != NULL && strcmp(job->teacher_sha256, out->sha256) != 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "its SHA-256 is %.12s..., the settings ask for %.12s...", out->sha256,
                        job->teacher_sha256);
    return gal_teacher_open(file->data, file->size, lesson, job->batch, isa, pool, &out->teacher, err);
}

static gal_teacher_lesson lesson_of(const gal_job_data *data, const gal_recipe *recipe) {
    return (gal_teacher_lesson){.task = data->task,
                                .label = (const char *const *)data->set->class_name,
                                .n_label = data->set->classes,
                                .positive = data->positive,
                                .recipe = *recipe};
}

galen_status gal_job_teacher_needs(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                   gal_isa isa, gal_pool *pool, gal_teacher_bytes *out, galen_error *err) {
    const gal_teacher_lesson lesson = lesson_of(data, recipe);
    gal_file file;
    *out = (gal_teacher_bytes){0};
    if (job->teacher == NULL) return GALEN_OK;
    GAL_TRY(gal_file_map(job->teacher, MODEL_MAX, &file, err));
    galen_status status = gal_teacher_needs(file.data, file.size, &lesson, job->batch, isa, pool, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, job->teacher);
}

galen_status gal_job_open_teacher(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                  gal_isa isa, gal_pool *pool, gal_job_teacher *out, galen_error *err) {
    const gal_teacher_lesson lesson = lesson_of(data, recipe);
    *out = (gal_job_teacher){.teacher = NULL};
    if (job->teacher == NULL) return GALEN_OK;
    if (job->alpha <= 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "alpha 0: nothing would be learnt from the teacher; leave it out");
    GAL_TRY(gal_file_map(job->teacher, MODEL_MAX, &out->file, err));
    galen_status status = read_teacher(job, &lesson, isa, pool, out, err);
    return status == GALEN_OK ? status : gal_fail_in(err, status, job->teacher);
}

void gal_job_close_teacher(gal_job_teacher *t) {
    gal_teacher_close(t->teacher);
    gal_file_unmap(&t->file);
    *t = (gal_job_teacher){.teacher = NULL};
}
