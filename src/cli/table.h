/* Tables for people: columns as wide as what is in them. */
#ifndef GAL_CLI_TABLE_H
#define GAL_CLI_TABLE_H

#include "base/buf.h"

#include <stdio.h>

enum { TABLE_MAX_COLUMNS = 12 };

typedef struct cli_table {
    const char *head[TABLE_MAX_COLUMNS];
    char align[TABLE_MAX_COLUMNS]; /* 'l' or 'r' */
    int columns;
    gal_buf text; /* the cells in order, each ended by a NUL */
    size_t cells;
} cli_table;

/* One head and one letter of `align` a column; `heads` ends with NULL and must outlive the table. */
void table_start(cli_table *table, const char *const *heads, const char *align);
/* The next cell, rows first. */
__attribute__((format(printf, 2, 3))) void table_cell(cli_table *table, const char *format, ...);
/* Prints and releases; says so when memory ran out. */
void table_end(cli_table *table, FILE *to);

/* 1234567 as "1.235 M" (powers of 1000) and bytes as "1.2 MiB", into the caller's buffer, which is returned. */
enum { TABLE_NUMBER = 32 };
const char *table_count(char out[TABLE_NUMBER], double n);
const char *table_bytes(char out[TABLE_NUMBER], double n);
/* Columns text takes on a terminal (UTF-8 counted by character). */
int table_width(const char *text);

#endif
