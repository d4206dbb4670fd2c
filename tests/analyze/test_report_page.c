/* Documents as HTML and PDF: nothing that a file says becomes markup, and the same document gives the same bytes. */
#include "analyze/report/html.h"
#include "analyze/report/inline_svg.h"
#include "base/plugin.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

static const char hostile[] = "\"><script>alert('x')</script><img src=http://evil onerror=\"a&b\">\x01\xff";

static const gal_report_plugin *plugin(void) {
    const void *symbol;
    galen_error err;
    assert_ok(gal_plugin_load("report", &symbol, &err), err);
    return symbol;
}

static gal_buf empty(void) {
    gal_buf buf;
    gal_buf_init(&buf, 64 << 20);
    return buf;
}

static const char *text_of(const gal_buf *buf) {
    return buf->data != NULL ? (const char *)buf->data : "";
}

static size_t occurrences(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

/* A document with every kind of block, `name` wherever a string can stand. */
static void build(gal_document *d, const char *name) {
    static const double x[] = {0, 0.2, 0.5, 1}, y[] = {0, 0.7, NAN, 1}, low[] = {0, 0.6, 0.8, 1},
                        high[] = {0, 0.8, 1, 1};
    static const double share[] = {0.5, 0.3, 0.2};
    gal_document_start(d);
    d->title = d->subtitle = d->verdict = name;
    d->verdict_tone = GAL_TONE_BAD;
    gal_document_heading(d, 1, name);
    gal_document_heading(d, 2, name);
    gal_document_text(d, "%s", name);
    gal_document_note(d, "%s", name);
    const gal_trace traces[] = {{name, GAL_INK_BLUE, GAL_TRACE_STEPS, 4, x, y, low, high, NULL, NULL},
                                {name, GAL_INK_SOFT, GAL_TRACE_DASHED, 2, x, x, NULL, NULL, NULL, NULL},
                                {name, GAL_INK_ORANGE, GAL_TRACE_POINTS, 4, x, y, low, high, low, high},
                                {name, GAL_INK_GREEN, GAL_TRACE_DOTS, 4, x, y, NULL, NULL, NULL, NULL}};
    const gal_bars bars[] = {{name, GAL_INK_BLUE, share}, {name, GAL_INK_ORANGE, share}};
    const gal_forest_row rows[] = {{name, NULL, 0.9, 0.8, 0.95, false, true},
                                   {name, NULL, NAN, NAN, NAN, true, false},
                                   {name, name, 0.9, NAN, NAN, false, false},
                                   {name, name, NAN, NAN, NAN, false, false},
                                   {name, name, 0.9, 0.85, 0.99, false, false}};
    gal_chart chart = {.kind = GAL_CHART_CURVES,
                       .key = "a",
                       .title = name,
                       .note = name,
                       .x_label = name,
                       .y_label = name,
                       .x_high = 1,
                       .y_high = 1,
                       .mark = 0.5,
                       .mark_label = name};
    gal_trace *kept = gal_document_room(d, 4, sizeof *kept);
    gal_bars *kept_bars = gal_document_room(d, 2, sizeof *kept_bars);
    gal_forest_row *kept_rows = gal_document_room(d, 5, sizeof *kept_rows);
    if (d->failed) return;
    memcpy(kept, traces, sizeof traces);
    memcpy(kept_bars, bars, sizeof bars);
    memcpy(kept_rows, rows, sizeof rows);
    chart.trace = kept, chart.traces = 4;
    gal_document_figure(d, &chart);
    chart.kind = GAL_CHART_BARS, chart.key = "b", chart.bars = kept_bars, chart.groups = 2, chart.bins = 3;
    gal_document_figure(d, &chart);
    chart.kind = GAL_CHART_FOREST, chart.key = "c", chart.row = kept_rows, chart.rows = 5;
    gal_document_figure(d, &chart);
    gal_table *t = gal_document_table(d, (const char *const[]){name, "b"}, "lr");
    t->caption = name, t->sortable = true;
    gal_table_text(d, t, name);
    gal_table_cell(d, t, GAL_TONE_GOOD, "%s", name);
    t = gal_document_table(d, NULL, "ll");
    gal_table_text(d, t, name);
    gal_table_text(d, t, NULL);
}

static void escapes(void **state) {
    (void)state;
    gal_buf out = empty();
    gal_html_text(&out, "a<b>&\"'\x01\xff\xc3\xa9");
    assert_string_equal(text_of(&out), "a&lt;b&gt;&amp;&quot;&#39; \xef\xbf\xbd\xc3\xa9");
    gal_buf_free(&out);
}

static void hostile_strings(void **state) {
    (void)state;
    galen_error err;
    gal_document d;
    gal_buf out = empty(), plain = empty();
    build(&d, hostile);
    assert_ok(gal_html(&d, plugin(), &out, &err), err);
    gal_document_free(&d);
    build(&d, "plain");
    assert_ok(gal_html(&d, plugin(), &plain, &err), err);
    gal_document_free(&d);
    /* One script, the page's own; no more elements than a document of harmless words has. */
    assert_int_equal(occurrences(text_of(&out), "<script"), 1);
    assert_null(strstr(text_of(&out), "<img"));
    assert_null(strstr(text_of(&out), "alert('x')"));
    assert_null(strchr(text_of(&out), 1));
    assert_true(occurrences(text_of(&out), "&lt;script&gt;") > 20);
    static const char *const tags[] = {"<td", "<th", "<p>", "<p ", "<h2", "<h3", "<h4", "<svg", "<figure", "<li>"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        assert_int_equal(occurrences(text_of(&out), tags[i]), occurrences(text_of(&plain), tags[i]));
    gal_buf_free(&out);
    gal_buf_free(&plain);
}

/* Nothing in the page leads out of it. */
static void self_contained(void **state) {
    (void)state;
    galen_error err;
    gal_document d;
    gal_buf out = empty();
    build(&d, "plain");
    assert_ok(gal_html(&d, plugin(), &out, &err), err);
    const char *page = text_of(&out);
    assert_int_equal(occurrences(page, "://"), occurrences(page, "xmlns:xlink=\"http://www.w3.org/1999/xlink\""));
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_null(strstr(page, " src=\"http"));
    assert_null(strstr(page, "@import"));
    assert_int_equal(occurrences(page, "<svg"), 3);
    /* Every colour of the drawings follows the page's theme. */
    assert_null(strstr(page, "rgb("));
    assert_true(occurrences(page, "var(--blue)") > 3);
    gal_document_free(&d);
    gal_buf_free(&out);
}

static void same_bytes(void **state) {
    (void)state;
    galen_error err;
    for (int pdf = 0; pdf < 2; pdf++) {
        gal_buf out[2] = {empty(), empty()};
        for (int i = 0; i < 2; i++) {
            gal_document d;
            build(&d, i == 0 ? "twice" : "twice");
            d.made = "2026-11-26T12:00:00Z";
            assert_ok(pdf ? plugin()->pdf(&d, &out[i], &err) : gal_html(&d, plugin(), &out[i], &err), err);
            gal_document_free(&d);
        }
        assert_true(out[0].size > 2000);
        assert_int_equal(out[0].size, out[1].size);
        assert_memory_equal(out[0].data, out[1].data, out[0].size);
        if (pdf) assert_memory_equal(out[0].data, "%PDF-1.", 7);
        gal_buf_free(&out[0]);
        gal_buf_free(&out[1]);
    }
}

/* Long and foreign words, many rows: pages follow one another, and nothing is lost or drawn for ever. */
static void long_pdf(void **state) {
    (void)state;
    galen_error err;
    gal_document d;
    gal_buf out = empty();
    char word[3000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    gal_document_start(&d);
    d.title = word;
    gal_document_text(&d, "%s", word);
    gal_table *t = gal_document_table(&d, (const char *const[]){"one", "two", "three"}, "llr");
    for (int i = 0; i < 600; i++) gal_table_cell(&d, t, GAL_TONE_PLAIN, "%d %.*s", i, i % 50, word);
    gal_document_text(&d, "%s", hostile);
    assert_ok(gal_document_check(&d, &err), err);
    assert_ok(plugin()->pdf(&d, &out, &err), err);
    assert_true(out.size > 5000);
    gal_document_free(&d);
    gal_buf_free(&out);
}

static void drawings(void **state) {
    (void)state;
    static const char svg[] =
        "<?xml version=\"1.0\"?>\n<svg width=\"4pt\" viewBox=\"0 0 4 4\">\n<g id=\"surface17\"><symbol id=\"glyph0-1\"/>"
        "<use xlink:href=\"#glyph0-1\" style=\"fill:rgb(0%,44.705882%,69.803922%);stroke:rgb(1%,2%,3%)\" clip-path=\"url(#glyph0-1)\"/></g></svg>";
    galen_error err;
    gal_buf out = empty();
    assert_ok(gal_inline_svg(svg, strlen(svg), "k", "what", &out, &err), err);
    assert_string_equal(
        text_of(&out),
        "<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\" aria-label=\"what\" viewBox=\"0 0 4 4\">\n"
        "<g id=\"k-0\"><symbol id=\"k-1\"/><use xlink:href=\"#k-1\" "
        "style=\"fill:var(--blue);stroke:rgb(1%,2%,3%)\" clip-path=\"url(#k-1)\"/></g></svg>");
    assert_int_equal(gal_inline_svg("<svg>", 5, "k", "what", &out, &err), GALEN_ERR_INTERNAL);
    gal_buf_free(&out);
}

/* Axes that no file should ask for are drawn all the same. */
static void odd_axes(void **state) {
    (void)state;
    static const double ends[][2] = {{NAN, NAN}, {1, 1}, {2, 1}, {-INFINITY, INFINITY}, {1e300, 2e300}, {5, 5 + 1e-12}};
    galen_error err;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        gal_document d;
        gal_buf out = empty();
        build(&d, "plain");
        for (size_t b = 0; b < d.blocks; b++)
            if (d.block[b].kind == GAL_BLOCK_FIGURE)
                d.block[b].figure->x_low = d.block[b].figure->y_low = ends[i][0],
                d.block[b].figure->x_high = d.block[b].figure->y_high = ends[i][1];
        assert_ok(gal_html(&d, plugin(), &out, &err), err);
        gal_document_free(&d);
        gal_buf_free(&out);
    }
}

static void out_of_memory(void **state) {
    (void)state;
    const gal_report_plugin *cairo = plugin();
    galen_error err;
    galen_status status = GALEN_ERR_MEMORY;
    for (long n = 1; status == GALEN_ERR_MEMORY; n++) {
        gal_document d;
        gal_buf out = empty();
        test_fail_allocation(n, 0);
        build(&d, "plain");
        status = gal_document_check(&d, &err);
        if (status == GALEN_OK) status = gal_html(&d, cairo, &out, &err);
        test_fail_allocation(0, 0);
        assert_true(status == GALEN_OK || status == GALEN_ERR_MEMORY);
        gal_document_free(&d);
        gal_buf_free(&out);
    }
    assert_int_equal(status, GALEN_OK);
}

/* Text that can be told from the page's ground in both themes: WCAG 2.1's contrast ratio for text, 4.5. */
static double luminance(const unsigned char c[3]) {
    double linear[3];
    for (int i = 0; i < 3; i++) {
        double v = c[i] / 255.0;
        linear[i] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
    }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

static void contrast(void **state) {
    (void)state;
    for (int i = 0; i < GAL_INKS; i++) {
        if (i == GAL_INK_PAPER || i == GAL_INK_GRID) continue;
        double wanted = 4.5;
        for (int dark = 0; dark < 2; dark++) {
            double ink = luminance(dark ? gal_ink_table[i].dark : gal_ink_table[i].light);
            double paper = luminance(dark ? gal_ink_table[GAL_INK_PAPER].dark : gal_ink_table[GAL_INK_PAPER].light);
            double ratio = (fmax(ink, paper) + 0.05) / (fmin(ink, paper) + 0.05);
            if (!(ratio >= wanted))
                fail_msg("%s, %s: contrast %.2f", gal_ink_table[i].name, dark ? "dark" : "light", ratio);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),    cmocka_unit_test(hostile_strings), cmocka_unit_test(self_contained),
        cmocka_unit_test(same_bytes), cmocka_unit_test(long_pdf),        cmocka_unit_test(drawings),
        cmocka_unit_test(contrast),   cmocka_unit_test(odd_axes),        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
