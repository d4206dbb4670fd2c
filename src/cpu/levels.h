/* The levels of f32 rows, and those of bf16 and f16, that this processor can have: for the files that write out the
 * same row once a level. */
#ifndef GAL_CPU_LEVELS_H
#define GAL_CPU_LEVELS_H

#if defined(__x86_64__)
#define GAL_EACH_LEVEL(X)      X(avx2) X(avx512)
#define GAL_EACH_HALF_LEVEL(X) X(bf16_avx512bf16) X(f16_avx512) X(f16_avx2)
#elif defined(__aarch64__)
#define GAL_EACH_LEVEL(X)      X(neon)
#define GAL_EACH_HALF_LEVEL(X) X(bf16_neonbf16) X(f16_neon)
#else
#define GAL_EACH_LEVEL(X)
#define GAL_EACH_HALF_LEVEL(X)
#endif

#endif
