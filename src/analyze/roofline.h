/* The roofline: how fast a piece of work could be at best on a machine, and how near it came. */
#ifndef GAL_ANALYZE_ROOFLINE_H
#define GAL_ANALYZE_ROOFLINE_H

#include "graph/op.h"

#include <stdbool.h>

/* What the machine does at most, measured (cpu/peak.h). */
typedef struct gal_peak {
    double gflops; /* 0: unknown */
    double gbytes; /* 1e9 bytes a second from memory; 0: unknown */
} gal_peak;

typedef struct gal_roofline {
    double gflops, gbytes; /* reached */
    double share;   /* least seconds / seconds; above 1 where the data came from a cache. 0 when it cannot be told */
    bool by_memory; /* memory, not arithmetic, sets the least time */
} gal_roofline;

/*
 * The cost of a node as far as it is needed: gal_node_cost, whose `mac` counts a convolution's multiplications with
 * padding as the literature does, but with `flop` free of them, for kernels skip them. On the small maps at a network's
 * end that is half of the arithmetic.
 */
void gal_work_of(const gal_node *node, int64_t batch, gal_cost *cost);

/*
 * Least seconds = max(flop / peak flop, bytes / peak bytes) (Williams, Waterman, Patterson: Roofline, CACM 52(4),
 * 2009). `cost` counts each input, weight and output once. seconds <= 0 gives zeros.
 */
gal_roofline gal_roofline_of(const gal_cost *cost, double seconds, const gal_peak *peak);

#endif
