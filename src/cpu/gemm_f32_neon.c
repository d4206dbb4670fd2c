/*
 * f32 register tile, NEON: 8 rows by 8 columns in 16 accumulators. Four positions of a row are one load, and each is a
 * lane of the multiply-add: broadcasting loads would take turns with the multiply-adds on many cores. 16 accumulators,
 * 8 rows and 2 vectors of the panel fit the 32 registers, and 16 chains cover four cycles of four units.
 */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#define MR             8
#define GAL_TILE_LANES 1
#include "cpu/activation_body.h"
#include "cpu/gemm_f32.h"

/* acc += a[lane] * w for all rows and vectors. */
#define LANE(lane)                                                                                                     \
    do {                                                                                                               \
        vf w_[2];                                                                                                      \
        GAL_UNROLL                                                                                                     \
        for (int j = 0; j < nv; j++) w_[j] = vf_load(b + ((lane)*nv + j) * VF);                                        \
        GAL_UNROLL                                                                                                     \
        for (int i = 0; i < mr; i++) {                                                                                 \
            GAL_UNROLL                                                                                                 \
            for (int j = 0; j < nv; j++) acc[i][j] = vfmaq_laneq_f32(acc[i][j], w_[j], a[i], lane);                    \
        }                                                                                                              \
    } while (0)

static inline __attribute__((always_inline)) void tile_segment(const float *const *row, const float *b, size_t seg,
                                                               vf acc[MR][2], const int mr, const int nv) {
    vf a[MR];
    size_t k = 0;
    for (; k + VF <= seg; k += VF, b += VF * nv * VF) {
        GAL_UNROLL
        for (int i = 0; i < mr; i++) a[i] = vf_load(row[i] + k);
        LANE(0);
        LANE(1);
        LANE(2);
        LANE(3);
    }
    for (; k < seg; k++, b += nv * VF) {
        GAL_UNROLL
        for (int i = 0; i < mr; i++) a[i] = vf_set(row[i][k]);
        LANE(0);
    }
}

#include "cpu/gemm_f32_tile.h"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2}, {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2}, {tile_7x1, tile_7x2}, {tile_8x1, tile_8x2},
    };
    table[t->rows - 1][t->cols > VF](t);
}

const gal_gemm_f32 gal_tile_neon = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile, .activate = activate_rows};
#endif
