/* Timing of the peak loops. */
#include "cpu/peak.h"
#include "cpu/features.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* The best of many tries of half a millisecond or more counts: much shorter ones are over before the other threads are
 * awake, and on a shared machine much longer ones are always interrupted. */
enum { TRIES = 25, TURNS = 400000, READS = 12, MAX_THREADS = 1024, STEP = 512 };
static const size_t memory_bytes = (size_t)256 << 20;

const char *gal_store_name(gal_store store) {
    static const char *const name[GAL_STORE_COUNT] = {"L1", "L2", "L3", "memory"};
    return (unsigned)store < GAL_STORE_COUNT ? name[store] : "unknown";
}

/* ---- arithmetic ---- */

static double (*const loops[GAL_ARITHMETIC_COUNT])(long) = {
#if defined(__x86_64__)
    [GAL_ARITHMETIC_FMA_AVX2] = gal_peak_fma_avx2,           [GAL_ARITHMETIC_FMA_AVX512] = gal_peak_fma_avx512,
    [GAL_ARITHMETIC_FP16_AVX512] = gal_peak_fp16_avx512fp16, [GAL_ARITHMETIC_BF16_AVX512] = gal_peak_bf16_avx512bf16,
    [GAL_ARITHMETIC_VNNI_AVX] = gal_peak_vnni_avxvnni,       [GAL_ARITHMETIC_VNNI_AVX512] = gal_peak_vnni_avx512vnni,
    [GAL_ARITHMETIC_BF16_AMX] = gal_peak_bf16_amx,           [GAL_ARITHMETIC_INT8_AMX] = gal_peak_int8_amx,
#elif defined(__aarch64__)
    [GAL_ARITHMETIC_FMA_NEON] = gal_peak_fma_neon,
    [GAL_ARITHMETIC_BF16_NEON] = gal_peak_bf16_neonbf16,
    [GAL_ARITHMETIC_DOT_NEON] = gal_peak_dot_neondot,
#endif
};

typedef struct computing {
    double (*loop)(long turns);
    double done[MAX_THREADS];
} computing;

static void run_loop(void *context, size_t index) {
    computing *c = context;
    c->done[index] = c->loop(TURNS);
}

static size_t threads_of(gal_pool *pool) {
    size_t threads = (size_t)gal_pool_threads(pool);
    return threads < MAX_THREADS ? threads : MAX_THREADS;
}

double gal_peak_gops(gal_arithmetic arithmetic, gal_pool *pool) {
    if (!(gal_arithmetics_here(gal_isa_detect()) >> arithmetic & 1)) return 0;
    computing c = {.loop = loops[arithmetic]};
    size_t threads = threads_of(pool);
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = gal_clock_seconds(), done = 0;
        gal_pool_run(pool, run_loop, &c, threads);
        double seconds = gal_clock_seconds() - start;
        for (size_t t = 0; t < threads; t++) done += c.done[t];
        if (done / seconds * 1e-9 > best) best = done / seconds * 1e-9;
    }
    return best;
}

/* ---- bandwidth ---- */

typedef struct reading {
    uint64_t (*read)(const void *from, size_t bytes);
    const char *from;
    size_t bytes, turns; /* of a thread */
    uint64_t sum[MAX_THREADS];
} reading;

/* A thread's own piece again and again: from the second turn on it comes from the cache that holds it. */
static void run_read(void *context, size_t index) {
    reading *r = context;
    uint64_t sum = 0;
    for (size_t t = 0; t < r->turns; t++) {
        sum += r->read(r->from + index * r->bytes, r->bytes);
        __asm__ volatile("" : "+r"(sum) : : "memory"); /* each turn is wanted, as far as the compiler knows */
    }
    r->sum[index] = sum;
}

/* The best GB/s of a few tries, each of at least `least` bytes a thread. */
static double read_rate(reading *r, size_t bytes, size_t least, gal_pool *pool) {
    size_t threads = threads_of(pool);
    double best = 0;
    r->bytes = bytes / STEP * STEP;
    r->turns = least / r->bytes + 1;
    for (int i = 0; i < READS; i++) {
        double start = gal_clock_seconds();
        gal_pool_run(pool, run_read, r, threads);
        double rate = (double)(r->bytes * r->turns * threads) / (gal_clock_seconds() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}

galen_status gal_peak_bandwidths(gal_isa isa, gal_pool *pool, gal_peaks *peaks, galen_error *err) {
    size_t threads = threads_of(pool), l1 = gal_cache_bytes(1), l2 = gal_cache_bytes(2), l3 = gal_cache_bytes(3);
    char *memory = gal_alloc_aligned(memory_bytes);
    reading r = {.read = gal_peak_read_plain, .from = memory};
#if defined(__x86_64__)
    if (isa >= GAL_ISA_AVX2) r.read = isa == GAL_ISA_AVX2 ? gal_peak_read_avx2 : gal_peak_read_avx512;
#else
    (void)isa;
#endif
    memset(peaks->gbytes, 0, sizeof peaks->gbytes);
    memset(peaks->holds, 0, sizeof peaks->holds);
    if (memory == NULL) return gal_fail_memory(err, "measuring the memory", memory_bytes);
    memset(memory, 1, memory_bytes); /* pages of its own, not the shared zero page */
    peaks->holds[GAL_STORE_MEMORY] = SIZE_MAX;
    peaks->gbytes[GAL_STORE_MEMORY] = read_rate(&r, memory_bytes / threads, 1, pool);
    bool fits = l1 > 2 * STEP && l2 > l1 && l2 < memory_bytes / threads;
    if (fits) {
        peaks->holds[GAL_STORE_L1] = threads * l1;
        peaks->gbytes[GAL_STORE_L1] = read_rate(&r, l1 / 2, (size_t)128 << 20, pool);
        peaks->holds[GAL_STORE_L2] = threads * l2;
        peaks->gbytes[GAL_STORE_L2] = read_rate(&r, l2 / 2, (size_t)64 << 20, pool);
    }
    if (fits && 4 * l2 * threads <= l3 && 4 * l2 * threads <= memory_bytes) {
        peaks->holds[GAL_STORE_L3] = l3 < memory_bytes / 4 ? l3 : memory_bytes / 4;
        peaks->gbytes[GAL_STORE_L3] = read_rate(&r, 4 * l2, (size_t)16 << 20, pool);
    }
    gal_free(memory);
    return GALEN_OK;
}

uint64_t gal_peak_read_plain(const void *from, size_t bytes) {
    const uint64_t *x = from;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i < bytes / sizeof *x; i += 4) a += x[i], b += x[i + 1], c += x[i + 2], d += x[i + 3];
    return a + b + c + d;
}
