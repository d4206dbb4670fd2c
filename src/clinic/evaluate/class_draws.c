/* The figures of many classes for GAL_LANES weighted samples at once. */
#include "clinic/evaluate/class_draws.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/reliability.h"

#include <math.h>
#include <string.h>

enum { LANES = GAL_LANES };

/* Cases of a class in each sample: those it is true of, those it was called of, and both. */
typedef struct class_counts {
    uint32_t support[LANES], called[LANES], hits[LANES];
} class_counts;

/* Sums over the cases of each sample. */
typedef struct case_sums {
    double cases[LANES], right[LANES], top[3][LANES]; /* right: in all labels */
    double loss[LANES], brier[LANES];
} case_sums;

static const struct {
    gal_class_figure figure;
    uint32_t most;
} tops[3] = {{GAL_CLASSES_TOP_2, 2}, {GAL_CLASSES_TOP_3, 3}, {GAL_CLASSES_TOP_5, 5}};

static void count_classes(const gal_class_draws *d, const gal_weights *weight, class_counts *count, case_sums *sums) {
    for (size_t i = 0; i < d->set->count; i++) {
        const uint8_t *w = weight[d->units.of[i]];
        class_counts *is = count + d->set->label[i], *was = count + d->predicted[i];
        for (int l = 0; l < LANES; l++) {
            is->support[l] += w[l];
            was->called[l] += w[l];
            if (is == was) is->hits[l] += w[l];
            sums->cases[l] += w[l];
            if (is == was) sums->right[l] += w[l];
            sums->loss[l] += w[l] * d->loss[i];
            sums->brier[l] += w[l] * d->brier[i];
            for (int t = 0; t < 3; t++)
                if (d->place[i] < tops[t].most) sums->top[t][l] += w[l];
        }
    }
}

static void count_labels(const gal_class_draws *d, const gal_weights *weight, class_counts *count, case_sums *sums) {
    size_t n = d->set->count, classes = (size_t)d->set->classes;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *w = weight[d->units.of[i]];
        bool right = true;
        for (size_t c = 0; c < classes; c++) {
            bool is = d->set->positive[i * classes + c] != 0, was = d->called[c * n + i] != 0;
            right = right && is == was;
            for (int l = 0; is && l < LANES; l++) count[c].support[l] += w[l];
            for (int l = 0; was && l < LANES; l++) count[c].called[l] += w[l];
            for (int l = 0; is && was && l < LANES; l++) count[c].hits[l] += w[l];
        }
        for (int l = 0; l < LANES; l++) sums->cases[l] += w[l];
        for (int l = 0; right && l < LANES; l++) sums->right[l] += w[l];
    }
}

/* Sums over the classes of one sample. */
typedef struct class_sums {
    double support, called, hits;
    double classes, occurring;              /* those that count in averages, those that are true of a case */
    double precision, recall, f1;           /* sums */
    double weighted_precision, weighted_f1; /* by support; that of recall is the hits */
    double margins, squared_support, squared_called;
} class_sums;

static class_sums sum_classes(const class_counts *count, int classes, int l) {
    class_sums s = {0};
    for (int c = 0; c < classes; c++) {
        double support = count[c].support[l], called = count[c].called[l], hits = count[c].hits[l];
        if (support + called == 0) continue;
        double precision = called > 0 ? hits / called : 0, f1 = 2 * hits / (support + called);
        s.support += support, s.called += called, s.hits += hits;
        s.classes++;
        s.occurring += support > 0;
        s.precision += precision;
        s.recall += support > 0 ? hits / support : 0;
        s.f1 += f1;
        s.weighted_precision += support * precision;
        s.weighted_f1 += support * f1;
        s.margins += support * called;
        s.squared_support += support * support;
        s.squared_called += called * called;
    }
    return s;
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : (double)NAN;
}

static void average_figures(const class_sums *s, int l, double (*out)[LANES]) {
    out[GAL_CLASSES_MACRO_PRECISION][l] = ratio(s->precision, s->classes);
    out[GAL_CLASSES_MACRO_RECALL][l] = ratio(s->recall, s->classes);
    out[GAL_CLASSES_MACRO_F1][l] = ratio(s->f1, s->classes);
    out[GAL_CLASSES_MICRO_PRECISION][l] = ratio(s->hits, s->called);
    out[GAL_CLASSES_MICRO_RECALL][l] = ratio(s->hits, s->support);
    out[GAL_CLASSES_MICRO_F1][l] = ratio(2 * s->hits, s->support + s->called);
    out[GAL_CLASSES_WEIGHTED_PRECISION][l] = ratio(s->weighted_precision, s->support);
    out[GAL_CLASSES_WEIGHTED_RECALL][l] = ratio(s->hits, s->support);
    out[GAL_CLASSES_WEIGHTED_F1][l] = ratio(s->weighted_f1, s->support);
}

