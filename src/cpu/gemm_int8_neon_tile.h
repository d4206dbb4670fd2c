/*
 * int8 register tiles of NEON: 8 rows by 8 columns in 16 sums, as in f32 (gemm_f32_neon.c), a step of the chain being
 * four products added to each sum. Included once by each extension after vec_int8_neon.h and
 * STEP(acc, w, x, lane), which multiplies the four bytes `lane` of x.
 */
#define MR             8
#define GAL_TILE_LANES 1
#define map_rows       gal_map_rows_neon
#include "cpu/gemm_lanes_neon.h"

#include "cpu/gemm_int8_tile.h"

TILE(7)
TILE(8)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2}, {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2}, {tile_7x1, tile_7x2}, {tile_8x1, tile_8x2},
    };
    table[t->rows - 1][t->cols > VF](t);
    map_tile(t);
}
