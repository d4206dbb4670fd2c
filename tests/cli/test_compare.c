/* galen compare as a user runs it: one file in two precisions, tables of other systems, verdicts, files, refusals. */
#include "clinic/compare/certificate.h"
#include "clinic/evidence/evidence.h"
#include "support/command.h"
#include "support/shared.h"

#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 1024 };

static const char *at(const char *name) {
    static char path[8][MAX_PATH];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_tmp(), name);
    return path[turn];
}

/* `{file}` is the temporary folder's file of that name, {dir} the folder. Checks the exit code. */
static void run(const char *line, const char *file, int exit, test_output *o) {
    test_run_line(line, file ? at(file) : "", test_tmp(), NULL, o);
    if (o->exit != exit) fail_msg("galen %s: exit %d, not %d: %s%s", line, o->exit, exit, o->err, o->out);
}

static json_t *run_json(const char *line, const char *file, int exit) {
    test_output o;
    json_error_t why;
    run(line, file, exit, &o);
    json_t *json = json_loads(o.out, 0, &why);
    if (!json_is_object(json)) fail_msg("galen %s: %s in %s", line, why.text, o.out);
    test_output_free(&o);
    return json;
}

static const json_t *get(const json_t *json, const char *path) {
    char key[64];
    for (; json && *path; path += strcspn(path, "."), path += *path == '.') {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(path, "."), path);
        json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10)) : json_object_get(json, key);
    }
    return json;
}

static void write_text(const char *name, const char *text) {
    FILE *f = fopen(at(name), "w");
    fputs(text, f);
    fclose(f);
}

