/* galen guard, and what predict then says: the same scores, limits, sets; damaged cards; wrong use. */
#include "support/command.h"
#include "support/shared.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

static int draw(void **state) {
    (void)state;
    snprintf(table, sizeof table, "%s/pictures/truth.csv", test_tmp());
    json_decref(run_json("phantom --count 40 --size 64 --seed 4 --json --out {dir}/pictures", 0));
    return 0;
}

/* The limits change no bit of the scores, for any batch and any number of threads. */
static void test_predict(void **state) {
    (void)state;
    json_decref(run_json("guard default {file} {dir}/guarded.onnx --unusual 0.2 --miss 10% --by-class --json", 0));
    json_t *plain = run_json("predict default {dir}/pictures --json", 0);
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

static void write_card(const char *text) {
    char path[LINE];
    snprintf(path, sizeof path, "%s/card.json", test_tmp());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
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
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
