/* Groups of cases, the gaps between them, and decision curves, for people. */
#include "cli/eval_show_parts.h"
#include "cli/table.h"

#include <math.h>
#include <string.h>

/* "0.83 (0.75 to 0.88)", with * where it differs from the others. */
static void figure_cell(cli_table *table, const json_t *figure, bool *marked) {
    double low = show_number_of(figure, "low"), p = show_number_of(figure, "p_adjusted");
    bool differs = p < 0.05;
    if (json_is_string(figure))
        table_cell(table, "insufficient data");
    else if (!json_is_object(figure))
        table_cell(table, "-");
    else if (isnan(low))
        table_cell(table, "%.3f", show_number_of(figure, "value"));
    else
        table_cell(table, "%.3f (%.3f to %.3f)%s", show_number_of(figure, "value"), low, show_number_of(figure, "high"),
                   differs ? " *" : "");
    *marked = *marked || (json_is_object(figure) && differs);
}

static void show_gaps(FILE *to, const json_t *gaps) {
    static const char *const titles[][2] = {
        {"equal_opportunity", "sensitivity (equal opportunity)"},
        {"specificity", "specificity"},
        {"equalised_odds", "the larger of both (equalised odds)"},
        {"demographic_parity", "called positive (demographic parity)"},
        {"auc", "AUC"},
        {"calibration", "calibration in the large"},
    };
    static const char head[] = "largest gap between two groups";
    cli_table table;
    bool any = false;
    table_start(&table, (const char *const[]){head, "value", "interval", "most", "least", NULL}, "lrlll");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        const json_t *gap = json_object_get(gaps, titles[i][0]);
        char a[SHOW_NUMBER], b[SHOW_CELL];
        if (!json_is_object(gap)) continue;
        any = true;
        table_cell(&table, "%s", titles[i][1]);
        table_cell(&table, "%s", show_number(a, show_number_of(gap, "value")));
        table_cell(&table, "%s", show_interval(b, show_number_of(gap, "low"), show_number_of(gap, "high")));
        table_cell(&table, "%s", show_text_of(gap, "most"));
        table_cell(&table, "%s", show_text_of(gap, "least"));
    }
    if (!any) {
        gal_buf_free(&table.text);
        return;
    }
    fputc('\n', to);
    table_end(&table, to);
}

static void show_attribute(FILE *to, const json_t *set, bool *marked) {
    static const char *const figures[] = {"sensitivity", "specificity", "auc", "calibration"};
    const json_t *groups = json_object_get(set, "groups");
    cli_table table;
    fputc('\n', to);
    if (json_array_size(groups) == 0) {
        long long levels = show_whole_of(set, "levels");
        if (levels == 0)
            show_line(to, show_text_of(set, "attribute"), "no case says");
        else
            show_line(to, show_text_of(set, "attribute"), "%lld values: too many for groups", levels);
        return;
    }
    table_start(&table,
                (const char *const[]){show_text_of(set, "attribute"), "cases", "positive", "sensitivity", "specificity",
                                      "AUC", "calibration", NULL},
                "lrrllll");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        table_cell(&table, "%s", show_text_of(group, "level"));
        table_cell(&table, "%lld", show_whole_of(group, "cases"));
        table_cell(&table, "%lld", show_whole_of(group, "positives"));
        for (size_t f = 0; f < sizeof figures / sizeof *figures; f++)
            figure_cell(&table, json_object_get(json_object_get(group, "figures"), figures[f]), marked);
    }
    table_end(&table, to);
    if (show_whole_of(set, "unknown") > 0) show_line(to, "", "%lld cases do not say", show_whole_of(set, "unknown"));
    show_gaps(to, json_object_get(set, "gaps"));
}

void show_groups(FILE *to, const json_t *subgroups) {
    const json_t *sets = json_object_get(subgroups, "attributes");
    bool marked = false;
    for (size_t i = 0; i < json_array_size(sets); i++) show_attribute(to, json_array_get(sets, i), &marked);
    if (marked) fputs("* differs from all other cases (p < 0.05, Holm over all groups)\n", to);
}

static double low_of(const json_t *point, const char *key) {
    return json_number_value(json_array_get(json_object_get(point, key), 0));
}

/* The first range of thresholds where both lower bounds are above 0. */
void show_curve(FILE *to, const json_t *curve) {
    const json_t *points = json_object_get(curve, "points");
    double from = (double)NAN, until = (double)NAN;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        bool better = low_of(point, "model_interval") > 0 && low_of(point, "over_treat_all_interval") > 0;
        if (!better && !isnan(from)) break;
        if (better) until = show_number_of(point, "threshold");
        if (better && isnan(from)) from = until;
    }
    fputc('\n', to);
    if (isnan(from))
        show_line(to, "benefit",
                  "at no threshold is treating by the model shown to do more good than treating all or nobody");
    else
        show_line(to, "benefit",
                  "treating by the model is shown to do more good than treating all or nobody from a probability of "
                  "%.2f to %.2f",
                  from, until);
}
