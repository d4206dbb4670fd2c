/* Data sets of DICOM files: the pixels a prediction sees, and patients that are never torn apart. */
#include "support/shared.h"

#include "base/file.h"
#include "data/dataset.h"
#include "data/split.h"

#include <galen/dicom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static galen_error err;

static const char *in_tmp(const char *name) {
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    return path;
}

static void make_folders(const char *name) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    for (char *slash = path + strlen(test_tmp()) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(path, 0700);
        *slash = '/';
    }
}

static void replace(unsigned char *bytes, size_t size, const char *old, const char *new) {
    size_t n = strlen(old);
    assert_int_equal(strlen(new), n);
    for (size_t i = 0; i + n <= size; i++)
        if (!memcmp(bytes + i, old, n)) {
            memcpy(bytes + i, new, n);
            return;
        }
    fail_msg("'%s' is not there", old);
}

/* A picture of grey levels 0, 16, ... 240 of that patient and study; `old` is written over by `new`, if given. */
static void put(const char *name, const char *patient, uint8_t study, const char *old, const char *new) {
    galen_image image;
    galen_dicom_labels labels = {.patient_id = patient, .study_seed = {study}, .series_seed = {1}};
    void *bytes = NULL;
    size_t size = 0;
    static uint8_t number;
    labels.instance_seed[1] = ++number;
    labels.study_seed[2] = 1;
    assert_ok(galen_image_create(4, 4, 1, GALEN_SAMPLE_U8, &image, &err), err);
    for (int i = 0; i < 16; i++) ((uint8_t *)image.data)[i] = (uint8_t)(16 * i);
    assert_ok(galen_dicom_write_grey(&image, &labels, &bytes, &size, &err), err);
    if (old) replace(bytes, size, old, new);
    make_folders(name);
    assert_ok(gal_file_write(in_tmp(name), bytes, size, &err), err);
    galen_image_free(&image);
    galen_free(bytes);
}

static gal_dataset *open_ok(const char *name, const char *rule) {
    gal_dataset *set = NULL;
    const gal_dataset_options options = {.group_rule = rule};
    assert_ok(gal_dataset_open(in_tmp(name), &options, &set, &err), err);
    return set;
}

static const uint8_t *pixels(const gal_dataset *set, size_t i, galen_image *made) {
    const galen_image *view = NULL;
    assert_ok(gal_sample_picture(&set->sample[i], NULL, made, &view, &err), err);
    return view->data;
}

/* Inversion and windows are applied before anything learns from the pixels. */
static void test_pixel_chain(void **state) {
    (void)state;
    put("chain/a/plain.dcm", "A", 1, NULL, NULL);
    put("chain/b/inverted.dcm", "B", 1, "MONOCHROME2", "MONOCHROME1");
    put("chain/b/window", "B", 1, "256 ", "64  "); /* without an ending: found by its mark */
    gal_dataset *set = open_ok("chain", NULL);
    galen_image made;
    assert_int_equal(set->count, 3);
    const uint8_t *p = pixels(set, 0, &made);
    for (int i = 0; i < 16; i++) assert_int_equal(p[i], 16 * i);
    galen_image_free(&made);
    p = pixels(set, 1, &made);
    for (int i = 0; i < 16; i++) assert_int_equal(p[i], 255 - 16 * i);
    galen_image_free(&made);
    p = pixels(set, 2, &made);
    assert_int_equal(p[5], 0); /* 80 lies below 128 - 32 */
    assert_int_equal(p[11], 255);
    assert_in_range(p[8], 126, 130);
    galen_image_free(&made);
    assert_int_equal(set->dicom.files, 3);
    assert_int_equal(set->dicom.patients, 2);
    gal_dataset_free(set);
}

static void test_patients(void **state) {
    (void)state;
    put("who/a/1.dcm", "Smith-4711", 1, NULL, NULL), put("who/a/2.dcm", " Smith-4711", 2, NULL, NULL);
    put("who/b/3.dcm", "Jones-12", 1, NULL, NULL), put("who/b/4.dcm", "", 3, NULL, NULL);
    put("who/b/5.dcm", "", 3, NULL, NULL), put("who/b/6.dcm", "", 4, NULL, NULL);
    gal_dataset *set = open_ok("who", NULL);
    assert_int_equal(set->dicom.patients, 4);
    assert_int_equal(set->dicom.unknown, 0);
    assert_string_equal(set->sample[0].group, set->sample[1].group);
    assert_string_not_equal(set->sample[0].group, set->sample[2].group); /* one study UID, two patients */
    assert_string_equal(set->sample[3].group, set->sample[4].group);
    assert_string_not_equal(set->sample[4].group, set->sample[5].group);
    for (size_t i = 0; i < set->count; i++) /* nothing kept names a person */
        assert_true(!strstr(set->sample[i].group, "Smith") && !strstr(set->sample[i].group, "Jones"));
    set->sample[0].split = GAL_SPLIT_TEST;
    assert_int_equal(gal_dataset_check_groups(set, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "'patient 1' is in 'test' (a/1.dcm)"));
    assert_null(strstr(err.message, "Smith"));
    gal_dataset_free(set);

    set = open_ok("who", "_9"); /* every file by itself */
    assert_string_equal(set->sample[1].group, "2");
    assert_int_equal(set->dicom.patients, 0);
    gal_dataset_free(set);
}

