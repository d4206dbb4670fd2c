/* One CT in every transfer syntax: the lossless ones to identical values, the lossy ones close to them. */
#include "support/shared.h"

#include <galen/dicom.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 512, PIXELS = SIDE * SIDE };

#define CT "CTImage.dcm"

static unsigned char *load(const char *name, size_t *size) {
    char path[256];
    snprintf(path, sizeof path, "dicom/syntaxes/%s", name);
    return test_read(test_shared(path), size);
}

static double *values_of(const char *name, galen_dicom_info *info) {
    size_t size;
    unsigned char *bytes = load(name, &size);
    double *values = NULL;
    galen_error err;
    assert_ok(galen_dicom_read_values(bytes, size, 0, &values, info, &err), err);
    free(bytes);
    return values;
}

static galen_image picture_of(const char *name, int frame, galen_dicom_info *info) {
    size_t size;
    unsigned char *bytes = load(name, &size);
    galen_dicom_options options = galen_dicom_default_options();
    options.frame = frame;
    galen_image image;
    galen_error err;
    assert_ok(galen_dicom_read(bytes, size, &options, &image, info, &err), err);
    free(bytes);
    return image;
}

static void lossless_are_identical(void **state) {
    (void)state;
    static const char *const names[] = {
        CT "_LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm",
        CT "_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm",
        CT "_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
        CT "_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
        CT "_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm",
        CT "_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm",
        CT "_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm",
        CT "_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm",
        CT "_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm",
    };
    galen_dicom_info info;
    double *truth = values_of(CT, &info);
    galen_image shown = picture_of(CT, 0, &info);
    assert_int_equal(info.rows, SIDE);
    assert_int_equal(info.columns, SIDE);
    assert_int_equal(info.bits_stored, 16);
    assert_true(info.pixel_is_signed && info.rescale_intercept == -1024 && info.window_width == 400);
    assert_string_equal(info.modality, "CT");
    assert_string_equal(info.transfer_syntax, "1.2.840.10008.1.2");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double *values = values_of(names[i], &info);
        galen_image image = picture_of(names[i], 0, &info);
        assert_memory_equal(values, truth, PIXELS * sizeof *values);
        assert_memory_equal(image.data, shown.data, PIXELS);
        galen_image_free(&image);
        galen_free(values);
    }
    galen_image_free(&shown);
    galen_free(truth);
}

/* Bounds in Hounsfield units, a little above what the encoder of these files lost (the 8-bit one has steps of 32). */
static void lossy_are_close(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double mean, most;
    } files[] = {
        {CT "_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm", 21, 65},
        {CT "_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm", 4, 36},
        {CT "_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm", 4, 36},
        {CT "_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm", 4, 36},
        {CT "_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm", 0.7, 1},
        {CT "_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm", 0.6, 6},
    };
    galen_dicom_info info;
    double *truth = values_of(CT, &info);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        double *values = values_of(files[f].name, &info), sum = 0, most = 0;
        for (size_t i = 0; i < PIXELS; i++) {
            double off = fabs(values[i] - truth[i]);
            sum += off;
            most = off > most ? off : most;
        }
        if (sum / PIXELS > files[f].mean || most > files[f].most)
            fail_msg("%s: mean %.3f most %.1f", files[f].name, sum / PIXELS, most);
        galen_free(values);
    }
    galen_free(truth);
}

static void frames_by_index(void **state) {
    (void)state;
    static const char name[] = "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm"; /* many fragments, no offset table */
    galen_dicom_info info;
    galen_image first = picture_of(name, 0, &info), second = picture_of(name, 1, &info);
    assert_int_equal(info.frames, 2);
    assert_true(info.rescale_intercept == -1024); /* from the functional groups */
    assert_memory_not_equal(first.data, second.data, PIXELS);
    galen_image_free(&first);
    galen_image_free(&second);
    size_t size;
    unsigned char *bytes = load(name, &size);
    galen_dicom_options options = galen_dicom_default_options();
    galen_error err;
    options.frame = 2;
    assert_int_equal(galen_dicom_read(bytes, size, &options, &first, NULL, &err), GALEN_ERR_ARGUMENT);
    assert_string_equal(err.message, "frame 2 asked for, but the file has 2 (0 to 1)");
    options.frame = -1;
    assert_int_equal(galen_dicom_read(bytes, size, &options, &first, NULL, &err), GALEN_ERR_ARGUMENT);
    free(bytes);
}

