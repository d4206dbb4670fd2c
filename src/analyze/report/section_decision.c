/* Decision curves: is acting on the model better than treating everybody, or nobody? */
#include "analyze/report/sections.h"

#include <math.h>

static double *zeros(gal_document *d, size_t n) {
    return gal_document_room(d, n, sizeof(double));
}

void gal_section_decision_curve(gal_report *r) {
    gal_document *d = r->document;
    const json_t *curve = json_object_get(r->results, "decision_curve"), *points = json_object_get(curve, "points");
    size_t n = json_array_size(points);
    if (n == 0) return;
    double share = (double)gal_fact_count(curve, "positives") / (double)gal_fact_count(curve, "cases");
    double *x = gal_fact_members(d, points, "threshold"), *model = gal_fact_members(d, points, "model");
    double *all = gal_fact_members(d, points, "treat_all");
    double *low = gal_document_room(d, n, sizeof *low), *high = gal_document_room(d, n, sizeof *high);
    gal_trace *trace = gal_document_room(d, 3, sizeof *trace);
    double *none = zeros(d, n);
    if (d->failed) return;
    double top = share;
    for (size_t i = 0; i < n; i++) {
        const json_t *interval = json_object_get(json_array_get(points, i), "model_interval");
        const json_t *ends[2] = {json_array_get(interval, 0), json_array_get(interval, 1)};
        low[i] = json_is_number(ends[0]) ? json_number_value(ends[0]) : (double)NAN;
        high[i] = json_is_number(ends[1]) ? json_number_value(ends[1]) : (double)NAN;
        if (isfinite(high[i])) top = fmax(top, high[i]);
    }
    const char *name =
        gal_document_format(d, "the model, with intervals of %g %%", 100 * gal_fact_number(curve, "settings.level"));
    trace[0] =
        (gal_trace){.name = name, .ink = GAL_INK_BLUE, .count = n, .x = x, .y = model, .y_low = low, .y_high = high};
    trace[1] = (gal_trace){
        .name = "treat everybody", .ink = GAL_INK_ORANGE, .form = GAL_TRACE_DASHED, .count = n, .x = x, .y = all};
    trace[2] = (gal_trace){
        .name = "treat nobody", .ink = GAL_INK_SOFT, .form = GAL_TRACE_DASHED, .count = n, .x = x, .y = none};
    gal_document_heading(d, 1, "Decision curve");
    gal_document_text(
        d, "Net benefit is the share of true positives less the share of false positives, the latter weighted "
           "by what a false alarm costs against a finding: the odds of the threshold probability. The model is "
           "of use where it lies above both dashed lines.");
    gal_document_figure(
        d, &(gal_chart){.key = "decision",
                        .title = "Net benefit",
                        .note = "At a threshold of 10 % a missed case counts as much as nine false alarms.",
                        .x_label = "threshold probability",
                        .y_label = "net benefit",
                        .x_low = x[0] < 0.05 ? 0 : x[0],
                        .x_high = x[n - 1] > 0.95 ? 1 : fmax(x[n - 1], x[0] + 0.01),
                        .y_low = -0.1 * top,
                        .y_high = 1.1 * top,
                        .trace = trace,
                        .traces = 3,
                        .mark = NAN});
}