/* The same patient in both classes, one picture each: whichever seed, both go to one side. */
static void test_splits_keep_patients(void **state) {
    (void)state;
    for (int i = 0; i < 12; i++) {
        char name[64], patient[16];
        (void)snprintf(patient, sizeof patient, "P%d", i / 2);
        (void)snprintf(name, sizeof name, "both/%s/%02d.dcm", i % 2 ? "b" : "a", i);
        put(name, patient, (uint8_t)i, NULL, NULL);
    }
    for (uint64_t seed = 0; seed < 20; seed++) {
        gal_dataset *set = open_ok("both", NULL);
        assert_ok(gal_dataset_split(set, 0.3, 0.2, seed, &err), err);
        for (size_t i = 0; i < set->count; i++)
            for (size_t k = 0; k < i; k++)
                if (!strcmp(set->sample[i].group, set->sample[k].group))
                    assert_int_equal(set->sample[i].split, set->sample[k].split);
        assert_true(gal_dataset_split_count(set, GAL_SPLIT_VAL) > 0);
        gal_dataset_free(set);
    }
    /* Named splits that tear a patient apart are refused. */
    put("torn/train/a/1.dcm", "Q", 1, NULL, NULL), put("torn/train/b/2.dcm", "R", 1, NULL, NULL);
    put("torn/test/a/3.dcm", "Q", 9, NULL, NULL), put("torn/test/b/4.dcm", "S", 1, NULL, NULL);
    gal_dataset *set = open_ok("torn", NULL);
    assert_int_equal(gal_dataset_split(set, 0, 0, 1, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "is in 'train' (train/a/1.dcm) and in 'test' (test/a/3.dcm)"));
    gal_dataset_free(set);
}

static void test_tables(void **state) {
    (void)state;
    static const char plain[] = "path,label,sex,age,site\na/1.dcm,x,F,61,north\na/2.dcm,y,M,,south\nb/4.dcm,y,,7,\n";
    static const char own[] = "path,label,patient\na/1.dcm,x,p\na/2.dcm,y,q\nb/4.dcm,y,\n";
    gal_dataset *set = NULL;
    assert_ok(gal_dataset_parse_csv(plain, sizeof plain - 1, in_tmp("who"), NULL, &set, &err), err);
    assert_string_equal(set->sample[0].group, set->sample[1].group);
    assert_string_not_equal(set->sample[0].group, set->sample[2].group);
    assert_int_equal(set->attributes, 6); /* what the table says wins over the headers */
    assert_string_equal(set->attribute_name[0], "sex");
    assert_string_equal(set->attribute_name[3], "scanner");
    assert_string_equal(set->sample[1].attribute[2], "south");
    assert_string_equal(set->sample[2].attribute[0], "");
    gal_dataset_free(set);
    assert_ok(gal_dataset_parse_csv(own, sizeof own - 1, in_tmp("who"), NULL, &set, &err), err);
    assert_string_equal(set->sample[0].group, "p");
    assert_null(set->sample[2].group);
    assert_int_equal(set->dicom.files, 3);
    gal_dataset_free(set);
}

