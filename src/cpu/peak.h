/* The most this machine does, measured: what shares of the roofline in galen profile and galen-check are of. */
#ifndef GAL_CPU_PEAK_H
#define GAL_CPU_PEAK_H

#include "base/pool.h"
#include "cpu/isa.h"

/* f32 GFLOP/s of all threads of the pool (NULL: one) at that level; about 50 ms. 0 for the reference. */
double gal_peak_gflops(gal_isa isa, gal_pool *pool);

/* GB/s (1e9 bytes) that all threads of the pool read together from memory that no cache holds; about 0.2 s. Needs a
 * buffer of 256 MiB for that time: GALEN_ERR_MEMORY without one. */
galen_status gal_peak_bandwidth(gal_pool *pool, double *gbytes, galen_error *err);

double gal_peak_flops_avx2(long turns); /* runs the loop, returns the floating-point operations done */
double gal_peak_flops_avx512(long turns);

#endif
