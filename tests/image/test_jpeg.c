/* JPEG decoding: colours, damage, limits. */
#include "image/fixtures.h"

static galen_image decode(made file) {
    galen_image image;
    galen_error err = {0};
    assert_ok(galen_image_decode(file.bytes, file.size, NULL, &image, &err), err);
    return image;
}

/* Largest difference from the picture that went in; lossy, but not by much on a smooth picture away from its jumps. */
static double mean_difference(const galen_image *image) {
    double sum = 0;
    const uint8_t *p = image->data;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < image->channels; c++) sum += abs(*p++ - sample_of(x, y, c));
    return sum / ((double)image->width * image->height * image->channels);
}

static void test_kinds(void **state) {
    (void)state;
    static const jpeg_kind kinds[] = {{40, 30, 1, 0, 1, 0}, {40, 30, 3, 0, 1, 0}, {41, 31, 3, 0, 2, 0},
                                      {41, 31, 1, 1, 1, 0}, {40, 30, 3, 1, 2, 0}, {1, 1, 3, 0, 2, 0},
                                      {40, 30, 3, 0, 1, 1}, {40, 30, 4, 0, 1, 0}, {40, 30, 14, 0, 1, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        made file = make_jpeg(kinds[i]);
        galen_image image = decode(file);
        assert_int_equal(image.width, kinds[i].width);
        assert_int_equal(image.height, kinds[i].height);
        assert_int_equal(image.channels, kinds[i].components == 1 ? 1 : 3);
        assert_int_equal(image.sample, GALEN_SAMPLE_U8);
        /* CMYK is stored inverted with no black ink (255), so its colours are the picture's. */
        double d = mean_difference(&image);
        if (d > 4) fail_msg("kind %zu differs by %.2f", i, d);
        galen_image_free(&image);
        free(file.bytes);
    }
}

static void test_damage(void **state) {
    (void)state;
    static const jpeg_kind kinds[] = {{24, 17, 1, 0, 1, 0}, {24, 17, 3, 1, 2, 0}, {24, 17, 14, 0, 1, 1}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        made file = make_jpeg(kinds[i]);
        check_truncations(file, 0);
        assert_true(check_bit_flips(file, 1) > 0);
        free(file.bytes);
    }
}

static void test_truncated_says_so(void **state) {
    (void)state;
    made file = make_jpeg((jpeg_kind){64, 64, 1, 0, 1, 0});
    assert_refused(file.bytes, file.size - 2, NULL, GALEN_ERR_FORMAT, "truncated");
    assert_refused(file.bytes, file.size - 40, NULL, GALEN_ERR_FORMAT, "truncated");
    assert_refused(file.bytes, 2, NULL, GALEN_ERR_FORMAT, "truncated");
    free(file.bytes);
}

/* Zeros in the middle of the coded data: libjpeg would only warn. */
static void test_corrupt_data_is_an_error(void **state) {
    (void)state;
    made file = make_jpeg((jpeg_kind){64, 64, 3, 0, 1, 0});
    file.bytes[file.size - 200] = 0xff;
    file.bytes[file.size - 199] = 0xd9;
    assert_refused(file.bytes, file.size, NULL, GALEN_ERR_FORMAT, "JPEG");
    free(file.bytes);
}

/* The frame header, found by its marker, made to claim another size. */
static void claim(made file, unsigned width, unsigned height) {
    for (size_t i = 2; i + 9 < file.size; i++)
        if (file.bytes[i] == 0xff && (file.bytes[i + 1] == 0xc0 || file.bytes[i + 1] == 0xc2)) {
            file.bytes[i + 5] = (unsigned char)(height >> 8), file.bytes[i + 6] = (unsigned char)height;
            file.bytes[i + 7] = (unsigned char)(width >> 8), file.bytes[i + 8] = (unsigned char)width;
            return;
        }
    fail();
}

static void test_limits(void **state) {
    (void)state;
    galen_image_limits small = {.max_side = 100, .max_pixels = 1000, .max_file_bytes = 1 << 20};
    for (int progressive = 0; progressive < 2; progressive++) {
        made file = make_jpeg((jpeg_kind){40, 30, 3, progressive, 1, 0});
        assert_refused(file.bytes, file.size, &small, GALEN_ERR_LIMIT, "1000 pixels");
        claim(file, 60000, 60000);
        assert_refused(file.bytes, file.size, NULL, GALEN_ERR_LIMIT, "60000x60000");
        claim(file, 10000, 10000); /* within the limits, but no such picture fits the file */
        test_fail_allocation(0, 0);
        assert_refused(file.bytes, file.size, NULL, GALEN_ERR_FORMAT, "too few");
        claim(file, 0, 30);
        assert_refused(file.bytes, file.size, NULL, GALEN_ERR_FORMAT, "");
        free(file.bytes);
    }
    made file = make_jpeg((jpeg_kind){40, 30, 1, 0, 1, 0});
    small.max_file_bytes = 100;
    assert_refused(file.bytes, file.size, &small, GALEN_ERR_LIMIT, "bytes");
    free(file.bytes);
}

/* The last scan of a file with one for each component, again and again. */
static void test_scan_bomb(void **state) {
    (void)state;
    made file = make_jpeg((jpeg_kind){16, 16, 3, 2, 1, 0});
    size_t scan = 0;
    for (size_t i = 2; i + 1 < file.size; i++)
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xda) scan = i;
    size_t tail = file.size - 2 - scan;
    for (size_t count = 100; count <= 1000; count += 900) {
        made bomb = {malloc(file.size + tail * count), scan};
        memcpy(bomb.bytes, file.bytes, scan);
        for (size_t i = 0; i < count; i++) {
            memcpy(bomb.bytes + bomb.size, file.bytes + scan, tail);
            bomb.size += tail;
        }
        memcpy(bomb.bytes + bomb.size, "\xff\xd9", 2);
        bomb.size += 2;
        galen_image image = {0};
        if (count == 100)
            image = decode(bomb);
        else
            assert_refused(bomb.bytes, bomb.size, NULL, GALEN_ERR_LIMIT, "scans");
        galen_image_free(&image);
        free(bomb.bytes);
    }
    free(file.bytes);
}

static void test_other_files(void **state) {
    (void)state;
    static const char gif[] = "GIF89a..........", zip[] = "PK\3\4............", words[] = "hello, world";
    unsigned char dicom[200] = {0};
    memcpy(dicom + 128, "DICM", 4);
    assert_refused(gif, sizeof gif, NULL, GALEN_ERR_UNSUPPORTED, "GIF");
    assert_refused(zip, sizeof zip, NULL, GALEN_ERR_UNSUPPORTED, "zip");
    assert_refused(dicom, sizeof dicom, NULL, GALEN_ERR_UNSUPPORTED, "DICOM");
    assert_refused(words, sizeof words, NULL, GALEN_ERR_FORMAT, "68 65 6c 6c");
    assert_refused("", 0, NULL, GALEN_ERR_FORMAT, "empty");
    assert_refused("\xff\xd8\xff\xd9", 4, NULL, GALEN_ERR_FORMAT, "JPEG");
}

static void test_memory(void **state) {
    (void)state;
    made file = make_jpeg((jpeg_kind){40, 30, 3, 0, 2, 0});
    check_decode_memory(file);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_truncated_says_so),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_scan_bomb),
        cmocka_unit_test(test_corrupt_data_is_an_error),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
