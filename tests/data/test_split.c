/* Dividing data sets. */
#include "support/shared.h"

#include "base/buf.h"
#include "data/split.h"

#include <string.h>

enum { N = 300 };

/* N pictures; class "a" is a third of them. grouped: 1 to 5 in a row belong together. */
static gal_dataset *made(bool grouped, const char *split) {
    gal_buf text;
    gal_dataset *set = NULL;
    galen_error err = {0};
    gal_buf_init(&text, 1 << 20);
    gal_buf_text(&text, "path,label,group,split\n");
    for (int i = 0, group = 0; i < N; i++) {
        if (i % 7 == 0 || i % 11 == 5) group++;
        gal_buf_printf(&text, "%d,%s,", i, i % 3 ? "b" : "a");
        if (grouped) gal_buf_printf(&text, "g%d", group);
        gal_buf_printf(&text, ",%s\n", split);
    }
    assert_ok(gal_dataset_parse_csv(text.data, text.size, NULL, NULL, &set, &err), err);
    gal_buf_free(&text);
    return set;
}

static void test_stratified(void **state) {
    (void)state;
    gal_dataset *set = made(false, ""), *again = made(false, ""), *other = made(false, "");
    galen_error err = {0};
    size_t count[2], differ = 0;
    assert_ok(gal_dataset_split(set, 0.1, 0.2, 1, &err), err);
    gal_dataset_class_counts(set, GAL_SPLIT_TEST, count);
    assert_int_equal(count[0], 20);
    assert_int_equal(count[1], 40);
    gal_dataset_class_counts(set, GAL_SPLIT_VAL, count);
    assert_int_equal(count[0], 10);
    assert_int_equal(count[1], 20);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_TRAIN), 210);
    assert_ok(gal_dataset_split(again, 0.1, 0.2, 1, &err), err);
    assert_ok(gal_dataset_split(other, 0.1, 0.2, 2, &err), err);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(set->sample[i].split, again->sample[i].split);
        differ += set->sample[i].split != other->sample[i].split;
    }
    assert_true(differ > 60);
    gal_dataset_free(set);
    gal_dataset_free(again);
    gal_dataset_free(other);
}

static void test_groups_stay_whole(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gal_dataset *set = made(true, "train");
        galen_error err = {0};
        size_t count[2];
        assert_ok(gal_dataset_split(set, 0.2, 0, seed, &err), err);
        for (size_t i = 1; i < N; i++)
            if (!strcmp(set->sample[i].group, set->sample[i - 1].group))
                assert_int_equal(set->sample[i].split, set->sample[i - 1].split);
        gal_dataset_class_counts(set, GAL_SPLIT_VAL, count);
        assert_in_range(count[0], 17, 23);
        assert_in_range(count[1], 36, 44);
        /* One picture on the other side is found, and named. */
        assert_ok(gal_dataset_check_groups(set, &err), err);
        set->sample[1].split = GAL_SPLIT_TEST;
        assert_int_equal(gal_dataset_check_groups(set, &err), GALEN_ERR_FORMAT);
        assert_non_null(strstr(err.message, "'g1'"));
        assert_non_null(strstr(err.message, "'test' (1), 1 group in all"));
        gal_dataset_free(set);
    }
}

static void test_several_labels(void **state) {
    (void)state;
    static const char text[] = "path,a,b\n1,1,0\n2,1,1\n3,0,0\n4,0,0\n5,1,0\n6,1,1\n7,0,0\n8,0,0\n";
    gal_dataset *set = NULL;
    galen_error err = {0};
    size_t count[2];
    assert_ok(gal_dataset_parse_csv(text, sizeof text - 1, NULL, NULL, &set, &err), err);
    assert_true(set->multi_label);
    assert_ok(gal_dataset_carve(set, GAL_SPLIT_NONE, GAL_SPLIT_VAL, 0.5, 3, &err), err);
    gal_dataset_class_counts(set, GAL_SPLIT_VAL, count);
    assert_int_equal(count[0], 2);
    assert_int_equal(count[1], 1);
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_VAL), 4);
    gal_dataset_free(set);
}

static void test_refused(void **state) {
    (void)state;
    gal_dataset *set = made(true, "train");
    galen_error err = {0};
    assert_int_equal(gal_dataset_split(set, 0.5, 0.5, 1, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_dataset_carve(set, GAL_SPLIT_TRAIN, GAL_SPLIT_VAL, 1, 1, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_dataset_carve(set, GAL_SPLIT_TEST, GAL_SPLIT_VAL, 0.5, 1, &err), GALEN_ERR_FORMAT);
    set->sample[4].split = GAL_SPLIT_NONE;
    assert_int_equal(gal_dataset_split(set, 0.1, 0.1, 1, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "1 of 300 pictures"));
    for (size_t i = 0; i < N; i++) set->sample[i].split = GAL_SPLIT_NONE, set->sample[i].group = "all";
    assert_int_equal(gal_dataset_split(set, 0.1, 0.1, 1, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "cannot be divided"));
    assert_int_equal(gal_dataset_split_count(set, GAL_SPLIT_NONE), N);
    for (size_t i = 0; i < N; i++) set->sample[i].group = NULL;
    long n = 1;
    for (galen_status status = GALEN_ERR_MEMORY; status != GALEN_OK; n++) {
        test_fail_allocation(n, 0);
        status = gal_dataset_split(set, 0.1, 0.1, 1, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
        for (size_t i = 0; i < N; i++) set->sample[i].split = GAL_SPLIT_NONE;
    }
    assert_true(n > 8);
    gal_dataset_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stratified),
        cmocka_unit_test(test_groups_stay_whole),
        cmocka_unit_test(test_several_labels),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