static void system_ok(const char *format, const char *a, const char *b) {
    char command[3 * MAX_PATH];
    snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

/* Pictures, keys, and two tables of 400 cases: b.csv misses 10 of 200 positives that a.csv finds. */
static int set_up(void **state) {
    (void)state;
    test_output o;
    run("phantom --count 60 --seed 11 --out {file}", "pictures", 0, &o);
    test_output_free(&o);
    system_ok("openssl genpkey -algorithm ed25519 -out '%s' 2>&1 && openssl pkey -in '%1$s' -pubout -out '%s'",
              at("key.pem"), at("pub.pem"));
    system_ok("openssl genpkey -algorithm ed25519 -out '%s' 2>&1 && openssl pkey -in '%1$s' -pubout -out '%s'",
              at("other.pem"), at("other-pub.pem"));
    for (int side = 0; side < 2; side++) {
        FILE *f = fopen(at(side ? "b.csv" : "a.csv"), "w");
        fputs("id,label,prob,sex\n", f);
        for (int k = 0; k < 400; k++)
            fprintf(f, "case %d,%d,%.2f,%c\n", k, k < 200, k < 200 ? side && k % 20 == 0 ? 0.45 : 0.9 : 0.05,
                    k % 3 ? 'F' : 'M');
        fclose(f);
    }
    return 0;
}

/* ---- models ---- */

#define IN_BF16 "compare default default {dir}/pictures/truth.csv --precision-b bf16 "

static void one_file_in_two_precisions(void **state) {
    (void)state;
    json_t *a = run_json(IN_BF16 "--json --layers 2 --shift 0", NULL, 0);
    assert_string_equal(json_string_value(get(a, "models.0.precision")), "f32");
    assert_string_equal(json_string_value(get(a, "models.1.precision")), "bf16");
    assert_true(json_is_null(get(a, "verdict")));
    assert_int_equal(json_integer_value(get(a, "results.comparison.cases")), 60);
    double shift = json_number_value(get(a, "results.comparison.probability_shift.most"));
    assert_true(shift > 0 && shift < 0.05);
    assert_true(json_array_size(get(a, "results.flips.flips")) > 30);
    assert_int_equal(json_integer_value(get(a, "layers.pictures")), 2);
    assert_true(json_array_size(get(a, "layers.list")) > 5);
    for (size_t i = 0; i < json_array_size(get(a, "layers.list")); i++) {
        const json_t *snr = json_object_get(json_array_get(get(a, "layers.list"), i), "snr_db");
        assert_true(json_is_null(snr) || (json_number_value(snr) > 25 && json_number_value(snr) < 120));
    }
    json_decref(a);
    /* In one precision nothing moves, not by a bit. */
    a = run_json("compare default default {dir}/pictures/truth.csv --json --layers 0 --shift 0", NULL, 0);
    assert_true(json_number_value(get(a, "results.comparison.probability_shift.most")) == 0);
    assert_int_equal(json_array_size(get(a, "results.flips.flips")), 0);
    json_decref(a);
}

static void certificate_and_evidence(void **state) {
    (void)state;
    test_output o;
    json_t *certificate, *edited;
    gal_evidence evidence;
    galen_error err;
    char digest[GAL_SHA256_HEX];
    run(IN_BF16 "--margin 0.2 --layers 0 --certificate {dir}/c.json --sign {dir}/key.pem -o {dir}/e.json", NULL, 0, &o);
    assert_non_null(strstr(o.out, "Verdict: pass"));
    test_output_free(&o);
    run("report --verify {file}", "e.json", 0, &o);
    test_output_free(&o);
    /* The certificate names the results that the evidence holds. */
    assert_ok(gal_certificate_load(at("c.json"), &certificate, &err), err);
    assert_ok(gal_evidence_read(at("e.json"), &evidence, &err), err);
    assert_ok(gal_json_digest(evidence.results, digest, &err), err);
    assert_string_equal(json_string_value(get(certificate, "results.sha256")), digest);
    gal_evidence_free(&evidence);

    json_t *answer = run_json("info default --certificate {dir}/c.json --key {dir}/pub.pem --json", NULL, 0);
    assert_true(json_is_true(get(answer, "certificate.valid")));
    assert_string_equal(json_string_value(get(answer, "certificate.role")), "candidate");
    assert_string_equal(json_string_value(get(answer, "certificate.signature")), "of the given key");
    json_decref(answer);
    run("info default --certificate {dir}/c.json --key {dir}/other-pub.pem", NULL, CLI_NO, &o);
    assert_non_null(strstr(o.out, "its signature is not of the given key"));
    test_output_free(&o);
    run("info {dir}/lean.onnx --certificate {dir}/c.json", NULL, CLI_INPUT, &o); /* no such model */
    test_output_free(&o);
    run("convert default {dir}/lean.onnx", NULL, 0, &o);
    test_output_free(&o);
    run("info {dir}/lean.onnx --certificate {dir}/c.json --key {dir}/pub.pem", NULL, CLI_NO, &o);
    assert_non_null(strstr(o.out, "it is for another model"));
    test_output_free(&o);
    edited = json_deep_copy(certificate);
    json_object_set_new(json_object_get(edited, "data"), "cases", json_integer(6000));
    assert_ok(gal_certificate_write(edited, at("edited.json"), &err), err);
    run("info default --certificate {dir}/edited.json", NULL, CLI_NO, &o);
    assert_non_null(strstr(o.out, "it was changed after it was issued"));
    test_output_free(&o);
    json_decref(certificate);
    json_decref(edited);
}

static void no_certificate_without_a_pass(void **state) {
    (void)state;
    test_output o;
    run(IN_BF16 "--policy medical-critical --layers 0 --certificate {dir}/none.json", NULL, CLI_NO, &o);
    assert_non_null(strstr(o.out, "none written: the verdict is not a pass"));
    test_output_free(&o);
    run("info default --certificate {file}", "none.json", CLI_INPUT, &o);
    test_output_free(&o);
}

/* ---- predictions ---- */

#define TABLES "compare --predictions {dir}/a.csv {dir}/b.csv --threshold 0.5 "

static void tables_of_others(void **state) {
    (void)state;
    test_output o;
    json_t *a = run_json(TABLES "--json --margin 0.02 --flips {dir}/flips.csv", NULL, CLI_NO);
    assert_string_equal(json_string_value(get(a, "verdict")), "fail");
    assert_int_equal(json_integer_value(get(a, "results.comparison.questions.0.decisions.newly_missed.hits")), 10);
    assert_true(fabs(json_number_value(get(a, "results.comparison.questions.0.decisions.sensitivity.difference")) +
                     0.05) < 1e-12);
    assert_int_equal(json_integer_value(get(a, "results.flips.counts.newly missed")), 10);
    json_decref(a);
    size_t size;
    char *csv = (char *)test_read(at("flips.csv"), &size);
    int lines = 0;
    for (size_t i = 0; i < size; i++) lines += csv[i] == '\n';
    assert_int_equal(lines, 11);
    assert_non_null(strstr(csv, "\ncase 0,,1,1,newly missed,0.9,0.45,0.9,0.45,-0.45,1,0\n"));
    free(csv);
    /* 10 of 200 is 5 %: a margin of 10 % is met, one of 5 % not decided. */
    run(TABLES "--margin 0.1", NULL, 0, &o);
    assert_non_null(strstr(o.out, "Verdict: pass"));
    test_output_free(&o);
    run(TABLES "--margin 0.05", NULL, CLI_NO, &o);
    assert_non_null(strstr(o.out, "Verdict: insufficient evidence"));
    assert_non_null(strstr(o.out, "positives would do"));
    test_output_free(&o);
}

static const json_t *gate(const json_t *answer, const char *name) {
    const json_t *gates = get(answer, "results.gates");
    for (size_t i = 0; i < json_array_size(gates); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(gates, i), "gate")), name))
            return json_array_get(gates, i);
    fail_msg("no gate %s", name);
    return NULL;
}

