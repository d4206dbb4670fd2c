/* What the loop of fit.h keeps while it runs; shared by the files of the loop only. */
#ifndef GAL_TRAIN_LOOP_H
#define GAL_TRAIN_LOOP_H

#include "train/fit.h"

typedef struct gal_fit_loop {
    gal_trainer *trainer;
    const gal_train_source *train, *val;
    const gal_fit_options *options;
    gal_schedule schedule; /* options->schedule with steps filled in */
    int64_t steps;         /* of an epoch */
    int runs;              /* of a step */
    double speed;          /* images a second of the epoch that has just ended, validation left out */
    int64_t kept;          /* whole epochs in the last checkpoint of this process */
    double saved;          /* when the last checkpoint was written, in seconds of the clock */
    /* Everything from here to `waited` is in the checkpoint's notes. */
    int64_t epoch, step; /* whole epochs made, steps made in this one */
    int64_t skipped;
    double loss_sum; /* of this epoch's runs that were numbers */
    int64_t loss_count;
    gal_plateau plateau;
    double best; /* metric of the best epoch, the higher the better */
    int64_t best_epoch;
    gal_train_score best_score;
    bool has_point;
    gal_operating_point point;
    int waited;
    gal_buf log;    /* log.jsonl so far */
    gal_buf *model; /* of the best epoch */
} gal_fit_loop;

/* Writes log.jsonl and last.safetensors; nothing without a folder. */
galen_status gal_fit_save(gal_fit_loop *loop, galen_error *err);
/* Reads it, log.jsonl and best.onnx back; *found says whether there was anything. */
galen_status gal_fit_restore(gal_fit_loop *loop, bool *found, galen_error *err);

/* Exports the model with its card into loop->model and writes best.onnx. */
galen_status gal_fit_keep_best(gal_fit_loop *loop, galen_error *err);

#endif
