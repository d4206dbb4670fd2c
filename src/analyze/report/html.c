/* Blocks as HTML. */
#include "analyze/report/html.h"

#include "analyze/report/html_parts.h"
#include "analyze/report/inline_svg.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SVG = 64 << 20, TABLE_ROWS = 60 };

typedef struct page {
    const gal_report_plugin *plugin;
    gal_document *numbers; /* where tables behind figures are made */
    gal_buf *out;
    int headings;
} page;

void gal_html_text(gal_buf *out, const char *text) {
    static const struct {
        char character;
        const char *entity;
    } special[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (*text != '\0') {
        size_t n = gal_utf8_length(text);
        const char *entity = n == 0 ? "\xef\xbf\xbd" : NULL;
        if (n == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f)) entity = " ";
        for (size_t i = 0; i < sizeof special / sizeof *special; i++)
            if (*text == special[i].character) entity = special[i].entity;
        entity != NULL ? gal_buf_text(out, entity) : gal_buf_put(out, text, n);
        text += n > 0 ? n : 1;
    }
}

static const char *class_of(gal_tone tone) {
    static const char *const name[] = {[GAL_TONE_PLAIN] = "",
                                       [GAL_TONE_GOOD] = "good",
                                       [GAL_TONE_BAD] = "bad",
                                       [GAL_TONE_UNSURE] = "unsure",
                                       [GAL_TONE_SOFT] = "soft"};
    return name[tone];
}

static void element(gal_buf *out, const char *tag, const char *class, const char *text) {
    gal_buf_printf(out, "<%s", tag);
    if (class[0] != '\0') gal_buf_printf(out, " class=\"%s\"", class);
    gal_buf_text(out, ">");
    gal_html_text(out, text);
    gal_buf_printf(out, "</%s>\n", tag);
}

/* ---- head ---- */

static void colours(gal_buf *out, bool dark) {
    for (int i = 0; i < GAL_INKS; i++) {
        const unsigned char *c = dark ? gal_ink_table[i].dark : gal_ink_table[i].light;
        gal_buf_printf(out, "--%s:#%02x%02x%02x;", gal_ink_table[i].name, c[0], c[1], c[2]);
    }
}

static unsigned nibble(char hex) {
    return (unsigned)(hex <= '9' ? hex - '0' : hex - 'a' + 10);
}

/* The script's hash as a content security policy names it. */
static galen_status script_hash(gal_buf *out, galen_error *err) {
    char hex[GAL_SHA256_HEX];
    unsigned char digest[32];
    GAL_TRY(gal_sha256_hex(gal_html_script, strlen(gal_html_script), hex, err));
    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    gal_base64(out, digest, sizeof digest);
    return GALEN_OK;
}

static galen_status head(const gal_document *d, gal_buf *out, galen_error *err) {
    gal_buf_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                      "style-src 'unsafe-inline'; script-src 'sha256-");
    GAL_TRY(script_hash(out, err));
    gal_buf_text(out, "'\">\n<title>");
    gal_html_text(out, d->title);
    gal_buf_text(out, "</title>\n<style>\n:root{");
    colours(out, false);
    gal_buf_text(out, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    colours(out, true);
    gal_buf_text(out, "}}\n");
    gal_buf_text(out, gal_html_style);
    gal_buf_text(out, "</style>\n</head>\n<body>\n<header>\n");
    element(out, "h1", "", d->title);
    if (d->subtitle != NULL) element(out, "p", "soft", d->subtitle);
    if (d->verdict != NULL) {
        gal_buf_printf(out, "<p class=\"verdict %s\">", class_of(d->verdict_tone));
        gal_html_text(out, d->verdict);
        gal_buf_text(out, "</p>\n");
    }
    gal_buf_text(out, "</header>\n");
    return GALEN_OK;
}

static void contents(const gal_document *d, gal_buf *out) {
    int number = 0;
    gal_buf_text(out, "<nav aria-label=\"Contents\"><ul>\n");
    for (size_t i = 0; i < d->blocks; i++) {
        if (d->block[i].kind != GAL_BLOCK_HEADING || d->block[i].level != 1) continue;
        gal_buf_printf(out, "<li><a href=\"#s%d\">", ++number);
        gal_html_text(out, d->block[i].text);
        gal_buf_text(out, "</a></li>\n");
    }
    gal_buf_text(out, "</ul></nav>\n");
}

/* ---- tables ---- */

static void table_cell(gal_buf *out, const gal_table *t, size_t i) {
    const gal_cell *c = &t->cell[i];
    int column = (int)(i % (size_t)t->columns);
    bool names = t->head[0] == NULL && column == 0, right = t->align[column] == 'r';
    gal_buf_text(out, names ? "<th scope=\"row\"" : "<td");
    if (right || c->tone != GAL_TONE_PLAIN)
        gal_buf_printf(out, " class=\"%s%s%s\"", right ? "r" : "", right && c->tone != GAL_TONE_PLAIN ? " " : "",
                       class_of(c->tone));
    gal_buf_text(out, ">");
    if (c->png != NULL) {
        gal_buf_text(out, "<img alt=\"picture of the case\" src=\"data:image/png;base64,");
        gal_base64(out, c->png, c->png_size);
        gal_buf_text(out, "\">");
    }
    gal_html_text(out, c->text);
    gal_buf_text(out, names ? "</th>" : "</td>");
}

