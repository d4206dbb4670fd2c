/* galen report, as a user runs it. */
#include "analyze/report_evidence.h"
#include "support/command.h"
#include "support/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH = 1024 };

static const char *evidence(void) {
    static char path[MAX_PATH];
    galen_error err;
    gal_evidence e;
    if (path[0]) return path;
    snprintf(path, sizeof path, "%s/evidence.json", test_tmp());
    make_evaluation(&e);
    assert_ok(gal_evidence_write(&e, path, &err), err);
    gal_evidence_free(&e);
    return path;
}

static char *text_of(const char *path) {
    size_t size;
    unsigned char *bytes = test_read(path, &size);
    char *text = calloc(size + 1, 1);
    memcpy(text, bytes, size);
    free(bytes);
    return text;
}

/* The forms by their endings; the same evidence gives the same bytes in another process. */
static void writes(void **state) {
    (void)state;
    static const struct {
        const char *end, *begins;
    } form[] = {{"html", "<!DOCTYPE html>"}, {"pdf", "%PDF-1."}, {"csv", "section,table,row,column,value\n"}};
    char line[MAX_PATH], path[MAX_PATH];
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        char *text[2];
        for (int run = 0; run < 2; run++) {
            test_output o;
            snprintf(line, sizeof line, "report {file} -o {dir}/r%d.%s", run, form[i].end);
            test_run_line(line, evidence(), test_tmp(), NULL, &o);
            if (o.exit != 0) fail_msg("%s: exit %d: %s", line, o.exit, o.err);
            test_output_free(&o);
            snprintf(path, sizeof path, "%s/r%d.%s", test_tmp(), run, form[i].end);
            text[run] = text_of(path);
        }
        assert_memory_equal(text[0], form[i].begins, strlen(form[i].begins));
        assert_string_equal(text[0], text[1]);
        free(text[0]);
        free(text[1]);
    }
}

static json_t *answer(const char *line, const char *file, int exit) {
    test_output o;
    test_run_line(line, file, test_tmp(), NULL, &o);
    if (o.exit != exit) fail_msg("galen %s: exit %d, not %d: %s", line, o.exit, exit, o.err);
    json_t *json = json_loads(o.out, 0, NULL);
    assert_true(json_is_object(json));
    test_output_free(&o);
    return json;
}

/* An edited digit is found, named, and nothing is written. */
static void verifies(void **state) {
    (void)state;
    char path[MAX_PATH];
    json_t *good = answer("report {file} --verify --json", evidence(), 0);
    assert_true(json_is_true(json_object_get(good, "verified")));
    assert_true(json_integer_value(json_object_get(good, "compared")) > 100);
    json_decref(good);
    char *text = text_of(evidence()), *at = strstr(text, "\"true_positives\":");
    assert_non_null(at);
    at += strcspn(at, "0123456789");
    *at = *at == '9' ? '8' : (char)(*at + 1);
    snprintf(path, sizeof path, "%s/edited.json", test_tmp());
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
    free(text);
    json_t *bad = answer("report {file} --verify --json -o {dir}/never.html", path, 1);
    assert_true(json_is_false(json_object_get(bad, "same")) && json_is_false(json_object_get(bad, "intact")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(bad, "difference"), "path")),
                        "results.evaluation.binary.confusion.true_positives");
    json_decref(bad);
    struct stat st;
    snprintf(path, sizeof path, "%s/never.html", test_tmp());
    assert_int_not_equal(stat(path, &st), 0);
}

/* From pictures to a page: what the model's card says and what the data were found to be is in it. */
static void of_a_model(void **state) {
    (void)state;
    char path[MAX_PATH];
    static const char *const lines[] = {
        "phantom --count 24 --size 64 --seed 5 --out {dir}/cases",
        "eval default {dir}/cases/truth.csv --draws 20 --integrity --corrupt -o {dir}/model.json",
        "report {dir}/model.json --verify -o {dir}/model.html",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        test_output o;
        test_run_line(lines[i], "", test_tmp(), NULL, &o);
        if (o.exit != 0) fail_msg("galen %s: exit %d: %s", lines[i], o.exit, o.err);
        test_output_free(&o);
    }
    snprintf(path, sizeof path, "%s/model.html", test_tmp());
    char *html = text_of(path);
    static const char *const wanted[] = {"How good is cxr64-small.onnx?", ">none found<", ">Decision curve</h2>",
                                         ">AUC against severity</h4>", "<th scope=\"row\">input</th><td>"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strstr(html, wanted[i]) == NULL) fail_msg("the page lacks %s", wanted[i]);
    free(html);
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int exit;
        const char *says;
    } bad[] = {
        {"report {file}", 2, "nothing to do"},
        {"report {file} -o {dir}/x.docx", 2, "end it in .html, .pdf or .csv"},
        {"report {file} -o {dir}/.html", 0, ""},
        {"report {dir}/missing.json --verify", 3, "missing.json"},
        {"report README.md --verify", 3, "no evidence"},
        {"report {file} -o {dir}/none/x.html", 3, "none/x.html"},
        {"report {file} {file} --verify", 2, "one argument too many"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_output o;
        test_run_line(bad[i].line, evidence(), test_tmp(), NULL, &o);
        if (o.exit != bad[i].exit || strstr(o.err, bad[i].says) == NULL)
            fail_msg("galen %s: exit %d, said: %s", bad[i].line, o.exit, o.err);
        test_output_free(&o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes), cmocka_unit_test(verifies),
                                       cmocka_unit_test(of_a_model), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
