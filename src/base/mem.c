/* Allocation with checked sizes. */
#include "base/mem.h"

#include <galen/image.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

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

static void *alloc_at(size_t align, size_t bytes) {
    void *p = NULL;
    return posix_memalign(&p, align, bytes) == 0 ? p : NULL;
}

/* With the tail, in whole lines; 0 when that does not fit. */
static size_t round_up(size_t bytes) {
    if (bytes > PTRDIFF_MAX - 2 * GAL_TAIL_PAD) return 0;
    return (bytes + GAL_TAIL_PAD + GAL_ALIGN - 1) / GAL_ALIGN * GAL_ALIGN;
}

void *gal_alloc_aligned(size_t bytes) {
    size_t rounded = round_up(bytes);
    return rounded == 0 ? NULL : alloc_at(GAL_ALIGN, rounded);
}

void *gal_alloc_huge(size_t bytes) {
    size_t rounded = round_up(bytes);
    if (rounded < HUGE_PAGE) return gal_alloc_aligned(bytes);
    void *p = alloc_at(HUGE_PAGE, rounded);
    /* Only advice: where it is refused the memory is as good as any. Whole huge pages only, so that a small rest at the
     * end does not cost one. */
    if (p != NULL) madvise(p, rounded / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return p;
}

/* `rounded` bytes at a multiple of HUGE_PAGE: more is mapped and the ends are given back. */
static void *map_huge(size_t rounded) {
    uint8_t *p = mmap(NULL, rounded + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (rounded + page - 1) / page * page;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before > 0) munmap(p, before);
    if (rounded + HUGE_PAGE > before + used) munmap(p + before + used, rounded + HUGE_PAGE - before - used);
    madvise(p + before, rounded / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return p + before;
}

void *gal_alloc_zeroed(size_t bytes) {
    size_t rounded = round_up(bytes);
    if (rounded >= HUGE_PAGE) return rounded > PTRDIFF_MAX - 2 * HUGE_PAGE ? NULL : map_huge(rounded);
    void *p = gal_alloc_aligned(bytes);
    if (p != NULL) memset(p, 0, rounded);
    return p;
}

void gal_free_zeroed(void *p, size_t bytes) {
    size_t rounded = round_up(bytes);
    if (p != NULL && rounded >= HUGE_PAGE)
        munmap(p, rounded);
    else
        free(p);
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
