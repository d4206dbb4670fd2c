/* The table printer. */
#include "cli/table.h"

#include "cli/cli.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { TABLE_MAX_BYTES = 256 << 20 };

void table_start(cli_table *table, const char *const *heads, const char *align) {
    *table = (cli_table){0};
    gal_buf_init(&table->text, TABLE_MAX_BYTES);
    for (; heads[table->columns] && table->columns < TABLE_MAX_COLUMNS; table->columns++) {
        table->head[table->columns] = heads[table->columns];
        table->align[table->columns] = align[table->columns];
    }
}

void table_cell(cli_table *table, const char *format, ...) {
    char cell[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(cell, sizeof cell, format, args);
    va_end(args);
    gal_buf_put(&table->text, cell, strlen(cell) + 1);
    table->cells++;
}

int table_width(const char *text) {
    int width = 0;
    for (; *text; text++) width += (*text & 0xc0) != 0x80;
    return width;
}

static void put_cell(FILE *to, const cli_table *table, int column, int width, const char *text) {
    int blanks = width - table_width(text);
    bool last = column + 1 == table->columns;
    if (table->align[column] == 'r') fprintf(to, "%*s", blanks, "");
    cli_put_text(to, text);
    if (table->align[column] != 'r' && !last) fprintf(to, "%*s", blanks, "");
    fputs(last ? "\n" : "  ", to);
}

void table_end(cli_table *table, FILE *to) {
    int width[TABLE_MAX_COLUMNS], columns = table->columns;
    const char *at = (const char *)table->text.data;
    if (table->text.failed) {
        fputs("(the table is too large for this machine's memory; use --json)\n", to);
        gal_buf_free(&table->text);
        return;
    }
    for (int i = 0; i < columns; i++) width[i] = table_width(table->head[i]);
    for (size_t i = 0; i < table->cells; i++, at += strlen(at) + 1) {
        int w = table_width(at), column = (int)(i % (size_t)columns);
        if (w > width[column]) width[column] = w;
    }
    for (int i = 0; i < columns; i++) put_cell(to, table, i, width[i], table->head[i]);
    at = (const char *)table->text.data;
    for (size_t i = 0; i < table->cells; i++, at += strlen(at) + 1) {
        int column = (int)(i % (size_t)columns);
        put_cell(to, table, column, width[column], at);
    }
    gal_buf_free(&table->text);
}

static const char *scaled(char out[TABLE_NUMBER], double n, double step, const char *const *unit) {
    int i = 0;
    for (; fabs(n) >= step && unit[i + 1]; i++) n /= step;
    if (i == 0)
        snprintf(out, TABLE_NUMBER, "%.0f%s", n, unit[0]);
    else
        snprintf(out, TABLE_NUMBER, "%.4g %s", n, unit[i]);
    return out;
}

const char *table_count(char out[TABLE_NUMBER], double n) {
    static const char *const unit[] = {"", "k", "M", "G", "T", "P", NULL};
    return scaled(out, n, 1000, unit);
}

const char *table_bytes(char out[TABLE_NUMBER], double n) {
    static const char *const unit[] = {" B", "KiB", "MiB", "GiB", "TiB", NULL};
    return scaled(out, n, 1024, unit);
}
