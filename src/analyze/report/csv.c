/* A document's numbers as CSV. */
#include "analyze/report/csv.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static bool is_number(const char *text) {
    char *end;
    strtod(text, &end);
    return end != text && *end == '\0';
}

static void field(gal_buf *out, const char *text, const char *after) {
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL && !is_number(text);
    bool quoted = formula || strpbrk(text, ",\"\r\n") != NULL;
    gal_buf_text(out, quoted ? "\"" : "");
    gal_buf_text(out, formula ? "'" : "");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') gal_buf_text(out, "\"");
        gal_buf_put(out, c, 1);
    }
    gal_buf_text(out, quoted ? "\"" : "");
    gal_buf_text(out, after);
}

static void table(gal_buf *out, const char *section, const char *name, const gal_table *t) {
    for (size_t i = 0; i < t->cells; i++) {
        size_t column = i % (size_t)t->columns, row = i / (size_t)t->columns;
        const char *head = t->head[column], *text = t->cell[i].exact != NULL ? t->cell[i].exact : t->cell[i].text;
        if (text[0] == '\0') continue;
        field(out, section, ",");
        field(out, name, ",");
        gal_buf_printf(out, "%zu,", row + 1);
        field(out, head != NULL ? head : column == 0 ? "name" : "value", ",");
        field(out, text, "\n");
    }
}

galen_status gal_report_csv(const gal_document *d, gal_buf *out, galen_error *err) {
    gal_document numbers;
    const char *section = "";
    gal_document_start(&numbers);
    gal_buf_text(out, "section,table,row,column,value\n");
    for (size_t i = 0; i < d->blocks; i++) {
        const gal_block *b = &d->block[i];
        if (b->kind == GAL_BLOCK_HEADING && b->level == 1) section = b->text;
        if (b->kind == GAL_BLOCK_TABLE)
            table(out, section, b->table->caption != NULL ? b->table->caption : section, b->table);
        if (b->kind == GAL_BLOCK_FIGURE)
            table(out, section, b->figure->title, gal_chart_numbers(&numbers, b->figure, 0));
    }
    galen_status status = gal_document_check(&numbers, err);
    gal_document_free(&numbers);
    GAL_TRY(status);
    return out->failed ? gal_fail_memory(err, "the report", out->size) : GALEN_OK;
}
