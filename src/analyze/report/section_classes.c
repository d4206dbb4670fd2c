/* Many classes or labels: figures of all together, who is taken for whom, and each against the rest. */
#include "analyze/report/sections.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWN = 6, MATRIX = GAL_TABLE_COLUMNS - 1, ROWS = 60 };

static const gal_ink inks[DRAWN] = {GAL_INK_BLUE,   GAL_INK_ORANGE, GAL_INK_GREEN,
                                    GAL_INK_PURPLE, GAL_INK_RED,    GAL_INK_TEXT};

static const char *name_of(const json_t *it, size_t at) {
    const char *name = json_string_value(json_array_get(json_object_get(it, "classes"), at));
    return name != NULL ? name : "";
}

static const json_t *class_at(const json_t *it, size_t at) {
    return json_array_get(json_object_get(it, "per_class"), at);
}

static void confusion(gal_report *r, const json_t *it) {
    gal_document *d = r->document;
    const json_t *rows = json_object_get(it, "confusion"), *row, *count;
    size_t n = json_array_size(rows), at, k;
    const char *heads[GAL_TABLE_COLUMNS] = {"truth"};
    char align[GAL_TABLE_COLUMNS + 1] = "l";
    if (n == 0) return;
    if (n > MATRIX) {
        gal_document_note(d, "The confusion matrix of %zu classes is in the evidence.", n);
        return;
    }
    for (size_t c = 0; c < n; c++) heads[c + 1] = gal_document_format(d, "%zu", c + 1), align[c + 1] = 'r';
    align[n + 1] = '\0';
    gal_table *t = gal_document_table(d, heads, align);
    t->caption = "Cases by true class (rows) and called class (columns)";
    json_array_foreach(rows, at, row) {
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu %s", at + 1, name_of(it, at));
        for (k = 0; k < n; k++) {
            count = json_array_get(row, k);
            gal_table_cell(d, t,
                           k == at                         ? GAL_TONE_GOOD
                           : json_integer_value(count) > 0 ? GAL_TONE_PLAIN
                                                           : GAL_TONE_SOFT,
                           "%lld", (long long)json_integer_value(count));
        }
    }
}

/* The curves of the first classes in one chart; more could not be told apart. */
static void curves(gal_report *r, const json_t *it, bool roc) {
    gal_document *d = r->document;
    size_t n = json_array_size(json_object_get(it, "per_class")), drawn = n < DRAWN ? n : DRAWN, used = 0;
    gal_trace *trace = gal_document_room(d, DRAWN, sizeof *trace);
    if (trace == NULL) return;
    for (size_t c = 0; c < drawn; c++) {
        const json_t *one = class_at(it, c), *figures = json_object_get(one, "figures");
        const json_t *points = gal_fact(one, roc ? "roc.points" : "precision_recall.points");
        if (json_array_size(points) == 0) continue;
        trace[used++] = (gal_trace){
            .name =
                gal_document_format(d, "%s, %s", name_of(it, c),
                                    gal_fact_estimate(d, json_object_get(figures, roc ? "auc" : "average_precision"))),
            .ink = inks[c],
            .form = roc ? GAL_TRACE_LINE : GAL_TRACE_STEPS,
            .count = json_array_size(points),
            .x = gal_fact_curve(d, points, 0, !roc),
            .y = gal_fact_curve(d, points, 1, !roc),
        };
    }
    if (d->failed || used == 0) return;
    const char *note = roc ? "With the area under each curve." : "With the average precision of each class.";
    if (n > drawn) note = gal_document_format(d, "%s The first %zu of %zu classes.", note, drawn, n);
    gal_document_figure(d, &(gal_chart){.key = roc ? "roc-classes" : "pr-classes",
                                        .title = roc ? "ROC curves, each class against the rest"
                                                     : "Precision-recall curves, each class against the rest",
                                        .note = note,
                                        .x_label = roc ? "1 - specificity" : "recall (sensitivity)",
                                        .y_label = roc ? "sensitivity" : "precision (PPV)",
                                        .x_high = 1,
                                        .y_high = 1,
                                        .trace = trace,
                                        .traces = used,
                                        .mark = NAN});
}

static void forest(gal_report *r, const json_t *it, const char *key, const char *total, const char *title) {
    gal_document *d = r->document;
    size_t n = json_array_size(json_object_get(it, "per_class")), shown = n < ROWS ? n : ROWS, used = 0;
    gal_forest_row *row = gal_document_room(d, shown + 1, sizeof *row);
    bool any = false;
    if (row == NULL) return;
    const json_t *all = json_object_get(json_object_get(it, "figures"), total);
    if (isfinite(gal_fact_number(all, "value")))
        row[used++] = (gal_forest_row){.label = "mean of the classes",
                                       .value = gal_fact_number(all, "value"),
                                       .low = gal_fact_number(all, "low"),
                                       .high = gal_fact_number(all, "high"),
                                       .total = true};
    for (size_t c = 0; c < shown; c++) {
        const json_t *figure = json_object_get(json_object_get(class_at(it, c), "figures"), key);
        row[used] =
            (gal_forest_row){.label = name_of(it, c),
                             .note = gal_document_format(d, "%zu", gal_fact_count(class_at(it, c), "positives")),
                             .value = gal_fact_number(figure, "value"),
                             .low = gal_fact_number(figure, "low"),
                             .high = gal_fact_number(figure, "high")};
        any = any || isfinite(row[used].value);
        used++;
    }
    if (d->failed || !any) return;
    gal_chart chart = {.kind = GAL_CHART_FOREST,
                       .key = gal_document_format(d, "classes-%s", key),
                       .title = title,
                       .note = "The number beside a class counts its cases.",
                       .x_label = gal_figure_label(key),
                       .row = row,
                       .rows = used};
    gal_forest_axis(&chart, true);
    gal_document_figure(d, &chart);
}

void gal_section_classes(gal_report *r) {
    const json_t *e = json_object_get(r->results, "evaluation"), *it = json_object_get(e, "multiclass");
    if (!json_is_object(it)) it = json_object_get(e, "multilabel");
    if (!json_is_object(it)) return;
    gal_document_heading(r->document, 1, "Figures");
    gal_figures_table(r, json_object_get(it, "figures"), gal_fact_number(e, "settings.level"));
    confusion(r, it);
    curves(r, it, true);
    curves(r, it, false);
    forest(r, it, "auc", "macro_auc", "AUC of each class against the rest");
    forest(r, it, "sensitivity", "macro_recall", "Sensitivity of each class");
    forest(r, it, "specificity", "", "Specificity of each class");
}
