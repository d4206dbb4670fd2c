/* A loop of a constant few turns written out whole, so that arrays indexed by it live in registers. */
#ifndef GAL_CPU_UNROLL_H
#define GAL_CPU_UNROLL_H

#ifdef __clang__
#define GAL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GAL_UNROLL _Pragma("GCC unroll 32")
#endif

#endif
