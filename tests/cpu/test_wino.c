/* Winograd convolution: chosen by shape, as near to exact sums as its points allow, NaN kept within the tile. */
#include "base/half.h"
#include "base/rng.h"
#include "cpu/features.h"
#include "cpu/kernel.h"
#include "support/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;

typedef struct layer {
    gal_graph *graph;
    gal_node *node;
    void *w;
} layer;

static float widen(galen_dtype dtype, const void *x, int64_t i) {
    if (dtype == GALEN_F32) return ((const float *)x)[i];
    uint16_t half = ((const uint16_t *)x)[i];
    return dtype == GALEN_BF16 ? gal_bf16_to_f32(half) : gal_f16_to_f32(half);
}

static uint16_t half_of(galen_dtype dtype, float x) {
    return dtype == GALEN_BF16 ? gal_f32_to_bf16(x) : gal_f32_to_f16(x);
}

static void narrow(galen_dtype dtype, float value, void *x, int64_t i) {
    if (dtype == GALEN_F32)
        ((float *)x)[i] = value;
    else
        ((uint16_t *)x)[i] = half_of(dtype, value);
}

/* Twelve uniform numbers: near enough to a normal distribution. */
static float normal(gal_rng *rng) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += gal_rng_uniform(rng);
    return (float)sum;
}

static layer make(galen_dtype dtype, int64_t side, int64_t in, int64_t out, int64_t stride) {
    layer l;
    gal_value *v[2];
    const int64_t dims[4] = {out, in, 3, 3}, pads[4] = {1, 1, 1, 1}, strides[2] = {stride, stride};
    const gal_shape image = {4, {{1, true}, {side, false}, {side, false}, {in, false}}};
    const gal_attr attr[2] = {{.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4},
                              {.name = "strides", .type = GAL_ATTR_INTS, .ints = strides, .count = 2}};
    assert_ok(gal_graph_create("g", &l.graph, &err), err);
    assert_ok(gal_graph_input(l.graph, "x", dtype, &image, &v[0], &err), err);
    assert_ok(gal_graph_new_constant(l.graph, "w", dtype, 4, dims, &v[1], &err), err);
    const gal_node_spec spec = {
        .domain = "galen", .op = "Conv", .name = "c", .n_in = 2, .n_out = 1, .n_attr = 2, .in = v, .attr = attr};
    assert_ok(gal_graph_node(l.graph, &spec, &l.node, &err), err);
    l.w = l.node->in[1]->constant->data;
    gal_rng rng = gal_rng_make(1, 0);
    float scale = sqrtf(2.0f / (float)(9 * in));
    for (int64_t i = 0; i < out * in * 9; i++) narrow(dtype, scale * normal(&rng), l.w, i);
    return l;
}

#if defined(__x86_64__)
static void expect_for(bool variable, int64_t side, int64_t in, int64_t out, int64_t stride, const char *row) {
    layer l = make(GALEN_F32, side, in, out, stride);
    l.node->in[1]->is_variable = variable;
    const gal_kernel *kernel = gal_kernel_pick_for(l.node, GAL_ISA_AVX512, 0, NULL);
    assert_non_null(kernel);
    assert_string_equal(kernel->name, row);
    gal_graph_destroy(l.graph);
}

static void expect(int64_t side, int64_t in, int64_t out, int64_t stride, const char *row) {
    expect_for(false, side, in, out, stride, row);
}

/* Weights count once an image: large ones with a small image keep the smaller tile, or the direct sums. */
static void the_shape_chooses_the_tile(void **state) {
    (void)state;
    expect(56, 64, 64, 1, "conv_wino4_f32_avx512_12x32");
    expect(28, 128, 128, 1, "conv_wino4_f32_avx512_12x32");
    expect(14, 256, 256, 1, "conv_wino2_f32_avx512_12x32");
    expect(4, 256, 256, 1, "conv_f32_avx512_12x32");
    expect(2, 512, 512, 1, "conv_f32_avx512_12x32");
    expect(28, 128, 128, 2, "conv_f32_avx512_12x32");
}

/* In training a batch shares their packing; the largest with the smallest image stay direct. */
static void weights_that_change_count_once_a_batch(void **state) {
    (void)state;
    expect_for(true, 16, 64, 64, 1, "conv_wino4_f32_avx512_12x32");
    expect_for(true, 8, 128, 128, 1, "conv_wino4_f32_avx512_12x32");
    expect_for(true, 4, 256, 256, 1, "conv_wino4_f32_avx512_12x32");
    expect_for(true, 2, 512, 512, 1, "conv_f32_avx512_12x32");
}

