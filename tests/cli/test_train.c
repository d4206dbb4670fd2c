/*
 * galen train as a user meets it: phantoms in a folder and in a table, the run folder, a model that predicts,
 * replaying, stopping and resuming, and what wrong data, settings and folders get for an answer.
 */
#include "support/command.h"
#include "support/shared.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 1024 };

static char table[LINE]; /* truth.csv of the phantoms */

static test_output run(const char *line, const char *file) {
    test_output out;
    test_run_line(line, file, test_tmp(), NULL, &out);
    return out;
}

static void expect(const char *line, int code, const char *says) {
    test_output out = run(line, table);
    if (out.exit != code) fail_msg("%s: exit %d, %s", line, out.exit, out.err);
    if (strstr(out.err, says) == NULL && strstr(out.out, says) == NULL)
        fail_msg("%s: '%s%s' does not say '%s'", line, out.out, out.err, says);
    if (code != 0 && strchr(out.err, '\n') != strrchr(out.err, '\n') && strstr(out.err, "train:") != out.err)
        fail_msg("%s: more than one line: %s", line, out.err);
    test_output_free(&out);
}

static int draw(void **state) {
    (void)state;
    test_output out = run("phantom --count 40 --size 64 --seed 3 --out {dir}/pictures", "");
    int bad = out.exit;
    test_output_free(&out);
    snprintf(table, sizeof table, "%s/pictures/truth.csv", test_tmp());
    return bad;
}

static unsigned char *read_run(const char *name, size_t *size) {
    char path[LINE];
    snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    return test_read(path, size);
}

static void assert_same(const char *a, const char *b) {
    size_t n, m;
    unsigned char *x = read_run(a, &n), *y = read_run(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

#define SMALL " --model zoo:cxr-resnet10 --batch 8 --epochs 3 --val 0.25 "

static void trains_and_replays(void **state) {
    (void)state;
    static const char *const files[] = {"config.json", "log.jsonl", "metrics.json",
                                        "curves.svg",  "best.onnx", "last.safetensors"};
    expect("train {file}" SMALL "--out {dir}/run", 0, "best.onnx");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "run/%s", files[i]);
        free(read_run(name, &size));
        assert_true(size > 0);
    }
    expect("predict {dir}/run/best.onnx {dir}/pictures/phantom-3-000000.png", 0, "threshold");
    expect("train --replay {dir}/run --out {dir}/again --threads 1", 2, "takes its settings from the run");
    expect("train --replay {dir}/run --out {dir}/again", 0, "bit for bit");
    assert_same("run/best.onnx", "again/best.onnx");
    expect("train {file}" SMALL "--threads 1 --workers 1 --cache 0 --out {dir}/one", 0, "best.onnx");
    assert_same("run/last.safetensors", "one/last.safetensors");
    expect("train {file}" SMALL "--out {dir}/run", 2, "holds a training");
    expect("train --resume --out {dir}/nowhere", 3, "config.json");
    expect("train {file}" SMALL "--precision bf16 --json --out {dir}/narrow", 0, "\"best_epoch\"");
    expect("train {file}" SMALL "--test 0.3 --json --out {dir}/tested", 0, "\"auc_95\": [");
    size_t size;
    unsigned char *metrics = read_run("tested/metrics.json", &size);
    assert_non_null(memmem(metrics, size, "\"auc_95\": [", 11));
    assert_non_null(memmem(metrics, size, "\"specificity_95\": [", 19));
    free(metrics);
    expect("train --resume --out {dir}/tested", 0, "in brackets: intervals of 95 %");
}

