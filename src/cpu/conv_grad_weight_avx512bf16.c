/* Weight gradient of convolution, AVX512-BF16: 12 channels by 32 outputs, a step adding the products of two images. */
#include "cpu/vec_avx512.h"

#include "cpu/rows.h"
#include "cpu/transpose_block_avx2.h"

static inline __attribute__((always_inline)) vf grad_step(vf x, vf dy, vf acc) {
    return _mm512_dpbf16_ps(acc, (__m512bh)x, (__m512bh)dy);
}

#define MR 12
#include "cpu/conv_grad_weight_tile.h"

GRAD(1)
GRAD(2)
GRAD(3)
GRAD(4)
GRAD(5)
GRAD(6)
GRAD(7)
GRAD(8)
GRAD(9)
GRAD(10)
GRAD(11)
GRAD(12)

static void tile(const gal_grad_tile *t) {
    static void (*const table[MR][2])(const gal_grad_tile *) = {
        {grad_1x1, grad_1x2}, {grad_2x1, grad_2x2},   {grad_3x1, grad_3x2},   {grad_4x1, grad_4x2},
        {grad_5x1, grad_5x2}, {grad_6x1, grad_6x2},   {grad_7x1, grad_7x2},   {grad_8x1, grad_8x2},
        {grad_9x1, grad_9x2}, {grad_10x1, grad_10x2}, {grad_11x1, grad_11x2}, {grad_12x1, grad_12x2},
    };
    table[t->rows - 1][t->vectors - 1](t);
}

static void pair(const uint16_t *a, const uint16_t *b, uint32_t *word, size_t n) {
    for (size_t i = 0; i < n; i += VF) {
        __mmask16 mask = n - i >= VF ? (__mmask16)-1 : (__mmask16)((1u << (n - i)) - 1);
        __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, a + i)), high = _mm512_setzero_si512();
        if (b != NULL) high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, b + i)), 16);
        _mm512_mask_storeu_epi32(word + i, mask, _mm512_or_si512(low, high));
    }
}

const gal_grad_level gal_grad_avx512bf16 = {.mr = MR, .vec = VF, .tile = tile, .transpose = transpose, .pair = pair};

const char *gal_conv_grad_weight_bf16_avx512bf16_reject(const gal_node *node) {
    return gal_grad_weight_reject(node, &gal_grad_avx512bf16);
}

void gal_conv_grad_weight_bf16_avx512bf16_needs(const gal_node *node, int64_t max_batch, int threads,
                                                gal_kernel_needs *needs) {
    (void)threads;
    gal_grad_weight_needs(node, &gal_grad_avx512bf16, max_batch, needs);
}

galen_status gal_conv_grad_weight_bf16_avx512bf16_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_grad_weight_run(call, &gal_grad_avx512bf16);
}
