/*
 * The same bits for any batch size, place in the batch and thread count, at every level this machine has; passes on and
 * off agree; a run allocates nothing.
 */
#include "cpu/features.h"
#include "graph/op.h"
#include "model/onnx.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "support/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, SIDE = 64, PIXELS = SIDE * SIDE };

static galen_error err;
/* Of the sessions that plan() makes. */
static galen_dtype precision = GALEN_F32;
static int64_t group;
static uint32_t cut;

/* Smooth pictures with some noise, all different: no patient needed. */
static void draw(float *x, int n) {
    uint32_t noise = 12345;
    for (int i = 0; i < n; i++)
        for (int p = 0; p < PIXELS; p++) {
            noise = noise * 1664525u + 1013904223u;
            float u = (float)(p % SIDE) / SIDE, v = (float)(p / SIDE) / SIDE;
            x[i * PIXELS + p] =
                sinf(6 * u + (float)i) * cosf(5 * v - 0.3f * (float)i) + (float)(noise >> 8) / (1 << 26);
        }
}

typedef struct net {
    gal_model *model;
    gal_session *session;
} net;

static void plan(net *n, gal_isa isa, int threads, bool optimise, int64_t max_batch) {
    gal_session_options options = gal_session_default_options();
    options.isa = isa;
    options.threads = threads;
    options.optimise = optimise;
    options.precision = precision;
    options.group = group;
    options.cut = cut;
    options.max_batch = max_batch;
    options.file = n->model->file;
    options.n_file = n->model->n_file;
    assert_ok(gal_session_create(n->model->graph, &options, &n->session, &err), err);
}

static net load(const char *file, gal_isa isa, int threads, bool optimise, int64_t max_batch) {
    net n = {0};
    assert_ok(gal_onnx_load(file, NULL, &n.model, &err), err);
    plan(&n, isa, threads, optimise, max_batch);
    return n;
}

static void unload(net *n) {
    gal_session_destroy(n->session);
    gal_model_destroy(n->model);
}

static void run(const net *n, const float *x, int64_t batch, float *y) {
    const void *in[1] = {x};
    void *out[1] = {y};
    assert_ok(gal_session_run(n->session, batch, in, out, &err), err);
}

static void same_bits(const float *a, const float *b, size_t n) {
    assert_memory_equal(a, b, n * sizeof *a);
}

static void check_level(const char *file, gal_isa isa, const float *x, float *expected) {
    static const int sizes[] = {1, 2, 3, 5, 8, 17, 31, BATCH};
    float y[BATCH];
    for (int threads = 1; threads <= 2; threads++) {
        net n = load(file, isa, threads, true, BATCH);
        run(&n, x, BATCH, y);
        if (threads == 1)
            memcpy(expected, y, sizeof y);
        else
            same_bits(expected, y, BATCH);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (int first = 0; first + sizes[k] <= BATCH && first < 3 * sizes[k]; first += sizes[k]) {
                run(&n, x + (size_t)first * PIXELS, sizes[k], y);
                same_bits(expected + first, y, (size_t)sizes[k]);
            }
        unload(&n);
        n = load(file, isa, threads, true, 3); /* another plan */
        run(&n, x + 7 * PIXELS, 3, y);
        same_bits(expected + 7, y, 3);
        unload(&n);
    }
}

static void test_small(void **state) {
    (void)state;
    const char *file = test_shared("golden/cxr64-small.onnx");
    float *x = malloc(sizeof *x * BATCH * PIXELS), reference[BATCH], y[BATCH];
    draw(x, BATCH);
    for (int isa = GAL_ISA_REFERENCE; isa < GAL_ISA_COUNT; isa++) {
        if (!gal_isa_here((gal_isa)isa)) continue;
        check_level(file, (gal_isa)isa, x, y);
        if (isa == GAL_ISA_REFERENCE) memcpy(reference, y, sizeof y);
        for (int i = 0; i < BATCH; i++) assert_true(fabsf(y[i] - reference[i]) <= 1e-4f);
    }
    /* The model exactly as written. */
    net n = load(file, GAL_ISA_REFERENCE, 0, false, 8);
    run(&n, x, 8, y);
    for (int i = 0; i < 8; i++) assert_true(fabsf(y[i] - reference[i]) <= 1e-4f);
    unload(&n);
    free(x);
}

