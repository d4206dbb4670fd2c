/* The bounded, growable byte buffer. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void gal_buf_init(gal_buf *buf, size_t max) {
    *buf = (gal_buf){.max = max};
}

void gal_buf_free(gal_buf *buf) {
    gal_free(buf->data);
    *buf = (gal_buf){.max = buf->max};
}

/* Makes room for n more bytes and the closing NUL. */
static bool reserve(gal_buf *buf, size_t n) {
    if (buf->failed) return false;
    size_t need, with_nul;
    if (!gal_size_add(buf->size, n, &need) || need > buf->max || !gal_size_add(need, 1, &with_nul)) {
        buf->failed = true;
        return false;
    }
    if (with_nul <= buf->capacity) return true;
    size_t capacity = buf->capacity + buf->capacity / 2 + 64;
    if (capacity < with_nul) capacity = with_nul;
    unsigned char *data = gal_realloc(buf->data, capacity, 1);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void gal_buf_put(gal_buf *buf, const void *bytes, size_t n) {
    if (!reserve(buf, n)) return;
    if (n) memcpy(buf->data + buf->size, bytes, n);
    buf->size += n;
    buf->data[buf->size] = 0;
}

void gal_buf_text(gal_buf *buf, const char *s) {
    gal_buf_put(buf, s, strlen(s));
}

void gal_buf_printf(gal_buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(buf, (size_t)n)) {
        vsnprintf((char *)buf->data + buf->size, (size_t)n + 1, format, again);
        buf->size += (size_t)n;
    } else {
        buf->failed = true;
    }
    va_end(again);
}

void *gal_buf_extend(gal_buf *buf, size_t n) {
    if (!reserve(buf, n)) return NULL;
    unsigned char *at = buf->data + buf->size;
    memset(at, 0, n + 1);
    buf->size += n;
    return at;
}
