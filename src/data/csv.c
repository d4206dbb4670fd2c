/* The table reader: one pass over the bytes; cells are unquoted into one buffer that is never larger than the file. */
#include "data/csv.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

gal_csv_limits gal_csv_default_limits(void) {
    return (gal_csv_limits){.max_bytes = (size_t)1 << 30, .max_rows = 16u << 20, .max_columns = 4096};
}

typedef struct reader {
    const char *at, *end;
    char separator;
    char *to; /* where the next cell goes */
    size_t row;
    galen_error *err;
} reader;

static bool ends_row(char c) {
    return c == '\n' || c == '\r';
}

static char find_separator(const char *at, const char *end) {
    size_t comma = 0, semicolon = 0, tab = 0;
    bool quoted = false;
    for (; at < end && (quoted || !ends_row(*at)); at++) {
        if (*at == '"') quoted = !quoted;
        if (quoted) continue;
        comma += *at == ',';
        semicolon += *at == ';';
        tab += *at == '\t';
    }
    if (tab > comma && tab >= semicolon) return '\t';
    return semicolon > comma ? ';' : ',';
}

static void skip_blanks(reader *r) {
    while (r->at < r->end && *r->at == ' ') r->at++;
}

/* Behind the opening quote; leaves r->at behind the closing one. */
static galen_status quoted_cell(reader *r) {
    for (r->at++;; r->at++) {
        if (r->at == r->end)
            return gal_fail(r->err, GALEN_ERR_FORMAT, "row %zu: a quote is opened and never closed: add the second one",
                            r->row);
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"') break;
            r->at++;
        }
        *r->to++ = *r->at;
    }
    r->at++;
    skip_blanks(r);
    if (r->at < r->end && *r->at != r->separator && !ends_row(*r->at))
        return gal_fail(r->err, GALEN_ERR_FORMAT,
                        "row %zu: text follows a closing quote: write a quote inside a cell twice", r->row);
    return GALEN_OK;
}

static galen_status cell(reader *r) {
    skip_blanks(r);
    if (r->at < r->end && *r->at == '"') {
        GAL_TRY(quoted_cell(r));
    } else {
        const char *start = r->to;
        while (r->at < r->end && *r->at != r->separator && !ends_row(*r->at)) *r->to++ = *r->at++;
        while (r->to > start && (r->to[-1] == ' ' || r->to[-1] == '\t')) r->to--;
    }
    *r->to++ = 0; /* the separator or the end of the row made room for it */
    return GALEN_OK;
}

static void end_row(reader *r) {
    if (r->at == r->end) return;
    if (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n') r->at++;
    r->at++;
}

/* Appends the cells of one row and counts them. */
static galen_status row(reader *r, gal_csv *out, int max_columns, int *cells) {
    for (*cells = 0;; r->at++) {
        char *start = r->to;
        if (*cells == max_columns)
            return gal_fail(r->err, GALEN_ERR_LIMIT, "row %zu: more than %d cells; split the table", r->row,
                            max_columns);
        GAL_TRY(cell(r));
        gal_buf_put(&out->cell, &start, sizeof start);
        ++*cells;
        if (r->at == r->end || ends_row(*r->at)) break;
    }
    end_row(r);
    return GALEN_OK;
}

static galen_status rows(reader *r, const gal_csv_limits *limits, gal_csv *out) {
    for (; r->at < r->end; r->row++) {
        int cells = 0;
        if (ends_row(*r->at)) {
            end_row(r);
            continue;
        }
        GAL_TRY(row(r, out, limits->max_columns, &cells));
        gal_buf_put(&out->number, &r->row, sizeof r->row);
        if (out->cell.failed || out->number.failed) return gal_fail_memory(r->err, "a table", out->cell.size);
        if (out->columns == 0) {
            out->columns = cells;
            continue;
        }
        if (cells != out->columns)
            return gal_fail(r->err, GALEN_ERR_FORMAT,
                            "row %zu has %d cells, the header %d: add or remove separators, or put the cell that "
                            "holds one in quotes",
                            r->row, cells, out->columns);
        if (out->rows == limits->max_rows)
            return gal_fail(r->err, GALEN_ERR_LIMIT, "more than %zu rows; split the table", limits->max_rows);
        out->rows++;
    }
    if (out->columns == 0) return gal_fail(r->err, GALEN_ERR_FORMAT, "the table is empty: it has no header");
    if (out->rows == 0) return gal_fail(r->err, GALEN_ERR_FORMAT, "the table has a header and no rows");
    return GALEN_OK;
}

static galen_status check_text(const char *text, size_t size, galen_error *err) {
    if (size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the table is UTF-16 text: save it as UTF-8");
    if (size > 0 && memchr(text, 0, size))
        return gal_fail(err, GALEN_ERR_FORMAT, "the table holds zero bytes: it is not text, use the right file");
    return GALEN_OK;
}

galen_status gal_csv_read(const void *bytes, size_t size, const gal_csv_limits *limits, gal_csv *out,
                          galen_error *err) {
    gal_csv_limits used = limits ? *limits : gal_csv_default_limits();
    const char *text = bytes;
    memset(out, 0, sizeof *out);
    if (size > used.max_bytes)
        return gal_fail(err, GALEN_ERR_LIMIT, "the table has %zu bytes; the limit is %zu: split it", size,
                        used.max_bytes);
    GAL_TRY(check_text(text, size, err));
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3, size -= 3;
    out->text = gal_calloc(size + 1, 1);
    if (!out->text) return gal_fail_memory(err, "a table", size);
    gal_buf_init(&out->cell, PTRDIFF_MAX);
    gal_buf_init(&out->number, PTRDIFF_MAX);
    reader r = {.at = text, .end = text + size, .to = out->text, .row = 1, .err = err};
    if (size > 0) r.separator = find_separator(r.at, r.end);
    galen_status status = rows(&r, &used, out);
    if (status != GALEN_OK) gal_csv_free(out);
    return status;
}

void gal_csv_free(gal_csv *csv) {
    gal_free(csv->text);
    gal_buf_free(&csv->cell);
    gal_buf_free(&csv->number);
    memset(csv, 0, sizeof *csv);
}

const char *gal_csv_header(const gal_csv *csv, int column) {
    return ((const char *const *)(const void *)csv->cell.data)[column];
}

const char *gal_csv_cell(const gal_csv *csv, size_t r, int column) {
    return ((const char *const *)(const void *)csv->cell.data)[(r + 1) * (size_t)csv->columns + (size_t)column];
}

size_t gal_csv_number(const gal_csv *csv, size_t r) {
    return ((const size_t *)(const void *)csv->number.data)[r + 1];
}

int gal_csv_column(const gal_csv *csv, const char *const *names) {
    for (; *names; names++)
        for (int c = 0; c < csv->columns; c++)
            if (!strcasecmp(gal_csv_header(csv, c), *names)) return c;
    return -1;
}
