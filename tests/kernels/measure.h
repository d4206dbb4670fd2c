/* Speed of one row. */
#ifndef GAL_KERNELS_MEASURE_H
#define GAL_KERNELS_MEASURE_H

#include "base/pool.h"
#include "cpu/kernel.h"

/* Prints a line for each benchmark problem of the row's op: time, GFLOP/s, share of the measured peak, GB/s. */
void measure_row(const gal_kernel *kernel, int64_t batch, int threads, gal_pool *pool);

#endif
