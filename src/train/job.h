/* A whole training as a list of settings: what `galen train` is told, what config.json holds, what a replay repeats. */
#ifndef GAL_TRAIN_JOB_H
#define GAL_TRAIN_JOB_H

#include "base/arena.h"
#include "base/sha256.h"
#include "train/budget.h"
#include "train/fit.h"

/* Texts are the job's own or static. settings.def says what each means. */
typedef struct gal_train_job {
    const char *data, *model, *weights, *group, *positive, *optimizer, *schedule, *augment, *metric, *freeze,
        *precision, *leaks, *guard, *teacher, *teacher_sha256;
    int64_t memory;   /* bytes, 0: any */
    int64_t segments; /* of checkpointing; 0: none, GAL_SEGMENTS_AUTO */
    int64_t epochs, batch, runs, size, channels, patience, seed, warm_up, threads, workers, cache;
    double val, test, rate, decay, momentum, smoothing, focal, dropout, average, clip, sensitivity, mixup, save_every,
        loss_scale, alpha, temperature;
    bool weighted;
    bool settled; /* no setting: read from a run, whose choices of batch, runs and segments are kept */
    const char *flip;
    double crop, elastic; /* parts of a picture's sides; 0: as `augment` has it */
    gal_arena arena;
} gal_train_job;

/* One setting: its name on the command line and in config.json, and what it is. */
typedef struct gal_train_setting {
    const char *name, *metavar; /* metavar NULL: on or off */
    const char *help;
    const char *choices; /* words separated by spaces, or NULL */
} gal_train_setting;

/* All settings, in the order in which they are written. */
const gal_train_setting *gal_train_job_settings(size_t *count);

/* The defaults. */
void gal_train_job_init(gal_train_job *job);
void gal_train_job_free(gal_train_job *job);
/* Sets one from its text ("on" and "off" for those without metavar). GALEN_ERR_ARGUMENT says what it may be. */
galen_status gal_train_job_set(gal_train_job *job, const char *name, const char *text, galen_error *err);
/* All of them as a JSON object of texts, numbers and booleans, and back. Unknown keys are refused. Reading settles the
 * job. */
galen_status gal_train_job_write(const gal_train_job *job, gal_buf *out, galen_error *err);
galen_status gal_train_job_read(gal_train_job *job, const char *json, const char *what, galen_error *err);

/* Pictures of each split. */
typedef struct gal_train_counts {
    size_t train, val, test;
} gal_train_counts;

enum { GAL_RUN_OTHER = 256 }; /* bytes of a text that says why bits may differ (provenance.h) */

typedef struct gal_train_outcome {
    gal_fit_result fit;
    gal_train_counts pictures;
    gal_train_task task;
    bool has_test;
    gal_train_score test;           /* of the best epoch's model on the test pictures */
    gal_operating_point test_point; /* the frozen cut there, when fit.has_point */
    bool has_test_area;             /* with fit.has_point, unless there are fewer than two of a kind */
    gal_auc test_area;              /* AUC on the test pictures with DeLong's interval */
    char sha256[GAL_SHA256_HEX];    /* of best.onnx */
    char other[GAL_RUN_OTHER]; /* why a replay's, or a resumed training's, bits may differ from the run's: level, build;
                                  or "" */
} gal_train_outcome;

/* Only the loop has something to save when it is stopped; before and after it a training may end at any moment. */
typedef enum gal_train_phase { GAL_TRAIN_BEFORE, GAL_TRAIN_LOOP, GAL_TRAIN_AFTER } gal_train_phase;

typedef struct gal_train_hooks {
    void (*progress)(void *context, const gal_fit_progress *progress);
    void (*say)(void *context, const char *line); /* what was found and chosen, before the first step */
    /* `what` is being done with the done-th of `all` pictures or files, before the first step; on the caller's thread
     */
    void (*count)(void *context, const char *what, size_t done, size_t all);
    void (*phase)(void *context, gal_train_phase phase); /* it begins; BEFORE is not announced */
    void *context;
    const volatile sig_atomic_t *stop;
    gal_isa isa;         /* the level to compute at */
    const char *machine; /* JSON object for environment.json, or NULL */
} gal_train_hooks;

typedef struct gal_train_place {
    const char *folder; /* the run folder, made if need be */
    bool resume;        /* go on in it; else one that holds a training is refused */
    const char *replay; /* folder of a finished run that is trained again: its files and the inputs must be what its
                           digests say. NULL: none */
    const char *data;   /* where the job's data lie now, should they have been moved; NULL: where it says */
} gal_train_place;

/*
 * Trains: data.sha256, environment.json and config.json at once, then the files of fit.h, and at the end metrics.json,
 * curves.svg and hashes.txt. A resume or replay with other data or other first weights is refused. The data set must
 * have a validation split or gets one (setting val); a test split is judged once, at the end. Setting guard: the best
 * model's card gets limits and sets from the validation pictures, or hooks.say tells why not.
 *
 * With a memory budget, or when memory runs out before a first epoch is saved, batch, runs and segments may become
 * others than the job's (budget.h); config.json holds what was chosen. A settled or resumed job chooses nothing: out of
 * memory is its end.
 */
galen_status gal_train_job_run(const gal_train_job *job, const gal_train_place *place, const gal_train_hooks *hooks,
                               gal_train_outcome *out, galen_error *err);

#endif
