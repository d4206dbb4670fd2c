/* int8 register tile, AVX512-VNNI: 12 rows by 32 columns in 24 sums. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/qconv.h"

enum { MR = 12 };

static inline vi as_ints(vf x) {
    return _mm512_castps_si512(x);
}
static inline vf as_floats(vi x) {
    return _mm512_castsi512_ps(x);
}
static inline vi dot4(vi sum, vi x, vi w) {
    return _mm512_dpbusd_epi32(sum, x, w);
}

static inline void store_16(uint8_t *y, int cols, __m128i bytes) {
    _mm_mask_storeu_epi8(y, first_of(cols), bytes);
}

static inline void store_32(uint8_t *y, int cols, __m256i bytes) {
    if (cols == 2 * VF)
        _mm256_storeu_si256((__m256i *)(void *)y, bytes);
    else
        _mm256_mask_storeu_epi8(y, (__mmask32)(((uint64_t)1 << cols) - 1), bytes);
}

/* Two rows of 32 bytes, or only the first. */
static inline void store_two(uint8_t *y, size_t stride, int rows, int cols, vi bytes) {
    store_32(y, cols, _mm512_castsi512_si256(bytes));
    if (rows > 1) store_32(y + stride, cols, _mm512_extracti64x4_epi64(bytes, 1));
}

/* Four rows of 16 bytes, or the first few. */
static inline void store_four(uint8_t *y, size_t stride, int rows, int cols, vi bytes) {
    store_16(y, cols, _mm512_castsi512_si128(bytes));
    if (rows > 1) store_16(y + stride, cols, _mm512_extracti32x4_epi32(bytes, 1));
    if (rows > 2) store_16(y + 2 * stride, cols, _mm512_extracti32x4_epi32(bytes, 2));
    if (rows > 3) store_16(y + 3 * stride, cols, _mm512_extracti32x4_epi32(bytes, 3));
}

/* Four vectors at a time: two rows of 32 bytes or four of 16; past the last row it is gone through again. */
static inline __attribute__((always_inline)) void store_rows(const gal_tile_f32 *t, const vi *sum, const int nv,
                                                             const bool plain) {
    const gal_requant q = ((const gal_qconv *)t->packed)->q;
    const narrow k = narrow_of(&q);
    const uint8_t *residual = t->residual;
    const vf factor[2] = {vf_load(t->scale), vf_load(t->scale + (nv - 1) * VF)};
    const int rows = t->rows, cols = t->cols, each = 4 / nv;
    uint8_t *y = t->out;
    for (int i = 0; i < rows; i += each) {
        vf v[4];
        GAL_UNROLL
        for (int u = 0; u < 4; u++) {
            int row = i + u / nv < rows ? i + u / nv : rows - 1, j = u % nv;
            v[u] = vf_mul(_mm512_cvtepi32_ps(sum[row * nv + j]), factor[j]);
            const uint8_t *from = residual != NULL ? residual + (size_t)row * t->residual_stride + j * VF : NULL;
            if (!plain) v[u] = add_residual(&q, v[u], from, first_of(cols - j * VF));
        }
        vi bytes = narrow_quad(&k, v[0], v[1], v[2], v[3]);
        if (nv == 2)
            store_two(y, t->stride, rows - i, cols, bytes);
        else
            store_four(y, t->stride, rows - i, cols, bytes);
        y += (size_t)each * t->stride;
    }
}

/* All bytes of a tile from its sums: one function for every number of rows, so that those keep to their registers. */
static __attribute__((noinline)) void store_sums_of_tile(const gal_tile_f32 *t, const vi *sum, int nv) {
    const gal_requant *q = &((const gal_qconv *)t->packed)->q;
    bool plain = !q->has_mid && !q->has_residual;
    if (nv == 2 && plain)
        store_rows(t, sum, 2, true);
    else if (nv == 2)
        store_rows(t, sum, 2, false);
    else
        store_rows(t, sum, 1, plain);
}

static inline __attribute__((always_inline)) void store_tile(const gal_tile_f32 *t, vf acc[MR][2], const int mr,
                                                             const int nv) {
    vi sum[2 * MR];
    GAL_UNROLL
    for (int i = 0; i < mr; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) sum[i * nv + j] = as_ints(acc[i][j]);
    }
    store_sums_of_tile(t, sum, nv);
}

#define GAL_TILE_BYTES 1
#define map_rows       gal_map_rows_best()
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
    map_tile(t);
}

const gal_gemm_f32 gal_tile_int8_avx512vnni = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_avx512vnni = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
