/* Run folders: one training at a time, leftovers of a killed one go, everything else stays. */
#include "train/folder.h"

#include "support/shared.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static galen_error err;

static void put(const char *name) {
    assert_ok(gal_run_write(test_tmp(), name, "x", 1, &err), err);
}

static bool is_there(const char *name) {
    char path[GAL_RUN_PATH];
    assert_ok(gal_run_path(test_tmp(), name, path, &err), err);
    return access(path, F_OK) == 0;
}

static void one_at_a_time(void **state) {
    (void)state;
    int first, second;
    assert_ok(gal_run_lock(test_tmp(), &first, &err), err);
    put("last.safetensors.aBc123");
    assert_int_equal(gal_run_lock(test_tmp(), &second, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another training"));
    assert_int_equal(second, -1);
    assert_true(is_there("last.safetensors.aBc123")); /* it may be what the other one is writing */
    gal_run_unlock(first);
    assert_ok(gal_run_lock(test_tmp(), &second, &err), err);
    assert_false(is_there("last.safetensors.aBc123"));
    gal_run_unlock(second);
    assert_int_not_equal(gal_run_lock("/nowhere/at/all", &second, &err), GALEN_OK);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
}

static void only_leftovers_go(void **state) {
    (void)state;
    static const char *const stay[] = {"last.safetensors", "best.onnx", "notes.onnx.bak", "log.jsonl",
                                       "a.onnx.1234567"};
    static const char *const go[] = {"best.onnx.Zz09aA", "config.json.123456", "log.jsonl.abcdef"};
    int lock;
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++) put(stay[i]);
    for (size_t i = 0; i < sizeof go / sizeof *go; i++) put(go[i]);
    assert_ok(gal_run_lock(test_tmp(), &lock, &err), err);
    gal_run_unlock(lock);
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
        if (!is_there(stay[i])) fail_msg("%s is gone", stay[i]);
    for (size_t i = 0; i < sizeof go / sizeof *go; i++)
        if (is_there(go[i])) fail_msg("%s is still there", go[i]);
}

static void long_names_are_refused(void **state) {
    (void)state;
    char name[GAL_RUN_PATH + 1], path[GAL_RUN_PATH];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(gal_run_path(name, "log.jsonl", path, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_run_write_json(test_tmp(), "none.json", NULL, &err), GALEN_ERR_MEMORY);
    assert_false(is_there("none.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_at_a_time), cmocka_unit_test(only_leftovers_go),
                                       cmocka_unit_test(long_names_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
