/* The arena planner: where each buffer of a run lies, given when it is alive. Knows nothing of graphs. */
#ifndef GAL_SESSION_MEMORY_H
#define GAL_SESSION_MEMORY_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

/* One buffer: alive from step `first` to step `last`, both included. */
typedef struct gal_span {
    size_t bytes;
    uint32_t first, last;
    size_t offset; /* result */
} gal_span;

/*
 * Chooses offsets (multiples of GAL_ALIGN) so that no two buffers that are alive in the same step overlap; each gets
 * GAL_TAIL_PAD bytes of its own behind its end. *total is the size of the arena, *bound the largest sum of padded
 * buffers alive in one step: no plan can be smaller. A buffer of 0 bytes takes no room.
 */
galen_status gal_memory_plan(gal_span *spans, size_t count, size_t *total, size_t *bound, galen_error *err);

/* The bound alone. */
galen_status gal_memory_bound(const gal_span *spans, size_t count, size_t *bound, galen_error *err);

#endif
