/* A document on A4 pages. */
#ifndef GAL_ANALYZE_PDF_H
#define GAL_ANALYZE_PDF_H

#include "analyze/chart/draw.h"
#include "analyze/report/document.h"
#include "base/buf.h"

/* Of A4, in points. */
enum { PDF_WIDTH = 595, PDF_HEIGHT = 842, PDF_MARGIN = 50, PDF_COLUMN = PDF_WIDTH - 2 * PDF_MARGIN };

typedef struct pdf_page {
    cairo_surface_t *surface;
    cairo_t *to;
    double y; /* where the next block begins */
    int number;
    const char *title; /* at the foot */
} pdf_page;

/* Begins a new page unless `height` more fits on this one. */
void pdf_need(pdf_page *page, double height);

/* The longest beginning of clean UTF-8 that fits into `width` in the font set, ending between words where there are
 * several; at least one character. */
size_t pdf_fit(cairo_t *to, const char *text, double width);
/* Text in lines `leading` apart, the first baseline `leading` below `y`; draws it where `draw` says so. Returns its
 * height. */
double pdf_lines(cairo_t *to, const char *text, double x, double y, double width, double leading, chart_align align,
                 bool draw);
/* The same on pages: every line that does not fit goes to the next. */
void pdf_paragraph(pdf_page *page, const char *text, double leading);

/* A table with its head on each page. */
void pdf_table(pdf_page *page, const gal_table *table);
gal_ink pdf_tone(gal_tone tone);

/* Appends the whole document. The same document gives the same bytes. */
galen_status chart_pdf(const gal_document *document, gal_buf *out, galen_error *err);

#endif
