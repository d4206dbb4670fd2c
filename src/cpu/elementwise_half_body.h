/* Element-wise inner loops over 16-bit floats, included once by each type after its pair_*.h and activation_body.h. */
#include "cpu/elementwise.h"

static inline __attribute__((always_inline)) vf half_binary(vf a, vf b, const gal_binary op) {
    switch (op) {
    case GAL_BINARY_ADD: return vf_add(a, b);
    case GAL_BINARY_SUB: return vf_sub(a, b);
    case GAL_BINARY_MUL: return vf_mul(a, b);
    case GAL_BINARY_DIV: break;
    }
    return vf_div(a, b);
}

/* Element 0 in every lane. */
static inline pair half_one(const uint16_t *p) {
    return pair_of(_mm512_set1_epi16((short)*p));
}

static inline __attribute__((always_inline)) void half_rows(const gal_binary op, const gal_operand *x,
                                                            const gal_operand *z, uint16_t *y, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++, y += n) {
        const uint16_t *a = (const uint16_t *)x->data + r * x->row, *b = (const uint16_t *)z->data + r * z->row;
        pair one_a = half_one(a), one_b = half_one(b);
        for (size_t i = 0; i < n; i += PAIR) {
            __mmask32 mask = pair_first(n - i);
            pair va = x->step == 0 ? one_a : pair_load_part(a + i, mask);
            pair vb = z->step == 0 ? one_b : pair_load_part(b + i, mask);
            pair_store_part(y + i, mask, (pair){half_binary(va.a, vb.a, op), half_binary(va.b, vb.b, op)});
        }
    }
}

static void half_binary_rows(gal_binary op, const gal_operand *a, const gal_operand *b, void *y, size_t rows,
                             size_t n) {
    switch (op) {
    case GAL_BINARY_ADD: half_rows(GAL_BINARY_ADD, a, b, y, rows, n); break;
    case GAL_BINARY_SUB: half_rows(GAL_BINARY_SUB, a, b, y, rows, n); break;
    case GAL_BINARY_MUL: half_rows(GAL_BINARY_MUL, a, b, y, rows, n); break;
    case GAL_BINARY_DIV: half_rows(GAL_BINARY_DIV, a, b, y, rows, n); break;
    }
}

static inline __attribute__((always_inline)) void half_map(const uint16_t *x, uint16_t *y, size_t n,
                                                           const gal_activation kind, const gal_cpu_activation *act) {
    for (size_t i = 0; i < n; i += PAIR) {
        __mmask32 mask = pair_first(n - i);
        pair v = pair_load_part(x + i, mask);
        pair_store_part(y + i, mask, (pair){activate_short(v.a, kind, act), activate_short(v.b, kind, act)});
    }
}

static void half_activate(const void *x, void *y, size_t n, const gal_cpu_activation *act) {
    switch (act->kind) {
    case GAL_ACT_NONE:
    case GAL_ACT_RELU:
    case GAL_ACT_CLIP: half_map(x, y, n, GAL_ACT_CLIP, act); break;
    case GAL_ACT_SIGMOID: half_map(x, y, n, GAL_ACT_SIGMOID, act); break;
    case GAL_ACT_SILU: half_map(x, y, n, GAL_ACT_SILU, act); break;
    case GAL_ACT_HARD_SIGMOID: half_map(x, y, n, GAL_ACT_HARD_SIGMOID, act); break;
    case GAL_ACT_HARD_SWISH: half_map(x, y, n, GAL_ACT_HARD_SWISH, act); break;
    case GAL_ACT_LEAKY_RELU: half_map(x, y, n, GAL_ACT_LEAKY_RELU, act); break;
    case GAL_ACT_TANH: half_map(x, y, n, GAL_ACT_TANH, act); break;
    }
}
