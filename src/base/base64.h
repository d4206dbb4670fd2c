/* Bytes as text (RFC 4648, section 4). */
#ifndef GAL_BASE_BASE64_H
#define GAL_BASE_BASE64_H

#include "base/buf.h"

/* Appends size bytes as base64 with padding. */
void gal_base64(gal_buf *out, const unsigned char *bytes, size_t size);

/* Reads exactly `size` bytes back; false for any text that gal_base64 would not have written for so many. */
bool gal_base64_read(const char *text, size_t length, unsigned char *out, size_t size);

#endif
