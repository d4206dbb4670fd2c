/*
 * GALEN_CPU=reference gives the same bits on every machine: outputs recorded on one, as the words of their floats. The
 * inputs are made of whole numbers, so that no libm takes part in them. A pass that computes in another order changes
 * the bits, on every machine alike: then they are recorded anew.
 */
#include "model/onnx.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "support/shared.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 2, MAX_OUT = 8, SIDE = 64 };

static galen_error err;

/* Multiples of 1/256 in [-2, 2). */
static void draw(float *x, size_t n) {
    uint32_t state = 2026;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)((int)(state >> 22) - 512) / 256;
    }
}

static void check(gal_model *model, size_t image, size_t outputs, const uint32_t *expected) {
    gal_session_options options = gal_session_default_options();
    gal_session *session;
    float *x = malloc(IMAGES * image * sizeof *x), y[MAX_OUT];
    uint32_t word[MAX_OUT];
    assert_non_null(x);
    draw(x, IMAGES * image);
    options.isa = GAL_ISA_REFERENCE;
    options.max_batch = IMAGES;
    options.file = model->file;
    options.n_file = model->n_file;
    assert_ok(gal_session_create(model->graph, &options, &session, &err), err);
    const void *in[1] = {x};
    void *out[1] = {y};
    assert_ok(gal_session_run(session, IMAGES, in, out, &err), err);
    memcpy(word, y, IMAGES * outputs * sizeof *word);
    for (size_t i = 0; i < IMAGES * outputs; i++) {
        if (word[i] == expected[i]) continue;
        print_error("output %zu is 0x%08" PRIx32 " (%.9g)\n", i, word[i], (double)y[i]);
        fail();
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
    free(x);
}

static void test_shipped(void **state) {
    (void)state;
    static const uint32_t expected[IMAGES] = {0xbe1b5b3b, 0x401376dd};
    gal_model *model;
    assert_ok(gal_onnx_load("models/cxr64-small.onnx", NULL, &model, &err), err);
    check(model, (size_t)SIDE * SIDE, 1, expected);
}

typedef struct zoo_case {
    const char *name;
    uint32_t expected[IMAGES * 3];
} zoo_case;

/* Weights drawn from a seed. Between them: dense connections, SiLU, squeeze and excitation, depthwise, Clip, Relu. */
static zoo_case zoo[] = {
    {"densenet121", {0xbedba0d5, 0x3f51d661, 0xbf21ed57, 0xbebf1bcd, 0x3f4b4222, 0xbf143251}},
    {"efficientnet_b0", {0x38253ab9, 0x38c6dab5, 0x389c87b1, 0x391aa8b4, 0x37ae7f7c, 0x3936a6dd}},
    {"mobilenet_v2", {0x3f9d0675, 0xbfb41e04, 0xbfa4f9cf, 0x3fbabd33, 0xbec7fa58, 0xbf7f628b}},
};

static void test_zoo(void **state) {
    const zoo_case *c = *state;
    const gal_zoo_options options = {.height = 32, .width = 32, .classes = 3, .seed = 3};
    gal_model *model;
    assert_ok(gal_zoo_build(c->name, &options, NULL, &model, &err), err);
    check(model, (size_t)3 * 32 * 32, 3, c->expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
        {.name = "densenet121", .test_func = test_zoo, .initial_state = &zoo[0]},
        {.name = "efficientnet_b0", .test_func = test_zoo, .initial_state = &zoo[1]},
        {.name = "mobilenet_v2", .test_func = test_zoo, .initial_state = &zoo[2]},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
