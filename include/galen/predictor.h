/*
 * From image files to findings: the model's own preprocessing, the session, and what the card says of the scores.
 *
 *     galen_predictor *p;
 *     galen_predictor_options o = galen_predictor_default_options();
 *     if (galen_predictor_open("model.onnx", &o, &p, &err) != GALEN_OK) ...err.message...
 *     galen_predictor_run(p, files, n_files, on_prediction, user, &err);
 *     galen_predictor_close(p);
 */
#ifndef GALEN_PREDICTOR_H
#define GALEN_PREDICTOR_H

#include <galen/gate.h>
#include <galen/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct galen_predictor galen_predictor;

typedef struct galen_predictor_options {
    int batch;       /* images a run, 1 to 4096; results do not depend on it, but for DynamicQuantizeLinear */
    int threads;     /* 0: all this process may use; results do not depend on it */
    const char *isa; /* "reference", "avx2", "avx512", "amx", "neon": the highest level to use; NULL: the best of this
                        machine */
    const char *precision; /* "f32", or "bf16" or "f16": activations and weights in that type, sums in f32; NULL: the
                              file's own */
    int frame;             /* of multi-frame DICOM files */
    galen_image_limits limits;
    /*
     * NULL: none. Else an existing folder that only this user may write: weights in the kernels' order are kept there
     * in a file and mapped from it, so that sessions and processes share one copy in memory. A file that is damaged or
     * somebody else's is made anew; what goes wrong there is said in the log (galen/log.h) and costs nothing else.
     */
    const char *cache;
} galen_predictor_options;

/* Batch 1, all threads, the best level, f32, the first frame, default limits. */
GALEN_API galen_predictor_options galen_predictor_default_options(void);

typedef enum galen_task {
    GALEN_TASK_BINARY = 1,     /* one finding: present or not */
    GALEN_TASK_MULTICLASS = 2, /* exactly one of the labels */
    GALEN_TASK_MULTILABEL = 3  /* any number of the labels */
} galen_task;

/* What is true of every prediction of one predictor. Pointers live as long as the predictor. */
typedef struct galen_predictor_facts {
    const char *path, *sha256; /* of the model file */
    const char *precision;     /* "f32", "bf16" or "f16"; "int8" for a quantised model */
    const char *device, *isa;  /* "cpu", "avx512" */
    int threads, batch;
    galen_task task;
    int n_scores; /* raw outputs an image */
    int n_labels; /* 0, or the number of names in `label` */
    const char *const *label;
    int positive; /* index of the positive label of a binary task, -1 when the card names none */
    int channels, width, height;
    int has_threshold;
    double threshold;             /* on the raw score (a logit): positive at or above */
    const char *threshold_chosen; /* how it was frozen; NULL when not said */
    const char *calibration;      /* "temperature", "platt", "isotonic", "beta": the card's; NULL when it has none */
    double
        ood_alpha; /* the share of the model's own kind of pictures beyond each of the limits; 0: the card has none */
    double ood_limit[3]; /* of `ood` in predictions */
    double set_alpha;    /* the share of sets that may lack the true label; 0: the card has no conformal calibration */
    int n_classes;       /* of sets; 2 for a binary task */
    int n_missing;       /* what the card does not say and what was assumed instead, one line each */
    const char *const *missing;
    size_t planned_bytes; /* activations, at this batch */
} galen_predictor_facts;

GALEN_API const galen_predictor_facts *galen_predictor_get_facts(const galen_predictor *predictor);

/* One image's result; pointers are valid during the callback only. */
typedef struct galen_prediction {
    const char *file;
    galen_status status; /* not GALEN_OK: `error` says why in one line, and nothing below is set */
    const char *error;
    const float *scores;         /* n_scores raw outputs */
    const double *probabilities; /* one for each score: sigmoid, softmax, or the score itself when the model ends in one
                                    of these */
    double probability;          /* of the positive label (binary) or of `label` */
    const double *calibrated;    /* the same for each score by the card's calibration; NULL when it has none. Label and
                                    decision are those of the raw scores */
    double calibrated_probability; /* of the one that `probability` is of; NaN when there is no calibration */
    int label; /* index of the label decided on; -1: none (multilabel, or no labels in the card and a binary task) */
    const char *label_name;  /* NULL when the card has no labels */
    int positive;            /* 1, 0, or -1 when there is no threshold to decide with */
    const galen_gate *gates; /* n_gates findings that speak against trusting the score */
    int n_gates;
    const double
        *ood; /* how strange the picture is: Mahalanobis distance, distance of neighbours, energy (docs/watching.md);
                 NULL when the card has no limits. The first beyond its limit is the gate "unusual" */
    const unsigned char
        *set;     /* [n_classes] 1: the label is in the set that holds the true one with probability 1 - set_alpha
                     (binary: negative, positive); NULL when the card has no conformal calibration */
    int set_size; /* 1: an answer. Otherwise the model abstains */
    /* What drift is watched in (docs/watching.md): the logit of the positive class, or the highest probability of
     * several; mean, standard deviation and share of dark ones of the prepared pixels. */
    double watched[4];
    double decode_ms, prepare_ms, run_ms; /* run_ms is the batch's time divided by its images */
} galen_prediction;

/* Called once for each file, in the order given, on the calling thread. */
typedef void (*galen_prediction_fn)(void *user, const galen_prediction *prediction);

/* Loads the model, plans it for options->batch (NULL: defaults). The caller owns *out. */
GALEN_API galen_status galen_predictor_open(const char *model, const galen_predictor_options *options,
                                            galen_predictor **out, galen_error *err);
GALEN_API void galen_predictor_close(galen_predictor *predictor);

/*
 * Predicts every file (JPEG, PNG, DICOM). A file that cannot be read or scored is one prediction with an error, and the
 * rest go on. Fails only when nothing can go on (out of memory for the batch). One call at a time per predictor.
 */
GALEN_API galen_status galen_predictor_run(galen_predictor *predictor, const char *const *files, size_t n_files,
                                           galen_prediction_fn fn, void *user, galen_error *err);

#ifdef __cplusplus
}
#endif
#endif
