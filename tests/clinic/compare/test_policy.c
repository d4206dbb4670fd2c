/* The policies that ship, and files that must not pass for one. */
#include "clinic/compare/policy.h"

#include "base/buf.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static galen_error err;

static void shipped(const char *name, gal_policy *out) {
    char path[64];
    snprintf(path, sizeof path, "policies/%s.json", name);
    assert_ok(gal_policy_load(path, out, &err), err);
    assert_string_equal(out->name, name);
    assert_int_equal(strlen(out->sha256), 64);
}

static void those_that_ship(void **state) {
    (void)state;
    static const char *const name[] = {"medical-critical", "minimal", "balanced", "aggressive"};
    gal_policy p[4];
    for (int i = 0; i < 4; i++) shipped(name[i], &p[i]);
    assert_true(p[0].medical_accuracy == 0.98 && p[0].safety == 0.99 && p[0].clinical_relevance == 0.90);
    assert_true(p[0].bias == 0.85 && p[0].sensitivity_margin == 0.01 && p[0].certificate && p[0].level == 0.95);
    for (int i = 1; i < 4; i++) { /* each demands no more than the one before */
        assert_true(p[i].medical_accuracy <= p[i - 1].medical_accuracy && p[i].safety <= p[i - 1].safety);
        assert_true(p[i].clinical_relevance <= p[i - 1].clinical_relevance && p[i].bias <= p[i - 1].bias);
        assert_true(p[i].sensitivity_margin >= p[i - 1].sensitivity_margin && !p[i].certificate);
        assert_true(p[i].specificity_margin >= p[i - 1].specificity_margin);
    }
    for (int i = 0; i < 4; i++) gal_policy_free(&p[i]);
}

static void a_gate_may_be_left_out(void **state) {
    (void)state;
    static const char text[] = "{\"galen\": \"policy\", \"version\": 1, \"name\": \"own\", \"level\": 0.9,"
                               " \"sensitivity\": {\"margin\": 0.03}}";
    gal_policy p;
    assert_ok(gal_policy_read(text, sizeof text - 1, &p, &err), err);
    assert_true(p.level == 0.9 && p.sensitivity_margin == 0.03 && isnan(p.safety) && isnan(p.bias) && !p.certificate);
    assert_int_equal(p.size, sizeof text - 1);
    assert_string_equal(p.text, text);
    gal_policy_free(&p);
}

static void damaged(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        galen_status status;
    } bad[] = {
        {"", "0 bytes", GALEN_ERR_FORMAT},
        {"[]", "a JSON object", GALEN_ERR_FORMAT},
        {"{\"galen\": \"policy\", ", "line 1 is no JSON", GALEN_ERR_FORMAT},
        {"{\"galen\": \"card\"}", "'galen' must be \"policy\"", GALEN_ERR_FORMAT},
        {"{\"galen\": \"policy\", \"version\": 2}", "'version' must be 1", GALEN_ERR_UNSUPPORTED},
        {"{\"safety\": {\"at_least\": 0.9}, \"safety\": {\"at_least\": 0.1}}", "duplicate", GALEN_ERR_FORMAT},
        {"{\"saftey\": {\"at_least\": 0.9}}", "'saftey' is no member", GALEN_ERR_FORMAT},
        {"{\"safety\": 0.9}", "safety must be an object", GALEN_ERR_FORMAT},
        {"{\"safety\": {\"atleast\": 0.9}}", "'at_least' must be there", GALEN_ERR_FORMAT},
        {"{\"safety\": {\"at_least\": 0.9, \"mean\": true}}", "not known", GALEN_ERR_FORMAT},
        {"{\"safety\": {\"at_least\": 99}}", "must lie in 0 to 1", GALEN_ERR_FORMAT},
        {"{\"sensitivity\": {\"margin\": 0}}", "must lie in", GALEN_ERR_FORMAT},
        {"{\"level\": 95}", "must lie in 0.5", GALEN_ERR_FORMAT},
        {"{\"level\": \"0.95\"}", "a number", GALEN_ERR_FORMAT},
        {"{\"certificate\": 1}", "true or false", GALEN_ERR_FORMAT},
        {"{\"name\": \"\"}", "1 to 63 bytes", GALEN_ERR_FORMAT},
        {"{\"name\": \"a\\u0000b\"}", "no JSON", GALEN_ERR_FORMAT},
        {"{\"galen\": \"policy\", \"version\": 1, \"name\": \"x\"}", "'level' is missing", GALEN_ERR_FORMAT},
        {"{\"galen\": \"policy\", \"version\": 1, \"name\": \"x\", \"level\": 0.95}", "every model would pass",
         GALEN_ERR_FORMAT},
        {"{\"galen\": \"policy\", \"version\": 1, \"name\": \"x\", \"level\": 0.95, \"clinical_relevance\":"
         " {\"at_least\": 0.9, \"from\": 0.5, \"to\": 0.1}}",
         "'from' is above 'to'", GALEN_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_policy p;
        assert_int_equal(gal_policy_read(bad[i].text, strlen(bad[i].text), &p, &err), bad[i].status);
        if (!strstr(err.message, bad[i].says)) fail_msg("%s: says %s", bad[i].text, err.message);
        gal_policy_free(&p);
    }
}

static void hostile(void **state) {
    (void)state;
    gal_policy p;
    gal_buf deep;
    gal_buf_init(&deep, 1 << 20);
    for (int i = 0; i < 30000; i++) gal_buf_text(&deep, "[");
    assert_int_equal(gal_policy_read(deep.data, deep.size, &p, &err), GALEN_ERR_FORMAT);
    gal_policy_free(&p);
    for (int i = 0; i < 40000; i++) gal_buf_text(&deep, " ");
    assert_int_equal(gal_policy_read(deep.data, deep.size, &p, &err), GALEN_ERR_LIMIT);
    gal_policy_free(&p);
    gal_buf_free(&deep);
    assert_int_equal(gal_policy_load("policies/none.json", &p, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "policies/none.json"));
    gal_policy_free(&p);
    assert_int_equal(gal_policy_load("policies", &p, &err), GALEN_ERR_IO);
    gal_policy_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(those_that_ship), cmocka_unit_test(a_gate_may_be_left_out),
                                       cmocka_unit_test(damaged), cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
