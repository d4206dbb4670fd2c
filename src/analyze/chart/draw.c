/* Ink, text and axes. */
#include "analyze/chart/draw.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 400, FOREST_WIDTH = 660, PLOT = 300, LEFT = 58, TOP = 10, RIGHT = 16, BELOW = 44, LEGEND = 17 };

void chart_ink(cairo_t *to, gal_ink ink, double opacity) {
    const unsigned char *c = gal_ink_table[ink].light;
    cairo_set_source_rgba(to, c[0] / 255.0, c[1] / 255.0, c[2] / 255.0, opacity);
}

void chart_font(cairo_t *to, double size, bool bold) {
    cairo_select_font_face(to, CHART_FONT, CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(to, size);
}

double chart_width(cairo_t *to, const char *text) {
    cairo_text_extents_t size;
    cairo_text_extents(to, text, &size);
    return size.x_advance;
}

/* The longest beginning of whole characters that fits with an ellipsis. */
static void shorten(cairo_t *to, double most, char *text) {
    size_t end = strlen(text);
    while (end > 0 && chart_width(to, text) > most) {
        end = gal_utf8_before(text, end);
        memcpy(text + end, "\xe2\x80\xa6", 4);
    }
}

double chart_text(cairo_t *to, double x, double y, chart_align align, double most, const char *text) {
    char clean[CHART_LINE];
    gal_utf8_clean(text, clean, sizeof clean - 4); /* room for the ellipsis */
    if (most > 0 && chart_width(to, clean) > most) shorten(to, most, clean);
    double width = chart_width(to, clean);
    cairo_move_to(to, align == CHART_LEFT ? x : align == CHART_CENTRE ? x - width / 2 : x - width, y);
    cairo_show_text(to, clean);
    cairo_new_path(to);
    return width;
}

void chart_line(cairo_t *to, double x0, double y0, double x1, double y1) {
    cairo_move_to(to, x0, y0);
    cairo_line_to(to, x1, y1);
    cairo_stroke(to);
}

void chart_range(double *low, double *high) {
    bool sound = isfinite(*low) && isfinite(*high) && fabs(*low) < 1e15 && fabs(*high) < 1e15;
    if (sound && *high - *low > fmax(fabs(*low), fabs(*high)) * 1e-9) return;
    *low = sound ? *low : 0;
    *high = *low + 1;
}

double chart_step(double low, double high, int lines) {
    double step = (high - low) / lines, power = pow(10, floor(log10(step))), part = step / power;
    return power * (part <= 1.0000001 ? 1 : part <= 2.0000001 ? 2 : part <= 5.0000001 ? 5 : 10);
}

double chart_x(const chart_axes *a, double value) {
    return a->left + (value - a->x_low) / (a->x_high - a->x_low) * a->width;
}

double chart_y(const chart_axes *a, double value) {
    return a->top + (a->y_high - value) / (a->y_high - a->y_low) * a->height;
}

static void number(char *out, size_t size, double value, double step) {
    int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(out, size, "%.*f", digits, fabs(value) < step / 1e6 ? 0.0 : value);
}

static void y_ticks(const chart_axes *a) {
    char text[32];
    double step = chart_step(a->y_low, a->y_high, 5);
    for (long i = (long)ceil(a->y_low / step - 1e-9); (double)i * step <= a->y_high + step * 1e-9; i++) {
        double y = chart_y(a, (double)i * step);
        number(text, sizeof text, (double)i * step, step);
        chart_ink(a->to, GAL_INK_GRID, 1);
        chart_line(a->to, a->left, y, a->left + a->width, y);
        chart_ink(a->to, GAL_INK_SOFT, 1);
        chart_text(a->to, a->left - 7, y + 3.6, CHART_RIGHT, 0, text);
    }
}

static void x_ticks(const chart_axes *a, bool grid) {
    char text[32];
    double step = chart_step(a->x_low, a->x_high, 5), bottom = a->top + a->height;
    for (long i = (long)ceil(a->x_low / step - 1e-9); (double)i * step <= a->x_high + step * 1e-9; i++) {
        double x = chart_x(a, (double)i * step);
        number(text, sizeof text, (double)i * step, step);
        chart_ink(a->to, GAL_INK_GRID, 1);
        if (grid) chart_line(a->to, x, a->top, x, bottom);
        chart_ink(a->to, GAL_INK_SOFT, 1);
        chart_line(a->to, x, bottom, x, bottom + 4);
        chart_text(a->to, x, bottom + 16, CHART_CENTRE, 0, text);
    }
}

void chart_frame(const chart_axes *a, const char *x_label, const char *y_label, bool x_grid) {
    cairo_t *to = a->to;
    cairo_set_line_width(to, 0.8);
    chart_font(to, CHART_SMALL, false);
    if (a->height > 0 && y_label != NULL) y_ticks(a);
    x_ticks(a, x_grid);
    chart_ink(to, GAL_INK_SOFT, 1);
    cairo_set_line_width(to, 1);
    chart_line(to, a->left, a->top + a->height, a->left + a->width, a->top + a->height);
    if (y_label != NULL) chart_line(to, a->left, a->top, a->left, a->top + a->height);
    chart_font(to, CHART_NORMAL, false);
    chart_ink(to, GAL_INK_TEXT, 1);
    chart_text(to, a->left + a->width / 2, a->top + a->height + 34, CHART_CENTRE, a->width, x_label);
    if (y_label == NULL) return;
    cairo_save(to);
    cairo_translate(to, 14, a->top + a->height / 2);
    cairo_rotate(to, -M_PI / 2);
    chart_text(to, 0, 0, CHART_CENTRE, a->height, y_label);
    cairo_restore(to);
}

/* ---- a whole figure ---- */

static size_t legend_lines(const gal_chart *f) {
    size_t lines = f->kind == GAL_CHART_BARS ? f->groups : 0;
    for (size_t i = 0; f->kind == GAL_CHART_CURVES && i < f->traces; i++) lines += f->trace[i].name != NULL;
    return lines + (isfinite(f->mark) && f->mark_label != NULL);
}

void chart_size(const gal_chart *f, double *width, double *height) {
    bool forest = f->kind == GAL_CHART_FOREST;
    *width = forest ? FOREST_WIDTH : WIDTH;
    *height = forest ? chart_forest_height(f) : TOP + PLOT + BELOW + LEGEND * (double)legend_lines(f);
}

static void sample_of_curve(cairo_t *to, const gal_trace *c, double x, double y) {
    chart_ink(to, c->ink, 1);
    if (c->form > GAL_TRACE_DASHED) {
        cairo_arc(to, x + 11, y, c->form == GAL_TRACE_DOTS ? 2.4 : 3.6, 0, 2 * M_PI);
        cairo_fill(to);
        return;
    }
    static const double dash[] = {5, 4};
    cairo_set_line_width(to, c->form == GAL_TRACE_DASHED ? 1.2 : 2);
    if (c->form == GAL_TRACE_DASHED) cairo_set_dash(to, dash, 2, 0);
    chart_line(to, x, y, x + 22, y);
    cairo_set_dash(to, NULL, 0, 0);
}

static void legend(cairo_t *to, const gal_chart *f, double y) {
    double x = LEFT, text = x + 30, most = WIDTH - text - 4;
    chart_font(to, CHART_NORMAL, false);
    for (size_t i = 0; f->kind == GAL_CHART_CURVES && i < f->traces; i++) {
        if (f->trace[i].name == NULL) continue;
        sample_of_curve(to, &f->trace[i], x, y - 4);
        chart_ink(to, GAL_INK_TEXT, 1);
        chart_text(to, text, y, CHART_LEFT, most, f->trace[i].name);
        y += LEGEND;
    }
    for (size_t i = 0; f->kind == GAL_CHART_BARS && i < f->groups; i++) {
        chart_ink(to, f->bars[i].ink, 0.35);
        cairo_rectangle(to, x + 4, y - 9, 14, 10);
        cairo_fill_preserve(to);
        chart_ink(to, f->bars[i].ink, 1);
        cairo_set_line_width(to, 1.4);
        cairo_stroke(to);
        chart_ink(to, GAL_INK_TEXT, 1);
        chart_text(to, text, y, CHART_LEFT, most, f->bars[i].name);
        y += LEGEND;
    }
    if (!isfinite(f->mark) || f->mark_label == NULL) return;
    static const double dots[] = {2, 3};
    chart_ink(to, GAL_INK_TEXT, 1);
    cairo_set_line_width(to, 1.4);
    cairo_set_dash(to, dots, 2, 0);
    chart_line(to, x + 11, y - 10, x + 11, y + 2);
    cairo_set_dash(to, NULL, 0, 0);
    chart_text(to, text, y, CHART_LEFT, most, f->mark_label);
}

static void draw_mark(const chart_axes *a, double at) {
    static const double dots[] = {2, 3};
    if (!(at >= a->x_low && at <= a->x_high)) return;
    chart_ink(a->to, GAL_INK_TEXT, 1);
    cairo_set_line_width(a->to, 1.4);
    cairo_set_dash(a->to, dots, 2, 0);
    chart_line(a->to, chart_x(a, at), a->top, chart_x(a, at), a->top + a->height);
    cairo_set_dash(a->to, NULL, 0, 0);
}

void chart_draw(cairo_t *to, const gal_chart *f) {
    if (f->kind == GAL_CHART_FOREST) {
        chart_forest(to, f);
        return;
    }
    chart_axes axes = {to, LEFT, TOP, WIDTH - LEFT - RIGHT, PLOT, f->x_low, f->x_high, f->y_low, f->y_high};
    chart_range(&axes.x_low, &axes.x_high);
    chart_range(&axes.y_low, &axes.y_high);
    chart_frame(&axes, f->x_label, f->y_label, f->kind == GAL_CHART_CURVES);
    cairo_save(to);
    f->kind == GAL_CHART_CURVES ? chart_curves(&axes, f) : chart_bars(&axes, f);
    cairo_restore(to);
    draw_mark(&axes, f->mark);
    legend(to, f, TOP + PLOT + BELOW + 8);
}
