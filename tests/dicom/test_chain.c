/* The pixel chain step by step on frames made by hand. */
#include "support/shared.h"

#include "base/mem.h"
#include "dicom/chain.h"

#include <math.h>
#include <string.h>

/* One row of samples. */
static gal_dicom_picture row(int columns, int allocated, int stored, int high, bool is_signed, uint8_t *pixels,
                             size_t size) {
    gal_dicom_picture p = {.photometric = GAL_PHOTO_MONOCHROME2,
                           .bits_allocated = allocated,
                           .bits_stored = stored,
                           .high_bit = high,
                           .is_signed = is_signed,
                           .pixels = pixels,
                           .size = size};
    p.info.rows = 1;
    p.info.columns = columns;
    p.info.samples_per_pixel = 1;
    p.info.rescale_slope = 1;
    return p;
}

static void stored_samples(void **state) {
    (void)state;
    uint8_t words[] = {0x34, 0x12, 0xFF, 0xFF, 0x00, 0x08};
    gal_dicom_picture p = row(3, 16, 12, 11, false, words, sizeof words);
    assert_int_equal(gal_stored_sample(&p, 0), 0x234);
    assert_int_equal(gal_stored_sample(&p, 1), 0xFFF);
    p.is_signed = true;
    assert_int_equal(gal_stored_sample(&p, 1), -1);
    assert_int_equal(gal_stored_sample(&p, 2), -2048);
    p = row(3, 16, 12, 15, false, words, sizeof words); /* the upper twelve bits */
    assert_int_equal(gal_stored_sample(&p, 0), 0x123);
    uint8_t longs[] = {0xFE, 0xFF, 0xFF, 0xFF};
    p = row(1, 32, 32, 31, true, longs, sizeof longs);
    assert_int_equal(gal_stored_sample(&p, 0), -2);
    p.is_signed = false;
    assert_true(gal_stored_sample(&p, 0) == INT64_C(4294967294));
    uint8_t bits[] = {0xA0, 0x01}; /* least significant first, starting at bit 5 */
    p = row(4, 1, 1, 0, false, bits, sizeof bits);
    p.bit_offset = 5;
    int expected[] = {1, 0, 1, 1};
    for (size_t i = 0; i < 4; i++) assert_int_equal(gal_stored_sample(&p, i), expected[i]);
}

