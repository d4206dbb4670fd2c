/*
 * Body of the gradients of depthwise convolution (conv_grad_dw.h), included once by each level after its vec_*.h, its
 * `element` and how vectors of it are loaded and stored as floats: dg_load, dg_load_part, dg_store, dg_store_part.
 */
#include "cpu/conv_grad_dw.h"

enum { PX = 4, TAPS = 5 /* of a window row that are summed together */ };

/* px pixels by nv vectors of channels from `at` on; of a part there are `part` channels. */
static inline __attribute__((always_inline)) void input_tile(const gal_dw_input *t, size_t pixel, size_t at, int part,
                                                             const int px, const int nv, const bool whole) {
    const element *dy = (const element *)t->dy + pixel * t->dy_step + at;
    element *dx = (element *)t->dx + pixel * t->dx_step + at;
    vf acc[PX][2];
    GAL_UNROLL
    for (int i = 0; i < px; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) acc[i][j] = vf_zero();
    }
    for (size_t k = 0; k < t->taps; k++) {
        const element *from = dy + t->tap[k].dy;
        const float *weight = t->weight + t->tap[k].weight + at;
        GAL_UNROLL
        for (int j = 0; j < nv; j++) {
            vf w = vf_load(weight + j * VF);
            GAL_UNROLL
            for (int i = 0; i < px; i++) {
                const element *p = from + (size_t)i * t->dy_step + j * VF;
                acc[i][j] = vf_fma(whole ? dg_load(p) : dg_load_part(p, part), w, acc[i][j]);
            }
        }
    }
    GAL_UNROLL
    for (int i = 0; i < px; i++) {
        GAL_UNROLL
        for (int j = 0; j < nv; j++) {
            element *p = dx + (size_t)i * t->dx_step + j * VF;
            if (whole)
                dg_store(p, acc[i][j]);
            else
                dg_store_part(p, part, acc[i][j]);
        }
    }
}

static void input(const gal_dw_input *t) {
    size_t at = 0;
    for (; at + 2 * VF <= t->channels; at += 2 * VF) {
        size_t pixel = 0;
        for (; pixel + PX <= t->pixels; pixel += PX) input_tile(t, pixel, at, VF, PX, 2, true);
        for (; pixel < t->pixels; pixel++) input_tile(t, pixel, at, VF, 1, 2, true);
    }
    for (; at < t->channels; at += VF) {
        int part = t->channels - at < VF ? (int)(t->channels - at) : VF;
        for (size_t pixel = 0; pixel < t->pixels; pixel++) {
            if (part == VF)
                input_tile(t, pixel, at, VF, 1, 1, true);
            else
                input_tile(t, pixel, at, part, 1, 1, false);
        }
    }
}

/* `taps` taps from `first` on by one vector of channels. */
static inline __attribute__((always_inline)) void weight_tile(const gal_dw_weight *t, int first, size_t at, int part,
                                                              const int taps, const bool whole) {
    const element *x = (const element *)t->x + (size_t)first * t->tap_step + at, *dy = (const element *)t->dy + at;
    float *sum = t->sum + (size_t)first * t->sum_step + at;
    vf acc[TAPS];
    GAL_UNROLL
    for (int k = 0; k < taps; k++) acc[k] = vf_load(sum + (size_t)k * t->sum_step);
    for (size_t i = 0; i < t->pixels; i++, x += t->x_step, dy += t->dy_step) {
        vf y = whole ? dg_load(dy) : dg_load_part(dy, part);
        GAL_UNROLL
        for (int k = 0; k < taps; k++) {
            const element *p = x + (size_t)k * t->tap_step;
            acc[k] = vf_fma(whole ? dg_load(p) : dg_load_part(p, part), y, acc[k]);
        }
    }
    GAL_UNROLL
    for (int k = 0; k < taps; k++) vf_store(sum + (size_t)k * t->sum_step, acc[k]);
}

static inline __attribute__((always_inline)) void weight_taps(const gal_dw_weight *t, size_t at, int part,
                                                              const bool whole) {
    int k = 0;
    for (; k + 5 <= t->taps; k += 5) weight_tile(t, k, at, part, 5, whole);
    for (; k + 3 <= t->taps; k += 3) weight_tile(t, k, at, part, 3, whole);
    for (; k < t->taps; k++) weight_tile(t, k, at, part, 1, whole);
}

static void weight(const gal_dw_weight *t) {
    size_t at = 0;
    for (; at + VF <= t->channels; at += VF) weight_taps(t, at, VF, true);
    if (at < t->channels) weight_taps(t, at, (int)(t->channels - at), false);
}
