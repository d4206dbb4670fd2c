/* Timing of the peak loops. */
#include "cpu/peak.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

enum { TRIES = 10, TURNS = 1000000, READS = 5, PIECES = 256 };
static const size_t read_bytes = (size_t)256 << 20;

static void run_flops(void *context, size_t index) {
    (void)index;
    (*(double (**)(long))context)(TURNS);
}

double gal_peak_gflops(gal_isa isa, gal_pool *pool) {
    if (isa == GAL_ISA_REFERENCE) return 0;
    double (*loop)(long) = isa == GAL_ISA_AVX2 ? gal_peak_flops_avx2 : gal_peak_flops_avx512;
    size_t threads = (size_t)gal_pool_threads(pool);
    double each = loop(TURNS), best = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = gal_clock_seconds();
        gal_pool_run(pool, run_flops, &loop, threads);
        double rate = each * (double)threads / (gal_clock_seconds() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}

typedef struct reading {
    const uint64_t *from;
    uint64_t sum[PIECES];
} reading;

static void read_piece(void *context, size_t index) {
    reading *r = context;
    const size_t n = read_bytes / sizeof(uint64_t) / PIECES;
    const uint64_t *from = r->from + index * n;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i < n; i += 4) a += from[i], b += from[i + 1], c += from[i + 2], d += from[i + 3];
    r->sum[index] = a + b + c + d;
    __asm__ volatile("" : : "r"(&r->sum[index]) : "memory"); /* the sums are wanted, as far as the compiler knows */
}

galen_status gal_peak_bandwidth(gal_pool *pool, double *gbytes, galen_error *err) {
    void *memory = gal_alloc_aligned(read_bytes);
    *gbytes = 0;
    if (memory == NULL) return gal_fail_memory(err, "measuring the memory", read_bytes);
    memset(memory, 1, read_bytes); /* pages of its own, not the shared zero page */
    reading r = {.from = memory};
    for (int i = 0; i < READS; i++) {
        double start = gal_clock_seconds();
        gal_pool_run(pool, read_piece, &r, PIECES);
        double rate = (double)read_bytes / (gal_clock_seconds() - start) * 1e-9;
        if (rate > *gbytes) *gbytes = rate;
    }
    gal_free(memory);
    return GALEN_OK;
}
