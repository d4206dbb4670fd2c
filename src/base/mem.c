/* Allocation with checked sizes. */
#include "base/mem.h"

#include <galen/image.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool gal_size_mul(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

bool gal_size_add(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

void *gal_calloc(size_t count, size_t size) {
    return calloc(count ? count : 1, size ? size : 1);
}

void *gal_realloc(void *old, size_t count, size_t size) {
    size_t bytes;
    if (!gal_size_mul(count, size, &bytes)) return NULL;
    return realloc(old, bytes ? bytes : 1);
}

void *gal_alloc_aligned(size_t bytes) {
    if (bytes > PTRDIFF_MAX - 2 * GAL_TAIL_PAD) return NULL;
    size_t rounded = (bytes + GAL_TAIL_PAD + GAL_ALIGN - 1) / GAL_ALIGN * GAL_ALIGN;
    void *p = NULL;
    return posix_memalign(&p, GAL_ALIGN, rounded) == 0 ? p : NULL;
}

void gal_free(void *p) {
    free(p);
}

void galen_free(void *p) {
    free(p);
}

char *gal_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = gal_calloc(n, 1);
    if (copy) memcpy(copy, s, n);
    return copy;
}
