/* What a kernel row multiplies and adds with: the unit of the chip whose peak it is held against. */
#ifndef GAL_CPU_ARITHMETIC_H
#define GAL_CPU_ARITHMETIC_H

#include "cpu/kernel.h"

typedef enum gal_arithmetic {
    GAL_ARITHMETIC_NONE, /* plain C alone: nothing to be held against */
    GAL_ARITHMETIC_FMA_AVX2,
    GAL_ARITHMETIC_FMA_AVX512,
    GAL_ARITHMETIC_FP16_AVX512, /* fused multiply-add of 32 halves */
    GAL_ARITHMETIC_BF16_AVX512, /* VDPBF16PS: pairs of bf16 into f32 */
    GAL_ARITHMETIC_VNNI_AVX,    /* VPDPBUSD on 32 bytes: four u8 by s8 into i32 */
    GAL_ARITHMETIC_VNNI_AVX512, /* the same on 64 */
    GAL_ARITHMETIC_BF16_AMX,
    GAL_ARITHMETIC_INT8_AMX,
    GAL_ARITHMETIC_FMA_NEON,
    GAL_ARITHMETIC_BF16_NEON, /* BFDOT: pairs of bf16 into f32 */
    GAL_ARITHMETIC_DOT_NEON,  /* SDOT and UDOT: four bytes by four into i32 */
    GAL_ARITHMETIC_COUNT
} gal_arithmetic;

/* "none", "fma-avx512", "bf16-amx", ... */
const char *gal_arithmetic_name(gal_arithmetic arithmetic);

/* What this machine can use up to that level, a bit each. */
uint32_t gal_arithmetics_here(gal_isa isa);

/*
 * What `kernel` computes `node` with, told by its level, features and type. Only sums of products (convolution, matrix
 * product) use the dot and tile units; a depthwise convolution has no channels to sum over, so that it and everything
 * else use the plain fused multiply-add of the level. kernel NULL is the reference: it is held against the best plain
 * unit of `isa`, which a row for it would have.
 */
gal_arithmetic gal_arithmetic_of(const gal_kernel *kernel, const gal_node *node, gal_isa isa);

#endif
