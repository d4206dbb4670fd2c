/* PNG: all kinds in, four kinds out and back, damage, limits. */
#include "image/fixtures.h"

/* The sample a viewer expects: scaled to 8 bits, looked up in the palette, alpha from tRNS. */
static unsigned expected(const png_kind *k, int x, int y, int c, int channels) {
    unsigned v = png_sample(k, x, y, 0);
    if (k->color == PNG_COLOR_TYPE_PALETTE) {
        png_color p = palette_of(v);
        return c == 0 ? p.red : c == 1 ? p.green : c == 2 ? p.blue : v == 0 ? 0 : v == 1 ? 128 : 255;
    }
    unsigned full = k->depth == 16 ? 65535 : 255;
    if (k->transparent && c == channels - 1) {
        for (int i = 0; i < channels - 1; i++)
            if (png_sample(k, x, y, i) != png_sample(k, 0, 0, i)) return full;
        return 0;
    }
    v = png_sample(k, x, y, c);
    return k->depth < 8 ? v * 255 / ((1u << k->depth) - 1) : v;
}

static void check(const png_kind *k) {
    made file = make_png(*k);
    galen_image image;
    galen_error err = {0};
    assert_ok(galen_image_decode(file.bytes, file.size, NULL, &image, &err), err);
    int channels = k->color == PNG_COLOR_TYPE_PALETTE ? 3 : png_channels(k->color);
    channels += k->transparent;
    assert_int_equal(image.channels, channels);
    assert_int_equal(image.width, k->width);
    assert_int_equal(image.sample, k->depth == 16 ? GALEN_SAMPLE_U16 : GALEN_SAMPLE_U8);
    for (int y = 0; y < k->height; y++)
        for (int x = 0; x < k->width; x++)
            for (int c = 0; c < channels; c++) {
                size_t at = (size_t)((y * k->width + x) * channels + c);
                unsigned got = k->depth == 16 ? ((uint16_t *)image.data)[at] : ((uint8_t *)image.data)[at];
                assert_int_equal(got, expected(k, x, y, c, channels));
            }
    galen_image_free(&image);
    free(file.bytes);
}

