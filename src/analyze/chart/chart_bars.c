/* Histograms of groups over one another: filled with a little ink, outlined with the whole of it. */
#include "analyze/chart/draw.h"

static void outline(const chart_axes *a, const gal_chart *f, const double *value) {
    double width = (f->x_high - f->x_low) / (double)f->bins;
    cairo_move_to(a->to, chart_x(a, f->x_low), chart_y(a, 0));
    for (size_t i = 0; i < f->bins; i++) {
        double x = f->x_low + width * (double)i, y = chart_y(a, value[i]);
        cairo_line_to(a->to, chart_x(a, x), y);
        cairo_line_to(a->to, chart_x(a, x + width), y);
    }
    cairo_line_to(a->to, chart_x(a, f->x_high), chart_y(a, 0));
}

void chart_bars(const chart_axes *a, const gal_chart *f) {
    for (size_t g = 0; g < f->groups; g++) {
        outline(a, f, f->bars[g].value);
        chart_ink(a->to, f->bars[g].ink, 0.28);
        cairo_fill(a->to);
    }
    cairo_set_line_width(a->to, 1.6);
    for (size_t g = 0; g < f->groups; g++) {
        outline(a, f, f->bars[g].value);
        chart_ink(a->to, f->bars[g].ink, 1);
        cairo_stroke(a->to);
    }
}
