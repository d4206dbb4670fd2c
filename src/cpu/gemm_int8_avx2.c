/*
 * int8 register tile, AVX2: 6 rows by 16 columns in 12 sums. Even and odd bytes are multiplied as 16-bit numbers, so
 * that no pair of products saturates: the sums are exact.
 */
#include "cpu/vec_avx2.h"

#include "cpu/vec_int8_avx2.h"

static inline vi dot4(vi sum, vi x, vi w) {
    vi x_even = _mm256_and_si256(x, _mm256_set1_epi16(0xff)), x_odd = _mm256_srli_epi16(x, 8);
    vi w_even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), w_odd = _mm256_srai_epi16(w, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x_even, w_even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x_odd, w_odd));
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

const gal_gemm_f32 gal_tile_int8_avx2 = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_avx2 = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
