/* What every chart is drawn with: ink, text, axes. Units are points; y grows downwards. */
#ifndef GAL_ANALYZE_DRAW_H
#define GAL_ANALYZE_DRAW_H

#include "analyze/report/chart.h"

#include <cairo.h>

/* The font is named so that pages agree between machines; fontconfig takes another where it is missing. */
#define CHART_FONT "DejaVu Sans"

enum { CHART_SMALL = 10, CHART_NORMAL = 11, CHART_LINE = 1024 }; /* sizes of text; bytes of a line */

typedef enum chart_align { CHART_LEFT, CHART_CENTRE, CHART_RIGHT } chart_align;

/* Where data lie: the frame on the page and what its edges stand for. */
typedef struct chart_axes {
    cairo_t *to;
    double left, top, width, height;
    double x_low, x_high, y_low, y_high;
} chart_axes;

void chart_ink(cairo_t *to, gal_ink ink, double opacity);
void chart_font(cairo_t *to, double size, bool bold);
/* Text at its baseline, in the font set; more than `most` points wide ends in an ellipsis (0: any width). Bytes that
 * are no UTF-8 become U+FFFD. Returns its width. */
double chart_text(cairo_t *to, double x, double y, chart_align align, double most, const char *text);
double chart_width(cairo_t *to, const char *text);
void chart_line(cairo_t *to, double x0, double y0, double x1, double y1);

/* Makes a range that an axis can have of one that a damaged file gave: finite, and wide enough to count in. */
void chart_range(double *low, double *high);
/* 1, 2 or 5 times a power of ten, at most `lines` of them in the range. */
double chart_step(double low, double high, int lines);
double chart_x(const chart_axes *axes, double value);
double chart_y(const chart_axes *axes, double value);
/* Grid, frame, ticks and the labels of both axes. */
void chart_frame(const chart_axes *axes, const char *x_label, const char *y_label, bool x_grid);

/* The size of a figure. */
void chart_size(const gal_chart *figure, double *width, double *height);
/* Draws a figure with its upper left corner at 0, 0. */
void chart_draw(cairo_t *to, const gal_chart *figure);

/* The kinds, one file each; `axes` has the frame that chart_draw chose. */
void chart_curves(const chart_axes *axes, const gal_chart *figure);
void chart_bars(const chart_axes *axes, const gal_chart *figure);
void chart_forest(cairo_t *to, const gal_chart *figure);
double chart_forest_height(const gal_chart *figure);

#endif
