/* galen guard, and what predict then says: the same scores, limits, sets, drift; damaged cards; wrong use. */
#include "support/command.h"
#include "support/shared.h"

#include <galen/image.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE = 1024, PICTURES = 40 };

static char table[LINE];

static json_t *run_json(const char *line, int code) {
    test_output out;
    json_error_t why;
    test_run_line(line, table, test_tmp(), NULL, &out);
    if (out.exit != code) fail_msg("galen %s: exit %d: %s", line, out.exit, out.err);
    json_t *root = json_loads(out.out, 0, &why);
    if (!json_is_object(root)) fail_msg("galen %s: %s", line, why.text);
    test_output_free(&out);
    return root;
}

static void expect(const char *line, int code, const char *says) {
    test_output out;
    test_run_line(line, table, test_tmp(), NULL, &out);
    if (out.exit != code) fail_msg("galen %s: exit %d, not %d: %s", line, out.exit, code, out.err);
    if (!strstr(out.out, says) && !strstr(out.err, says))
        fail_msg("galen %s: '%s%s' does not say '%s'", line, out.out, out.err, says);
    test_output_free(&out);
}

static void write_card(const char *text) {
    char path[LINE];
    snprintf(path, sizeof path, "%s/card.json", test_tmp());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int draw(void **state) {
    (void)state;
    snprintf(table, sizeof table, "%s/pictures/truth.csv", test_tmp());
    json_decref(run_json("phantom --count 40 --size 64 --seed 4 --json --out {dir}/pictures", 0));
    /* The model that ships has limits, sets and a reference. */
    write_card(
        "{\"task\": \"binary\", \"labels\": [\"NORMAL\", \"PNEUMONIA\"], \"positive\": \"PNEUMONIA\", \"input\": {"
        "\"color\": \"grey\", \"size\": [64, 64], \"resize\": {\"filter\": \"bilinear\", \"rule\": \"stretch\"}, "
        "\"range\": [0, 1], \"mean\": [0.5], \"std\": [0.25]}}");
    expect("convert default {dir}/plain.onnx --card {dir}/card.json", 0, "plain.onnx");
    return 0;
}

/* The limits change no bit of the scores, for any batch and any number of threads. */
static void test_predict(void **state) {
    (void)state;
    json_decref(run_json("guard default {file} {dir}/guarded.onnx --unusual 0.2 --miss 10% --by-class --json", 0));
    json_t *plain = run_json("predict {dir}/plain.onnx {dir}/pictures --json", 0);
    json_t *guarded = run_json("predict {dir}/guarded.onnx {dir}/pictures --json --batch 7 --threads 2", 0);
    json_t *single = run_json("predict {dir}/guarded.onnx {dir}/pictures --json --batch 1 --threads 1", 0);
    int unusual = 0, sets = 0;
    for (size_t i = 0; i < PICTURES; i++) {
        json_t *a = json_array_get(json_object_get(plain, "results"), i);
        json_t *b = json_array_get(json_object_get(guarded, "results"), i);
        json_t *c = json_array_get(json_object_get(single, "results"), i);
        assert_true(json_equal(json_object_get(a, "scores"), json_object_get(b, "scores")));
        assert_true(json_is_array(json_object_get(b, "gates")) && json_is_object(json_object_get(b, "ood")));
        assert_null(json_object_get(a, "ood"));
        assert_true(json_equal(json_object_get(b, "ood"), json_object_get(c, "ood")));
        assert_true(json_equal(json_object_get(b, "set"), json_object_get(c, "set")));
        size_t size = json_array_size(json_object_get(b, "set"));
        assert_true(json_is_true(json_object_get(b, "abstains")) == (size != 1));
        sets += size == 1;
        for (size_t k = 0; k < json_array_size(json_object_get(b, "gates")); k++) {
            json_t *gate = json_array_get(json_object_get(b, "gates"), k);
            bool named = !strcmp(json_string_value(json_object_get(gate, "name")), "unusual");
            unusual += named;
            if (named)
                assert_true(json_number_value(json_object_get(gate, "value")) >
                            json_number_value(json_object_get(gate, "limit")));
        }
    }
    /* A fifth of the pictures it was fitted for may be unusual, by chance some more. */
    assert_in_range(unusual, 0, PICTURES / 2);
    assert_in_range(sets, PICTURES / 2, PICTURES);
    json_t *model = json_object_get(guarded, "model");
    assert_true(fabs(json_number_value(json_object_get(model, "set_coverage")) - 0.9) < 1e-9);
    json_decref(plain);
    json_decref(guarded);
    json_decref(single);
    expect("info {dir}/guarded.onnx", 0, "unusual    beyond a distance of");
    expect("predict {dir}/guarded.onnx {dir}/pictures", 0, "abstains   unless one label alone");
}

/* Writes the pictures of one folder into another at two thirds of their brightness. */
static void darken(const char *from, const char *to, int seed, int count) {
    for (int i = 0; i < count; i++) {
        char path[LINE];
        galen_error err;
        galen_image image;
        galen_image_limits limits = galen_image_default_limits();
        size_t size;
        void *png;
        snprintf(path, sizeof path, "%s/%s/phantom-%d-%06d.png", test_tmp(), from, seed, i);
        unsigned char *bytes = test_read(path, &size);
        assert_ok(galen_image_decode(bytes, size, &limits, &image, &err), err);
        free(bytes);
        for (int at = 0; at < image.width * image.height * image.channels; at++)
            ((uint8_t *)image.data)[at] = (uint8_t)(((uint8_t *)image.data)[at] * 2 / 3);
        assert_ok(galen_image_encode_png(&image, &png, &size, &err), err);
        galen_image_free(&image);
        snprintf(path, sizeof path, "%s/%s/%06d.png", test_tmp(), to, i);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(png, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
        galen_free(png);
    }
}

static const char *shift_of(const json_t *run, const char *series) {
    return json_string_value(json_object_get(json_object_get(json_object_get(run, "drift"), series), "shift"));
}

/* The pictures of the reference, and the same ones darker; any batch says the same. */
static void test_drift(void **state) {
    (void)state;
    char folder[LINE];
    json_decref(run_json("phantom --count 60 --size 64 --seed 5 --json --out {dir}/then", 0));
    snprintf(folder, sizeof folder, "%s/darker", test_tmp());
    assert_int_equal(mkdir(folder, 0700), 0);
    darken("then", "darker", 5, 60);
    json_t *guard = run_json("guard default {dir}/then/truth.csv {dir}/drift.onnx --unusual 0 --json", 0);
    assert_int_equal(json_integer_value(json_object_get(guard, "drift_reference")), 60);
    json_t *same = run_json("predict {dir}/drift.onnx {dir}/then --json --batch 7", 0);
    json_t *darker = run_json("predict {dir}/drift.onnx {dir}/darker --json", 0);
    json_t *again = run_json("predict {dir}/drift.onnx {dir}/darker --json --batch 1 --threads 1", 0);
    static const char *const series[] = {"score", "mean", "spread", "dark"};
    for (int s = 0; s < 4; s++) {
        json_t *f = json_object_get(json_object_get(same, "drift"), series[s]);
        assert_true(json_number_value(json_object_get(f, "psi")) == 0 &&
                    json_number_value(json_object_get(f, "ks")) == 0);
        assert_string_equal(shift_of(same, series[s]), "none");
    }
    assert_string_equal(shift_of(darker, "mean"), "large");
    json_t *alarm = json_object_get(json_object_get(json_object_get(darker, "drift"), "mean"), "cusum");
    assert_string_equal(json_string_value(json_object_get(alarm, "direction")), "down");
    assert_in_range(json_integer_value(json_object_get(alarm, "alarm_at")), 4, 30);
    assert_true(json_equal(json_object_get(darker, "drift"), json_object_get(again, "drift")));
    json_decref(guard);
    json_decref(same);
    json_decref(darker);
    json_decref(again);
    expect("predict {dir}/drift.onnx {dir}/darker", 0, "against 60 pictures of the card");
    expect("predict {dir}/drift.onnx {dir}/pictures", 0, "too few pictures to speak of drift (40 of 50)");
    expect("predict {dir}/drift.onnx {dir}/pictures --json", 0, "\"pictures\": 40");
    expect("predict {dir}/plain.onnx {dir}/then --json", 0, "\"drift\": null");
    expect("info {dir}/drift.onnx", 0, "by comparison with 60 pictures");
    /* Of 40 pictures there is none, and the old one does not stay. */
    expect("guard {dir}/drift.onnx {file} {dir}/few.onnx --unusual 0", 0, "no reference: it takes 50 pictures");
    expect("predict {dir}/few.onnx {dir}/then --json", 0, "\"drift\": null");
}

/* Phantoms are CR of the CHEST. Gates named in the answer, 0: none of the two. */
static void test_headers(void **state) {
    (void)state;
    static const struct {
        const char *dicom;
        bool modality, body_part;
    } card[] = {{"{\"modality\": [\"mr\", \"us\"]}", true, false},
                {"{\"modality\": \"cr\", \"body_part\": [\"HAND\", \"Chest\"]}", false, false},
                {"{\"body_part\": \"HAND\", \"modality\": [\"CR\"]}", false, true}};
    expect("phantom --count 1 --size 64 --format dicom --out {dir}/dicom", 0, "");
    for (size_t i = 0; i < sizeof card / sizeof *card; i++) {
        char text[256];
        test_output out;
        snprintf(text, sizeof text, "{\"task\": \"binary\", \"dicom\": %s}", card[i].dicom);
        write_card(text);
        expect("convert default {dir}/kind.onnx --card {dir}/card.json", 0, "kind.onnx");
        test_run_line("predict {dir}/kind.onnx {dir}/dicom --json", "", test_tmp(), NULL, &out);
        assert_int_equal(out.exit, 0);
        assert_true((strstr(out.out, "\"name\": \"modality\"") != NULL) == card[i].modality);
        assert_true((strstr(out.out, "\"name\": \"body part\"") != NULL) == card[i].body_part);
        test_output_free(&out);
    }
    write_card("{\"dicom\": {\"modality\": []}}");
    expect("convert default {dir}/kind.onnx --card {dir}/card.json", 3, "dicom.modality must be a list");
    write_card("{\"dicom\": {\"moodality\": \"CT\"}}");
    expect("convert default {dir}/kind.onnx --card {dir}/card.json", 3, "moodality");
}

static void test_wrong(void **state) {
    (void)state;
    expect("guard default {file} {dir}/x.onnx", 2, "40 pictures are too few");
    expect("guard default {file} {dir}/x.onnx --unusual 2", 2, "want a share from 0 to 1");
    expect("guard default {file} {dir}/x.onnx --miss x", 2, "want a share from 0 to 1");
    expect("guard default {dir}/none {dir}/x.onnx", 3, "none");
    expect("guard default {file}", 2, "too few arguments");
    expect("guard default {file} {dir}/sets.onnx --unusual 0 --json", 0, "\"limit\": null");
    expect("predict {dir}/sets.onnx {dir}/pictures --json", 0, "\"abstains\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
