/*
 * galen train as a user meets it: phantoms in a folder and in a table, the run folder, a model that predicts,
 * replaying, stopping and resuming, and what wrong data, settings and folders get for an answer.
 */
#include "base/rng.h"
#include "support/command.h"
#include "support/shared.h"

#include <glob.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
    char path[4 * LINE];
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
    expect("train {file}" SMALL "--precision f16 --json --out {dir}/half", 0, "\"loss_scale\": 4096");
    expect("train --replay {dir}/half --out {dir}/half-again", 0, "bit for bit");
    expect("train {file}" SMALL "--test 0.3 --json --out {dir}/tested", 0, "\"auc_95\": [");
    size_t size;
    unsigned char *metrics = read_run("tested/metrics.json", &size);
    assert_non_null(memmem(metrics, size, "\"auc_95\": [", 11));
    assert_non_null(memmem(metrics, size, "\"specificity_95\": [", 19));
    free(metrics);
    expect("train --resume --out {dir}/tested", 0, "in brackets: intervals of 95 %");
}

/* A teacher is named by its SHA-256, sees what the student sees and must be of the same kind. */
static void learns_from_a_teacher(void **state) {
    (void)state;
    size_t size;
    expect("train {file}" SMALL "--teacher {dir}/run/best.onnx --alpha 0.7 --temperature 3 --out {dir}/taught", 0,
           "best.onnx");
    expect("train --replay {dir}/taught --out {dir}/taught-again", 0, "bit for bit");
    unsigned char *config = read_run("taught/config.json", &size);
    const char *digest = memmem(config, size, "\"teacher-sha256\": \"", 19);
    assert_non_null(digest);
    assert_int_equal(strcspn(digest + 19, "\""), 64);
    free(config);
    expect("train {file}" SMALL "--size 48 --teacher {dir}/run/best.onnx --out {dir}/no1", 2, "the student of 48x48");
    expect("train {file}" SMALL "--teacher {dir}/run/best.onnx --teacher-sha256 00 --out {dir}/no2", 2, "SHA-256");
    expect("train {file}" SMALL "--teacher {dir}/run/best.onnx --alpha 0 --out {dir}/no3", 2, "alpha 0");
    expect("train {file}" SMALL "--teacher {dir}/nothing.onnx --out {dir}/no4", 3, "nothing.onnx");
}

/* ---- stopping and killing ---- */

#define LONG "--model zoo:cxr-resnet10 --batch 4 --epochs 12"

static const char *path_in(const char *folder, const char *name) {
    static char path[2][LINE];
    static int turn;
    char *out = path[turn++ % 2];
    snprintf(out, LINE, "%s/%s/%s", test_tmp(), folder, name);
    return out;
}

static bool is_there(const char *folder, const char *name) {
    struct stat st;
    return stat(path_in(folder, name), &st) == 0;
}

/* A training of its own process into `folder`, or its resuming; what it says is in <tmp>/said. */
static pid_t start_training(const char *folder, const char *model, const char *save_every) {
    char out[LINE], said[LINE];
    snprintf(out, sizeof out, "%s/%s", test_tmp(), folder);
    snprintf(said, sizeof said, "%s/said", test_tmp());
    bool resume = is_there(folder, "config.json");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) return child;
    if (freopen("/dev/null", "w", stdout) == NULL || freopen(said, "w", stderr) == NULL) _exit(9);
    if (resume)
        execl(test_galen(), "galen", "train", "--resume", "--out", out, (char *)NULL);
    else
        execl(test_galen(), "galen", "train", table, "--model", model, "--batch", "4", "--epochs", "12", "--save-every",
              save_every, "--out", out, (char *)NULL);
    _exit(9);
}

