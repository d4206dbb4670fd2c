/* Resizing against numbers from Pillow 9.4, and what must hold for any picture. */
#include "support/shared.h"

#include "base/rng.h"
#include "image/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static galen_image make(int width, int height, int channels, galen_sample sample) {
    galen_image image;
    galen_error err = {0};
    assert_ok(galen_image_create(width, height, channels, sample, &image, &err), err);
    return image;
}

static galen_image noise(int width, int height, int channels, galen_sample sample, uint64_t seed) {
    galen_image image = make(width, height, channels, sample);
    gal_rng rng = gal_rng_make(seed, 0);
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    for (size_t i = 0; i < n; i++)
        if (sample == GALEN_SAMPLE_U8)
            ((uint8_t *)image.data)[i] = (uint8_t)gal_rng_u32(&rng);
        else
            ((uint16_t *)image.data)[i] = (uint16_t)gal_rng_u32(&rng);
    return image;
}

static galen_image resize(const galen_image *image, int width, int height, galen_filter filter) {
    galen_image out;
    galen_error err = {0};
    assert_ok(galen_image_resize(image, width, height, filter, &out, &err), err);
    return out;
}

static void test_pillow(void **state) {
    (void)state;
    static const uint8_t expected[][18] = {
        [GALEN_FILTER_NEAREST] = {0, 74, 148, 196, 14, 88, 196, 14, 88, 136, 210, 28, 136, 210, 28, 76, 150, 224},
        [GALEN_FILTER_BOX] = {19, 74, 130, 215, 14, 70, 215, 14, 70, 155, 210, 138, 95, 150, 206, 95, 150, 206},
        [GALEN_FILTER_BILINEAR] = {16, 74, 132, 114, 73, 102, 202, 94, 80, 162, 187, 114, 122, 180, 165, 92, 150, 208},
        [GALEN_FILTER_BICUBIC] = {0, 74, 139, 113, 62, 100, 221, 87, 69, 163, 206, 109, 113, 192, 172, 85, 145, 217},
        [GALEN_FILTER_LANCZOS] = {0, 79, 145, 113, 53, 99, 237, 90, 58, 168, 215, 101, 100, 201, 179, 85, 138, 219},
    };
    galen_image image = make(5, 4, 1, GALEN_SAMPLE_U8);
    for (int i = 0; i < 20; i++) ((uint8_t *)image.data)[i] = (uint8_t)(i * 37 + i / 5 * 11);
    for (int f = GALEN_FILTER_NEAREST; f <= GALEN_FILTER_LANCZOS; f++) {
        galen_image out = resize(&image, 3, 6, (galen_filter)f);
        assert_memory_equal(out.data, expected[f], 18);
        galen_image_free(&out);
    }
    galen_image_free(&image);
}

/* Colour is weighted by alpha: Pillow's resize of an RGBA picture. */
static void test_pillow_alpha(void **state) {
    (void)state;
    static const uint8_t expected[] = {64,  39,  92,  143, 202, 151, 52, 106, 86, 81,  89,  97,
                                       136, 151, 145, 140, 153, 204, 76, 50,  96, 150, 202, 174};
    galen_image image = make(3, 2, 4, GALEN_SAMPLE_U8), out;
    for (int i = 0; i < 24; i++) ((uint8_t *)image.data)[i] = (uint8_t)(i * 53 + i / 8 * 29);
    out = resize(&image, 2, 3, GALEN_FILTER_BILINEAR);
    assert_memory_equal(out.data, expected, sizeof expected);
    galen_image_free(&out);
    galen_image_free(&image);
}

/* A window of the resized picture equals the resized picture's crop, whatever the filter and depth. */
static void test_window(void **state) {
    (void)state;
    for (int f = GALEN_FILTER_NEAREST; f <= GALEN_FILTER_LANCZOS; f++)
        for (int channels = 1; channels <= 4; channels++)
            for (int deep = 0; deep < 2; deep++) {
                galen_error err = {0};
                galen_image image = noise(37, 53, channels, deep ? GALEN_SAMPLE_U16 : GALEN_SAMPLE_U8, 5);
                galen_image whole = resize(&image, 29, 61, (galen_filter)f), crop, window;
                assert_ok(galen_image_crop(&whole, 7, 11, 20, 45, &crop, &err), err);
                assert_ok(gal_resize_window(&image, 29, 61, (galen_filter)f, (gal_rect){7, 11, 20, 45}, &window, &err),
                          err);
                assert_memory_equal(crop.data, window.data, (size_t)(20 * 45 * channels * (deep + 1)));
                galen_image_free(&window);
                galen_image_free(&crop);
                galen_image_free(&whole);
                galen_image_free(&image);
            }
}

