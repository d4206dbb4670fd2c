/* The table through which the report plug-in (cairo) is called. */
#ifndef GAL_ANALYZE_REPORT_PLUGIN_H
#define GAL_ANALYZE_REPORT_PLUGIN_H

#include "analyze/report/document.h"
#include "base/buf.h"

typedef struct gal_report_plugin {
    /* Appends a figure as the SVG file that cairo writes. */
    galen_status (*svg)(const gal_chart *figure, gal_buf *out, galen_error *err);
    /* Appends a document as a PDF of A4 pages. */
    galen_status (*pdf)(const gal_document *document, gal_buf *out, galen_error *err);
} gal_report_plugin;

extern GALEN_API const gal_report_plugin galen_report_plugin;

#endif
