/* The sections of a report, one file each. A section that the evidence has nothing for writes nothing. */
#ifndef GAL_ANALYZE_SECTIONS_H
#define GAL_ANALYZE_SECTIONS_H

#include "analyze/report/facts.h"
#include "analyze/report/report.h"

typedef struct gal_report {
    const gal_evidence *evidence;
    const gal_report_options *options;
    gal_document *document;
    const json_t *head, *results; /* the evidence's */
} gal_report;

void gal_section_summary(gal_report *report);
void gal_section_figures(gal_report *report);
void gal_section_classes(gal_report *report);
void gal_section_calibration(gal_report *report);
void gal_section_decision_curve(gal_report *report);
void gal_section_subgroups(gal_report *report);
void gal_section_robustness(gal_report *report);
/* GALEN_ERR_MEMORY, or what reading the cases again gave. */
galen_status gal_section_comparison(gal_report *report, galen_error *err);
void gal_section_gates(gal_report *report);
void gal_section_data(gal_report *report);
void gal_section_methods(gal_report *report);
void gal_section_card(gal_report *report);
void gal_section_checklists(gal_report *report);
void gal_section_provenance(gal_report *report);

/* The words of a figure's key: "balanced_accuracy" is "balanced accuracy"; the key itself where it is not known. */
const char *gal_figure_label(const char *key);
/* The tone and the words of a verdict, "pass", "fail" or anything else. */
gal_tone gal_verdict_tone(const char *verdict);

/* {value, low, high, method, hits, cases} as five cells: value, low, high, "hits / cases", method. */
void gal_table_estimate(gal_document *document, gal_table *table, const json_t *estimate);
/* Figures and their intervals as a table. */
void gal_figures_table(gal_report *report, const json_t *figures, double level);
/* An axis for the rows of a forest plot: of shares within 0 and 1, of differences with a line at 0. */
void gal_forest_axis(gal_chart *chart, bool share);
/* Table, confusion matrix and curves of one yes-or-no question; `key` ends the keys of its charts. */
void gal_binary_figures(gal_report *report, const json_t *binary, const json_t *settings, const char *key);
/* {value, low, high, ...} with the name of the label: "sensitivity 0.992 [0.978, 0.998]". */
const char *gal_named_estimate(gal_report *report, const json_t *figures, const char *key);

#endif
