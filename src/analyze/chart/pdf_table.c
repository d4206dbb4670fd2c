/* Tables: columns as wide as what is in them, the wide ones narrowed until the page holds all. */
#include "analyze/chart/pdf.h"

#include <math.h>
#include <string.h>

enum { GAP = 10, LEADING = 11, PICTURE = 60, SMALLEST = 34 };
static const double TEXT = 8.2;

typedef struct layout {
    double left[GAL_TABLE_COLUMNS], width[GAL_TABLE_COLUMNS];
} layout;

static void natural_widths(cairo_t *to, const gal_table *t, double *width) {
    for (int c = 0; c < t->columns; c++) width[c] = SMALLEST;
    chart_font(to, TEXT, true);
    for (int c = 0; c < t->columns; c++)
        if (t->head[c] != NULL) width[c] = fmax(width[c], chart_width(to, t->head[c]));
    for (size_t i = 0; i < t->cells; i++) {
        int c = (int)(i % (size_t)t->columns);
        chart_font(to, TEXT, t->cell[i].tone != GAL_TONE_PLAIN);
        width[c] = fmax(width[c], fmin(chart_width(to, t->cell[i].text), PDF_COLUMN));
        if (t->cell[i].png != NULL) width[c] = fmax(width[c], PICTURE);
    }
}

static layout lay_out(cairo_t *to, const gal_table *t) {
    layout l;
    natural_widths(to, t, l.width);
    double room = PDF_COLUMN - GAP * (double)(t->columns - 1);
    for (double all = room + 1; all > room;) {
        int widest = 0;
        all = 0;
        for (int c = 0; c < t->columns; c++) {
            all += l.width[c];
            if (l.width[c] > l.width[widest]) widest = c;
        }
        if (all > room) l.width[widest] -= fmin(all - room, fmax(1, l.width[widest] / 16));
    }
    l.left[0] = PDF_MARGIN;
    for (int c = 1; c < t->columns; c++) l.left[c] = l.left[c - 1] + l.width[c - 1] + GAP;
    return l;
}

gal_ink pdf_tone(gal_tone tone) {
    static const gal_ink ink[] = {[GAL_TONE_PLAIN] = GAL_INK_TEXT,
                                  [GAL_TONE_GOOD] = GAL_INK_GREEN,
                                  [GAL_TONE_BAD] = GAL_INK_RED,
                                  [GAL_TONE_UNSURE] = GAL_INK_ORANGE,
                                  [GAL_TONE_SOFT] = GAL_INK_SOFT};
    return ink[tone];
}

static chart_align side(const gal_table *t, int c) {
    return t->align[c] == 'r' ? CHART_RIGHT : CHART_LEFT;
}

typedef struct png_source {
    const unsigned char *bytes;
    size_t size, at;
} png_source;

static cairo_status_t read_png(void *from, unsigned char *out, unsigned length) {
    png_source *s = from;
    if (length > s->size - s->at) return CAIRO_STATUS_READ_ERROR;
    memcpy(out, s->bytes + s->at, length);
    s->at += length;
    return CAIRO_STATUS_SUCCESS;
}

static void picture(cairo_t *to, const gal_cell *cell, double x, double y) {
    png_source source = {cell->png, cell->png_size, 0};
    cairo_surface_t *s = cairo_image_surface_create_from_png_stream(read_png, &source);
    double width = cairo_image_surface_get_width(s), height = cairo_image_surface_get_height(s);
    if (cairo_surface_status(s) == CAIRO_STATUS_SUCCESS && width > 0 && height > 0) {
        cairo_save(to);
        cairo_translate(to, x, y);
        cairo_scale(to, PICTURE / fmax(width, height), PICTURE / fmax(width, height));
        cairo_set_source_surface(to, s, 0, 0);
        cairo_paint(to);
        cairo_restore(to);
    }
    cairo_surface_destroy(s);
}

static double cell(cairo_t *to, const gal_table *t, const layout *l, size_t i, double y, bool draw) {
    const gal_cell *it = &t->cell[i];
    int c = (int)(i % (size_t)t->columns);
    double above = it->png != NULL ? PICTURE + 3 : 0;
    bool strong = it->tone != GAL_TONE_PLAIN && it->tone != GAL_TONE_SOFT;
    chart_font(to, TEXT, strong || (t->head[0] == NULL && c == 0));
    chart_ink(to, pdf_tone(it->tone), 1);
    if (draw && it->png != NULL) picture(to, it, l->left[c], y + 2);
    return above + pdf_lines(to, it->text, l->left[c], y + above, l->width[c], LEADING, side(t, c), draw);
}

static double head(cairo_t *to, const gal_table *t, const layout *l, double y, bool draw) {
    double height = 0;
    chart_font(to, TEXT, true);
    chart_ink(to, GAL_INK_TEXT, 1);
    for (int c = 0; c < t->columns && t->head[0] != NULL; c++)
        height = fmax(height, pdf_lines(to, t->head[c] != NULL ? t->head[c] : "", l->left[c], y, l->width[c], LEADING,
                                        side(t, c), draw));
    return height;
}

static void rule(cairo_t *to, double y, gal_ink ink, double width) {
    chart_ink(to, ink, 1);
    cairo_set_line_width(to, width);
    chart_line(to, PDF_MARGIN, y, PDF_MARGIN + PDF_COLUMN, y);
}

static void put_head(pdf_page *page, const gal_table *t, const layout *l) {
    if (t->head[0] == NULL) return;
    page->y += head(page->to, t, l, page->y, true) + 3;
    rule(page->to, page->y, GAL_INK_SOFT, 0.8);
    page->y += 2;
}

void pdf_table(pdf_page *page, const gal_table *t) {
    if (t->columns == 0 || t->cells == 0) return;
    layout l = lay_out(page->to, t);
    pdf_need(page, head(page->to, t, &l, 0, false) + 3 * LEADING);
    put_head(page, t, &l);
    for (size_t row = 0; row < gal_table_rows(t); row++) {
        double height = 0;
        size_t first = row * (size_t)t->columns;
        for (int c = 0; c < t->columns; c++) height = fmax(height, cell(page->to, t, &l, first + (size_t)c, 0, false));
        int before = page->number;
        pdf_need(page, height + 4);
        if (page->number != before) put_head(page, t, &l);
        for (int c = 0; c < t->columns; c++) cell(page->to, t, &l, first + (size_t)c, page->y, true);
        page->y += height + 3;
        rule(page->to, page->y, GAL_INK_GRID, 0.5);
        page->y += 1;
    }
    page->y += 8;
}