static void layouts_are_checked(void **state) {
    (void)state;
    uint8_t pixels[16] = {0};
    galen_error err;
    gal_dicom_picture p = row(8, 16, 12, 11, false, pixels, sizeof pixels);
    assert_int_equal(gal_dicom_check_layout(&p, &err), GALEN_OK);
    struct {
        int allocated, stored, high, samples;
        size_t size;
        galen_status status;
    } bad[] = {
        {12, 12, 11, 1, 16, GALEN_ERR_UNSUPPORTED}, {16, 0, 11, 1, 16, GALEN_ERR_FORMAT},
        {16, 17, 15, 1, 16, GALEN_ERR_FORMAT},      {16, 12, 16, 1, 16, GALEN_ERR_FORMAT},
        {16, 12, 10, 1, 16, GALEN_ERR_FORMAT},      {16, 12, 11, 3, 16, GALEN_ERR_FORMAT},
        {16, 12, 11, 1, 15, GALEN_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_dicom_picture q = row(8, bad[i].allocated, bad[i].stored, bad[i].high, false, pixels, bad[i].size);
        q.info.samples_per_pixel = bad[i].samples;
        assert_int_equal(gal_dicom_check_layout(&q, &err), bad[i].status);
    }
    assert_true(gal_dicom_frame_bits(65535, 65535, 4, 32, false) == UINT64_C(65535) * 65535 * 128);
    assert_true(gal_dicom_frame_bits(0, 5, 1, 8, false) == 0);
    assert_true(gal_dicom_frame_bits(2, 4, 3, 8, true) == 128);
}

static void modality_values(void **state) {
    (void)state;
    gal_dicom_picture p = row(1, 16, 16, 15, true, NULL, 0);
    assert_true(gal_modality_value(&p, -7) == -7);
    p.has_rescale = true;
    p.info.rescale_slope = 2;
    p.info.rescale_intercept = -1024;
    assert_true(gal_modality_value(&p, 100) == -824);
    uint16_t data[] = {10, 20, 30};
    p.modality = (gal_dicom_lut){.entries = 3, .first = -1, .bits = 16, .data = data}; /* wins over the rescale */
    int64_t in[] = {-5, -1, 0, 1, 9};
    int out[] = {10, 10, 20, 30, 30};
    for (int i = 0; i < 5; i++) assert_true(gal_modality_value(&p, in[i]) == out[i]);
}

/* The pseudo-code and the examples of PS3.3 C.11.2.1.2. */
static void windows(void **state) {
    (void)state;
    for (int x = 0; x < 256; x++) assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 128, 256, x), x);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 2048, 4096, 0), 0);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 2048, 4096, 4095), 255);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 2048, 1, 2047), 0); /* a threshold */
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 2048, 1, 2048), 255);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 0, 100, -50), 0);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR, 0, 100, 49), 255);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR_EXACT, 127.5, 255, 64), 64);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR_EXACT, 0, 100, -50), 0);
    assert_int_equal(gal_voi_window(GAL_VOI_LINEAR_EXACT, 0, 100, 50), 255);
    assert_int_equal(gal_voi_window(GAL_VOI_SIGMOID, 50, 100, 50), 128);
    assert_int_equal(gal_voi_window(GAL_VOI_SIGMOID, 50, 100, 75), (int)(255 / (1 + exp(-1)) + 0.5));
    assert_int_equal(gal_voi_window(GAL_VOI_SIGMOID, 50, 1e-9, -1e300), 0);
    assert_true(gal_voi_valid(GAL_VOI_LINEAR, 0, 1));
    assert_false(gal_voi_valid(GAL_VOI_LINEAR, 0, 0.5));
    assert_true(gal_voi_valid(GAL_VOI_SIGMOID, 0, 0.5));
    assert_false(gal_voi_valid(GAL_VOI_SIGMOID, 0, 0));
    assert_false(gal_voi_valid(GAL_VOI_LINEAR, NAN, 10));
    assert_int_equal(gal_voi_range(3, 3, 3), 0);
    assert_int_equal(gal_voi_range(-10, 10, 0), 128);
}

static void voi_tables(void **state) {
    (void)state;
    uint16_t data[] = {0, 2048, 4095};
    gal_dicom_lut lut = {.entries = 3, .first = 100, .bits = 12, .data = data};
    assert_int_equal(gal_voi_table(&lut, -1e300), 0);
    assert_int_equal(gal_voi_table(&lut, 100.6), 128);
    assert_int_equal(gal_voi_table(&lut, 1e300), 255);
    assert_int_equal(gal_voi_table(&lut, NAN), 0);
}

static void grey_frames(void **state) {
    (void)state;
    uint8_t bytes[] = {0, 100, 255}, out[3];
    galen_error err;
    gal_dicom_picture p = row(3, 8, 8, 7, false, bytes, sizeof bytes);
    assert_ok(gal_render_grey(&p, true, out, &err), err);
    assert_memory_equal(out, bytes, 3); /* eight bits pass unchanged */
    p.photometric = GAL_PHOTO_MONOCHROME1;
    assert_ok(gal_render_grey(&p, true, out, &err), err);
    assert_int_equal(out[0], 255);
    assert_int_equal(out[1], 155);
    uint8_t words[] = {0x00, 0xFC, 0x00, 0x00, 0x00, 0x04}; /* -1024 0 1024 */
    p = row(3, 16, 16, 15, true, words, sizeof words);
    assert_ok(gal_render_grey(&p, true, out, &err), err);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], 128);
    assert_int_equal(out[2], 255);
    p.has_window = true;
    p.info.window_center = 0;
    p.info.window_width = 2;
    assert_ok(gal_render_grey(&p, true, out, &err), err);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[2], 255);
    assert_ok(gal_render_grey(&p, false, out, &err), err); /* the window is not asked for */
    assert_int_equal(out[1], 128);
}