/* SIGINT after some steps: exit 0 with what to do; going on ends as an uninterrupted run does. */
static void interrupt_and_resume(void **state) {
    (void)state;
    char out[LINE], log[LINE];
    snprintf(out, sizeof out, "%s/cut", test_tmp());
    snprintf(log, sizeof log, "%s/cut.txt", test_tmp());
    expect("train {file} --model zoo:cxr-resnet10 --batch 4 --epochs 20 --out {dir}/whole", 0, "best.onnx");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen(log, "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) _exit(9);
        execl(test_galen(), "galen", "train", table, "--model", "zoo:cxr-resnet10", "--batch", "4", "--epochs", "20",
              "--out", out, (char *)NULL);
        _exit(9);
    }
    struct stat there;
    char checkpoint[LINE + 32];
    snprintf(checkpoint, sizeof checkpoint, "%s/last.safetensors", out);
    for (int i = 0; i < 2000 && stat(checkpoint, &there) != 0; i++) usleep(5000);
    kill(child, SIGINT);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    expect("train --resume --out {dir}/cut", 0, "best.onnx");
    assert_same("whole/best.onnx", "cut/best.onnx");
    assert_same("whole/last.safetensors", "cut/last.safetensors");
}

static void write_file(const char *name, const char *text) {
    char path[LINE];
    snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* DICOM pictures train as they are predicted on; patients are counted, and nobody's ID stands in anything that is kept.
 */
static void dicom_files_train(void **state) {
    (void)state;
    static const char *const files[] = {"config.json", "log.jsonl",        "metrics.json",
                                        "best.onnx",   "last.safetensors", "curves.svg"};
    expect("phantom --count 24 --size 64 --seed 5 --format dicom --out {dir}/films", 0, "");
    test_output out = run("train {dir}/films/truth.csv --model zoo:cxr-resnet10 --batch 8 --epochs 1 --val 0.25 "
                          "--out {dir}/dicom",
                          "");
    if (out.exit != 0) fail_msg("exit %d: %s", out.exit, out.err);
    assert_non_null(strstr(out.err, "24 DICOM files of 24 patients"));
    assert_null(strstr(out.err, "PHANTOM-5"));
    assert_null(strstr(out.out, "PHANTOM-5"));
    test_output_free(&out);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "dicom/%s", files[i]);
        unsigned char *bytes = read_run(name, &size);
        assert_null(memmem(bytes, size, "PHANTOM-5", 9));
        free(bytes);
    }
    expect("predict {dir}/dicom/best.onnx {dir}/films/phantom-5-000000.dcm", 0, "threshold");
}

static void wrong_things_are_named(void **state) {
    (void)state;
    expect("train --out {dir}/x", 2, "labelled pictures");
    expect("train {file}", 2, "--out");
    expect("train {dir}/missing --out {dir}/x", 3, "missing");
    expect("train {file} --rate fast --out {dir}/x", 2, "rate");
    expect("train {file} --optimizer magic --out {dir}/x", 2, "adamw");
    expect("train {file} --model zoo:nothing --out {dir}/x1", 2, "nothing");
    expect("train {file} --positive both --out {dir}/x2", 2, "positive");
    expect("train {file} --freeze c,b,l,f,s,n --model zoo:cxr-resnet10 --out {dir}/x3", 2, "nothing is left to train");
    write_file("pictures/one.csv", "path,label\nphantom-3-000000.png,a\nphantom-3-000001.png,a\n");
    expect("train {dir}/pictures/one.csv --out {dir}/x4", 3, "class");
    write_file("pictures/bad.png", "no picture");
    write_file("pictures/bad.csv", "path,label,split\nphantom-3-000000.png,a,train\nphantom-3-000001.png,b,train\n"
                                   "bad.png,a,train\nphantom-3-000002.png,a,val\nphantom-3-000003.png,b,val\n");
    expect("train {dir}/pictures/bad.csv --model zoo:cxr-resnet10 --out {dir}/x5", 3, "bad.png");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(trains_and_replays), cmocka_unit_test(interrupt_and_resume),
                                       cmocka_unit_test(dicom_files_train), cmocka_unit_test(wrong_things_are_named)};
    return cmocka_run_group_tests(tests, draw, NULL);
}
