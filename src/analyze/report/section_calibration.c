/* Are probabilities true? Reliability, scores by class, what recalibration would do. */
#include "analyze/report/sections.h"
#include "clinic/measures/score_histogram.h"

#include <math.h>

enum { BINS = 20 };

static void reliability_chart(gal_report *r, const json_t *bins) {
    gal_document *d = r->document;
    size_t n = json_array_size(bins);
    gal_trace *trace = n > 0 ? gal_document_room(d, 2, sizeof *trace) : NULL;
    double *diagonal = gal_document_room(d, 2, sizeof *diagonal);
    if (trace == NULL || diagonal == NULL) return;
    diagonal[1] = 1;
    trace[0] = (gal_trace){.name = "perfect calibration",
                           .ink = GAL_INK_SOFT,
                           .form = GAL_TRACE_DASHED,
                           .count = 2,
                           .x = diagonal,
                           .y = diagonal};
    trace[1] = (gal_trace){.name = gal_document_format(d, "%zu bins of equally many cases", n),
                           .ink = GAL_INK_BLUE,
                           .form = GAL_TRACE_POINTS,
                           .count = n,
                           .x = gal_fact_members(d, bins, "probability"),
                           .y = gal_fact_members(d, bins, "share"),
                           .y_low = gal_fact_members(d, bins, "low"),
                           .y_high = gal_fact_members(d, bins, "high")};
    if (d->failed) return;
    gal_document_figure(d, &(gal_chart){.key = "reliability",
                                        .title = "Reliability",
                                        .note = "Above the line more cases are positive than the probability says, "
                                                "below it fewer. Whiskers: intervals of the shares.",
                                        .x_label = "mean probability given",
                                        .y_label = "share that is positive",
                                        .x_high = 1,
                                        .y_high = 1,
                                        .trace = trace,
                                        .traces = 2,
                                        .mark = NAN});
}

/* What a threshold on the scores is as a probability; NaN where scores are neither. */
static double as_probability(const gal_case_set *c, double threshold) {
    return c->logits ? 1 / (1 + exp(-threshold)) : threshold;
}

static void histogram_chart(gal_report *r) {
    gal_document *d = r->document;
    const gal_case_set *c = &r->evidence->cases[0];
    if (c->kind != GAL_CASE_BINARY || c->probability == NULL) return;
    double *share = gal_document_room(d, (size_t)2 * BINS, sizeof *share), most = 0;
    gal_bars *bars = gal_document_room(d, 2, sizeof *bars);
    if (share == NULL || bars == NULL) return;
    gal_scores scores = {c->probability, c->positive, c->count};
    size_t cases[2];
    gal_score_histogram(&scores, BINS, share, share + BINS, cases);
    for (size_t i = 0; i < (size_t)2 * BINS; i++) most = fmax(most, share[i]);
    const char *name[2] = {c->negative != NULL ? c->negative : "negative",
                           c->class_name[0] != NULL ? c->class_name[0] : "positive"};
    for (int k = 0; k < 2; k++)
        bars[k] = (gal_bars){gal_document_format(d, "%s, %zu cases", name[k], cases[k]),
                             k == 0 ? GAL_INK_BLUE : GAL_INK_ORANGE, share + (size_t)k * BINS};
    double threshold = gal_fact_number(r->results, "evaluation.settings.threshold");
    double mark = as_probability(c, threshold);
    gal_document_figure(d, &(gal_chart){.kind = GAL_CHART_BARS,
                                        .key = "scores",
                                        .title = "Probabilities by class",
                                        .note = "How well the classes stand apart, and where the threshold cuts them.",
                                        .x_label = "probability of the positive class",
                                        .y_label = "share of the class",
                                        .x_high = 1,
                                        .y_high = fmin(1, ceil(most * 10.5) / 10),
                                        .bars = bars,
                                        .groups = 2,
                                        .bins = BINS,
                                        .mark = mark,
                                        .mark_label = gal_document_format(d, "threshold, probability %.3f", mark)});
}

static void recalibration_table(gal_report *r) {
    static const struct {
        const char *key, *label;
    } rows[] = {{"log_loss", "log loss"},
                {"brier", "Brier score"},
                {"ece", "expected calibration error"},
                {"mce", "maximum calibration error"}};
    gal_document *d = r->document;
    const json_t *it = json_object_get(r->results, "recalibration");
    if (!json_is_object(json_object_get(it, "after"))) return;
    const char *method = gal_fact_text(it, "method");
    gal_document_heading(d, 2, "Recalibration");
    gal_document_text(d, "By %s: %s.", method != NULL ? method : "an unnamed method",
                      gal_fact_words(d, json_object_get(it, "parameters")));
    gal_table *t = gal_document_table(d, (const char *const[]){"figure", "before", "after"}, "lrr");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gal_table_text(d, t, rows[i].label);
        gal_table_number(d, t, "%.4f", gal_fact_number(json_object_get(it, "before"), rows[i].key), "none");
        gal_table_number(d, t, "%.4f", gal_fact_number(json_object_get(it, "after"), rows[i].key), "none");
    }
}

void gal_section_calibration(gal_report *r) {
    const json_t *binary = gal_fact(r->results, "evaluation.binary");
    const json_t *bins = json_object_get(binary, "reliability");
    if (json_array_size(bins) == 0) return;
    gal_document_heading(r->document, 1, "Calibration");
    gal_document_text(r->document,
                      "Of all cases that are given a probability of 80 %%, four in five should turn out positive. "
                      "Here: %s; %s.",
                      gal_named_estimate(r, json_object_get(binary, "figures"), "ece"),
                      gal_named_estimate(r, json_object_get(binary, "figures"), "brier"));
    reliability_chart(r, bins);
    histogram_chart(r);
    recalibration_table(r);
}
