/* The roofline: how fast a piece of work could be at best on a machine, and how near it came. */
#ifndef GAL_ANALYZE_ROOFLINE_H
#define GAL_ANALYZE_ROOFLINE_H

#include "cpu/peak.h"

#include <stdbool.h>

typedef struct gal_roofline {
    double gflops, gbytes; /* reached */
    double least;          /* seconds it would take at the peaks; 0 when it cannot be told */
    double share;          /* least / seconds; 0 when it cannot be told */
    bool by_memory;        /* reading, not arithmetic, sets the least time */
    gal_arithmetic arithmetic;
    gal_store store; /* the nearest that holds all the bytes */
} gal_roofline;

/*
 * The cost of a node as far as it is needed: gal_node_cost, whose `mac` counts a convolution's multiplications with
 * padding as the literature does, but with `flop` free of them, for kernels skip them. On the small maps at a network's
 * end that is half of the arithmetic.
 */
void gal_work_of(const gal_node *node, int64_t batch, gal_cost *cost);

/*
 * Least seconds = max(flop / peak of the arithmetic, bytes / peak of the store) (Williams, Waterman, Patterson:
 * Roofline, CACM 52(4), 2009). `cost` counts each input, weight and output once; all of them together say which store
 * they are taken to come from: the L2s when they fit there, else the L3, else memory. A layer whose input has left the
 * L2 since it was written is thus held against more than it could reach; and a row that multiplies less than the
 * definition of its op says (Winograd) can pass 1. seconds <= 0 gives zeros.
 */
gal_roofline gal_roofline_of(const gal_cost *cost, double seconds, gal_arithmetic arithmetic, const gal_peaks *peaks);

/* What sets the least time: "bf16-amx", "L2", ... */
const char *gal_roofline_bound(const gal_roofline *roofline);

#endif
