/* Is the model as good for everybody? A forest plot a figure, gaps between groups, tests. */
#include "analyze/report/sections.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *key, *title;
} figures[] = {
    {"auc", "AUC by subgroup"},
    {"sensitivity", "Sensitivity by subgroup"},
    {"specificity", "Specificity by subgroup"},
    {"calibration", "Calibration in the large by subgroup"},
};

static const struct {
    const char *key, *label;
} gaps[] = {
    {"equal_opportunity", "equal opportunity (sensitivity)"},
    {"specificity", "specificity"},
    {"equalised_odds", "equalised odds (the larger of both)"},
    {"demographic_parity", "demographic parity (share called positive)"},
    {"auc", "AUC"},
    {"calibration", "calibration in the large"},
};

static size_t count_rows(const json_t *attributes) {
    size_t rows = 1, at;
    const json_t *attribute;
    json_array_foreach(attributes, at, attribute) rows += 1 + json_array_size(json_object_get(attribute, "groups"));
    return rows;
}

static bool asked(const json_t *attributes, const char *key) {
    const json_t *attribute, *group;
    size_t i, k;
    json_array_foreach(attributes, i, attribute) json_array_foreach(json_object_get(attribute, "groups"), k, group) {
        const json_t *figure = json_object_get(json_object_get(group, "figures"), key);
        if (figure != NULL && !json_is_null(figure)) return true;
    }
    return false;
}

static gal_forest_row row_of(gal_document *d, const char *label, size_t cases, const json_t *figure) {
    return (gal_forest_row){.label = label != NULL ? label : "",
                            .note = gal_document_format(d, "%zu", cases),
                            .value = gal_fact_number(figure, "value"),
                            .low = gal_fact_number(figure, "low"),
                            .high = gal_fact_number(figure, "high")};
}

void gal_forest_axis(gal_chart *chart, bool share) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < chart->rows; i++) {
        const gal_forest_row *r = &chart->row[i];
        double ends[] = {r->value, r->low, r->high};
        for (int k = 0; k < 3; k++)
            if (isfinite(ends[k])) low = fmin(low, ends[k]), high = fmax(high, ends[k]);
    }
    if (!(low < high)) low = share ? 0 : -0.5, high = share ? 1 : 0.5;
    chart->x_low = floor(low * 10 - 1e-9) / 10;
    chart->x_high = ceil(high * 10 + 1e-9) / 10;
    if (share) chart->x_low = fmax(0, chart->x_low), chart->x_high = fmin(1, chart->x_high);
    chart->mark = share ? (double)NAN : 0;
}

static void forest(gal_report *r, const json_t *attributes, const char *key, const char *title) {
    gal_document *d = r->document;
    const json_t *attribute, *group, *all = gal_fact(r->results, "evaluation.binary.figures");
    gal_forest_row *row = gal_document_room(d, count_rows(attributes), sizeof *row);
    size_t n = 0, i, k;
    if (row == NULL) return;
    if (isfinite(gal_fact_number(json_object_get(all, key), "value"))) {
        row[n] = row_of(d, "all cases", r->evidence->cases[0].count, json_object_get(all, key));
        row[n++].total = true;
    }
    json_array_foreach(attributes, i, attribute) {
        const char *name = gal_fact_text(attribute, "attribute");
        row[n++] =
            (gal_forest_row){.label = name != NULL ? name : "", .group = true, .value = NAN, .low = NAN, .high = NAN};
        json_array_foreach(json_object_get(attribute, "groups"), k, group) row[n++] =
            row_of(d, gal_fact_text(group, "level"), gal_fact_count(group, "cases"),
                   json_object_get(json_object_get(group, "figures"), key));
    }
    bool difference = !strcmp(key, "calibration");
    gal_chart chart = {.kind = GAL_CHART_FOREST,
                       .key = gal_document_format(d, "forest-%s", key),
                       .title = title,
                       .note = difference
                                   ? "Mean probability less share of positives: right of 0 the model says too much, "
                                     "left of it too little."
                                   : "Squares: estimates with intervals; diamond and dashed line: all cases. The "
                                     "number beside a name counts its cases.",
                       .x_label = difference ? "mean probability less share of positives" : gal_figure_label(key),
                       .row = row,
                       .rows = n};
    gal_forest_axis(&chart, !difference);
    gal_document_figure(d, &chart);
}

