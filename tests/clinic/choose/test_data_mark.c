/* Marks of data sets: the same set and its parts are noticed, others are not; JSON there and back. */
#include "clinic/choose/data_mark.h"

#include "clinic/golden.h"

enum { MOST = 3000 };

static galen_error err;
static char digest[MOST][GAL_SHA256_HEX];
static const char *sample[MOST];

static void draw(void) {
    for (unsigned i = 0; i < MOST; i++) {
        assert_ok(gal_sha256_hex(&i, sizeof i, digest[i], &err), err);
        sample[i] = digest[i];
    }
}

static void the_same_is_refused(void **state) {
    (void)state;
    gal_data_mark mark;
    draw();
    assert_ok(gal_data_mark_make(digest[0], sample, 100, &mark, &err), err);
    assert_int_equal(mark.samples, 100);
    assert_int_equal(gal_data_mark_refuse(&mark, "the threshold", digest[0], NULL, 7, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "the threshold was chosen on these very cases"));
    assert_int_equal(gal_data_mark_refuse(&mark, "it", digest[1], sample + 98, 50, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "at least 2 are among these 50"));
    assert_ok(gal_data_mark_refuse(&mark, "it", digest[1], sample + 100, 50, &err), err);
    assert_ok(gal_data_mark_refuse(&mark, "it", digest[1], NULL, 50, &err), err);
    gal_data_mark_free(&mark);
    assert_ok(gal_data_mark_refuse(&mark, "it", digest[0], sample, 50, &err), err); /* nothing is marked */
}

/* 1024 of 3000 are kept: a tenth of the set is noticed all the same. */
static void parts_of_large_sets_are_noticed(void **state) {
    (void)state;
    gal_data_mark mark;
    draw();
    assert_ok(gal_data_mark_make(digest[0], sample, MOST, &mark, &err), err);
    assert_int_equal(mark.samples, GAL_MARK_SAMPLES);
    assert_int_equal(mark.cases, MOST);
    for (size_t from = 0; from < MOST; from += 300)
        assert_int_equal(gal_data_mark_refuse(&mark, "it", digest[1], sample + from, 300, &err), GALEN_ERR_ARGUMENT);
    gal_data_mark_free(&mark);
}

static void json_there_and_back(void **state) {
    (void)state;
    gal_data_mark mark, back;
    draw();
    sample[1] = sample[0]; /* a picture twice */
    assert_ok(gal_data_mark_make(digest[5], sample, 20, &mark, &err), err);
    assert_int_equal(mark.samples, 19);
    json_t *json = gal_data_mark_json(&mark);
    assert_ok(gal_data_mark_read(json, "frozen_on", &back, &err), err);
    assert_string_equal(back.digest, digest[5]);
    assert_int_equal(back.cases, 20);
    assert_int_equal(back.samples, 19);
    assert_memory_equal(back.sample, mark.sample, 19 * sizeof *mark.sample);
    json_decref(json);
    gal_data_mark_free(&mark);
    gal_data_mark_free(&back);
    assert_ok(gal_data_mark_make(digest[5], NULL, 20, &mark, &err), err);
    json = gal_data_mark_json(&mark);
    assert_null(json_object_get(json, "samples"));
    json_decref(json);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
#define D "\"digest\": \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
    static const char *const wrong[] = {
        "[]",
        "{" D "}",
        "{\"digest\": \"0123\", \"cases\": 1}",
        "{" D ", \"cases\": 0}",
        "{" D ", \"cases\": 1.5}",
        "{" D ", \"cases\": 1, \"more\": 2}",
        "{" D ", \"cases\": 1, \"samples\": []}",
        "{" D ", \"cases\": 1, \"samples\": [\"0123456789abcdeF\"]}",
        "{" D ", \"cases\": 2, \"samples\": [\"0123456789abcdef\", \"0123456789abcdef\"]}",
    };
#undef D
    gal_data_mark mark;
    draw();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *json = json_loads(wrong[i], 0, NULL);
        assert_non_null(json);
        if (gal_data_mark_read(json, "frozen_on", &mark, &err) != GALEN_ERR_FORMAT) fail_msg("%s is read", wrong[i]);
        assert_non_null(strstr(err.message, "frozen_on"));
        gal_data_mark_free(&mark);
        json_decref(json);
    }
    assert_int_equal(gal_data_mark_make("abc", NULL, 1, &mark, &err), GALEN_ERR_ARGUMENT);
    sample[1] = "abc";
    assert_int_equal(gal_data_mark_make(digest[0], sample, 2, &mark, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "sample 2"));
    test_fail_allocation(1, 0);
    assert_int_equal(gal_data_mark_make(digest[0], sample, 1, &mark, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_refused),
        cmocka_unit_test(parts_of_large_sets_are_noticed),
        cmocka_unit_test(json_there_and_back),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
