/* Weight gradient by Winograd: chosen by shape, and as near to exact sums as its points allow. */
#include "base/rng.h"
#include "cpu/kernel.h"
#include "support/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 6 };

static galen_error err;

/* One ConvGradWeight of a 3x3 window: X side x side x in, padded by one, and dY with `out` channels. */
typedef struct layer {
    gal_graph *graph;
    gal_node *node;
    int64_t side, in, out;
} layer;

static layer make(int64_t side, int64_t in, int64_t out) {
    layer l = {.side = side, .in = in, .out = out};
    gal_value *v[2];
    const int64_t pads[4] = {1, 1, 1, 1}, window[2] = {3, 3};
    const gal_shape x = {4, {{1, true}, {side, false}, {side, false}, {in, false}}};
    const gal_shape dy = {4, {{1, true}, {side, false}, {side, false}, {out, false}}};
    const gal_attr attr[2] = {{.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4},
                              {.name = "kernel_shape", .type = GAL_ATTR_INTS, .ints = window, .count = 2}};
    assert_ok(gal_graph_create("g", &l.graph, &err), err);
    assert_ok(gal_graph_input(l.graph, "x", GALEN_F32, &x, &v[0], &err), err);
    assert_ok(gal_graph_input(l.graph, "dy", GALEN_F32, &dy, &v[1], &err), err);
    const gal_node_spec spec = {.domain = "galen",
                                .op = "ConvGradWeight",
                                .name = "c",
                                .n_in = 2,
                                .n_out = 1,
                                .n_attr = 2,
                                .in = v,
                                .attr = attr};
    assert_ok(gal_graph_node(l.graph, &spec, &l.node, &err), err);
    return l;
}

#if defined(__x86_64__)
static void expect(int64_t side, int64_t in, int64_t out, const char *row) {
    layer l = make(side, in, out);
    const gal_kernel *kernel = gal_kernel_pick_for(l.node, GAL_ISA_AVX512, 0, NULL);
    assert_non_null(kernel);
    assert_string_equal(kernel->name, row);
    gal_graph_destroy(l.graph);
}

/* Where most taps fall into the padding, or channels are few, the direct sums are fewer. */
static void the_shape_chooses(void **state) {
    (void)state;
    expect(16, 64, 64, "conv_grad_weight_wino4_f32_avx512_12x32");
    expect(4, 256, 256, "conv_grad_weight_wino4_f32_avx512_12x32");
    expect(2, 512, 512, "conv_grad_weight_f32_avx512_12x32");
    expect(28, 1, 16, "conv_grad_weight_f32_avx512_12x32");
}
#endif

static float normal(gal_rng *rng) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += gal_rng_uniform(rng);
    return (float)sum;
}

/* The sum for weight (k, c, r, s) in f64. */
static double exact(const layer *l, const float *x, const float *dy, int64_t weight) {
    int64_t s = weight % 3, r = weight / 3 % 3, c = weight / 9 % l->in, k = weight / 9 / l->in, side = l->side;
    double sum = 0;
    for (int64_t n = 0; n < BATCH; n++) {
        for (int64_t h = 0; h < side; h++) {
            for (int64_t w = 0; w < side; w++) {
                int64_t i = h + r - 1, j = w + s - 1;
                if (i < 0 || i >= side || j < 0 || j >= side) continue;
                sum += (double)x[((n * side + i) * side + j) * l->in + c] *
                       (double)dy[((n * side + h) * side + w) * l->out + k];
            }
        }
    }
    return sum;
}

static void run(const gal_kernel *row, const layer *l, float *x, float *dy, float *dw) {
    gal_kernel_needs needs;
    galen_tensor from[2] = {{.dtype = GALEN_F32, .rank = 4, .dim = {BATCH, l->side, l->side, l->in}, .data = x},
                            {.dtype = GALEN_F32, .rank = 4, .dim = {BATCH, l->side, l->side, l->out}, .data = dy}};
    galen_tensor to = {.dtype = GALEN_F32, .rank = 4, .dim = {l->out, l->in, 3, 3}, .data = dw};
    const galen_tensor *in[2] = {&from[0], &from[1]};
    galen_tensor *out[1] = {&to};
    row->needs(l->node, BATCH, 1, &needs);
    void *scratch = aligned_alloc(64, (needs.scratch_bytes + 63) / 64 * 64);
    assert_non_null(scratch);
    const gal_call call = {.node = l->node, .in = in, .out = out, .scratch = scratch};
    assert_ok(row->run(&call, &err), err);
    free(scratch);
}

/* Root of the mean squared error over that of the gradients: X is what Relu leaves of a normal distribution. */
static double error_of(const gal_kernel *row, const layer *l) {
    size_t pixels = (size_t)(BATCH * l->side * l->side), n_x = pixels * (size_t)l->in, n_dy = pixels * (size_t)l->out;
    int64_t weights = l->in * l->out * 9;
    float *x = malloc(n_x * sizeof *x), *dy = malloc(n_dy * sizeof *dy), *dw = malloc((size_t)weights * sizeof *dw);
    gal_rng rng = gal_rng_make(2, 0);
    double wrong = 0, size = 0;
    assert_true(x != NULL && dy != NULL && dw != NULL);
    for (size_t i = 0; i < n_x; i++) x[i] = fmaxf(normal(&rng), 0);
    for (size_t i = 0; i < n_dy; i++) dy[i] = normal(&rng);
    run(row, l, x, dy, dw);
    for (int64_t i = 0; i < weights; i += 7) {
        double e = exact(l, x, dy, i);
        wrong += (dw[i] - e) * (dw[i] - e);
        size += e * e;
    }
    free(x);
    free(dy);
    free(dw);
    return sqrt(wrong / size);
}

/* Direct sums of 1,536 products in f32 are off by 4.7e-7, these by 7.7e-7; by 1.7e-6 with the points 0, +-1, +-2. */
static void errors_are_those_of_f32(void **state) {
    (void)state;
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    layer l = make(16, 32, 32);
    for (size_t i = 0; i < count; i++) {
        if (strstr(table[i]->name, "conv_grad_weight_wino4_f32") == NULL || !gal_kernel_runs_here(table[i])) continue;
        assert_null(table[i]->reject(l.node));
        double error = error_of(table[i], &l);
        print_message("%s: %.2e\n", table[i]->name, error);
        assert_true(error < 1.2e-6);
    }
    gal_graph_destroy(l.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(the_shape_chooses),
#endif
        cmocka_unit_test(errors_are_those_of_f32)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
