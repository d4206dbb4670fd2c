/* Putting a report together. */
#include "analyze/report/document.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DOCUMENT = 512 << 20 };

void gal_document_start(gal_document *d) {
    *d = (gal_document){0};
    gal_arena_init(&d->arena, MAX_DOCUMENT);
}

void gal_document_free(gal_document *d) {
    gal_arena_free(&d->arena);
    *d = (gal_document){0};
}

galen_status gal_document_check(const gal_document *d, galen_error *err) {
    return d->failed ? gal_fail_memory(err, "the report", d->arena.total) : GALEN_OK;
}

void *gal_document_room(gal_document *d, size_t count, size_t size) {
    void *p = d->failed ? NULL : gal_arena_alloc(&d->arena, count > 0 ? count : 1, size);
    if (p == NULL) d->failed = true;
    return p;
}

/* Room for one element more in an array of the arena, whose old copy stays there: sizes double. */
static void *grown(gal_document *d, void *old, size_t used, size_t *room, size_t size) {
    if (used < *room) return old;
    size_t wanted = *room > 0 ? 2 * *room : 32;
    void *p = gal_document_room(d, wanted, size);
    if (p == NULL) return NULL;
    if (used > 0) memcpy(p, old, used * size);
    *room = wanted;
    return p;
}

static const char *format(gal_document *d, const char *f, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, f, again);
    va_end(again);
    char *text = n < 0 ? NULL : gal_document_room(d, (size_t)n + 1, 1);
    if (text == NULL) {
        d->failed = true;
        return "";
    }
    vsnprintf(text, (size_t)n + 1, f, args);
    return text;
}

const char *gal_document_format(gal_document *d, const char *f, ...) {
    va_list args;
    va_start(args, f);
    const char *text = format(d, f, args);
    va_end(args);
    return text;
}

static gal_block *add(gal_document *d, gal_block_kind kind) {
    gal_block *blocks = grown(d, d->block, d->blocks, &d->room, sizeof *blocks);
    if (blocks == NULL) return &d->no_block;
    d->block = blocks;
    gal_block *b = &blocks[d->blocks++];
    *b = (gal_block){.kind = kind};
    return b;
}

void gal_document_heading(gal_document *d, int level, const char *text) {
    gal_block *b = add(d, GAL_BLOCK_HEADING);
    b->level = level, b->text = gal_document_format(d, "%s", text);
}

void gal_document_text(gal_document *d, const char *f, ...) {
    va_list args;
    va_start(args, f);
    const char *text = format(d, f, args);
    va_end(args);
    add(d, GAL_BLOCK_TEXT)->text = text;
}

void gal_document_note(gal_document *d, const char *f, ...) {
    va_list args;
    va_start(args, f);
    const char *text = format(d, f, args);
    va_end(args);
    add(d, GAL_BLOCK_NOTE)->text = text;
}

void gal_document_figure(gal_document *d, const gal_chart *figure) {
    gal_chart *copy = gal_document_room(d, 1, sizeof *copy);
    if (copy == NULL) return;
    *copy = *figure;
    add(d, GAL_BLOCK_FIGURE)->figure = copy;
}

/* ---- tables ---- */

static gal_table *table_of(gal_document *d, const char *const *heads, const char *align) {
    gal_table *t = gal_document_room(d, 1, sizeof *t);
    if (t == NULL) t = &d->no_table;
    *t = (gal_table){.columns = (int)strlen(align)};
    for (int c = 0; c < t->columns && c < GAL_TABLE_COLUMNS; c++) {
        t->align[c] = align[c];
        t->head[c] = heads != NULL ? heads[c] : NULL;
    }
    return t;
}

gal_table *gal_document_table(gal_document *d, const char *const *heads, const char *align) {
    gal_table *t = table_of(d, heads, align);
    add(d, GAL_BLOCK_TABLE)->table = t;
    return t;
}

static void put(gal_document *d, gal_table *t, gal_tone tone, const char *text) {
    gal_cell *cells = grown(d, t->cell, t->cells, &t->room, sizeof *cells);
    if (cells == NULL) return;
    t->cell = cells;
    cells[t->cells++] = (gal_cell){.text = text, .tone = tone};
}

