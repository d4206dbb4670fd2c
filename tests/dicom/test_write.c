/* Files we write ourselves: round trip, labels, and what happens when they are damaged. */
#include "support/shared.h"

#include "base/rng.h"
#include "dicom/emit.h"

#include <galen/dicom.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 37, HEIGHT = 23 };

static galen_image ramp(void) {
    galen_image image;
    galen_error err;
    assert_ok(galen_image_create(WIDTH, HEIGHT, 1, GALEN_SAMPLE_U8, &image, &err), err);
    for (int i = 0; i < WIDTH * HEIGHT; i++) ((uint8_t *)image.data)[i] = (uint8_t)(i * 7);
    return image;
}

static galen_dicom_labels labels_of(uint8_t seed) {
    galen_dicom_labels labels = {.patient_name = "Phantom^Seven",
                                 .patient_id = "PHANTOM-7",
                                 .patient_sex = "O",
                                 .study_date = "20260101",
                                 .series_description = "Synthetic chest",
                                 .body_part = "CHEST",
                                 .view = "PA",
                                 .series_number = 1,
                                 .instance_number = 7,
                                 .pixel_spacing = {0.143, 0.5}};
    memset(labels.study_seed, seed, 16);
    memset(labels.series_seed, seed + 1, 16);
    memset(labels.instance_seed, seed + 2, 16);
    return labels;
}

static void *written(size_t *size) {
    galen_image image = ramp();
    galen_dicom_labels labels = labels_of(3);
    void *bytes;
    galen_error err;
    assert_ok(galen_dicom_write_grey(&image, &labels, &bytes, size, &err), err);
    galen_image_free(&image);
    return bytes;
}

static void round_trip(void **state) {
    (void)state;
    size_t size, again_size;
    void *bytes = written(&size), *again = written(&again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(bytes, again, size);
    assert_int_equal(size % 2, 0);
    assert_true(galen_dicom_probe(bytes, size));
    galen_image truth = ramp(), image;
    galen_dicom_info info;
    galen_error err;
    assert_ok(galen_dicom_read(bytes, size, NULL, &image, &info, &err), err);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    assert_int_equal(image.channels, 1);
    assert_memory_equal(image.data, truth.data, WIDTH * HEIGHT);
    assert_string_equal(info.modality, "CR");
    assert_string_equal(info.body_part, "CHEST");
    assert_string_equal(info.view, "PA");
    assert_string_equal(info.sop_class, "1.2.840.10008.5.1.4.1.1.1");
    assert_true(info.pixel_spacing[0] == 0.143 && info.pixel_spacing[1] == 0.5);
    assert_true(info.frames == 1 && info.bits_stored == 8 && !info.pixel_is_signed);
    double *values;
    assert_ok(galen_dicom_read_values(bytes, size, 0, &values, NULL, &err), err);
    for (int i = 0; i < WIDTH * HEIGHT; i++) assert_true(values[i] == ((uint8_t *)truth.data)[i]);
    galen_free(values);
    galen_image_free(&image);
    galen_image_free(&truth);
    galen_free(bytes);
    galen_free(again);
}

static void uids_are_decimal_uuids(void **state) {
    (void)state;
    uint8_t seed[16] = {0};
    char uid[GAL_UID_MAX];
    gal_uid_from_seed(seed, uid); /* 0x00000000000080008000000000000000 */
    assert_string_equal(uid, "2.25.604472133179351442128896");
    memset(seed, 0xFF, 16); /* 0xFFFFFFFFFFFF8FFFBFFFFFFFFFFFFFFF */
    gal_uid_from_seed(seed, uid);
    assert_string_equal(uid, "2.25.340282366920937934553716840013076889599");
}

static void labels_are_checked(void **state) {
    (void)state;
    galen_image image = ramp();
    galen_error err;
    void *bytes;
    size_t size;
    struct {
        size_t offset;
        const char *text, *name;
    } bad[] = {
        {offsetof(galen_dicom_labels, patient_name), "a\\b", "patient_name"},
        {offsetof(galen_dicom_labels, patient_id), "M\xC3\xBCller", "patient_id"},
        {offsetof(galen_dicom_labels, comment), "two\nlines", "comment"},
        {offsetof(galen_dicom_labels, body_part), "chest", "body_part"},
        {offsetof(galen_dicom_labels, view), "ABCDEFGHIJKLMNOPQ", "view"},
        {offsetof(galen_dicom_labels, study_date), "2026-01-01", "study_date"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        galen_dicom_labels labels = labels_of(1);
        memcpy((char *)&labels + bad[i].offset, &bad[i].text, sizeof bad[i].text);
        assert_int_equal(galen_dicom_write_grey(&image, &labels, &bytes, &size, &err), GALEN_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, bad[i].name));
        assert_null(bytes);
    }
    galen_dicom_labels labels = labels_of(1);
    labels.pixel_spacing[1] = -1;
    assert_int_equal(galen_dicom_write_grey(&image, &labels, &bytes, &size, &err), GALEN_ERR_ARGUMENT);
    galen_image_free(&image);
    galen_dicom_labels empty = {.series_seed = {1}, .instance_seed = {2}},
                       same = {.series_seed = {1}, .instance_seed = {1}};
    assert_ok(galen_image_create(1, 1, 1, GALEN_SAMPLE_U8, &image, &err), err);
    assert_ok(galen_dicom_write_grey(&image, &empty, &bytes, &size, &err), err);
    galen_free(bytes);
    assert_int_equal(galen_dicom_write_grey(&image, &same, &bytes, &size, &err), GALEN_ERR_ARGUMENT);
    assert_null(bytes);
    galen_image_free(&image);
    assert_ok(galen_image_create(2, 2, 3, GALEN_SAMPLE_U8, &image, &err), err);
    assert_int_equal(galen_dicom_write_grey(&image, &empty, &bytes, &size, &err), GALEN_ERR_ARGUMENT);
    galen_image_free(&image);
}

/* Reads a private copy, so that a sanitizer sees a step past its end; returns the status and checks the message. */
static galen_status try_read(const void *bytes, size_t size) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    galen_image image;
    galen_error err = {0};
    galen_dicom_probe(copy, size);
    galen_status status = galen_dicom_read(copy, size, NULL, &image, NULL, &err);
    if (status == GALEN_OK)
        galen_image_free(&image);
    else {
        assert_null(image.data);
        assert_int_equal(err.status, status);
        assert_true(strlen(err.message) > 10);
        assert_null(strchr(err.message, '\n'));
    }
    free(copy);
    return status;
}

