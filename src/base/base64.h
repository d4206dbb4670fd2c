/* Bytes as text (RFC 4648, section 4). */
#ifndef GAL_BASE_BASE64_H
#define GAL_BASE_BASE64_H

#include "base/buf.h"

/* Appends size bytes as base64 with padding. */
void gal_base64(gal_buf *out, const unsigned char *bytes, size_t size);

#endif
