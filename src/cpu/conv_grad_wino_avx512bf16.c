/* Transforms of the weight gradient by Winograd from bf16, AVX512-BF16: floats from loading on. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include <stdint.h>

#define GAL_WINO_HALF 1
typedef uint16_t element;

static inline __attribute__((always_inline)) vf load(const uint16_t *p, int left) {
    __mmask16 mask = left >= VF ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1);
    __m256i bits = _mm256_maskz_loadu_epi16(mask, p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

#include "cpu/conv_grad_wino_body.h"

const gal_grad_wino_level gal_grad_wino_bf16_avx512bf16 = {
    .wino = &gal_wino_bf16_avx512bf16, .grad = &gal_grad_avx512, .dy = dy, .taps = taps};
