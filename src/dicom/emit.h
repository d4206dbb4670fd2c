/* Writing data elements in Explicit VR Little Endian (PS3.5 section 7.1.2). */
#ifndef GAL_DICOM_EMIT_H
#define GAL_DICOM_EMIT_H

#include "base/buf.h"

#include <galen/status.h>
#include <stdint.h>

enum { GAL_UID_MAX = 65 };

/* Elements must come in ascending order of their tags (group << 16 | element). Values are padded to even length. */
void gal_emit(gal_buf *out, uint32_t tag, const char vr[2], const void *value, size_t size);
void gal_emit_text(gal_buf *out, uint32_t tag, const char vr[2], const char *text); /* NULL: empty */
void gal_emit_u16(gal_buf *out, uint32_t tag, unsigned value);
void gal_emit_u32(gal_buf *out, uint32_t tag, uint32_t value);
void gal_emit_integer(gal_buf *out, uint32_t tag, long value); /* IS */

/* The UID 2.25.<decimal of the 128-bit number> of a seed made a version 8 UUID. */
void gal_uid_from_seed(const uint8_t seed[16], char out[GAL_UID_MAX]);

/* True when `text` may stand in an element of at most `most` characters: printable ASCII without a backslash. NULL may.
 */
int gal_text_valid(const char *text, size_t most);

#endif
