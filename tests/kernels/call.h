/* One kernel ready to run on one case: guarded tensors, packed weights, scratch. */
#ifndef GAL_KERNELS_CALL_H
#define GAL_KERNELS_CALL_H

#include "base/pool.h"
#include "cases.h"
#include "cpu/kernel.h"
#include "guard.h"

enum { CALL_MAX_IN = 8, CALL_MAX_MORE = 4 };

typedef struct prepared {
    const kernel_case *problem;
    const gal_kernel *kernel; /* NULL: the reference */
    int64_t batch;
    galen_tensor in[CALL_MAX_IN], out; /* of the whole batch */
    guarded in_memory[CALL_MAX_IN], out_memory, packed, scratch;
    uint32_t n_in, n_more;
    galen_tensor more[CALL_MAX_MORE]; /* outputs behind the first */
    guarded more_memory[CALL_MAX_MORE];
    /* After call_widen: in[kernel->pitched_in] and out as slices of wider tensors; `out` above is what is gathered from
     * there. */
    int64_t in_pitch, out_pitch;
    guarded wide_in, wide_out;
    size_t in_at, out_at; /* bytes in front of the first pixel */
    int gap;              /* byte between the pixels of the output */
} prepared;

/* Inputs are filled from the seed alone, so that two calls on one case see the same numbers. */
void call_prepare(prepared *p, const kernel_case *problem, const gal_kernel *kernel, uint64_t seed);
/* Moves the row's pitched input and the output into slices of random width and place, as a pitched row may meet them.
 */
void call_widen(prepared *p, uint64_t seed);
/* Runs items [first, first + count) as a batch of their own. */
galen_status call_run(prepared *p, int64_t first, int64_t count, gal_pool *pool, galen_error *err);
/* All outputs end to end: their size, and a copy of them. */
size_t call_output_bytes(const prepared *p);
void call_copy_outputs(const prepared *p, void *to);
bool call_outputs_are(const prepared *p, const void *bytes);
/* Output `index`, dense. */
const galen_tensor *call_output(const prepared *p, uint32_t index);
/* Fills the outputs with a byte, so that what a kernel leaves unwritten shows. */
void call_spoil(prepared *p, int byte);
/* Nothing outside the output was written, nor between the pixels of a slice. */
bool call_intact(const prepared *p);
void call_free(prepared *p);

#endif