/* Packed weights let go of their memory: a second session on the same graph is refused, not run on zeros. */
static void test_taken_once(void **state) {
    (void)state;
    net n = load(test_shared("golden/cxr64-small.onnx"), gal_isa_detect(), 1, true, 1);
    gal_session_options options = gal_session_default_options();
    gal_session *second = NULL;
    galen_status status = gal_session_create(n.model->graph, &options, &second, &err);
    assert_int_equal(status, gal_session_packed_bytes(n.session) > 0 ? GALEN_ERR_ARGUMENT : GALEN_OK);
    gal_session_destroy(second);
    unload(&n);
}

enum { ZOO_BATCH = 4, ZOO_SIDE = 32, ZOO_IMAGE = 3 * ZOO_SIDE * ZOO_SIDE, CLASSES = 5 };

static net load_zoo(const char *name, gal_isa isa, int threads, bool optimise, int64_t max_batch) {
    net n = {0};
    const gal_zoo_options options = {.height = ZOO_SIDE, .width = ZOO_SIDE, .classes = CLASSES, .seed = 3};
    assert_ok(gal_zoo_build(name, &options, NULL, &n.model, &err), err);
    plan(&n, isa, threads, optimise, max_batch);
    return n;
}

static size_t count_steps(const net *n, const char *op) {
    size_t found = 0;
    for (size_t i = 0; i < gal_session_steps(n->session); i++)
        found += strcmp(gal_session_step(n->session, i).node->op->name, op) == 0;
    return found;
}

static void check_zoo(const char *name, gal_isa isa, const float *x, float *expected) {
    float y[ZOO_BATCH * CLASSES];
    for (int threads = 1; threads <= 2; threads++) {
        net n = load_zoo(name, isa, threads, true, ZOO_BATCH);
        run(&n, x, ZOO_BATCH, y);
        if (threads == 1)
            memcpy(expected, y, sizeof y);
        else
            same_bits(expected, y, ZOO_BATCH * CLASSES);
        run(&n, x + ZOO_IMAGE, 2, y);
        same_bits(expected + CLASSES, y, 2 * CLASSES);
        run(&n, x + 3 * ZOO_IMAGE, 1, y);
        same_bits(expected + 3 * CLASSES, y, CLASSES);
        assert_int_equal(count_steps(&n, "Transpose"), 1); /* of the picture */
        assert_int_equal(count_steps(&n, "BatchNormalization") + count_steps(&n, "Relu") + count_steps(&n, "Clip"), 0);
        assert_true(gal_session_arena_bytes(n.session) <= gal_session_lower_bound(n.session) * 11 / 10);
        unload(&n);
    }
}

/* Inverted residuals, squeeze and excitation, dense connections: the passes off, on, and at every level. */
static void test_zoo(void **state) {
    const char *name = *state;
    float *x = malloc(sizeof *x * ZOO_BATCH * ZOO_IMAGE), first[ZOO_BATCH * CLASSES], y[ZOO_BATCH * CLASSES],
          largest = 0;
    for (int i = 0; i < ZOO_BATCH * ZOO_IMAGE; i++) x[i] = sinf(0.37f * (float)i) * cosf(0.011f * (float)i);
    net n = load_zoo(name, GAL_ISA_REFERENCE, 2, false, 2);
    run(&n, x, 2, first);
    unload(&n);
    for (int i = 0; i < 2 * CLASSES; i++) largest = fmaxf(largest, fabsf(first[i]));
    for (int isa = GAL_ISA_REFERENCE; isa < GAL_ISA_COUNT; isa++) {
        if (!gal_isa_here((gal_isa)isa)) continue;
        check_zoo(name, (gal_isa)isa, x, y);
        for (int i = 0; i < 2 * CLASSES; i++) assert_true(fabsf(y[i] - first[i]) <= 1e-4f * largest);
    }
    free(x);
}

