/* Cases in arrays: made by hand, and those that others published. */
#include "clinic/evidence/cases_file.h"

#include "support/npz.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

static const float two[] = {0.25F, 0.75F, 1, 0, 0.5F, 0.5F}, column[] = {0.75F, 0, 0.5F};
static const int64_t labels[] = {1, 0, 1}, wrong[] = {1, 0, 2};
static const uint8_t bits[] = {1, 1, 0, 0, 0, 1};
static const double with_nan[] = {1, 0, (double)__builtin_nanf("")};

static galen_status parse(const test_array *arrays, size_t n, const gal_case_options *options, gal_case_set *out,
                          galen_error *err) {
    size_t size;
    unsigned char *bytes = test_npz(arrays, n, &size);
    galen_status status = gal_cases_parse_npz(bytes, size, options, out, err);
    free(bytes);
    return status;
}

static void test_kinds(void **state) {
    (void)state;
    static const uint32_t ids[] = {'a', 'b', 'c'};
    static const uint8_t truth[] = {1, 0, 1};
    const test_array binary[] = {{"probs", "<f4", "(3, 1)", column, 12},  {"labels", "<i8", "(3,)", labels, 24},
                                 {"ids", "<U1", "(3,)", ids, 12},         {"site", "|S2", "(3,)", "A\0B\0A\0", 6},
                                 {"patients", "<i8", "(3,)", labels, 24}, {"epoch", "<f4", "(1,)", column, 4}},
                     pair[] = {{"logits", "<f4", "(3, 2)", two, 24}, {"y_true", "<i8", "(3, 1)", labels, 24}},
                     several[] = {{"scores", "<f4", "(3, 2)", two, 24}, {"targets", "|u1", "(3, 2)", bits, 6}};
    gal_case_set set;
    galen_error err;
    assert_ok(parse(binary, 6, NULL, &set, &err), err);
    assert_int_equal(set.kind, GAL_CASE_BINARY);
    assert_string_equal(set.id[1], "b");
    assert_memory_equal(set.positive, truth, 3);
    assert_true(set.score[0] == 0.75 && set.patients == 2 && set.attributes == 1);
    assert_string_equal(set.attribute[0].level[set.attribute[0].of[1]], "B");
    gal_case_set_free(&set);

    assert_ok(parse(pair, 2, NULL, &set, &err), err);
    assert_int_equal(set.kind, GAL_CASE_BINARY);
    assert_true(set.logits && set.score[0] == 0.5 && set.score[1] == -1 && set.probability[2] == 0.5);
    assert_memory_equal(set.positive, truth, 3);
    assert_string_equal(set.id[2], "2");
    gal_case_set_free(&set);

    assert_ok(parse(several, 2, NULL, &set, &err), err);
    assert_int_equal(set.kind, GAL_CASE_MULTILABEL);
    assert_memory_equal(set.positive, bits, 6);
    gal_case_set_free(&set);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        test_array array[2];
        const char *says;
    } bad[] = {
        {{{"probs", "<f4", "(3,)", column, 12}, {"other", "<i8", "(3,)", labels, 24}}, "no array of true labels"},
        {{{"other", "<f4", "(3,)", column, 12}, {"labels", "<i8", "(3,)", labels, 24}}, "no array of scores"},
        {{{"probs", "<f4", "(3,)", column, 12}, {"labels", "<i8", "(2,)", labels, 16}},
         "'probs' has 3 cases and 'labels' 2"},
        {{{"probs", "<f4", "(3,)", column, 12}, {"labels", "<i8", "(3,)", wrong, 24}},
         "case 2 (from 0) has the label 2"},
        {{{"probs", "<f4", "(3,)", column, 12}, {"labels", "<f8", "(3,)", with_nan, 24}},
         "case 2 (from 0) has no label"},
        {{{"probs", "<f8", "(3,)", with_nan, 24}, {"labels", "<i8", "(3,)", labels, 24}},
         "case '2': the score of '1' is NaN"},
        {{{"probs", "<f4", "(3, 2)", two, 24}, {"labels", "|u1", "(3, 3)", "123456789", 9}},
         "scores of 2 classes and labels of 3"},
        {{{"probs", "<U3", "(1,)", two, 12}, {"labels", "<i8", "(1,)", labels, 8}},
         "the array 'probs' is not one of numbers"},
        {{{"probs", "<f4", "(0,)", two, 0}, {"labels", "<i8", "(0,)", labels, 0}}, "there are no cases"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_case_set set;
        galen_error err;
        if (parse(bad[i].array, 2, NULL, &set, &err) == GALEN_OK) fail_msg("accepted: %s", bad[i].says);
        if (strstr(err.message, bad[i].says) == NULL) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_int_equal(set.count, 0);
    }
}

/* Predictions of seven kinds of skin lesion, whose accuracy is published beside them. */
static void test_published(void **state) {
    (void)state;
    gal_case_set set;
    galen_error err;
    const char *path = test_shared("predictions/dermamnist_resnet50/res224_seed42_probs.npz");
    assert_ok(gal_cases_read(path, NULL, &set, &err), err);
    assert_int_equal(set.kind, GAL_CASE_MULTICLASS);
    assert_int_equal(set.count, 2005);
    assert_string_equal(set.class_name[1], "basal cell carcinoma");
    size_t right = 0;
    for (size_t k = 0; k < set.count; k++) {
        const double *p = set.probability + 7 * k;
        size_t said = 0;
        for (size_t c = 1; c < 7; c++)
            if (p[c] > p[said]) said = c;
        right += said == set.label[k];
    }
    assert_true((double)right / 2005 == 0.8822942643391521);
    gal_case_set_free(&set);
}

static void test_golden(void **state) {
    (void)state;
    gal_case_set set;
    galen_error err;
    assert_ok(gal_cases_read(test_shared("golden/cxr64-small.expected.npz"), NULL, &set, &err), err);
    assert_true(set.kind == GAL_CASE_BINARY && set.logits && set.count == 624);
    assert_non_null(strchr(set.id[0], '/'));
    gal_case_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
