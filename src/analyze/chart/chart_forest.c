/* Forest plots: one figure of many groups, each with its interval, and that of all cases. */
#include "analyze/chart/draw.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 660, LABEL = 218, NOTE = 60, VALUE = 132, ROW = 21, TOP = 6, BELOW = 44 };

double chart_forest_height(const gal_chart *f) {
    return TOP + ROW * (double)f->rows + BELOW;
}

static void interval(const chart_axes *a, const gal_forest_row *r, double y) {
    cairo_t *to = a->to;
    double x = chart_x(a, r->value), low = chart_x(a, r->low), high = chart_x(a, r->high);
    bool spread = isfinite(low) && isfinite(high);
    chart_ink(to, r->total ? GAL_INK_TEXT : GAL_INK_BLUE, 1);
    cairo_set_line_width(to, 1.6);
    if (r->total && spread) {
        cairo_move_to(to, low, y);
        cairo_line_to(to, x, y - 6);
        cairo_line_to(to, high, y);
        cairo_line_to(to, x, y + 6);
        cairo_close_path(to);
        cairo_fill(to);
        return;
    }
    if (spread) {
        chart_line(to, low, y, high, y);
        chart_line(to, low, y - 3.5, low, y + 3.5);
        chart_line(to, high, y - 3.5, high, y + 3.5);
    }
    cairo_rectangle(to, x - 3.6, y - 3.6, 7.2, 7.2);
    cairo_fill(to);
}

static void row(const chart_axes *a, const gal_forest_row *r, double y) {
    char text[64];
    cairo_t *to = a->to;
    double base = y + 4, right = WIDTH - 2;
    chart_font(to, CHART_NORMAL, r->group || r->total);
    chart_ink(to, GAL_INK_TEXT, 1);
    chart_text(to, r->group || r->total ? 2 : 14, base, CHART_LEFT, r->group ? LABEL + NOTE : LABEL - 18, r->label);
    if (r->group) return;
    chart_font(to, CHART_SMALL, false);
    chart_ink(to, GAL_INK_SOFT, 1);
    if (r->note != NULL) chart_text(to, LABEL + NOTE - 12, base, CHART_RIGHT, NOTE - 12, r->note);
    if (!isfinite(r->value)) {
        chart_text(to, right, base, CHART_RIGHT, VALUE, "insufficient data");
        return;
    }
    bool spread = isfinite(r->low) && isfinite(r->high);
    snprintf(text, sizeof text, spread ? "%.3f [%.3f, %.3f]" : "%.3f", r->value, r->low, r->high);
    chart_ink(to, GAL_INK_TEXT, 1);
    chart_text(to, right, base, CHART_RIGHT, VALUE, text);
    cairo_save(to);
    cairo_rectangle(to, a->left - 4, y - ROW / 2.0, a->width + 8, ROW);
    cairo_clip(to);
    interval(a, r, y);
    cairo_restore(to);
}

static void reference(const chart_axes *a, double at) {
    static const double dash[] = {5, 4};
    if (!(at >= a->x_low && at <= a->x_high)) return;
    chart_ink(a->to, GAL_INK_SOFT, 1);
    cairo_set_line_width(a->to, 1.2);
    cairo_set_dash(a->to, dash, 2, 0);
    chart_line(a->to, chart_x(a, at), a->top, chart_x(a, at), a->top + a->height);
    cairo_set_dash(a->to, NULL, 0, 0);
}

void chart_forest(cairo_t *to, const gal_chart *f) {
    chart_axes axes = {
        to, LABEL + NOTE, TOP, WIDTH - LABEL - NOTE - VALUE - 16, ROW * (double)f->rows, f->x_low, f->x_high, 0, 1};
    chart_range(&axes.x_low, &axes.x_high);
    chart_frame(&axes, f->x_label, NULL, true);
    reference(&axes, f->mark);
    for (size_t i = 0; i < f->rows; i++) {
        if (f->row[i].total) reference(&axes, f->row[i].value);
        row(&axes, &f->row[i], TOP + ROW * ((double)i + 0.5));
    }
}
