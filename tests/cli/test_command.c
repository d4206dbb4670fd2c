/* The real command, as a user runs it: exit codes, messages, JSON, help, and scores from the picture file up. */
#include "support/command.h"
#include "support/shared.h"

#include "cli/cli.h"
#include "cli/stats.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATH = 1024 };

/* Runs a line, checks the exit code and that stdout is one JSON object, which the caller releases. */
static json_t *run_json(const char *line, const char *file, const char *dir, int exit) {
    test_output o;
    json_error_t error;
    test_run_line(line, file, dir, NULL, &o);
    if (o.exit != exit) fail_msg("galen %s: exit %d, not %d: %s", line, o.exit, exit, o.err);
    json_t *json = json_loads(o.out, 0, &error);
    if (!json_is_object(json)) fail_msg("galen %s: %s in %s", line, error.text, o.out);
    test_output_free(&o);
    return json;
}

static const char *phantoms(void) {
    static char folder[MAX_PATH];
    if (folder[0]) return folder;
    snprintf(folder, sizeof folder, "%s/phantoms", test_tmp());
    json_decref(run_json("phantom --count 5 --seed 3 --json --out {dir}", "", folder, 0));
    return folder;
}

static void test_wrong_use(void **state) {
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"", "Use: galen VERB"},
        {"pedict", "did you mean 'galen predict'"},
        {"nonsense", "there is no verb 'nonsense'"},
        {"predict default", "too few arguments"},
        {"predict --btach 2 default x", "did you mean '--batch'"},
        {"predict --batch 0 default x", "from 1 to 4096, not '0'"},
        {"predict --batch two default x", "not 'two'"},
        {"predict --batch", "--batch wants a value"},
        {"predict --json=yes default x", "--json takes no value"},
        {"bench default --batch 1,,2", "not '1,,2'"},
        {"bench default --batch 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "up to 16"},
        {"bench default --batch 1,2,3,4,5,6,7,8 --batch 9,10,11,12,13,14,15,16,17", "up to 16"},
        {"info default default", "one argument too many"},
        {"phantom --format tiff", "is one of: png dicom"},
        {"info zoo:resnet19", "resnet19"},
        {"help nonsense", "there is no verb 'nonsense'"},
        {"completion fish", "use bash or zsh"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        test_output o;
        test_run_line(wrong[i].line, "", "", NULL, &o);
        if (o.exit != CLI_USAGE) fail_msg("galen %s: exit %d: %s", wrong[i].line, o.exit, o.err);
        if (!strstr(o.err, wrong[i].says)) fail_msg("galen %s: says %s", wrong[i].line, o.err);
        assert_int_equal(o.out_size, 0);
        test_output_free(&o);
    }
}

static void test_help_for_every_verb(void **state) {
    size_t count;
    const cli_verb *const *verbs = cli_verbs(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        static const char *const form[] = {"%s --help", "help %s", "man %s"};
        for (size_t k = 0; k < 3; k++) {
            char line[64];
            test_output o;
            snprintf(line, sizeof line, form[k], verbs[i]->name);
            test_run_line(line, "", "", NULL, &o);
            assert_int_equal(o.exit, 0);
            assert_non_null(strstr(o.out, verbs[i]->name));
            assert_non_null(strstr(o.out, k == 2 ? "\\-\\-json" : "--json"));
            cli_option option;
            for (size_t j = 0; k < 2 && cli_option_at(verbs[i], j, &option); j++)
                assert_non_null(strstr(o.out, option.name));
            for (size_t j = 0; j < verbs[i]->n_headings; j++)
                assert_non_null(strstr(o.out, verbs[i]->headings[j].title));
            test_output_free(&o);
        }
    }
}

