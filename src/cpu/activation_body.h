/* Activations over rows of floats, included once by each level after its vec_*.h and vec_math.h. */
#include "cpu/activation.h"

/* Every activation as one expression of x; `act` is the parameters. */
static inline __attribute__((always_inline)) vf activate_vector(vf x, gal_activation kind,
                                                                const gal_cpu_activation *act) {
    switch (kind) {
    case GAL_ACT_RELU:
    case GAL_ACT_CLIP: return vf_clamp(x, vf_set(act->low), vf_set(act->high));
    case GAL_ACT_LEAKY_RELU: return vf_if_less(x, vf_zero(), vf_mul(x, vf_set(act->alpha)), x);
    case GAL_ACT_SIGMOID: return vf_sigmoid(x);
    case GAL_ACT_HARD_SIGMOID: return vf_hard_sigmoid(x, vf_set(act->alpha), vf_set(act->beta));
    case GAL_ACT_HARD_SWISH: return vf_mul(x, vf_hard_sigmoid(x, vf_set(1.0f / 6), vf_set(0.5f)));
    case GAL_ACT_SILU: return vf_silu(x);
    case GAL_ACT_TANH: return vf_tanh(x);
    case GAL_ACT_GELU: return vf_gelu(x);
    case GAL_ACT_NONE: break;
    }
    return x;
}

#ifdef GAL_TILE_HALF /* 16-bit tiles activate in registers */
#include "cpu/vec_short.h"

/* The same where the result is rounded to 16 bits at once. */
static inline __attribute__((always_inline)) vf activate_short(vf x, gal_activation kind,
                                                               const gal_cpu_activation *act) {
    if (kind == GAL_ACT_SILU) return vf_mul(x, vf_sigmoid_short(x));
    return kind == GAL_ACT_SIGMOID ? vf_sigmoid_short(x) : activate_vector(x, kind, act);
}
#else
static inline __attribute__((always_inline)) void activate_block(const float *x, float *y, size_t rows, size_t n,
                                                                 size_t stride, gal_activation kind,
                                                                 const gal_cpu_activation *act) {
    for (; rows > 0; rows--, x += stride, y += stride) {
        size_t i = 0;
        for (; i + VF <= n; i += VF) vf_store(y + i, activate_vector(vf_load(x + i), kind, act));
        if (i < n) vf_store_part(y + i, (int)(n - i), activate_vector(vf_load_part(x + i, (int)(n - i)), kind, act));
    }
}

#define ACTIVATE(kind)                                                                                                 \
    case kind:                                                                                                         \
        activate_block(x, y, rows, n, stride, kind, act);                                                              \
        break;

/* y = activation(x) in rows of n floats; the same memory or apart. */
static void activate_rows_of(const float *x, float *y, size_t rows, size_t n, size_t stride,
                             const gal_cpu_activation *act) {
    switch (act->kind) {
        ACTIVATE(GAL_ACT_NONE)
        ACTIVATE(GAL_ACT_RELU)
        ACTIVATE(GAL_ACT_CLIP)
        ACTIVATE(GAL_ACT_LEAKY_RELU)
        ACTIVATE(GAL_ACT_SIGMOID)
        ACTIVATE(GAL_ACT_HARD_SIGMOID)
        ACTIVATE(GAL_ACT_HARD_SWISH)
        ACTIVATE(GAL_ACT_SILU)
        ACTIVATE(GAL_ACT_TANH)
        ACTIVATE(GAL_ACT_GELU)
    }
}

#undef ACTIVATE

/* The same for one row. */
static inline void activate_floats(const float *x, float *y, size_t n, const gal_cpu_activation *act) {
    activate_rows_of(x, y, 1, n, n, act);
}
#endif
