/* The binary evaluation: each figure, its interval by formula or draws, the curves. */
#include "clinic/evaluate/evaluate_binary.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/evaluate/binary_draws.h"
#include "clinic/measures/precision.h"

#include <math.h>

/* Cells of the confusion matrix, to say of which a proportion is made. */
enum { TP = 1, FP = 2, FN = 4, TN = 8 };

/* What a figure cannot do without. */
typedef enum need { DECISION, PREVALENCE, BOTH_KINDS, PROBABILITY } need;

static const struct row {
    const char *name;
    need needs;
    uint8_t hits, cases; /* cells of a proportion's numerator and denominator */
    double least, most;
} rows[GAL_FIGURES] = {
    [GAL_ACCURACY] = {"accuracy", DECISION, TP | TN, TP | TN | FP | FN, 0, 1},
    [GAL_BALANCED_ACCURACY] = {"balanced_accuracy", DECISION, 0, 0, 0, 1},
    [GAL_SENSITIVITY] = {"sensitivity", DECISION, TP, TP | FN, 0, 1},
    [GAL_SPECIFICITY] = {"specificity", DECISION, TN, TN | FP, 0, 1},
    [GAL_PPV] = {"ppv", DECISION, TP, TP | FP, 0, 1},
    [GAL_NPV] = {"npv", DECISION, TN, TN | FN, 0, 1},
    [GAL_PPV_AT_PREVALENCE] = {"ppv_at_prevalence", PREVALENCE, 0, 0, 0, 1},
    [GAL_NPV_AT_PREVALENCE] = {"npv_at_prevalence", PREVALENCE, 0, 0, 0, 1},
    [GAL_F1] = {"f1", DECISION, 0, 0, 0, 1},
    [GAL_MCC] = {"mcc", DECISION, 0, 0, -1, 1},
    [GAL_LR_POSITIVE] = {"lr_positive", DECISION, 0, 0, 0, INFINITY},
    [GAL_LR_NEGATIVE] = {"lr_negative", DECISION, 0, 0, 0, INFINITY},
    [GAL_AUC] = {"auc", BOTH_KINDS, 0, 0, 0, 1},
    [GAL_AVERAGE_PRECISION] = {"average_precision", BOTH_KINDS, 0, 0, 0, 1},
    [GAL_BRIER] = {"brier", PROBABILITY, 0, 0, 0, 1},
    [GAL_BRIER_RELIABILITY] = {"brier_reliability", PROBABILITY, 0, 0, 0, 1},
    [GAL_BRIER_RESOLUTION] = {"brier_resolution", PROBABILITY, 0, 0, 0, 1},
    [GAL_BRIER_UNCERTAINTY] = {"brier_uncertainty", PROBABILITY, 0, 0, 0, 1},
    [GAL_BRIER_WITHIN] = {"brier_within", PROBABILITY, 0, 0, -1, 1},
    [GAL_LOG_LOSS] = {"log_loss", PROBABILITY, 0, 0, 0, INFINITY},
    [GAL_ECE] = {"ece", PROBABILITY, 0, 0, 0, 1},
    [GAL_MCE] = {"mce", PROBABILITY, 0, 0, 0, 1},
};

const char *gal_figure_name(gal_figure figure) {
    return rows[figure].name;
}

static size_t sum_of(const gal_confusion *c, uint8_t cells) {
    return (cells & TP ? c->true_positives : 0) + (cells & FP ? c->false_positives : 0) +
           (cells & FN ? c->false_negatives : 0) + (cells & TN ? c->true_negatives : 0);
}

void gal_decision_figures(const gal_confusion *confusion, double prevalence, double *figure) {
    gal_rates r = gal_confusion_rates(confusion);
    figure[GAL_ACCURACY] = r.accuracy;
    figure[GAL_BALANCED_ACCURACY] = r.balanced_accuracy;
    figure[GAL_SENSITIVITY] = r.sensitivity;
    figure[GAL_SPECIFICITY] = r.specificity;
    figure[GAL_PPV] = r.ppv;
    figure[GAL_NPV] = r.npv;
    figure[GAL_PPV_AT_PREVALENCE] = gal_ppv_at(r.sensitivity, r.specificity, prevalence);
    figure[GAL_NPV_AT_PREVALENCE] = gal_npv_at(r.sensitivity, r.specificity, prevalence);
    figure[GAL_F1] = r.f1;
    figure[GAL_MCC] = r.mcc;
    figure[GAL_LR_POSITIVE] = r.positive_ratio;
    figure[GAL_LR_NEGATIVE] = r.negative_ratio;
}

