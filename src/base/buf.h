/* A growable byte buffer with a hard maximum: the only way text and files are put together. */
#ifndef GAL_BASE_BUF_H
#define GAL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Appending never fails loudly: the first failure (out of memory, or beyond max) sets `failed`, later appends do
 * nothing, and the owner checks once at the end. data is NUL-terminated whenever it is not NULL.
 */
typedef struct gal_buf {
    unsigned char *data;
    size_t size, capacity, max;
    bool failed;
} gal_buf;

void gal_buf_init(gal_buf *buf, size_t max);
void gal_buf_free(gal_buf *buf);
void gal_buf_put(gal_buf *buf, const void *bytes, size_t n);
void gal_buf_text(gal_buf *buf, const char *s);
__attribute__((format(printf, 2, 3))) void gal_buf_printf(gal_buf *buf, const char *format, ...);
/* Appends n zero bytes and returns where they are (NULL on failure); valid until the next append. */
void *gal_buf_extend(gal_buf *buf, size_t n);

#endif
