/* What data sets can be wrong with: each is an error of one line that says where. */
#include "support/npz.h"
#include "support/shared.h"

#include "base/file.h"
#include "data/dataset.h"

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

static void put(const char *name, const void *bytes, size_t size) {
    assert_ok(gal_file_write(in_tmp(name), bytes, size, &err), err);
}

static void expect(const char *name, galen_status status, const char *says) {
    gal_dataset *set = NULL;
    galen_status got = gal_dataset_open(in_tmp(name), NULL, &set, &err);
    if (got != status || !strstr(err.message, says) || strchr(err.message, '\n') || set)
        fail_msg("%s: status %d, '%s' does not say '%s'", name, (int)got, err.message, says);
}

/* ---- archives ---- */

/* An archive cut behind `most` bytes. */
static void put_npz(const char *name, const test_array *arrays, size_t n, size_t most) {
    size_t size;
    unsigned char *whole = test_npz(arrays, n, &size);
    put(name, whole, size < most ? size : most);
    free(whole);
}

static const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8}, good[2] = {0, 1};

#define IMAGES                                                                                                         \
    { "train_images", "|u1", "(2, 2, 2)", bytes, 8 }
#define LABELS                                                                                                         \
    { "train_labels", "|u1", "(2,)", good, 2 }
#define PUT(name, most, ...) put_npz(name, (const test_array[]){__VA_ARGS__}, 2, most)

static void test_archives(void **state) {
    (void)state;
    static const float nans[8] = {0};
    static const int8_t negative[2] = {0, -1};
    static const uint8_t two[4] = {0, 1, 2, 0};
    gal_dataset *set = NULL;
    PUT("good.npz", SIZE_MAX, IMAGES, LABELS);
    assert_ok(gal_dataset_open(in_tmp("good.npz"), NULL, &set, &err), err);
    assert_int_equal(set->count, 2);
    assert_int_equal(((const uint8_t *)set->sample[1].memory.data)[0], 5);
    gal_dataset_free(set);

    /* Floats, which may be NaN, are refused as a kind. */
    PUT("float.npz", SIZE_MAX, {"train_images", "<f4", "(2, 2, 2)", nans, 32}, LABELS);
    expect("float.npz", GALEN_ERR_FORMAT, "float.npz: train_images is f32 of 3 dimensions: u8");
    expect("float.npz", GALEN_ERR_FORMAT, "save levels of 0 to 255 as bytes");
    PUT("cut.npz", 150, IMAGES, LABELS);
    expect("cut.npz", GALEN_ERR_FORMAT, "cut.npz");
    PUT("negative.npz", SIZE_MAX, IMAGES, {"train_labels", "|i1", "(2,)", negative, 2});
    expect("negative.npz", GALEN_ERR_FORMAT, "train:1: the label -1 is negative");
    PUT("two.npz", SIZE_MAX, IMAGES, {"train_labels", "|u1", "(2, 2)", two, 4});
    expect("two.npz", GALEN_ERR_FORMAT, "train:1: the label of class 0 is 2: 0 or 1");
    PUT("more.npz", SIZE_MAX, IMAGES, {"train_labels", "|u1", "(4,)", two, 4});
    expect("more.npz", GALEN_ERR_FORMAT, "train_images holds 2 pictures, train_labels 4 labels");
    PUT("vast.npz", SIZE_MAX, {"train_images", "|u1", "(0, 99999, 2)", bytes, 0},
        {"train_labels", "|u1", "(0,)", good, 0});
    expect("vast.npz", GALEN_ERR_LIMIT, "a side of 99999 pixels");
    PUT("empty.npz", SIZE_MAX, {"train_images", "|u1", "(0, 2, 2)", bytes, 0},
        {"train_labels", "|u1", "(0,)", good, 0});
    expect("empty.npz", GALEN_ERR_FORMAT, "holds no pictures");
    PUT("bare.npz", SIZE_MAX, IMAGES, {"val_labels", "|u1", "(2,)", good, 2});
    expect("bare.npz", GALEN_ERR_FORMAT, "train_images and no train_labels");
}

/* ---- tables and folders ---- */

static void test_text(void **state) {
    (void)state;
    static const char windows[] = "\xEF\xBB\xBFpath;label\r\n\"a \"\"1\"\".png\";\"x\"\r\nb.png;y\r\n";
    static const char gone[] = "path,label\nb.png,x\nc.png,y\n", twice[] = "path,label\nb.png,x\nb.png,x\n";
    static const char wide[] = "path,label\nb.png,x,y\n", split[] = "path,label,split\nb.png,x,holdout\n";
    gal_dataset *set = NULL;
    put("a \"1\".png", "", 0), put("b.png", "", 0);
    put("windows.csv", windows, sizeof windows - 1);
    assert_ok(gal_dataset_open(in_tmp("windows.csv"), NULL, &set, &err), err);
    assert_string_equal(set->sample[0].id, "a \"1\".png");
    gal_dataset_free(set);
    put("gone.csv", gone, sizeof gone - 1), put("twice.csv", twice, sizeof twice - 1);
    put("wide.csv", wide, sizeof wide - 1), put("split.csv", split, sizeof split - 1);
    expect("gone.csv", GALEN_ERR_IO, "gone.csv: row 3: names the picture");
    expect("twice.csv", GALEN_ERR_FORMAT, "twice.csv: row 3: 'b.png' is named twice");
    expect("wide.csv", GALEN_ERR_FORMAT, "wide.csv: row 2 has 3 cells, the header 2");
    expect("split.csv", GALEN_ERR_FORMAT, "split.csv: row 2: belongs to 'holdout': train, val, test");
}

/* A link back up is not followed for ever, and a picture is not found twice by it. */
static void test_link_loops(void **state) {
    (void)state;
    gal_dataset *set = NULL;
    assert_int_equal(mkdir(in_tmp("loop"), 0700), 0);
    assert_int_equal(mkdir(in_tmp("loop/a"), 0700), 0);
    assert_int_equal(mkdir(in_tmp("loop/b"), 0700), 0);
    put("loop/a/1.png", "", 0), put("loop/b/2.png", "", 0);
    assert_int_equal(symlink("..", in_tmp("loop/a/up")), 0);
    assert_int_equal(symlink("itself", in_tmp("loop/b/itself")), 0);
    assert_ok(gal_dataset_open(in_tmp("loop"), NULL, &set, &err), err);
    assert_int_equal(set->count, 2);
    gal_dataset_free(set);
}

static void test_unreadable_folder(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_tmp("shut"), 0755), 0);
    assert_int_equal(mkdir(in_tmp("shut/a"), 0755), 0);
    put("shut/a/1.png", "", 0);
    assert_int_equal(mkdir(in_tmp("shut/b"), 0), 0);
    assert_int_equal(chmod(test_tmp(), 0755), 0);
    bool root = geteuid() == 0; /* who may read everything */
    if (root) assert_int_equal(seteuid(65534), 0);
    gal_dataset *set = NULL;
    galen_status status = gal_dataset_open(in_tmp("shut"), NULL, &set, &err);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(in_tmp("shut/b"), 0700), 0);
    assert_int_equal(status, GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "shut/b: the folder cannot be read"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_archives), cmocka_unit_test(test_text),
                                       cmocka_unit_test(test_link_loops), cmocka_unit_test(test_unreadable_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
