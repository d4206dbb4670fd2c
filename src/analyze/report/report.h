/* Evidence as a report to read: HTML, PDF, CSV. docs/report.md says what is in it. */
#ifndef GAL_ANALYZE_REPORT_H
#define GAL_ANALYZE_REPORT_H

#include "base/buf.h"
#include "clinic/evidence/evidence.h"

typedef enum gal_report_form { GAL_REPORT_HTML, GAL_REPORT_PDF, GAL_REPORT_CSV } gal_report_form;

typedef struct gal_report_options {
    const char *pictures; /* folder that the cases' paths begin in; NULL: no thumbnails */
    size_t flips;         /* rows of the flip ledger; 0: 200 */
} gal_report_options;

/*
 * Appends the report. Everything in it is what the evidence says or what clinic/ computes from its cases; nothing is
 * guessed, and there is no time but the evidence's own: the same evidence (and pictures) give the same bytes.
 * HTML and PDF load the report plug-in: GALEN_ERR_UNSUPPORTED where it is not installed. GALEN_ERR_MEMORY.
 */
galen_status gal_report_render(const gal_evidence *evidence, const gal_report_options *options, gal_report_form form,
                               gal_buf *out, galen_error *err);

#endif
