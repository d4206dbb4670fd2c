/* The levels of f32 rows that this processor can have, for the files that write out the same row once a level. */
#ifndef GAL_CPU_LEVELS_H
#define GAL_CPU_LEVELS_H

#if defined(__x86_64__)
#define GAL_EACH_LEVEL(X) X(avx2) X(avx512)
#elif defined(__aarch64__)
#define GAL_EACH_LEVEL(X) X(neon)
#else
#define GAL_EACH_LEVEL(X)
#endif

#endif
