/* What a chart shows, as plain numbers: no chart computes anything but where its ink goes. */
#ifndef GAL_ANALYZE_CHART_H
#define GAL_ANALYZE_CHART_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The only colours of charts. Each has one literal colour, by which HTML finds it and puts a custom property in its
 * place (var(--blue)), so that light and dark pages share one drawing. Hues are Okabe and Ito's, which people with any
 * of the common colour vision deficiencies can tell apart (Color Universal Design, 2008), darkened where thin lines
 * on white need it.
 */
typedef enum gal_ink {
    GAL_INK_PAPER,
    GAL_INK_TEXT,
    GAL_INK_SOFT, /* ticks, notes */
    GAL_INK_GRID,
    GAL_INK_BLUE,
    GAL_INK_ORANGE,
    GAL_INK_GREEN,
    GAL_INK_PURPLE,
    GAL_INK_RED,
    GAL_INKS
} gal_ink;

typedef struct gal_ink_colour {
    const char *name;       /* of the custom property */
    unsigned char light[3]; /* what is drawn, and what a light or printed page has */
    unsigned char dark[3];  /* of a dark page */
} gal_ink_colour;

extern const gal_ink_colour gal_ink_table[GAL_INKS];

typedef enum gal_trace_form {
    GAL_TRACE_LINE,
    GAL_TRACE_STEPS,  /* from point to point by a horizontal, then a vertical stroke */
    GAL_TRACE_DASHED, /* a reference to compare with */
    GAL_TRACE_POINTS,
    GAL_TRACE_DOTS /* small, for clouds of many cases */
} gal_trace_form;

/* Points in the order they are joined. A value that is not finite interrupts a line. Arrays are borrowed. */
typedef struct gal_trace {
    const char *name; /* in the legend; NULL: not in it */
    gal_ink ink;
    gal_trace_form form;
    size_t count;
    const double *x, *y;
    const double *y_low, *y_high; /* intervals: a band about lines, whiskers of points; NULL: none */
    const double *x_low, *x_high; /* whiskers of points only; NULL: none */
} gal_trace;

/* Shares of one group of cases in bins of equal width from the figure's x_low to x_high. */
typedef struct gal_bars {
    const char *name;
    gal_ink ink;
    const double *value; /* [bins] */
} gal_bars;

/* One line of a forest plot. */
typedef struct gal_forest_row {
    const char *label;
    const char *note;        /* right of the label, such as the number of cases; may be NULL */
    double value, low, high; /* NaN: "insufficient data" stands in their place */
    bool group;              /* a heading: only the label is shown */
    bool total;              /* drawn as a diamond, its value as a line through all rows */
} gal_forest_row;

typedef enum gal_chart_kind { GAL_CHART_CURVES, GAL_CHART_BARS, GAL_CHART_FOREST } gal_chart_kind;

typedef struct gal_chart {
    gal_chart_kind kind;
    const char *key;   /* a word for ids and CSV: "roc" */
    const char *title; /* what is shown */
    const char *note;  /* how to read it; NULL: none */
    const char *x_label, *y_label;
    double x_low, x_high, y_low, y_high; /* of the axes; forests use x alone */
    const gal_trace *trace;              /* GAL_CHART_CURVES */
    size_t traces;
    const gal_bars *bars; /* GAL_CHART_BARS */
    size_t groups, bins;
    const gal_forest_row *row; /* GAL_CHART_FOREST */
    size_t rows;
    double mark; /* a vertical line, such as the threshold; NaN: none */
    const char *mark_label;
} gal_chart;

#endif
