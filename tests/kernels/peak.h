/* The most multiply-adds a core of this machine does: what percentages in galen-check are of. */
#ifndef GAL_KERNELS_PEAK_H
#define GAL_KERNELS_PEAK_H

#include "cpu/isa.h"

/* f32 GFLOP/s of one thread at that level, measured for about 50 ms. */
double peak_gflops(gal_isa isa);

double peak_flops_avx2(long turns); /* runs the loop, returns the floating-point operations done */
double peak_flops_avx512(long turns);

#endif