static void multiclass_figures(const case_sums *cases, const class_sums *s, int classes, int l, double (*out)[LANES]) {
    double n = cases->cases[l], chance = s->margins / (n * n), right = cases->right[l] / n;
    out[GAL_CLASSES_ACCURACY][l] = ratio(cases->right[l], n);
    out[GAL_CLASSES_BALANCED_ACCURACY][l] = ratio(s->recall, s->occurring);
    out[GAL_CLASSES_KAPPA][l] = ratio(right - chance, 1 - chance);
    double spread = (n * n - s->squared_called) * (n * n - s->squared_support);
    out[GAL_CLASSES_MCC][l] = ratio(cases->right[l] * n - s->margins, sqrt(fmax(spread, 0)));
    for (int t = 0; t < 3; t++)
        if (tops[t].most < (uint32_t)classes) out[tops[t].figure][l] = ratio(cases->top[t][l], n);
    out[GAL_CLASSES_LOG_LOSS][l] = ratio(cases->loss[l], n);
    out[GAL_CLASSES_BRIER][l] = ratio(cases->brier[l], n);
}

static void decision_figures(const gal_class_draws *d, const gal_weights *weight, double (*out)[LANES],
                             case_sums *sums) {
    class_counts count[GAL_EVAL_CLASSES];
    int classes = d->set->classes;
    memset(count, 0, (size_t)classes * sizeof *count);
    if (d->set->kind == GAL_CASE_MULTICLASS)
        count_classes(d, weight, count, sums);
    else
        count_labels(d, weight, count, sums);
    for (int l = 0; l < LANES; l++) {
        class_sums s = sum_classes(count, classes, l);
        average_figures(&s, l, out);
        if (d->set->kind == GAL_CASE_MULTICLASS) {
            multiclass_figures(sums, &s, classes, l, out);
        } else {
            out[GAL_CLASSES_SUBSET_ACCURACY][l] = ratio(sums->right[l], sums->cases[l]);
            out[GAL_CLASSES_HAMMING_LOSS][l] = ratio(s.support + s.called - 2 * s.hits, sums->cases[l] * classes);
        }
    }
}

static void ranking_figures(const gal_class_draws *d, const gal_weights *weight, double (*out)[LANES]) {
    double area[LANES] = {0}, weighted[LANES] = {0}, precision[LANES] = {0}, classes[LANES] = {0}, support[LANES] = {0};
    for (int c = 0; c < d->set->classes; c++) {
        gal_ranking of;
        gal_ranking_pass(d->by_score[c], d->set->count, weight, &of);
        for (int l = 0; l < LANES; l++) {
            if (isnan(of.auc[l])) continue;
            area[l] += of.auc[l], precision[l] += of.average_precision[l];
            weighted[l] += of.positives[l] * of.auc[l];
            classes[l]++, support[l] += of.positives[l];
        }
    }
    for (int l = 0; l < LANES; l++) {
        out[GAL_CLASSES_MACRO_AUC][l] = ratio(area[l], classes[l]);
        out[GAL_CLASSES_WEIGHTED_AUC][l] = ratio(weighted[l], support[l]);
        out[GAL_CLASSES_MEAN_AVERAGE_PRECISION][l] = ratio(precision[l], classes[l]);
    }
}

void gal_class_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]) {
    const gal_class_draws *d = draws;
    case_sums sums = {.cases = {0}};
    for (int f = 0; f < GAL_CLASS_FIGURES; f++)
        for (int l = 0; l < LANES; l++) out[f][l] = (double)NAN;
    if (d->predicted != NULL || d->called != NULL) decision_figures(d, weight, out, &sums);
    ranking_figures(d, weight, out);
    if (d->by_confidence == NULL) return;
    double wrong[LANES];
    gal_calibration calibration;
    for (int l = 0; l < LANES; l++) wrong[l] = sums.cases[l] - sums.right[l];
    gal_calibration_pass(d->by_confidence, d->set->count, weight, sums.right, wrong, d->bins, &calibration);
    memcpy(out[GAL_CLASSES_ECE], calibration.expected_error, sizeof calibration.expected_error);
    memcpy(out[GAL_CLASSES_MCE], calibration.worst_error, sizeof calibration.worst_error);
}
