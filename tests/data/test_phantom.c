/* Phantoms: the same bits for the same seed, and the truth about the opacity. */
#include "support/shared.h"

#include "base/sha256.h"
#include "data/phantom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static galen_phantom_model *model;

static int load(void **state) {
    (void)state;
    galen_error err = {0};
    return galen_phantom_model_load("models/cxr-appearance.npz", &model, &err) == GALEN_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    galen_phantom_model_free(model);
    return 0;
}

static galen_image draw(uint64_t seed, uint64_t index, int size, galen_phantom_finding finding,
                        galen_phantom_truth *truth) {
    galen_phantom_options o = {.seed = seed, .index = index, .size = size, .finding = finding};
    galen_image image;
    galen_error err = {0};
    assert_ok(galen_phantom_draw(model, &o, &image, truth, &err), err);
    assert_int_equal(image.width, size);
    assert_int_equal(image.height, size);
    assert_int_equal(image.channels, 1);
    assert_int_equal(image.sample, GALEN_SAMPLE_U8);
    return image;
}

static void sha(const galen_image *image, char *out) {
    galen_error err = {0};
    assert_ok(gal_sha256_hex(image->data, (size_t)image->width * (size_t)image->height, out, &err), err);
}

/* A change here changes every demonstration picture: do it knowingly. */
static void test_golden(void **state) {
    (void)state;
    static const char *const expected[] = {"ea1fdeb9f6bc654bc9c3b781aedc407e5352d2c905b005dcd9a20b57b9e8e997",
                                           "8d758c2d26b8fe59b56ddc88c77333c08a9992d5967bafe4b47c43365fd5f3d7"};
    for (int label = 0; label < 2; label++) {
        char got[GAL_SHA256_HEX];
        galen_image image = draw(1, 0, 64, label ? GALEN_PHANTOM_OPACITY : GALEN_PHANTOM_NORMAL, NULL);
        sha(&image, got);
        assert_string_equal(got, expected[label]);
        galen_image_free(&image);
    }
}

static void test_independent(void **state) {
    (void)state;
    char first[GAL_SHA256_HEX], again[GAL_SHA256_HEX], other[GAL_SHA256_HEX];
    galen_image a = draw(3, 5, 64, GALEN_PHANTOM_BY_CHANCE, NULL), b = draw(3, 6, 64, GALEN_PHANTOM_BY_CHANCE, NULL);
    galen_image c = draw(3, 5, 64, GALEN_PHANTOM_BY_CHANCE, NULL);
    sha(&a, first);
    sha(&b, other);
    sha(&c, again);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    galen_image_free(&a);
    galen_image_free(&b);
    galen_image_free(&c);
}

static double mean_around(const galen_image *image, double x, double y, double radius) {
    double sum = 0;
    int n = 0;
    for (int j = 0; j < image->height; j++)
        for (int i = 0; i < image->width; i++)
            if ((i + 0.5 - x) * (i + 0.5 - x) + (j + 0.5 - y) * (j + 0.5 - y) < radius * radius)
                sum += ((const uint8_t *)image->data)[j * image->width + i], n++;
    return n ? sum / n : 0;
}

/* The opacity lies inside the picture, in the lung named, scales with the size, and is brighter than its place's mirror
 * image. */
static void test_truth(void **state) {
    (void)state;
    int brighter = 0, chance = 0;
    for (uint64_t i = 0; i < 24; i++) {
        galen_phantom_truth small, large, any;
        galen_image a = draw(9, i, 128, GALEN_PHANTOM_OPACITY, &small),
                    b = draw(9, i, 256, GALEN_PHANTOM_OPACITY, &large);
        galen_image c = draw(9, i, 64, GALEN_PHANTOM_BY_CHANCE, &any);
        assert_int_equal(small.label, 1);
        assert_true(small.side == 'R' || small.side == 'L');
        assert_true(small.x > 5 && small.x < 123 && small.y > 5 && small.y < 123 && small.radius > 3 &&
                    small.contrast > 20);
        assert_true(fabs(large.x - 2 * small.x) < 1e-9 && fabs(large.radius - 2 * small.radius) < 1e-9);
        assert_true(small.side == 'R' ? small.x < 80 : small.x > 48);
        brighter +=
            mean_around(&b, large.x, large.y, large.radius) > mean_around(&b, 256 - large.x, large.y, large.radius);
        chance += any.label;
        galen_image_free(&a);
        galen_image_free(&b);
        galen_image_free(&c);
        galen_image n = draw(9, i, 64, GALEN_PHANTOM_NORMAL, &any);
        assert_true(any.label == 0 && any.side == '-' && any.radius == 0);
        galen_image_free(&n);
    }
    assert_in_range(chance, 4, 20);
    assert_in_range(brighter, 18, 24);
}

