/* SHA-256 (FIPS 180-4) by libcrypto. */
#ifndef GAL_BASE_SHA256_H
#define GAL_BASE_SHA256_H

#include <galen/status.h>
#include <stddef.h>

enum { GAL_SHA256_HEX = 65 };

/* Writes 64 lower-case hex digits and a NUL. */
galen_status gal_sha256_hex(const void *data, size_t size, char out[GAL_SHA256_HEX], galen_error *err);

#endif
