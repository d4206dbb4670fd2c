/* A document as one HTML file. */
#ifndef GAL_ANALYZE_HTML_H
#define GAL_ANALYZE_HTML_H

#include "analyze/report/plugin.h"

/*
 * Appends the whole page: style, drawings and pictures are in it, nothing is fetched, and its own content security
 * policy forbids fetching and all scripts but the one that sorts tables, so that a string of the evidence that slipped
 * through the escaping could do nothing. The same document gives the same bytes.
 */
galen_status gal_html(const gal_document *document, const gal_report_plugin *plugin, gal_buf *out, galen_error *err);

/*
 * Appends text with what means something in HTML escaped (& < > " '), for content and quoted attributes; bytes that
 * are no valid UTF-8 and control characters become U+FFFD and blanks.
 */
void gal_html_text(gal_buf *out, const char *text);

#endif
