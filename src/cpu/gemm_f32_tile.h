/*
 * Body of the register tile (gemm_f32.h), included once by each level after its vec_*.h. MR and the vector width are
 * the level's; every row count gets its own fully unrolled copy so that accumulators stay in registers. A level of 16
 * bits defines GAL_TILE_HALF and brings its own tile_step and tile_store; one that multiplies by a lane of a vector
 * defines GAL_TILE_LANES and brings tile_segment; one of integers defines GAL_TILE_ENDS and brings tile_start, what
 * the sums begin with, and tile_finish, which stores them all.
 */
#include "cpu/gemm_f32.h"

enum {
    LINE = 16,   /* floats of a cache line */
    AHEAD = 8192 /* bytes the panel is fetched ahead: what arrives from L3 while a small tile computes */
};

#ifndef GAL_TILE_HALF
static inline __attribute__((always_inline)) vf tile_step(vf x, vf w, vf acc) {
    return vf_fma(x, w, acc);
}

static inline __attribute__((always_inline)) void tile_store(const gal_tile_f32 *t, int row, int vector, vf acc) {
    size_t at = (size_t)row * t->stride + (size_t)vector * VF;
    size_t from = (size_t)row * t->residual_stride + (size_t)vector * VF;
    int left = t->cols - vector * VF;
    const float *residual = t->residual;
    float *out = t->out;
    if (left >= VF) {
        acc = vf_add(acc, vf_load(t->bias + vector * VF));
        if (residual) acc = vf_add(acc, vf_load(residual + from));
        vf_store(out + at, vf_clamp(acc, vf_set(t->low), vf_set(t->high)));
    } else {
        acc = vf_add(acc, vf_load(t->bias + vector * VF));
        if (residual) acc = vf_add(acc, vf_load_part(residual + from, left));
        vf_store_part(out + at, left, vf_clamp(acc, vf_set(t->low), vf_set(t->high)));
    }
}
#endif

#ifndef GAL_TILE_ENDS
static inline __attribute__((always_inline)) vf tile_start(const gal_tile_f32 *t, int vector) {
    (void)t, (void)vector;
    return vf_zero();
}

static inline __attribute__((always_inline)) void tile_finish(const gal_tile_f32 *t, vf acc[MR][2], const int mr,
                                                              const int nv) {
    GAL_UNROLL
    for (int i = 0; i < mr; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) tile_store(t, i, j, acc[i][j]);
    }
}
#endif

#ifndef GAL_TILE_LANES
/* One tap: `seg` positions of each row by the panel's rows at b. */
static inline __attribute__((always_inline)) void tile_segment(const float *const *row, const float *b, size_t seg,
                                                               vf acc[MR][2], const int mr, const int nv) {
    const float *a[MR];
    GAL_UNROLL
    for (int i = 0; i < mr; i++) a[i] = row[i];
    for (size_t k = 0; k < seg; k++, b += nv * VF) {
        vf w[2];
        GAL_UNROLL
        for (int j = 0; j < nv; j++) w[j] = vf_load(b + j * VF);
        GAL_UNROLL
        for (int j = 0; j < nv * VF; j += LINE) __builtin_prefetch((const void *)((uintptr_t)(b + j) + AHEAD), 0, 3);
        GAL_UNROLL
        for (int i = 0; i < mr; i++) {
            vf x = vf_set(a[i][k]);
            GAL_UNROLL
            for (int j = 0; j < nv; j++) acc[i][j] = tile_step(x, w[j], acc[i][j]);
        }
    }
}
#endif

/* mr rows by nv vectors; both are constants where this is called. */
static inline __attribute__((always_inline)) void tile_body(const gal_tile_f32 *t, const int mr, const int nv) {
    vf acc[MR][2];
    size_t seg = t->seg;
    GAL_UNROLL
    for (int i = 0; i < mr; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) acc[i][j] = tile_start(t, j);
    }
    const float *const *row = t->row;
    for (size_t tap = 0; tap < t->taps; tap++, row += MR) {
        const float *b = t->b + t->tap[tap] * seg * (size_t)(nv * VF);
        tile_segment(row, b, seg, acc, mr, nv);
    }
    tile_finish(t, acc, mr, nv);
}

#define TILE(mr)                                                                                                       \
    static void tile_##mr##x1(const gal_tile_f32 *t) {                                                                 \
        tile_body(t, mr, 1);                                                                                           \
    }                                                                                                                  \
    static void tile_##mr##x2(const gal_tile_f32 *t) {                                                                 \
        tile_body(t, mr, 2);                                                                                           \
    }

#ifndef GAL_TILE_HALF
static void activate_rows(float *x, size_t rows, size_t cols, size_t stride, const gal_cpu_activation *act) {
    activate_rows_of(x, x, rows, cols, stride, act);
}
#endif
