/* Inner loops of training on bf16, AVX512-BF16: floats between loading and one rounding. */
#include "cpu/vec_avx512.h"

#include <stddef.h>
#include <stdint.h>

typedef uint16_t element;

static inline __mmask16 first(size_t n) {
    return n >= VF ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

static inline __attribute__((always_inline)) vf load(const uint16_t *p, size_t n) {
    __m256i bits = _mm256_maskz_loadu_epi16(first(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

static inline __attribute__((always_inline)) void store(uint16_t *p, size_t n, vf x) {
    _mm256_mask_storeu_epi16(p, first(n), (__m256i)_mm512_cvtneps_pbh(x));
}

#include "cpu/train_loops_body.h"

const gal_train_loops gal_train_loops_avx512bf16 = TRAIN_LOOPS;
