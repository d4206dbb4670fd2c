/* Speed of one row. */
#ifndef GAL_KERNELS_MEASURE_H
#define GAL_KERNELS_MEASURE_H

#include "base/pool.h"
#include "cpu/kernel.h"

/* A convolution over several channels with at least so many multiply-adds an image is large. */
enum { MEASURE_LARGE = 8000000 };

typedef struct measure_options {
    int64_t batch;
    double at_least; /* share of the roofline below which a large convolution is counted; 0: none is */
} measure_options;

/*
 * Prints a line for each benchmark problem of the row's op: time, GFLOP/s, share of the row's own roofline (see
 * analyze/roofline.h; the peaks are measured once in a run of the program) and what sets it, GB/s. Returns how many
 * large convolutions reach less than asked; their lines are marked.
 */
int measure_row(const gal_kernel *kernel, const measure_options *options, gal_pool *pool);

#endif