static galen_status probability_figures(const gal_scores *s, size_t bins, gal_binary_evaluation *out, double *figure,
                                        galen_error *err) {
    gal_brier brier;
    out->bin = gal_calloc(bins, sizeof *out->bin);
    if (out->bin == NULL) return gal_fail_memory(err, "bins of reliability", bins * sizeof *out->bin);
    out->bins = bins;
    GAL_TRY(gal_reliability(s, bins, out->bin, err));
    GAL_TRY(gal_brier_score(s, bins, &brier, err));
    GAL_TRY(gal_log_loss(s, &figure[GAL_LOG_LOSS], err));
    figure[GAL_BRIER] = brier.score;
    figure[GAL_BRIER_RELIABILITY] = brier.reliability;
    figure[GAL_BRIER_RESOLUTION] = brier.resolution;
    figure[GAL_BRIER_UNCERTAINTY] = brier.uncertainty;
    figure[GAL_BRIER_WITHIN] = brier.within;
    figure[GAL_ECE] = gal_expected_calibration_error(out->bin, bins);
    figure[GAL_MCE] = gal_maximum_calibration_error(out->bin, bins);
    return GALEN_OK;
}

static galen_status ranking_figures(const gal_scores *s, gal_binary_evaluation *out, double *figure, galen_error *err) {
    GAL_TRY(gal_roc_auc(s, &figure[GAL_AUC], err));
    GAL_TRY(gal_average_precision(s, &figure[GAL_AVERAGE_PRECISION], err));
    GAL_TRY(gal_roc_curve(s, &out->roc, err));
    GAL_TRY(gal_curve_thin(&out->roc, GAL_CURVE_POINTS, err));
    GAL_TRY(gal_recall_curve(s, &out->precision_recall, err));
    return gal_curve_thin(&out->precision_recall, GAL_CURVE_POINTS, err);
}

/* exp(ln ratio +- z e) with e^2 = 1/a - 1/m + 1/b - 1/n of two independent shares a/m over b/n (Simel, Samsa and
 * Matchar, Journal of Clinical Epidemiology 44:763, 1991); none where a or b is 0. */
static void ratio_interval(gal_estimate *e, size_t a, size_t m, size_t b, size_t n, double z) {
    if (a == 0 || b == 0) return;
    double half = z * sqrt(1 / (double)a - 1 / (double)m + 1 / (double)b - 1 / (double)n);
    e->interval = (gal_interval){e->value * gal_ref_exp(-half), e->value * gal_ref_exp(half)};
    e->method = "Simel";
}

/* Of the mean of two independent shares, by the distances of their own limits (MOVER; Zou and Donner, Statistics in
 * Medicine 27:1693, 2008): unlike draws it knows that a share of 1 in few cases is not certain. */
static void mean_interval(gal_estimate *mean, const gal_estimate *a, const gal_estimate *b) {
    if (isnan(mean->value)) return;
    double down = hypot(a->value - a->interval.low, b->value - b->interval.low) / 2;
    double up = hypot(a->interval.high - a->value, b->interval.high - b->value) / 2;
    mean->interval = (gal_interval){fmax(mean->value - down, 0), fmin(mean->value + up, 1)};
    mean->method = "MOVER";
}

/* Intervals that a formula gives, for independent cases. */
static galen_status formula_intervals(const gal_scores *s, const gal_eval_settings *settings,
                                      gal_binary_evaluation *out, galen_error *err) {
    const gal_confusion *c = &out->confusion;
    double z = gal_z_of(settings->level);
    for (int i = 0; out->decided && i < GAL_FIGURES; i++) {
        if (rows[i].cases == 0) continue;
        out->figure[i] = gal_estimate_share(rows[i].name, sum_of(c, rows[i].hits), sum_of(c, rows[i].cases),
                                            settings->proportions, settings->level);
    }
    mean_interval(&out->figure[GAL_BALANCED_ACCURACY], &out->figure[GAL_SENSITIVITY], &out->figure[GAL_SPECIFICITY]);
    if (out->positives > 0 && out->negatives > 0) {
        ratio_interval(&out->figure[GAL_LR_POSITIVE], c->true_positives, out->positives, c->false_positives,
                       out->negatives, z);
        ratio_interval(&out->figure[GAL_LR_NEGATIVE], c->false_negatives, out->positives, c->true_negatives,
                       out->negatives, z);
    }
    if (out->positives >= 2 && out->negatives >= 2) {
        gal_auc auc;
        GAL_TRY(gal_delong(s, z, &auc, err));
        out->figure[GAL_AUC] = gal_estimate_area(rows[GAL_AUC].name, &auc);
    }
    return GALEN_OK;
}

/* Figures whose interval comes from draws: all of cases that belong together, else those without a formula. Without
 * errors of a kind a likelihood ratio is 0 or infinite in each draw, and what is uncertain by nature is no estimate. */
static bool is_drawn(const gal_estimate *e, gal_figure figure, bool by_patient) {
    if (!isfinite(e->value) || figure == GAL_BRIER_UNCERTAINTY) return false;
    return by_patient || (e->method == NULL && figure != GAL_LR_POSITIVE && figure != GAL_LR_NEGATIVE);
}

