/*
 * The loop: epochs of steps, a look at the validation pictures after each, and a run folder that a training can be
 * resumed from bit for bit. Files of the folder appear whole or not at all:
 *   last.safetensors  checkpoint after the last whole epoch, or of a step of the next one, with what the loop knows in
 *                     its notes
 *   best.onnx         the model of the best epoch, card and all
 *   log.jsonl         a line an epoch
 */
#ifndef GAL_TRAIN_FIT_H
#define GAL_TRAIN_FIT_H

#include "train/schedule.h"
#include "train/score.h"
#include "train/teacher.h"
#include "train/trainer.h"

#include <signal.h>

typedef enum gal_train_metric { GAL_METRIC_AUC, GAL_METRIC_ACCURACY, GAL_METRIC_LOSS } gal_train_metric;

/* What is shown while training. */
typedef struct gal_fit_progress {
    int64_t epoch, epochs; /* counted from 1 */
    int64_t step, steps;   /* of this epoch */
    double loss;           /* mean of the epoch so far */
    double rate, images_per_second, seconds_left;
    int64_t skipped;                   /* steps left out because of NaN or infinity, since the start */
    double scale;                      /* of the loss (gal_trainer_scale) */
    const gal_train_score *score;      /* of the validation pictures, at an epoch's end; else NULL */
    bool ended;                        /* the epoch has */
    bool best;                         /* and is the best one so far */
    int64_t best_epoch;                /* so far; 0: none yet */
    const gal_train_score *best_score; /* its; all zero without validation pictures */
} gal_fit_progress;

typedef struct gal_fit_options {
    gal_schedule schedule; /* steps are set by the loop when 0 */
    gal_train_hyper hyper; /* its rate is set by the schedule */
    int64_t epochs;
    int runs_a_step; /* batches whose gradients make a step together (a trainer that accumulates); 0 is 1 */
    gal_train_metric metric;
    int patience;        /* epochs without a better metric after which the training stops; 0: never */
    double sensitivity;  /* of the operating point frozen on the validation pictures; 0: none. Binary models */
    bool averaged;       /* judge and keep the averaged parameters */
    double save_seconds; /* within an epoch, a checkpoint whenever so much time has passed; 0: at its end only */
    const char *folder;  /* the run folder, which exists; NULL: nothing is written */
    bool resume;         /* go on from folder/last.safetensors, if it is there */
    const char *card; /* JSON object of the exported model's card, completed with threshold and training; NULL: none */
    const volatile sig_atomic_t *stop; /* the loop ends after the step in which it becomes non-zero; NULL */
    void (*progress)(void *context, const gal_fit_progress *progress);
    void *context;
    gal_pool *pool;       /* for validation */
    gal_teacher *teacher; /* asked about every batch, for a trainer with loss.alpha; NULL: none */
} gal_fit_options;

typedef struct gal_fit_result {
    /* Made, those before a resume included. After a failure only epochs is set: those of the last checkpoint. */
    int64_t epochs, steps, skipped;
    double scale; /* of the loss, at the end (gal_trainer_scale) */
    int64_t best_epoch;
    gal_train_score best;      /* of the best epoch on the validation pictures */
    bool has_point;            /* an operating point was frozen */
    gal_operating_point point; /* on the validation pictures, of the best epoch */
    bool interrupted;          /* by options.stop: resume goes on */
    bool stopped_early;        /* by options.patience */
} gal_fit_result;

/*
 * Trains. `train` gives batches of at most the trainer's; `val` may be NULL: then the last epoch is the best. An
 * interruption leaves a checkpoint of the step it came in. A resume goes on there: batches of steps already made are
 * loaded and passed over. One that has ended already, by its epochs or by patience, makes no step. *model receives the
 * best epoch's model (an initialised buffer).
 */
galen_status gal_fit(gal_trainer *trainer, const gal_train_source *train, const gal_train_source *val,
                     const gal_fit_options *options, gal_buf *model, gal_fit_result *result, galen_error *err);

#endif
