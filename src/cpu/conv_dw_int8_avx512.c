/* int8 depthwise convolution, AVX-512: sixteen channels, and a pair of taps a VPMADDWD. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

static inline vi load_ints(const int32_t *p) {
    return _mm512_loadu_si512(p);
}
static inline vi set_ints(int32_t x) {
    return _mm512_set1_epi32(x);
}
static inline vi mul_ints(vi a, vi b) {
    return _mm512_mullo_epi32(a, b);
}
static inline vi add_ints(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
static inline vi wide_bytes(const uint8_t *p, __mmask16 mask, uint8_t flip) {
    return _mm512_cvtepu8_epi32(_mm_xor_si128(_mm_maskz_loadu_epi8(mask, p), _mm_set1_epi8((char)flip)));
}
static inline vi dot2(vi sum, const uint8_t *a, const uint8_t *b, int n, uint8_t flip, const int16_t *w) {
    __mmask16 mask = first_of(n);
    vi x = _mm512_or_si512(wide_bytes(a, mask, flip), _mm512_slli_epi32(wide_bytes(b, mask, flip), 16));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, _mm512_loadu_si512(w)));
}
#define map_bytes gal_map_bytes_best()
#define PIXEL     gal_dw_int8_avx512
#include "cpu/conv_dw_int8_body.h"
