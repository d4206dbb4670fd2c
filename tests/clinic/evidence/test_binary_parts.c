/* Parts of evidence about one question: computed anew when verified, of the class named, refused where there is none.
 */
#include "clinic/evidence/binary_parts.h"

#include "clinic/cases/cases_read.h"
#include "clinic/choose/recalibrate.h"
#include "clinic/evaluate/decision_curve.h"
#include "clinic/evaluate/subgroups.h"
#include "clinic/evidence/evidence.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 1 << 16, CASES = 240 };

static galen_error err;
static char text[TEXT];

/* Rows of a table: binary logits, or probabilities of three classes. */
static void cases_of(int classes, gal_case_set *out) {
    size_t at = (size_t)snprintf(text, TEXT, classes == 1 ? "id,label,logit,sex\n" : "id,label,prob_a,prob_b,prob_c\n");
    for (int i = 0; i < CASES; i++) {
        double z = sin(i * 1.7) + 0.7 * (i % 2);
        if (classes == 1)
            at += (size_t)snprintf(text + at, TEXT - at, "%d,%d,%.3f,%c\n", i, i % 2, z, i % 3 ? 'F' : 'M');
        else
            at += (size_t)snprintf(text + at, TEXT - at, "%d,%c,%.4f,%.4f,0.2\n", i, "abc"[i % 3], 0.4 + 0.2 * z / 2,
                                   0.4 - 0.2 * z / 2);
    }
    assert_ok(gal_cases_parse_csv(text, at, NULL, out, &err), err);
}

static json_t *settings(const char *part) {
    json_t *all = json_loads("{\"decision_curve\": {\"low\": 0.1, \"high\": 0.9, \"step\": 0.1, \"level\": 0.95},"
                             " \"subgroups\": {\"level\": 0.95, \"threshold\": 0.5, \"least\": 20, \"bins\": 10},"
                             " \"recalibration\": {\"method\": \"temperature\", \"parameters\": {\"temperature\": 1.5},"
                             " \"bins\": 10}}",
                             0, NULL);
    assert_non_null(all);
    if (!part) return all;
    json_t *one = json_incref(json_object_get(all, part));
    json_decref(all);
    return one;
}

static void evidence_computes_them_anew(void **state) {
    (void)state;
    gal_evidence e = {.sets = 1, .settings = settings(NULL)}, back;
    gal_evidence_check check;
    char path[256];
    cases_of(1, &e.cases[0]);
    assert_ok(gal_evidence_head("eval", NULL, &e.head, &err), err);
    assert_ok(gal_evidence_results(e.cases, 1, e.settings, NULL, &e.results, &err), err);
    assert_int_equal(json_array_size(json_object_get(json_object_get(e.results, "decision_curve"), "points")), 9);
    assert_int_equal(json_array_size(json_object_get(json_object_get(e.results, "subgroups"), "attributes")), 1);
    assert_non_null(json_object_get(json_object_get(e.results, "recalibration"), "after"));
    for (int edited = 0; edited < 2; edited++) {
        json_t *first = json_array_get(json_object_get(json_object_get(e.results, "decision_curve"), "points"), 0);
        if (edited) json_object_set_new(first, "model", json_real(0.5));
        snprintf(path, sizeof path, "%s/evidence.json", test_tmp());
        assert_ok(gal_evidence_write(&e, path, &err), err);
        assert_ok(gal_evidence_read(path, &back, &err), err);
        assert_ok(gal_evidence_verify(&back, NULL, &check, &err), err);
        assert_true(check.same == !edited);
        gal_evidence_free(&back);
    }
    assert_non_null(strstr(check.path, "decision_curve.points"));
    gal_evidence_free(&e);
}

static void a_class_against_the_others(void **state) {
    (void)state;
    gal_case_set cases;
    json_t *ask = settings("subgroups"), *out = NULL;
    cases_of(3, &cases);
    assert_int_equal(gal_subgroups_part(&cases, ask, NULL, &out, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "name the one"));
    json_object_set_new(ask, "class", json_string("d"));
    assert_int_equal(gal_subgroups_part(&cases, ask, NULL, &out, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "no class 'd'"));
    json_decref(ask);
    ask = settings("decision_curve");
    json_object_set_new(ask, "class", json_string("b"));
    assert_ok(gal_decision_curve_part(&cases, ask, NULL, &out, &err), err);
    assert_int_equal(json_integer_value(json_object_get(out, "positives")), CASES / 3);
    json_decref(out);
    json_decref(ask);
    ask = settings("recalibration");
    assert_ok(gal_recalibration_part(&cases, ask, NULL, &out, &err), err);
    json_decref(out);
    json_object_set_new(ask, "bins", json_integer(0));
    assert_int_equal(gal_recalibration_part(&cases, ask, NULL, &out, &err), GALEN_ERR_FORMAT);
    json_decref(ask);
    ask =
        json_loads("{\"method\": \"platt\", \"parameters\": {\"slope\": 1, \"intercept\": 0}, \"bins\": 10}", 0, NULL);
    assert_int_equal(gal_recalibration_part(&cases, ask, NULL, &out, &err), GALEN_ERR_FORMAT);
    json_decref(ask);
    gal_case_set_free(&cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_computes_them_anew),
        cmocka_unit_test(a_class_against_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
