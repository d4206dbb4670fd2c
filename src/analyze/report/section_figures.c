/* Figures of an evaluation with their intervals, the confusion matrix, and the ROC and precision-recall curves. */
#include "analyze/report/sections.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *key, *label;
} labels[] = {
    {"accuracy", "accuracy"},
    {"balanced_accuracy", "balanced accuracy"},
    {"sensitivity", "sensitivity"},
    {"specificity", "specificity"},
    {"ppv", "PPV, in these cases"},
    {"npv", "NPV, in these cases"},
    {"ppv_at_prevalence", "PPV at the stated prevalence"},
    {"npv_at_prevalence", "NPV at the stated prevalence"},
    {"f1", "F1"},
    {"mcc", "Matthews correlation"},
    {"lr_positive", "likelihood ratio, positive"},
    {"lr_negative", "likelihood ratio, negative"},
    {"auc", "area under the ROC curve (AUC)"},
    {"average_precision", "average precision"},
    {"brier", "Brier score (0 is best)"},
    {"brier_reliability", "Brier: calibration part"},
    {"brier_resolution", "Brier: resolution"},
    {"brier_uncertainty", "Brier: uncertainty of the cases"},
    {"brier_within", "Brier: within bins"},
    {"log_loss", "log loss (0 is best)"},
    {"ece", "expected calibration error"},
    {"mce", "maximum calibration error"},
    {"kappa", "Cohen's kappa"},
    {"top_2_accuracy", "true class among the best two"},
    {"top_3_accuracy", "true class among the best three"},
    {"top_5_accuracy", "true class among the best five"},
    {"subset_accuracy", "all labels right"},
    {"hamming_loss", "share of labels that are wrong"},
    {"macro_precision", "precision, mean of classes"},
    {"macro_recall", "recall, mean of classes"},
    {"macro_f1", "F1, mean of classes"},
    {"micro_precision", "precision, counts pooled"},
    {"micro_recall", "recall, counts pooled"},
    {"micro_f1", "F1, counts pooled"},
    {"weighted_precision", "precision, by cases of a class"},
    {"weighted_recall", "recall, by cases of a class"},
    {"weighted_f1", "F1, by cases of a class"},
    {"macro_auc", "AUC, mean of classes"},
    {"weighted_auc", "AUC, by cases of a class"},
    {"mean_average_precision", "average precision, mean of classes"},
    {"selection_rate", "share called positive"},
    {"calibration", "calibration in the large"},
};

const char *gal_figure_label(const char *key) {
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (!strcmp(labels[i].key, key)) return labels[i].label;
    return key;
}

const char *gal_named_estimate(gal_report *r, const json_t *figures, const char *key) {
    return gal_document_format(r->document, "%s %s", gal_figure_label(key),
                               gal_fact_estimate(r->document, json_object_get(figures, key)));
}

static void number(gal_document *d, gal_table *t, const json_t *estimate, const char *key, const char *otherwise) {
    double value = gal_fact_number(estimate, key);
    gal_table_number(d, t, fabs(value) < 100 ? "%.4f" : "%.1f", value, otherwise);
}

void gal_table_estimate(gal_document *d, gal_table *t, const json_t *estimate) {
    bool defined = isfinite(gal_fact_number(estimate, "value"));
    bool bounded = isfinite(gal_fact_number(estimate, "low")) || isfinite(gal_fact_number(estimate, "high"));
    const char *method = gal_fact_text(estimate, "method");
    size_t cases = gal_fact_count(estimate, "cases");
    number(d, t, estimate, "value", "not defined");
    number(d, t, estimate, "low", defined && bounded ? "no bound" : "");
    number(d, t, estimate, "high", defined && bounded ? "no bound" : "");
    if (cases > 0)
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu / %zu", gal_fact_count(estimate, "hits"), cases);
    else
        gal_table_text(d, t, NULL);
    gal_table_text(d, t, method);
}

