/* Tables of text: comma, semicolon or tab separated values with a header (RFC 4180 and what spreadsheets make of it).
 */
#ifndef GAL_DATA_CSV_H
#define GAL_DATA_CSV_H

#include "base/buf.h"

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

/* What is accepted from a file that may be hostile. */
typedef struct gal_csv_limits {
    size_t max_bytes, max_rows;
    int max_columns;
} gal_csv_limits;

/* 1 GiB, 16 million rows, 4,096 columns. */
gal_csv_limits gal_csv_default_limits(void);

typedef struct gal_csv {
    int columns;
    size_t rows; /* without the header */
    char *text;  /* every cell, NUL-terminated */
    gal_buf cell, number;
} gal_csv;

/*
 * Parses a table held in memory. The separator is whichever of comma, semicolon and tab stands most often in the first
 * row, outside quotes (a comma when none does); rows end with LF, CRLF or CR; a UTF-8 byte order mark and empty rows
 * are skipped; blanks around a cell without quotes are dropped; "" within quotes is one quote. Every row must have as
 * many cells as the header. GALEN_ERR_FORMAT names the row, numbered as spreadsheets do, the header being row 1. limits
 * NULL: the default. The caller owns *out (gal_csv_free); it is empty on failure.
 */
galen_status gal_csv_read(const void *bytes, size_t size, const gal_csv_limits *limits, gal_csv *out, galen_error *err);
void gal_csv_free(gal_csv *csv);

/* Never NULL; lives as long as the table. */
const char *gal_csv_header(const gal_csv *csv, int column);
const char *gal_csv_cell(const gal_csv *csv, size_t row, int column);
/* The number of row `row` (from 0) in a spreadsheet. */
size_t gal_csv_number(const gal_csv *csv, size_t row);

/* The first column whose header is one of `names` (NULL-terminated; letter case ignored), or -1. */
int gal_csv_column(const gal_csv *csv, const char *const *names);

#endif
