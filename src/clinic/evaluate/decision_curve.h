/* Does acting on a model do more good than treating everybody, or nobody? */
#ifndef GAL_CLINIC_DECISION_CURVE_H
#define GAL_CLINIC_DECISION_CURVE_H

#include "clinic/evaluate/evaluate.h"

enum { GAL_CURVE_MOST_THRESHOLDS = 1000 };

typedef struct gal_decision_settings {
    double low, high, step; /* probabilities from which on a patient would be treated: low, low + step, ... to high */
    double level;           /* of the intervals */
} gal_decision_settings;

/* 0.01 to 0.99 by 0.01, 95 %. */
gal_decision_settings gal_decision_defaults(void);

/*
 * Net benefits at one threshold t, in true positives a case: the share of true positives less that of false positives
 * times t / (1 - t), which is what whoever treats from t on thinks one of them costs (Vickers and Elkin, Medical
 * Decision Making 26:565, 2006). Treating nobody has 0.
 *
 * Each is a mean over cases, whose interval is that of a mean: +- z sqrt(variance / cases), the share of positives
 * being unknown too (Marsh, Janes and Pepe, Biometrics 76:843, 2020); of cases of patients, that of a ratio of sums
 * over patients. Shares of the cases at hand: where these were picked by outcome, net benefits are of a population so
 * made.
 */
typedef struct gal_net_benefit {
    double threshold;
    size_t true_positives, false_positives;
    double model, all, over_all; /* of the model, of treating everybody, the model's less that */
    gal_interval model_interval, all_interval, over_all_interval;
} gal_net_benefit;

typedef struct gal_decision_curve {
    gal_decision_settings settings;
    size_t cases, positives, patients; /* patients: 0 where each case is its own */
    size_t count;
    gal_net_benefit *point; /* [count]; owned */
} gal_decision_curve;

/*
 * Net benefits of `cases`, which need probabilities, at all thresholds of the settings. GALEN_ERR_ARGUMENT without
 * cases or probabilities, or for settings other than 0 < low <= high < 1, step > 0 and at most
 * GAL_CURVE_MOST_THRESHOLDS thresholds; GALEN_ERR_NUMERIC for a probability outside [0, 1]. pool: as gal_pool_run's; no
 * result depends on it. The caller frees *out (gal_decision_curve_free), also after an error.
 */
galen_status gal_decision_curve_make(const gal_binary_cases *cases, const gal_decision_settings *settings,
                                     gal_pool *pool, gal_decision_curve *out, galen_error *err);
void gal_decision_curve_free(gal_decision_curve *curve);

/*
 * {settings: {low, high, step, level}, cases, positives, patients or null, method, points: [{threshold, true_positives,
 * false_positives, model, model_interval: [low, high], treat_all, treat_all_interval, over_treat_all,
 * over_treat_all_interval}]}. A new reference, NULL without memory.
 */
json_t *gal_decision_curve_json(const gal_decision_curve *curve);
/* Reads the "settings" that gal_decision_curve_json wrote. GALEN_ERR_FORMAT for what it would not have written. */
galen_status gal_decision_settings_read(const json_t *settings, gal_decision_settings *out, galen_error *err);

#endif
