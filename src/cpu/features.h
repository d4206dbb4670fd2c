/*
 * What a CPUID (x86-64) or the kernel's capability words (aarch64) say, as pure functions over recorded answers, so
 * that machines we do not own can be tested.
 */
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

/* getauxval(AT_HWCAP) and AT_HWCAP2: what an aarch64 kernel lets programs use. All zero on other processors. */
typedef struct gal_hwcap {
    uint64_t hwcap, hwcap2;
} gal_hwcap;

/* Bits of the result of gal_features_of and gal_features_of_hwcap. */
enum {
    GAL_HAS_AVX2 = 1,        /* AVX2, FMA and F16C, with YMM state enabled */
    GAL_HAS_AVX512 = 2,      /* F, BW, DQ, VL and CD, with opmask and ZMM state enabled */
    GAL_HAS_AVX512_VNNI = 4, /* these need GAL_HAS_AVX512 */
    GAL_HAS_AVX512_BF16 = 8,
    GAL_HAS_AVX512_FP16 = 16,
    GAL_HAS_AVX_VNNI = 32,
    GAL_HAS_AMX_BF16 = 64, /* tiles enabled and granted */
    GAL_HAS_AMX_INT8 = 128,
    GAL_HAS_NEON = 256,
    GAL_HAS_NEON_DOT = 512, /* these need GAL_HAS_NEON; SDOT, UDOT */
    GAL_HAS_NEON_I8MM = 1024,
    GAL_HAS_NEON_BF16 = 2048,   /* BFDOT, BFMMLA, BFCVT */
    GAL_HAS_AVX512_VBMI = 4096, /* needs GAL_HAS_AVX512: look-up of bytes */
};

uint32_t gal_features_of(const gal_cpuid *id);
uint32_t gal_features_of_hwcap(const gal_hwcap *caps);
/* The level those features make. */
gal_isa gal_isa_of(uint32_t features);

/* Asks this machine; requests AMX tiles from the kernel when the chip has them. */
void gal_cpuid_read(gal_cpuid *id);
void gal_hwcap_read(gal_hwcap *caps);
/* Features of this machine, detected once. */
uint32_t gal_features(void);

/* Bytes of the data or unified cache of `level` (1..3) seen by the first core, 0 when nothing tells. */
size_t gal_cache_bytes(int level);

#endif
