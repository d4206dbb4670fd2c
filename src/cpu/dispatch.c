/* The table of fast kernels and the choice of one for a node. */
#include "cpu/features.h"
#include "cpu/kernel.h"
#include "cpu/rows.h"

#include <string.h>

/* Names leave out the "gal_" that all symbols share. */
#define NAME(symbol, tile) &(#symbol "_" tile)[4]
/* What a row's third word stands for: a level, and features beside it. */
#define LEVEL_AVX2        GAL_ISA_AVX2, 0
#define LEVEL_AVX512      GAL_ISA_AVX512, 0
#define LEVEL_NEON        GAL_ISA_NEON, 0
#define LEVEL_NEON_DOT    GAL_ISA_NEON, GAL_HAS_NEON_DOT
#define LEVEL_NEON_I8MM   GAL_ISA_NEON, GAL_HAS_NEON_I8MM
#define LEVEL_NEON_BF16   GAL_ISA_NEON, GAL_HAS_NEON_BF16
#define LEVEL_AVX_VNNI    GAL_ISA_AVX2, GAL_HAS_AVX_VNNI
#define LEVEL_AVX512_VNNI GAL_ISA_AVX512, GAL_HAS_AVX512_VNNI
#define LEVEL_AVX512_BF16 GAL_ISA_AVX512, GAL_HAS_AVX512_BF16
#define LEVEL_AMX_BF16    GAL_ISA_AMX, GAL_HAS_AMX_BF16 | GAL_HAS_AVX512_BF16
#define LEVEL_AMX_INT8    GAL_ISA_AMX, GAL_HAS_AMX_INT8 | GAL_HAS_AVX512_BF16 | GAL_HAS_AVX512_VBMI
#define ROW(domain, op, level, dtype, symbol, tile, pitched, input, needs, pack)                                       \
    &(const gal_kernel){NAME(symbol, tile), domain, op,   LEVEL_##level, GALEN_##dtype, pitched, input,                \
                        symbol##_reject,    needs,  pack, symbol##_run},
#define GAL_ROW(domain, op, level, dtype, symbol, tile)                                                                \
    ROW(domain, op, level, dtype, symbol, tile, false, 0, symbol##_needs, symbol##_pack)
#define GAL_ROW_PITCHED(domain, op, level, dtype, symbol, tile)                                                        \
    ROW(domain, op, level, dtype, symbol, tile, true, 0, symbol##_needs, symbol##_pack)
#define GAL_ROW_PLAIN(domain, op, level, dtype, symbol, tile)                                                          \
    ROW(domain, op, level, dtype, symbol, tile, false, 0, NULL, NULL)
#define GAL_ROW_SCRATCH(domain, op, level, dtype, symbol, tile)                                                        \
    ROW(domain, op, level, dtype, symbol, tile, false, 0, symbol##_needs, NULL)
#define GAL_ROW_PLAIN_PITCHED(domain, op, level, dtype, symbol, tile)                                                  \
    ROW(domain, op, level, dtype, symbol, tile, true, 0, NULL, NULL)
#define GAL_ROW_SCRATCH_PITCHED(domain, op, level, dtype, symbol, tile, input)                                         \
    ROW(domain, op, level, dtype, symbol, tile, true, input, symbol##_needs, NULL)
static const gal_kernel *const rows[] = {
#include "cpu/kernels.def"
    NULL /* a processor without rows has an array too */
};
#undef ROW
#undef GAL_ROW
#undef GAL_ROW_PITCHED
#undef GAL_ROW_PLAIN
#undef GAL_ROW_PLAIN_PITCHED
#undef GAL_ROW_SCRATCH
#undef GAL_ROW_SCRATCH_PITCHED

enum { ROWS = sizeof rows / sizeof *rows - 1 };

const gal_kernel *const *gal_kernel_table(size_t *count) {
    *count = ROWS;
    return rows;
}

static bool same_op(const gal_kernel *row, const gal_op *op) {
    return strcmp(row->op, op->name) == 0 && strcmp(row->domain, op->domain) == 0;
}

/* Why `row` cannot compute `node` here, or NULL. */
static const char *refusal(const gal_kernel *row, const gal_node *node, gal_isa isa, uint32_t features) {
    if (row->isa > isa) return "needs a higher instruction-set level";
    if (row->features & ~features) return "needs an extension this machine lacks";
    if (node->n_in == 0 || node->in[0] == NULL || node->in[0]->dtype != row->dtype)
        return "is for another element type";
    return row->reject(node);
}

bool gal_kernel_runs_here(const gal_kernel *kernel) {
    return kernel->isa <= gal_isa_detect() && (kernel->features & ~gal_features()) == 0;
}

const gal_kernel *gal_kernel_pick(const gal_node *node, gal_isa isa, gal_buf *why) {
    return gal_kernel_pick_for(node, isa, gal_features(), why);
}

const gal_kernel *gal_kernel_pick_for(const gal_node *node, gal_isa isa, uint32_t features, gal_buf *why) {
    for (int level = GAL_ISA_COUNT - 1; level > GAL_ISA_REFERENCE; level--) {
        for (size_t i = 0; i < ROWS; i++) {
            if ((int)rows[i]->isa != level || !same_op(rows[i], node->op)) continue;
            const char *no = refusal(rows[i], node, isa, features);
            if (no == NULL) return rows[i];
            if (why != NULL) gal_buf_printf(why, "%s: %s passed over: %s\n", node->name, rows[i]->name, no);
        }
    }
    return NULL;
}
