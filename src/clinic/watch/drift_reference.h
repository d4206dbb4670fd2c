/* How a model's scores and pictures were spread when it was fitted, in a few numbers for its card; and whether later
 * ones are spread alike. */
#ifndef GAL_CLINIC_DRIFT_REFERENCE_H
#define GAL_CLINIC_DRIFT_REFERENCE_H

#include "clinic/watch/drift.h"

#include <jansson.h>

/* What is followed, in the order of the rows of values. */
typedef enum gal_drift_series {
    GAL_DRIFT_SCORE,  /* the logit of the positive class, or the highest probability of several */
    GAL_DRIFT_MEAN,   /* of the prepared pixels' levels, as all below in shares of the range */
    GAL_DRIFT_SPREAD, /* their standard deviation */
    GAL_DRIFT_DARK,   /* the share of them below an eighth of the range */
    GAL_DRIFT_SERIES
} gal_drift_series;

enum {
    GAL_DRIFT_LEAST = 50,                     /* cases on either side: fewer tell too little */
    GAL_DRIFT_CHANCE = 100 * GAL_DRIFT_SERIES /* a shift is one where p < 1 / this: 0.01 shared out over the series */
};

const char *gal_drift_series_name(gal_drift_series series);

/* Parts that hold about as many cases each, with the exact numbers of cases: all that is compared is exact at edges. */
typedef struct gal_drift_parts {
    int bins;                          /* 1: all cases were equal, and nothing can be compared */
    double edge[GAL_PSI_MAX_BINS - 1]; /* [bins - 1] rising, the first value of each part but the first */
    uint64_t count[GAL_PSI_MAX_BINS];  /* [bins] */
} gal_drift_parts;

typedef struct gal_drift_reference {
    size_t cases; /* 0: there is none */
    gal_drift_parts parts[GAL_DRIFT_SERIES];
} gal_drift_reference;

/*
 * Divides `count` rows of values, [count][GAL_DRIFT_SERIES], each series for itself. GALEN_ERR_ARGUMENT for fewer than
 * GAL_DRIFT_LEAST, GALEN_ERR_NUMERIC for a value that is no finite number.
 */
galen_status gal_drift_fit(const double *value, size_t count, gal_drift_reference *out, galen_error *err);

/* {"cases", NAME: {"edges": [...], "counts": [...]} for each series}. A new reference, NULL without memory. */
json_t *gal_drift_json(const gal_drift_reference *reference);
/* The same read back; GALEN_ERR_FORMAT naming the key for what gal_drift_json would not have written. */
galen_status gal_drift_read(const json_t *object, gal_drift_reference *out, galen_error *err);

typedef enum gal_shift { GAL_SHIFT_NONE, GAL_SHIFT_MODERATE, GAL_SHIFT_LARGE } gal_shift;

typedef struct gal_drift_finding {
    gal_psi psi;      /* over at most 10 parts; NaN where the reference has one */
    gal_shift shift;  /* index above 0.1, above 0.25 (Siddiqi 2006), where p is below 1 / GAL_DRIFT_CHANCE */
    gal_ks ks;        /* gal_ks_of all parts; NaN likewise */
    gal_drift alarm;  /* the first of gal_cusum_add */
    size_t at, since; /* the case that raised it and about where the change began, counted from 1; 0: no alarm */
} gal_drift_finding;

/*
 * Compares `count` later rows in the order of time. The cumulative sums (slack 0.5, limit 8) are of normal scores, that
 * is of the normal quantile of the middle rank of a value's part in the reference, so that they need no distribution; a
 * false alarm comes about every 9,500 cases of a series, a shift of one deviation is found after about 16 (Siegmund).
 * GALEN_ERR_ARGUMENT without a reference or for fewer than GAL_DRIFT_LEAST rows, GALEN_ERR_NUMERIC for a value that is
 * no finite number, GALEN_ERR_MEMORY.
 */
galen_status gal_drift_compare(const gal_drift_reference *reference, const double *value, size_t count,
                               gal_drift_finding out[GAL_DRIFT_SERIES], galen_error *err);

#endif
