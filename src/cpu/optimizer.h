/* Optimiser steps as vector loops over the elements of one parameter: formulas in graph/ops/optimizer.c. */
#ifndef GAL_CPU_OPTIMIZER_H
#define GAL_CPU_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

/* One step in f32, its constants already made of `hyper` and `control`. */
typedef struct gal_step_f32 {
    float factor;                     /* of the gradient */
    float decay;                      /* added to the gradient, times p; 0: none */
    float shrink;                     /* p is multiplied by it first: 1, or 1 - rate decay */
    float rate;                       /* Adam: over bias 1 */
    float beta1, beta2, rest1, rest2; /* rest = 1 - beta */
    float root;                       /* Adam: 1 / sqrt(bias 2) */
    float epsilon;
    bool nesterov;
} gal_step_f32;

/* n elements at these addresses; outputs may be the inputs they stand for. */
typedef struct gal_optimizer_f32 {
    void (*adam)(const gal_step_f32 *s, size_t n, const float *p, const float *g, const float *m, const float *v,
                 float *p_out, float *m_out, float *v_out);
    void (*sgd)(const gal_step_f32 *s, size_t n, const float *p, const float *g, const float *v, float *p_out,
                float *v_out);
    /* out = beta1 average + rest1 p */
    void (*ema)(const gal_step_f32 *s, size_t n, const float *average, const float *p, float *out);
} gal_optimizer_f32;

extern const gal_optimizer_f32 gal_optimizer_avx2, gal_optimizer_avx512, gal_optimizer_neon;

#endif
