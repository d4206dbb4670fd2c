/* galen eval and galen report, as they are called. */
#include "support/command.h"
#include "support/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *in_tmp(const char *name) {
    static char path[4][1024];
    static int at;
    at = (at + 1) % 4;
    (void)snprintf(path[at], sizeof path[at], "%s/%s", test_tmp(), name);
    return path[at];
}

static void put(const char *name, const char *text) {
    FILE *f = fopen(in_tmp(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Runs a line in which {dir} is the temporary folder; returns what it said, to be freed. */
static char *run(const char *line, int exit) {
    test_output o;
    test_run_line(line, "", test_tmp(), NULL, &o);
    if (o.exit != exit) fail_msg("galen %s: exit %d, not %d: %s%s", line, o.exit, exit, o.err, o.out);
    char *said = exit == 0 || exit == 1 ? strdup(o.out) : strdup(o.err);
    test_output_free(&o);
    return said;
}

static void says(char *said, const char *wanted) {
    if (!strstr(said, wanted)) fail_msg("does not say '%s': %s", wanted, said);
}

static json_t *run_json(const char *line) {
    char *said = run(line, 0);
    json_error_t why;
    json_t *out = json_loads(said, 0, &why);
    if (!out) fail_msg("galen %s: %s", line, why.text);
    free(said);
    return out;
}

static double figure(const json_t *evidence, const char *name, const char *member) {
    json_t *figures = NULL;
    assert_int_equal(
        json_unpack((json_t *)evidence, "{s:{s:{s:{s:o}}}}", "results", "evaluation", "binary", "figures", &figures),
        0);
    return json_number_value(json_object_get(json_object_get(figures, name), member));
}

static const char scores[] =
    "id,label,probability,sex\n"
    "a,1,0.9,F\nb,1,0.8,M\nc,1,0.3,F\nd,0,0.6,M\ne,0,0.2,F\nf,0,0.1,M\ng,0,0.05,F\nh,0,0.4,M\n";

/* A file that asks for more draws than anybody waits for is told apart before the first. */
static void test_long_verification(void **state) {
    (void)state;
    FILE *f = fopen(in_tmp("many.csv"), "w");
    assert_non_null(f);
    fputs("label,probability\n", f);
    for (int i = 0; i < 30000; i++) fprintf(f, "%d,0.%d\n", i % 2, 1 + (i * 7 + i % 2) % 9);
    fclose(f);
    free(run("eval --predictions {dir}/many.csv --draws 20 -o {dir}/many.json", 0));
    json_t *evidence = json_load_file(in_tmp("many.json"), 0, NULL), *settings = NULL;
    assert_int_equal(json_unpack(evidence, "{s:{s:o}}", "settings", "evaluation", &settings), 0);
    json_object_set_new(settings, "draws", json_integer(1000000));
    assert_int_equal(json_dump_file(evidence, in_tmp("many.json"), JSON_COMPACT), 0);
    json_decref(evidence);
    char *said = run("report --verify {dir}/many.json", 3);
    says(said, "verify it with --long");
    free(said);
}

static void test_table(void **state) {
    (void)state;
    put("s.csv", scores);
    char *said = run(
        "eval --predictions {dir}/s.csv --threshold 0.5 --interval exact --draws 50 --subgroup sex --min-group 2", 0);
    says(said, "cases      8: 3 positive (1), 5 negative (0)");
    says(said, "threshold  positive from a probability of 0.5 on; as given");
    says(said, "1 (positive)                2         1 missed");
    says(said, "0 (negative)   1 false alarms                4");
    says(said, "Sensitivity               0.6667  0.0943 to 0.9916   2 of 3  Clopper-Pearson");
    says(said, "AUC (ROC)                 0.8667");
    says(said, "on the logit scale");
    says(said, "insufficient data");
    says(said, "largest gap between two groups");
    free(said);
    said = run("eval --predictions {dir}/s.csv --draws 50", 0);
    says(said, "threshold  none: no figures of decisions");
    assert_null(strstr(said, "Sensitivity"));
    free(said);
}

/* What is a list adds up when it is given again; nothing of the first is lost. */
static void test_lists_add_up(void **state) {
    (void)state;
    put("g.csv", "id,label,probability,sex,site,view\na,1,0.9,F,N,PA\nb,1,0.8,M,S,PA\nc,1,0.3,F,S,AP\nd,0,0.6,M,N,AP\n"
                 "e,0,0.2,F,N,PA\nf,0,0.1,M,S,AP\n");
    char *once = run("eval --predictions {dir}/g.csv --draws 20 --min-group 2 --subgroup sex,site,view", 0);
    char *again = run("eval --predictions {dir}/g.csv --draws 20 --min-group 2 --subgroup sex --subgroup site,view", 0);
    says(once, "view  cases");
    assert_string_equal(again, once);
    free(once);
    free(again);
    once = run("eval --predictions {dir}/g.csv --draws 20 --subgroup sex --subgroup sex", 2);
    says(once, "the column 'sex' is named twice");
    free(once);
    once = run("eval --plan sensitivity=0.95,prevalence=0.1", 0);
    again = run("eval --plan sensitivity=0.95 --plan prevalence=0.1", 0);
    assert_string_equal(again, once);
    free(once);
    free(again);
}

static void test_classes(void **state) {
    (void)state;
    put("c.csv", "id,label,prob_mole,prob_wart,prob_scar,site\n"
                 "a,mole,0.8,0.1,0.1,N\nb,wart,0.5,0.4,0.1,S\nc,scar,0,0.1,0.9,N\nd,scar,0.2,0.2,0.6,S\n"
                 "e,wart,0.1,0.8,0.1,N\nf,mole,0.9,0.1,0,S\n");
    put("l.csv", "id,label,prob_flu,prob_cold\n1,flu;cold,0.9,0.8\n2,,0.1,0.3\n3,flu,0.4,0.2\n4,cold,0.3,0.7\n");
    char *said = run("eval --predictions {dir}/c.csv --draws 20", 0);
    says(said, "cases      6 of 3 classes");
    says(said, "decisions  the class that scores highest");
    says(said, "1 wart                     1  1  0");
    says(said, "Accuracy                  0.8333");
    says(said, "F1, macro");
    says(said, "class against the rest");
    free(said);
    said = run("eval --predictions {dir}/c.csv --draws 20 --subgroup site --min-group 2", 2);
    says(said, "groups need one question: name a class with --class, such as 'mole'");
    free(said);
    said = run("eval --predictions {dir}/c.csv --draws 20 --subgroup site --min-group 2 --class wart", 0);
    says(said, "site  cases  positive");
    free(said);
    said = run("eval --predictions {dir}/l.csv --draws 20 --threshold 0.5", 0);
    says(said, "cases      4 of 2 labels");
    says(said, "All labels right        0.7500");
    free(said);
    said = run("eval --predictions {dir}/l.csv --draws 20", 0);
    says(said, "average precision");
    free(said);
}

static void test_json_and_settings(void **state) {
    (void)state;
    put("s.csv", scores);
    json_t *a = run_json(
        "eval --predictions {dir}/s.csv --threshold 0.5 --prevalence 0.1 --level 0.9 --seed 7 --draws 100 --json");
    json_t *b = run_json(
        "eval --predictions {dir}/s.csv --threshold 0.5 --prevalence 0.1 --level 0.9 --seed 7 --draws 100 --json "
        "--threads 2");
    assert_true(figure(a, "accuracy", "value") == 0.75);
    assert_true(figure(a, "ppv_at_prevalence", "value") > 0.27 && figure(a, "ppv_at_prevalence", "value") < 0.271);
    assert_true(json_equal(json_object_get(a, "results"), json_object_get(b, "results")));
    assert_null(json_object_get(a, "cases"));
    json_t *settings = json_object_get(json_object_get(a, "settings"), "evaluation");
    assert_int_equal(json_integer_value(json_object_get(settings, "seed")), 7);
    assert_true(json_number_value(json_object_get(settings, "level")) == 0.9);
    json_decref(a);
    json_decref(b);
}

static void test_evidence(void **state) {
    (void)state;
    size_t size;
    put("s.csv", scores);
    free(run("eval --predictions {dir}/s.csv --threshold 0.5 --draws 50 --subgroup sex --hash-ids -o {dir}/e.json", 0));
    char *text = (char *)test_read(in_tmp("e.json"), &size);
    text = realloc(text, size + 1);
    text[size] = 0;
    says(text, "\"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\""); /* of "a" */
    says(text, "\"name\":\"sex\"");
    free(text);
    text = run("report --verify {dir}/e.json", 0);
    says(text, "e.json: verified.");
    free(text);
    json_t *said = run_json("report --verify {dir}/e.json --json");
    assert_true(json_is_true(json_object_get(said, "verified")));
    json_decref(said);
    /* evidence is a file of cases too */
    json_t *again = run_json("eval --predictions {dir}/e.json --threshold 0.5 --draws 50 --json");
    assert_true(figure(again, "accuracy", "value") == 0.75);
    json_decref(again);
}

/* Phantoms through the model that ships, at its own threshold; then with a broken picture among them. */
static void test_model(void **state) {
    (void)state;
    free(run("phantom --out {dir}/set --count 12 --size 64 --seed 3", 0));
    char *said =
        run("eval default {dir}/set/truth.csv --draws 20 --subgroup side --min-group 2 -o {dir}/model.json", 0);
    says(said, "model      cxr64-small.onnx  sha256 bcd8f6cb2ed9");
    says(said, "positive (PNEUMONIA)");
    says(said, "frozen in the card");
    says(said, "sensitivity >= 0.98");
    free(said);
    free(run("report --verify {dir}/model.json", 0));
    json_t *whole = run_json("eval default {dir}/set/truth.csv --draws 20 --json --batch 5 --threads 1");
    put("set/phantom-3-000004.png", "no picture");
    said = run("eval default {dir}/set/truth.csv --draws 20", 3);
    says(said, "1 of 12 pictures cannot be read, the first: ");
    says(said, "phantom-3-000004.png");
    free(said);
    said = run("eval default {dir}/set/truth.csv --draws 20 --skip-unreadable", 0);
    says(said, "left out   1 of 12 pictures that cannot be read, the first phantom-3-000004.png");
    free(said);
    json_t *less = run_json("eval default {dir}/set/truth.csv --draws 20 --skip-unreadable --json");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(whole, "data"), "pictures")), 12);
    assert_int_equal(json_array_size(json_object_get(json_object_get(less, "data"), "unreadable")), 1);
    assert_string_not_equal(json_string_value(json_object_get(json_object_get(less, "data"), "sha256")),
                            json_string_value(json_object_get(json_object_get(whole, "data"), "sha256")));
    json_decref(whole);
    json_decref(less);
}

