/* f16 register tile, NEON: 8 rows by 8 columns in 16 f32 accumulators. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_neon.h"

#define MR             8
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
TILE(7)
TILE(8)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2}, {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2}, {tile_7x1, tile_7x2}, {tile_8x1, tile_8x2},
    };
    table[t->rows - 1][t->cols > VF](t);
}

const gal_gemm_f32 gal_tile_f16_neon = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(uint16_t), .tile = tile};
const gal_gemm_f32 gal_tile_f16_f32_neon = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
#endif