/* 16 bits round at the same places at every level; sums in another order may tip a rounding. */
static void small_in(galen_dtype half, float bound) {
    const char *file = test_shared("golden/cxr64-small.onnx");
    enum { SLOW = 4 };
    float *x = malloc(sizeof *x * BATCH * PIXELS), reference[SLOW], y[BATCH], f32[BATCH], alone;
    draw(x, BATCH);
    net n = load(file, gal_isa_detect(), 2, true, BATCH);
    run(&n, x, BATCH, f32);
    unload(&n);
    precision = half;
    check_level(file, gal_isa_detect(), x, y);
    n = load(file, GAL_ISA_REFERENCE, 2, true, SLOW); /* no fast rows: few images */
    run(&n, x, SLOW, reference);
    run(&n, x + PIXELS, 1, &alone);
    same_bits(reference + 1, &alone, 1);
    unload(&n);
    for (int i = 0; i < SLOW; i++) assert_true(fabsf(y[i] - reference[i]) <= bound / 2);
    for (int i = 0; i < BATCH; i++) assert_true(fabsf(y[i] - f32[i]) <= bound);
    assert_true(memcmp(f32, y, sizeof y) != 0);
    precision = GALEN_F32;
    free(x);
}

static void test_small_bf16(void **state) {
    (void)state;
    small_in(GALEN_BF16, 0.3f);
}

static void test_small_f16(void **state) {
    (void)state;
    small_in(GALEN_F16, 0.03f);
}

/* Steps on plain C kernels that are neither views nor joins. */
static size_t count_slow(const net *n) {
    size_t found = 0;
    for (size_t i = 0; i < gal_session_steps(n->session); i++) {
        gal_step_info step = gal_session_step(n->session, i);
        found += strcmp(step.kernel, "reference") == 0 && strcmp(step.node->op->name, "Concat") != 0;
    }
    return found;
}

/* This machine has rows for every step in that type. */
static bool has_rows(galen_dtype half) {
    return half == GALEN_F16 ? (gal_features() & GAL_HAS_AVX2) != 0 : (gal_features() & GAL_HAS_AVX512_BF16) != 0;
}

/* Whole networks in 16 bits: one border for the picture and none inside. */
static void zoo_in(galen_dtype half, const char *name, float bound) {
    float *x = malloc(sizeof *x * ZOO_BATCH * ZOO_IMAGE), f32[ZOO_BATCH * CLASSES], y[ZOO_BATCH * CLASSES],
          expected[ZOO_BATCH * CLASSES], largest = 0;
    for (int i = 0; i < ZOO_BATCH * ZOO_IMAGE; i++) x[i] = sinf(0.37f * (float)i) * cosf(0.011f * (float)i);
    net n = load_zoo(name, gal_isa_detect(), 2, true, ZOO_BATCH);
    run(&n, x, ZOO_BATCH, f32);
    unload(&n);
    precision = half;
    for (int threads = 1; threads <= 2; threads++) {
        n = load_zoo(name, gal_isa_detect(), threads, true, ZOO_BATCH);
        assert_int_equal(gal_session_precision(n.session), half);
        assert_int_equal(count_steps(&n, "Narrow"), 1);
        assert_int_equal(count_steps(&n, "Cast"), 0);
        if (has_rows(half)) assert_int_equal(count_slow(&n), 0);
        run(&n, x, ZOO_BATCH, y);
        if (threads == 1) memcpy(expected, y, sizeof y);
        same_bits(expected, y, ZOO_BATCH * CLASSES);
        for (int i = 0; i < ZOO_BATCH; i++) {
            run(&n, x + i * ZOO_IMAGE, 1, y);
            same_bits(expected + i * CLASSES, y, CLASSES);
        }
        unload(&n);
    }
    precision = GALEN_F32;
    float worst = 0;
    for (int i = 0; i < ZOO_BATCH * CLASSES; i++) {
        largest = fmaxf(largest, fabsf(f32[i]));
        worst = fmaxf(worst, fabsf(expected[i] - f32[i]));
    }
    print_message("%s: %s is off by %.2g of the largest output\n", name, galen_dtype_name(half),
                  (double)(worst / largest));
    assert_true(worst <= bound * largest);
    free(x);
}

static void test_zoo_bf16(void **state) {
    zoo_in(GALEN_BF16, *state, 0.1f);
}

static void test_zoo_f16(void **state) {
    zoo_in(GALEN_F16, *state, 0.0125f);
}

