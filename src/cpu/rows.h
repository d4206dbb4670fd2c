/* Declares every function named by a row of the .def files. */
#ifndef GAL_CPU_ROWS_H
#define GAL_CPU_ROWS_H

#include "cpu/kernel.h"

#define GAL_ROW_PLAIN(domain, op, level, dtype, symbol, tile)                                                          \
    const char *symbol##_reject(const gal_node *node);                                                                 \
    galen_status symbol##_run(const gal_call *call, galen_error *err);
#define GAL_ROW_SCRATCH(domain, op, level, dtype, symbol, tile)                                                        \
    GAL_ROW_PLAIN(domain, op, level, dtype, symbol, tile)                                                              \
    void symbol##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs);
#define GAL_ROW(domain, op, level, dtype, symbol, tile)                                                                \
    GAL_ROW_SCRATCH(domain, op, level, dtype, symbol, tile)                                                            \
    void symbol##_pack(const gal_node *node, gal_columns part, void *packed);
#define GAL_ROW_PITCHED       GAL_ROW
#define GAL_ROW_PLAIN_PITCHED GAL_ROW_PLAIN
#define GAL_ROW_SCRATCH_PITCHED(domain, op, level, dtype, symbol, tile, input)                                         \
    GAL_ROW_SCRATCH(domain, op, level, dtype, symbol, tile)
#include "cpu/kernels.def"
#undef GAL_ROW
#undef GAL_ROW_PLAIN
#undef GAL_ROW_PITCHED
#undef GAL_ROW_PLAIN_PITCHED
#undef GAL_ROW_SCRATCH
#undef GAL_ROW_SCRATCH_PITCHED

#endif