static void expect_half(galen_dtype dtype, int64_t side, int64_t in, int64_t out, const char *row) {
    layer l = make(dtype, side, in, out, 1);
    const gal_kernel *kernel = gal_kernel_pick_for(l.node, GAL_ISA_AVX512, GAL_HAS_AVX512_BF16, NULL);
    assert_non_null(kernel);
    assert_string_equal(kernel->name, row);
    gal_graph_destroy(l.graph);
}

/* Direct sums of bf16 take half as long as those of f32, so that only the larger tile is worth its transforms. */
static void sixteen_bits_have_a_choice_of_their_own(void **state) {
    (void)state;
    expect_half(GALEN_BF16, 56, 64, 64, "conv_wino4_bf16_avx512bf16_12x32");
    expect_half(GALEN_BF16, 28, 128, 32, "conv_wino4_bf16_avx512bf16_12x32");
    expect_half(GALEN_BF16, 14, 256, 256, "conv_bf16_avx512bf16_12x32");
    expect_half(GALEN_BF16, 7, 512, 512, "conv_bf16_avx512bf16_12x32");
    expect_half(GALEN_F16, 56, 64, 64, "conv_wino4_f16_avx512_12x32");
    expect_half(GALEN_F16, 14, 256, 256, "conv_wino2_f16_avx512_12x32");
    expect_half(GALEN_F16, 4, 256, 256, "conv_f16_avx512_12x32");
}

static void weights_that_may_overflow_are_refused(void **state) {
    (void)state;
    layer l = make(GALEN_F32, 16, 64, 64, 1);
    float *w = l.w;
    w[77] = 1e31f;
    assert_string_equal(gal_kernel_pick_for(l.node, GAL_ISA_AVX512, 0, NULL)->name, "conv_f32_avx512_12x32");
    w[77] = NAN;
    assert_null(gal_kernel_pick_for(l.node, GAL_ISA_AVX512, 0, NULL));
    gal_graph_destroy(l.graph);
}
#endif

/* One image by a row, on this thread. */
static void run(const gal_kernel *row, const layer *l, void *x, void *y, int64_t side, int64_t in, int64_t out) {
    gal_kernel_needs needs;
    galen_dtype dtype = l->node->in[0]->dtype;
    galen_tensor from = {.dtype = dtype, .rank = 4, .dim = {1, side, side, in}, .data = x};
    galen_tensor to = {.dtype = dtype, .rank = 4, .dim = {1, side, side, out}, .data = y};
    const galen_tensor *ins[2] = {&from, l->node->in[1]->constant};
    galen_tensor *outs[1] = {&to};
    row->needs(l->node, 1, 1, &needs);
    void *packed = aligned_alloc(64, (needs.packed_bytes + 63) / 64 * 64);
    void *scratch = aligned_alloc(64, (needs.scratch_bytes + 127) / 64 * 64);
    assert_true(packed != NULL && scratch != NULL);
    memset(packed, 0, needs.packed_bytes);
    row->pack(l->node, (gal_columns){0, needs.outputs}, packed);
    const gal_call call = {.node = l->node,
                           .in = ins,
                           .out = outs,
                           .scratch = scratch,
                           .packed = packed,
                           .in_pitch = in,
                           .out_pitch = out};
    assert_ok(row->run(&call, &err), err);
    free(packed);
    free(scratch);
}

/* One layer with an image of what Relu leaves of a normal distribution, and room for the outputs. */
typedef struct trial {
    layer l;
    galen_dtype dtype;
    int64_t side, in, out;
    void *x, *y;
} trial;

static trial try_layer(galen_dtype dtype, int64_t side, int64_t in, int64_t out) {
    trial t = {.l = make(dtype, side, in, out, 1), .dtype = dtype, .side = side, .in = in, .out = out};
    int64_t n = side * side * in;
    gal_rng rng = gal_rng_make(2, 0);
    t.x = malloc((size_t)n * sizeof(float));
    t.y = malloc((size_t)(side * side * out) * sizeof(float));
    assert_true(t.x != NULL && t.y != NULL);
    for (int64_t i = 0; i < n; i++) narrow(dtype, fmaxf(normal(&rng), 0), t.x, i);
    return t;
}

static void end_trial(trial *t) {
    free(t->x);
    free(t->y);
    gal_graph_destroy(t->l.graph);
}

/* The sum for output i in f64. */
static double exact(const trial *t, int64_t i) {
    int64_t k = i % t->out, h = i / t->out / t->side, w = i / t->out % t->side;
    double sum = 0;
    for (int64_t r = 0; r < 3; r++) {
        for (int64_t s = 0; s < 3; s++) {
            int64_t down = h + r - 1, across = w + s - 1;
            if (down < 0 || down >= t->side || across < 0 || across >= t->side) continue;
            for (int64_t c = 0; c < t->in; c++)
                sum += (double)widen(t->dtype, t->x, (down * t->side + across) * t->in + c) *
                       (double)widen(t->dtype, t->l.w, ((k * t->in + c) * 3 + r) * 3 + s);
        }
    }
    return sum;
}

