/* Case sets: what is kept of them, and what is refused. */
#include "clinic/cases/cases.h"

#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const ids[] = {"a", "b", "c", "d", "e", "f"};

static void make(gal_case_set *set, gal_case_kind kind, int classes) {
    static const char *const names[] = {"mole", "melanoma", "wart"};
    galen_error err;
    assert_ok(gal_case_set_make(kind, 6, classes, set, &err), err);
    for (size_t k = 0; k < 6; k++) set->id[k] = ids[k];
    for (int c = 0; c < classes; c++) set->class_name[c] = names[c];
}

static void binary(gal_case_set *set) {
    make(set, GAL_CASE_BINARY, 1);
    for (size_t k = 0; k < 6; k++) set->score[k] = (double)k / 5, set->positive[k] = k >= 3;
}

static void refused(gal_case_set *set, const size_t *row, const char *says) {
    galen_error err = {0};
    galen_status status = gal_case_set_finish(set, row, &err);
    if (status == GALEN_OK) fail_msg("accepted what should say: %s", says);
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
    gal_case_set_free(set);
}

static void test_probabilities(void **state) {
    (void)state;
    gal_case_set set;
    galen_error err;
    binary(&set);
    assert_ok(gal_case_set_finish(&set, NULL, &err), err);
    assert_ptr_equal(set.probability, set.score);
    gal_case_set_free(&set);

    binary(&set);
    set.logits = true;
    assert_ok(gal_case_set_finish(&set, NULL, &err), err);
    assert_true(set.probability[0] == 0.5);
    assert_true(fabs(set.probability[5] - 0.7310585786300049) < 1e-15);
    gal_case_set_free(&set);

    make(&set, GAL_CASE_MULTICLASS, 3);
    set.logits = true;
    for (size_t k = 0; k < 18; k++) set.score[k] = k < 3 ? 800 + (double)k : 0;
    for (size_t k = 0; k < 6; k++) set.label[k] = (uint32_t)k % 3;
    assert_ok(gal_case_set_finish(&set, NULL, &err), err);
    assert_true(fabs(set.probability[0] - 0.09003057317038046) < 1e-15);
    assert_true(fabs(set.probability[2] - 0.6652409557748219) < 1e-15);
    assert_true(fabs(set.probability[3] - 1.0 / 3) < 1e-15);
    gal_case_set_free(&set);
}

static void test_groups(void **state) {
    (void)state;
    static const char *const sex[] = {"F", "M", "", NULL, "F", "M"}, *const who[] = {"x", NULL, "y", "x", "", "y"};
    gal_case_set set;
    galen_error err;
    binary(&set);
    assert_ok(gal_case_set_attribute(&set, "sex", sex, &err), err);
    assert_ok(gal_case_set_attribute(&set, "site", who, &err), err);
    assert_int_equal(gal_case_set_attribute(&set, "sex", sex, &err), GALEN_ERR_FORMAT);
    assert_ok(gal_case_set_patients(&set, who, &err), err);
    assert_int_equal(set.attributes, 2);
    assert_int_equal(set.attribute[0].levels, 2);
    assert_string_equal(set.attribute[0].level[1], "M");
    assert_int_equal(set.attribute[0].of[4], 0);
    assert_true(set.attribute[0].of[2] == GAL_NO_LEVEL && set.attribute[0].of[3] == GAL_NO_LEVEL);
    assert_int_equal(set.patients, 4);
    static const uint32_t patient[] = {0, 2, 1, 0, 3, 1};
    assert_memory_equal(set.patient, patient, sizeof patient);
    gal_case_set_free(&set);
}

static void test_refusals(void **state) {
    (void)state;
    static const size_t row[] = {2, 3, 5, 6, 7, 8};
    gal_case_set set;
    galen_error err;
    binary(&set), set.score[2] = (double)NAN;
    refused(&set, row, "row 5: the score of 'mole' is NaN");
    binary(&set), set.score[2] = 1.25;
    refused(&set, NULL, "case 'c': the probability of 'mole' is 1.25, outside 0 to 1");
    binary(&set), set.logits = true, set.score[1] = (double)INFINITY;
    refused(&set, row, "row 3: the score of 'mole' is infinite");
    binary(&set), set.id[4] = "b";
    refused(&set, row, "row 7: the id 'b' stands in row 3 already");
    binary(&set), set.id[4] = "b";
    refused(&set, NULL, "the id 'b' stands twice, at case 2 and at case 5");
    binary(&set), set.id[3] = "";
    refused(&set, row, "case 4 has no id");
    binary(&set), memset(set.positive, 1, 6);
    refused(&set, row, "all 6 cases are positive: AUC, specificity");
    binary(&set), memset(set.positive, 0, 6);
    refused(&set, row, "all 6 cases are negative: AUC, sensitivity");
    binary(&set), set.positive[0] = 7;
    refused(&set, row, "row 2: the label of 'mole' is 7");
    make(&set, GAL_CASE_MULTICLASS, 3), set.label[5] = 3, set.logits = true;
    refused(&set, row, "row 8: the label is class 3 of 3");
    make(&set, GAL_CASE_MULTICLASS, 3), set.label[5] = 1;
    refused(&set, row, "row 2: the probabilities of the classes add up to 0, not 1");
    make(&set, GAL_CASE_MULTICLASS, 3), set.logits = true;
    refused(&set, row, "all 6 cases are of the class 'mole'");
    assert_int_equal(gal_case_set_make(GAL_CASE_BINARY, 0, 1, &set, &err), GALEN_ERR_ARGUMENT);
    gal_case_set_free(&set);
    assert_int_equal(gal_case_set_make(GAL_CASE_BINARY, SIZE_MAX, 1, &set, &err), GALEN_ERR_LIMIT);
    gal_case_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
