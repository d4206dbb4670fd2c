/* The bump allocator. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Requests of OWN_BLOCK and more get a block of their size, which the system hands out zeroed and in huge pages. */
enum { FIRST_BLOCK = 4096, LARGEST_STEP = 1 << 20, OWN_BLOCK = 2 << 20, HEADER = 64 };

struct gal_arena_block {
    struct gal_arena_block *next;
    size_t size; /* usable bytes behind the header */
    bool own;    /* of one request: from gal_alloc_zeroed */
};

_Static_assert(sizeof(struct gal_arena_block) <= HEADER, "block header fits its slot");

void gal_arena_init(gal_arena *arena, size_t limit) {
    *arena = (gal_arena){.limit = limit};
}

void gal_arena_free(gal_arena *arena) {
    struct gal_arena_block *block = arena->block;
    while (block) {
        struct gal_arena_block *next = block->next;
        if (block->own)
            gal_free_zeroed(block, HEADER + block->size);
        else
            gal_free(block);
        block = next;
    }
    *arena = (gal_arena){.limit = arena->limit};
}

static bool add_block(gal_arena *arena, size_t need) {
    size_t size = arena->block && !arena->block->own ? arena->block->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_STEP) size = LARGEST_STEP;
    if (size < need) size = need;
    if (arena->total > arena->limit || size > arena->limit - arena->total) size = need;
    if (arena->total > arena->limit || size > arena->limit - arena->total) return false;
    struct gal_arena_block *block = size <= SIZE_MAX - HEADER ? gal_alloc_aligned(HEADER + size) : NULL;
    if (!block) return false;
    *block = (struct gal_arena_block){.next = arena->block, .size = size};
    arena->block = block;
    arena->used = 0;
    arena->total += size;
    return true;
}

/* Goes behind the newest block, which goes on being filled. */
static void *add_own_block(gal_arena *arena, size_t bytes) {
    if (arena->total > arena->limit || bytes > arena->limit - arena->total || bytes > SIZE_MAX - HEADER) return NULL;
    struct gal_arena_block *block = gal_alloc_zeroed(HEADER + bytes), **at = &arena->block;
    if (!block) return NULL;
    if (*at) at = &(*at)->next;
    *block = (struct gal_arena_block){.next = *at, .size = bytes, .own = true};
    if (!arena->block) arena->used = bytes;
    *at = block;
    arena->total += bytes;
    return (char *)block + HEADER;
}

static void *bump(gal_arena *arena, size_t bytes, size_t align) {
    if (bytes >= OWN_BLOCK) return add_own_block(arena, bytes);
    size_t at = (arena->used + align - 1) / align * align;
    if (!arena->block || at > arena->block->size || bytes > arena->block->size - at) {
        if (!add_block(arena, bytes)) return NULL;
        at = 0;
    }
    arena->used = at + bytes;
    void *p = (char *)arena->block + HEADER + at;
    memset(p, 0, bytes);
    return p;
}

void *gal_arena_alloc(gal_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!gal_size_mul(count, size, &bytes)) return NULL;
    return bump(arena, bytes ? bytes : 1, 16);
}

void *gal_arena_alloc_aligned(gal_arena *arena, size_t bytes) {
    size_t padded;
    if (!gal_size_add(bytes, GAL_TAIL_PAD, &padded)) return NULL;
    return bump(arena, padded, GAL_ALIGN);
}

char *gal_arena_text(gal_arena *arena, const char *s, size_t n) {
    size_t bytes;
    if (!gal_size_add(n, 1, &bytes)) return NULL;
    char *copy = gal_arena_alloc(arena, bytes, 1);
    if (copy && n) memcpy(copy, s, n);
    return copy;
}

char *gal_arena_printf(gal_arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : gal_arena_alloc(arena, (size_t)n + 1, 1);
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

static bool block_holds(const struct gal_arena_block *block, uintptr_t from, size_t bytes) {
    uintptr_t start = (uintptr_t)block + HEADER;
    return from >= start && from - start <= block->size && bytes <= block->size - (from - start);
}

bool gal_arena_holds(const gal_arena *arena, const void *data, size_t bytes) {
    for (const struct gal_arena_block *block = arena->block; block; block = block->next)
        if (block_holds(block, (uintptr_t)data, bytes)) return true;
    return false;
}

void gal_arena_discard(gal_arena *arena, const void *data, size_t bytes) {
    uintptr_t from = (uintptr_t)data, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (const struct gal_arena_block *block = arena->block; block; block = block->next) {
        if (!block_holds(block, from, bytes)) continue;
        uintptr_t first = (from + page - 1) / page * page, last = (from + bytes) / page * page;
        if (last > first) madvise((void *)first, last - first, MADV_DONTNEED);
        return;
    }
}
