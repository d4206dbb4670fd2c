/* f32 register tile, AVX2: 6 rows by 16 columns in 12 accumulators, the left operand broadcast from memory. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#define MR 6
#include "cpu/activation_body.h"
#include "cpu/gemm_f32_tile.h"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2},
        {tile_4x1, tile_4x2}, {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2},
    };
    table[t->rows - 1][t->cols > VF](t);
}

const gal_gemm_f32 gal_tile_avx2 = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile, .activate = activate_rows};
