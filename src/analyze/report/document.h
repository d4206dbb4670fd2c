/* A report as headings, text, tables and figures: written once, rendered as HTML, PDF and CSV. */
#ifndef GAL_ANALYZE_DOCUMENT_H
#define GAL_ANALYZE_DOCUMENT_H

#include "analyze/report/chart.h"
#include "base/arena.h"

#include <galen/status.h>

/* What a cell says about the answer; always shown in words too, never by colour alone. */
typedef enum gal_tone { GAL_TONE_PLAIN, GAL_TONE_GOOD, GAL_TONE_BAD, GAL_TONE_UNSURE, GAL_TONE_SOFT } gal_tone;

typedef struct gal_cell {
    const char *text;
    gal_tone tone;
    const char *exact;        /* a number with all its digits, for CSV; NULL: the text */
    const unsigned char *png; /* a thumbnail above the text; NULL: none */
    size_t png_size;
} gal_cell;

enum { GAL_TABLE_COLUMNS = 12 };

typedef struct gal_table {
    const char *caption; /* NULL: none */
    int columns;
    const char *head[GAL_TABLE_COLUMNS]; /* head[0] NULL: a table of names and what they are, without a head */
    char align[GAL_TABLE_COLUMNS];       /* 'l' or 'r' */
    gal_cell *cell;                      /* rows first */
    size_t cells, room;
    bool sortable;
} gal_table;

typedef enum gal_block_kind {
    GAL_BLOCK_HEADING,
    GAL_BLOCK_TEXT,
    GAL_BLOCK_NOTE,
    GAL_BLOCK_TABLE,
    GAL_BLOCK_FIGURE
} gal_block_kind;

typedef struct gal_block {
    gal_block_kind kind;
    int level;        /* of a heading: 1 a section, 2 within it */
    const char *text; /* of a heading, text or note */
    gal_table *table;
    gal_chart *figure;
} gal_block;

/* Everything in it lives in its arena. A failure sticks (`failed`): builders may be called all the same and the owner
 * checks once. */
typedef struct gal_document {
    const char *title, *subtitle;
    const char *made; /* the time of the evidence, ISO 8601; NULL: unknown. A report has no time of its own: the same
                         evidence gives the same bytes */
    gal_tone verdict_tone;
    const char *verdict; /* in the head; NULL: none */
    gal_block *block;
    size_t blocks, room;
    gal_arena arena;
    bool failed;
    gal_block no_block; /* what builders fill after a failure */
    gal_table no_table;
} gal_document;

void gal_document_start(gal_document *document);
void gal_document_free(gal_document *document);
/* GALEN_ERR_MEMORY when a builder failed. */
galen_status gal_document_check(const gal_document *document, galen_error *err);

/* Room and copies in the document's arena; "" and NULL after a failure. */
void *gal_document_room(gal_document *document, size_t count, size_t size);
__attribute__((format(printf, 2, 3))) const char *gal_document_format(gal_document *document, const char *format, ...);

void gal_document_heading(gal_document *document, int level, const char *text);
__attribute__((format(printf, 2, 3))) void gal_document_text(gal_document *document, const char *format, ...);
/* Small print. */
__attribute__((format(printf, 2, 3))) void gal_document_note(gal_document *document, const char *format, ...);
/* `figure` is copied; what it points to must live as long as the document. */
void gal_document_figure(gal_document *document, const gal_chart *figure);

/* One head and one letter of `align` a column. `heads` NULL: two columns without a head. Never NULL. */
gal_table *gal_document_table(gal_document *document, const char *const *heads, const char *align);
/* The next cell, rows first; NULL text is an empty cell. */
void gal_table_text(gal_document *document, gal_table *table, const char *text);
__attribute__((format(printf, 4, 5))) void gal_table_cell(gal_document *document, gal_table *table, gal_tone tone,
                                                          const char *format, ...);
/* A number as `format` (of one double) shows it, kept whole for CSV; `otherwise` where it is not finite. */
void gal_table_number(gal_document *document, gal_table *table, const char *format, double value,
                      const char *otherwise);
size_t gal_table_rows(const gal_table *table);

/* The numbers of a figure as a table, at most `most` rows a curve, evenly thinned (0: all). */
gal_table *gal_chart_numbers(gal_document *document, const gal_chart *figure, size_t most);

#endif
