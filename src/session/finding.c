/* From raw scores to probabilities and a decision. */
#include "session/finding.h"

#include "base/refmath.h"

#include <math.h>
#include <stdbool.h>

static void softmax(const float *score, int n, double *out) {
    double top = score[0], sum = 0;
    for (int i = 1; i < n; i++)
        if (score[i] > top) top = score[i];
    for (int i = 0; i < n; i++) sum += out[i] = gal_ref_exp(score[i] - top);
    for (int i = 0; i < n; i++) out[i] /= sum;
}

static int largest(const double *p, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

/* Where the positive label's score is: there is one score, or two. */
static int positive_score(const galen_predictor_facts *facts) {
    return facts->n_scores == 1 ? 0 : facts->positive >= 0 ? facts->positive : 1;
}

static bool one_of_many(const galen_predictor_facts *facts) {
    return facts->task != GALEN_TASK_MULTILABEL && facts->n_scores > 1;
}

static void binary(const galen_predictor_facts *facts, gal_link link, const double *p, galen_prediction *out) {
    int yes = positive_score(facts);
    out->probability = p[yes];
    if (facts->has_threshold)
        out->positive = link == GAL_LINK_LOGIT ? (double)out->scores[yes] >= facts->threshold
                                               : p[yes] >= gal_ref_sigmoid(facts->threshold);
    bool present = facts->has_threshold ? out->positive == 1 : p[yes] >= 0.5;
    if (facts->n_labels == 2 && facts->positive >= 0) out->label = present ? facts->positive : 1 - facts->positive;
}

void gal_finding(const galen_predictor_facts *facts, gal_link link, double *probabilities, galen_prediction *out) {
    int n = facts->n_scores;
    out->probabilities = probabilities;
    out->label = -1;
    out->positive = -1;
    if (link == GAL_LINK_LOGIT && one_of_many(facts))
        softmax(out->scores, n, probabilities);
    else
        for (int i = 0; i < n; i++)
            probabilities[i] = link == GAL_LINK_LOGIT ? gal_ref_sigmoid(out->scores[i]) : (double)out->scores[i];
    if (facts->task == GALEN_TASK_BINARY) {
        binary(facts, link, probabilities, out);
    } else if (facts->task == GALEN_TASK_MULTICLASS) {
        out->label = largest(probabilities, n);
        out->probability = probabilities[out->label];
    } else {
        out->probability = probabilities[largest(probabilities, n)];
    }
    out->label_name = out->label >= 0 && out->label < facts->n_labels ? facts->label[out->label] : NULL;
}

/* Logits again of what the model made into probabilities. */
static void logits_of(const galen_prediction *p, gal_link link, bool many, int n, double *out) {
    for (int i = 0; i < n; i++)
        out[i] = link == GAL_LINK_LOGIT ? (double)p->scores[i]
                 : many                 ? gal_ref_log(fmax(p->probabilities[i], 1e-15))
                                        : gal_logit_of(p->probabilities[i]);
}

void gal_finding_calibrate(const galen_predictor_facts *facts, gal_link link, const gal_calibration *calibration,
                           double *room, galen_prediction *out) {
    int n = facts->n_scores;
    bool many = one_of_many(facts);
    out->calibrated = NULL;
    out->calibrated_probability = (double)NAN;
    if (calibration->method == GAL_CALIBRATION_NONE) return;
    logits_of(out, link, many, n, room);
    if (many)
        gal_calibration_apply_classes(calibration, room, (size_t)n, room);
    else
        for (int i = 0; i < n; i++) room[i] = gal_calibration_apply(calibration, room[i]);
    out->calibrated = room;
    out->calibrated_probability = room[facts->task == GALEN_TASK_BINARY ? positive_score(facts) : out->label];
}
