/*
 * int8 register tile (gemm_f32.h) over words of four bytes: u8 activations, s8 weights, i32 sums kept as the bits of
 * floats. Included once by each level after it has defined VF, MR, dot4 (sums of four products added to each sum; a
 * level of lanes has it in its segment), store_sums, store_scaled and map_bytes.
 */
#include "cpu/qconv.h"

#define GAL_TILE_HALF 1 /* brings its own step and store, as bf16 does */

#ifndef GAL_TILE_LANES
static inline __attribute__((always_inline)) vf tile_step(vf x, vf w, vf acc) {
    return as_floats(dot4(as_ints(acc), as_ints(x), as_ints(w)));
}
#endif

static inline __attribute__((always_inline)) void tile_store(const gal_tile_f32 *t, int row, int vector, vf acc) {
    const gal_qconv *qc = t->packed;
    size_t at = (size_t)row * t->stride + (size_t)vector * VF;
    size_t from = (size_t)row * t->residual_stride + (size_t)vector * VF;
    const uint8_t *residual = t->residual != NULL ? (const uint8_t *)t->residual + from : NULL;
    vi sum = add_ints(as_ints(acc), as_ints(vf_load(t->bias + vector * VF)));
    if (qc->dynamic) {
        const float *shift = qc->shift != 0 ? t->bias + qc->shift + vector * VF : NULL;
        store_scaled(&qc->q, sum, vf_load(t->scale + vector * VF), shift, t->out, at, t->cols - vector * VF);
        return;
    }
    store_sums(&qc->q, sum, vf_load(t->scale + vector * VF), residual, t->out, at, t->cols - vector * VF);
}

#include "cpu/gemm_f32_tile.h"

static void map_rows(const gal_tile_f32 *t) {
    const gal_qconv *qc = t->packed;
    uint8_t *y = t->out;
    if (qc->table == 0) return;
    for (int i = 0; i < t->rows; i++, y += t->stride)
        map_bytes((const uint8_t *)t->packed + qc->table, y, y, (size_t)t->cols);
}

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