void gal_table_text(gal_document *d, gal_table *t, const char *text) {
    put(d, t, GAL_TONE_PLAIN, text != NULL ? gal_document_format(d, "%s", text) : "");
}

void gal_table_cell(gal_document *d, gal_table *t, gal_tone tone, const char *f, ...) {
    va_list args;
    va_start(args, f);
    const char *text = format(d, f, args);
    va_end(args);
    put(d, t, tone, text);
}

void gal_table_number(gal_document *d, gal_table *t, const char *format_of_one, double value, const char *otherwise) {
    char text[64];
    if (!isfinite(value)) {
        gal_table_cell(d, t, GAL_TONE_SOFT, "%s", otherwise);
        return;
    }
    /* The callers' formats are constants of one double. */
    snprintf(text, sizeof text, format_of_one, value);
    gal_table_text(d, t, text);
    if (t->cells > 0) t->cell[t->cells - 1].exact = gal_document_format(d, "%.17g", value);
}

size_t gal_table_rows(const gal_table *t) {
    return t->columns > 0 ? t->cells / (size_t)t->columns : 0;
}

/* ---- the numbers behind a figure ---- */

static void curve_numbers(gal_document *d, gal_table *t, const gal_trace *c, size_t most) {
    size_t rows = most == 0 || c->count <= most ? c->count : most;
    for (size_t k = 0; k < rows; k++) {
        size_t i = rows == c->count ? k : k * (c->count - 1) / (rows - 1);
        gal_table_text(d, t, c->name);
        gal_table_number(d, t, "%.6g", c->x[i], "");
        gal_table_number(d, t, "%.6g", c->y[i], "");
        gal_table_number(d, t, "%.6g", c->y_low != NULL ? c->y_low[i] : (double)NAN, "");
        gal_table_number(d, t, "%.6g", c->y_high != NULL ? c->y_high[i] : (double)NAN, "");
    }
}

static void bar_numbers(gal_document *d, gal_table *t, const gal_chart *f) {
    double width = f->bins > 0 ? (f->x_high - f->x_low) / (double)f->bins : 0;
    for (size_t g = 0; g < f->groups; g++)
        for (size_t i = 0; i < f->bins; i++) {
            gal_table_text(d, t, f->bars[g].name);
            gal_table_number(d, t, "%.6g", f->x_low + width * ((double)i + 0.5), "");
            gal_table_number(d, t, "%.6g", f->bars[g].value[i], "");
            gal_table_text(d, t, NULL);
            gal_table_text(d, t, NULL);
        }
}

static void forest_numbers(gal_document *d, gal_table *t, const gal_chart *f) {
    const char *group = "";
    for (size_t i = 0; i < f->rows; i++) {
        const gal_forest_row *r = &f->row[i];
        if (r->group) {
            group = r->label;
            continue;
        }
        gal_table_text(d, t, r->total ? "" : group);
        gal_table_text(d, t, r->label);
        gal_table_number(d, t, "%.6g", r->value, "");
        gal_table_number(d, t, "%.6g", r->low, "");
        gal_table_number(d, t, "%.6g", r->high, "");
    }
}

gal_table *gal_chart_numbers(gal_document *d, const gal_chart *f, size_t most) {
    const char *heads[] = {f->kind == GAL_CHART_FOREST ? "attribute" : "series",
                           f->kind == GAL_CHART_FOREST ? "group" : f->x_label,
                           f->kind == GAL_CHART_FOREST ? f->x_label : f->y_label, "low", "high"};
    gal_table *t = table_of(d, heads, f->kind == GAL_CHART_FOREST ? "llrrr" : "lrrrr");
    for (size_t i = 0; f->kind == GAL_CHART_CURVES && i < f->traces; i++) curve_numbers(d, t, &f->trace[i], most);
    if (f->kind == GAL_CHART_BARS) bar_numbers(d, t, f);
    if (f->kind == GAL_CHART_FOREST) forest_numbers(d, t, f);
    return t;
}
