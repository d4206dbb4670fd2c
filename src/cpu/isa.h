/* Instruction-set levels: what the chip has, the operating system enabled and GALEN_CPU allows. */
#ifndef GAL_CPU_ISA_H
#define GAL_CPU_ISA_H

#include <galen/status.h>

#include <stdbool.h>

typedef enum gal_isa {
    GAL_ISA_REFERENCE, /* plain C, the same bits on every machine */
    GAL_ISA_AVX2,      /* AVX2 + FMA + F16C */
    GAL_ISA_AVX512,    /* AVX-512 F, BW, DQ, VL, CD */
    GAL_ISA_AMX,       /* AMX tiles, granted by the kernel */
    GAL_ISA_NEON,      /* aarch64: its only level above the reference */
    GAL_ISA_COUNT
} gal_isa;

const char *gal_isa_name(gal_isa isa); /* "reference", "avx2", "avx512", "amx", "neon" */
/* The best level of this machine. Detected once. */
gal_isa gal_isa_detect(void);
/* This machine can run code of that level. */
bool gal_isa_here(gal_isa isa);
/* A level by name, capped at what the machine has: asking for more than that is an error that says so. */
galen_status gal_isa_parse(const char *name, gal_isa *out, galen_error *err);

#endif
