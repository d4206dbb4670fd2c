/*
 * int8 register tile (gemm_f32.h) over words of four bytes: u8 activations, s8 weights, i32 sums kept as the bits of
 * floats. Included once by each level after it has defined VF, MR, dot4 (sums of four products added to each sum; a
 * level of lanes has it in its segment), store_sums, store_scaled and map_rows; one that brings store_tile, for all
 * bytes of a tile at once, defines GAL_TILE_BYTES.
 */
#include "cpu/qconv.h"

#define GAL_TILE_HALF 1 /* brings its own step and store, as bf16 does */
#define GAL_TILE_ENDS 1

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
    vi sum = as_ints(acc);
    if (qc->dynamic) {
        const float *shift = qc->shift != 0 ? t->bias + qc->shift + vector * VF : NULL;
        store_scaled(&qc->q, sum, vf_load(t->scale + vector * VF), shift, t->out, at, t->cols - vector * VF);
        return;
    }
    store_sums(&qc->q, sum, vf_load(t->scale + vector * VF), residual, t->out, at, t->cols - vector * VF);
}

/* The bias: sums are exact, so that it may come first. */
static inline __attribute__((always_inline)) vf tile_start(const gal_tile_f32 *t, int vector) {
    return vf_load(t->bias + vector * VF);
}

static inline __attribute__((always_inline)) void tile_finish(const gal_tile_f32 *t, vf acc[MR][2], const int mr,
                                                              const int nv) {
#ifdef GAL_TILE_BYTES
    const gal_qconv *qc = t->packed;
    if (!qc->dynamic && qc->q.dtype != GALEN_F32) {
        store_tile(t, acc, mr, nv);
        return;
    }
#endif
    GAL_UNROLL
    for (int i = 0; i < mr; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) tile_store(t, i, j, acc[i][j]);
    }
}

#include "cpu/gemm_f32_tile.h"

static void map_tile(const gal_tile_f32 *t) {
    const gal_qconv *qc = t->packed;
    if (qc->table == 0) return;
    map_rows((const uint8_t *)t->packed + qc->table, t->out, (size_t)t->rows, (size_t)t->cols, t->stride);
}

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
