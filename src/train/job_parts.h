/* The parts a job is put together from; shared by the files of the job only. */
#ifndef GAL_TRAIN_JOB_PARTS_H
#define GAL_TRAIN_JOB_PARTS_H

#include "base/file.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "train/job.h"
#include "train/teacher.h"

/* A data set with splits, and what its classes mean to the model. */
typedef struct gal_job_data {
    gal_dataset *set;
    gal_train_counts pictures;
    gal_train_task task;
    int positive;                /* class of a binary task, else -1 */
    char sha256[GAL_SHA256_HEX]; /* of the digests of all its files (provenance.h); "" until it is known */
} gal_job_data;

/* Opens the data, cuts a validation split where there is none, checks what is there and says what it found. */
galen_status gal_job_open_data(const gal_train_job *job, const gal_train_hooks *hooks, gal_pool *pool,
                               gal_job_data *out, galen_error *err);
void gal_job_close_data(gal_job_data *data);

/* The model with a last layer for the task, how pictures are prepared for it, and its card (gal_free). */
typedef struct gal_job_model {
    gal_model *model;
    gal_recipe recipe;
    char *card;
} gal_job_model;

galen_status gal_job_open_model(const gal_train_job *job, const gal_job_data *data, gal_job_model *out,
                                galen_error *err);
void gal_job_close_model(gal_job_model *model);

/* The teacher, with the SHA-256 of its file; without one teacher is NULL. */
typedef struct gal_job_teacher {
    gal_teacher *teacher;
    gal_file file;
    char sha256[GAL_SHA256_HEX];
} gal_job_teacher;

/* Release with gal_job_close_teacher, also after a failure. */
galen_status gal_job_open_teacher(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                  gal_isa isa, gal_pool *pool, gal_job_teacher *out, galen_error *err);
void gal_job_close_teacher(gal_job_teacher *teacher);
/* What it will hold; zeros without one. Errors as gal_job_open_teacher. */
galen_status gal_job_teacher_needs(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                   gal_isa isa, gal_pool *pool, gal_teacher_bytes *out, galen_error *err);

/* One split as a source of batches. */
typedef struct gal_job_source {
    const gal_job_data *data;
    gal_loader *loader;
    float *targets, *own; /* of a batch; before mixing */
    gal_train_source source;
} gal_job_source;

/* `learn`: in random order, changed as the job says; else in order and as they are. Release with
 * gal_job_close_source, also after a failure. */
galen_status gal_job_open_source(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe,
                                 gal_split split, bool learn, gal_job_source *out, galen_error *err);
void gal_job_close_source(gal_job_source *source);

/* ---- limits in the card (job_guard.c) ---- */

/*
 * Puts what galen guard fits, on the validation pictures, into the card of best.onnx in `folder`: the file and *best,
 * which holds its bytes. A model that has it keeps its bits. What speaks against it in the data or the network is said
 * by the hooks and leaves the model as it is; running out of memory or of disk is an error, so that the result does
 * not depend on either.
 */
galen_status gal_job_guard(const gal_train_job *job, const gal_job_data *data, const char *folder,
                           const gal_train_hooks *hooks, gal_buf *best, galen_error *err);

/* ---- memory (job_memory.c) ---- */

/*
 * Fits the job's batch, runs, segments and cache into its memory setting and says so; without one, segments that are
 * GAL_SEGMENTS_AUTO become 0. A settled job stays as it is. `image`: numbers of a prepared picture; `teacher`: what one
 * holds, NULL without.
 */
galen_status gal_job_fit_memory(gal_train_job *job, const gal_model *model, const gal_trainer_options *options,
                                size_t image, const gal_teacher_bytes *teacher, const gal_train_hooks *hooks,
                                galen_error *err);

/* After GALEN_ERR_MEMORY, which `why` tells: smaller runs and more of them, said by the hooks. False: there are none.
 */
bool gal_job_shrink(gal_train_job *job, const gal_train_hooks *hooks, const char *why);

/* Curves of a log.jsonl as an SVG picture: loss, and the validation pictures' AUC and accuracy, by epoch. */
galen_status gal_job_draw_curves(const char *log, size_t size, gal_buf *out, galen_error *err);

/* metrics.json: what the model was measured to be, with counts and intervals of 95 %; and curves.svg. */
galen_status gal_job_write_metrics(const char *folder, const gal_train_outcome *outcome, galen_error *err);
galen_status gal_job_write_curves(const char *folder, galen_error *err);

#endif