/* Like a radiograph: neither flat nor clipped, dark lungs on both sides of a bright middle. */
static void test_looks(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 12; i++) {
        galen_image image = draw(4, i, 128, GALEN_PHANTOM_NORMAL, NULL);
        int clipped = 0;
        for (int k = 0; k < 128 * 128; k++) clipped += ((uint8_t *)image.data)[k] == 255;
        assert_true(clipped < 128 * 128 / 20);
        double middle = mean_around(&image, 64, 70, 6);
        assert_true(middle > mean_around(&image, 40, 62, 8) + 10);
        assert_true(middle > mean_around(&image, 90, 58, 8) + 10);
        galen_image_free(&image);
    }
}

static void test_noise_spectrum(void **state) {
    (void)state;
    static double out[GAL_APPEARANCE_PIXELS], scratch[GAL_APPEARANCE_PIXELS][2];
    double band[GAL_APPEARANCE_BANDS], sum = 0;
    gal_rng rng = gal_rng_make(5, 5);
    for (int r = 0; r < GAL_APPEARANCE_BANDS; r++) band[r] = 0.25; /* white noise of that standard deviation */
    gal_noise_field(&rng, band, out, scratch);
    gal_rng same = gal_rng_make(5, 5);
    for (int i = 0; i < GAL_APPEARANCE_PIXELS; i++) {
        assert_true(fabs(out[i] - 0.25 * gal_rng_normal(&same)) < 1e-12);
        sum += out[i] * out[i];
    }
    assert_true(fabs(sqrt(sum / GAL_APPEARANCE_PIXELS) - 0.25) < 0.01);
    for (int r = 1; r < GAL_APPEARANCE_BANDS; r++) band[r] = 0; /* only the mean is left */
    gal_noise_field(&rng, band, out, scratch);
    for (int i = 1; i < GAL_APPEARANCE_PIXELS; i++) assert_true(fabs(out[i] - out[0]) < 1e-12);
}

static void test_wrong_use(void **state) {
    (void)state;
    galen_phantom_options o = galen_phantom_default_options();
    galen_image image;
    galen_error err = {0};
    galen_phantom_model *none = NULL;
    o.size = 63;
    assert_int_equal(galen_phantom_draw(model, &o, &image, NULL, &err), GALEN_ERR_ARGUMENT);
    o.size = 4096;
    assert_int_equal(galen_phantom_draw(model, &o, &image, NULL, &err), GALEN_ERR_ARGUMENT);
    o.size = 64;
    assert_int_equal(galen_phantom_draw(NULL, &o, &image, NULL, &err), GALEN_ERR_ARGUMENT);
    o.finding = (galen_phantom_finding)7;
    assert_int_equal(galen_phantom_draw(model, &o, &image, NULL, &err), GALEN_ERR_ARGUMENT);
    assert_int_not_equal(galen_phantom_model_load("models/none.npz", &none, &err), GALEN_OK);
    assert_int_not_equal(galen_phantom_model_read("nothing", 7, &none, &err), GALEN_OK);
    assert_null(none);
}

static void test_memory(void **state) {
    (void)state;
    galen_phantom_options o = {.seed = 1, .size = 64, .finding = GALEN_PHANTOM_OPACITY};
    for (long n = 1;; n++) {
        galen_image image;
        galen_error err = {0};
        test_fail_allocation(n, 0);
        galen_status status = galen_phantom_draw(model, &o, &image, NULL, &err);
        test_fail_allocation(0, 0);
        galen_image_free(&image);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_independent),    cmocka_unit_test(test_truth),
        cmocka_unit_test(test_looks),  cmocka_unit_test(test_noise_spectrum), cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
