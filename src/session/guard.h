/* Teaching a model to say when it should not be asked: fits what its card keeps for that. */
#ifndef GAL_SESSION_GUARD_H
#define GAL_SESSION_GUARD_H

#include "base/buf.h"
#include "clinic/watch/drift_reference.h"
#include "session/score_cases.h"

typedef struct gal_guard_options {
    gal_score_options score; /* features and choosing are set by themselves */
    double ood_alpha;        /* the share of the model's own kind of pictures that is called unusual; 0: no limits */
    double set_alpha;        /* the share of sets that may lack the true label; 0: no sets */
    bool by_class;           /* the sets' promise holds for each class */
} gal_guard_options;

/* 0.01, 0.1, not by class. */
gal_guard_options gal_guard_defaults(void);

typedef struct gal_guard {
    size_t pictures;
    int width;       /* features */
    double limit[3]; /* of gal_ood_measure; NaN without limits */
    double answered; /* the share of sets of one label on these pictures; NaN without sets */
    double least[2]; /* the least and the greatest probability that a label needs */
    bool drift;      /* there is a reference for later pictures: none of fewer than GAL_DRIFT_LEAST */
    char data_sha256[GAL_SHA256_HEX];
} gal_guard;

/*
 * Runs `model` over the pictures of `data`, which it should not have been trained on, and puts limits of strangeness
 * ("ood"), a conformal calibration ("conformal") and how scores and pictures are spread ("drift") into its card, each
 * with the digest of the data. The card's text, which the caller frees (gal_free), is the model's own with these in
 * place of what it said. Errors as gal_score_cases, gal_ood_fit and gal_conformal_fit; GALEN_ERR_UNSUPPORTED for sets
 * of a multi-label model.
 */
galen_status gal_guard_fit(const char *model, const char *data, const gal_guard_options *options, char **card,
                           gal_guard *out, galen_error *err);

/* Appends the ONNX file `model` with `card` in place of its own to *out, an initialised buffer. Errors as gal_onnx_load
 * and gal_onnx_write. */
galen_status gal_guard_write(const char *model, const char *card, gal_buf *out, galen_error *err);

/* What the card has for later pictures to be compared with, cases 0: nothing. Lives as long as the predictor. */
const gal_drift_reference *gal_predictor_drift(const galen_predictor *predictor);

#endif
