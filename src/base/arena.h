/* A bump allocator for everything that dies together (a graph, a parsed file). */
#ifndef GAL_BASE_ARENA_H
#define GAL_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct gal_arena {
    struct gal_arena_block *block; /* newest first */
    size_t used;                   /* bytes handed out in the newest block */
    size_t total;                  /* bytes in all blocks */
    size_t limit;                  /* largest total allowed */
} gal_arena;

/* An empty arena that refuses to grow beyond `limit` bytes. */
void gal_arena_init(gal_arena *arena, size_t limit);
/* Frees all at once and leaves the arena empty. */
void gal_arena_free(gal_arena *arena);
/* count * size zeroed bytes aligned to 16; NULL when out of memory or beyond the limit. */
void *gal_arena_alloc(gal_arena *arena, size_t count, size_t size);
/* 64-byte aligned with 64 readable bytes behind the end, zeroed. */
void *gal_arena_alloc_aligned(gal_arena *arena, size_t bytes);
/* A NUL-terminated copy of n bytes. */
char *gal_arena_text(gal_arena *arena, const char *s, size_t n);
__attribute__((format(printf, 2, 3))) char *gal_arena_printf(gal_arena *arena, const char *format, ...);
/* [data, data + bytes) lies in this arena's memory. */
bool gal_arena_holds(const gal_arena *arena, const void *data, size_t bytes);
/* Gives the whole pages within [data, data + bytes) back to the system when they lie in this arena: they read as zeros
 * afterwards. */
void gal_arena_discard(gal_arena *arena, const void *data, size_t bytes);

#endif
