/* Data sets from folders, tables and arrays. */
#include "support/shared.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A picture of one grey level at folder/name below the temporary folder; the folders between are made. */
static const char *put(const char *name, int level) {
    static char path[4096];
    galen_image image;
    galen_error err = {0};
    void *bytes = NULL;
    size_t size = 0;
    (void)snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    for (char *slash = path + strlen(test_tmp()) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    assert_ok(galen_image_create(3, 2, 1, GALEN_SAMPLE_U8, &image, &err), err);
    memset(image.data, level, 6);
    assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
    assert_ok(gal_file_write(path, bytes, size, &err), err);
    galen_image_free(&image);
    galen_free(bytes);
    return path;
}

static const char *in_tmp(const char *name) {
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    return path;
}

static gal_dataset *open_ok(const char *name, const gal_dataset_options *options) {
    gal_dataset *set = NULL;
    galen_error err = {0};
    assert_ok(gal_dataset_open(in_tmp(name), options, &set, &err), err);
    return set;
}

static void open_bad(const char *name, const gal_dataset_options *options, galen_status status, const char *says) {
    gal_dataset *set = NULL;
    galen_error err = {0};
    assert_int_equal(gal_dataset_open(in_tmp(name), options, &set, &err), status);
    assert_null(set);
    if (!strstr(err.message, says)) fail_msg("'%s' does not say '%s'", err.message, says);
}

static void test_folders(void **state) {
    (void)state;
    put("plain/b/1.png", 1), put("plain/a/deep/2.png", 2), put("plain/a/.hidden.png", 3), put("plain/a/1.png", 4);
    gal_dataset *set = open_ok("plain", NULL);
    assert_int_equal(set->count, 3);
    assert_int_equal(set->classes, 2);
    assert_string_equal(set->class_name[0], "a");
    assert_string_equal(set->sample[0].id, "a/1.png");
    assert_string_equal(set->sample[1].id, "a/deep/2.png");
    assert_int_equal(set->sample[2].label[0], 1);
    assert_int_equal(set->sample[0].split, GAL_SPLIT_NONE);
    assert_null(set->sample[0].group);
    galen_image made;
    const galen_image *view = NULL;
    galen_error err = {0};
    assert_ok(gal_sample_picture(&set->sample[1], NULL, &made, &view, &err), err);
    assert_int_equal(((const uint8_t *)view->data)[0], 2);
    galen_image_free(&made);
    gal_dataset_free(set);

    put("deeper/set/train/NORMAL/NORMAL2-IM-1427-0001.png", 1), put("deeper/set/train/NORMAL/IM-0115-0001.png", 1);
    put("deeper/set/train/SICK/person23_bacteria_78.png", 2), put("deeper/set/test/SICK/alone.png", 2);
    set = open_ok("deeper", &(gal_dataset_options){.group_rule = "_1,-3,-2"});
    assert_int_equal(set->count, 4);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_TRAIN), 3);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_TEST), 1);
    assert_string_equal(set->sample[0].group, "IM-0115");
    assert_string_equal(set->sample[1].group, "NORMAL2-IM-1427");
    assert_string_equal(set->sample[2].group, "person23");
    assert_string_equal(set->sample[3].group, "alone");
    size_t count[2];
    gal_dataset_class_counts(set, GAL_SPLIT_TRAIN, count);
    assert_int_equal(count[0], 2);
    assert_int_equal(count[1], 1);
    assert_ok(gal_dataset_check(set, 1u << GAL_SPLIT_TRAIN, &err), err);
    assert_int_equal(gal_dataset_check(set, 1u << GAL_SPLIT_VAL, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "no picture belongs to 'val'"));
    assert_int_equal(gal_dataset_check(set, 1u << GAL_SPLIT_TEST, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "only one class"));
    gal_dataset_free(set);
}

/* The order of the classes is the model's, not the alphabet's. */
static void test_given_classes(void **state) {
    (void)state;
    static const char *const names[] = {"b", "a"}, *const other[] = {"b", "c"};
    gal_dataset *set = open_ok("plain", &(gal_dataset_options){.class_names = names, .classes = 2});
    assert_int_equal(set->sample[0].label[0], 1);
    assert_string_equal(set->class_name[1], "a");
    gal_dataset_free(set);
    open_bad("plain", &(gal_dataset_options){.class_names = other, .classes = 2}, GALEN_ERR_FORMAT, "'a' is none of");
    open_bad("plain", &(gal_dataset_options){.group_rule = "1_"}, GALEN_ERR_ARGUMENT, "group rule");
    open_bad("plain", &(gal_dataset_options){.max_samples = 2}, GALEN_ERR_LIMIT, "more than 2 pictures");
}

