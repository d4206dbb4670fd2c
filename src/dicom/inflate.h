/* Deflated data sets (PS3.5 A.5): a raw RFC 1951 stream, inflated under a limit. */
#ifndef GAL_DICOM_INFLATE_H
#define GAL_DICOM_INFLATE_H

#include "base/buf.h"

#include <galen/status.h>
#include <stdint.h>

/* Appends the inflated bytes to *out; more than out->max is an error, so that a bomb takes no more memory than that. */
galen_status gal_dicom_inflate(const uint8_t *bytes, size_t size, gal_buf *out, galen_error *err);

#endif
