/* Cases from the shipped model and drawn pictures: the predictor's own scores, the same bits however they are run. */
#include "session/score_cases.h"

#include "base/file.h"
#include "support/shared.h"

#include <galen/phantom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EACH = 7 };

static const char model[] = "models/cxr64-small.onnx";
static galen_error err;

static const char *in_tmp(const char *name) {
    static char path[4][4096];
    static int at;
    at = (at + 1) % 4;
    (void)snprintf(path[at], sizeof path[at], "%s/%s", test_tmp(), name);
    return path[at];
}

static void draw(const galen_phantom_model *appearance, const char *folder, int index, bool opacity) {
    char name[128];
    galen_phantom_options o = galen_phantom_default_options();
    galen_image image;
    void *bytes = NULL;
    size_t size = 0;
    o.index = (uint64_t)index, o.size = 64;
    o.finding = opacity ? GALEN_PHANTOM_OPACITY : GALEN_PHANTOM_NORMAL;
    assert_ok(galen_phantom_draw(appearance, &o, &image, NULL, &err), err);
    assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
    (void)snprintf(name, sizeof name, "%s/p%d_%d.png", folder, index / 2, index);
    assert_ok(gal_file_write(in_tmp(name), bytes, size, &err), err);
    galen_image_free(&image);
    galen_free(bytes);
}

static int setup(void **state) {
    galen_phantom_model *appearance;
    (void)state;
    assert_ok(galen_phantom_model_load("models/cxr-appearance.npz", &appearance, &err), err);
    (void)mkdir(in_tmp("set"), 0700), (void)mkdir(in_tmp("set/NORMAL"), 0700);
    (void)mkdir(in_tmp("set/PNEUMONIA"), 0700);
    for (int i = 0; i < EACH; i++) {
        draw(appearance, "set/NORMAL", i, false);
        draw(appearance, "set/PNEUMONIA", i, true);
    }
    galen_phantom_model_free(appearance);
    return 0;
}

static void score(const char *data, const gal_score_options *o, gal_scored *out) {
    assert_ok(gal_score_cases(model, data, o, out, &err), err);
}

static void test_folder(void **state) {
    (void)state;
    gal_scored s;
    score(in_tmp("set"), NULL, &s);
    const gal_case_set *c = &s.cases;
    assert_true(c->kind == GAL_CASE_BINARY && c->logits && c->count == 2 * EACH && c->patient == NULL);
    assert_string_equal(c->class_name[0], "PNEUMONIA");
    assert_string_equal(c->negative, "NORMAL");
    assert_string_equal(c->id[0], "NORMAL/p0_0.png");
    assert_true(c->positive[0] == 0 && c->positive[EACH] == 1);
    assert_true(s.has_threshold && s.threshold > 2.778 && s.threshold < 2.779);
    assert_non_null(strstr(s.chosen, "validation"));
    assert_string_equal(s.model_sha256, "bcd8f6cb2ed99d0a2302f0236774b82fa5d549f9484836b2b05e7ce3153d03c0");
    assert_int_equal(s.unreadables, 0);
    gal_scored_free(&s);
}

static void note(void *user, const galen_prediction *p) {
    float **to = user;
    *(*to)++ = p->scores[0];
}

/* What predict says of the same files. */
static void test_same_as_predict(void **state) {
    (void)state;
    gal_scored s;
    galen_predictor *p;
    float wanted[2 * EACH], *at = wanted;
    score(in_tmp("set"), NULL, &s);
    assert_ok(galen_predictor_open(model, NULL, &p, &err), err);
    assert_ok(galen_predictor_run(p, s.cases.path, s.cases.count, note, &at, &err), err);
    for (size_t k = 0; k < s.cases.count; k++) assert_true(s.cases.score[k] == (double)wanted[k]);
    galen_predictor_close(p);
    gal_scored_free(&s);
}

static void test_same_bits(void **state) {
    (void)state;
    static const struct { int batch, threads; } runs[] = {{1, 1}, {3, 2}, {64, 3}};
    gal_scored whole;
    score(in_tmp("set"), NULL, &whole);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        gal_score_options o = gal_score_defaults();
        gal_scored s;
        o.predictor.batch = runs[i].batch, o.predictor.threads = runs[i].threads;
        score(in_tmp("set"), &o, &s);
        assert_memory_equal(s.cases.score, whole.cases.score, whole.cases.count * sizeof(double));
        assert_string_equal(s.data_sha256, whole.data_sha256);
        gal_scored_free(&s);
    }
    gal_scored_free(&whole);
}

