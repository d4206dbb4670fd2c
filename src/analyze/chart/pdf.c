/* Blocks on pages. */
#include "analyze/chart/pdf.h"

#include "base/error.h"

#include <cairo-pdf.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BOTTOM = PDF_HEIGHT - PDF_MARGIN, GUTTER = 22 };

static void foot(pdf_page *page) {
    char text[32];
    chart_font(page->to, 7.5, false);
    chart_ink(page->to, GAL_INK_SOFT, 1);
    snprintf(text, sizeof text, "page %d", page->number);
    chart_text(page->to, PDF_MARGIN, PDF_HEIGHT - 26, CHART_LEFT, PDF_COLUMN - 60, page->title);
    chart_text(page->to, PDF_MARGIN + PDF_COLUMN, PDF_HEIGHT - 26, CHART_RIGHT, 0, text);
}

static void next_page(pdf_page *page) {
    foot(page);
    cairo_show_page(page->to);
    page->number++;
    page->y = PDF_MARGIN;
}

void pdf_need(pdf_page *page, double height) {
    if (page->y + height > BOTTOM && page->y > PDF_MARGIN) next_page(page);
}

static double figure(pdf_page *page, const gal_chart *f, double x, double column, bool draw);

/* What stays on a page with a heading: the text behind it, and the figure behind that. */
static double kept_with(pdf_page *page, const gal_block *b, size_t left) {
    double height = b->level == 1 ? 120 : 80;
    size_t at = 1;
    while (at < left && (b[at].kind == GAL_BLOCK_TEXT || b[at].kind == GAL_BLOCK_NOTE)) at++;
    if (at == left || b[at].kind != GAL_BLOCK_FIGURE) return height;
    bool wide = b[at].figure->kind == GAL_CHART_FOREST;
    return height + figure(page, b[at].figure, 0, wide ? PDF_COLUMN : (PDF_COLUMN - GUTTER) / 2.0, false);
}

static void heading(pdf_page *page, const gal_block *b, size_t left) {
    char where[64];
    double size = b->level == 1 ? 14 : 11;
    pdf_need(page, kept_with(page, b, left));
    page->y += b->level == 1 ? 12 : 6;
    snprintf(where, sizeof where, "page=%d pos=[0 %.0f]", page->number, page->y - 4);
    if (b->level == 1)
        cairo_pdf_surface_add_outline(page->surface, CAIRO_PDF_OUTLINE_ROOT, b->text, where,
                                      CAIRO_PDF_OUTLINE_FLAG_OPEN);
    chart_font(page->to, size, true);
    chart_ink(page->to, GAL_INK_TEXT, 1);
    pdf_paragraph(page, b->text, size * 1.35);
    page->y += 4;
}

static void text(pdf_page *page, const gal_block *b) {
    bool small = b->kind == GAL_BLOCK_NOTE;
    chart_font(page->to, small ? 8 : 9, false);
    chart_ink(page->to, small ? GAL_INK_SOFT : GAL_INK_TEXT, 1);
    pdf_paragraph(page, b->text, small ? 11 : 12.5);
    page->y += 6;
}

/* Title, drawing and note in a column; returns the height. */
static double figure(pdf_page *page, const gal_chart *f, double x, double column, bool draw) {
    double width, height, y = page->y;
    cairo_t *to = page->to;
    chart_size(f, &width, &height);
    double scale = fmin(1, column / width);
    chart_font(to, 9, true);
    chart_ink(to, GAL_INK_TEXT, 1);
    y += pdf_lines(to, f->title, x, y, column, 12, CHART_LEFT, draw) + 4;
    if (draw) {
        cairo_save(to);
        cairo_translate(to, x, y);
        cairo_scale(to, scale, scale);
        chart_draw(to, f);
        cairo_restore(to);
    }
    y += height * scale;
    chart_font(to, 7.5, false);
    chart_ink(to, GAL_INK_SOFT, 1);
    if (f->note != NULL) y += pdf_lines(to, f->note, x, y, column, 10, CHART_LEFT, draw);
    return y - page->y + 12;
}

/* Figures that follow one another stand side by side in twos; returns how many were drawn. */
static size_t figures(pdf_page *page, const gal_block *b, size_t left) {
    double half = (PDF_COLUMN - GUTTER) / 2.0;
    const gal_chart *first = b[0].figure;
    bool two = left > 1 && first->kind != GAL_CHART_FOREST && b[1].kind == GAL_BLOCK_FIGURE &&
               b[1].figure->kind != GAL_CHART_FOREST;
    double column = first->kind == GAL_CHART_FOREST ? PDF_COLUMN : half;
    double height = figure(page, first, PDF_MARGIN, column, false);
    if (two) height = fmax(height, figure(page, b[1].figure, 0, half, false));
    pdf_need(page, height);
    figure(page, first, PDF_MARGIN, column, true);
    if (two) figure(page, b[1].figure, PDF_MARGIN + half + GUTTER, half, true);
    page->y += height;
    return two ? 2 : 1;
}

static void head(pdf_page *page, const gal_document *d) {
    chart_font(page->to, 20, true);
    chart_ink(page->to, GAL_INK_TEXT, 1);
    pdf_paragraph(page, d->title, 26);
    if (d->subtitle != NULL) {
        chart_font(page->to, 9, false);
        chart_ink(page->to, GAL_INK_SOFT, 1);
        pdf_paragraph(page, d->subtitle, 13);
    }
    if (d->verdict != NULL) {
        page->y += 4;
        chart_font(page->to, 12, true);
        chart_ink(page->to, pdf_tone(d->verdict_tone), 1);
        pdf_paragraph(page, d->verdict, 17);
    }
    page->y += 6;
}

static void metadata(cairo_surface_t *surface, const gal_document *d) {
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, d->title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Galen");
    /* Else cairo takes the clock, and no two files were the same. */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                   d->made != NULL ? d->made : "1970-01-01T00:00:00Z");
}

static cairo_status_t keep(void *to, const unsigned char *bytes, unsigned length) {
    gal_buf *out = to;
    gal_buf_put(out, bytes, length);
    return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static void blocks(pdf_page *page, const gal_document *d) {
    for (size_t i = 0; i < d->blocks;) {
        const gal_block *b = &d->block[i];
        size_t used = 1;
        switch (b->kind) {
        case GAL_BLOCK_HEADING: heading(page, b, d->blocks - i); break;
        case GAL_BLOCK_TEXT:
        case GAL_BLOCK_NOTE: text(page, b); break;
        case GAL_BLOCK_TABLE: pdf_table(page, b->table); break;
        case GAL_BLOCK_FIGURE: used = figures(page, b, d->blocks - i); break;
        }
        i += used;
    }
}

galen_status chart_pdf(const gal_document *d, gal_buf *out, galen_error *err) {
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(keep, out, PDF_WIDTH, PDF_HEIGHT);
    pdf_page page = {surface, cairo_create(surface), PDF_MARGIN, 1, d->title};
    metadata(surface, d);
    head(&page, d);
    blocks(&page, d);
    foot(&page);
    cairo_status_t status = cairo_status(page.to);
    cairo_destroy(page.to);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_NO_MEMORY || out->failed) return gal_fail_memory(err, "the PDF", out->size);
    if (status != CAIRO_STATUS_SUCCESS)
        return gal_fail(err, GALEN_ERR_INTERNAL, "PDF: cairo says: %s", cairo_status_to_string(status));
    return GALEN_OK;
}