static void same_in_groups(const char *name, const float *x) {
    static const struct {
        int64_t group;
        uint32_t cut;
        int threads;
    } ways[] = {{GAL_GROUP_WHOLE, 0, 2}, {1, 0, 2}, {2, 3, 3}, {3, 1, 1}, {0, 0, 2}};
    float expected[ZOO_BATCH * CLASSES], y[ZOO_BATCH * CLASSES];
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        group = ways[k].group, cut = ways[k].cut;
        net n = load_zoo(name, gal_isa_detect(), ways[k].threads, true, ZOO_BATCH);
        run(&n, x, ZOO_BATCH, k == 0 ? expected : y);
        if (k > 0) same_bits(expected, y, ZOO_BATCH * CLASSES);
        run(&n, x + ZOO_IMAGE, 3, y);
        same_bits(expected + CLASSES, y, 3 * CLASSES);
        size_t planned = gal_session_arena_bytes(n.session), bound = gal_session_lower_bound(n.session);
        if (planned > bound * 11 / 10)
            fail_msg("%s in groups of %d: %zu bytes planned, %zu needed", name, (int)group, planned, bound);
        unload(&n);
    }
    group = cut = 0;
}

/* Steps run for the whole batch, in groups, and cut to pieces. */
static void test_groups(void **state) {
    const char *name = *state;
    float *x = malloc(sizeof *x * ZOO_BATCH * ZOO_IMAGE);
    for (int i = 0; i < ZOO_BATCH * ZOO_IMAGE; i++) x[i] = sinf(0.37f * (float)i) * cosf(0.011f * (float)i);
    same_in_groups(name, x);
    precision = GALEN_BF16;
    same_in_groups(name, x);
    precision = GALEN_F32;
    free(x);
}

static void test_no_allocation(void **state) {
    (void)state;
    const char *file = test_shared("golden/cxr64-small.onnx");
    float *x = malloc(sizeof *x * BATCH * PIXELS), y[BATCH];
    draw(x, BATCH);
    net n = load(file, gal_isa_detect(), 2, true, BATCH);
    assert_true(test_allocations() > 0); /* the counter works */
    test_count_reset();
    run(&n, x, 5, y);
    run(&n, x, BATCH, y);
    run(&n, x, 1, y);
    assert_int_equal(test_allocations(), 0);
    unload(&n);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_small_bf16),
        cmocka_unit_test(test_small_f16),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_taken_once),
        {.name = "mobilenet_v2", .test_func = test_zoo, .initial_state = (void *)(uintptr_t) "mobilenet_v2"},
        {.name = "efficientnet_b0", .test_func = test_zoo, .initial_state = (void *)(uintptr_t) "efficientnet_b0"},
        {.name = "densenet121", .test_func = test_zoo, .initial_state = (void *)(uintptr_t) "densenet121"},
        {.name = "resnet18 bf16", .test_func = test_zoo_bf16, .initial_state = (void *)(uintptr_t) "resnet18"},
        {.name = "mobilenet_v2 bf16", .test_func = test_zoo_bf16, .initial_state = (void *)(uintptr_t) "mobilenet_v2"},
        {.name = "efficientnet_b0 bf16",
         .test_func = test_zoo_bf16,
         .initial_state = (void *)(uintptr_t) "efficientnet_b0"},
        {.name = "densenet121 bf16", .test_func = test_zoo_bf16, .initial_state = (void *)(uintptr_t) "densenet121"},
        {.name = "mobilenet_v2 f16", .test_func = test_zoo_f16, .initial_state = (void *)(uintptr_t) "mobilenet_v2"},
        {.name = "efficientnet_b0 f16",
         .test_func = test_zoo_f16,
         .initial_state = (void *)(uintptr_t) "efficientnet_b0"},
        {.name = "densenet121 f16", .test_func = test_zoo_f16, .initial_state = (void *)(uintptr_t) "densenet121"},
        {.name = "resnet50 in groups", .test_func = test_groups, .initial_state = (void *)(uintptr_t) "resnet50"},
        {.name = "densenet121 in groups", .test_func = test_groups, .initial_state = (void *)(uintptr_t) "densenet121"},
        {.name = "efficientnet_b0 in groups",
         .test_func = test_groups,
         .initial_state = (void *)(uintptr_t) "efficientnet_b0"},
        {.name = "mobilenet_v2 in groups",
         .test_func = test_groups,
         .initial_state = (void *)(uintptr_t) "mobilenet_v2"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
