/* Timing: the fastest of many short calls, and the peaks measured in the same run. */
#include "measure.h"

#include "analyze/roofline.h"
#include "base/clock.h"
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 101 };

/* Seconds of the fastest of 5 to CALLS calls, for about 0.1 s. The peaks are the best of many tries too: on a shared
 * machine everything slower measures the neighbours. */
static double time_call(prepared *p, gal_pool *pool) {
    double best = 0, begin = gal_clock_seconds();
    call_run(p, 0, p->batch, pool, NULL);
    for (int n = 0; n < CALLS && (n < 5 || gal_clock_seconds() - begin < 0.1); n++) {
        double start = gal_clock_seconds();
        call_run(p, 0, p->batch, pool, NULL);
        double seconds = gal_clock_seconds() - start;
        if (n == 0 || seconds < best) best = seconds;
    }
    return best;
}

/* The peaks of this run of the program, measured when first asked for. */
static const gal_peaks *peaks_for(gal_arithmetic unit, gal_pool *pool) {
    static gal_peaks peaks;
    galen_error err;
    if (!(peaks.gbytes[GAL_STORE_MEMORY] > 0) &&
        gal_peak_bandwidths(gal_isa_detect(), pool, &peaks, &err) != GALEN_OK) {
        fprintf(stderr, "galen-check: %s\n", err.message);
        exit(4);
    }
    if (!(peaks.gops[unit] > 0)) peaks.gops[unit] = gal_peak_gops(unit, pool);
    return &peaks;
}

static bool is_large(const gal_node *node, int64_t batch, const gal_cost *cost) {
    return strstr(node->op->name, "Conv") != NULL && gal_attr_int(node, "group", 1) == 1 &&
           cost->mac >= MEASURE_LARGE * batch;
}

static int measure_case(const gal_kernel *kernel, const kernel_case *c, const measure_options *options,
                        gal_pool *pool) {
    prepared p;
    gal_cost cost = {0};
    gal_arithmetic unit = gal_arithmetic_of(kernel, c->node, kernel->isa);
    const gal_peaks *peaks = peaks_for(unit, pool);
    call_prepare(&p, c, kernel, 1);
    gal_work_of(c->node, options->batch, &cost);
    double seconds = time_call(&p, pool);
    call_free(&p);
    gal_roofline r = gal_roofline_of(&cost, seconds, unit, peaks);
    bool low = is_large(c->node, options->batch, &cost) && r.share < options->at_least;
    printf("%s %9.3f ms %8.1f GFLOP/s %4.0f %% of %-12s %7.1f GB/s  %s\n", low ? "<" : " ", seconds * 1e3, r.gflops,
           100 * r.share, gal_roofline_bound(&r), r.gbytes, c->text);
    fflush(stdout);
    return low;
}

int measure_row(const gal_kernel *kernel, const measure_options *options, gal_pool *pool) {
    kernel_case c;
    int low = 0;
    printf("%s (%s), batch %lld, %d threads\n", kernel->name, kernel->op, (long long)options->batch,
           gal_pool_threads(pool));
    for (int i = 0; case_bench_for(kernel, i, options->batch, &c); i++) {
        if (kernel->reject(c.node) == NULL) low += measure_case(kernel, &c, options, pool);
        case_free(&c);
    }
    return low;
}
