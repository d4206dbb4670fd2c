/* int8 register tile, AVX512-VNNI: 12 rows by 32 columns in 24 sums. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#define MR 12
static inline vi as_ints(vf x) {
    return _mm512_castps_si512(x);
}
static inline vf as_floats(vi x) {
    return _mm512_castsi512_ps(x);
}
static inline vi add_ints(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
static inline vi dot4(vi sum, vi x, vi w) {
    return _mm512_dpbusd_epi32(sum, x, w);
}
#define map_bytes gal_map_bytes_best()
#include "cpu/gemm_int8_tile.h"

TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)

static void tile(const gal_tile_f32 *t) {
    static void (*const table[MR][2])(const gal_tile_f32 *) = {
        {tile_1x1, tile_1x2}, {tile_2x1, tile_2x2},   {tile_3x1, tile_3x2},   {tile_4x1, tile_4x2},
        {tile_5x1, tile_5x2}, {tile_6x1, tile_6x2},   {tile_7x1, tile_7x2},   {tile_8x1, tile_8x2},
        {tile_9x1, tile_9x2}, {tile_10x1, tile_10x2}, {tile_11x1, tile_11x2}, {tile_12x1, tile_12x2},
    };
    table[t->rows - 1][t->cols > VF](t);
    map_rows(t);
}

const gal_gemm_f32 gal_tile_int8_avx512vnni = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_avx512vnni = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