static int end_of(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void wait_for(const char *folder, const char *name) {
    for (int i = 0; i < 4000 && !is_there(folder, name); i++) usleep(5000);
    assert_true(is_there(folder, name));
}

static void make_whole(void) {
    if (!is_there("whole", "best.onnx")) expect("train {file} " LONG " --out {dir}/whole", 0, "best.onnx");
}

static void expect_end_of_whole(const char *folder) {
    char name[2][LINE];
    for (int i = 0; i < 2; i++) {
        const char *file = i == 0 ? "best.onnx" : "last.safetensors";
        snprintf(name[0], sizeof name[0], "whole/%s", file);
        snprintf(name[1], sizeof name[1], "%s/%s", folder, file);
        assert_same(name[0], name[1]);
    }
}

/* SIGINT or SIGTERM after some steps: exit 0 with what to do; going on ends as an uninterrupted run does. */
static void interrupt_and_resume(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    make_whole();
    for (size_t i = 0; i < 2; i++) {
        char folder[16], line[LINE];
        snprintf(folder, sizeof folder, "cut%zu", i);
        pid_t child = start_training(folder, "zoo:cxr-resnet10", "10");
        wait_for(folder, "last.safetensors");
        kill(child, signals[i]);
        int status = end_of(child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        snprintf(line, sizeof line, "train --resume --out {dir}/%s", folder);
        expect(line, 0, "best.onnx");
        expect_end_of_whole(folder);
    }
}

static bool has_said(const char *what) {
    char path[LINE];
    size_t size;
    snprintf(path, sizeof path, "%s/said", test_tmp());
    unsigned char *text = test_read(path, &size);
    bool found = memmem(text, size, what, strlen(what)) != NULL;
    free(text);
    return found;
}

/* The step of a large network takes longer than the test needs to ask again. */
static void the_second_interrupt_ends_at_once(void **state) {
    (void)state;
    pid_t child = start_training("twice", "zoo:resnet50", "0");
    wait_for("twice", "config.json"); /* after which the loop begins */
    usleep(100000);
    kill(child, SIGINT);
    for (int i = 0; i < 4000 && !has_said("once more ends at once"); i++) usleep(1000);
    assert_true(has_said("once more ends at once"));
    kill(child, SIGINT);
    int status = end_of(child);
    if (!WIFSIGNALED(status)) fail_msg("it ended by itself");
    assert_int_equal(WTERMSIG(status), SIGINT);
}

/* Killed again and again at moments drawn at random, and resumed each time. */
static void killed_at_any_moment(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(7, 0);
    int kills = 0, status = 0;
    double patience = 150000; /* microseconds; a busy machine needs more to come to an end */
    make_whole();
    for (int attempt = 0; attempt < 100; attempt++, patience *= 1.15) {
        pid_t child = start_training("killed", "zoo:cxr-resnet10", "0.0003");
        usleep((useconds_t)(patience * gal_rng_uniform(&rng)));
        kill(child, SIGKILL);
        status = end_of(child);
        if (WIFEXITED(status)) break;
        kills++;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    print_message("killed %d times\n", kills);
    assert_true(kills >= 2);
    expect_end_of_whole("killed");
    expect("train --resume --out {dir}/killed", 0, "best.onnx");
    expect_end_of_whole("killed");
}

/* No file may grow beyond 2 MB: the model fits, the checkpoint does not. */
static void a_full_disk_keeps_what_was_there(void **state) {
    (void)state;
    const test_run_options full = {.file = 2000000};
    test_output out;
    size_t size, after;
    make_whole();
    pid_t child = start_training("full", "zoo:cxr-resnet10", "10");
    wait_for("full", "last.safetensors");
    kill(child, SIGINT);
    end_of(child);
    unsigned char *before = read_run("full/last.safetensors", &size);
    test_run_line("train --resume --out {dir}/full", table, test_tmp(), &full, &out);
    assert_int_equal(out.exit, 4);
    const char *says = strstr(out.err, "galen train: ");
    if (says == NULL || strstr(says, "last.safetensors") == NULL || strstr(says, "free disk space") == NULL)
        fail_msg("it says '%s'", out.err);
    test_output_free(&out);
    unsigned char *now = read_run("full/last.safetensors", &after);
    assert_int_equal(size, after);
    assert_memory_equal(before, now, size);
    free(before);
    free(now);
    char pattern[LINE];
    glob_t left;
    snprintf(pattern, sizeof pattern, "%s/full/*.*.??????", test_tmp());
    assert_int_equal(glob(pattern, 0, NULL, &left), GLOB_NOMATCH);
    expect("train --resume --out {dir}/full", 0, "best.onnx");
    expect_end_of_whole("full");
    test_run_line("train {file} " LONG " --out {dir}/never", table, test_tmp(), &full, &out);
    assert_int_equal(out.exit, 4);
    assert_false(is_there("never", "last.safetensors"));
    test_output_free(&out);
}

/* ---- where a run comes from ---- */

static int shell(const char *format, const char *folder) {
    char line[2 * LINE];
    snprintf(line, sizeof line, format, test_tmp(), folder);
    return system(line); /* NOLINT(cert-env33-c): sha256sum is the judge here */
}

static void digests_are_sha256sums(void **state) {
    (void)state;
    static const char *const says[] = {"\"level\"", "\"cpu\"",     "\"compiler\"",
                                       "\"build\"", "\"started\"", "\"threads\""};
    size_t size;
    expect("train {file}" SMALL "--out {dir}/traced", 0, "best.onnx");
    assert_int_equal(shell("cd '%s/%s' && sha256sum -c --quiet hashes.txt", "traced"), 0);
    assert_int_equal(shell("cd '%1$s/pictures' && sha256sum -c --quiet '%1$s/%2$s/data.sha256'", "traced"), 0);
    assert_int_equal(shell("test $(wc -l < '%s/%s/data.sha256') = 41", "traced"), 0); /* the table and 40 pictures */
    unsigned char *text = read_run("traced/environment.json", &size);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (memmem(text, size, says[i], strlen(says[i])) == NULL) fail_msg("environment.json has no %s", says[i]);
    free(text);
    expect("info {dir}/traced/best.onnx", 0, "training   data truth.csv, data_sha256 ");
    expect("info {dir}/traced/best.onnx", 0, "\nvalidation pictures ");
    static const char *const logged[] = {"epoch",
                                         "step",
                                         "loss",
                                         "rate",
                                         "skipped",
                                         "scale",
                                         "seconds",
                                         "images_per_second",
                                         "val_loss",
                                         "val_accuracy",
                                         "val_auc",
                                         "threshold_logit",
                                         "val_sensitivity",
                                         "val_specificity",
                                         "best"};
    text = read_run("traced/log.jsonl", &size);
    const unsigned char *end = memchr(text, '\n', size);
    json_t *line = end != NULL ? json_loadb((const char *)text, (size_t)(end - text), 0, NULL) : NULL;
    assert_non_null(line);
    for (size_t i = 0; i < sizeof logged / sizeof *logged; i++)
        if (json_object_get(line, logged[i]) == NULL) fail_msg("the log has no %s", logged[i]);
    assert_int_equal(json_object_size(line), sizeof logged / sizeof *logged);
    json_decref(line);
    free(text);
}

/* Other pictures, settings or models than the run's are found before anything is trained. */
static void changed_inputs_are_named(void **state) {
    (void)state;
    assert_int_equal(shell("cd '%s' && cp -r pictures moved", ""), 0);
    expect("train {dir}/moved/truth.csv" SMALL "--out {dir}/origin", 0, "best.onnx");
    assert_int_equal(shell("cd '%s/moved' && cp phantom-3-000001.png phantom-3-000007.png", ""), 0);
    expect("train --replay {dir}/origin --out {dir}/y1", 3, "phantom-3-000007.png: is not the file that");
    expect("train --resume --out {dir}/origin", 3, "phantom-3-000007.png: is not the file that");
    assert_int_equal(shell("cd '%s' && cp pictures/phantom-3-000007.png moved", ""), 0);
    assert_int_equal(shell("cd '%s' && sed -i 's/\"batch\": 8/\"batch\": 4/' origin/config.json", ""), 0);
    expect("train --replay {dir}/origin --out {dir}/y2", 3, "config.json: is not the file that hashes.txt");
    assert_int_equal(shell("cd '%s' && sed -i 's/\"batch\": 4/\"batch\": 8/' origin/config.json", ""), 0);
    assert_int_equal(shell("cd '%s' && mv origin/best.onnx origin/gone", ""), 0);
    expect("train --replay {dir}/origin --out {dir}/y3", 3, "best.onnx");
    assert_int_equal(shell("cd '%s' && mv origin/gone origin/best.onnx", ""), 0);
    expect("train --replay {dir}/origin --out {dir}/y4", 0, "bit for bit");
    assert_int_equal(shell("cd '%s' && mv moved elsewhere", ""), 0);
    expect("train --replay {dir}/origin --out {dir}/y5", 3, "moved/truth.csv");
    expect("train {dir}/elsewhere/truth.csv --replay {dir}/origin --out {dir}/y5", 0, "bit for bit");
    expect("train {dir}/elsewhere/truth.csv --resume --out {dir}/y5", 0, "best.onnx");
}

/* The reference level gives other bits than a vector level: no failure, but no success either. */
static void another_level_is_said(void **state) {
    (void)state;
    const test_run_options reference = {.environment = "GALEN_CPU=reference"};
    test_output out;
    expect("train {file} --model zoo:cxr-resnet10 --batch 8 --epochs 1 --out {dir}/level", 0, "best.onnx");
    test_run_line("train --replay {dir}/level --out {dir}/plain", table, test_tmp(), &reference, &out);
    assert_int_equal(out.exit, 0);
    if (strstr(out.err, "its bits may differ") == NULL && strstr(out.out, "the same model") == NULL)
        fail_msg("it says '%s%s'", out.out, out.err);
    test_output_free(&out);
}

/* ---- memory ---- */

static long number_behind(const char *text, const char *word) {
    const char *at = strstr(text, word);
    if (at == NULL) fail_msg("no '%s' in: %s", word, text);
    return strtol(at + strlen(word), NULL, 10);
}

static long setting(const char *name, const char *key) {
    size_t size;
    unsigned char *text = read_run(name, &size);
    long value = number_behind((const char *)text, key);
    free(text);
    return value;
}

/* Checkpointing changes no bit. A budget below what a training takes chooses something, and a replay keeps that. */
static void memory_is_chosen_once(void **state) {
    (void)state;
    char line[LINE];
    expect("train {file}" SMALL "--checkpoint none --out {dir}/kept", 0, "best.onnx");
    expect("train {file}" SMALL "--checkpoint 4 --out {dir}/four", 0, "best.onnx");
    assert_same("kept/last.safetensors", "four/last.safetensors");
    assert_same("kept/best.onnx", "four/best.onnx");
    test_output out = run("train {file}" SMALL "--memory 8G --out {dir}/roomy", table);
    assert_int_equal(out.exit, 0);
    assert_non_null(strstr(out.err, "nothing computed again"));
    long needs = number_behind(out.err, "again: about ");
    test_output_free(&out);
    assert_same("kept/best.onnx", "roomy/best.onnx");
    snprintf(line, sizeof line, "train {file}" SMALL "--memory %ldM --out {dir}/tight", needs - 2);
    expect(line, 0, "memory: ");
    assert_int_equal(setting("tight/config.json", "\"batch\": ") * setting("tight/config.json", "\"runs\": "), 8);
    expect("train --replay {dir}/tight --out {dir}/tight2", 0, "bit for bit");
    expect("train {file}" SMALL "--memory 1M --out {dir}/x", 2, "even runs of one picture need");
    expect("train {file}" SMALL "--memory much --out {dir}/x", 2, "bytes");
    expect("train {file}" SMALL "--checkpoint few --out {dir}/x", 2, "auto, none or a number");
}

/* A run of 8192 pictures does not fit into the address space that is left: smaller ones do. */
static void out_of_memory_halves_runs(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they reserve terabytes */
#endif
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)3 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    test_output out = run("train {file} --model zoo:cxr-resnet10 --epochs 1 --batch 8192 --threads 2 --workers 1 "
                          "--checkpoint none --out {dir}/halved",
                          table);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    if (out.exit != 0 || strstr(out.err, "going on with") == NULL) fail_msg("exit %d: %s", out.exit, out.err);
    assert_non_null(strstr(out.err, "normalisation"));
    test_output_free(&out);
    long batch = setting("halved/config.json", "\"batch\": ");
    assert_true(batch < 8192);
    assert_int_equal(batch * setting("halved/config.json", "\"runs\": "), 8192);
    expect("train --replay {dir}/halved --out {dir}/halved2", 0, "bit for bit");
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
    expect("train --replay {dir}/run --resume --out {dir}/run", 2, "leave one out");
    expect("train {file} --model zoo:cxr-resnet10 --freeze banana --out {dir}/x0", 2, "begins with 'banana'");
    assert_false(is_there("x0", ".")); /* nothing was written: no folder is left */
    expect("train {file} --out {dir}/no/where", 3, "name a folder");
    expect("train {dir}/missing --out {dir}/x", 3, "missing");
    expect("train {file} --rate fast --out {dir}/x", 2, "rate");
    expect("train {file} --optimizer magic --out {dir}/x", 2, "adamw");
    expect("train {file} --model zoo:nothing --out {dir}/x1", 2, "nothing");
    expect("train {file} --positive both --out {dir}/x2", 2, "positive");
    expect("train {file} --freeze conv1,bn1,layer,fc --model zoo:cxr-resnet10 --out {dir}/x3", 2,
           "nothing is left to train");
    write_file("pictures/one.csv", "path,label\nphantom-3-000000.png,a\nphantom-3-000001.png,a\n");
    expect("train {dir}/pictures/one.csv --out {dir}/x4", 3, "one.csv: there is only one class, 'a'");
    write_file("pictures/side.csv", "path,label,split\nphantom-3-000000.png,a,train\nphantom-3-000001.png,b,train\n"
                                    "phantom-3-000002.png,a,val\n");
    expect("train {dir}/pictures/side.csv --out {dir}/x4", 3, "side.csv: 'val' holds pictures of only one class");
    write_file("pictures/few.csv", "path,label\nphantom-3-000000.png,a\nphantom-3-000001.png,b\n");
    expect("train {dir}/pictures/few.csv --out {dir}/x4", 3, "few.csv: 2 pictures (2 groups) cannot be divided");
    write_file("pictures/bad.png", "no picture");
    write_file("pictures/bad.csv", "path,label,split\nphantom-3-000000.png,a,train\nphantom-3-000001.png,b,train\n"
                                   "bad.png,a,train\nphantom-3-000002.png,a,val\nphantom-3-000003.png,b,val\n");
    expect("train {dir}/pictures/bad.csv --model zoo:cxr-resnet10 --out {dir}/x5", 3, "bad.png");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_is_chosen_once),
                                       cmocka_unit_test(out_of_memory_halves_runs),
                                       cmocka_unit_test(trains_and_replays),
                                       cmocka_unit_test(learns_from_a_teacher),
                                       cmocka_unit_test(interrupt_and_resume),
                                       cmocka_unit_test(dicom_files_train),
                                       cmocka_unit_test(the_second_interrupt_ends_at_once),
                                       cmocka_unit_test(killed_at_any_moment),
                                       cmocka_unit_test(a_full_disk_keeps_what_was_there),
                                       cmocka_unit_test(digests_are_sha256sums),
                                       cmocka_unit_test(changed_inputs_are_named),
                                       cmocka_unit_test(another_level_is_said),
                                       cmocka_unit_test(wrong_things_are_named)};
    return cmocka_run_group_tests(tests, draw, NULL);
}
