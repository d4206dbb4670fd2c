/* Tables of 256 bytes, AVX2: sixteen shuffles, each of the sixteen entries that share a high half. */
#include "cpu/qconv.h"

#include <immintrin.h>
#include <string.h>

/* A byte whose high half is h becomes 0x70 to 0x7f, any other 0x80 or more, which the shuffle turns into 0. */
static inline __m256i map_32(const uint8_t *table, __m256i x) {
    __m256i y = _mm256_setzero_si256();
    for (int h = 0; h < 16; h++) {
        __m256i entries = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * h)));
        __m256i index = _mm256_adds_epu8(_mm256_xor_si256(x, _mm256_set1_epi8((char)(16 * h))), _mm256_set1_epi8(0x70));
        y = _mm256_or_si256(y, _mm256_shuffle_epi8(entries, index));
    }
    return y;
}

void gal_map_bytes_avx2(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n) {
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        _mm256_storeu_si256((__m256i *)(void *)(y + i),
                            map_32(table, _mm256_loadu_si256((const __m256i *)(const void *)(x + i))));
    for (; i < n; i++) y[i] = table[x[i]];
}

void gal_map_rows_avx2(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride) {
    for (size_t i = 0; i < rows; i++, y += stride) gal_map_bytes_avx2(table, y, y, cols);
}
