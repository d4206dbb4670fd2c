/* Gradients of depthwise convolution, bf16 images and f32 sums, AVX512-BF16: dX is rounded to nearest even. */
#include "cpu/vec_avx512.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint16_t element;

static inline vf dg_wide(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}
static inline vf dg_load(const uint16_t *p) {
    return dg_wide(_mm256_loadu_si256((const void *)p));
}
static inline vf dg_load_part(const uint16_t *p, int n) {
    return dg_wide(_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p));
}
static inline void dg_store(uint16_t *p, vf x) {
    _mm256_storeu_si256((void *)p, (__m256i)_mm512_cvtneps_pbh(x));
}
static inline void dg_store_part(uint16_t *p, int n, vf x) {
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), (__m256i)_mm512_cvtneps_pbh(x));
}
#include "cpu/conv_grad_dw_body.h"

const gal_dw_grad_level gal_dw_grad_bf16_avx512bf16 = {.input = input, .weight = weight};