static void test_bad_folders(void **state) {
    (void)state;
    put("stray/train/a/1.png", 1), put("stray/b/1.png", 1);
    open_bad("stray", NULL, GALEN_ERR_FORMAT, "one lies in a split");
    put("flat/1.png", 1);
    open_bad("flat", NULL, GALEN_ERR_FORMAT, "no folder that names its class");
    (void)mkdir(in_tmp("nothing"), 0700);
    open_bad("nothing", NULL, GALEN_ERR_IO, "no JPEG, PNG or DICOM");
    open_bad("missing", NULL, GALEN_ERR_IO, "missing");
}

static galen_status parse(const char *text, const gal_dataset_options *options, gal_dataset **out, galen_error *err) {
    return gal_dataset_parse_csv(text, strlen(text), NULL, options, out, err);
}

static gal_dataset *parse_ok(const char *text, const gal_dataset_options *options) {
    gal_dataset *set = NULL;
    galen_error err = {0};
    assert_ok(parse(text, options, &set, &err), err);
    return set;
}

static void test_tables(void **state) {
    (void)state;
    gal_dataset *set =
        parse_ok("Image Path,file,label,patient,split,age\n,x.png,10,p1,Train,61\n,y.png,9,,val,7\n", NULL);
    assert_int_equal(set->count, 2);
    assert_string_equal(set->class_name[0], "9"); /* as numbers */
    assert_int_equal(set->sample[0].label[0], 1);
    assert_string_equal(set->sample[0].group, "p1");
    assert_null(set->sample[1].group);
    assert_int_equal(set->sample[1].split, GAL_SPLIT_VAL);
    assert_int_equal(set->sample[1].row, 3);
    assert_int_equal(set->attributes, 2);
    assert_string_equal(set->attribute_name[1], "age");
    assert_string_equal(set->sample[1].attribute[1], "7");
    assert_false(set->multi_label);
    gal_dataset_free(set);

    set = parse_ok("path,Finding Labels\na,Mass | Edema|Mass\nb,No Finding\nc,Edema\n", NULL);
    assert_true(set->multi_label);
    assert_int_equal(set->classes, 2);
    assert_int_equal(set->sample[0].labels, 2);
    assert_int_equal(set->sample[0].label[0], 0); /* Edema, though Mass came first */
    assert_int_equal(set->sample[1].labels, 0);
    galen_error err = {0};
    assert_ok(gal_dataset_check(set, 1u << GAL_SPLIT_NONE, &err), err);
    gal_dataset_free(set);

    set = parse_ok("path,cat,dog,age\na,1,0,5\nb,0.0,1.0,1\n", NULL);
    assert_false(set->multi_label);
    assert_int_equal(set->sample[1].label[0], 1);
    assert_int_equal(set->attributes, 1);
    gal_dataset_free(set);
    set = parse_ok("path,label:cat,label:dog,sex\na,1,1,0\nb,0,0,1\n", NULL);
    assert_true(set->multi_label);
    assert_int_equal(set->classes, 2);
    assert_int_equal(set->sample[0].labels, 2);
    gal_dataset_free(set);
}

static void test_bad_tables(void **state) {
    (void)state;
    static const char *const given[] = {"a", "b"};
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"label\nx\n", "no column of pictures"},
        {"path,age\nx,7\n", "no column of labels"},
        {"path,label\nx,a\nx,b\n", "row 3: 'x' is named twice"},
        {"path,label\nx,\n", "row 2: has no label"},
        {"path,label\n,a\n", "row 2: names no picture"},
        {"path,label\nx,2\n", "row 2: '2' is none of the 2 classes"},
        {"path,label\nx,-1\n", "'-1' is none"},
        {"path,label,split\nx,a,elsewhere\n", "belongs to 'elsewhere'"},
        {"path,label:a\nx,2\n", "has '2' for 'label:a'"},
        {"path,label,label:b\nx,1,1\n", "only one kind"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_dataset *set = NULL;
        galen_error err = {0};
        const gal_dataset_options options = {.class_names = given, .classes = 2};
        assert_int_equal(parse(bad[i].text, &options, &set, &err), GALEN_ERR_FORMAT);
        assert_null(set);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
    }
    gal_dataset *set = parse_ok("path,label\nx,a\n", NULL);
    galen_error err = {0};
    assert_int_equal(gal_dataset_check(set, 0, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "only one class"));
    gal_dataset_free(set);
    set = parse_ok("path,label\nx,a\n", &(gal_dataset_options){.class_names = given, .classes = 2});
    assert_int_equal(gal_dataset_check(set, 0, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "'b' has no picture"));
    gal_dataset_free(set);
}