/* An area's other interval, where the first is DeLong's: of patients neither is. */
static void logit_row(gal_document *d, gal_table *t, const json_t *estimate) {
    const json_t *logit = json_object_get(estimate, "logit");
    const char *method = gal_fact_text(estimate, "method");
    if (json_array_size(logit) != 2 || method == NULL || strcmp(method, "DeLong") != 0) return;
    gal_table_text(d, t, "its interval on the logit scale");
    gal_table_text(d, t, NULL);
    for (size_t end = 0; end < 2; end++)
        gal_table_number(d, t, "%.4f", json_number_value(json_array_get(logit, end)), "");
    gal_table_text(d, t, NULL);
    gal_table_text(d, t, "DeLong, logit");
}

void gal_figures_table(gal_report *r, const json_t *figures, double level) {
    gal_document *d = r->document;
    const char *key, *heads[] = {"figure", "value", "low", "high", "cases", "interval"};
    json_t *estimate;
    if (json_object_size(figures) == 0) return;
    gal_table *t = gal_document_table(d, heads, "lrrrrl");
    if (isfinite(level)) t->caption = gal_document_format(d, "With intervals of %g %%", 100 * level);
    json_object_foreach((json_t *)figures, key, estimate) {
        gal_table_text(d, t, gal_figure_label(key));
        gal_table_estimate(d, t, estimate);
        logit_row(d, t, estimate);
    }
}

static void confusion_table(gal_report *r, const json_t *binary) {
    gal_document *d = r->document;
    const json_t *c = json_object_get(binary, "confusion");
    if (!json_is_object(c)) return;
    size_t tp = gal_fact_count(c, "true_positives"), fn = gal_fact_count(c, "false_negatives");
    size_t fp = gal_fact_count(c, "false_positives"), tn = gal_fact_count(c, "true_negatives");
    gal_table *t =
        gal_document_table(d, (const char *const[]){"", "called positive", "called negative", "all"}, "lrrr");
    t->caption = "Decisions at the threshold";
    gal_table_text(d, t, "positive cases");
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", tp);
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu (missed)", fn);
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", tp + fn);
    gal_table_text(d, t, "negative cases");
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu (false alarms)", fp);
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", tn);
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", fp + tn);
}

/* ---- curves ---- */

/* One number and its interval as a point with whiskers along one axis or both. */
static double *single(gal_document *d, double value) {
    double *out = gal_document_room(d, 1, sizeof *out);
    if (out != NULL) *out = value;
    return out;
}

static double *ends(gal_document *d, double first, double second) {
    double *out = gal_document_room(d, 2, sizeof *out);
    if (out != NULL) out[0] = first, out[1] = second;
    return out;
}

static gal_trace operating_point(gal_report *r, const json_t *figures, double threshold) {
    gal_document *d = r->document;
    const json_t *se = json_object_get(figures, "sensitivity"), *sp = json_object_get(figures, "specificity");
    return (gal_trace){
        .name = gal_document_format(d, "threshold %.4g, with intervals", threshold),
        .ink = GAL_INK_ORANGE,
        .form = GAL_TRACE_POINTS,
        .count = 1,
        .x = single(d, 1 - gal_fact_number(sp, "value")),
        .y = single(d, gal_fact_number(se, "value")),
        .y_low = single(d, gal_fact_number(se, "low")),
        .y_high = single(d, gal_fact_number(se, "high")),
        .x_low = single(d, 1 - gal_fact_number(sp, "high")),
        .x_high = single(d, 1 - gal_fact_number(sp, "low")),
    };
}

