/* Figures of worse pictures, by hand. */
#include "clinic/evaluate/severity.h"
#include "support/shared.h"

#include <math.h>

static void make(gal_case_set *c) {
    static const double score[] = {0.9, 0.8, 0.4, 0.7, 0.2, 0.1};
    galen_error err;
    assert_ok(gal_case_set_make(GAL_CASE_BINARY, 6, 1, c, &err), err);
    for (size_t i = 0; i < 6; i++) {
        c->id[i] = gal_arena_printf(&c->arena, "%zu", i);
        c->score[i] = score[i];
        c->positive[i] = i < 3;
    }
    assert_ok(gal_case_set_finish(c, NULL, &err), err);
}

static double value(const json_t *figures, const char *name) {
    const json_t *it = json_object_get(json_object_get(figures, name), "value");
    assert_true(json_is_number(it));
    return json_number_value(it);
}

static void figures(void **state) {
    (void)state;
    galen_error err;
    gal_case_set c;
    json_t *out, *settings = json_pack("{s:f, s:f, s:[{s:s, s:s, s:i, s:f, s:[ffffff]}]}", "level", 0.95, "threshold",
                                       0.5, "runs", "kind", "noise", "unit", "u", "severity", 1, "amount", 0.02,
                                       "scores", 0.6, 0.3, 0.2, 0.7, 0.4, 0.1);
    make(&c);
    assert_ok(gal_severity_part(&c, settings, NULL, &out, &err), err);
    const json_t *plain = json_object_get(out, "plain"), *run = json_array_get(json_object_get(out, "runs"), 0);
    assert_true(fabs(value(plain, "auc") - 8.0 / 9) < 1e-15);
    assert_true(fabs(value(plain, "sensitivity") - 2.0 / 3) < 1e-15);
    assert_true(fabs(value(run, "auc") - 4.0 / 9) < 1e-15);
    assert_true(fabs(value(run, "sensitivity") - 1.0 / 3) < 1e-15);
    assert_true(fabs(value(run, "specificity") - 2.0 / 3) < 1e-15);
    assert_string_equal(json_string_value(json_object_get(run, "kind")), "noise");
    assert_null(json_object_get(run, "scores"));
    json_decref(out);
    json_object_set_new(settings, "threshold", json_null());
    assert_ok(gal_severity_part(&c, settings, NULL, &out, &err), err);
    assert_true(json_is_null(json_object_get(json_object_get(out, "plain"), "sensitivity")));
    json_decref(out);
    json_decref(settings);
    gal_case_set_free(&c);
}

static void refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"level\": 0.95, \"threshold\": null, \"runs\": {}}",
        "{\"level\": 2, \"threshold\": null, \"runs\": []}",
        "{\"level\": 0.95, \"threshold\": \"best\", \"runs\": []}",
        "{\"level\": 0.95, \"threshold\": null, \"runs\": [{}]}",
        "{\"level\": 0.95, \"threshold\": null, \"runs\": [{\"scores\": [1, 2, 3, 4, 5]}]}",
        "{\"level\": 0.95, \"threshold\": null, \"runs\": [{\"scores\": [1, 2, 3, 4, 5, null]}]}",
    };
    gal_case_set c;
    make(&c);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        galen_error err;
        json_t *out, *settings = json_loads(bad[i], 0, NULL);
        assert_non_null(settings);
        assert_int_equal(gal_severity_part(&c, settings, NULL, &out, &err), GALEN_ERR_FORMAT);
        assert_null(out);
        json_decref(settings);
    }
    gal_case_set_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
