/* Figures of many classes or labels, for people. */
#include "cli/cli.h"
#include "cli/eval_show_parts.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>

enum { MOST_COLUMNS = 10 };

static const char *name_of(const json_t *names, size_t i, char room[SHOW_CELL]) {
    const char *name = json_string_value(json_array_get(names, i));
    (void)snprintf(room, SHOW_CELL, "%.60s", name ? name : "");
    if (!name) (void)snprintf(room, SHOW_CELL, "class %zu", i);
    return room;
}

/* Rows are true, columns called; a column has the number of its class. */
static void show_confusion(FILE *to, const json_t *names, const json_t *confusion) {
    static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    const char *heads[MOST_COLUMNS + 2] = {"true class, and called as"};
    size_t n = json_array_size(confusion);
    cli_table table;
    if (n < 2 || n > MOST_COLUMNS) return;
    for (size_t c = 0; c < n; c++) heads[c + 1] = numbers[c];
    fputc('\n', to);
    table_start(&table, heads, "lrrrrrrrrrr");
    for (size_t r = 0; r < n; r++) {
        char name[SHOW_CELL];
        table_cell(&table, "%zu %s", r, name_of(names, r, name));
        for (size_t c = 0; c < n; c++)
            table_cell(&table, "%lld", (long long)json_integer_value(json_array_get(json_array_get(confusion, r), c)));
    }
    table_end(&table, to);
}

static void cell(cli_table *table, const json_t *figures, const char *name) {
    const json_t *figure = json_object_get(figures, name);
    double value = show_number_of(figure, "value"), low = show_number_of(figure, "low");
    if (isnan(value))
        table_cell(table, "-");
    else if (isnan(low))
        table_cell(table, "%.3f", value);
    else
        table_cell(table, "%.3f (%.3f to %.3f)", value, low, show_number_of(figure, "high"));
}

static void show_each(FILE *to, const json_t *names, const json_t *per_class, bool decided) {
    static const char *const decided_heads[] =
        {"class against the rest", "cases", "sensitivity", "specificity", "PPV", "F1", "AUC", NULL},
                             *const ranked_heads[] = {"label", "cases", "AUC", "average precision", NULL};
    cli_table table;
    fputc('\n', to);
    table_start(&table, decided ? decided_heads : ranked_heads, "lrlllll");
    for (size_t i = 0; i < json_array_size(per_class); i++) {
        const json_t *one = json_array_get(per_class, i), *figures = json_object_get(one, "figures");
        char name[SHOW_CELL];
        table_cell(&table, "%s", name_of(names, i, name));
        table_cell(&table, "%lld", show_whole_of(one, "positives"));
        if (decided) {
            cell(&table, figures, "sensitivity");
            cell(&table, figures, "specificity");
            cell(&table, figures, "ppv");
            cell(&table, figures, "f1");
        }
        cell(&table, figures, "auc");
        if (!decided) cell(&table, figures, "average_precision");
    }
    table_end(&table, to);
}

void show_classes(FILE *to, const json_t *classes, double level) {
    const json_t *names = json_object_get(classes, "classes"), *per_class = json_object_get(classes, "per_class");
    const json_t *first = json_object_get(json_array_get(per_class, 0), "confusion");
    show_confusion(to, names, json_object_get(classes, "confusion"));
    show_figures(to, json_object_get(classes, "figures"), level);
    show_each(to, names, per_class, json_is_object(first));
}
