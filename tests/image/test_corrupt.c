/* Corruptions: each makes pictures worse, the more the more severe, and the same way each time. */
#include "base/mem.h"
#include "image/codec.h"
#include "image/corrupt.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 61, HEIGHT = 47 };

/* A bright ellipse with fine stripes on a darker ground. */
static galen_image draw(int channels, galen_sample sample) {
    galen_image image;
    galen_error err;
    assert_ok(galen_image_create(WIDTH, HEIGHT, channels, sample, &image, &err), err);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++) {
                double u = (x - 34) / 20.0, v = (y - 22) / 15.0;
                int level = (u * u + v * v < 1 ? 150 : 60) + (x / 2 + y / 3) % 2 * 20 + 5 * c;
                size_t at = ((size_t)y * WIDTH + (size_t)x) * (size_t)channels + (size_t)c;
                if (sample == GALEN_SAMPLE_U8)
                    ((uint8_t *)image.data)[at] = (uint8_t)level;
                else
                    ((uint16_t *)image.data)[at] = (uint16_t)(level * 257);
            }
    return image;
}

static double distance(const galen_image *a, const galen_image *b) {
    double sum = 0;
    size_t n = (size_t)a->width * (size_t)a->height * (size_t)a->channels;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    for (size_t i = 0; i < n; i++) {
        double d = (double)((uint8_t *)a->data)[i] - ((uint8_t *)b->data)[i];
        sum += d * d;
    }
    return sqrt(sum / (double)n);
}

static void worse_and_worse(void **state) {
    (void)state;
    galen_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        galen_image image = draw(channels, GALEN_SAMPLE_U8);
        for (int kind = 0; kind < GAL_CORRUPTIONS; kind++) {
            double before = 0;
            for (int severity = 1; severity <= GAL_SEVERITIES; severity++) {
                galen_image out, again;
                assert_ok(gal_corrupt(&image, (gal_corruption)kind, severity, 7, &out, &err), err);
                assert_ok(gal_corrupt(&image, (gal_corruption)kind, severity, 7, &again, &err), err);
                assert_true(distance(&out, &again) == 0);
                double now = distance(&image, &out);
                /* On a picture this small two severities of blur can have the same radius. */
                if (!(kind == GAL_CORRUPT_BLUR ? now >= before && now > 0 : now > before))
                    fail_msg("%s %d: %g after %g", gal_corruption_name((gal_corruption)kind), severity, now, before);
                before = now;
                galen_image_free(&out);
                galen_image_free(&again);
            }
        }
        galen_image_free(&image);
    }
}

static void amounts(void **state) {
    (void)state;
    galen_error err;
    galen_image image = draw(1, GALEN_SAMPLE_U8), out;
    const uint8_t *in = image.data;
    assert_ok(gal_corrupt(&image, GAL_CORRUPT_BRIGHTNESS, 2, 1, &out, &err), err);
    for (int i = 0; i < WIDTH * HEIGHT; i++) assert_int_equal(((uint8_t *)out.data)[i], in[i] + 51);
    galen_image_free(&out);
    assert_ok(gal_corrupt(&image, GAL_CORRUPT_NOISE, 3, 1, &out, &err), err);
    assert_true(fabs(distance(&image, &out) - 0.08 * 255) < 1); /* 2,867 draws: its standard error is 0.27 */
    galen_image_free(&out);
    /* Another seed is other noise. */
    galen_image other;
    assert_ok(gal_corrupt(&image, GAL_CORRUPT_NOISE, 3, 1, &out, &err), err);
    assert_ok(gal_corrupt(&image, GAL_CORRUPT_NOISE, 3, 2, &other, &err), err);
    assert_true(distance(&other, &out) > 10);
    galen_image_free(&out);
    galen_image_free(&other);
    galen_image_free(&image);
}

/* A quarter of what is right of the centre comes down when turned clockwise. */
static void clockwise(void **state) {
    (void)state;
    galen_error err;
    galen_image image, out;
    assert_ok(galen_image_create(41, 41, 1, GALEN_SAMPLE_U8, &image, &err), err);
    ((uint8_t *)image.data)[20 * 41 + 38] = 255;
    assert_ok(gal_corrupt(&image, GAL_CORRUPT_ROTATION, 5, 1, &out, &err), err);
    double x = 0, y = 0, sum = 0;
    for (int i = 0; i < 41 * 41; i++) {
        double v = ((uint8_t *)out.data)[i];
        x += v * (i % 41), y += v * (i / 41), sum += v;
    }
    assert_true(sum > 0);
    assert_true(fabs(x / sum - (20 + 18 * 0.9397)) < 0.6);
    assert_true(fabs(y / sum - (20 + 18 * 0.342)) < 0.6);
    galen_image_free(&out);
    galen_image_free(&image);
}

static void other_pictures(void **state) {
    (void)state;
    galen_error err;
    galen_image wide = draw(1, GALEN_SAMPLE_U16), plain = draw(1, GALEN_SAMPLE_U8), a, b;
    assert_ok(gal_corrupt(&wide, GAL_CORRUPT_CONTRAST, 2, 1, &a, &err), err);
    assert_ok(gal_corrupt(&plain, GAL_CORRUPT_CONTRAST, 2, 1, &b, &err), err);
    assert_true(distance(&a, &b) == 0);
    galen_image_free(&a);
    galen_image_free(&b);
    assert_int_equal(gal_corrupt(&plain, GAL_CORRUPT_CONTRAST, 6, 1, &a, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_corrupt(&plain, GAL_CORRUPT_CONTRAST, 0, 1, &a, &err), GALEN_ERR_ARGUMENT);
    assert_null(a.data);
    galen_image_free(&wide);
    galen_image_free(&plain);
    galen_image one;
    assert_ok(galen_image_create(1, 1, 1, GALEN_SAMPLE_U8, &one, &err), err);
    for (int kind = 0; kind < GAL_CORRUPTIONS; kind++) {
        assert_ok(gal_corrupt(&one, (gal_corruption)kind, 5, 1, &a, &err), err);
        galen_image_free(&a);
    }
    galen_image_free(&one);
}

static void out_of_memory(void **state) {
    (void)state;
    galen_error err;
    galen_image image = draw(3, GALEN_SAMPLE_U8), out;
    for (int kind = 0; kind < GAL_CORRUPTIONS; kind++) {
        galen_status status = GALEN_ERR_MEMORY;
        for (long n = 1; status == GALEN_ERR_MEMORY; n++) {
            test_fail_allocation(n, 0);
            status = gal_corrupt(&image, (gal_corruption)kind, 3, 1, &out, &err);
            test_fail_allocation(0, 0);
            if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
            galen_image_free(&out);
        }
    }
    galen_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worse_and_worse), cmocka_unit_test(amounts),       cmocka_unit_test(clockwise),
        cmocka_unit_test(other_pictures),  cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
