/* The tables and the numbers behind the figures of a document, as CSV. */
#ifndef GAL_ANALYZE_REPORT_CSV_H
#define GAL_ANALYZE_REPORT_CSV_H

#include "analyze/report/document.h"
#include "base/buf.h"

/*
 * Appends one table as RFC 4180 has it, lines ended by LF: section, table or figure, row (counted from 1), column,
 * value; a line for each cell that is not empty. Long rather than wide, so that all tables fit into one file. Cells
 * that a spreadsheet would take for a formula (= + - @ first, and no number) get a ' in front.
 */
galen_status gal_report_csv(const gal_document *document, gal_buf *out, galen_error *err);

#endif
