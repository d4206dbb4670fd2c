/* Who a file is of: written files, other syntaxes, nested data before it, cut files. */
#include "support/shared.h"

#include "dicom/emit.h"
#include "dicom/identity.h"

#include <dirent.h>
#include <galen/dicom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;

static void test_written(void **state) {
    (void)state;
    galen_image image;
    galen_dicom_labels labels = {.patient_id = "  P 7 ", .series_seed = {1}, .instance_seed = {2}};
    char study[GAL_UID_MAX];
    void *bytes;
    size_t size;
    gal_dicom_identity who;
    assert_ok(galen_image_create(3, 2, 1, GALEN_SAMPLE_U8, &image, &err), err);
    assert_ok(galen_dicom_write_grey(&image, &labels, &bytes, &size, &err), err);
    assert_ok(gal_dicom_identify(bytes, size, &who, &err), err);
    gal_uid_from_seed(labels.study_seed, study);
    assert_string_equal(who.patient, "P 7");
    assert_string_equal(who.study, study);
    assert_int_equal(who.frames, 1);
    assert_string_equal(who.modality, "CR");
    galen_free(bytes);
    galen_image_free(&image);
    assert_int_equal(gal_dicom_identify("no picture at all", 17, &who, &err), GALEN_ERR_FORMAT);
}

/* A sequence of open length, with a Patient ID of its own inside, stands before the file's; then frames. */
static void test_nested(void **state) {
    (void)state;
    static const char bytes[] = "\x08\0\x16\0UI\x02\0\x31\0"
                                "\x08\0\x40\x11SQ\0\0\xFF\xFF\xFF\xFF"
                                "\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF"
                                "\x10\0\x20\0LO\x02\0xy"
                                "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0"
                                "\x10\0\x20\0LO\x04\0real"
                                "\x20\0\x0D\0UI\x04\0"
                                "1.2\0"
                                "\x28\0\x08\0IS\x04\0 12 "
                                "\x28\0\x10\0US\x02\0\x10\0";
    gal_dicom_identity who;
    assert_ok(gal_dicom_identify(bytes, sizeof bytes - 1, &who, &err), err);
    assert_string_equal(who.patient, "real");
    assert_string_equal(who.study, "1.2");
    assert_int_equal(who.frames, 12);
    for (size_t n = 0; n < sizeof bytes - 1; n++) {
        char *cut = malloc(n ? n : 1); /* a sanitizer sees a step past its end */
        memcpy(cut, bytes, n);
        (void)gal_dicom_identify(cut, n, &who, &err);
        free(cut);
    }
    /* A length that leaves the file. */
    char wrong[sizeof bytes];
    memcpy(wrong, bytes, sizeof bytes);
    for (size_t i = 0; i + 8 < sizeof bytes; i++)
        if (!memcmp(wrong + i, "LO\x04\0real", 8)) wrong[i + 3] = 0x40;
    assert_int_equal(gal_dicom_identify(wrong, sizeof bytes - 1, &who, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "(0010,0020)"));
}

/* One CT in every transfer syntax is one patient's. */
static void test_real_files(void **state) {
    (void)state;
    const char *folder = test_shared("dicom/syntaxes");
    gal_dicom_identity first = {.frames = 0}, who;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int files = 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        char path[4096];
        size_t size;
        if (strncmp(e->d_name, "CTImage", 7) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unsigned char *bytes = test_read(path, &size);
        galen_status status = gal_dicom_identify(bytes, size, &who, &err);
        free(bytes);
        if (status != GALEN_OK) fail_msg("%s: %s", e->d_name, err.message);
        if (files++ == 0) first = who;
        assert_string_equal(who.patient, first.patient);
        assert_string_equal(who.study, first.study);
        assert_int_equal(who.frames, 1);
    }
    closedir(dir);
    assert_true(files > 10 && first.study[0] != 0);
    size_t size;
    unsigned char *bytes = test_read(test_shared("dicom/pydicom/test_files/rtdose.dcm"), &size);
    assert_ok(gal_dicom_identify(bytes, size, &who, &err), err);
    assert_int_equal(who.frames, 15);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_written), cmocka_unit_test(test_nested),
                                       cmocka_unit_test(test_real_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
