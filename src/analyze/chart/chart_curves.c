/* Lines, steps, bands and points: ROC, precision-recall, reliability, decision and severity curves. */
#include "analyze/chart/draw.h"

#include <math.h>

static bool there(const gal_trace *c, size_t i) {
    return isfinite(c->x[i]) && isfinite(c->y[i]);
}

/* One stretch of finite points from i on; returns its end. */
static size_t trace(const chart_axes *a, const gal_trace *c, size_t i) {
    cairo_move_to(a->to, chart_x(a, c->x[i]), chart_y(a, c->y[i]));
    double before = c->y[i];
    for (i++; i < c->count && there(c, i); i++) {
        double x = chart_x(a, c->x[i]);
        if (c->form == GAL_TRACE_STEPS) cairo_line_to(a->to, x, chart_y(a, before));
        cairo_line_to(a->to, x, chart_y(a, c->y[i]));
        before = c->y[i];
    }
    return i;
}

static void line(const chart_axes *a, const gal_trace *c) {
    static const double dash[] = {5, 4};
    bool dashed = c->form == GAL_TRACE_DASHED;
    chart_ink(a->to, c->ink, 1);
    cairo_set_line_width(a->to, dashed ? 1.2 : 2);
    cairo_set_line_join(a->to, CAIRO_LINE_JOIN_ROUND);
    if (dashed) cairo_set_dash(a->to, dash, 2, 0);
    for (size_t i = 0; i < c->count;) i = there(c, i) ? trace(a, c, i) : i + 1;
    cairo_stroke(a->to);
    cairo_set_dash(a->to, NULL, 0, 0);
}

static bool banded(const gal_trace *c, size_t i) {
    return there(c, i) && isfinite(c->y_low[i]) && isfinite(c->y_high[i]);
}

static void band(const chart_axes *a, const gal_trace *c) {
    chart_ink(a->to, c->ink, 0.16);
    for (size_t i = 0; i < c->count;) {
        size_t end = i;
        while (end < c->count && banded(c, end)) end++;
        for (size_t k = i; k < end; k++) cairo_line_to(a->to, chart_x(a, c->x[k]), chart_y(a, c->y_low[k]));
        for (size_t k = end; k > i; k--) cairo_line_to(a->to, chart_x(a, c->x[k - 1]), chart_y(a, c->y_high[k - 1]));
        cairo_close_path(a->to);
        cairo_fill(a->to);
        i = end + 1;
    }
}

static void whiskers(const chart_axes *a, const gal_trace *c, size_t i) {
    double x = chart_x(a, c->x[i]), y = chart_y(a, c->y[i]);
    cairo_set_line_width(a->to, 1.3);
    if (c->y_low != NULL && isfinite(c->y_low[i]) && isfinite(c->y_high[i]))
        chart_line(a->to, x, chart_y(a, c->y_low[i]), x, chart_y(a, c->y_high[i]));
    if (c->x_low != NULL && isfinite(c->x_low[i]) && isfinite(c->x_high[i]))
        chart_line(a->to, chart_x(a, c->x_low[i]), y, chart_x(a, c->x_high[i]), y);
}

/* A ring of paper keeps points apart from lines beneath them. */
static void points(const chart_axes *a, const gal_trace *c) {
    for (size_t i = 0; i < c->count; i++) {
        if (!there(c, i)) continue;
        chart_ink(a->to, c->ink, 1);
        whiskers(a, c, i);
        cairo_arc(a->to, chart_x(a, c->x[i]), chart_y(a, c->y[i]), 4.4, 0, 2 * M_PI);
        chart_ink(a->to, GAL_INK_PAPER, 1);
        cairo_fill(a->to);
        cairo_arc(a->to, chart_x(a, c->x[i]), chart_y(a, c->y[i]), 3.4, 0, 2 * M_PI);
        chart_ink(a->to, c->ink, 1);
        cairo_fill(a->to);
    }
}

/* Clouds, in which many dots make more ink. */
static void dots(const chart_axes *a, const gal_trace *c) {
    chart_ink(a->to, c->ink, 0.45);
    for (size_t i = 0; i < c->count; i++) {
        if (!there(c, i)) continue;
        cairo_arc(a->to, chart_x(a, c->x[i]), chart_y(a, c->y[i]), 1.8, 0, 2 * M_PI);
        cairo_fill(a->to);
    }
}

/* What lies outside the axes is not drawn; `room` keeps marks on the frame whole. */
static void clip(const chart_axes *a, double room) {
    cairo_reset_clip(a->to);
    cairo_rectangle(a->to, a->left - room, a->top - room, a->width + 2 * room, a->height + 2 * room);
    cairo_clip(a->to);
}

void chart_curves(const chart_axes *a, const gal_chart *f) {
    clip(a, 1);
    for (size_t i = 0; i < f->traces; i++)
        if (f->trace[i].form <= GAL_TRACE_DASHED && f->trace[i].y_low != NULL) band(a, &f->trace[i]);
    for (size_t i = 0; i < f->traces; i++)
        if (f->trace[i].form <= GAL_TRACE_DASHED) line(a, &f->trace[i]);
    clip(a, 5);
    for (size_t i = 0; i < f->traces; i++) {
        if (f->trace[i].form == GAL_TRACE_DOTS) dots(a, &f->trace[i]);
        if (f->trace[i].form == GAL_TRACE_POINTS) points(a, &f->trace[i]);
    }
}
