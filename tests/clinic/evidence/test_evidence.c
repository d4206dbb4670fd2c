/* Evidence files: what is written is read again, and no edit goes unnoticed. */
#include "clinic/evidence/evidence.h"

#include "base/file.h"
#include "base/sha256.h"
#include "clinic/cases/cases_json.h"
#include "clinic/compare/compare.h"
#include "clinic/evaluate/estimate.h"
#include "clinic/evidence/cases_file.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char table[] = "id,patient,label,logit,sex\n"
                            "a,1,1,2.5,F\nb,1,0,-0.125,M\nc,2,1,0.1,F\nd,3,0,-3,\ne,4,1,-0.7,M\nf,5,0,0.3,F\n";

static void read_table(const char *text, gal_case_set *out) {
    galen_error err;
    assert_ok(gal_cases_parse_csv(text, strlen(text), NULL, out, &err), err);
}

static void make(gal_evidence *e) {
    gal_eval_settings settings = gal_eval_defaults();
    galen_error err;
    settings.draws = 50, settings.has_threshold = true, settings.threshold = 0;
    *e = (gal_evidence){.sets = 1};
    read_table(table, &e->cases[0]);
    assert_ok(gal_evidence_head("eval", json_pack("{s:s}", "cpu", "none"), &e->head, &err), err);
    e->settings = json_pack("{s:o}", "evaluation", gal_eval_settings_json(&settings));
    assert_ok(gal_evidence_results(e->cases, 1, e->settings, NULL, &e->results, &err), err);
}

