/* Cells out of CSV and JSON. */
#include "clinic/claims/claims_grid.h"

#include "base/error.h"
#include "data/csv.h"

#include <jansson.h>
#include <string.h>

static galen_status make_room(gal_arena *arena, gal_grid *out, galen_error *err) {
    size_t cells = out->rows * (size_t)out->columns;
    out->header = gal_arena_alloc(arena, (size_t)out->columns, sizeof *out->header);
    out->cell = gal_arena_alloc(arena, cells, sizeof *out->cell);
    size_t *number = gal_arena_alloc(arena, out->rows, sizeof *number);
    if (!out->header || !out->cell || !number) return gal_fail_memory(err, "a table", cells * sizeof *out->cell);
    for (size_t i = 0; i < cells; i++) out->cell[i] = "";
    for (size_t i = 0; i < out->rows; i++) number[i] = i + 1;
    out->number = number;
    return GALEN_OK;
}

static bool keep(gal_arena *arena, const char *text, const char **out) {
    *out = gal_arena_text(arena, text, strlen(text));
    return *out != NULL;
}

static galen_status copy_csv(const gal_csv *csv, gal_arena *arena, gal_grid *out, galen_error *err) {
    bool kept = true;
    out->columns = csv->columns;
    out->rows = csv->rows;
    GAL_TRY(make_room(arena, out, err));
    for (int c = 0; c < csv->columns; c++) kept = kept && keep(arena, gal_csv_header(csv, c), &out->header[c]);
    for (size_t r = 0; r < csv->rows; r++) {
        for (int c = 0; c < csv->columns; c++)
            kept = kept && keep(arena, gal_csv_cell(csv, r, c), &out->cell[r * (size_t)csv->columns + (size_t)c]);
        ((size_t *)(uintptr_t)out->number)[r] = gal_csv_number(csv, r);
    }
    return kept ? GALEN_OK : gal_fail_memory(err, "a table", csv->rows);
}

static galen_status read_csv(const void *bytes, size_t size, gal_arena *arena, gal_grid *out, galen_error *err) {
    const gal_csv_limits limits = {
        .max_bytes = GAL_GRID_MAX_BYTES, .max_rows = GAL_GRID_MAX_ROWS, .max_columns = GAL_GRID_MAX_COLUMNS};
    gal_csv csv;
    GAL_TRY(gal_csv_read(bytes, size, &limits, &csv, err));
    galen_status status = copy_csv(&csv, arena, out, err);
    gal_csv_free(&csv);
    return status;
}

/* ---- JSON ---- */

/* The column called `key`, a new one if need be; -1 beyond the limit. */
static int find_column(const char **name, int *n, const char *key) {
    for (int c = 0; c < *n; c++)
        if (!strcmp(name[c], key)) return c;
    if (*n == GAL_GRID_MAX_COLUMNS) return -1;
    name[*n] = key;
    return (*n)++;
}

/* Columns are the keys of all rows, in the order in which they first stand. */
static galen_status find_columns(const json_t *rows, const char **name, int *n, galen_error *err) {
    size_t r;
    json_t *row, *value;
    const char *key;
    json_array_foreach(rows, r, row) {
        if (!json_is_object(row))
            return gal_fail(err, GALEN_ERR_FORMAT, "row %zu is not an object: write {\"name\": ..., \"accuracy\": ...}",
                            r + 1);
        json_object_foreach(row, key, value) {
            if (find_column(name, n, key) < 0)
                return gal_fail(err, GALEN_ERR_LIMIT, "row %zu: more than %d different keys; split the table", r + 1,
                                GAL_GRID_MAX_COLUMNS);
        }
    }
    return GALEN_OK;
}

/* JSON keeps no zeros at a number's end. */
static const char *number_text(gal_arena *arena, double number) {
    char *text = gal_arena_printf(arena, "%.12f", number);
    if (!text) return NULL;
    size_t n = strlen(text);
    while (text[n - 1] == '0') text[--n] = 0;
    if (text[n - 1] == '.') text[n - 1] = 0;
    return text;
}

static galen_status json_cell(const json_t *value, size_t row, const char *key, gal_arena *arena, const char **out,
                              galen_error *err) {
    if (json_is_null(value)) return GALEN_OK;
    if (json_is_string(value))
        *out = gal_arena_text(arena, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        *out = gal_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value) && json_real_value(value) > -1e15 && json_real_value(value) < 1e15)
        *out = number_text(arena, json_real_value(value));
    else
        return gal_fail(err, GALEN_ERR_FORMAT, "row %zu: %.60s is neither a text nor a number below 1e15", row, key);
    return *out ? GALEN_OK : gal_fail_memory(err, "a table", 1);
}

static galen_status copy_json(const json_t *rows, gal_arena *arena, gal_grid *out, galen_error *err) {
    const char *name[GAL_GRID_MAX_COLUMNS];
    size_t r;
    json_t *row, *value;
    const char *key;
    out->rows = json_array_size(rows);
    if (out->rows == 0) return gal_fail(err, GALEN_ERR_FORMAT, "the table has no rows");
    if (out->rows > GAL_GRID_MAX_ROWS)
        return gal_fail(err, GALEN_ERR_LIMIT, "more than %d rows; split the table", GAL_GRID_MAX_ROWS);
    GAL_TRY(find_columns(rows, name, &out->columns, err));
    if (out->columns == 0) return gal_fail(err, GALEN_ERR_FORMAT, "the rows are empty");
    GAL_TRY(make_room(arena, out, err));
    for (int c = 0; c < out->columns; c++)
        if (!keep(arena, name[c], &out->header[c])) return gal_fail_memory(err, "a table", 1);
    json_array_foreach(rows, r, row) {
        json_object_foreach(row, key, value) {
            int c = find_column(out->header, &out->columns, key);
            GAL_TRY(json_cell(value, r + 1, key, arena, &out->cell[r * (size_t)out->columns + (size_t)c], err));
        }
    }
    return GALEN_OK;
}

static galen_status read_json(const void *bytes, size_t size, gal_arena *arena, gal_grid *out, galen_error *err) {
    json_error_t why;
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &why);
    if (!root) return gal_fail(err, GALEN_ERR_FORMAT, "line %d: %.160s", why.line, why.text);
    const json_t *rows = json_is_array(root) ? root : json_object_get(root, "rows");
    galen_status status = json_is_array(rows)
                              ? copy_json(rows, arena, out, err)
                              : gal_fail(err, GALEN_ERR_FORMAT, "the object has no array \"rows\": add it");
    json_decref(root);
    return status;
}

galen_status gal_grid_read(const void *bytes, size_t size, gal_arena *arena, gal_grid *out, galen_error *err) {
    const char *at = bytes, *end = at + size;
    *out = (gal_grid){0};
    if (size > GAL_GRID_MAX_BYTES)
        return gal_fail(err, GALEN_ERR_LIMIT, "the table has %zu bytes; the limit is %d: split it", size,
                        GAL_GRID_MAX_BYTES);
    if (size >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) at += 3;
    const char *start = at;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    if (at < end && (*at == '[' || *at == '{')) return read_json(start, (size_t)(end - start), arena, out, err);
    return read_csv(bytes, size, arena, out, err);
}