/* Every length of a table, and every allocation of reading it that can fail. */
static void test_hostile_tables(void **state) {
    (void)state;
    static const char text[] = "path;label;group;age\n\"a;1\";x;g;1\nb;y;;2\n";
    gal_dataset *set = NULL;
    galen_error err = {0};
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, text, n);
        if (gal_dataset_parse_csv(cut, n, NULL, NULL, &set, &err) == GALEN_OK) gal_dataset_free(set);
        free(cut);
    }
    for (long n = 1; n < 200; n++) {
        test_fail_allocation(n, 0);
        galen_status status = parse(text, NULL, &set, &err);
        test_fail_allocation(0, 0);
        gal_dataset_free(set);
        if (status == GALEN_OK) return;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    fail_msg("never succeeded");
}

static void test_table_file(void **state) {
    (void)state;
    static const char text[] = "path,label\npics/1.png,a\npics/2.png,b\n";
    galen_error err = {0};
    put("table/pics/1.png", 1), put("table/pics/2.png", 2);
    assert_ok(gal_file_write(in_tmp("table/set.csv"), text, sizeof text - 1, &err), err);
    gal_dataset *set = open_ok("table/set.csv", NULL);
    galen_image made;
    const galen_image *view = NULL;
    assert_ok(gal_sample_picture(&set->sample[1], NULL, &made, &view, &err), err);
    assert_int_equal(((const uint8_t *)view->data)[5], 2);
    galen_image_free(&made);
    assert_int_equal(remove(in_tmp("table/pics/2.png")), 0);
    assert_int_equal(gal_sample_picture(&set->sample[1], NULL, &made, &view, &err), GALEN_ERR_IO);
    gal_dataset_free(set);
    open_bad("table/set.csv", NULL, GALEN_ERR_IO, "set.csv: row 3: names the picture");
}

static void test_medmnist(void **state) {
    (void)state;
    gal_dataset *set = NULL;
    galen_error err = {0};
    assert_ok(gal_dataset_open(test_shared("images/pneumoniamnist_28.npz"), NULL, &set, &err), err);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_TRAIN), 4708);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_VAL), 524);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_TEST), 624);
    assert_int_equal(set->classes, 2);
    size_t count[2];
    gal_dataset_class_counts(set, GAL_SPLIT_TEST, count);
    assert_int_equal(count[0], 234); /* of the official test set */
    assert_int_equal(count[1], 390);
    assert_string_equal(set->sample[4708 + 10].id, "val:10");
    galen_image made;
    const galen_image *view = NULL;
    assert_ok(gal_sample_picture(&set->sample[3], NULL, &made, &view, &err), err);
    assert_null(made.data);
    assert_int_equal(view->width, 28);
    assert_ok(gal_dataset_check(set, 1u << GAL_SPLIT_TRAIN | 1u << GAL_SPLIT_VAL | 1u << GAL_SPLIT_TEST, &err), err);
    gal_dataset_free(set);
    /* An archive, but of something else. */
    assert_int_equal(gal_dataset_open("models/cxr-appearance.npz", NULL, &set, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "no array train_images"));
}

static void test_splits(void **state) {
    (void)state;
    gal_split split = GAL_SPLIT_NONE;
    assert_true(gal_split_parse("Validation", &split));
    assert_int_equal(split, GAL_SPLIT_VAL);
    assert_false(gal_split_parse("none", &split));
    assert_string_equal(gal_split_name(GAL_SPLIT_TEST), "test");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),    cmocka_unit_test(test_given_classes), cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_tables),     cmocka_unit_test(test_bad_tables),    cmocka_unit_test(test_hostile_tables),
        cmocka_unit_test(test_table_file), cmocka_unit_test(test_medmnist),      cmocka_unit_test(test_splits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
