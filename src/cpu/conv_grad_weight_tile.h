/*
 * Body of the weight gradient's tile (conv_grad_weight.h), included once by each level after its vec_*.h; MR and
 * grad_step are the level's. Every count of channels gets its own unrolled copy so that accumulators stay in registers.
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
