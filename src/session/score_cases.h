/* From a model and a data set to cases: the predictor's own pictures and scores, with what is true beside them. */
#ifndef GAL_SESSION_SCORE_CASES_H
#define GAL_SESSION_SCORE_CASES_H

#include "base/sha256.h"
#include "clinic/cases/cases.h"
#include "clinic/choose/recalibrate.h"
#include "data/dataset.h"

#include <galen/predictor.h>

typedef struct gal_score_options {
    galen_predictor_options predictor; /* frame: of files, not of arrays */
    const gal_dataset *set;            /* the caller's, and `data` only its name; NULL: `data` is opened */
    gal_split split;                   /* GAL_SPLIT_NONE: all, of a set without splits */
    const char *group_rule;            /* gal_dataset_options; NULL */
    const char *patient;               /* the attribute that names patients, in place of the data's groups; NULL */
    /* The cases are to choose a threshold or calibration on. Otherwise, that is to report on them, it is an error if
     * the card's threshold was frozen, or its calibration fitted, on any of them (data_mark.h). */
    bool choosing;
    bool features; /* keep what the network's last layer but one saw, the raw scores, and what drift is watched in */
    bool skip_unreadable; /* count pictures that cannot be read, and go on with the others */
    /* Changes each picture before the model's own preprocessing: fills *out, which the caller then owns. Several
     * threads may call it at once. NULL: pictures as they are. Digests stay those of the data. */
    galen_status (*change)(void *context, const char *id, const galen_image *picture, galen_image *out,
                           galen_error *err);
    void *change_context;
    void (*progress)(void *context, size_t done, size_t all); /* from this thread, after each picture; NULL */
    void *progress_context;
} gal_score_options;

/* The predictor's defaults in batches of 16, all pictures, none of which may be unreadable. */
gal_score_options gal_score_defaults(void);

/* A picture that could not be read or scored. */
typedef struct gal_unreadable {
    const char *id, *why;
} gal_unreadable;

/* What came of it. Texts live in `arena`. */
typedef struct gal_scored {
    gal_case_set cases;
    const char *model, *model_sha256, *precision, *isa;
    const char *card;   /* the model's own, as JSON; NULL: it has none */
    bool has_threshold; /* the card's frozen one, on the scale of the scores */
    double threshold;
    gal_calibration calibration; /* the card's, from logits to probabilities; not applied to the scores */
    const char *chosen;          /* how it was frozen; NULL: the card does not say */
    int n_missing;               /* what the card does not say, one line each */
    const char **missing;
    const char *data;                 /* the path as given */
    char data_sha256[GAL_SHA256_HEX]; /* of the samples' digests, sorted, a line each */
    const char **sample_sha256;       /* [cases.count] of each picture's file, or bytes */
    gal_unreadable *unreadable;
    size_t unreadables, pictures; /* of the split */
    float *feature, *raw;         /* [cases.count][width] and [cases.count][n_scores]; NULL unless asked for */
    /* [cases.count][GAL_DRIFT_SERIES] of clinic/watch/drift_reference.h, where features are asked for. */
    double *watched;
    int width, n_scores;
    gal_arena arena;
} gal_scored;

/*
 * Runs the model over the pictures of `data` (gal_dataset_open), or of options->set. Scores are the raw outputs of the
 * graph: logits, or probabilities where it ends in Sigmoid or Softmax; of a yes-or-no question with two outputs the
 * difference of their logits. They are the same bits for any batch and any number of threads. Patients are the data's
 * groups; its other columns and what DICOM headers say become attributes.
 *
 * GALEN_ERR_ARGUMENT for data that something in the card was chosen on, see above. GALEN_ERR_FORMAT, naming what to do,
 * for data whose labels are not the model's, data with splits of which none is
 * asked for, and pictures that cannot be read unless they are to be skipped (GALEN_ERR_MEMORY never is). Errors as
 * galen_predictor_open, gal_dataset_open and gal_case_set_finish otherwise. The caller owns *out (gal_scored_free),
 * which is empty on failure.
 */
galen_status gal_score_cases(const char *model, const char *data, const gal_score_options *options, gal_scored *out,
                             galen_error *err);
void gal_scored_free(gal_scored *scored);

#endif
