/* What a CPUID says, as a pure function over recorded answers, so that machines we do not own can be tested. */
#ifndef GAL_CPU_FEATURES_H
#define GAL_CPU_FEATURES_H

#include "cpu/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answers that decide a level, and nothing else. All zero on machines that are not x86-64. */
typedef struct gal_cpuid {
    uint32_t max_leaf;                /* leaf 0, eax */
    uint32_t ecx1, edx1;              /* leaf 1 */
    uint32_t ebx7, ecx7, edx7, eax71; /* leaf 7 sub-leaf 0; eax of sub-leaf 1 */
    uint64_t xcr0;                    /* XGETBV(0): register files the operating system saves; 0 without OSXSAVE */
    bool tiles_granted;               /* the kernel said yes to ARCH_REQ_XCOMP_PERM for AMX tile data */
} gal_cpuid;

/* Bits of the result of gal_features_of. */
enum {
    GAL_HAS_AVX2 = 1,        /* AVX2, FMA and F16C, with YMM state enabled */
    GAL_HAS_AVX512 = 2,      /* F, BW, DQ, VL and CD, with opmask and ZMM state enabled */
    GAL_HAS_AVX512_VNNI = 4, /* these need GAL_HAS_AVX512 */
    GAL_HAS_AVX512_BF16 = 8,
    GAL_HAS_AVX512_FP16 = 16,
    GAL_HAS_AVX_VNNI = 32,
    GAL_HAS_AMX_BF16 = 64, /* tiles enabled and granted */
    GAL_HAS_AMX_INT8 = 128,
};

uint32_t gal_features_of(const gal_cpuid *id);
/* The level those features make. */
gal_isa gal_isa_of(uint32_t features);

/* Asks this machine; requests AMX tiles from the kernel when the chip has them. */
void gal_cpuid_read(gal_cpuid *id);
/* Features of this machine, detected once. */
uint32_t gal_features(void);

/* Bytes of the data or unified cache of `level` (1..3) seen by the first core, 0 when the chip does not tell. */
size_t gal_cache_bytes(int level);

#endif
