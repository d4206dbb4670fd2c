/* UTF-8 of files that may hold anything. */
#ifndef GAL_BASE_UTF8_H
#define GAL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the valid character at `text`; 0: there is none. */
size_t gal_utf8_length(const char *text);
/* All of it is valid. */
bool gal_utf8_valid(const char *text);
/* The same of bytes that no NUL ends; NULs among them are valid. */
bool gal_utf8_valid_bytes(const void *bytes, size_t size);
/* Copies what fits into size bytes (the closing NUL among them): bytes that begin no character become U+FFFD, control
 * characters blanks. */
void gal_utf8_clean(const char *text, char *out, size_t size);
/* Where the character before `end` begins. */
size_t gal_utf8_before(const char *text, size_t end);

#endif
