/* Small pictures of cases. */
#ifndef GAL_ANALYZE_THUMBNAIL_H
#define GAL_ANALYZE_THUMBNAIL_H

#include "analyze/report/document.h"

/*
 * Puts a PNG of at most 96 pixels a side into the cell that `table` had last, of the picture at `path` below `folder`
 * (JPEG, PNG or DICOM). A path that leads out of the folder, or a file that is missing or no picture, leaves the cell
 * as it is: evidence may be hostile, and its pictures may lie elsewhere. GALEN_ERR_MEMORY.
 */
galen_status gal_thumbnail(gal_document *document, const char *folder, const char *path, gal_table *table,
                           galen_error *err);

#endif