/* A row is shared by two verbs or more, and what two verbs have alike is shared. */
static void test_rows_are_shared(void **state) {
    int users[CLI_THREADS + 1] = {0};
    size_t count, n = 0;
    const cli_verb *const *verbs = cli_verbs(&count);
    const cli_option *own[256];
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < verbs[i]->n_options; j++) {
            const cli_option *row = &verbs[i]->options[j];
            users[row->shared]++;
            if (row->shared != CLI_OWN) continue;
            for (size_t k = 0; k < n; k++) {
                bool alike = !strcmp(own[k]->name, row->name) && own[k]->type == row->type &&
                             !strcmp(own[k]->metavar ? own[k]->metavar : "", row->metavar ? row->metavar : "");
                if (alike) fail_msg("%s has its own row of --%s", verbs[i]->name, row->name);
            }
            assert_true(n < sizeof own / sizeof *own);
            own[n++] = row;
        }
    for (cli_shared s = CLI_OWN; s <= CLI_THREADS; s++)
        if (users[s] < 2) fail_msg("shared row %d is used %d times", (int)s, users[s]);
}

/* A switch is off by default, which needs no word. */
static void test_help_says_defaults(void **state) {
    test_output o;
    (void)state;
    test_run_line("help train", "", "", NULL, &o);
    assert_non_null(strstr(o.out, "one of: adamw adam sgd (default adamw)"));
    assert_non_null(strstr(o.out, "(default 0.98)"));
    assert_null(strstr(o.out, "(default off)"));
    test_output_free(&o);
    test_run_line("man train", "", "", NULL, &o);
    assert_non_null(strstr(o.out, "(one of: adamw adam sgd) (default adamw)"));
    test_output_free(&o);
}

static void test_completion_is_bash(void **state) {
    test_output o;
    char path[MAX_PATH], command[MAX_PATH + 64];
    (void)state;
    test_run_line("completion bash", "", "", NULL, &o);
    assert_int_equal(o.exit, 0);
    snprintf(path, sizeof path, "%s/completion", test_tmp());
    FILE *f = fopen(path, "w");
    fputs(o.out, f);
    fprintf(f, "COMP_WORDS=(galen predict --ba); COMP_CWORD=2; _galen; [ \"${COMPREPLY[*]}\" = --batch ] || exit 1\n");
    fprintf(f, "COMP_WORDS=(galen help gua); _galen; [ \"${COMPREPLY[*]}\" = guard ]\n");
    fclose(f);
    snprintf(command, sizeof command, "bash '%s'", path);
    assert_int_equal(system(command), 0);
    test_output_free(&o);
}

static void test_version_and_full_disk(void **state) {
    test_output o;
    (void)state;
    test_run_line("--version", "", "", NULL, &o);
    assert_int_equal(o.exit, 0);
    assert_memory_equal(o.out, "galen ", 6);
    test_output_free(&o);
    test_run_line("doctor", "", "", &(test_run_options){.out_path = "/dev/full"}, &o);
    assert_int_equal(o.exit, CLI_RESOURCES);
    assert_non_null(strstr(o.err, "No space left"));
    test_output_free(&o);
}

/* A limit on the size of files is an error, not a signal. */
static void test_file_size_limit(void **state) {
    test_output o;
    (void)state;
    test_run_line("phantom --out {dir}", "", test_tmp(), &(test_run_options){.file = 1024}, &o);
    assert_int_equal(o.exit, CLI_RESOURCES);
    assert_non_null(strstr(o.err, "File too large"));
    test_output_free(&o);
}

static void test_environment(void **state) {
    test_output o;
    (void)state;
    test_run_line("doctor --json", "", "", &(test_run_options){.environment = "GALEN_CPU=reference"}, &o);
    assert_int_equal(o.exit, 0);
    assert_non_null(strstr(o.out, "\"isa\": \"reference\""));
    test_output_free(&o);
    test_run_line("doctor", "", "", &(test_run_options){.environment = "GALEN_CPU=abacus"}, &o);
    assert_int_equal(o.exit, CLI_USAGE);
    assert_non_null(strstr(o.err, "abacus"));
    test_output_free(&o);
    test_run_line("doctor", "", "", &(test_run_options){.environment = "GALEN_VERBOSE=loudly"}, &o);
    assert_int_equal(o.exit, CLI_USAGE);
    assert_non_null(strstr(o.err, "loudly"));
    test_output_free(&o);
    /* The choice of every kernel, whatever the machine. */
    test_run_line("bench default --blocks 6 --block-ms 1", "", "",
                  &(test_run_options){.environment = "GALEN_VERBOSE=dispatch"}, &o);
    assert_int_equal(o.exit, 0);
    assert_non_null(strstr(o.err, "galen: conv1 (Conv): "));
    test_output_free(&o);
}

