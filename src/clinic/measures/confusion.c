/* Rates of a confusion matrix. */
#include "clinic/measures/confusion.h"

#include "base/error.h"

#include <math.h>

galen_status gal_confusion_at(const gal_scores *s, double threshold, gal_confusion *out, galen_error *err) {
    if (isnan(threshold)) return gal_fail(err, GALEN_ERR_NUMERIC, "the threshold is NaN; it must be a number");
    for (size_t i = 0; i < s->count; i++)
        if (isnan(s->score[i])) return gal_fail(err, GALEN_ERR_NUMERIC, "the score of case %zu is NaN", i + 1);
    gal_operating_point at;
    gal_roc_at(s, threshold, &at);
    *out = (gal_confusion){at.true_positives, at.false_positives, at.false_negatives, at.true_negatives};
    return GALEN_OK;
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : part > 0 ? INFINITY : (double)NAN;
}

gal_rates gal_confusion_rates(const gal_confusion *c) {
    double tp = (double)c->true_positives, fp = (double)c->false_positives;
    double fn = (double)c->false_negatives, tn = (double)c->true_negatives;
    gal_rates r = {
        .accuracy = ratio(tp + tn, tp + tn + fp + fn),
        .sensitivity = ratio(tp, tp + fn),
        .specificity = ratio(tn, tn + fp),
        .ppv = ratio(tp, tp + fp),
        .npv = ratio(tn, tn + fn),
        .f1 = ratio(2 * tp, 2 * tp + fp + fn),
        /* From the shares of errors, so that no 1 - specificity loses digits. */
        .positive_ratio = ratio(ratio(tp, tp + fn), ratio(fp, tn + fp)),
        .negative_ratio = ratio(ratio(fn, tp + fn), ratio(tn, tn + fp)),
    };
    r.balanced_accuracy = (r.sensitivity + r.specificity) / 2;
    double margins = sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn);
    r.mcc = margins > 0 ? (tp * tn - fp * fn) / margins : (double)NAN;
    if (isnan(r.balanced_accuracy)) r.positive_ratio = r.negative_ratio = (double)NAN;
    return r;
}

/* The share of `right` among those called so: `wrong` of the others are called so too. */
static double predictive(double right, double wrong, double share) {
    if (!(share >= 0 && share <= 1)) return (double)NAN;
    double all = right * share + wrong * (1 - share);
    return all > 0 ? right * share / all : (double)NAN;
}

double gal_ppv_at(double sensitivity, double specificity, double prevalence) {
    return predictive(sensitivity, 1 - specificity, prevalence);
}

double gal_npv_at(double sensitivity, double specificity, double prevalence) {
    return predictive(specificity, 1 - sensitivity, 1 - prevalence);
}