static const char *path_of(const char *name) {
    static char path[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", test_tmp(), name);
    return path[at];
}

/* The text of evidence, in malloc'ed memory. */
static char *written(size_t *size) {
    gal_evidence e;
    galen_error err;
    make(&e);
    const char *path = path_of("whole.json");
    assert_ok(gal_evidence_write(&e, path, &err), err);
    gal_evidence_free(&e);
    return (char *)test_read(path, size);
}

static void parse(const char *text, size_t size, gal_evidence *out, gal_evidence_check *check) {
    galen_error err;
    assert_ok(gal_evidence_parse(text, size, out, &err), err);
    assert_ok(gal_evidence_verify(out, NULL, check, &err), err);
}

static void test_whole(void **state) {
    (void)state;
    size_t size;
    char *text = written(&size);
    gal_evidence e;
    gal_evidence_check check;
    gal_case_set again;
    assert_true(gal_evidence_probe(text, size));
    parse(text, size, &e, &check);
    assert_true(e.intact && check.same);
    assert_int_equal(check.path[0], 0);
    assert_true(check.compared > 100);
    assert_int_equal(e.sets, 1);
    assert_string_equal(json_string_value(json_object_get(e.head, "command")), "eval");
    read_table(table, &again);
    assert_memory_equal(e.cases[0].score, again.score, 6 * sizeof(double));
    assert_memory_equal(e.cases[0].probability, again.probability, 6 * sizeof(double));
    assert_memory_equal(e.cases[0].positive, again.positive, 6);
    assert_memory_equal(e.cases[0].patient, again.patient, 6 * sizeof(uint32_t));
    assert_memory_equal(e.cases[0].attribute[0].of, again.attribute[0].of, 6 * sizeof(uint32_t));
    assert_string_equal(e.cases[0].id[5], "f");
    assert_string_equal(e.cases[0].negative, "0");
    assert_int_equal(e.cases[0].patients, 5);
    gal_case_set_free(&again);
    gal_evidence_free(&e);
    free(text);
}

/* Puts `new` in place of the first `old` behind `after`, of the same length. */
static void edit(char *text, const char *after, const char *old, const char *new) {
    char *at = strstr(text, after);
    assert_non_null(at);
    at = strstr(at, old);
    assert_non_null(at);
    assert_int_equal(strlen(old), strlen(new));
    memcpy(at, new, strlen(new));
}

/* What a forger would do who knows the format. */
static void sign_again(char *text, size_t size) {
    char digest[GAL_SHA256_HEX];
    galen_error err;
    char *line = text + size - (64 + 3);
    assert_ok(gal_sha256_hex(text, (size_t)(line - text) - strlen(",\n\"sha256\":\""), digest, &err), err);
    memcpy(line, digest, 64);
}

static void test_edits(void **state) {
    (void)state;
    static const struct {
        const char *after, *old, *new, *path;
    } edits[] = {
        {"\"sensitivity\"", "\"hits\": 2", "\"hits\": 3", "results.evaluation.binary.figures.sensitivity.hits"},
        {"\"true_positives\"", "2", "3", "results.evaluation.binary.confusion.true_positives"},
        {"\"specificity\"", "by patient", "by Patient", "results.evaluation.binary.figures."},
        {"\"scores\"", "2.5", "0.2", "results.evaluation.binary.figures."},
        {"\"labels\"", "1,0,1", "0,1,1", "results.evaluation.binary.confusion."},
        {"\"settings\"", "\"draws\":50", "\"draws\":51", "results.evaluation.settings.draws"},
        {"\"precision_recall\"", "\"exact\"", "\"exakt\"", "results.evaluation.binary.precision_recall.exact"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        size_t size;
        char *text = written(&size);
        gal_evidence e;
        gal_evidence_check check;
        edit(text, edits[i].after, edits[i].old, edits[i].new);
        parse(text, size, &e, &check);
        assert_false(e.intact);
        gal_evidence_free(&e);
        sign_again(text, size);
        parse(text, size, &e, &check);
        assert_true(e.intact ==
                    (strcmp(edits[i].after, "\"settings\"") != 0)); /* whose own digest stands beside them */
        assert_false(check.same);
        if (strncmp(check.path, edits[i].path, strlen(edits[i].path)) != 0)
            fail_msg("'%s' is named, not '%s'", check.path, edits[i].path);
        gal_evidence_free(&e);
        free(text);
    }
}

/* A forger who turns the date back changes no figure, but the digest. */
static void test_head(void **state) {
    (void)state;
    size_t size;
    char *text = written(&size);
    gal_evidence e;
    gal_evidence_check check;
    edit(text, "\"created\"", "\"20", "\"19");
    parse(text, size, &e, &check);
    assert_true(!e.intact && check.same);
    gal_evidence_free(&e);
    free(text);
}

static void test_two_sets(void **state) {
    (void)state;
    static const char other[] = "id,label,p\nf,0,0.5\ne,1,0.5\nd,0,0.25\nc,1,0.75\nb,0,0.125\na,1,1\n";
    gal_compare_settings settings = gal_compare_defaults();
    gal_evidence e = {.sets = 2}, again;
    gal_case_set set;
    gal_evidence_check check;
    galen_error err;
    settings.has_threshold = true, settings.threshold[1] = 0.5;
    read_table(table, &e.cases[0]);
    read_table(other, &e.cases[1]);
    assert_ok(gal_evidence_head("compare", NULL, &e.head, &err), err);
    assert_true(json_is_null(json_object_get(e.head, "machine")));
    e.settings = json_pack("{s:o}", "comparison", gal_compare_settings_json(&settings));
    assert_ok(gal_evidence_results(e.cases, 2, e.settings, NULL, &e.results, &err), err);
    assert_int_equal(gal_evidence_results(e.cases, 1, e.settings, NULL, &again.results, &err), GALEN_ERR_FORMAT);
    assert_ok(gal_evidence_write(&e, path_of("two.json"), &err), err);
    gal_evidence_free(&e);
    assert_ok(gal_evidence_read(path_of("two.json"), &again, &err), err);
    assert_ok(gal_evidence_verify(&again, NULL, &check, &err), err);
    assert_true(again.intact && check.same && again.sets == 2);
    gal_evidence_free(&again);
    assert_ok(gal_cases_read(path_of("two.json"), NULL, &set, &err), err);
    assert_true(set.count == 6 && set.logits);
    gal_case_set_free(&set);
}

static void refuse(const char *text, const char *says) {
    gal_evidence e;
    galen_error err;
    if (gal_evidence_parse(text, strlen(text), &e, &err) == GALEN_OK) fail_msg("accepted: %.80s", text);
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
    assert_null(e.head);
}

static void test_hostile(void **state) {
    (void)state;
#define HEAD "{\"galen_evidence\":1,\"settings\":{},\"results\":{},\"cases\":"
#define SET  "{\"kind\":\"binary\",\"count\":2,\"classes\":[null],\"negative\":null,\"logits\":false,\"paths\":null,"
    refuse("", "this is no evidence");
    refuse("{}", "this is no evidence");
    refuse("{\"galen_evidence\":2}", "version 2");
    refuse("{\"galen_evidence\":1}", "'settings' is missing");
    refuse(HEAD "[]}", "'cases' must hold 1 or 2 sets");
    refuse(HEAD "[1]}", "kind must be");
    refuse(HEAD "[{\"kind\":\"binary\",\"count\":1000000000,\"classes\":[null],\"ids\":[\"a\"]}]}", "count must be");
    refuse(HEAD "[" SET "\"ids\":[\"a\",\"b\"],\"scores\":[1]}]}", "scores must be");
    refuse(HEAD "[" SET "\"ids\":[\"a\",\"b\"],\"scores\":[1,0],\"labels\":[1,2]}]}", "labels must be");
    refuse(HEAD "[" SET "\"ids\":[\"a\",\"b\"],\"scores\":[1,\"0\"],\"labels\":[1,0]}]}", "scores must be");
    refuse(HEAD "[" SET "\"ids\":[\"a\",7],\"scores\":[1,0],\"labels\":[1,0]}]}", "ids must be");
    refuse(HEAD "[" SET
                "\"ids\":[\"a\",\"a\"],\"scores\":[1,0],\"labels\":[1,0],\"patients\":null,\"attributes\":[]}]}",
           "stands twice");
    refuse(HEAD "[" SET
                "\"ids\":[\"a\",\"b\"],\"scores\":[2,0],\"labels\":[1,0],\"patients\":null,\"attributes\":[]}]}",
           "outside 0 to 1");
    refuse(HEAD "[" SET
                "\"ids\":[\"a\",\"b\"],\"scores\":[1,0],\"labels\":[1,0],\"patients\":[0,9],\"attributes\":[]}]}",
           "patients must be");
    refuse(HEAD "[" SET "\"ids\":[\"a\",\"b\"],\"scores\":[1,0],\"labels\":[1,0],\"patients\":null,\"attributes\":[{"
                "\"name\":\"sex\",\"levels\":[\"F\"],\"of\":[0,1]}]}]}",
           "attributes must be");
    size_t size;
    char *text = written(&size);
    for (size_t n = 0; n < size; n += size / 40) {
        gal_evidence e;
        galen_error err;
        assert_int_not_equal(gal_evidence_parse(text, n, &e, &err), GALEN_OK);
    }
    free(text);
}

static void test_numbers(void **state) {
    (void)state;
    static const double values[] = {0.1, 1.0 / 3, 5e-324, 1e300, -0.0, 123456789012345680.0, 0.1 + 0.2};
    gal_buf out;
    gal_buf_init(&out, 1 << 10);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        out.size = 0;
        gal_json_put_number(&out, values[i]);
        double back = strtod((const char *)out.data, NULL);
        assert_memory_equal(&back, &values[i], sizeof back);
    }
    out.size = 0;
    gal_json_put_number(&out, 0.1);
    gal_json_put_number(&out, (double)NAN);
    gal_json_put_text(&out, "a\"\\\n\xc3\xa9");
    assert_string_equal((const char *)out.data, "0.1null\"a\\\"\\\\\\u000a\xc3\xa9\"");
    gal_buf_free(&out);
}

static void test_hashed_ids(void **state) {
    (void)state;
    gal_case_set set;
    galen_error err;
    read_table(table, &set);
    assert_ok(gal_case_set_hash_ids(&set, &err), err);
    assert_string_equal(set.id[0], "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"); /* of "a" */
    assert_int_equal(gal_case_set_keep_attributes(&set, (const char *const[]){"age"}, 1, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "there is no column 'age' (the first is 'sex')"));
    assert_ok(gal_case_set_keep_attributes(&set, (const char *const[]){"SEX"}, 1, &err), err);
    assert_int_equal(set.attributes, 1);
    assert_ok(gal_case_set_keep_attributes(&set, NULL, 0, &err), err);
    assert_int_equal(set.attributes, 0);
    gal_case_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),      cmocka_unit_test(test_edits),   cmocka_unit_test(test_head),
        cmocka_unit_test(test_two_sets),   cmocka_unit_test(test_hostile), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_hashed_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