static galen_status drawn_intervals(const gal_binary_cases *cases, const uint8_t *called,
                                    const gal_eval_settings *settings, gal_pool *pool, gal_binary_evaluation *out,
                                    galen_error *err) {
    gal_binary_draws draws;
    gal_bootstrap_figure drawn[GAL_FIGURES];
    if (settings->draws == 0) return GALEN_OK;
    GAL_TRY(gal_binary_draws_make(cases, called, settings, &draws, err));
    gal_statistic statistic = {GAL_FIGURES, gal_binary_statistic, &draws};
    gal_strata strata = {draws.units.stratum, draws.units.strata};
    bool by_patient = draws.units.by_patient;
    gal_bootstrap_settings how = {settings->draws, settings->seed, settings->level};
    galen_status status = gal_bootstrap(&strata, &statistic, &how, pool, drawn, err);
    gal_binary_draws_free(&draws);
    GAL_TRY(status);
    for (int f = 0; f < GAL_FIGURES; f++)
        if (is_drawn(&out->figure[f], (gal_figure)f, by_patient))
            gal_estimate_drawn(&out->figure[f], &drawn[f], by_patient ? GAL_DRAWN_PATIENTS : GAL_DRAWN_STRATIFIED,
                               rows[f].least, rows[f].most);
    return GALEN_OK;
}

static gal_confusion confusion_of(const gal_scores *s, const uint8_t *called) {
    size_t cell[2][2] = {{0}};
    for (size_t i = 0; i < s->count; i++) cell[s->positive[i] != 0][called[i] != 0]++;
    return (gal_confusion){cell[1][1], cell[0][1], cell[1][0], cell[0][0]};
}

static galen_status evaluate(const gal_binary_cases *cases, const uint8_t *called, const gal_eval_settings *settings,
                             gal_pool *pool, gal_binary_evaluation *out, galen_error *err) {
    const gal_scores *s = &cases->scores;
    double figure[GAL_FIGURES];
    for (int i = 0; i < GAL_FIGURES; i++) figure[i] = (double)NAN;
    for (size_t i = 0; i < s->count; i++) out->positives += s->positive[i] != 0;
    out->negatives = s->count - out->positives;
    out->decided = called != NULL;
    if (out->decided) {
        out->confusion = confusion_of(s, called);
        gal_decision_figures(&out->confusion, settings->prevalence, figure);
    }
    if (cases->probability != NULL) {
        gal_scores probabilities = {cases->probability, s->positive, s->count};
        GAL_TRY(probability_figures(&probabilities, settings->bins, out, figure, err));
    }
    if (out->positives > 0 && out->negatives > 0) GAL_TRY(ranking_figures(s, out, figure, err));
    for (int i = 0; i < GAL_FIGURES; i++) out->figure[i] = gal_estimate_bare(rows[i].name, figure[i]);
    GAL_TRY(formula_intervals(s, settings, out, err));
    return drawn_intervals(cases, called, settings, pool, out, err);
}

/* The decisions at the threshold, where there are none yet; the caller frees *out with gal_free. */
static galen_status decide(const gal_binary_cases *cases, const gal_eval_settings *settings, uint8_t **out,
                           galen_error *err) {
    const gal_scores *s = &cases->scores;
    *out = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (isnan(s->score[i])) return gal_fail(err, GALEN_ERR_NUMERIC, "the score of case %zu is NaN", i + 1);
    if (cases->called != NULL || !settings->has_threshold) return GALEN_OK;
    *out = gal_calloc(s->count, sizeof **out);
    if (*out == NULL) return gal_fail_memory(err, "decisions", s->count * sizeof **out);
    for (size_t i = 0; i < s->count; i++) (*out)[i] = s->score[i] >= settings->threshold;
    return GALEN_OK;
}

galen_status gal_evaluate_binary(const gal_binary_cases *cases, const gal_eval_settings *settings, gal_pool *pool,
                                 gal_binary_evaluation *out, galen_error *err) {
    GAL_TRY(gal_eval_check(settings, err));
    if (cases->scores.count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no cases; at least one is needed");
    gal_binary_evaluation evaluation = {.cases = cases->scores.count};
    uint8_t *decided;
    GAL_TRY(decide(cases, settings, &decided, err));
    galen_status status = evaluate(cases, cases->called ? cases->called : decided, settings, pool, &evaluation, err);
    gal_free(decided);
    if (status == GALEN_OK)
        *out = evaluation;
    else
        gal_binary_evaluation_free(&evaluation);
    return status;
}

void gal_binary_evaluation_free(gal_binary_evaluation *evaluation) {
    gal_curve_free(&evaluation->roc);
    gal_curve_free(&evaluation->precision_recall);
    gal_free(evaluation->bin);
    *evaluation = (gal_binary_evaluation){0};
}

bool gal_figure_asked(const gal_binary_evaluation *e, const gal_eval_settings *settings, gal_figure figure) {
    switch (rows[figure].needs) {
    case DECISION: return e->decided;
    case PREVALENCE: return e->decided && !isnan(settings->prevalence);
    case PROBABILITY: return e->bin != NULL;
    default: return true;
    }
}
