/* int8 depthwise convolution, AVX2: eight channels, and a pair of taps a VPMADDWD. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_int8_avx2.h"

static inline vi load_ints(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline vi mul_ints(vi a, vi b) {
    return _mm256_mullo_epi32(a, b);
}
static inline vi dot2(vi sum, const uint8_t *a, const uint8_t *b, int n, uint8_t flip, const int16_t *w) {
    vi x = _mm256_or_si256(load_flipped(a, n, flip), _mm256_slli_epi32(load_flipped(b, n, flip), 16));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, _mm256_loadu_si256((const __m256i *)(const void *)w)));
}
#define map_bytes gal_map_bytes_avx2
#define PIXEL     gal_dw_int8_avx2
#include "cpu/conv_dw_int8_body.h"