static void table(gal_buf *out, const gal_table *t) {
    bool headed = t->head[0] != NULL;
    gal_buf_printf(out, "<div class=\"wide\" tabindex=\"0\"><table class=\"%s\">\n",
                   !headed       ? "facts"
                   : t->sortable ? "sortable"
                                 : "plain");
    if (t->caption != NULL) element(out, "caption", "", t->caption);
    if (headed) {
        gal_buf_text(out, "<thead><tr>");
        for (int c = 0; c < t->columns; c++) {
            gal_buf_printf(out, "<th scope=\"col\"%s>", t->align[c] == 'r' ? " class=\"r\"" : "");
            gal_html_text(out, t->head[c] != NULL ? t->head[c] : "");
            gal_buf_text(out, "</th>");
        }
        gal_buf_text(out, "</tr></thead>\n");
    }
    gal_buf_text(out, "<tbody>\n");
    for (size_t row = 0; row < gal_table_rows(t); row++) {
        gal_buf_text(out, "<tr>");
        for (int c = 0; c < t->columns; c++) table_cell(out, t, row * (size_t)t->columns + (size_t)c);
        gal_buf_text(out, "</tr>\n");
    }
    gal_buf_text(out, "</tbody></table></div>\n");
}

/* ---- figures ---- */

static galen_status drawing(const page *p, const gal_chart *f, galen_error *err) {
    gal_buf svg, label;
    gal_buf_init(&svg, MAX_SVG);
    gal_buf_init(&label, MAX_SVG);
    galen_status status = p->plugin->svg(f, &svg, err);
    gal_html_text(&label, f->title);
    if (status == GALEN_OK && (label.failed || label.data == NULL || svg.data == NULL))
        status = gal_fail_memory(err, "a figure", svg.size);
    if (status == GALEN_OK)
        status = gal_inline_svg((const char *)svg.data, svg.size, f->key, (const char *)label.data, p->out, err);
    gal_buf_free(&svg);
    gal_buf_free(&label);
    return status;
}

static galen_status figure(page *p, const gal_chart *f, galen_error *err) {
    bool forest = f->kind == GAL_CHART_FOREST;
    gal_buf_printf(p->out, "<figure class=\"%s\">\n", forest ? "forest" : "square");
    element(p->out, "h4", "", f->title);
    gal_buf_text(p->out, forest ? "<div class=\"wide\" tabindex=\"0\">" : "");
    GAL_TRY(drawing(p, f, err));
    gal_buf_text(p->out, forest ? "</div>\n" : "\n");
    if (f->note != NULL) element(p->out, "figcaption", "", f->note);
    gal_buf_text(p->out, "<details><summary>numbers</summary>\n");
    table(p->out, gal_chart_numbers(p->numbers, f, TABLE_ROWS));
    gal_buf_text(p->out, "</details></figure>\n");
    return gal_document_check(p->numbers, err);
}

static galen_status block(page *p, const gal_block *b, galen_error *err) {
    switch (b->kind) {
    case GAL_BLOCK_HEADING:
        if (b->level == 1)
            gal_buf_printf(p->out, "<h2 id=\"s%d\">", ++p->headings);
        else
            gal_buf_text(p->out, "<h3>");
        gal_html_text(p->out, b->text);
        gal_buf_text(p->out, b->level == 1 ? "</h2>\n" : "</h3>\n");
        break;
    case GAL_BLOCK_TEXT: element(p->out, "p", "", b->text); break;
    case GAL_BLOCK_NOTE: element(p->out, "p", "small", b->text); break;
    case GAL_BLOCK_TABLE: table(p->out, b->table); break;
    case GAL_BLOCK_FIGURE: return figure(p, b->figure, err);
    }
    return GALEN_OK;
}

static galen_status body(page *p, const gal_document *d, galen_error *err) {
    for (size_t i = 0; i < d->blocks; i++) {
        bool figure_here = d->block[i].kind == GAL_BLOCK_FIGURE;
        bool first = figure_here && (i == 0 || d->block[i - 1].kind != GAL_BLOCK_FIGURE);
        bool last = figure_here && (i + 1 == d->blocks || d->block[i + 1].kind != GAL_BLOCK_FIGURE);
        gal_buf_text(p->out, first ? "<div class=\"figures\">\n" : "");
        GAL_TRY(block(p, &d->block[i], err));
        gal_buf_text(p->out, last ? "</div>\n" : "");
    }
    return GALEN_OK;
}

galen_status gal_html(const gal_document *d, const gal_report_plugin *plugin, gal_buf *out, galen_error *err) {
    gal_document numbers;
    GAL_TRY(head(d, out, err));
    contents(d, out);
    gal_buf_text(out, "<main>\n");
    gal_document_start(&numbers);
    page p = {plugin, &numbers, out, 0};
    galen_status status = body(&p, d, err);
    gal_document_free(&numbers);
    GAL_TRY(status);
    gal_buf_text(out, "</main>\n<script>");
    gal_buf_text(out, gal_html_script);
    gal_buf_text(out, "</script>\n</body>\n</html>\n");
    return out->failed ? gal_fail_memory(err, "the report", out->size) : GALEN_OK;
}