static void policies(void **state) {
    (void)state;
    test_output o;
    json_t *a = run_json(TABLES "--json --policy aggressive --subgroup sex -o {dir}/judged.json", NULL, CLI_NO);
    assert_string_equal(json_string_value(json_object_get(gate(a, "bias"), "of")), "sex");
    assert_string_equal(json_string_value(json_object_get(gate(a, "bias"), "verdict")), "pass");
    assert_string_equal(json_string_value(json_object_get(gate(a, "clinical relevance"), "verdict")), "pass");
    json_decref(a);
    run("report --verify {file}", "judged.json", 0, &o);
    test_output_free(&o);
    a = run_json(TABLES "--json --policy aggressive", NULL, CLI_NO); /* no groups are named */
    assert_string_equal(json_string_value(json_object_get(gate(a, "bias"), "verdict")), "insufficient evidence");
    json_decref(a);
    a = run_json(
        "compare --predictions {dir}/a.csv {dir}/a.csv --threshold 0.5 --json --policy aggressive --subgroup sex", NULL,
        0);
    assert_string_equal(json_string_value(get(a, "verdict")), "pass");
    json_decref(a);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
        int exit;
    } wrong[] = {
        {"compare a b", "3 arguments are needed", CLI_USAGE},
        {TABLES "c.csv", "2 arguments are needed", CLI_USAGE},
        {TABLES "--policy balanced --margin 0.1", "stated by the policy", CLI_USAGE},
        {TABLES "--policy mild", "no policy that ships", CLI_USAGE},
        {TABLES "--policy {dir}/a.csv", "is no JSON", CLI_INPUT},
        {TABLES "--margin 2", "--margin wants a number", CLI_USAGE},
        {TABLES "--certificate {dir}/x.json --margin 0.1", "bound to models", CLI_USAGE},
        {TABLES "--sign {dir}/key.pem", "--sign signs a certificate", CLI_USAGE},
        {TABLES "--subgroup site --policy balanced", "there is no column 'site'", CLI_USAGE},
        {TABLES "--precision-b bf16", "about running a model", CLI_USAGE},
        {"compare --predictions {dir}/a.csv {dir}/b.csv --threshold best", "--threshold wants a number", CLI_USAGE},
        {"compare --predictions {dir}/a.csv {dir}/short.csv --threshold 0.5", "398 of the 400", CLI_INPUT},
        {"compare --predictions {dir}/short.csv {dir}/turned.csv", "2 of the 2 cases have two different labels",
         CLI_INPUT},
        {IN_BF16 "--certificate {dir}/x.json", "states what was passed", CLI_USAGE},
        {IN_BF16 "--certificate {dir}/x.json --margin 0.1 --sign {dir}/pub.pem", "no private key", CLI_INPUT},
        {"info default --key {dir}/pub.pem", "--key checks a certificate", CLI_USAGE},
        {"info default --certificate {dir}/a.csv", "is no JSON", CLI_INPUT},
    };
    write_text("short.csv", "id,label,prob\ncase 0,1,0.9\ncase 399,0,0.1\n");
    write_text("turned.csv", "id,label,prob\ncase 0,0,0.9\ncase 399,1,0.1\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        test_output o;
        run(wrong[i].line, NULL, wrong[i].exit, &o);
        if (!strstr(o.err, wrong[i].says)) fail_msg("galen %s: says %s", wrong[i].line, o.err);
        test_output_free(&o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_file_in_two_precisions),
                                       cmocka_unit_test(certificate_and_evidence),
                                       cmocka_unit_test(no_certificate_without_a_pass),
                                       cmocka_unit_test(tables_of_others),
                                       cmocka_unit_test(policies),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