/* The plain and the AVX2 passes give the same bits; sizes around the tile of 16 rows and the blocks of 32 columns. */
static void test_kernels_agree(void **state) {
    (void)state;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2")) skip();
    for (int rows = 1; rows <= 17; rows += 4)
        for (int width = 1; width < 80; width += 13) {
            galen_image image = noise(width, GAL_TILE_ROWS, 3, GALEN_SAMPLE_U8, 9);
            gal_axis axis;
            galen_error err = {0};
            int used = rows > GAL_TILE_ROWS ? GAL_TILE_ROWS : rows, outs = 21;
            assert_ok(gal_axis_make(width, outs, 0, outs, GALEN_FILTER_LANCZOS, &axis, &err), err);
            uint8_t *scratch = malloc((size_t)(width + outs) * 3 * GAL_TILE_ROWS);
            uint8_t plain[GAL_TILE_ROWS * 21 * 3] = {0}, fast[GAL_TILE_ROWS * 21 * 3] = {0}, c1[63], c2[63];
            gal_resize_plain.tile(&axis, 3, image.data, (size_t)width * 3, used, 0, width, plain, 63, scratch);
            gal_resize_avx2.tile(&axis, 3, image.data, (size_t)width * 3, used, 0, width, fast, 63, scratch);
            assert_memory_equal(plain, fast, sizeof plain);
            int32_t weight[3] = {1 << 20, 1 << 21, 1 << 20};
            gal_resize_plain.column(weight, 3, plain, 63, 63, c1);
            gal_resize_avx2.column(weight, 3, plain, 63, 63, c2);
            assert_memory_equal(c1, c2, sizeof c1);
            free(scratch);
            gal_axis_free(&axis);
            galen_image_free(&image);
        }
#else
    skip();
#endif
}

/* 16-bit: within one 8-bit rounding of the 8-bit path, flat stays flat, and black and white survive overshoot. */
static void test_deep(void **state) {
    (void)state;
    for (int f = GALEN_FILTER_NEAREST; f <= GALEN_FILTER_LANCZOS; f++) {
        galen_image image = noise(40, 30, 1, GALEN_SAMPLE_U8, 3), deep = make(40, 30, 1, GALEN_SAMPLE_U16);
        for (int i = 0; i < 1200; i++) ((uint16_t *)deep.data)[i] = (uint16_t)(((uint8_t *)image.data)[i] * 257);
        galen_image a = resize(&image, 17, 50, (galen_filter)f), b = resize(&deep, 17, 50, (galen_filter)f);
        for (int i = 0; i < 17 * 50; i++)
            assert_true(fabs(((uint16_t *)b.data)[i] / 257.0 - ((uint8_t *)a.data)[i]) <= 1.6);
        for (int i = 0; i < 1200; i++) ((uint16_t *)deep.data)[i] = 54321;
        galen_image flat = resize(&deep, 17, 50, (galen_filter)f);
        for (int i = 0; i < 17 * 50; i++) assert_int_equal(((uint16_t *)flat.data)[i], 54321);
        galen_image_free(&image);
        galen_image_free(&deep);
        galen_image_free(&a);
        galen_image_free(&b);
        galen_image_free(&flat);
    }
}

static void test_wrong_use(void **state) {
    (void)state;
    galen_image image = noise(4, 4, 1, GALEN_SAMPLE_U8, 1), out;
    galen_error err = {0};
    assert_int_equal(galen_image_resize(&image, 0, 4, GALEN_FILTER_BOX, &out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_resize(&image, 4, -1, GALEN_FILTER_BOX, &out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_resize(&image, 60000, 4, GALEN_FILTER_BOX, &out, &err), GALEN_ERR_LIMIT);
    assert_int_equal(galen_image_resize(&image, 8, 8, (galen_filter)9, &out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_resize(&(galen_image){0}, 8, 8, GALEN_FILTER_BOX, &out, &err), GALEN_ERR_ARGUMENT);
    assert_null(out.data);
    galen_image_free(&image);
}

static void test_memory(void **state) {
    (void)state;
    galen_image image = noise(20, 20, 2, GALEN_SAMPLE_U8, 1);
    for (int f = GALEN_FILTER_NEAREST; f <= GALEN_FILTER_BOX; f++)
        for (long n = 1;; n++) {
            galen_image out;
            galen_error err = {0};
            test_fail_allocation(n, 0);
            galen_status status = galen_image_resize(&image, 9, 33, (galen_filter)f, &out, &err);
            test_fail_allocation(0, 0);
            galen_image_free(&out);
            if (status == GALEN_OK) {
                assert_true(n > 1);
                break;
            }
            assert_int_equal(status, GALEN_ERR_MEMORY);
        }
    galen_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pillow),        cmocka_unit_test(test_pillow_alpha), cmocka_unit_test(test_window),
        cmocka_unit_test(test_kernels_agree), cmocka_unit_test(test_deep),         cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
