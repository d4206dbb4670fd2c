/* Winograd's transforms of bf16, AVX512-BF16: floats between loading and one rounding. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include <stdint.h>

#define GAL_WINO_HALF 1
typedef uint16_t element;

static inline __mmask16 first(int n) {
    return n >= VF ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

static inline __attribute__((always_inline)) vf load(const uint16_t *p, int left) {
    __m256i bits = _mm256_maskz_loadu_epi16(first(left), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

static inline __attribute__((always_inline)) void store(uint16_t *p, int left, vf x) {
    _mm256_mask_storeu_epi16(p, first(left), (__m256i)_mm512_cvtneps_pbh(x));
}

#include "cpu/conv_wino_body.h"

const gal_wino_level gal_wino_bf16_avx512bf16 = {.gemm = &gal_tile_avx512,
                                                 .dtype = GALEN_BF16,
                                                 .smallest = 4,
                                                 .cost = {.multiply = 2, .direct = 4, .l3 = 7.5},
                                                 .weights = weights,
                                                 .input = input,
                                                 .output = output};
