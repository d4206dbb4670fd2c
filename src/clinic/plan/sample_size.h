/* How many cases a study needs, before there are any. */
#ifndef GAL_CLINIC_SAMPLE_SIZE_H
#define GAL_CLINIC_SAMPLE_SIZE_H

#include "clinic/evaluate/estimate.h"

enum { GAL_PLAN_MOST = 100000000 };

/*
 * The least n at which the interval of a share, whichever way n * expected is rounded, is at most 2 * half_width wide.
 * Searched with the interval itself, no approximation. expected in [0, 1], half_width in (0, 0.5), level in (0, 1),
 * else GALEN_ERR_ARGUMENT; GALEN_ERR_LIMIT beyond GAL_PLAN_MOST.
 */
galen_status gal_plan_share(double expected, double half_width, gal_proportion_method method, double level,
                            size_t *cases, galen_error *err);

typedef enum gal_auc_variance {
    GAL_HANLEY_MCNEIL, /* of exponential scores (Radiology 143:29, 1982) */
    GAL_OBUCHOWSKI     /* of normal scores (Statistical Methods in Medical Research 7:371, 1998) */
} gal_auc_variance;

/* The variance of an area that is expected to be `auc`, in (0, 1), of so many cases. */
double gal_planned_auc_variance(gal_auc_variance method, double auc, double positives, double negatives);

/*
 * The least number of positives, with `ratio` negatives to each (rounded up), at which z standard errors of the area
 * are at most half_width. auc in [0.5, 1), half_width in (0, 0.5), ratio > 0, level in (0, 1), else GALEN_ERR_ARGUMENT;
 * GALEN_ERR_LIMIT beyond GAL_PLAN_MOST.
 */
galen_status gal_plan_auc(gal_auc_variance method, double auc, double half_width, double ratio, double level,
                          size_t *positives, size_t *negatives, galen_error *err);

/* A test that a new decider's share is no more than `margin` below a reference's, on the same cases. */
typedef struct gal_plan_paired {
    double margin;      /* in (0, 1) */
    double discordance; /* share of cases on which just one of the two is expected to be right, in (0, 1] */
    double difference;  /* expected, new less reference; above -margin, and at most discordance either way */
    double alpha;       /* one-sided, in (0, 0.5); 0.025 goes with an interval of 95 % */
} gal_plan_paired;

/*
 * The power of Tango's test (difference.h) with n cases, by its normal approximation, the variance at the margin being
 * that of the likeliest shares which differ by it (Nam, Biometrics 53:1422, 1997). NaN for a plan outside its range.
 */
double gal_planned_power(const gal_plan_paired *plan, double cases);
/* The least n of that power or more, in (0, 1). GALEN_ERR_ARGUMENT for a plan or power outside its range,
 * GALEN_ERR_LIMIT beyond GAL_PLAN_MOST. */
galen_status gal_plan_noninferior(const gal_plan_paired *plan, double power, size_t *cases, galen_error *err);

/* Cases to be collected so that `needed` of them are of a kind that has a share of all: expected, and so many that
 * there are enough with probability `assurance`. Beyond GAL_PLAN_MOST: GAL_PLAN_MOST + 1. share, assurance in (0, 1).
 */
size_t gal_plan_total(size_t needed, double share);
size_t gal_plan_total_assured(size_t needed, double share, double assurance);

/* What a study is to show; NaN: not asked for. */
typedef struct gal_plan_settings {
    double level, half_width; /* of the intervals; half_width also of the area's */
    gal_proportion_method method;
    double sensitivity, specificity, auc;  /* expected */
    double freeze_sensitivity, confidence; /* to be shown of a threshold (operating_point.h) */
    double sensitivity_margin, specificity_margin, discordance, difference, power; /* of non-inferiority */
    double prevalence; /* of positives among those collected; without it no totals, and an area of as many negatives */
    double assurance;  /* of totals */
} gal_plan_settings;

/* 95 %, half width 0.05, Wilson, confidence 95 %, difference 0, power and assurance 90 %, nothing asked for. */
gal_plan_settings gal_plan_defaults(void);

typedef struct gal_plan_row {
    const char *what, *method;   /* static */
    size_t positives, negatives; /* 0: any number */
    size_t total, assured;       /* 0: no prevalence */
} gal_plan_row;

enum { GAL_PLAN_ROWS = 8 };

typedef struct gal_plan {
    gal_plan_settings settings;
    gal_plan_row row[GAL_PLAN_ROWS];
    size_t rows;
    gal_plan_row all; /* for everything asked for together: the largest of each */
} gal_plan;

/* Errors as above; GALEN_ERR_ARGUMENT where nothing is asked for, or a margin without a discordance. */
galen_status gal_plan_make(const gal_plan_settings *settings, gal_plan *out, galen_error *err);

/* {settings: {...}, rows: [{what, method, positives, negatives, total, assured}], all: {positives, negatives, total,
 * assured}}, null for what is not set. A new reference, NULL without memory. */
json_t *gal_plan_json(const gal_plan *plan);

#endif
