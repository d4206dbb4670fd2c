/* A picture file of any kind that Galen reads. */
#ifndef GAL_DICOM_OPEN_H
#define GAL_DICOM_OPEN_H

#include <galen/image.h>

/*
 * Reads a file as galen_image_decode does or, of DICOM, one frame as galen_dicom_read does by default. The caller owns
 * *out, which is empty on failure. Errors name the path. Thread-safe.
 */
galen_status gal_picture_open(const char *path, int frame, const galen_image_limits *limits, galen_image *out,
                              galen_error *err);

#endif
