/* Leaks, repeats and conflicting labels are found, and a clean set has none. */
#include "analyze/integrity.h"
#include "support/shared.h"

#include <stdio.h>
#include <string.h>

enum { PICTURES = 8, SIDE = 24 };

typedef struct made {
    gal_dataset set;
    gal_sample sample[PICTURES];
    uint8_t pixels[PICTURES][SIDE * SIDE];
    int32_t label[PICTURES];
    char id[PICTURES][16];
} made;

/* Eight pictures that share nothing: waves of their own direction and length; 0-3 train, 4-5 val, 6-7 test. */
static void make(made *m) {
    memset(m, 0, sizeof *m);
    for (int i = 0; i < PICTURES; i++) {
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                m->pixels[i][y * SIDE + x] = (uint8_t)((x * (3 + 7 * i) + y * (11 + 5 * i * i) + x * y * i) % 251);
        snprintf(m->id[i], sizeof m->id[i], "picture-%d", i);
        m->label[i] = i % 2;
        m->sample[i] = (gal_sample){.id = m->id[i],
                                    .memory = {SIDE, SIDE, 1, GALEN_SAMPLE_U8, m->pixels[i]},
                                    .split = i < 4   ? GAL_SPLIT_TRAIN
                                             : i < 6 ? GAL_SPLIT_VAL
                                                     : GAL_SPLIT_TEST,
                                    .labels = 1,
                                    .label = &m->label[i]};
    }
    m->set = (gal_dataset){.count = PICTURES, .sample = m->sample, .classes = 2};
}

static json_t *check(const made *m, bool hash) {
    json_t *out;
    galen_error err;
    gal_integrity_options options = {.distance = 2, .hash_ids = hash};
    assert_ok(gal_integrity_check(&m->set, &options, NULL, &out, &err), err);
    return out;
}

static long long number(const json_t *json, const char *key) {
    assert_true(json_is_integer(json_object_get(json, key)));
    return json_integer_value(json_object_get(json, key));
}

static void clean(void **state) {
    (void)state;
    static made m;
    make(&m);
    json_t *out = check(&m, false);
    static const char *const keys[] = {"exact_leaks", "near_leaks", "repeats", "label_conflicts"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_int_equal(number(out, keys[i]), 0);
    assert_true(json_is_null(json_object_get(out, "patient_leaks")));
    assert_int_equal(number(out, "pictures"), PICTURES);
    assert_int_equal(json_array_size(json_object_get(out, "pairs")), 0);
    json_decref(out);
}

static void dirty(void **state) {
    (void)state;
    static made m;
    make(&m);
    memcpy(m.pixels[1], m.pixels[0], sizeof m.pixels[0]); /* train twice, with another label */
    memcpy(m.pixels[6], m.pixels[2], sizeof m.pixels[2]); /* train and test, same label */
    memcpy(m.pixels[7], m.pixels[5], sizeof m.pixels[5]); /* val and test: all but a pixel */
    m.pixels[7][3] ^= 1;
    m.sample[3].group = m.sample[4].group = "patient 1";
    m.sample[0].group = m.sample[1].group = "patient 2";
    json_t *out = check(&m, false);
    assert_int_equal(number(out, "exact_leaks"), 1);
    assert_int_equal(number(out, "near_leaks"), 1);
    assert_int_equal(number(out, "repeats"), 1);
    assert_int_equal(number(out, "label_conflicts"), 1);
    assert_int_equal(number(out, "patient_leaks"), 1);
    const json_t *first = json_array_get(json_object_get(out, "pairs"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "a")), "picture-0");
    assert_string_equal(json_string_value(json_object_get(first, "how")), "the same pixels, other labels");
    json_decref(out);
    out = check(&m, true);
    first = json_array_get(json_object_get(out, "pairs"), 0);
    assert_int_equal(strlen(json_string_value(json_object_get(first, "a"))), 64);
    json_decref(out);
}

static void out_of_memory(void **state) {
    (void)state;
    static made m;
    galen_error err;
    galen_status status = GALEN_ERR_MEMORY;
    make(&m);
    memcpy(m.pixels[1], m.pixels[0], sizeof m.pixels[0]);
    m.sample[3].group = "patient 1";
    for (long n = 1; status == GALEN_ERR_MEMORY; n++) {
        json_t *out = NULL;
        gal_integrity_options options = {.distance = 2};
        test_fail_allocation(n, 0);
        status = gal_integrity_check(&m.set, &options, NULL, &out, &err);
        test_fail_allocation(0, 0);
        json_decref(out);
    }
    assert_int_equal(status, GALEN_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(clean), cmocka_unit_test(dirty),
                                       cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
