/* Data sets made by hand in implicit VR, read on a machine without DCMTK's dictionary file, and nothing printed about
 * it. */
#include "support/shared.h"

#include "base/buf.h"

#include <fcntl.h>
#include <galen/dicom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gal_buf file;

static void element(uint32_t tag, const void *value, size_t size) {
    uint8_t head[8] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag,          (uint8_t)(tag >> 8),
                       (uint8_t)size,        (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
    gal_buf_put(&file, head, sizeof head);
    gal_buf_put(&file, value, size);
}

static void text(uint32_t tag, const char *value) {
    char padded[64];
    int n = snprintf(padded, sizeof padded, "%s%s", value, strlen(value) % 2 ? " " : "");
    element(tag, padded, (size_t)n);
}

static void number(uint32_t tag, unsigned value) {
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    element(tag, bytes, 2);
}

/* Group 0008 and the image module; what comes behind 0028,0103 is added by the test. */
static void begin(const char *photometric, unsigned rows, unsigned columns, unsigned bits, unsigned is_signed) {
    gal_buf_init(&file, 1 << 20);
    text(0x00080016, "1.2.840.10008.5.1.4.1.1.7");
    text(0x00080060, "OT");
    number(0x00280002, 1);
    text(0x00280004, photometric);
    text(0x00280008, "2");
    number(0x00280010, rows);
    number(0x00280011, columns);
    number(0x00280100, bits > 8 ? 16 : bits == 1 ? 1 : 8);
    number(0x00280101, bits);
    number(0x00280102, bits - 1);
    number(0x00280103, is_signed);
}

/* A sequence with one item that holds a lookup table. */
static void lut(uint32_t tag, unsigned first, unsigned bits, const uint16_t *data, unsigned count) {
    uint8_t value[256] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)(8 + 6 + 8 + 2 * count), 0, 0, 0, 0x28, 0, 0x02, 0x30,
                          6,    0,    0,    0};
    uint8_t rest[] = {(uint8_t)count,
                      0,
                      (uint8_t)first,
                      (uint8_t)(first >> 8),
                      (uint8_t)bits,
                      0,
                      0x28,
                      0,
                      0x06,
                      0x30,
                      (uint8_t)(2 * count),
                      0,
                      0,
                      0};
    memcpy(value + 16, rest, sizeof rest);
    size_t at = 16 + sizeof rest;
    for (unsigned i = 0; i < count; i++) {
        value[at++] = (uint8_t)data[i];
        value[at++] = (uint8_t)(data[i] >> 8);
    }
    element(tag, value, at);
}

static galen_image show(int frame, galen_dicom_info *info) {
    galen_dicom_options options = galen_dicom_default_options();
    options.frame = frame;
    galen_image image;
    galen_error err;
    assert_false(file.failed);
    assert_ok(galen_dicom_read(file.data, file.size, &options, &image, info, &err), err);
    return image;
}

static void modality_and_voi_tables(void **state) {
    (void)state;
    const uint16_t modality[] = {100, 200, 300, 400}, voi[] = {0, 1023, 2048, 4095};
    begin("MONOCHROME2", 1, 4, 16, 1);
    lut(0x00283000, 0xFFFF, 16, modality, 4); /* from -1 on */
    lut(0x00283010, 200, 12, voi, 4);
    const uint8_t pixels[16] = {0xFF, 0xFF, 0, 0, 1, 0, 2, 0, 2, 0, 0, 0, 0, 0x80, 0xFF, 0x7F};
    element(0x7FE00010, pixels, sizeof pixels);
    galen_dicom_info info;
    galen_error err;
    double *values;
    assert_ok(galen_dicom_read_values(file.data, file.size, 0, &values, &info, &err), err);
    for (int i = 0; i < 4; i++) assert_true(values[i] == modality[i]);
    galen_free(values);
    assert_ok(galen_dicom_read_values(file.data, file.size, 1, &values, &info, &err), err);
    const int second[] = {400, 200, 100, 400};
    for (int i = 0; i < 4; i++) assert_true(values[i] == second[i]);
    galen_free(values);
    galen_image image = show(0, &info); /* 200, 201, ... map to the entries; 300 and 400 lie behind the last */
    const uint8_t expected[] = {0, 0, 255, 255};
    assert_memory_equal(image.data, expected, 4);
    assert_int_equal(info.frames, 2);
    galen_image_free(&image);
    gal_buf_free(&file);
}

static void window_functions(void **state) {
    (void)state;
    const struct {
        const char *photometric, *function, *width;
        uint8_t expected[3];
    } cases[] = {
        {"MONOCHROME2", "LINEAR", "101", {0, 129, 255}},  {"MONOCHROME2", "LINEAR_EXACT", "100", {0, 128, 255}},
        {"MONOCHROME2", "SIGMOID", "100", {5, 128, 250}}, {"MONOCHROME1", "LINEAR", "101", {255, 126, 0}},
        {"MONOCHROME2", "LINEAR", "0", {0, 128, 255}}, /* no window at all: the frame's own range */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].photometric, 1, 3, 12, 0);
        text(0x00281050, "-924\\5");
        char width[32];
        snprintf(width, sizeof width, "%s\\7", cases[i].width);
        text(0x00281051, width);
        text(0x00281052, "-1024");
        text(0x00281053, "1");
        text(0x00281056, cases[i].function);
        const uint8_t pixels[12] = {0, 0, 100, 0, 200, 0};
        element(0x7FE00010, pixels, sizeof pixels);
        galen_dicom_info info;
        galen_image image = show(0, &info);
        if (memcmp(image.data, cases[i].expected, 3) != 0) {
            const uint8_t *got = image.data;
            fail_msg("%s width %s: %d %d %d", cases[i].function, cases[i].width, got[0], got[1], got[2]);
        }
        assert_true(info.rescale_intercept == -1024);
        assert_true(info.window_width == (i == 4 ? 0 : strtod(cases[i].width, NULL)));
        galen_image_free(&image);
        gal_buf_free(&file);
    }
}