static void test_json_of_every_verb(void **state) {
    char dir[MAX_PATH];
    (void)state;
    snprintf(dir, sizeof dir, "%s/json.onnx", test_tmp());
    json_decref(run_json("info default --json", "", "", 0));
    json_decref(run_json("profile default --json", "", "", 0));
    json_decref(run_json("bench default --json --batch 1 --blocks 6 --block-ms 2", "", "", 0));
    json_decref(run_json("convert default {dir} --json", "", dir, 0));
    json_decref(run_json("doctor --json", "", "", 0));
    json_decref(run_json("doctor --json --peaks", "", "", 0));
    json_decref(run_json("profile default --json --precision bf16 --repeats 1", "", "", 0));
    json_decref(run_json("help --json", "", "", 0));
    test_output help;
    test_run_line("help eval --json", "", "", NULL, &help);
    assert_non_null(strstr(help.out, "\"name\": \"split\", \"type\": \"choice\""));
    assert_non_null(strstr(help.out, "\"name\": \"subgroup\", \"type\": \"texts\""));
    test_output_free(&help);
    json_decref(run_json("completion bash --json", "", "", 0));
    json_t *error = run_json("info --json nowhere.onnx", "", "", CLI_INPUT);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(error, "error"), "exit")), CLI_INPUT);
    json_decref(error);
}

static const char *const row_keys[] = {"probability", "label",        "positive", "threshold", "precision",
                                       "device",      "model_sha256", "isa",      "ms",        "scores"};

static void check_row(const json_t *row) {
    for (size_t i = 0; i < sizeof row_keys / sizeof *row_keys; i++)
        if (!json_object_get(row, row_keys[i])) fail_msg("a result has no %s", row_keys[i]);
    double score = json_number_value(json_array_get(json_object_get(row, "scores"), 0));
    double probability = json_number_value(json_object_get(row, "probability"));
    assert_true(fabs(probability - 1 / (1 + exp(-score))) < 1e-8);
    assert_int_equal(json_is_true(json_object_get(row, "positive")), score >= 2.7783687114715576);
}

/* A folder with a damaged picture, one whose name is not UTF-8, a link in a circle and a file that is none. */
static void test_one_bad_file(void **state) {
    char path[MAX_PATH + 64], dir[MAX_PATH];
    (void)state;
    snprintf(dir, sizeof dir, "%s/mixed", test_tmp());
    json_decref(run_json("phantom --count 3 --json --out {dir}", "", dir, 0));
    snprintf(path, sizeof path, "%s/a\xff\"broken.jpg", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("not a picture", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/again", dir);
    assert_int_equal(symlink(".", path), 0);
    json_t *answer = run_json("predict --json default {dir} /nowhere.png", "", dir, CLI_INPUT);
    const json_t *rows = json_object_get(answer, "results");
    assert_int_equal(json_array_size(rows), 5);
    assert_non_null(json_object_get(json_array_get(rows, 0), "error"));
    for (size_t i = 1; i < 4; i++) check_row(json_array_get(rows, i));
    assert_non_null(strstr(json_string_value(json_object_get(json_array_get(rows, 4), "error")), "/nowhere.png"));
    assert_int_equal(strlen(json_string_value(json_object_get(json_object_get(answer, "model"), "sha256"))), 64);
    json_decref(answer);
}

static char *scores_of(const char *line, const char *dir) {
    json_t *answer = run_json(line, "", dir, 0), *scores = json_array();
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(answer, "results"), i, row)
        json_array_append(scores, json_object_get(row, "scores"));
    char *text = json_dumps(scores, JSON_REAL_PRECISION(9));
    json_decref(answer);
    json_decref(scores);
    return text;
}

static void test_same_scores_however_run(void **state) {
    static const char *const way[] = {
        "predict --json default {dir} --batch 2", "predict --json default {dir} --batch 64",
        "predict --json default {dir} --threads 1", "predict --json default {dir} --threads 2"};
    (void)state;
    char *expected = scores_of("predict --json default {dir} --batch 1", phantoms());
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        char *got = scores_of(way[i], phantoms());
        assert_string_equal(got, expected);
        free(got);
    }
    free(expected);
}

