/* galen audit as a user meets it: the tables that ship, exit codes, JSON, wrong tables. */
#include "support/command.h"
#include "support/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *line, const char *file, int code, const char *says) {
    test_output out;
    test_run_line(line, file, test_tmp(), NULL, &out);
    if (out.exit != code) fail_msg("galen %s: exit %d, not %d: %s%s", line, out.exit, code, out.err, out.out);
    if (!strstr(out.out, says) && !strstr(out.err, says))
        fail_msg("galen %s: '%s%s' does not say '%s'", line, out.out, out.err, says);
    test_output_free(&out);
}

static const char *write_table(const char *text) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/table.csv", test_tmp());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void test_examples(void **state) {
    (void)state;
    expect("audit examples/claims/published.csv", "", 1, "3 of 3 rows impossible");
    expect("audit examples/claims/published.csv --rounding any", "", 1, "3 of 3 rows impossible");
    expect("audit examples/claims/galen-default.csv", "", 0, "0.9300 met");
    expect("audit examples/claims/galen-default.csv --target specificity=0.9,sensitivity=0.99", "", 0,
           "specificity is not shown to meet the target 0.90000");
    expect("audit examples/claims/galen-default.csv --target specificity=0.9 --target sensitivity=0.99", "", 0,
           "specificity is not shown to meet the target 0.90000");
    expect("audit examples/claims/galen-speed.csv", "", 0, "0 of 6 rows impossible");
    expect("audit examples/claims/costs.json", "", 0, "0 of 4 rows impossible");
}

static void test_json(void **state) {
    (void)state;
    test_output out;
    json_error_t why;
    test_run_line("audit --json examples/claims/published.csv", "", "", NULL, &out);
    assert_int_equal(out.exit, 1);
    json_t *root = json_loads(out.out, 0, &why);
    assert_non_null(root);
    json_t *row = json_array_get(json_object_get(root, "rows"), 0), *claims = json_object_get(row, "claims");
    assert_int_equal(json_integer_value(json_object_get(claims, "matrices")), 0);
    json_t *first = json_array_get(json_object_get(claims, "conflicts"), 0);
    assert_string_equal(json_string_value(json_array_get(first, 0)), "specificity");
    json_decref(root);
    test_output_free(&out);
}

static void test_wrong(void **state) {
    (void)state;
    expect("audit no-such.csv", "", 3, "no-such.csv");
    expect("audit {file}", write_table("accuracy;n+;n-\r\n95,1;10;x\r\n"), 3, "row 2: n- 'x' is not a number");
    expect("audit {file}", write_table("name,accuracy\nA,95\n"), 3, "row 2 has claims and no numbers of cases");
    expect("audit {file} --json", write_table("name,value\nA,95\n"), 3, "no column is known");
    expect("audit {file} --target speed=3", write_table("fps\n3\n"), 2, "'speed=3' is no target");
    expect("audit {file} --rounding up", write_table("fps\n3\n"), 2, "is one of: nearest");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
