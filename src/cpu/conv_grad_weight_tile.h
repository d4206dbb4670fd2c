/*
 * Body of the weight gradient's tile (conv_grad_weight.h), included once by each level after its vec_*.h and
 * transpose_block_*.h; MR and grad_step are the level's. Every count of channels gets its own unrolled copy so that
 * accumulators stay in registers.
 */
#include "cpu/conv_grad_weight.h"

/* rows channels by nv vectors; both are constants where this is called. */
static inline __attribute__((always_inline)) void grad_body(const gal_grad_tile *t, const int rows, const int nv) {
    vf acc[MR][2];
    GAL_UNROLL
    for (int i = 0; i < rows; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) acc[i][j] = vf_zero();
    }
    const gal_grad_pixel *pixel = t->pixel, *end = pixel + t->pixels;
    for (; pixel < end; pixel++) {
        const float *x = t->x + pixel->x, *dy = t->dy + pixel->dy;
        vf y[2];
        __builtin_prefetch(x + t->x_ahead, 0, 2);
        GAL_UNROLL
        for (int j = 0; j < nv; j++) __builtin_prefetch(dy + t->dy_ahead + j * VF, 0, 2);
        GAL_UNROLL
        for (int j = 0; j < nv; j++) y[j] = vf_load(dy + j * VF);
        GAL_UNROLL
        for (int i = 0; i < rows; i++) {
            vf v = vf_set(x[i]);
            GAL_UNROLL
            for (int j = 0; j < nv; j++) acc[i][j] = grad_step(v, y[j], acc[i][j]);
        }
    }
    float *sum = t->sum;
    GAL_UNROLL
    for (int i = 0; i < rows; i++, sum += t->stride) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++)
            vf_store(sum + j * VF, t->first ? acc[i][j] : vf_add(vf_load(sum + j * VF), acc[i][j]));
    }
}

#define GRAD(rows)                                                                                                     \
    static void grad_##rows##x1(const gal_grad_tile *t) {                                                              \
        grad_body(t, rows, 1);                                                                                         \
    }                                                                                                                  \
    static void grad_##rows##x2(const gal_grad_tile *t) {                                                              \
        grad_body(t, rows, 2);                                                                                         \
    }

/* to[j][i] = from[i][j] for all rows and columns. */
static void transpose(const float *from, int64_t step, int64_t rows, int64_t columns, float *to, int64_t to_step) {
    int64_t i = 0;
    for (; i + SIDE <= rows; i += SIDE) {
        int64_t j = 0;
        for (; j + SIDE <= columns; j += SIDE) block(from + i * step + j, step, to + j * to_step + i, to_step);
        for (; j < columns; j++) {
            for (int64_t k = i; k < i + SIDE; k++) to[j * to_step + k] = from[k * step + j];
        }
    }
    for (; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) to[j * to_step + i] = from[i * step + j];
    }
}
