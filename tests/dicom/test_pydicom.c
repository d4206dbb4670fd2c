/* pydicom's collection of odd files: each gives a picture or one clear line, and files of one picture agree. */
#include "support/shared.h"

#include <ftw.h>
#include <galen/dicom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int pictures, errors;

static void check_file(const char *path) {
    size_t size;
    unsigned char *bytes = test_read(path, &size);
    unsigned char *exact = malloc(size ? size : 1); /* a sanitizer sees a step past its end */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    free(bytes);
    galen_image image;
    galen_error err = {0};
    galen_status status = galen_dicom_read(exact, size, NULL, &image, NULL, &err);
    if (status == GALEN_OK) {
        assert_true(image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3));
        galen_image_free(&image);
        pictures++;
    } else {
        if (status == GALEN_ERR_INTERNAL || strlen(err.message) < 20 || strchr(err.message, '\n'))
            fail_msg("%s: status %d, message \"%s\"", path, (int)status, err.message);
        errors++;
    }
    free(exact);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    if (type == FTW_F) check_file(path);
    return 0;
}

static void every_file(void **state) {
    (void)state;
    const char *folder = test_shared("dicom/pydicom");
    pictures = errors = 0;
    assert_int_equal(nftw(folder, visit, 16, FTW_PHYS), 0);
    if (pictures < 70 || errors < 20) fail_msg("%d pictures and %d errors", pictures, errors);
}

static double *values_of(const char *name, int frame, galen_dicom_info *info) {
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "dicom/pydicom/test_files/%s", name);
    unsigned char *bytes = test_read(test_shared(path), &size);
    double *values;
    galen_error err;
    assert_ok(galen_dicom_read_values(bytes, size, frame, &values, info, &err), err);
    free(bytes);
    return values;
}

static galen_image picture_of(const char *name) {
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "dicom/pydicom/test_files/%s", name);
    unsigned char *bytes = test_read(test_shared(path), &size);
    galen_image image;
    galen_error err;
    assert_ok(galen_dicom_read(bytes, size, NULL, &image, NULL, &err), err);
    free(bytes);
    return image;
}

/* Each group is one picture stored in several ways; names end with NULL. */
static void same_values(const char *const *names, int frame) {
    galen_dicom_info first, info;
    double *truth = values_of(names[0], frame, &first);
    for (size_t i = 1; names[i]; i++) {
        double *values = values_of(names[i], frame, &info);
        assert_int_equal(info.rows * info.columns, first.rows * first.columns);
        if (memcmp(values, truth, (size_t)info.rows * (size_t)info.columns * sizeof *values) != 0)
            fail_msg("%s differs from %s", names[i], names[0]);
        galen_free(values);
    }
    galen_free(truth);
}

static void grey_groups(void **state) {
    (void)state;
    static const char *const mr[] = {
        "MR_small.dcm",          "MR_small_RLE.dcm",          "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",     "MR_small_padded.dcm",       "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm", NULL};
    static const char *const dose[] = {"rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm", NULL};
    static const char *const one[] = {"rtdose_1frame.dcm", "rtdose_expb_1frame.dcm", "rtdose_rle_1frame.dcm",
                                      "rtdose.dcm", NULL};
    static const char *const segment[] = {"liver_1frame.dcm", "liver_expb_1frame.dcm", NULL}; /* one bit a pixel */
    static const char *const jpeg[] = {"JPEG-lossy.dcm", "JPGExtended.dcm", NULL};
    same_values(mr, 0);
    same_values(dose, 14);
    same_values(one, 0);
    same_values(segment, 0);
    same_values(jpeg, 0);
}

static void same_pictures(const char *const *names, int most) {
    galen_image truth = picture_of(names[0]);
    size_t n = (size_t)truth.width * (size_t)truth.height * (size_t)truth.channels;
    for (size_t i = 1; names[i]; i++) {
        galen_image image = picture_of(names[i]);
        assert_true(image.width == truth.width && image.height == truth.height && image.channels == truth.channels);
        for (size_t k = 0; k < n; k++)
            if (abs(((uint8_t *)image.data)[k] - ((uint8_t *)truth.data)[k]) > most)
                fail_msg("%s differs from %s", names[i], names[0]);
        galen_image_free(&image);
    }
    galen_image_free(&truth);
}

static void colour_groups(void **state) {
    (void)state;
    static const char *const exact[] = {
        "SC_rgb_rle.dcm",       "SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit.dcm",        "SC_rgb_rle_32bit.dcm",
        "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_gdcm_KY.dcm",    "SC_rgb_rle_16bit_2frame.dcm", NULL};
    static const char *const lossy[] = {"SC_rgb_rle.dcm",
                                        "SC_rgb_dcmtk_+eb+cr.dcm",
                                        "SC_rgb_dcmtk_+eb+cy+n2.dcm",
                                        "SC_rgb_dcmtk_+eb+cy+s2.dcm",
                                        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
                                        "SC_ybr_full_422_uncompressed.dcm",
                                        "SC_rgb_jpeg_dcmtk.dcm",
                                        "SC_rgb_jls_lossy_line.dcm",
                                        "SC_rgb_jls_lossy_sample.dcm",
                                        NULL};
    /* Chroma is subsampled both ways here, so it bleeds over the edges of the bars. */
    static const char *const bleeding[] = {"SC_rgb_rle.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
                                           "SC_rgb_jpeg_lossy_gdcm.dcm", NULL};
    static const char *const small[] = {"SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm", NULL};
    static const char *const plain[] = {"SC_jpeg_no_color_transform.dcm", "SC_rgb_jpeg_dcmd.dcm", NULL};
    static const char *const marked[] = {"SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jpeg_app14_dcmd.dcm", NULL};
    same_pictures(exact, 0);
    same_pictures(lossy, 6);
    same_pictures(bleeding, 80);
    same_pictures(small, 0);
    same_pictures(plain, 0);
    same_pictures(marked, 0);
}

/* The label of compressed pixels may say "planar"; what the decoder delivers decides, and the picture stays the same.
 */
static void planar_labels(void **state) {
    (void)state;
    static const char *const names[] = {"SC_rgb_dcmtk_+eb+cr.dcm",   "SC_rgb_jpeg_gdcm.dcm",
                                        "SC_rgb_jls_lossy_line.dcm", "SC_rgb_jls_lossy_sample.dcm",
                                        "SC_rgb_gdcm_KY.dcm",        "SC_rgb_rle.dcm"};
    for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
        char path[256];
        size_t size, at = 0;
        snprintf(path, sizeof path, "dicom/pydicom/test_files/%s", names[f]);
        unsigned char *bytes = test_read(test_shared(path), &size);
        for (size_t i = 0; i + 10 < size; i++)
            if (memcmp(bytes + i, "\x28\0\x06\0US\x02\0\0", 9) == 0) at = i + 8;
        assert_true(at > 0);
        bytes[at] = 1;
        galen_image truth = picture_of(names[f]), image;
        galen_error err;
        assert_ok(galen_dicom_read(bytes, size, NULL, &image, NULL, &err), err);
        if (memcmp(image.data, truth.data, (size_t)image.width * (size_t)image.height * 3) != 0)
            fail_msg("%s", names[f]);
        galen_image_free(&image);
        galen_image_free(&truth);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file),
        cmocka_unit_test(planar_labels),
        cmocka_unit_test(grey_groups),
        cmocka_unit_test(colour_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
