/* Timing of the peak loops. */
#include "peak.h"

#include "base/clock.h"

double peak_gflops(gal_isa isa) {
    if (isa == GAL_ISA_REFERENCE) return 0;
    double (*loop)(long) = isa == GAL_ISA_AVX2 ? peak_flops_avx2 : peak_flops_avx512;
    double best = 0;
    for (int i = 0; i < 10; i++) {
        double start = gal_clock_seconds(), flops = loop(1000000), rate = flops / (gal_clock_seconds() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}