/* Chosen on some phantoms, reported on others, and never on those it was chosen on. */
static void test_choosing(void **state) {
    (void)state;
    free(run("phantom --out {dir}/val --count 120 --size 64 --seed 5", 0));
    free(run("phantom --out {dir}/new --count 40 --size 64 --seed 6", 0));
    char *said = run("eval default {dir}/val/truth.csv --freeze 0.9 --calibrate platt --save {dir}/frozen.onnx", 0);
    says(said, "cases      120, on which nothing may be reported from now on");
    says(said, "sensitivity >= 0.9 with 95 % confidence");
    says(said, "calibration platt");
    free(said);
    said = run("eval {dir}/frozen.onnx {dir}/val/truth.csv", 2);
    says(said, "the threshold was chosen on these very cases");
    free(said);
    said = run("eval {dir}/frozen.onnx {dir}/new/truth.csv --draws 20 -o {dir}/frozen.json", 0);
    says(said, "frozen in the card");
    says(said, "calibrated by the card's platt: log loss");
    free(said);
    free(run("report --verify {dir}/frozen.json", 0));
    said = run("eval default {dir}/new/truth.csv --freeze 0.99 --save {dir}/no.onnx", 2); /* too few positives */
    says(said, "positive");
    free(said);
}

static void test_plan(void **state) {
    (void)state;
    char *said = run("eval --plan sensitivity=0.95,freeze=0.95,prevalence=0.1", 0);
    says(said, "sensitivity                                      90");
    says(said, "threshold for a sensitivity, none missed         59");
    free(said);
    json_t *plan = run_json("eval --plan auc=0.9,half-width=0.03 --level 0.9 --json");
    assert_true(json_is_array(json_object_get(plan, "rows")));
    json_decref(plan);
}

