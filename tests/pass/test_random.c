/* Random image graphs through all passes: the same numbers, a valid graph, and an end to rewriting. */
#include "base/rng.h"
#include "small_graph.h"

enum { SIDE = 6, CHANNELS = 4, POOL = 24, SEEDS = 400 };

/* All values are [N, CHANNELS, SIDE, SIDE]; each step reads earlier ones. */
typedef struct pool {
    gal_graph *g;
    gal_rng rng;
    gal_value *v[POOL];
    uint32_t n;
} pool;

static uint32_t below(pool *p, uint32_t n) {
    return gal_rng_u32(&p->rng) % n;
}

static gal_value *any(pool *p) {
    return p->v[below(p, 4) ? p->n - 1 : below(p, p->n)];
}

static gal_value *channel_constant(pool *p, float low) {
    const int64_t dim[3] = {CHANNELS, 1, 1};
    return small_constant(p->g, low, 3, dim);
}

static gal_value *two_halves(pool *p) {
    gal_value *x = any(p), *y = any(p), *in[2];
    const gal_attr axis = small_int("axis", below(p, 2) ? 1 : -3);
    const int64_t kept[2] = {1, 3}, channel[1] = {1};
    gal_value *slice[4] = {x, small_ints(p->g, kept, 1), small_ints(p->g, kept + 1, 1), small_ints(p->g, channel, 1)};
    in[0] = small_node(p->g, "Slice", 4, slice, 0, NULL)->out[0];
    slice[0] = y;
    in[1] = small_node(p->g, "Slice", 4, slice, 0, NULL)->out[0];
    return small_node(p->g, "Concat", 2, in, 1, &axis)->out[0];
}

static gal_value *same_pool(pool *p, const char *op) {
    const int64_t window[2] = {3, 3}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[2] = {small_list("kernel_shape", window, 2), small_list("pads", pads, 4)};
    gal_value *x = any(p);
    return small_node(p->g, op, 1, &x, 2, attr)->out[0];
}

/* There and back, so that the shape stays. */
static gal_value *moved(pool *p) {
    const int64_t perm[2][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}};
    uint32_t first = below(p, 2);
    gal_value *y = small_with(p->g, "Transpose", any(p), small_list("perm", perm[first], 4));
    if (below(p, 2)) y = small_op(p->g, "Relu", y, NULL);
    return small_with(p->g, "Transpose", y, small_list("perm", perm[!first], 4));
}

static gal_value *reshaped(pool *p) {
    const int64_t flat[2] = {-1, CHANNELS * SIDE * SIDE}, back[4] = {-1, CHANNELS, SIDE, SIDE};
    gal_value *y = small_op(p->g, "Reshape", any(p), small_ints(p->g, flat, 2));
    return small_op(p->g, "Reshape", y, small_ints(p->g, back, 4));
}

static gal_value *gated(pool *p) {
    static const char *const pools[] = {"GlobalAveragePool", "GlobalMaxPool"};
    gal_value *x = any(p), *s = small_op(p->g, pools[below(p, 2)], any(p), NULL);
    s = small_op(p->g, "Sigmoid", small_conv(p->g, s, CHANNELS, 1, 1), NULL);
    return below(p, 2) ? small_op(p->g, "Mul", x, s) : small_op(p->g, "Mul", s, x);
}

static gal_value *silu(pool *p) {
    gal_value *x = any(p);
    return small_op(p->g, "Mul", x, small_op(p->g, "Sigmoid", x, NULL));
}

static gal_value *step(pool *p) {
    static const char *const unary[] = {"Relu", "Tanh", "Sigmoid", "Neg", "Identity", "LeakyRelu"};
    switch (below(p, 14)) {
    case 0:
    case 1: return small_conv(p->g, any(p), CHANNELS, below(p, 2) ? 3 : 1, 1);
    case 2: return small_norm(p->g, any(p));
    case 3: return small_op(p->g, unary[below(p, 6)], any(p), NULL);
    case 4: return small_op(p->g, "Relu", any(p), NULL);
    case 5: return small_op(p->g, "Add", any(p), any(p));
    case 6: return two_halves(p);
    case 7: return same_pool(p, below(p, 2) ? "MaxPool" : "AveragePool");
    case 8: return moved(p);
    case 9: return reshaped(p);
    case 10: return gated(p);
    case 11: return silu(p);
    case 12: return small_op(p->g, below(p, 2) ? "Mul" : "Add", any(p), channel_constant(p, -1));
    default: return small_op(p->g, "Mul", any(p), channel_constant(p, -1));
    }
}

static void test_random(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        pool p = {.g = small_graph(), .rng = gal_rng_make(seed, 2)};
        p.v[p.n++] = small_input(p.g, "x", CHANNELS, SIDE, SIDE);
        while (p.n < 4 + seed % (POOL - 4)) {
            gal_value *y = step(&p);
            /* Sums and products of sums must not grow beyond what one rounding error can be told from. */
            p.v[p.n++] = below(&p, 3) ? y : small_op(p.g, "Tanh", y, NULL);
        }
        small_output(p.g, p.v[p.n - 1]);
        if (below(&p, 2) && p.v[p.n / 2]->producer != NULL) small_output(p.g, p.v[p.n / 2]);
        if (seed % 4 == 0) small_output(p.g, small_op(p.g, "GlobalAveragePool", p.v[p.n - 1], NULL));
        small_check_all(p.g);
        gal_graph_destroy(p.g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
