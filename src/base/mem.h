/* Allocation. Every allocation of the library goes through here, so tests can make any of them fail. */
#ifndef GAL_BASE_MEM_H
#define GAL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

enum { GAL_ALIGN = 64, GAL_TAIL_PAD = 64 };

/* Multiplies and adds sizes; false when the result does not fit. */
bool gal_size_mul(size_t a, size_t b, size_t *out);
bool gal_size_add(size_t a, size_t b, size_t *out);

/* count * size zeroed bytes, or NULL (also on overflow). Release with gal_free. */
void *gal_calloc(size_t count, size_t size);
/* Like realloc on an array of count elements; on failure NULL and `old` stays valid. */
void *gal_realloc(void *old, size_t count, size_t size);
/* 64-byte aligned with 64 readable bytes behind the end; not zeroed. Release with gal_free. */
void *gal_alloc_aligned(size_t bytes);
/* The same for what many cores walk through: from 2 MiB on it lies at a multiple of 2 MiB and asks for huge pages,
 * which the system may or may not give. */
void *gal_alloc_huge(size_t bytes);
void gal_free(void *p);
/*
 * Zeroed memory, aligned and padded like gal_alloc_aligned's, for large things that are written once: from 2 MiB on it
 * comes straight from the system, which has zeroed it, in huge pages where it gives them. Release with gal_free_zeroed
 * and the same size.
 */
void *gal_alloc_zeroed(size_t bytes);
void gal_free_zeroed(void *p, size_t bytes);
/* A copy of a string; NULL when out of memory. */
char *gal_strdup(const char *s);

#endif
