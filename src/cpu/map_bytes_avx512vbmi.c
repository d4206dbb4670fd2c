/* Tables of 256 bytes, AVX-512 VBMI: two permutations of 128 entries each. */
#include "cpu/qconv.h"

#include <immintrin.h>

static inline __m512i map_64(const __m512i t[4], __m512i x) {
    __m512i low = _mm512_permutex2var_epi8(t[0], x, t[1]), high = _mm512_permutex2var_epi8(t[2], x, t[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

void gal_map_bytes_avx512vbmi(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n) {
    __m512i t[4];
    for (int i = 0; i < 4; i++) t[i] = _mm512_loadu_si512(table + 64 * i);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) _mm512_storeu_si512(y + i, map_64(t, _mm512_loadu_si512(x + i)));
    if (i == n) return;
    __mmask64 mask = ((__mmask64)1 << (n - i)) - 1;
    _mm512_mask_storeu_epi8(y + i, mask, map_64(t, _mm512_maskz_loadu_epi8(mask, x + i)));
}

/* Rows as wide as a tile of a product go through two at a time. */
void gal_map_rows_avx512vbmi(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride) {
    size_t i = 0;
    if (cols == 32) {
        __m512i t[4];
        for (int j = 0; j < 4; j++) t[j] = _mm512_loadu_si512(table + 64 * j);
        for (; i + 2 <= rows; i += 2, y += 2 * stride) {
            __m256i *first = (__m256i *)(void *)y, *second = (__m256i *)(void *)(y + stride);
            __m512i x =
                _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(first)), _mm256_loadu_si256(second), 1);
            x = map_64(t, x);
            _mm256_storeu_si256(first, _mm512_castsi512_si256(x));
            _mm256_storeu_si256(second, _mm512_extracti64x4_epi64(x, 1));
        }
    }
    for (; i < rows; i++, y += stride) gal_map_bytes_avx512vbmi(table, y, y, cols);
}