/* A frame with more pixels than values goes through a table; it must say what the direct way says. */
static void table_equals_direct(void **state) {
    (void)state;
    enum { N = 4096 };
    static uint8_t pixels[2 * N], all[N], one[1];
    for (int i = 0; i < N; i++) {
        pixels[2 * i] = (uint8_t)(i * 7);
        pixels[2 * i + 1] = (uint8_t)((i * 7) >> 8);
    }
    galen_error err;
    gal_dicom_picture p = row(N, 16, 12, 11, true, pixels, sizeof pixels);
    p.has_window = true;
    p.function = GAL_VOI_SIGMOID;
    p.info.window_center = 100;
    p.info.window_width = 900;
    assert_ok(gal_render_grey(&p, true, all, &err), err);
    for (int i = 0; i < N; i++) {
        gal_dicom_picture q = p;
        q.info.columns = 1;
        q.pixels = pixels + 2 * i;
        assert_ok(gal_render_grey(&q, true, one, &err), err);
        assert_int_equal(one[0], all[i]);
    }
    test_fail_allocation(1, 0);
    assert_int_equal(gal_render_grey(&p, true, all, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

static void palettes(void **state) {
    (void)state;
    uint8_t index[] = {0, 1, 7}, out[9];
    uint16_t wide[] = {0x1234, 0xFF00}, narrow[] = {7, 200};
    galen_error err;
    gal_dicom_picture p = row(3, 8, 8, 7, false, index, sizeof index);
    p.photometric = GAL_PHOTO_PALETTE;
    for (int c = 0; c < 3; c++) p.palette[c] = (gal_dicom_lut){.entries = 2, .bits = 16, .data = wide};
    p.palette[2].data = narrow; /* declares 16 bits, holds 8 */
    assert_ok(gal_render_palette(&p, out, &err), err);
    uint8_t expected[] = {0x12, 0x12, 7, 0xFF, 0xFF, 200, 0xFF, 0xFF, 200};
    assert_memory_equal(out, expected, 9);
    p.palette[1].data = NULL;
    assert_int_equal(gal_render_palette(&p, out, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "Green"));
}

static void colours(void **state) {
    (void)state;
    uint8_t ybr[4][3] = {{255, 128, 128}, {76, 85, 255}, {0, 0, 0}, {255, 255, 255}}, rgb[3];
    uint8_t expected[4][3] = {{255, 255, 255}, {254, 0, 0}, {0, 135, 0}, {255, 121, 255}};
    for (int i = 0; i < 4; i++) {
        gal_ybr_to_rgb(ybr[i], rgb);
        for (int c = 0; c < 3; c++) assert_int_equal(rgb[c], expected[i][c]);
    }
    uint8_t planar[] = {1, 2, 11, 12, 21, 22}, out[6], interleaved[] = {1, 11, 21, 2, 12, 22};
    galen_error err;
    gal_dicom_picture p = row(2, 8, 8, 7, false, planar, sizeof planar);
    p.photometric = GAL_PHOTO_RGB;
    p.info.samples_per_pixel = 3;
    p.planar = true;
    assert_ok(gal_render_colour(&p, out, &err), err);
    assert_memory_equal(out, interleaved, 6);
    p.planar = false;
    assert_ok(gal_render_colour(&p, out, &err), err);
    assert_memory_equal(out, planar, 6);
    uint8_t packed[] = {50, 200, 128, 128}, grey[] = {50, 50, 50, 200, 200, 200};
    p.photometric = GAL_PHOTO_YBR_FULL_422;
    p.pixels = packed;
    p.size = sizeof packed;
    assert_int_equal(gal_dicom_check_layout(&p, &err), GALEN_OK);
    assert_ok(gal_render_colour(&p, out, &err), err);
    assert_memory_equal(out, grey, 6);
    uint8_t deep[] = {0, 0, 0xFF, 0xFF, 0x80, 0x80}, shallow[] = {0, 255, 128}; /* 16 bits */
    p = row(1, 16, 16, 15, false, deep, sizeof deep);
    p.photometric = GAL_PHOTO_RGB;
    assert_ok(gal_render_colour(&p, out, &err), err);
    assert_memory_equal(out, shallow, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_samples),
        cmocka_unit_test(layouts_are_checked),
        cmocka_unit_test(modality_values),
        cmocka_unit_test(windows),
        cmocka_unit_test(voi_tables),
        cmocka_unit_test(grey_frames),
        cmocka_unit_test(palettes),
        cmocka_unit_test(colours),
        cmocka_unit_test(table_equals_direct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
