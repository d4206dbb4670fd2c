/* What the four counts of a yes-or-no decision say. */
#ifndef GAL_CLINIC_CONFUSION_H
#define GAL_CLINIC_CONFUSION_H

#include "clinic/measures/roc.h"

typedef struct gal_confusion {
    size_t true_positives, false_positives, false_negatives, true_negatives;
} gal_confusion;

/* The counts of deciding positive where score >= threshold. GALEN_ERR_NUMERIC for a score or threshold of NaN, which
 * would silently count as negative. */
galen_status gal_confusion_at(const gal_scores *scores, double threshold, gal_confusion *out, galen_error *err);

/* Shares lie in [0, 1], mcc in [-1, 1], ratios in [0, inf]. What its cases do not define (0 / 0) is NaN: sensitivity
 * without positives, ppv without positive decisions, every one of them without cases. */
typedef struct gal_rates {
    double accuracy;                 /* (tp + tn) / n */
    double sensitivity, specificity; /* tp / (tp + fn), tn / (tn + fp); Altman and Bland, BMJ 308:1552, 1994 */
    double balanced_accuracy;        /* their mean; Brodersen et al., ICPR 2010 */
    double ppv, npv;                 /* tp / (tp + fp), tn / (tn + fn); Altman and Bland, BMJ 309:102, 1994 */
    double f1;                       /* 2 tp / (2 tp + fp + fn); van Rijsbergen, Information Retrieval, 1979 */
    double mcc;                      /* (tp tn - fp fn) / sqrt of the four margins; Matthews, BBA 405, 1975 */
    double positive_ratio;           /* likelihood ratios sensitivity / (1 - specificity), infinite without false */
    double negative_ratio; /* positives, and (1 - sensitivity) / specificity; Deeks and Altman, BMJ 329, 2004 */
} gal_rates;

gal_rates gal_confusion_rates(const gal_confusion *counts);

/*
 * Predictive values where a share `prevalence` of the people tested is ill, which is seldom that of the cases at hand:
 * Bayes' theorem (Altman and Bland, BMJ 309:102, 1994). NaN for a prevalence outside [0, 1], and where nobody would be
 * called positive (negative).
 */
double gal_ppv_at(double sensitivity, double specificity, double prevalence);
double gal_npv_at(double sensitivity, double specificity, double prevalence);

#endif
