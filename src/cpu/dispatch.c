/* The table of fast kernels and the choice of one for a node. */
#include "cpu/kernel.h"
#include "cpu/rows.h"

#include <string.h>

/* Names leave out the "gal_" that all symbols share. */
#define NAME(symbol, tile) &(#symbol "_" tile)[4]
#define GAL_ROW(domain, op, isa, dtype, symbol, tile)                                                                  \
    &(const gal_kernel){NAME(symbol, tile), domain,        op,          GAL_ISA_##isa, GALEN_##dtype, symbol##_reject, \
                        symbol##_needs,     symbol##_pack, symbol##_run},
#define GAL_ROW_PLAIN(domain, op, isa, dtype, symbol, tile)                                                            \
    &(const gal_kernel){NAME(symbol, tile), domain, op,   GAL_ISA_##isa, GALEN_##dtype,                                \
                        symbol##_reject,    NULL,   NULL, symbol##_run},
static const gal_kernel *const rows[] = {
#include "cpu/kernels.def"
};
#undef GAL_ROW
#undef GAL_ROW_PLAIN

enum { ROWS = sizeof rows / sizeof *rows };

const gal_kernel *const *gal_kernel_table(size_t *count) {
    *count = ROWS;
    return rows;
}

static bool same_op(const gal_kernel *row, const gal_op *op) {
    return strcmp(row->op, op->name) == 0 && strcmp(row->domain, op->domain) == 0;
}

/* Why `row` cannot compute `node` here, or NULL. */
static const char *refusal(const gal_kernel *row, const gal_node *node, gal_isa isa) {
    if (row->isa > isa) return "needs a higher instruction-set level";
    if (node->n_in == 0 || node->in[0] == NULL || node->in[0]->dtype != row->dtype)
        return "is for another element type";
    return row->reject(node);
}

const gal_kernel *gal_kernel_pick(const gal_node *node, gal_isa isa, gal_buf *why) {
    for (int level = GAL_ISA_COUNT - 1; level > GAL_ISA_REFERENCE; level--) {
        for (size_t i = 0; i < ROWS; i++) {
            if ((int)rows[i]->isa != level || !same_op(rows[i], node->op)) continue;
            const char *no = refusal(rows[i], node, isa);
            if (no == NULL) return rows[i];
            if (why != NULL) gal_buf_printf(why, "%s: %s passed over: %s\n", node->name, rows[i]->name, no);
        }
    }
    return NULL;
}
