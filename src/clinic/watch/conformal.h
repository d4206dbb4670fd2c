/*
 * Sets of labels with a guarantee: split conformal prediction (Vovk, Gammerman and Shafer, Algorithmic Learning in a
 * Random World, 2005; the score 1 - p of the label is that of Sadinle, Lei and Wasserman, JASA 114, 2019).
 *
 * If cases to come are drawn as those of the calibration were (exchangeable with them), the set holds the true label
 * with probability 1 - alpha or more, whatever the model is worth: a poor one gives large sets. The guarantee is about
 * the average over calibrations and cases; by class, also about the average over each class. A set of one label is an
 * answer; of none or of several, the model abstains: answers that are wrong come at most with probability alpha.
 */
#ifndef GAL_CLINIC_CONFORMAL_H
#define GAL_CLINIC_CONFORMAL_H

#include <galen/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GAL_CONFORMAL_MAX_CLASSES = 1024 };

/* Cases with probabilities. One column of a binary model says "positive"; label is then 0 or 1. */
typedef struct gal_class_cases {
    const double *probability; /* [count][columns] in [0, 1] */
    const uint32_t *label;     /* [count] index of the true class */
    size_t count;
    int columns; /* 1: two classes, negative (0) and positive (1) */
} gal_class_cases;

typedef struct gal_conformal {
    double alpha;  /* in (0, 1) */
    bool by_class; /* a quantile of its own for each class (Mondrian) */
    int classes;   /* 2 for a binary model of one column */
    double *least; /* [classes] a label is in the set where its probability is at least this; 0: always; owned */
    size_t *cases; /* [classes] calibration cases of the class; owned */
} gal_conformal;

/*
 * Takes the ceil((n + 1)(1 - alpha))-th largest probability that n cases gave their true label as the least a label
 * needs. Too few cases (n < 1 / alpha - 1) put the label in every set. GALEN_ERR_ARGUMENT for alpha outside (0, 1), no
 * cases or a label that is no class; GALEN_ERR_NUMERIC naming the case whose probability is not in [0, 1]. The caller
 * frees *out (gal_conformal_free), which is empty after an error.
 */
galen_status gal_conformal_fit(const gal_class_cases *cases, double alpha, bool by_class, gal_conformal *out,
                               galen_error *err);
void gal_conformal_free(gal_conformal *conformal);

/* Marks the labels of the set of one case, in[classes] = 0 or 1, and returns how many there are. probability[classes]:
 * of a binary model of one column 1 - p and p. */
int gal_conformal_set(const gal_conformal *conformal, const double *probability, uint8_t *in);

/* What the sets are worth on other cases than those of the calibration. */
typedef struct gal_conformal_quality {
    size_t cases, covered; /* the set holds the true label */
    size_t answered;       /* the set has one label */
    size_t wrong;          /* and that is not the true one */
    size_t empty;
    double mean_size;
    size_t *class_cases, *class_covered; /* [classes], the caller's */
} gal_conformal_quality;

/* The caller gives class_cases and class_covered with room for the classes. Errors as gal_conformal_fit. */
galen_status gal_conformal_measure(const gal_conformal *conformal, const gal_class_cases *cases,
                                   gal_conformal_quality *out, galen_error *err);

/* {"method", "alpha", "by_class", "least_probability": [...], "cases": [...]}. A new reference, NULL without memory. */
json_t *gal_conformal_json(const gal_conformal *conformal);
/* The same read back, for a model of `classes` (0: any); GALEN_ERR_FORMAT naming the key for what gal_conformal_json
 * would not have written. The caller frees *out, which is empty after an error. */
galen_status gal_conformal_read(const json_t *object, int classes, gal_conformal *out, galen_error *err);

#endif
