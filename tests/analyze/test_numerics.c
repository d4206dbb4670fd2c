/* The run in f64 against logits computed in f64 by another implementation, and what the layers say of f32 and bf16. */
#include "analyze/numerics.h"
#include "base/half.h"
#include "cpu/features.h"
#include "data/npz.h"
#include "model/onnx.h"
#include "support/shared.h"

#include <galen/image.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 64, CASES = 624, SIDE = 64, AREA = SIDE * SIDE };

static galen_error err;

static gal_npz *open_npz(const char *path) {
    size_t size;
    gal_npz *npz;
    unsigned char *bytes = test_read(path, &size);
    assert_ok(gal_npz_read(bytes, size, NULL, &npz, &err), err);
    free(bytes);
    return npz;
}

/* The model's recipe: to [0, 1], less 0.5, by 0.25, in f32. */
static void prepare(const uint8_t *pixels, float *out) {
    for (int i = 0; i < AREA; i++) out[i] = ((float)pixels[i] / 255 - 0.5F) / 0.25F;
}

typedef struct numerics_case {
    gal_model *tested, *plain;
    gal_numerics *numerics;
} numerics_case;

static numerics_case open_case(galen_dtype precision) {
    numerics_case c;
    const gal_numerics_options o = {.isa = gal_isa_detect(), .precision = precision, .threads = 2};
    const char *path = test_shared("golden/cxr64-small.onnx");
    assert_ok(gal_onnx_load(path, NULL, &c.tested, &err), err);
    assert_ok(gal_onnx_load(path, NULL, &c.plain, &err), err);
    assert_ok(gal_numerics_create(c.tested->graph, c.plain->graph, NULL, &o, &c.numerics, &err), err);
    return c;
}

static void close_case(numerics_case *c) {
    gal_numerics_destroy(c->numerics);
    gal_model_destroy(c->tested);
    gal_model_destroy(c->plain);
}

/* Runs the 64 X-rays; the largest distance of a logit in f64 from the stored one, and of one in the precision. */
static void run_xrays(gal_numerics *numerics, double *of_reference, double *of_tested) {
    static float plane[AREA];
    const galen_tensor *pixels = NULL, *logits = NULL;
    gal_npz *inputs = open_npz(test_shared("golden/cxr64-inputs.npz"));
    gal_npz *expected = open_npz(test_shared("golden/cxr64-small.expected.npz"));
    assert_ok(gal_npz_expect(inputs, "pixels", GALEN_U8, 3, (int64_t[]){IMAGES, SIDE, SIDE}, &pixels, &err), err);
    assert_ok(gal_npz_expect(expected, "logit_f64", GALEN_F64, 1, (int64_t[]){CASES}, &logits, &err), err);
    *of_reference = *of_tested = 0;
    for (int i = 0; i < IMAGES; i++) {
        double stored = ((const double *)logits->data)[i < IMAGES / 2 ? i : CASES - IMAGES + i];
        const double *reference, *got;
        prepare((const uint8_t *)pixels->data + (size_t)i * AREA, plane);
        assert_ok(gal_numerics_add(numerics, (const void *const[]){plane}, &err), err);
        assert_int_equal(gal_numerics_scores(numerics, &reference, &got), 1);
        *of_reference = fmax(*of_reference, fabs(reference[0] - stored));
        *of_tested = fmax(*of_tested, fabs(got[0] - reference[0]));
    }
    gal_npz_free(inputs);
    gal_npz_free(expected);
}

/* Every step of the plan stands for a value of the model, and the last is the logit. */
static void check_layers(const gal_numerics *n, double largest, double least_snr) {
    size_t unmatched, count = gal_numerics_layers(n, &unmatched);
    assert_int_equal(unmatched, 0);
    assert_int_equal(count, 14);
    for (size_t i = 0; i < count; i++) {
        gal_numerics_layer l = gal_numerics_layer_at(n, i);
        assert_true(l.scale > 0 && l.mean_error > 0 && l.max_error >= l.mean_error && l.not_finite == 0);
        if (!(l.snr_db > least_snr)) fail_msg("%s: %.1f dB", l.step.node->name, l.snr_db);
    }
    gal_numerics_layer logit = gal_numerics_layer_at(n, count - 1);
    assert_string_equal(logit.value, "logit");
    assert_int_equal(logit.elements, IMAGES);
    assert_true(logit.max_error == largest);
}

static void test_f32(void **state) {
    double of_reference, of_tested;
    (void)state;
    numerics_case c = open_case(GALEN_F32);
    run_xrays(c.numerics, &of_reference, &of_tested);
    if (!(of_reference < 1e-9)) fail_msg("f64 is %g from the stored logits", of_reference);
    assert_true(of_tested < 2e-5);
    check_layers(c.numerics, of_tested, 115);
    close_case(&c);
}

static void test_bf16(void **state) {
    double of_reference, of_tested;
    (void)state;
    numerics_case c = open_case(GALEN_BF16);
    run_xrays(c.numerics, &of_reference, &of_tested);
    assert_true(of_reference < 1e-9);
    if (!(of_tested < 0.3 && of_tested > 1e-3)) fail_msg("bf16 is %g from f64", of_tested);
    check_layers(c.numerics, of_tested, 24);
    gal_numerics_layer first = gal_numerics_layer_at(c.numerics, 0);
    assert_int_equal(first.dtype, GALEN_BF16);
    close_case(&c);
}

static void test_other_ends_are_refused(void **state) {
    gal_model *a, *b;
    gal_numerics *n;
    const gal_numerics_options o = {.isa = GAL_ISA_REFERENCE, .precision = GALEN_F32, .threads = 1};
    (void)state;
    assert_ok(gal_onnx_load(test_shared("golden/cxr64-small.onnx"), NULL, &a, &err), err);
    assert_ok(gal_onnx_load(test_shared("models/mnist_cntk_opset8.onnx"), NULL, &b, &err), err);
    assert_int_equal(gal_numerics_create(a->graph, b->graph, NULL, &o, &n, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "reference"));
    assert_null(n);
    gal_model_destroy(a);
    gal_model_destroy(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_other_ends_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
