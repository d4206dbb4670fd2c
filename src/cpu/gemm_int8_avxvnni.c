/* int8 register tile, AVX-VNNI: 6 rows by 16 columns in 12 sums. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_int8_avx2.h"

static inline vi dot4(vi sum, vi x, vi w) {
    return _mm256_dpbusd_avx_epi32(sum, x, w);
}
#define map_rows gal_map_rows_avx2
#include "cpu/gemm_int8_tile.h"

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_3x1, tile_3x2},
        {tile_4x1, tile_4x2}, {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2},
    };
    table[t->rows - 1][t->cols > VF](t);
    map_tile(t);
}

const gal_gemm_f32 gal_tile_int8_avxvnni = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_avxvnni = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