static void packed_palette(void **state) {
    (void)state;
    const uint8_t descriptor[] = {4, 0, 1, 0, 8, 0}, red[] = {10, 20, 30, 40}, green[] = {0, 0, 0, 255};
    begin("PALETTE COLOR", 1, 2, 8, 0);
    for (uint32_t c = 0; c < 3; c++) element(0x00281101 + c, descriptor, 6);
    for (uint32_t c = 0; c < 3; c++) element(0x00281201 + c, c == 1 ? green : red, 4);
    const uint8_t pixels[] = {0, 2, 9, 4};
    element(0x7FE00010, pixels, 4);
    galen_image image = show(1, NULL);
    const uint8_t expected[] = {40, 255, 40, 40, 255, 40};
    assert_int_equal(image.channels, 3);
    assert_memory_equal(image.data, expected, 6);
    galen_image_free(&image);
    gal_buf_free(&file);
}

static void frames_of_bits(void **state) {
    (void)state;
    begin("MONOCHROME2", 3, 3, 1, 0);         /* the second frame starts inside a byte */
    const uint8_t pixels[] = {0, 0x56, 1, 0}; /* bits 9..17: 1 1 0 1 0 1 0 1 0 */
    element(0x7FE00010, pixels, 4);
    galen_image image = show(1, NULL);
    const uint8_t expected[] = {255, 255, 0, 255, 0, 255, 0, 255, 0};
    assert_memory_equal(image.data, expected, 9);
    galen_image_free(&image);
    gal_buf_free(&file);
}

static void wrong_headers(void **state) {
    (void)state;
    galen_image image;
    galen_error err;
    galen_dicom_options options = galen_dicom_default_options();
    begin("MONOCHROME2", 4, 4, 8, 0);
    element(0x7FE00010, "0123456789abcdef", 16); /* one frame of the two it says */
    options.frame = 1;
    assert_int_equal(galen_dicom_read(file.data, file.size, &options, &image, NULL, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "cut short"));
    gal_buf_free(&file);
    begin("HSV", 1, 2, 8, 0);
    element(0x7FE00010, "0123", 4);
    assert_int_equal(galen_dicom_read(file.data, file.size, NULL, &image, NULL, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "HSV"));
    gal_buf_free(&file);
    begin("MONOCHROME2", 60000, 60000, 16, 0);
    element(0x7FE00010, "0123", 4);
    assert_int_equal(galen_dicom_read(file.data, file.size, NULL, &image, NULL, &err), GALEN_ERR_LIMIT);
    gal_buf_free(&file);
}

static void real_files(void **state) {
    (void)state;
    static const char *const names[] = {"dicom/syntaxes/CTImage.dcm", "dicom/pydicom/test_files/MR_small_implicit.dcm",
                                        "dicom/pydicom/test_files/rtdose.dcm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        unsigned char *bytes = test_read(test_shared(names[i]), &size);
        double *values;
        galen_error err;
        assert_ok(galen_dicom_read_values(bytes, size, 0, &values, NULL, &err), err);
        galen_free(values);
        free(bytes);
    }
}

/* Where stderr goes while the first test runs. */
static char said[512];

static void nothing_was_printed(void **state) {
    (void)state;
    struct stat st;
    assert_int_equal(stat(said, &st), 0);
    assert_int_equal(st.st_size, 0);
}

static int kept;

static int silence(void **state) {
    (void)state;
    setenv("DCMDICTPATH", "/nonexistent", 1); /* before the plug-in starts */
    snprintf(said, sizeof said, "%s/stderr", test_tmp());
    int fd = open(said, O_CREAT | O_WRONLY, 0600);
    kept = dup(STDERR_FILENO);
    return fd < 0 || kept < 0 || dup2(fd, STDERR_FILENO) < 0 || close(fd) != 0;
}

static int restore(void **state) {
    (void)state;
    return dup2(kept, STDERR_FILENO) < 0;
}

/* One file read with stderr caught; the tests behind show the answers are right. */
static void quiet_start(void **state) {
    (void)state;
    begin("MONOCHROME2", 1, 2, 8, 0);
    element(0x7FE00010, "abcd", 4);
    galen_image image = show(0, NULL);
    galen_image_free(&image);
    galen_error err;
    for (size_t n = 0; n < file.size; n++) galen_dicom_read(file.data, n, NULL, &image, NULL, &err);
    file.data[0x30] ^= 0x55;
    if (galen_dicom_read(file.data, file.size, NULL, &image, NULL, &err) == GALEN_OK) galen_image_free(&image);
    gal_buf_free(&file);
    nothing_was_printed(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(quiet_start, silence, restore),
        cmocka_unit_test(modality_and_voi_tables),
        cmocka_unit_test(window_functions),
        cmocka_unit_test(packed_palette),
        cmocka_unit_test(frames_of_bits),
        cmocka_unit_test(wrong_headers),
        cmocka_unit_test(real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
