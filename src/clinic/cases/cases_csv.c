/* Cases in tables: columns are found, then it goes row by row. */
#include "clinic/cases/cases_csv.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MAX = 64 };

const char *gal_case_cell(const gal_case_table *t, size_t k, int column) {
    return gal_csv_cell(&t->csv, t->row[k], column);
}

galen_status gal_case_table_full(const gal_case_table *t) {
    return gal_fail_memory(t->err, "a table of cases", t->csv.rows * sizeof *t->row);
}

/* ---- rows ---- */

static galen_status keep_rows(gal_case_table *t) {
    t->row = gal_arena_alloc(&t->arena, t->csv.rows, sizeof *t->row);
    t->number = gal_arena_alloc(&t->arena, t->csv.rows, sizeof *t->number);
    if (!t->row || !t->number) return gal_case_table_full(t);
    for (size_t r = 0; r < t->csv.rows; r++) {
        gal_split split = GAL_SPLIT_NONE;
        if (t->options.split != GAL_SPLIT_NONE) {
            const char *cell = gal_csv_cell(&t->csv, r, t->at[GAL_ROLE_SPLIT]);
            if (*cell && !gal_split_parse(cell, &split))
                return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the split is '%.60s': train, val or test is needed",
                                gal_csv_number(&t->csv, r), cell);
            if (split != t->options.split) continue;
        }
        t->row[t->count] = r;
        t->number[t->count++] = gal_csv_number(&t->csv, r);
    }
    if (t->count > 0) return GALEN_OK;
    return gal_fail(t->err, GALEN_ERR_FORMAT, "no row belongs to the split '%s'", gal_split_name(t->options.split));
}

/* Of all numbers of a table only one notation counts: "1,234" would be another number in each. */
static galen_status find_notation(gal_case_table *t) {
    bool point = false;
    for (size_t k = 0; k < t->count; k++)
        for (int c = 0; c < t->classes; c++) {
            const char *cell = gal_case_cell(t, k, t->score[c]);
            bool comma = strchr(cell, ',') != NULL;
            point = point || strchr(cell, '.') != NULL;
            t->decimal_comma = t->decimal_comma || comma;
            if (point && t->decimal_comma)
                return gal_fail(
                    t->err, GALEN_ERR_FORMAT,
                    "row %zu: '%.40s': numbers are written with a point and with a comma: use a point in all",
                    t->number[k], cell);
        }
    return GALEN_OK;
}

static galen_status read_number(const gal_case_table *t, size_t k, int column, double *out) {
    const char *cell = gal_case_cell(t, k, column);
    char text[NUMBER_MAX], *end;
    size_t n = strlen(cell);
    if (gal_is_missing(cell))
        return gal_fail(t->err, strcasecmp(cell, "nan") ? GALEN_ERR_FORMAT : GALEN_ERR_NUMERIC,
                        "row %zu: the score '%.60s' is %s: give each case a number, or leave the row out", t->number[k],
                        gal_csv_header(&t->csv, column), *cell ? cell : "missing");
    *out = (double)NAN;
    if (n < NUMBER_MAX && strspn(cell, "+-.,eE0123456789") == n) {
        memcpy(text, cell, n + 1);
        char *comma = t->decimal_comma ? strchr(text, ',') : NULL;
        if (comma) *comma = '.';
        *out = strtod(text, &end);
        if (end == text || *end) *out = (double)NAN;
    }
    if (!isnan(*out)) return GALEN_OK;
    return gal_fail(t->err, GALEN_ERR_FORMAT,
                    "row %zu: the score '%.60s' is '%.40s', which is no number: write it as 0.5", t->number[k],
                    gal_csv_header(&t->csv, column), cell);
}

static galen_status keep_text(gal_case_set *set, const char *text, const char **out, galen_error *err) {
    *out = gal_arena_text(&set->arena, text, strlen(text));
    return *out ? GALEN_OK : gal_fail_memory(err, "a text", strlen(text));
}

static galen_status fill_ids(const gal_case_table *t, gal_case_set *set) {
    int column = t->at[GAL_ROLE_ID] >= 0 ? t->at[GAL_ROLE_ID] : t->at[GAL_ROLE_PATH];
    if (t->at[GAL_ROLE_PATH] >= 0) {
        set->path = gal_arena_alloc(&set->arena, set->count, sizeof *set->path);
        if (!set->path) return gal_case_table_full(t);
    }
    for (size_t k = 0; k < set->count; k++) {
        if (set->path) GAL_TRY(keep_text(set, gal_case_cell(t, k, t->at[GAL_ROLE_PATH]), &set->path[k], t->err));
        if (column < 0) {
            set->id[k] = gal_arena_printf(&set->arena, "row %zu", t->number[k]);
            if (!set->id[k]) return gal_case_table_full(t);
            continue;
        }
        GAL_TRY(keep_text(set, gal_case_cell(t, k, column), &set->id[k], t->err));
        if (!set->id[k][0])
            return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the cell '%.60s' is empty: give each case an id",
                            t->number[k], gal_csv_header(&t->csv, column));
    }
    return GALEN_OK;
}

static galen_status fill_scores(const gal_case_table *t, gal_case_set *set) {
    for (size_t k = 0; k < set->count; k++)
        for (int c = 0; c < t->classes; c++)
            GAL_TRY(read_number(t, k, t->score[c], &set->score[k * (size_t)t->classes + (size_t)c]));
    for (int c = 0; c < t->classes; c++)
        if (t->name[c]) GAL_TRY(keep_text(set, t->name[c], &set->class_name[c], t->err));
    set->logits = t->logits;
    return GALEN_OK;
}

/* ---- groups ---- */

static galen_status fill_groups(gal_case_table *t, gal_case_set *set) {
    const char **value = gal_arena_alloc(&t->arena, set->count, sizeof *value);
    if (!value) return gal_case_table_full(t);
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != GAL_ROLE_ATTRIBUTE && t->role[c] != GAL_ROLE_PATIENT && t->role[c] != GAL_ROLE_SPLIT)
            continue;
        for (size_t k = 0; k < set->count; k++) value[k] = gal_case_cell(t, k, c);
        if (t->role[c] == GAL_ROLE_PATIENT)
            GAL_TRY(gal_case_set_patients(set, value, t->err));
        else
            GAL_TRY(gal_case_set_attribute(set, gal_csv_header(&t->csv, c), value, t->err));
    }
    return GALEN_OK;
}

static galen_status parse(gal_case_table *t, gal_case_set *out) {
    GAL_TRY(gal_case_columns_find(t));
    GAL_TRY(keep_rows(t));
    GAL_TRY(find_notation(t));
    GAL_TRY(gal_case_set_make(gal_case_table_kind(t), t->count, t->classes, out, t->err));
    GAL_TRY(fill_ids(t, out));
    GAL_TRY(fill_scores(t, out));
    GAL_TRY(gal_case_labels_fill(t, out));
    GAL_TRY(fill_groups(t, out));
    return gal_case_set_finish(out, t->number, t->err);
}

galen_status gal_cases_parse_csv(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                 galen_error *err) {
    gal_case_table t = {.err = err};
    if (options) t.options = *options;
    *out = (gal_case_set){.count = 0};
    GAL_TRY(gal_csv_read(bytes, size, NULL, &t.csv, err));
    gal_arena_init(&t.arena, PTRDIFF_MAX);
    galen_status status = parse(&t, out);
    gal_arena_free(&t.arena);
    gal_csv_free(&t.csv);
    if (status != GALEN_OK) gal_case_set_free(out);
    return status;
}