static const char table[] = "path,label,split,age,who\n"
                            "set/NORMAL/p0_0.png,NORMAL,test,61,a\nset/NORMAL/p0_1.png,NORMAL,train,7,b\n"
                            "set/PNEUMONIA/p0_0.png,PNEUMONIA,test,70,c\nset/PNEUMONIA/p0_1.png,PNEUMONIA,test,,a\n";

static void test_table(void **state) {
    (void)state;
    gal_score_options o = gal_score_defaults();
    gal_scored s;
    assert_ok(gal_file_write(in_tmp("set.csv"), table, sizeof table - 1, &err), err);
    assert_int_equal(gal_score_cases(model, in_tmp("set.csv"), NULL, &s, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "the data are divided (train 1, val 0, test 3 pictures): ask for one split"));
    o.split = GAL_SPLIT_TEST, o.patient = "who";
    score(in_tmp("set.csv"), &o, &s);
    assert_int_equal(s.cases.count, 3);
    assert_int_equal(s.cases.patients, 2);
    assert_int_equal(s.cases.patient[2], 0);
    assert_int_equal(s.cases.attributes, 1);
    assert_string_equal(s.cases.attribute[0].level[0], "61");
    gal_scored_free(&s);
    o.patient = "nobody";
    assert_int_equal(gal_score_cases(model, in_tmp("set.csv"), &o, &s, &err), GALEN_ERR_ARGUMENT);
    o = gal_score_defaults(), o.group_rule = "_1";
    score(in_tmp("set"), &o, &s);
    assert_int_equal(s.cases.patients, 4); /* p0, p1, p2 and p3 of either folder */
    gal_scored_free(&s);
}

static void test_unreadable(void **state) {
    (void)state;
    gal_score_options o = gal_score_defaults();
    gal_scored s, whole;
    score(in_tmp("set"), NULL, &whole);
    assert_ok(gal_file_write(in_tmp("set/NORMAL/broken.png"), "\x89PNG", 4, &err), err);
    assert_int_equal(gal_score_cases(model, in_tmp("set"), NULL, &s, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "1 of 15 pictures cannot be read, the first: "));
    assert_non_null(strstr(err.message, "broken.png"));
    o.skip_unreadable = true;
    score(in_tmp("set"), &o, &s);
    assert_int_equal(s.pictures, 15);
    assert_int_equal(s.unreadables, 1);
    assert_string_equal(s.unreadable[0].id, "NORMAL/broken.png");
    assert_int_equal(s.cases.count, whole.cases.count);
    assert_memory_equal(s.cases.score, whole.cases.score, whole.cases.count * sizeof(double));
    assert_string_equal(s.data_sha256, whole.data_sha256);
    assert_int_equal(unlink(in_tmp("set/NORMAL/broken.png")), 0);
    gal_scored_free(&s);
    gal_scored_free(&whole);
}

static void test_other_labels(void **state) {
    (void)state;
    static const char other[] = "path,label\nset/NORMAL/p0_0.png,cat\nset/NORMAL/p0_1.png,dog\n",
                      one[] = "path,label\nset/NORMAL/p0_0.png,NORMAL\nset/NORMAL/p0_1.png,NORMAL\n";
    gal_scored s;
    assert_ok(gal_file_write(in_tmp("other.csv"), other, sizeof other - 1, &err), err);
    assert_int_equal(gal_score_cases(model, in_tmp("other.csv"), NULL, &s, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "row 2: 'cat' is none of the 2 classes ('NORMAL', ...)"));
    assert_ok(gal_file_write(in_tmp("one.csv"), one, sizeof one - 1, &err), err);
    assert_int_equal(gal_score_cases(model, in_tmp("one.csv"), NULL, &s, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "one.csv: all 2 cases are negative: AUC, sensitivity"));
    assert_int_equal(gal_score_cases("models/nothing.onnx", in_tmp("one.csv"), NULL, &s, &err), GALEN_ERR_IO);
}

/* Pictures in arrays. */
static void test_arrays(void **state) {
    (void)state;
    gal_score_options o = gal_score_defaults();
    gal_scored s;
    const char *data = test_shared("images/pneumoniamnist_28.npz");
    o.split = GAL_SPLIT_VAL;
    score(data, &o, &s);
    assert_int_equal(s.cases.count, 524);
    assert_string_equal(s.cases.class_name[0], "PNEUMONIA");
    assert_string_equal(s.cases.id[3], "val:3");
    assert_null(s.cases.path);
    gal_scored_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder), cmocka_unit_test(test_same_as_predict), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_table),  cmocka_unit_test(test_unreadable),      cmocka_unit_test(test_other_labels),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