static void test_all_kinds(void **state) {
    (void)state;
    static const struct {
        int color, depths, key; /* depths: sum of those allowed; key: tRNS allowed */
    } kinds[] = {{PNG_COLOR_TYPE_GRAY, 1 | 2 | 4 | 8 | 16, 1},
                 {PNG_COLOR_TYPE_PALETTE, 1 | 2 | 4 | 8, 1},
                 {PNG_COLOR_TYPE_RGB, 8 | 16, 1},
                 {PNG_COLOR_TYPE_RGBA, 8 | 16, 0},
                 {PNG_COLOR_TYPE_GRAY_ALPHA, 8 | 16, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int depth = 1; depth <= 16; depth *= 2)
            for (int variant = 0; variant < 4; variant++)
                if ((kinds[i].depths & depth) && (kinds[i].key || variant < 2)) {
                    check(&(png_kind){19, 13, kinds[i].color, depth, variant & 1, variant >> 1, 0});
                    check(&(png_kind){1, 1, kinds[i].color, depth, variant & 1, variant >> 1, 0});
                }
}

static void test_round_trip(void **state) {
    (void)state;
    for (int channels = 1; channels <= 4; channels++)
        for (int deep = 0; deep < 2; deep++) {
            galen_image image, back;
            galen_error err = {0};
            void *bytes = NULL;
            size_t size = 0;
            assert_ok(galen_image_create(33, 7, channels, deep ? GALEN_SAMPLE_U16 : GALEN_SAMPLE_U8, &image, &err),
                      err);
            size_t n = (size_t)(33 * 7 * channels * (deep + 1));
            for (size_t i = 0; i < n; i++) ((uint8_t *)image.data)[i] = (uint8_t)(i * 7919 >> 3);
            assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
            assert_ok(galen_image_decode(bytes, size, NULL, &back, &err), err);
            assert_int_equal(back.channels, channels);
            assert_int_equal(back.sample, image.sample);
            assert_memory_equal(image.data, back.data, n);
            galen_free(bytes);
            galen_image_free(&image);
            galen_image_free(&back);
        }
}

static void test_damage(void **state) {
    (void)state;
    static const png_kind kinds[] = {{9, 7, PNG_COLOR_TYPE_GRAY, 8, 0, 0, 0},
                                     {9, 7, PNG_COLOR_TYPE_PALETTE, 4, 1, 1, 0},
                                     {9, 7, PNG_COLOR_TYPE_RGB, 16, 1, 1, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        made file = make_png(kinds[i]);
        check_truncations(file, 0);
        /* Every chunk carries a checksum, so no flipped bit may go unseen. */
        assert_int_equal(check_bit_flips(file, 1), (int)file.size * 8);
        free(file.bytes);
    }
}

static void test_limits(void **state) {
    (void)state;
    /* A header of 60000x60000, and one that fits the limits but not the file; both with a right checksum. */
    static const unsigned char huge[] = {0x89, 'P',  'N', 'G', 13,  10, 26, 10,   0,    0,    0,
                                         13,   'I',  'H', 'D', 'R', 0,  0,  0xea, 0x60, 0,    0,
                                         0xea, 0x60, 8,   0,   0,   0,  0,  0xe1, 0xd6, 0x94, 0x39};
    galen_image_limits small = {.max_side = 10, .max_pixels = 1000, .max_file_bytes = 1 << 20};
    unsigned char fixed[sizeof huge + 64] = {0};
    memcpy(fixed, huge, sizeof huge);
    png_uint_32 crc = (png_uint_32)crc32(0, fixed + 12, 17);
    for (int i = 0; i < 4; i++) fixed[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    memcpy(fixed + 33, "\0\0\0\0IDAT\x35\xaf\x06\x1e", 12); /* an empty IDAT ends the header */
    assert_refused(fixed, sizeof fixed, NULL, GALEN_ERR_LIMIT, "60000x60000");
    for (int i = 0; i < 2; i++) fixed[18 + 4 * i] = 0x27, fixed[19 + 4 * i] = 0x10; /* 10000 */
    crc = (png_uint_32)crc32(0, fixed + 12, 17);
    for (int i = 0; i < 4; i++) fixed[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    assert_refused(fixed, sizeof fixed, NULL, GALEN_ERR_FORMAT, "too few");
    made file = make_png((png_kind){19, 13, PNG_COLOR_TYPE_GRAY, 8, 0, 0, 0});
    assert_refused(file.bytes, file.size, &small, GALEN_ERR_LIMIT, "10 pixels a side");
    free(file.bytes);
}

/* An index beyond the palette is damage, and not black. */
static void test_beyond_palette(void **state) {
    (void)state;
    made file = make_png((png_kind){19, 13, PNG_COLOR_TYPE_PALETTE, 4, 0, 0, 15});
    assert_refused(file.bytes, file.size, NULL, GALEN_ERR_FORMAT, "palette");
    free(file.bytes);
}

static void test_memory(void **state) {
    (void)state;
    made indexed = make_png((png_kind){19, 13, PNG_COLOR_TYPE_PALETTE, 8, 0, 1, 0});
    check_decode_memory(indexed);
    free(indexed.bytes);
    made file = make_png((png_kind){19, 13, PNG_COLOR_TYPE_RGB, 16, 1, 1, 0});
    check_decode_memory(file);
    galen_image image;
    galen_error err = {0};
    assert_ok(galen_image_decode(file.bytes, file.size, NULL, &image, &err), err);
    for (long n = 1;; n++) {
        void *bytes = NULL;
        size_t size = 0;
        test_fail_allocation(n, 0);
        galen_status status = galen_image_encode_png(&image, &bytes, &size, &err);
        test_fail_allocation(0, 0);
        galen_free(bytes);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(bytes);
    }
    galen_image_free(&image);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_memory),     cmocka_unit_test(test_beyond_palette),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
