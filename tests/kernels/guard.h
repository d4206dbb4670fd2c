/* Buffers whose end is the end of a page, with an unreadable page behind: reading or writing one byte too far is a
 * crash. */
#ifndef GAL_KERNELS_GUARD_H
#define GAL_KERNELS_GUARD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct guarded {
    void *data;
    size_t size;
    void *map;
    size_t mapped;
} guarded;

/* Lets the page behind be read, not written: for emulators whose masked loads touch what the mask leaves out. */
extern bool guard_readable;

/* Exactly `size` bytes up to the unreadable page, filled with a pattern; data is aligned only as far as size allows.
 * Exits when it cannot. */
guarded guard_make(size_t size);
/* The bytes in front are still the pattern. */
bool guard_intact(const guarded *g);
void guard_free(guarded *g);

#endif
