/* Tables of published claims, as people type them: CSV with any usual separator, or JSON. */
#ifndef GAL_CLINIC_CLAIMS_TABLE_H
#define GAL_CLINIC_CLAIMS_TABLE_H

#include "base/arena.h"
#include "clinic/claims/claims.h"

/* What a column holds; the measures of gal_claim_measure come first, under their own numbers. */
typedef enum gal_column {
    GAL_COLUMN_POSITIVES = GAL_N_CLAIMS,
    GAL_COLUMN_NEGATIVES,
    GAL_COLUMN_BATCH,
    GAL_COLUMN_CONCURRENCY, /* batches in flight at once */
    GAL_COLUMN_LATENCY,     /* of a batch */
    GAL_COLUMN_THROUGHPUT,  /* images a second */
    GAL_COLUMN_SPEEDUP,     /* times as fast as the baseline */
    GAL_COLUMN_TOTAL,       /* of the parts in the same row */
    GAL_COLUMN_COST,        /* of one item a row; a row named total is their sum */
    GAL_COLUMN_QUANTITY,
    GAL_COLUMN_UNIT_PRICE,
    GAL_N_NUMBERS,
    GAL_COLUMN_SOURCE = GAL_N_NUMBERS,
    GAL_COLUMN_NAME,
    GAL_COLUMN_HARDWARE,
    GAL_COLUMN_BASELINE, /* the name of the row of the same source that a speed-up refers to */
    GAL_N_COLUMNS
} gal_column;

typedef struct gal_claim_row {
    size_t number; /* in the file: the spreadsheet's row, or the place in the JSON array, from 1 */
    gal_decimal value[GAL_N_NUMBERS];
    double target[GAL_N_CLAIMS];                     /* shares; NaN: none */
    gal_decimal *part;                               /* of the total, one a column of parts */
    const char *source, *name, *hardware, *baseline; /* "" where nothing is said */
    const char *key;                                 /* what must differ between two rows that differ */
} gal_claim_row;

typedef struct gal_claim_table {
    gal_arena arena; /* holds everything below */
    gal_claim_row *row;
    size_t n_rows;
    bool present[GAL_N_COLUMNS];
    bool percent[GAL_N_CLAIMS]; /* how the column was read */
    double latency_unit;        /* seconds */
    const char **part;          /* names of the columns of parts */
    int n_parts;
    const char **ignored; /* columns that mean nothing here */
    int n_ignored;
} gal_claim_table;

/*
 * Reads a table of at most 16 MiB, 10,000 rows and 256 columns: JSON when it begins with [ or {, else CSV as data/csv.h
 * says. JSON is an array of objects, or an object with such an array as "rows"; write numbers as strings ("95.80") to
 * keep the zeros at their ends. Column names are taken without regard to case, blanks and signs (docs/audit.md lists
 * them). A column of shares is percent where its name or a cell says so, or where all its numbers are above 1; a column
 * with numbers both above and below 1 is an error. Errors name the row. The caller frees *out with
 * gal_claim_table_free; on failure it is empty.
 */
galen_status gal_claim_table_parse(const void *bytes, size_t size, gal_claim_table *out, galen_error *err);
/* The same from a file, which errors name. */
galen_status gal_claim_table_load(const char *path, gal_claim_table *out, galen_error *err);
void gal_claim_table_free(gal_claim_table *table);

/* The claims of a row, as gal_claims_check wants them; zero cases where they are not said. */
gal_claim_set gal_claim_row_set(const gal_claim_table *table, const gal_claim_row *row);

/* Reads "sensitivity=0.95,auc=97%" into shares by measure, NaN where none is named. GALEN_ERR_ARGUMENT says what is
 * wrong. */
galen_status gal_claim_targets(const char *text, double out[GAL_N_CLAIMS], galen_error *err);

#endif
