/* Timing: the median of many short calls, and the peak measured in the same run. */
#include "measure.h"

#include "base/clock.h"
#include "call.h"
#include "cpu/peak.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 101 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median seconds of a call; at least 5 and at most CALLS of them, for about 0.2 s. */
static double time_call(prepared *p, gal_pool *pool) {
    double seconds[CALLS], begin = gal_clock_seconds();
    int n = 0;
    call_run(p, 0, p->batch, pool, NULL);
    while (n < CALLS && (n < 5 || gal_clock_seconds() - begin < 0.2)) {
        double start = gal_clock_seconds();
        call_run(p, 0, p->batch, pool, NULL);
        seconds[n++] = gal_clock_seconds() - start;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    return seconds[n / 2];
}

void measure_row(const gal_kernel *kernel, int64_t batch, int threads, gal_pool *pool) {
    double peak = gal_peak_gflops(kernel->isa, pool);
    printf("%s (%s), batch %lld, %d threads, peak %.0f GFLOP/s\n", kernel->name, kernel->op, (long long)batch, threads,
           peak);
    kernel_case c;
    for (int i = 0; case_bench_for(kernel, i, batch, &c); i++) {
        if (kernel->reject(c.node) == NULL) {
            prepared p;
            gal_cost cost = {0};
            call_prepare(&p, &c, kernel, 1);
            gal_node_cost(c.node, batch, &cost);
            double s = time_call(&p, pool);
            printf("  %9.3f ms %8.1f GFLOP/s %4.0f %% %7.1f GB/s  %s\n", s * 1e3, (double)cost.flop / s * 1e-9,
                   (double)cost.flop / s * 1e-7 / peak, (double)(cost.bytes_read + cost.bytes_written) / s * 1e-9,
                   c.text);
            call_free(&p);
        }
        case_free(&c);
    }
}
