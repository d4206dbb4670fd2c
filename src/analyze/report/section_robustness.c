/* Severity curves: what becomes of the figures as pictures get worse. */
#include "analyze/report/sections.h"

#include <math.h>
#include <string.h>

enum { KINDS = 7, SEVERITIES = 5 };

static const gal_ink inks[KINDS] = {GAL_INK_BLUE, GAL_INK_ORANGE, GAL_INK_GREEN, GAL_INK_PURPLE,
                                    GAL_INK_RED,  GAL_INK_SOFT,   GAL_INK_TEXT};

/* The kinds in the order in which runs name them; returns how many. */
static size_t kinds_of(const json_t *runs, const char *kind[KINDS]) {
    const json_t *run;
    size_t n = 0, at, k;
    json_array_foreach(runs, at, run) {
        const char *name = gal_fact_text(run, "kind");
        for (k = 0; name != NULL && k < n && strcmp(kind[k], name) != 0;) k++;
        if (name != NULL && k == n && n < KINDS) kind[n++] = name;
    }
    return n;
}

/* From the plain pictures at severity 0 on; NaN where there is no such run. */
static gal_trace trace_of(gal_report *r, const json_t *it, const char *kind, const char *figure, gal_ink ink) {
    gal_document *d = r->document;
    const json_t *run;
    size_t at;
    double *x = gal_document_room(d, SEVERITIES + 1, sizeof *x), *y = gal_document_room(d, SEVERITIES + 1, sizeof *y);
    if (x == NULL || y == NULL) return (gal_trace){.count = 0};
    for (int s = 0; s <= SEVERITIES; s++) x[s] = s, y[s] = NAN;
    y[0] = gal_fact_number(json_object_get(json_object_get(it, "plain"), figure), "value");
    json_array_foreach(json_object_get(it, "runs"), at, run) {
        const char *name = gal_fact_text(run, "kind");
        size_t severity = gal_fact_count(run, "severity");
        if (name == NULL || strcmp(name, kind) != 0 || severity < 1 || severity > SEVERITIES) continue;
        y[severity] = gal_fact_number(json_object_get(run, figure), "value");
    }
    return (gal_trace){.name = kind, .ink = ink, .count = SEVERITIES + 1, .x = x, .y = y};
}

static void curves(gal_report *r, const json_t *it, const char *figure, const char *title) {
    gal_document *d = r->document;
    const char *kind[KINDS];
    size_t n = kinds_of(json_object_get(it, "runs"), kind);
    gal_trace *trace = gal_document_room(d, KINDS, sizeof *trace);
    double low = 1;
    if (trace == NULL || !isfinite(gal_fact_number(json_object_get(json_object_get(it, "plain"), figure), "value")))
        return;
    for (size_t k = 0; k < n; k++) {
        trace[k] = trace_of(r, it, kind[k], figure, inks[k]);
        for (size_t i = 0; i < trace[k].count; i++)
            if (isfinite(trace[k].y[i])) low = fmin(low, trace[k].y[i]);
    }
    if (d->failed || n == 0) return;
    gal_document_figure(d,
                        &(gal_chart){.key = gal_document_format(d, "severity-%s", figure),
                                     .title = title,
                                     .note = "0: pictures as they are; 1 to 5: worse and worse (amounts in the table).",
                                     .x_label = "severity",
                                     .y_label = gal_figure_label(figure),
                                     .x_high = SEVERITIES,
                                     .y_low = fmin(0.9, floor(low * 10) / 10),
                                     .y_high = 1,
                                     .trace = trace,
                                     .traces = n,
                                     .mark = NAN});
}

static void table(gal_report *r, const json_t *it) {
    gal_document *d = r->document;
    const char *heads[] = {"pictures", "severity", "amount", "AUC", "sensitivity", "specificity"};
    const json_t *run, *plain = json_object_get(it, "plain");
    size_t at;
    gal_table *t = gal_document_table(d, heads, "lrlrrr");
    gal_table_text(d, t, "as they are");
    gal_table_text(d, t, "0");
    gal_table_text(d, t, NULL);
    static const char *const figures[] = {"auc", "sensitivity", "specificity"};
    for (size_t f = 0; f < 3; f++) gal_table_text(d, t, gal_fact_estimate(d, json_object_get(plain, figures[f])));
    json_array_foreach(json_object_get(it, "runs"), at, run) {
        const char *unit = gal_fact_text(run, "unit");
        gal_table_text(d, t, gal_fact_text(run, "kind"));
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", gal_fact_count(run, "severity"));
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%g (%s)", gal_fact_number(run, "amount"), unit != NULL ? unit : "");
        for (size_t f = 0; f < 3; f++) gal_table_text(d, t, gal_fact_estimate(d, json_object_get(run, figures[f])));
    }
}

void gal_section_robustness(gal_report *r) {
    const json_t *it = json_object_get(r->results, "robustness");
    if (json_array_size(json_object_get(it, "runs")) == 0) return;
    gal_document_heading(r->document, 1, "Robustness");
    gal_document_text(
        r->document,
        "The same cases with pictures made worse, each time at the same threshold. Where a curve falls early, "
        "pictures of that quality are no input for this model.");
    curves(r, it, "auc", "AUC against severity");
    curves(r, it, "sensitivity", "Sensitivity against severity");
    curves(r, it, "specificity", "Specificity against severity");
    table(r, it);
}
