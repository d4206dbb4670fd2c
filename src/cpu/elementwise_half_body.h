/* Element-wise inner loops over 16-bit floats, included once by each type after its pair_*.h and activation_body.h. */
#include "cpu/elementwise.h"

#include <string.h>

static inline __attribute__((always_inline)) vf half_binary(vf a, vf b, const gal_binary op) {
    switch (op) {
    case GAL_BINARY_ADD: return vf_add(a, b);
    case GAL_BINARY_SUB: return vf_sub(a, b);
    case GAL_BINARY_MUL: return vf_mul(a, b);
    case GAL_BINARY_DIV: break;
    }
    return vf_div(a, b);
}

/* Up to PAIR elements from i on of row r. */
static inline __attribute__((always_inline)) pair half_at(const gal_operand *x, size_t r, size_t i, pair_mask mask) {
    const uint16_t *p = (const uint16_t *)x->data + r * x->row;
    return x->step == 0 ? pair_set(*p) : pair_load_part(p + i, mask);
}

/* px rows; an operand whose rows are all the same is loaded once for them. */
static inline __attribute__((always_inline)) void half_some(const gal_binary op, const gal_operand *x,
                                                            const gal_operand *z, uint16_t *y, size_t r, size_t n,
                                                            const int px, const bool x_same, const bool z_same) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair a = half_at(x, r, i, mask), b = half_at(z, r, i, mask);
        GAL_UNROLL
        for (int p = 0; p < px; p++) {
            if (p > 0 && !x_same) a = half_at(x, r + (size_t)p, i, mask);
            if (p > 0 && !z_same) b = half_at(z, r + (size_t)p, i, mask);
            pair_store_part(y + (r + (size_t)p) * n + i, mask,
                            (pair){half_binary(a.a, b.a, op), half_binary(a.b, b.b, op)});
        }
    }
}

static inline __attribute__((always_inline)) void half_loop(const gal_binary op, const gal_operand *x,
                                                            const gal_operand *z, uint16_t *y, size_t rows, size_t n,
                                                            const bool x_same, const bool z_same) {
    enum { ROWS = 4 };
    size_t r = 0;
    for (; r + ROWS <= rows; r += ROWS) half_some(op, x, z, y, r, n, ROWS, x_same, z_same);
    for (; r < rows; r++) half_some(op, x, z, y, r, n, 1, false, false);
}

enum { REPEATED = 4096 /* elements */ };

/* How many rows of n elements fill whole vectors together; 0: more than may be repeated, or one does. */
static size_t half_whole(size_t n) {
    size_t rows = 1;
    while (rows * n % PAIR != 0) rows *= 2;
    return rows > 1 && rows * n <= REPEATED ? rows : 0;
}

/*
 * Rows that are no whole vectors, one operand the same for all (the gate of a squeeze-excite): the rows lie one behind
 * the other, so a few of them are one row of whole vectors beside the gate as often repeated. A part of a vector costs
 * as much as a whole one, and more where the result is written in place: a load waits for a masked store that its range
 * overlaps. Returns the rows done.
 */
static inline __attribute__((always_inline)) size_t half_repeat(const gal_binary op, const gal_operand *x,
                                                                const gal_operand *z, uint16_t *y, size_t rows,
                                                                size_t n, const bool x_same) {
    const gal_operand *gate = x_same ? x : z, *rest = x_same ? z : x;
    size_t each = half_whole(n);
    if (each == 0 || rows < 2 * each || gate->step == 0 || rest->step == 0 || rest->row != n) return 0;
    uint16_t repeated[REPEATED];
    for (size_t i = 0; i < each; i++) memcpy(repeated + i * n, gate->data, n * sizeof *repeated);
    const gal_operand wide = {repeated, 1, 0}, all = {rest->data, 1, each * n};
    half_loop(op, x_same ? &wide : &all, x_same ? &all : &wide, y, rows / each, each * n, x_same, !x_same);
    return rows / each * each;
}

static gal_operand half_behind(const gal_operand *x, size_t rows) {
    return (gal_operand){(const uint16_t *)x->data + rows * x->row, x->step, x->row};
}

static inline __attribute__((always_inline)) void half_rows(const gal_binary op, const gal_operand *x,
                                                            const gal_operand *z, uint16_t *y, size_t rows, size_t n) {
    bool x_same = x->row == 0, z_same = !x_same && z->row == 0;
    size_t done = x_same   ? half_repeat(op, x, z, y, rows, n, true)
                  : z_same ? half_repeat(op, x, z, y, rows, n, false)
                           : 0;
    const gal_operand a = half_behind(x, done), b = half_behind(z, done);
    y += done * n, rows -= done;
    if (x_same)
        half_loop(op, &a, &b, y, rows, n, true, false);
    else if (z_same)
        half_loop(op, &a, &b, y, rows, n, false, true);
    else
        half_loop(op, &a, &b, y, rows, n, false, false);
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
        pair_mask mask = pair_first(n - i);
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
    case GAL_ACT_GELU: half_map(x, y, n, GAL_ACT_GELU, act); break;
    }
}