/* Root of the mean squared error over that of the outputs. */
static double error_of(const gal_kernel *row, const trial *t) {
    double wrong = 0, size = 0;
    run(row, &t->l, t->x, t->y, t->side, t->in, t->out);
    for (int64_t i = 0; i < t->side * t->side * t->out; i++) {
        double e = exact(t, i), y = (double)widen(t->dtype, t->y, i);
        wrong += (y - e) * (y - e);
        size += e * e;
    }
    return sqrt(wrong / size);
}

static bool is_winograd(const gal_kernel *row, const trial *t) {
    return strstr(row->name, "conv_wino") != NULL && row->dtype == t->dtype && gal_kernel_runs_here(row) &&
           row->reject(t->l.node) == NULL;
}

/*
 * Sums of 576 products in f32 are off by 3e-7. F(2x2) is no worse: its sums are shorter. F(4x4) loses a factor of two
 * at its points; the whole numbers 0, +-1, +-2 in their place would lose more than four and fail this.
 */
static void the_error_is_that_of_good_points(void **state) {
    (void)state;
    const int64_t sides[2] = {20, 8};
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    int tried = 0;
    for (int i = 0; i < 2; i++) {
        trial t = try_layer(GALEN_F32, sides[i], 64, 64);
        for (size_t r = 0; r < count; r++) {
            if (!is_winograd(table[r], &t)) continue;
            bool large = strstr(table[r]->name, "wino4") != NULL;
            double e = error_of(table[r], &t);
            print_message("%s: %.2g\n", table[r]->name, e);
            assert_true(e > 0 && e < (large ? 1e-6 : 4e-7));
            tried++;
        }
        end_trial(&t);
    }
    assert_true(tried > 0 || gal_isa_detect() == GAL_ISA_REFERENCE);
}

/* Everything between is f32, so that an output is the exact sum, rounded, but for a few that lie near a middle. */
static void sixteen_bits_round_once(void **state) {
    (void)state;
    enum { SIDE = 28, CHANNELS = 64 };
    const galen_dtype dtypes[2] = {GALEN_BF16, GALEN_F16};
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    for (int d = 0; d < 2; d++) {
        trial t = try_layer(dtypes[d], SIDE, CHANNELS, CHANNELS);
        for (size_t r = 0; r < count; r++) {
            if (!is_winograd(table[r], &t)) continue;
            int64_t n = SIDE * SIDE * CHANNELS, other = 0;
            run(table[r], &t.l, t.x, t.y, SIDE, CHANNELS, CHANNELS);
            for (int64_t i = 0; i < n; i++) other += ((uint16_t *)t.y)[i] != half_of(t.dtype, (float)exact(&t, i));
            print_message("%s: %.4f %% rounded otherwise\n", table[r]->name, 100 * (double)other / (double)n);
            assert_true(other * 100 < n);
        }
        end_trial(&t);
    }
}

/* A NaN spoils the tiles that read its pixel, at most four outputs and a window around it, and nothing else. */
static void nan_stays_within_its_tiles(void **state) {
    (void)state;
    enum { SIDE = 20, IN = 64, OUT = 64 };
    layer l = make(GALEN_F32, SIDE, IN, OUT, 1);
    const gal_kernel *row = gal_kernel_pick(l.node, gal_isa_detect(), NULL);
    if (row == NULL || strstr(row->name, "conv_wino4") == NULL) skip();
    float *x = calloc(SIDE * SIDE * IN, sizeof *x), *y = malloc(SIDE * SIDE * OUT * sizeof *y);
    assert_true(x != NULL && y != NULL);
    x[(9 * SIDE + 9) * IN + 3] = NAN;
    run(row, &l, x, y, SIDE, IN, OUT);
    for (int i = 0; i < SIDE * SIDE * OUT; i++) {
        int h = i / OUT / SIDE, w = i / OUT % SIDE;
        if (abs(h - 9) <= 1 && abs(w - 9) <= 1) assert_true(isnan(y[i]));
        if (abs(h - 9) > 5 || abs(w - 9) > 5) assert_true(y[i] == 0);
    }
    free(x);
    free(y);
    gal_graph_destroy(l.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(the_shape_chooses_the_tile),
        cmocka_unit_test(weights_that_change_count_once_a_batch),
        cmocka_unit_test(sixteen_bits_have_a_choice_of_their_own),
        cmocka_unit_test(weights_that_may_overflow_are_refused),
#endif
        cmocka_unit_test(the_error_is_that_of_good_points),
        cmocka_unit_test(sixteen_bits_round_once),
        cmocka_unit_test(nan_stays_within_its_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
