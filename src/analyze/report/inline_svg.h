/* cairo's SVG files as parts of an HTML page. */
#ifndef GAL_ANALYZE_INLINE_SVG_H
#define GAL_ANALYZE_INLINE_SVG_H

#include "base/buf.h"

#include <galen/status.h>

/*
 * Appends the drawing of an SVG file that cairo 1.16 or newer wrote, ready for a page:
 *   - without the XML declaration and without the size in points (the page sizes it by its viewBox);
 *   - ids, by which glyphs are used again, are numbered anew and begin with `key`, for figures of one page share one
 *     name space, and cairo counts surfaces through the life of a process, which would make bytes depend on it;
 *   - each colour of gal_ink_table becomes var(--name).
 * `label` is what is read aloud; the caller has escaped it. GALEN_ERR_INTERNAL when it is no such file.
 */
galen_status gal_inline_svg(const char *svg, size_t size, const char *key, const char *label, gal_buf *out,
                            galen_error *err);

#endif
