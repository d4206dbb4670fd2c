/* Tables of 256 bytes, AVX-512 BW: as map_bytes_avx2.c, 64 bytes at a time. */
#include "cpu/qconv.h"

#include <immintrin.h>

static inline __m512i map_64(const uint8_t *table, __m512i x) {
    __m512i y = _mm512_setzero_si512();
    for (int h = 0; h < 16; h++) {
        __m512i entries = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * h)));
        __m512i index = _mm512_adds_epu8(_mm512_xor_si512(x, _mm512_set1_epi8((char)(16 * h))), _mm512_set1_epi8(0x70));
        y = _mm512_or_si512(y, _mm512_shuffle_epi8(entries, index));
    }
    return y;
}

void gal_map_bytes_avx512(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n) {
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 mask = n - i >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (n - i)) - 1;
        _mm512_mask_storeu_epi8(y + i, mask, map_64(table, _mm512_maskz_loadu_epi8(mask, x + i)));
    }
}

void gal_map_rows_avx512(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride) {
    for (size_t i = 0; i < rows; i++, y += stride) gal_map_bytes_avx512(table, y, y, cols);
}
