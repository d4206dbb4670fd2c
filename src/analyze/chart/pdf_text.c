/* Text in lines. */
#include "analyze/chart/pdf.h"
#include "base/utf8.h"

#include <string.h>

static double width_of(cairo_t *to, const char *text, size_t n) {
    char line[CHART_LINE];
    if (n >= sizeof line) n = sizeof line - 1;
    memcpy(line, text, n);
    line[n] = '\0';
    return chart_width(to, line);
}

static size_t fit_characters(cairo_t *to, const char *text, size_t most, double width) {
    size_t n = gal_utf8_length(text), next = n;
    while (next < most && width_of(to, text, next) <= width) {
        n = next;
        next += gal_utf8_length(text + next);
    }
    return n;
}

size_t pdf_fit(cairo_t *to, const char *text, double width) {
    size_t fits = 0, length = strlen(text);
    while (fits < length && fits < CHART_LINE / 2) {
        size_t word = fits + strspn(text + fits, " ");
        word += strcspn(text + word, " ");
        if (width_of(to, text, word) > width) break;
        fits = word;
    }
    if (fits > 0) return fits;
    size_t word = strcspn(text, " ");
    return fit_characters(to, text, word > 0 ? word : 1, width);
}

double pdf_lines(cairo_t *to, const char *text, double x, double y, double width, double leading, chart_align align,
                 bool draw) {
    double height = 0;
    char clean[8 * CHART_LINE];
    gal_utf8_clean(text, clean, sizeof clean);
    for (const char *at = clean; *at != '\0'; at += strspn(at, " ")) {
        size_t n = pdf_fit(to, at, width);
        height += leading;
        if (draw) {
            char line[CHART_LINE];
            size_t kept = n < sizeof line ? n : sizeof line - 1;
            memcpy(line, at, kept);
            line[kept] = '\0';
            double left = align == CHART_RIGHT ? x + width : align == CHART_CENTRE ? x + width / 2 : x;
            chart_text(to, left, y + height - leading * 0.25, align, 0, line);
        }
        at += n;
    }
    return height;
}

void pdf_paragraph(pdf_page *page, const char *text, double leading) {
    char clean[8 * CHART_LINE], line[CHART_LINE];
    gal_utf8_clean(text, clean, sizeof clean);
    for (const char *at = clean; *at != '\0'; at += strspn(at, " ")) {
        size_t n = pdf_fit(page->to, at, PDF_COLUMN), kept = n < sizeof line ? n : sizeof line - 1;
        memcpy(line, at, kept);
        line[kept] = '\0';
        pdf_need(page, leading);
        page->y += leading;
        chart_text(page->to, PDF_MARGIN, page->y - leading * 0.25, CHART_LEFT, 0, line);
        at += n;
    }
}