static void test_converted_model_scores_alike(void **state) {
    char path[MAX_PATH], line[MAX_PATH * 2];
    (void)state;
    snprintf(path, sizeof path, "%s/lean.onnx", test_tmp());
    json_decref(run_json("convert default {file} --json", path, "", 0));
    snprintf(line, sizeof line, "predict --json %s {dir}", path);
    json_t *a = run_json("predict --json default {dir}", "", phantoms(), 0), *b = run_json(line, "", phantoms(), 0);
    const json_t *x = json_object_get(a, "results"), *y = json_object_get(b, "results");
    assert_int_equal(json_array_size(x), 5);
    for (size_t i = 0; i < 5; i++) {
        double p = json_number_value(json_array_get(json_object_get(json_array_get(x, i), "scores"), 0));
        double q = json_number_value(json_array_get(json_object_get(json_array_get(y, i), "scores"), 0));
        assert_true(fabs(p - q) < 1e-4);
    }
    json_decref(a);
    json_decref(b);
}

/* The costs that the literature gives, within 1 %. */
static void test_costs(void **state) {
    static const struct {
        const char *line;
        double gmac;
    } known[] = {
        {"profile --json --cost zoo:resnet18 --size 64", 0.1485},
        {"profile --json --cost zoo:resnet18", 1.82},
        {"profile --json --cost zoo:resnet50", 4.09},
        {"profile --json --cost zoo:densenet121", 2.83},
        {"profile --json --cost zoo:efficientnet_b3", 1.83},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        json_t *answer = run_json(known[i].line, "", "", 0);
        double gmac = json_number_value(json_object_get(json_object_get(answer, "total"), "mac")) / 1e9;
        if (fabs(gmac / known[i].gmac - 1) > 0.01) fail_msg("%s: %.4f GMAC", known[i].line, gmac);
        json_decref(answer);
    }
}

/* Measured steps add up, name their kernels, and the trace has an event for each. */
static void test_measured_profile(void **state) {
    char path[MAX_PATH], line[MAX_PATH + 128];
    json_error_t error;
    (void)state;
    snprintf(path, sizeof path, "%s/trace.json", test_tmp());
    snprintf(line, sizeof line, "profile default --json --batch 2 --threads 1 --repeats 3 --trace %s", path);
    json_t *answer = run_json(line, "", "", 0);
    json_t *trace = json_load_file(path, 0, &error);
    if (!trace) fail_msg("%s: %s", path, error.text);
    const json_t *steps = json_object_get(answer, "steps"), *events = json_object_get(trace, "traceEvents");
    double share = 0, end = 0;
    assert_true(json_array_size(steps) > 0);
    assert_int_equal(json_array_size(steps), json_array_size(events));
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i), *event = json_array_get(events, i);
        assert_true(json_is_string(json_object_get(step, "kernel")));
        assert_string_equal(json_string_value(json_object_get(step, "name")),
                            json_string_value(json_object_get(event, "name")));
        assert_string_equal(json_string_value(json_object_get(event, "ph")), "X");
        assert_true(json_number_value(json_object_get(event, "ts")) >= end - 1e-3);
        end = json_number_value(json_object_get(event, "ts")) + json_number_value(json_object_get(event, "dur"));
        share += json_number_value(json_object_get(step, "share"));
    }
    assert_true(fabs(share - 1) < 1e-6);
    assert_true(json_number_value(json_object_get(answer, "run_ms")) > 0);
    json_decref(trace);
    json_decref(answer);
    json_decref(run_json("profile default --json --trace /nonexistent/trace.json --repeats 1", "", "", CLI_RESOURCES));
    json_decref(run_json("profile default --json --cost --trace x", "", "", CLI_USAGE));
}