static void every_truncation_is_an_error(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = written(&size);
    for (size_t n = 0; n < size; n++) assert_int_not_equal(try_read(bytes, n), GALEN_OK);
    assert_int_equal(try_read(bytes, size), GALEN_OK);
    galen_free(bytes);
}

static void flipped_bits_never_crash(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = written(&size);
    int fine = 0, refused = 0;
    for (size_t at = 0; at < size - WIDTH * HEIGHT - 1; at++) /* every header byte in one way */
        for (int bit = 0; bit < 8; bit += 3) {
            bytes[at] ^= (unsigned char)(1 << bit);
            if (try_read(bytes, size) == GALEN_OK)
                fine++;
            else
                refused++;
            bytes[at] ^= (unsigned char)(1 << bit);
        }
    gal_rng rng = gal_rng_make(20260101, 1);
    for (int round = 0; round < 2000; round++) { /* and several at once */
        unsigned char *damaged = malloc(size);
        assert_non_null(damaged);
        memcpy(damaged, bytes, size);
        for (int k = 0; k < 6; k++)
            damaged[132 + gal_rng_u32(&rng) % (size - 132 - WIDTH * HEIGHT)] ^=
                (unsigned char)(1u << gal_rng_u32(&rng) % 8);
        try_read(damaged, size);
        free(damaged);
    }
    assert_true(fine > 100 && refused > 100);
    galen_free(bytes);
}

static void allocations_may_fail(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = written(&size);
    assert_int_equal(try_read(bytes, size), GALEN_OK); /* loads the plug-in */
    int failures = 0;
    for (long n = 1;; n++) {
        galen_image image;
        galen_error err;
        test_fail_allocation(n, 0);
        galen_status status = galen_dicom_read(bytes, size, NULL, &image, NULL, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) {
            galen_image_free(&image);
            break;
        }
        assert_int_equal(status, GALEN_ERR_MEMORY);
        failures++;
    }
    assert_true(failures >= 2);
    galen_image image = ramp();
    galen_dicom_labels labels = labels_of(9);
    for (long n = 1;; n++) {
        void *out;
        test_fail_allocation(n, 0);
        galen_status status = galen_dicom_write_grey(&image, &labels, &out, &size, NULL);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) {
            galen_free(out);
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(out);
    }
    galen_image_free(&image);
    galen_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),           cmocka_unit_test(uids_are_decimal_uuids),
        cmocka_unit_test(labels_are_checked),   cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(allocations_may_fail), cmocka_unit_test(flipped_bits_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
