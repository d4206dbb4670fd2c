/* f16 register tile, AVX2 with F16C: 6 rows by 16 columns in 12 f32 accumulators. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_avx2.h"

#define MR             6
#define GAL_TILE_HALF  1
#define GAL_TILE_F16   1
#define GAL_TILE_LANES 1
#include "cpu/activation_body.h"
#include "cpu/gemm_f16_tile.h"

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

const gal_gemm_f32 gal_tile_f16_avx2 = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(uint16_t), .tile = tile};
const gal_gemm_f32 gal_tile_f16_f32_avx2 = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