/* The passport of the shipped model on phantoms: a layer each, scores and decisions; and what does not go together. */
static void test_numerics_passport(void **state) {
    (void)state;
    json_t *answer = run_json("profile default {dir} --numerics --precision bf16 --json --worst 2", "", phantoms(), 0);
    const json_t *layers = json_object_get(answer, "layers"), *scores = json_object_get(answer, "scores");
    assert_int_equal(json_array_size(layers), 14);
    assert_int_equal(json_integer_value(json_object_get(answer, "unmatched_steps")), 0);
    assert_int_equal(json_integer_value(json_object_get(scores, "images")), 5);
    assert_true(json_is_integer(json_object_get(scores, "decisions_changed")));
    const json_t *worst = json_object_get(scores, "worst"), *first = json_array_get(worst, 0);
    assert_int_equal(json_array_size(worst), 2);
    double most = json_number_value(json_object_get(scores, "max_difference"));
    assert_true(most > 0 && fabs(fabs(json_number_value(json_object_get(first, "difference"))) - most) < 1e-6);
    assert_true(json_is_string(json_object_get(first, "file")));
    json_decref(answer);
    answer = run_json("profile zoo:cxr-resnet10 --numerics --json", "", "", 0);
    assert_string_equal(json_string_value(json_object_get(answer, "input")), "random");
    json_decref(answer);
    json_decref(run_json("profile default --numerics --trace x --json", "", "", CLI_USAGE));
    json_decref(run_json("profile default {dir} --json", "", phantoms(), CLI_USAGE));
    json_decref(run_json("profile default /nonexistent.png --numerics --json", "", "", CLI_INPUT));
}

static void test_phantoms_repeat(void **state) {
    static const char *const name[] = {"truth.csv", "phantom-3-000000.png", "phantom-3-000004.png"};
    char again[MAX_PATH], a[MAX_PATH + 64], b[MAX_PATH + 64];
    (void)state;
    snprintf(again, sizeof again, "%s/again", test_tmp());
    json_decref(run_json("phantom --count 5 --seed 3 --json --out {dir}", "", again, 0));
    for (size_t i = 0; i < 3; i++) {
        size_t n, m;
        snprintf(a, sizeof a, "%s/%s", phantoms(), name[i]);
        snprintf(b, sizeof b, "%s/%s", again, name[i]);
        unsigned char *x = test_read(a, &n), *y = test_read(b, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
        free(x);
        free(y);
    }
}

static void test_median_interval(void **state) {
    double sample[15];
    (void)state;
    for (int i = 0; i < 15; i++) sample[i] = 15 - i;
    stats_sort(sample, 15);
    stats_interval v = stats_median(sample, 15); /* n = 15: order statistics 4 and 12 (Conover, table A3) */
    assert_true(v.median == 8 && v.low == 4 && v.high == 12);
    v = stats_median(sample, 6); /* 1 and 6 */
    assert_true(v.median == 3.5 && v.low == 1 && v.high == 6);
    assert_true(stats_percentile(sample, 15, 50) == 8 && stats_percentile(sample, 15, 99) == 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_help_for_every_verb),
        cmocka_unit_test(test_rows_are_shared),
        cmocka_unit_test(test_help_says_defaults),
        cmocka_unit_test(test_completion_is_bash),
        cmocka_unit_test(test_version_and_full_disk),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_json_of_every_verb),
        cmocka_unit_test(test_one_bad_file),
        cmocka_unit_test(test_same_scores_however_run),
        cmocka_unit_test(test_converted_model_scores_alike),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_measured_profile),
        cmocka_unit_test(test_numerics_passport),
        cmocka_unit_test(test_phantoms_repeat),
        cmocka_unit_test(test_median_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
