/*
 * A fast kernel is a row of data beside the plain C reference of its op: <family>.def lists the rows, and the dispatch
 * table, the galen-check tests and the benchmarks are all generated from the same list.
 */
#ifndef GAL_CPU_KERNEL_H
#define GAL_CPU_KERNEL_H

#include "cpu/isa.h"
#include "graph/op.h"

/* What a row needs for one node, fixed when the session is made and the same for every batch size. */
typedef struct gal_kernel_needs {
    size_t packed_bytes;  /* weights in the row's own order plus its decoded parameters; 0: none */
    size_t scratch_bytes; /* for the largest batch */
    int64_t outputs;      /* columns of weights that `pack` takes in parts; 0: it takes all at once */
} gal_kernel_needs;

/* Columns [first, end) of the weights (output channels); first is a multiple of GAL_PACK_STEP, end too or the last. */
typedef struct gal_columns {
    int64_t first, end;
} gal_columns;

enum { GAL_PACK_STEP = 64 }; /* a multiple of every row's panel width */

typedef struct gal_kernel {
    const char *name;   /* "conv_f32_avx512_14x32" */
    const char *domain; /* of the op it computes */
    const char *op;
    gal_isa isa;
    uint32_t features; /* GAL_HAS_* it needs beside the level (features.h) */
    galen_dtype dtype; /* of in[0] */
    /*
     * The row takes a pitch (GAL_ROW_..._PITCHED): in[pitched_in] and out[0] may each be a slice of the last dimension
     * of a wider tensor, pixels call->in_pitch and call->out_pitch elements apart; image follows image in the same
     * step. Between the pixels of out[0] lie other values: they are neither written nor depended on. The other
     * inputs are dense. Pixels begin at multiples of four bytes, not of vectors or lines. Holds for every node that the
     * row does not reject; dims are those of the slice.
     */
    bool pitched;
    uint32_t pitched_in;
    /* NULL when the row can compute this node, else why not (static text, for GALEN_VERBOSE=dispatch). Looks at types,
     * shapes without N, attributes and constants; never at the batch size, so that the choice cannot depend on it. */
    const char *(*reject)(const gal_node *node);
    /* NULL: nothing. Also asked when the weights were packed and are gone: reads no data of constants then (NULL). */
    void (*needs)(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs);
    /*
     * Fills `packed` (zeroed, 64-byte aligned), NULL when packed_bytes is 0. With needs.outputs the parts of all
     * columns are packed by one call each, in any order and at the same time on several threads, and what a Conv's part
     * reads of the weights is w[part.first ... part.end); without, one call packs everything and `part` means nothing.
     * Weights may be freed afterwards by the session.
     */
    void (*pack)(const gal_node *node, gal_columns part, void *packed);
    gal_run_fn run;
} gal_kernel;

/*
 * The best row for `node` at or below `isa`, or NULL: the reference. `why`, when not NULL, receives one line for each
 * faster row that was passed over.
 */
const gal_kernel *gal_kernel_pick(const gal_node *node, gal_isa isa, gal_buf *why);
/* The same for a machine with those features. */
const gal_kernel *gal_kernel_pick_for(const gal_node *node, gal_isa isa, uint32_t features, gal_buf *why);
/* This machine can run the row. */
bool gal_kernel_runs_here(const gal_kernel *kernel);
/* All rows, for tests and benchmarks. */
const gal_kernel *const *gal_kernel_table(size_t *count);

#endif
