/* One figure with its interval, what an evaluation is told, and both as JSON. */
#ifndef GAL_CLINIC_ESTIMATE_H
#define GAL_CLINIC_ESTIMATE_H

#include "clinic/measures/curves.h"
#include "clinic/measures/delong.h"
#include "clinic/stats/bootstrap.h"
#include "clinic/stats/interval.h"

#include <galen/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct gal_estimate {
    const char *name;      /* "sensitivity"; static */
    const char *method;    /* of the interval: "Wilson", "Clopper-Pearson", "Jeffreys", "DeLong", "MOVER", "Simel", "BCa
                            * bootstrap (stratified)", "BCa bootstrap (by patient)", "BCa bootstrap", "basic
                            * bootstrap ..."; static; NULL: none */
    double value;          /* NaN: not defined on these cases */
    gal_interval interval; /* NaN, NaN: none; ends may be infinite, of a ratio */
    size_t hits, cases;    /* numerator and denominator of a proportion; 0, 0 otherwise */
    gal_interval logit;    /* of an area, delong.h's; 0, 0 otherwise */
} gal_estimate;

/* Which interval of a proportion is shown first; all of them are in the JSON. */
typedef enum gal_proportion_method {
    GAL_WILSON,
    GAL_CLOPPER_PEARSON,
    GAL_JEFFREYS,
    GAL_PROPORTIONS
} gal_proportion_method;

/* "Wilson", "Clopper-Pearson", "Jeffreys". */
const char *gal_proportion_name(gal_proportion_method method);
/* The interval of hits / cases at a level in (0, 1); interval.h has the formulas. */
gal_interval gal_proportion_interval(gal_proportion_method method, size_t hits, size_t cases, double level);

typedef struct gal_eval_settings {
    double level;                      /* of the intervals, in (0, 1) */
    bool has_threshold;                /* without one there are no figures of decisions */
    double threshold;                  /* on the scale of the scores: positive from it on */
    double prevalence;                 /* for predictive values, in [0, 1]; NaN: not asked */
    gal_proportion_method proportions; /* the interval shown of proportions */
    size_t bins;                       /* of reliability, 1 to GAL_MOST_BINS */
    size_t draws;                      /* of the bootstrap, at most GAL_MOST_DRAWS; 0: none */
    uint64_t seed;                     /* of the draws */
} gal_eval_settings;

enum { GAL_MOST_BINS = 1000, GAL_MOST_DRAWS = 1000000 };

/* 95 %, no threshold, no prevalence, Wilson, 10 bins, 2000 draws, seed 1. */
gal_eval_settings gal_eval_defaults(void);
/* GALEN_ERR_ARGUMENT, naming the setting, for one outside its range. */
galen_status gal_eval_check(const gal_eval_settings *settings, galen_error *err);

/* hits / cases with the interval of `method` at `level`; NaN of no cases. */
gal_estimate gal_estimate_share(const char *name, size_t hits, size_t cases, gal_proportion_method method,
                                double level);
/* An area with both intervals, DeLong's first. */
gal_estimate gal_estimate_area(const char *name, const gal_auc *area);
/* What was drawn: any cases, as many of each kind as there are, or patients with all of their cases. */
typedef enum gal_drawn { GAL_DRAWN_CASES, GAL_DRAWN_STRATIFIED, GAL_DRAWN_PATIENTS } gal_drawn;

/* Takes the interval that draws gave, cut to [least, most]. Draws that never differ know nothing (sensitivity 1 in ten
 * cases is 1 in each draw): the estimate keeps what it has then. */
void gal_estimate_drawn(gal_estimate *estimate, const gal_bootstrap_figure *figure, gal_drawn drawn, double least,
                        double most);
/* A value that has no interval (yet). */
gal_estimate gal_estimate_bare(const char *name, double value);

/* A number, or null for what JSON has no number for. */
json_t *gal_number_json(double value);
/* [low, high]. */
json_t *gal_interval_json(gal_interval interval);

/* {value, low, high, method}, of proportions also hits, cases, wilson, clopper_pearson, jeffreys: [low, high] at
 * `level`, of areas logit: [low, high], all for independent cases. NULL: out of memory. */
json_t *gal_estimate_json(const gal_estimate *estimate, double level);
/* {level, threshold, prevalence, proportions, bins, draws, seed}, null where not set. NULL: out of memory. */
json_t *gal_eval_settings_json(const gal_eval_settings *settings);
/* Reads what gal_eval_settings_json wrote. GALEN_ERR_FORMAT for a member that is missing or of another kind, and what
 * gal_eval_check refuses. */
galen_status gal_eval_settings_read(const json_t *json, gal_eval_settings *out, galen_error *err);
/* {points: [[x, y, threshold], ...], exact}; null as a threshold is one above every score. NULL: out of memory. */
json_t *gal_curve_json(const gal_curve *curve);

#endif
