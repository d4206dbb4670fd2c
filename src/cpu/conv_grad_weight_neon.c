/* Weight gradient of convolution, f32, NEON: 8 channels by 8 outputs in 16 accumulators. */
#include "cpu/vec_neon.h"

#include "cpu/transpose_block_neon.h"

#define MR        8
#define grad_step vf_fma
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

const gal_grad_level gal_grad_neon = {.mr = MR, .vec = VF, .tile = tile, .transpose = transpose};
