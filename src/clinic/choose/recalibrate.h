/*
 * Making probabilities true: a curve from scores to probabilities, fitted on validation cases and kept with the model.
 *
 * All curves rise (or are flat), so that ranking, and with it every threshold on the raw score, stays what it was.
 * Scores are logits; gal_logit_of turns probabilities into them.
 */
#ifndef GAL_CLINIC_RECALIBRATE_H
#define GAL_CLINIC_RECALIBRATE_H

#include "clinic/measures/roc.h"

#include <jansson.h>

typedef enum gal_calibration_method {
    GAL_CALIBRATION_NONE,
    GAL_CALIBRATION_TEMPERATURE, /* sigmoid(z / T), softmax(z / T); Guo, Pleiss, Sun and Weinberger, ICML 2017 */
    GAL_CALIBRATION_PLATT,       /* sigmoid(slope z + intercept); Platt 1999, as Lin, Lin and Weng corrected it, Machine
                                  * Learning 68, 2007: targets are smoothed, which ends the growth of the slope */
    GAL_CALIBRATION_ISOTONIC,    /* straight lines between the blocks of gal_isotonic, flat beyond them */
    GAL_CALIBRATION_BETA         /* sigmoid(a ln p - b ln(1 - p) + c), a, b >= 0, p = sigmoid(z); Kull, Silva Filho and
                                  * Flach, AISTATS 2017 */
} gal_calibration_method;

typedef struct gal_calibration {
    gal_calibration_method method;
    double parameter[3];         /* temperature: T > 0. Platt: slope > 0, intercept. Beta: a, b, c */
    size_t knots;                /* isotonic; at most 2 * GAL_ISOTONIC_BLOCKS */
    double *logit, *probability; /* [knots] each, both rising; owned */
} gal_calibration;

void gal_calibration_free(gal_calibration *calibration);

/* "temperature", "platt", "isotonic", "beta", "none"; static storage. */
const char *gal_calibration_name(gal_calibration_method method);
/* GALEN_ERR_ARGUMENT for a name that is none of them. */
galen_status gal_calibration_parse(const char *name, gal_calibration_method *out, galen_error *err);

/* ln(p / (1 - p)), p kept 1e-15 away from 0 and 1: what is certain would stay so, whatever the outcomes. */
double gal_logit_of(double probability);

/*
 * Fits a curve to cases whose scores are logits. All but isotonic minimise the log loss, to the last digits; isotonic
 * the squared error. GALEN_ERR_NUMERIC for a score that is no finite number, for scores that rank positives below
 * negatives, and where no curve is best (the kinds do not overlap: Platt and isotonic fit then too). GALEN_ERR_ARGUMENT
 * unless both kinds are there. The caller frees *out (gal_calibration_free).
 */
galen_status gal_calibration_fit(gal_calibration_method method, const gal_scores *logits, gal_calibration *out,
                                 galen_error *err);

/* Cases of more than two classes. */
typedef struct gal_class_scores {
    const double *logit;   /* [count][classes] */
    const uint32_t *label; /* [count] index of the true class */
    size_t count, classes;
} gal_class_scores;

/* The temperature of least log loss. Errors as above; GALEN_ERR_ARGUMENT for a label that is no class. */
galen_status gal_calibration_fit_classes(const gal_class_scores *scores, gal_calibration *out, galen_error *err);

/* The probability of a logit: the same bits on every machine. NONE: its sigmoid. */
double gal_calibration_apply(const gal_calibration *calibration, double logit);
/* Softmax at the temperature (1 for any other method) into out[classes], which may be `logit`. */
void gal_calibration_apply_classes(const gal_calibration *calibration, const double *logit, size_t classes,
                                   double *out);

/* How true probabilities are. Of several classes: the log loss of the true class, the squared distance of all of them
 * (Brier), and the calibration errors of the highest probability (Guo et al.). */
typedef struct gal_calibration_quality {
    double log_loss, brier, expected_error, maximum_error;
} gal_calibration_quality;

/* What a calibration does to some cases, best not those it was fitted on. */
typedef struct gal_recalibration {
    const gal_calibration *calibration; /* the caller's */
    size_t cases, bins;                 /* of gal_reliability */
    gal_calibration_quality before, after;
} gal_recalibration;

galen_status gal_recalibrate(const gal_calibration *calibration, const gal_scores *logits, size_t bins,
                             gal_recalibration *out, galen_error *err);
galen_status gal_recalibrate_classes(const gal_calibration *calibration, const gal_class_scores *scores, size_t bins,
                                     gal_recalibration *out, galen_error *err);

/*
 * {"method": "temperature", "parameters": {"temperature"}}, {"slope", "intercept"} of Platt, {"a", "b", "c"} of beta,
 * {"logit": [...], "probability": [...]} of isotonic. A new reference, NULL without memory.
 */
json_t *gal_calibration_json(const gal_calibration *calibration);
/* The same read back, from "method" and "parameters" of `object` (other keys are the caller's): GALEN_ERR_FORMAT naming
 * the key for what gal_calibration_json would not have written. The caller frees *out, also after an error. */
galen_status gal_calibration_read(const json_t *object, gal_calibration *out, galen_error *err);

/* gal_calibration_json's with "cases", "bins", and "before" and "after": {"log_loss", "brier", "ece", "mce"}. */
json_t *gal_recalibration_json(const gal_recalibration *recalibration);

#endif
