/* The most this machine does, measured: what shares of the roofline in galen profile and galen-check are of. */
#ifndef GAL_CPU_PEAK_H
#define GAL_CPU_PEAK_H

#include "base/pool.h"
#include "cpu/arithmetic.h"

/* Where data comes from. */
typedef enum gal_store { GAL_STORE_L1, GAL_STORE_L2, GAL_STORE_L3, GAL_STORE_MEMORY, GAL_STORE_COUNT } gal_store;

typedef struct gal_peaks {
    double gops[GAL_ARITHMETIC_COUNT]; /* 1e9 operations a second, 1 multiply-add = 2; 0: not measured */
    double gbytes[GAL_STORE_COUNT];    /* 1e9 bytes a second read; 0: not measured */
    size_t holds[GAL_STORE_COUNT];     /* bytes, of all threads together; SIZE_MAX for memory */
} gal_peaks;

const char *gal_store_name(gal_store store); /* "L1", "L2", "L3", "memory" */

/* The operations a second of all threads of the pool (NULL: one) from registers; 20 to 100 ms. 0 where this machine has
 * no such unit. */
double gal_peak_gops(gal_arithmetic arithmetic, gal_pool *pool);

/*
 * Fills gbytes and holds of *peaks: what all threads of the pool read together, each from its half of an L1, of an L2,
 * from four times an L2 in a shared L3, and from 256 MiB of memory; a cache that the chip does not tell of is 0. With
 * the loads of that level; about 0.2 s. GALEN_ERR_MEMORY when there is no room for the 256 MiB. On a shared host the L3
 * that the chip tells of may be larger than what this machine gets of it, and 256 MiB may lie in it.
 */
galen_status gal_peak_bandwidths(gal_isa isa, gal_pool *pool, gal_peaks *peaks, galen_error *err);

/* The loops of one file a level. Each runs on the calling thread and returns the operations done. */
double gal_peak_fma_avx2(long turns);
double gal_peak_fma_avx512(long turns);
double gal_peak_fp16_avx512fp16(long turns);
double gal_peak_bf16_avx512bf16(long turns);
double gal_peak_vnni_avxvnni(long turns);
double gal_peak_vnni_avx512vnni(long turns);
double gal_peak_bf16_amx(long turns);
double gal_peak_int8_amx(long turns);
double gal_peak_fma_neon(long turns);
double gal_peak_bf16_neonbf16(long turns);
double gal_peak_dot_neondot(long turns);

/* Reads bytes (a multiple of 512, 64-byte aligned) once; returns something made of them. */
uint64_t gal_peak_read_plain(const void *from, size_t bytes);
uint64_t gal_peak_read_avx2(const void *from, size_t bytes);
uint64_t gal_peak_read_avx512(const void *from, size_t bytes);

#endif