static void test_wrong_use(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
        int exit;
    } wrong[] = {
        {"eval", "MODEL and DATA are needed", 2},
        {"eval default", "MODEL and DATA are needed", 2},
        {"eval default a --predictions b", "predictions need no MODEL", 2},
        {"eval --predictions {dir}/s.csv --batch 3", "--batch is about running a model", 2},
        {"eval default {dir}/s.csv --positive x", "--positive is for predictions", 2},
        {"eval --predictions {dir}/s.csv --threshold youden", "none is chosen on the cases", 2},
        {"eval --predictions {dir}/s.csv --level 95", "--level wants a number from 0.5 to 0.9999", 2},
        {"eval --predictions {dir}/s.csv --subgroup age", "there is no column 'age'", 2},
        {"eval --predictions {dir}/nothing.csv", "nothing.csv", 3},
        {"eval default {dir}/s.csv --freeze 0.9", "say where the model goes: --save", 2},
        {"eval default {dir}/s.csv --freeze 2 --save {dir}/x.onnx", "--freeze wants a number", 2},
        {"eval default {dir}/s.csv --freeze 0.9 --save {dir}/x.onnx --split test", "choose on validation cases", 2},
        {"eval --predictions {dir}/s.csv --freeze 0.9 --save {dir}/x.onnx", "goes into a model's card", 2},
        {"eval default {dir}/s.csv --save {dir}/x.onnx", "there is nothing to save", 2},
        {"eval --plan sensitivty=0.9", "not 'sensitivty'", 2},
        {"eval --plan sensitivity=x", "is no number", 2},
        {"eval --plan power=0.9", "nothing to plan", 2},
        {"eval --plan auc=0.9 --corrupt", "leave it out with predictions, plans and choices", 2},
        {"report {dir}/s.csv", "or --verify", 2},
        {"report --verify {dir}/s.csv", "this is no evidence", 3},
    };
    put("s.csv", scores);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *said = run(wrong[i].line, wrong[i].exit);
        says(said, wrong[i].says);
        free(said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),     cmocka_unit_test(test_long_verification), cmocka_unit_test(test_lists_add_up),
        cmocka_unit_test(test_classes),   cmocka_unit_test(test_json_and_settings), cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_model),     cmocka_unit_test(test_choosing),          cmocka_unit_test(test_plan),
        cmocka_unit_test(test_wrong_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