static void roc_chart(gal_report *r, const json_t *binary, const char *key, const char *title, double threshold) {
    gal_document *d = r->document;
    const json_t *points = gal_fact(binary, "roc.points"), *figures = json_object_get(binary, "figures");
    gal_trace *trace = json_array_size(points) > 0 ? gal_document_room(d, 3, sizeof *trace) : NULL;
    if (trace == NULL) return;
    size_t n = 0;
    trace[n++] = (gal_trace){
        .name = gal_document_format(d, "AUC %s", gal_fact_estimate(d, json_object_get(figures, "auc"))),
        .ink = GAL_INK_BLUE,
        .count = json_array_size(points),
        .x = gal_fact_curve(d, points, 0, false),
        .y = gal_fact_curve(d, points, 1, false),
    };
    trace[n++] = (gal_trace){.name = "chance",
                             .ink = GAL_INK_SOFT,
                             .form = GAL_TRACE_DASHED,
                             .count = 2,
                             .x = ends(d, 0, 1),
                             .y = ends(d, 0, 1)};
    if (isfinite(gal_fact_number(figures, "sensitivity.value")) &&
        isfinite(gal_fact_number(figures, "specificity.value")))
        trace[n++] = operating_point(r, figures, threshold);
    if (d->failed) return;
    gal_document_figure(d, &(gal_chart){.key = key,
                                        .title = title,
                                        .note = "How many positives are found at the price of how many false alarms, "
                                                "at every threshold.",
                                        .x_label = "1 - specificity (false alarms among negatives)",
                                        .y_label = "sensitivity",
                                        .x_high = 1,
                                        .y_high = 1,
                                        .trace = trace,
                                        .traces = n,
                                        .mark = NAN});
}

static void precision_chart(gal_report *r, const json_t *binary, const char *key, const char *title) {
    gal_document *d = r->document;
    const json_t *points = gal_fact(binary, "precision_recall.points"), *figures = json_object_get(binary, "figures");
    size_t n = json_array_size(points);
    gal_trace *trace = n > 0 ? gal_document_room(d, 2, sizeof *trace) : NULL;
    if (trace == NULL) return;
    double share = (double)gal_fact_count(binary, "positives") / (double)gal_fact_count(binary, "cases");
    trace[0] = (gal_trace){
        .name = gal_document_format(d, "average precision %s",
                                    gal_fact_estimate(d, json_object_get(figures, "average_precision"))),
        .ink = GAL_INK_BLUE,
        .form = GAL_TRACE_STEPS,
        .count = n,
        .x = gal_fact_curve(d, points, 0, true),
        .y = gal_fact_curve(d, points, 1, true),
    };
    trace[1] = (gal_trace){.name = gal_document_format(d, "share of positives, %.3f", share),
                           .ink = GAL_INK_SOFT,
                           .form = GAL_TRACE_DASHED,
                           .count = 2,
                           .x = ends(d, 0, 1),
                           .y = ends(d, share, share)};
    if (d->failed) return;
    gal_document_figure(d, &(gal_chart){.key = key,
                                        .title = title,
                                        .note = "Of the cases called positive, how many are; it depends on the share "
                                                "of positives in these cases.",
                                        .x_label = "recall (sensitivity)",
                                        .y_label = "precision (PPV)",
                                        .x_high = 1,
                                        .y_high = 1,
                                        .trace = trace,
                                        .traces = 2,
                                        .mark = NAN});
}

void gal_binary_figures(gal_report *r, const json_t *binary, const json_t *settings, const char *key) {
    gal_document *d = r->document;
    double threshold = gal_fact_number(settings, "threshold");
    gal_figures_table(r, json_object_get(binary, "figures"), gal_fact_number(settings, "level"));
    confusion_table(r, binary);
    roc_chart(r, binary, gal_document_format(d, "roc%s", key), "ROC curve", threshold);
    precision_chart(r, binary, gal_document_format(d, "pr%s", key), "Precision-recall curve");
}

void gal_section_figures(gal_report *r) {
    const json_t *e = json_object_get(r->results, "evaluation"), *binary = json_object_get(e, "binary");
    if (!json_is_object(binary)) return;
    gal_document_heading(r->document, 1, "Figures");
    gal_binary_figures(r, binary, json_object_get(e, "settings"), "");
}
