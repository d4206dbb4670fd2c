/* Weight gradient of convolution, NEON with BF16: 8 channels by 8 outputs, a step adding the products of two images. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/rows.h"
#include "cpu/transpose_block_neon.h"

static inline __attribute__((always_inline)) vf grad_step(vf x, vf dy, vf acc) {
    return vbfdotq_f32(acc, vreinterpretq_bf16_f32(x), vreinterpretq_bf16_f32(dy));
}

#define MR 8
#include "cpu/conv_grad_weight_tile.h"

GRAD(1)
GRAD(2)
GRAD(3)
GRAD(4)
GRAD(5)
GRAD(6)
GRAD(7)
GRAD(8)

static void tile(const gal_grad_tile *t) {
    static void (*const table[MR][2])(const gal_grad_tile *) = {
        {grad_1x1, grad_1x2}, {grad_2x1, grad_2x2}, {grad_3x1, grad_3x2}, {grad_4x1, grad_4x2},
        {grad_5x1, grad_5x2}, {grad_6x1, grad_6x2}, {grad_7x1, grad_7x2}, {grad_8x1, grad_8x2},
    };
    table[t->rows - 1][t->vectors - 1](t);
}

static void pair(const uint16_t *a, const uint16_t *b, uint32_t *word, size_t n) {
    for (size_t i = 0; i < n; i++) word[i] = a[i] | (b != NULL ? (uint32_t)b[i] << 16 : 0);
}

static const gal_grad_level level = {.mr = MR, .vec = VF, .tile = tile, .transpose = transpose, .pair = pair};

const char *gal_conv_grad_weight_bf16_neonbf16_reject(const gal_node *node) {
    return gal_grad_weight_reject(node, &level);
}

void gal_conv_grad_weight_bf16_neonbf16_needs(const gal_node *node, int64_t max_batch, int threads,
                                              gal_kernel_needs *needs) {
    (void)threads;
    gal_grad_weight_needs(node, &level, max_batch, needs);
}

galen_status gal_conv_grad_weight_bf16_neonbf16_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_grad_weight_run(call, &level);
}
#endif