/* What groups patients, out of headers: the Latin-1 of the maker's name becomes UTF-8. */
static void test_attributes(void **state) {
    (void)state;
    static const char bytes[] = "\x08\0\x16\0UI\x02\0\x31\0"
                                "\x08\0\x70\0LO\x04\0K\xfcn "
                                "\x08\0\x80\0LO\x06\0North "
                                "\x08\0\x90\x10LO\x02\0X1"
                                "\x10\0\x40\0CS\x02\0F "
                                "\x10\0\x10\x10"
                                "AS\x04\0"
                                "018M"
                                "\x18\0\x15\0CS\x06\0CHEST "
                                "\x18\0\x01\x51"
                                "CS\x02\0PA"
                                "\x28\0\x08\0IS\x02\0"
                                "1 ";
    static const char *const names[] = {"sex", "age", "site", "scanner", "body_part", "view"},
                             *const values[] = {"F", "1", "North", "K\xef\xbf\xbdn X1", "CHEST", "PA"};
    make_folders("tags/a/1.dcm"), make_folders("tags/b/2.dcm");
    assert_ok(gal_file_write(in_tmp("tags/a/1.dcm"), bytes, sizeof bytes - 1, &err), err);
    put("tags/b/2.dcm", "B", 1, NULL, NULL);
    gal_dataset *set = open_ok("tags", NULL);
    assert_int_equal(set->attributes, 6);
    for (int a = 0; a < 6; a++) {
        assert_string_equal(set->attribute_name[a], names[a]);
        assert_string_equal(set->sample[0].attribute[a], values[a]);
    }
    assert_string_equal(set->sample[1].attribute[0], "");
    gal_dataset_free(set);
}

/* Asked to keep them, the set holds what cannot be read, and opening the picture says why. */
static void test_kept_unreadable(void **state) {
    (void)state;
    static const char table[] = "path,label\nnot-there.dcm,x\nkept/b/2.dcm,y\n";
    const gal_dataset_options options = {.keep_unreadable = true};
    gal_dataset *set = NULL;
    galen_image made;
    const galen_image *view;
    put("kept/a/1.dcm", "A", 1, NULL, NULL);
    make_folders("kept/b/2.dcm");
    assert_ok(gal_file_write(in_tmp("kept/b/2.dcm"), "DICOM", 5, &err), err);
    assert_ok(gal_dataset_open(in_tmp("kept"), &options, &set, &err), err);
    assert_int_equal(set->count, 2);
    assert_int_equal(set->dicom.files, 1);
    assert_int_not_equal(gal_sample_picture(&set->sample[1], NULL, &made, &view, &err), GALEN_OK);
    gal_dataset_free(set);
    assert_ok(gal_dataset_parse_csv(table, sizeof table - 1, test_tmp(), &options, &set, &err), err);
    assert_int_equal(gal_sample_picture(&set->sample[0], NULL, &made, &view, &err), GALEN_ERR_IO);
    gal_dataset_free(set);
    assert_int_equal(gal_dataset_parse_csv(table, sizeof table - 1, test_tmp(), NULL, &set, &err), GALEN_ERR_IO);
}

static void test_bad_files(void **state) {
    (void)state;
    gal_dataset *set = NULL;
    size_t size;
    put("hurt/a/1.dcm", "A", 1, NULL, NULL), put("hurt/b/2.dcm", "A", 1, NULL, NULL);
    unsigned char *bytes = test_read(in_tmp("hurt/b/2.dcm"), &size);
    assert_ok(gal_file_write(in_tmp("hurt/b/2.dcm"), bytes, 400, &err), err);
    free(bytes);
    assert_int_equal(gal_dataset_open(in_tmp("hurt"), NULL, &set, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "b/2.dcm"));
    assert_non_null(strstr(err.message, "cut short"));
    assert_null(set);
    for (long n = 1; n < 300; n++) { /* every allocation that can fail */
        test_fail_allocation(n, 0);
        galen_status status = gal_dataset_open(in_tmp("chain"), NULL, &set, &err);
        test_fail_allocation(0, 0);
        gal_dataset_free(set);
        if (status == GALEN_OK) return;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    fail_msg("never succeeded");
}

/* A real file of 15 frames, in a folder tree by a link: its first frame, as galen_dicom_read gives it. */
static void test_real_frames(void **state) {
    (void)state;
    char from[4096];
    size_t size;
    galen_image made, want;
    const char *shared = test_shared("dicom/pydicom/test_files/rtdose.dcm");
    assert_non_null(realpath(shared, from));
    put("real/a/1.dcm", "A", 1, NULL, NULL);
    make_folders("real/b/x");
    assert_int_equal(symlink(from, in_tmp("real/b/dose.dcm")), 0);
    gal_dataset *set = open_ok("real", NULL);
    assert_int_equal(set->dicom.several, 1);
    unsigned char *bytes = test_read(from, &size);
    assert_ok(galen_dicom_read(bytes, size, NULL, &want, NULL, &err), err);
    const uint8_t *p = pixels(set, 1, &made);
    assert_memory_equal(p, want.data, (size_t)want.width * (size_t)want.height * (size_t)want.channels);
    galen_image_free(&made);
    galen_image_free(&want);
    free(bytes);
    gal_dataset_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixel_chain),
        cmocka_unit_test(test_patients),
        cmocka_unit_test(test_splits_keep_patients),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_kept_unreadable),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_real_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
