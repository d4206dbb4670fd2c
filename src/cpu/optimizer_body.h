/* Optimiser inner loops, included once by each level after its vec_*.h. */
#include "cpu/optimizer.h"

static inline __attribute__((always_inline)) vf any_load(const float *p, size_t n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}

static inline __attribute__((always_inline)) void any_store(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, (int)n, x);
}

static void adam(const gal_step_f32 *s, size_t n, const float *p, const float *g, const float *m, const float *v,
                 float *p_out, float *m_out, float *v_out) {
    const vf factor = vf_set(s->factor), decay = vf_set(s->decay), shrink = vf_set(s->shrink), rate = vf_set(-s->rate);
    const vf beta1 = vf_set(s->beta1), beta2 = vf_set(s->beta2), rest1 = vf_set(s->rest1), rest2 = vf_set(s->rest2);
    const vf root = vf_set(s->root), epsilon = vf_set(s->epsilon);
    for (size_t i = 0; i < n; i += VF) {
        vf old = any_load(p + i, n - i), slope = vf_fma(decay, old, vf_mul(any_load(g + i, n - i), factor));
        vf first = vf_fma(beta1, any_load(m + i, n - i), vf_mul(rest1, slope));
        vf second = vf_fma(beta2, any_load(v + i, n - i), vf_mul(rest2, vf_mul(slope, slope)));
        vf step = vf_div(first, vf_fma(vf_sqrt(second), root, epsilon));
        any_store(m_out + i, n - i, first);
        any_store(v_out + i, n - i, second);
        any_store(p_out + i, n - i, vf_fma(rate, step, vf_mul(old, shrink)));
    }
}

static void sgd(const gal_step_f32 *s, size_t n, const float *p, const float *g, const float *v, float *p_out,
                float *v_out) {
    const vf factor = vf_set(s->factor), decay = vf_set(s->decay), shrink = vf_set(s->shrink), rate = vf_set(-s->rate);
    const vf momentum = vf_set(s->beta1);
    for (size_t i = 0; i < n; i += VF) {
        vf old = any_load(p + i, n - i), slope = vf_fma(decay, old, vf_mul(any_load(g + i, n - i), factor));
        vf speed = vf_fma(momentum, any_load(v + i, n - i), slope);
        vf step = s->nesterov ? vf_fma(momentum, speed, slope) : speed;
        any_store(v_out + i, n - i, speed);
        any_store(p_out + i, n - i, vf_fma(rate, step, vf_mul(old, shrink)));
    }
}

static void ema(const gal_step_f32 *s, size_t n, const float *average, const float *p, float *out) {
    const vf share = vf_set(s->beta1), rest = vf_set(s->rest1);
    for (size_t i = 0; i < n; i += VF)
        any_store(out + i, n - i, vf_fma(share, any_load(average + i, n - i), vf_mul(rest, any_load(p + i, n - i))));
}
