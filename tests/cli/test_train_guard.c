/*
 * What galen train puts into the card of its best model at the end: limits of unusual pictures and sets of labels from
 * the validation pictures. They are those of galen guard on the same pictures, the same bits after a replay and after a
 * crash, and none where they are not wanted or cannot be had.
 */
#include "base/rng.h"
#include "support/command.h"
#include "support/shared.h"

#include <galen/image.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE = 1024, SIDE = 16, PICTURES = 640, LEARNT = 144 };

static galen_error err;

static test_output run(const char *line) {
    test_output out;
    test_run_line(line, "", test_tmp(), NULL, &out);
    if (out.exit != 0) fail_msg("galen %s: exit %d: %s", line, out.exit, out.err);
    return out;
}

static void expect(const char *line, const char *says, bool wanted) {
    test_output out = run(line);
    bool found = strstr(out.out, says) != NULL || strstr(out.err, says) != NULL;
    if (found != wanted)
        fail_msg("galen %s: '%s%s' %s '%s'", line, out.out, out.err, found ? "says" : "does not say", says);
    test_output_free(&out);
}

static const char *path_of(const char *name) {
    static char path[2][LINE];
    static int turn;
    char *out = path[turn++ % 2];
    snprintf(out, LINE, "%s/%s", test_tmp(), name);
    return out;
}

static bool is_same(const char *a, const char *b) {
    size_t n, m;
    unsigned char *x = test_read(path_of(a), &n), *y = test_read(path_of(b), &m);
    bool same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static void put(const char *name, const void *bytes, size_t size) {
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Noise about a level that speaks for the class, not always the right one. */
static void draw_picture(gal_rng *rng, int i) {
    char name[64];
    void *bytes = NULL;
    size_t size = 0;
    galen_image image;
    assert_ok(galen_image_create(SIDE, SIDE, 1, GALEN_SAMPLE_U8, &image, &err), err);
    double level = 110 + (i % 2 ? 20 : -20) + 20 * gal_rng_normal(rng);
    for (int p = 0; p < SIDE * SIDE; p++) {
        double v = level + 30 * gal_rng_normal(rng);
        ((unsigned char *)image.data)[p] = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
    snprintf(name, sizeof name, "pictures/%03d.png", i);
    put(name, bytes, size);
    galen_image_free(&image);
    galen_free(bytes);
}

/* A table of the first `count` pictures with the labels of odd and even ones. */
static void write_table(const char *name, int count, const char *odd, const char *even) {
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs("path,label,split\n", f);
    for (int i = 0; i < count; i++) fprintf(f, "%03d.png,%s,%s\n", i, i % 2 ? odd : even, i < LEARNT ? "train" : "val");
    assert_int_equal(fclose(f), 0);
}

static int draw(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(11, 0);
    assert_int_equal(mkdir(path_of("pictures"), 0700), 0);
    for (int i = 0; i < PICTURES; i++) draw_picture(&rng, i);
    write_table("pictures/two.csv", PICTURES, "bright", "dim");
    write_table("pictures/several.csv", PICTURES, "bright;any", "dim");
    write_table("pictures/few.csv", LEARNT + 494, "bright", "dim");
    return 0;
}

#define SMALL " --model zoo:cxr-resnet10 --size 16 --batch 16 --epochs 2 --leaks off --augment none "

static void the_card_has_limits(void **state) {
    (void)state;
    expect("train {dir}/pictures/two.csv" SMALL "--out {dir}/run", "guard: from 496 validation pictures: unusual",
           true);
    expect("info {dir}/run/best.onnx", "\nunusual    beyond a distance of", true);
    expect("info {dir}/run/best.onnx", "\nsets       hold the true label with 90 %", true);
    expect("info {dir}/run/best.onnx", "\nthreshold  ", true);
    expect("predict {dir}/run/best.onnx {dir}/pictures/000.png --json", "\"abstains\"", true);
    expect("train --replay {dir}/run --out {dir}/again", "bit for bit", true); /* after all of hashes.txt */
    expect("train {dir}/pictures/two.csv" SMALL "--threads 1 --out {dir}/one", "guard: from 496", true);
    assert_true(is_same("run/best.onnx", "one/best.onnx"));
}

/* What differs is what galen guard would have added. */
static void without_there_is_none(void **state) {
    (void)state;
    expect("train {dir}/pictures/two.csv" SMALL "--guard no --out {dir}/plain", "guard:", false);
    expect("info {dir}/plain/best.onnx", "unusual", false);
    expect("info {dir}/plain/best.onnx", "\nsets ", false);
    expect("train --replay {dir}/plain --out {dir}/plain2", "bit for bit", true);
    assert_false(is_same("plain/best.onnx", "run/best.onnx"));
    assert_true(is_same("plain/last.safetensors", "run/last.safetensors"));
    expect("guard {dir}/plain/best.onnx {dir}/pictures/two.csv {dir}/guarded.onnx --split val", "unusual", true);
    assert_true(is_same("guarded.onnx", "run/best.onnx"));
}

/* Ended by a crash before the limits were there, and behind them: resuming gives the same file. */
static void a_resume_gives_the_same(void **state) {
    (void)state;
    size_t size;
    expect("train --resume --out {dir}/one", "guard: from 496", true);
    assert_true(is_same("run/best.onnx", "one/best.onnx"));
    unsigned char *before = test_read(path_of("plain/best.onnx"), &size);
    put("one/best.onnx", before, size);
    free(before);
    assert_int_equal(remove(path_of("one/hashes.txt")), 0);
    expect("train --resume --out {dir}/one", "guard: from 496", true);
    assert_true(is_same("run/best.onnx", "one/best.onnx"));
    assert_true(is_same("run/metrics.json", "one/metrics.json"));
}

/* A configuration of before the setting means what it meant. */
static void an_older_run_has_none(void **state) {
    (void)state;
    size_t size;
    unsigned char *config = test_read(path_of("plain/config.json"), &size);
    static const char line[] = "\"guard\": \"no\",";
    unsigned char *at = memmem(config, size, line, sizeof line - 1);
    assert_non_null(at);
    memset(at, ' ', sizeof line - 1);
    put("plain/config.json", config, size);
    free(config);
    assert_int_equal(remove(path_of("plain/hashes.txt")), 0);
    expect("train --resume --out {dir}/plain", "guard:", false);
    expect("info {dir}/plain/best.onnx", "unusual", false);
}

static void what_cannot_be_had_is_said(void **state) {
    (void)state;
    expect("train {dir}/pictures/few.csv" SMALL "--out {dir}/few",
           "guard: no limits in the card: 494 validation pictures, of which 495 are needed", true);
    expect("info {dir}/few/best.onnx", "unusual", false);
    expect("train {dir}/pictures/several.csv" SMALL "--out {dir}/several", "guard: from 496", true);
    expect("info {dir}/several/best.onnx", "\nunusual ", true);
    expect("info {dir}/several/best.onnx", "\nsets ", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_card_has_limits),        cmocka_unit_test(without_there_is_none),
        cmocka_unit_test(a_resume_gives_the_same),    cmocka_unit_test(an_older_run_has_none),
        cmocka_unit_test(what_cannot_be_had_is_said),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