static void colour_files(void **state) {
    (void)state;
    galen_dicom_info info;
    galen_image image = picture_of("US-YBR_FULL_422-EVRLE.dcm", 0, &info);
    assert_int_equal(image.channels, 3);
    assert_int_equal(image.width, 800);
    assert_string_equal(info.photometric, "YBR_FULL_422");
    galen_image_free(&image);
    image = picture_of("no-pixel-spacing.dcm", 0, &info);
    assert_int_equal(image.channels, 3);
    assert_true(info.pixel_spacing[0] == 0);
    galen_image_free(&image);
    size_t size;
    unsigned char *bytes = load("no-pixel-spacing.dcm", &size);
    double *values;
    galen_error err;
    assert_int_equal(galen_dicom_read_values(bytes, size, 0, &values, NULL, &err), GALEN_ERR_UNSUPPORTED);
    assert_null(values);
    free(bytes);
}

static void limits_are_kept(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = load(CT "_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm", &size);
    galen_dicom_options options = galen_dicom_default_options();
    galen_image image;
    galen_error err;
    options.limits.max_side = SIDE - 1;
    assert_int_equal(galen_dicom_read(bytes, size, &options, &image, NULL, &err), GALEN_ERR_LIMIT);
    options = galen_dicom_default_options();
    options.limits.max_pixels = PIXELS - 1;
    assert_int_equal(galen_dicom_read(bytes, size, &options, &image, NULL, &err), GALEN_ERR_LIMIT);
    options = galen_dicom_default_options();
    options.limits.max_file_bytes = (int64_t)size - 1;
    assert_int_equal(galen_dicom_read(bytes, size, &options, &image, NULL, &err), GALEN_ERR_LIMIT);
    free(bytes);
    /* A deflated file is small, what it grows into is not. */
    bytes = load(CT "_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm", &size);
    options.limits.max_file_bytes = 400000;
    assert_true(size < 400000);
    assert_int_equal(galen_dicom_read(bytes, size, &options, &image, NULL, &err), GALEN_ERR_LIMIT);
    free(bytes);
}

static unsigned word(const unsigned char *p) {
    return (unsigned)p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 | (unsigned)p[3] << 24;
}

/* Shortens the one fragment of a frame to `percent` of its bytes, leaving the data set around it whole. */
static size_t shorten(unsigned char *bytes, size_t size, unsigned percent) {
    size_t at = 0;
    for (size_t i = 0; i + 12 < size; i++)
        if (memcmp(bytes + i, "\xE0\x7F\x10\0O", 5) == 0 && word(bytes + i + 8) == 0xFFFFFFFFu) at = i + 12;
    assert_true(at > 0);
    at += 8 + word(bytes + at + 4); /* the offset table */
    unsigned keep = (unsigned)((uint64_t)word(bytes + at + 4) * percent / 100) & ~1u;
    memcpy(bytes + at + 4, &keep, 4);
    memcpy(bytes + at + 8 + keep, "\xFE\xFF\xDD\xE0\0\0\0\0", 8);
    return at + 16 + keep;
}

/* A frame that is not whole is refused: half a chest in grey must not be taken for a picture. */
static void cut_frames_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        CT "_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm",
        CT "_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm",
        CT "_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
        CT "_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
        CT "_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm",
        CT "_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm",
        CT "_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm",
        CT "_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned percent = 0; percent < 100; percent += 33) {
            size_t size;
            unsigned char *bytes = load(names[i], &size);
            galen_image image;
            galen_error err;
            galen_status status = galen_dicom_read(bytes, shorten(bytes, size, percent), NULL, &image, NULL, &err);
            if (status != GALEN_ERR_FORMAT) fail_msg("%s at %u %%: status %d", names[i], percent, (int)status);
            free(bytes);
        }
}

typedef struct job {
    const char *name;
    unsigned char *bytes;
    size_t size;
    uint64_t sum;
    int failed;
} job;

static void *decode_often(void *user) {
    job *j = user;
    for (int round = 0; round < 8; round++) {
        galen_image image;
        galen_error err;
        if (galen_dicom_read(j->bytes, j->size, NULL, &image, NULL, &err) != GALEN_OK) {
            j->failed = 1;
            return NULL;
        }
        uint64_t sum = 0;
        for (size_t i = 0; i < PIXELS; i++) sum = sum * 31 + ((uint8_t *)image.data)[i];
        if (round > 0 && sum != j->sum) j->failed = 1;
        j->sum = sum;
        galen_image_free(&image);
    }
    return NULL;
}

/* Four threads, four decoders, the first use of the plug-in among them when this test runs alone. */
static void many_threads(void **state) {
    (void)state;
    job jobs[] = {{.name = CT},
                  {.name = CT "_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm"},
                  {.name = CT "_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm"},
                  {.name = CT "_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm"}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) jobs[i].bytes = load(jobs[i].name, &jobs[i].size);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, decode_often, &jobs[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) {
        assert_false(jobs[i].failed);
        assert_true(jobs[i].sum == jobs[0].sum);
        free(jobs[i].bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads),           cmocka_unit_test(cut_frames_are_refused),
        cmocka_unit_test(lossless_are_identical), cmocka_unit_test(lossy_are_close),
        cmocka_unit_test(frames_by_index),        cmocka_unit_test(colour_files),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
