/* SHA-256 (FIPS 180-4) by libcrypto. */
#ifndef GAL_BASE_SHA256_H
#define GAL_BASE_SHA256_H

#include "base/file.h"

#include <stdbool.h>

enum { GAL_SHA256_HEX = 65 };

/* Writes 64 lower-case hex digits and a NUL. */
galen_status gal_sha256_hex(const void *data, size_t size, char out[GAL_SHA256_HEX], galen_error *err);

/* The same text for the 32 bytes of a digest. */
void gal_sha256_text(const unsigned char digest[32], char out[GAL_SHA256_HEX]);

/* The hash of a file, computed on a thread of its own while the file is used. */
typedef struct gal_sha256_job gal_sha256_job;

/*
 * Starts hashing a file. One that is `mapped` must stay so until gal_sha256_end; its pages are given back as they are
 * read. Small files, all where this process has a single core, and bytes that are not a mapped file are hashed before
 * this returns.
 */
galen_status gal_sha256_start(const gal_file *file, bool mapped, gal_sha256_job **out, galen_error *err);
/* 64 hex digits, once they are known; waits for them. Any thread may ask. */
const char *gal_sha256_wait(gal_sha256_job *job);
/* Stops the work if it is not done, and frees the job. NULL is fine. */
void gal_sha256_end(gal_sha256_job *job);

#endif