static void gap_table(gal_report *r, const json_t *attributes) {
    gal_document *d = r->document;
    const char *heads[] = {"attribute", "gap", "value", "low", "high", "between"};
    const json_t *attribute;
    size_t at;
    gal_table *t = gal_document_table(d, heads, "llrrrl");
    t->caption = "Largest gaps between groups, intervals for all pairs at once";
    json_array_foreach(attributes, at, attribute) {
        for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
            const json_t *gap = json_object_get(json_object_get(attribute, "gaps"), gaps[g].key);
            if (!isfinite(gal_fact_number(gap, "value"))) continue;
            const char *most = gal_fact_text(gap, "most"), *least = gal_fact_text(gap, "least");
            gal_table_text(d, t, gal_fact_text(attribute, "attribute"));
            gal_table_text(d, t, gaps[g].label);
            gal_table_number(d, t, "%.4f", gal_fact_number(gap, "value"), "");
            gal_table_number(d, t, "%.4f", gal_fact_number(gap, "low"), "");
            gal_table_number(d, t, "%.4f", gal_fact_number(gap, "high"), "");
            gal_table_cell(d, t, GAL_TONE_PLAIN, "%s and %s", most != NULL ? most : "?", least != NULL ? least : "?");
        }
    }
}

/* Groups that differ from the others by more than chance explains, after correction for how many were tested. */
static void tests(gal_report *r, const json_t *attributes, double level) {
    gal_document *d = r->document;
    const char *key, *heads[] = {"attribute", "group", "figure", "value", "p", "p, corrected"};
    const json_t *attribute, *group;
    json_t *figure;
    gal_table *t = NULL;
    size_t i, k;
    json_array_foreach(attributes, i, attribute) json_array_foreach(json_object_get(attribute, "groups"), k, group)
        json_object_foreach(json_object_get(group, "figures"), key, figure) {
        double p = gal_fact_number(figure, "p_adjusted");
        if (!(p < 1 - level)) continue;
        if (t == NULL) {
            t = gal_document_table(d, heads, "lllrrr");
            t->caption = "Groups that differ from all others by more than chance explains";
        }
        gal_table_text(d, t, gal_fact_text(attribute, "attribute"));
        gal_table_text(d, t, gal_fact_text(group, "level"));
        gal_table_text(d, t, gal_figure_label(key));
        gal_table_number(d, t, "%.4f", gal_fact_number(figure, "value"), "");
        gal_table_number(d, t, "%.3g", gal_fact_number(figure, "p"), "");
        gal_table_number(d, t, "%.3g", p, "");
    }
    if (t == NULL)
        gal_document_text(
            d, "No group differs from all others by more than chance explains, after Holm's correction. That "
               "is no proof that there is no difference: small groups show only large ones.");
}

void gal_section_subgroups(gal_report *r) {
    gal_document *d = r->document;
    const json_t *it = json_object_get(r->results, "subgroups"), *attributes = json_object_get(it, "attributes");
    if (json_array_size(attributes) == 0) return;
    double least = gal_fact_number(it, "settings.least"), level = gal_fact_number(it, "settings.level");
    gal_document_heading(d, 1, "Subgroups");
    gal_document_text(d, "A figure needs %g cases of its kind in a group; below that it reads insufficient data.",
                      isfinite(least) ? least : 0);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (asked(attributes, figures[i].key)) forest(r, attributes, figures[i].key, figures[i].title);
    gap_table(r, attributes);
    tests(r, attributes, isfinite(level) ? level : 0.95);
}
