/* Making, cutting and converting pictures, and the preprocessing recipe. */
#include "support/shared.h"

#include "image/prepare.h"

#include <math.h>
#include <string.h>

static void test_create(void **state) {
    (void)state;
    galen_image image;
    galen_error err = {0};
    assert_int_equal(galen_image_create(0, 5, 1, GALEN_SAMPLE_U8, &image, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_create(5, -1, 1, GALEN_SAMPLE_U8, &image, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_create(5, 5, 5, GALEN_SAMPLE_U8, &image, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_create(5, 5, 1, (galen_sample)7, &image, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_image_create(60000, 60000, 1, GALEN_SAMPLE_U8, &image, &err), GALEN_ERR_LIMIT);
    assert_int_equal(galen_image_create(30000, 30000, 1, GALEN_SAMPLE_U8, &image, &err), GALEN_ERR_LIMIT);
    assert_null(image.data);
    galen_image_free(&image);
    galen_image_free(NULL);
}

static void test_crop(void **state) {
    (void)state;
    galen_image image, out;
    galen_error err = {0};
    assert_ok(galen_image_create(5, 4, 2, GALEN_SAMPLE_U16, &image, &err), err);
    for (int i = 0; i < 40; i++) ((uint16_t *)image.data)[i] = (uint16_t)(1000 + i);
    assert_ok(galen_image_crop(&image, 3, 1, 2, 3, &out, &err), err);
    static const uint16_t expected[] = {1016, 1017, 1018, 1019, 1026, 1027, 1028, 1029, 1036, 1037, 1038, 1039};
    assert_memory_equal(out.data, expected, sizeof expected);
    galen_image_free(&out);
    static const int wrong[][4] = {{-1, 0, 2, 2}, {0, 0, 6, 1}, {4, 0, 2, 1},
                                   {0, 3, 1, 2},  {0, 0, 0, 1}, {2147483647, 0, 2, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const int *w = wrong[i];
        assert_int_equal(galen_image_crop(&image, w[0], w[1], w[2], w[3], &out, &err), GALEN_ERR_ARGUMENT);
        assert_null(out.data);
    }
    galen_image_free(&image);
}

static void test_colours(void **state) {
    (void)state;
    galen_image image, out;
    galen_error err = {0};
    /* Pillow's convert("L") of the same bytes. */
    static const uint8_t grey[] = {43, 76, 211, 167, 181, 137};
    assert_ok(galen_image_create(3, 2, 4, GALEN_SAMPLE_U8, &image, &err), err);
    uint8_t *p = image.data;
    for (int i = 0; i < 24; i++) p[i] = (uint8_t)(i * 53 + i / 8 * 29);
    assert_ok(galen_image_to_grey(&image, &out, &err), err);
    assert_memory_equal(out.data, grey, sizeof grey);
    galen_image_free(&out);
    assert_ok(galen_image_to_rgb(&image, &out, &err), err);
    for (int i = 0; i < 6; i++) assert_memory_equal((uint8_t *)out.data + 3 * i, p + 4 * i, 3);
    galen_image_free(&out);
    galen_image_free(&image);

    assert_ok(galen_image_create(2, 1, 2, GALEN_SAMPLE_U16, &image, &err), err);
    memcpy(image.data, (uint16_t[]){65535, 1, 128, 2}, 8);
    assert_ok(galen_image_to_rgb(&image, &out, &err), err);
    assert_memory_equal(out.data, ((uint16_t[]){65535, 65535, 65535, 128, 128, 128}), 12);
    galen_image_free(&out);
    assert_ok(galen_image_to_u8(&image, &out, &err), err);
    assert_memory_equal(out.data, ((uint8_t[]){255, 0, 0, 0}), 4);
    galen_image_free(&out);
    galen_image_free(&image);
}

/* Every grey level stays itself, in both depths and both ways. */
static void test_grey_is_kept(void **state) {
    (void)state;
    galen_image grey, rgb, back, deep;
    galen_error err = {0};
    assert_ok(galen_image_create(256, 256, 1, GALEN_SAMPLE_U16, &grey, &err), err);
    for (int i = 0; i < 65536; i++) ((uint16_t *)grey.data)[i] = (uint16_t)i;
    assert_ok(galen_image_to_rgb(&grey, &rgb, &err), err);
    assert_ok(galen_image_to_grey(&rgb, &back, &err), err);
    assert_memory_equal(grey.data, back.data, 131072);
    assert_ok(galen_image_to_u8(&grey, &deep, &err), err);
    for (int i = 0; i < 65536; i++) assert_int_equal(((uint8_t *)deep.data)[i], (int)floor(i / 257.0 + 0.5));
    galen_image_free(&grey);
    galen_image_free(&rgb);
    galen_image_free(&back);
    galen_image_free(&deep);
}

static void test_stretch(void **state) {
    (void)state;
    galen_image image;
    galen_error err = {0};
    gal_recipe recipe = {.channels = 3,
                         .width = 2,
                         .height = 1,
                         .filter = GALEN_FILTER_BOX,
                         .rule = GAL_RESIZE_STRETCH,
                         .high = 1,
                         .mean = {0.485f, 0.456f, 0.406f},
                         .std = {0.229f, 0.224f, 0.225f}};
    float out[6];
    assert_ok(galen_image_create(4, 1, 1, GALEN_SAMPLE_U16, &image, &err), err);
    memcpy(image.data, (uint16_t[]){257, 257 * 3, 65535, 65535}, 8);
    assert_ok(gal_prepare(&image, &recipe, out, &err), err);
    for (int c = 0; c < 3; c++) {
        assert_true(out[2 * c] == (2.0f / 255.0f - recipe.mean[c]) / recipe.std[c]);
        assert_true(out[2 * c + 1] == (1.0f - recipe.mean[c]) / recipe.std[c]);
    }
    galen_image_free(&image);
}

/* Pixels and table together are what gal_prepare writes, bit for bit, from grey, RGB and 16 bits to one plane and
 * three.
 */
static void test_halves(void **state) {
    (void)state;
    galen_error err = {0};
    for (int k = 0; k < 12; k++) {
        int channels = 1 + k % 4, planes = k / 4 % 2 ? 3 : 1;
        galen_image image;
        gal_recipe recipe = {.channels = planes,
                             .width = 5,
                             .height = 4,
                             .filter = GALEN_FILTER_BICUBIC,
                             .rule = GAL_RESIZE_STRETCH,
                             .low = -1,
                             .high = 1,
                             .mean = {0.485f, 0.456f, 0.406f},
                             .std = {0.229f, 0.224f, 0.225f}};
        float out[60], table[768];
        uint8_t pixels[60];
        assert_ok(galen_image_create(9, 7, channels, k < 8 ? GALEN_SAMPLE_U8 : GALEN_SAMPLE_U16, &image, &err), err);
        for (size_t i = 0; i < (size_t)(63 * channels * (k < 8 ? 1 : 2)); i++)
            ((uint8_t *)image.data)[i] = (uint8_t)(i * 2654435761u >> 9);
        assert_ok(gal_prepare(&image, &recipe, out, &err), err);
        assert_ok(gal_prepare_interleaved(&image, &recipe, pixels, &err), err);
        gal_prepare_table(&recipe, table);
        for (int i = 0; i < 20; i++)
            for (int c = 0; c < planes; c++)
                assert_memory_equal(&table[pixels[i * planes + c] * planes + c], &out[20 * c + i], sizeof *out);
        galen_image_free(&image);
    }
}

/* The crop's place: torchvision cuts the longer side to an integer and rounds half the difference to even. */
static void test_short_side(void **state) {
    (void)state;
    static const struct {
        int width, height, to, cw, ch, left, top;
    } cases[] = {{10, 7, 7, 7, 7, 2, 0}, /* (10 - 7) / 2 = 1.5 -> 2 */
                 {12, 7, 7, 7, 7, 2, 0}, /* 2.5 -> 2 */
                 {7, 14, 7, 7, 7, 0, 4}, /* 3.5 -> 4 */
                 {9, 9, 9, 4, 8, 2, 0} /* 2.5 -> 2 and 0.5 -> 0 */};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        galen_image image;
        galen_error err = {0};
        gal_recipe recipe = {.channels = 1,
                             .width = cases[i].cw,
                             .height = cases[i].ch,
                             .filter = GALEN_FILTER_BILINEAR,
                             .rule = GAL_RESIZE_SHORT_SIDE,
                             .resize_to = cases[i].to,
                             .high = 255,
                             .std = {1, 1, 1}};
        float out[64];
        assert_ok(galen_image_create(cases[i].width, cases[i].height, 1, GALEN_SAMPLE_U8, &image, &err), err);
        for (int k = 0; k < cases[i].width * cases[i].height; k++) ((uint8_t *)image.data)[k] = (uint8_t)k;
        assert_ok(gal_prepare(&image, &recipe, out, &err), err);
        assert_int_equal((int)lrintf(out[0]), cases[i].top * cases[i].width + cases[i].left);
        galen_image_free(&image);
    }
}

static void test_wrong_recipes(void **state) {
    (void)state;
    galen_image image;
    galen_error err = {0};
    float out[64];
    const gal_recipe good = {.channels = 1,
                             .width = 4,
                             .height = 4,
                             .filter = GALEN_FILTER_BILINEAR,
                             .rule = GAL_RESIZE_SHORT_SIDE,
                             .resize_to = 4,
                             .high = 1,
                             .std = {1, 1, 1}};
    assert_ok(galen_image_create(8, 8, 3, GALEN_SAMPLE_U8, &image, &err), err);
    gal_recipe wrong[6] = {good, good, good, good, good, good};
    wrong[0].channels = 2;
    wrong[1].width = 0;
    wrong[2].resize_to = 3;
    wrong[3].std[0] = 0;
    wrong[4].mean[0] = NAN;
    wrong[5].rule = (gal_resize_rule)5;
    for (int i = 0; i < 6; i++) {
        err.message[0] = 0;
        assert_int_equal(gal_prepare(&image, &wrong[i], out, &err), GALEN_ERR_ARGUMENT);
        assert_true(err.message[0] != 0);
    }
    for (long n = 1;; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_prepare(&image, &good, out, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    galen_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),        cmocka_unit_test(test_crop),    cmocka_unit_test(test_colours),
        cmocka_unit_test(test_grey_is_kept),  cmocka_unit_test(test_stretch), cmocka_unit_test(test_short_side),
        cmocka_unit_test(test_wrong_recipes), cmocka_unit_test(test_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
