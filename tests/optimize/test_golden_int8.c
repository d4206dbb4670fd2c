/* The trained models in 8 bits, calibrated on training X-rays, against themselves in f32 on the 624 test X-rays. */
#include "base/error.h"
#include "base/file.h"
#include "model/card.h"
#include "optimize/quantize.h"
#include "support/shared.h"

#include <galen/predictor.h>

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 624, NORMAL = 234, CALIBRATION = 64 };

static char *file[CASES], *training[CALIBRATION];
static galen_error err;

/* The first `max` pictures by name. */
static size_t list_folder(const char *below, char **out, size_t max) {
    char folder[PATH_MAX];
    struct dirent **entry;
    snprintf(folder, sizeof folder, "%s/dataset/%s", test_tmp(), below);
    int found = scandir(folder, &entry, NULL, alphasort);
    size_t n = 0;
    for (int i = 0; i < found; i++) {
        if (strstr(entry[i]->d_name, ".jpeg") && n < max && asprintf(&out[n], "%s/%s", folder, entry[i]->d_name) > 0)
            n++;
        free(entry[i]);
    }
    if (found >= 0) free(entry);
    return n;
}

static void need_images(void) {
    if (file[0]) return;
    char command[PATH_MAX * 2];
    snprintf(command, sizeof command, "tar xzf '%s' -C '%s' dataset", test_shared("images/cxr224.tar.gz"), test_tmp());
    assert_int_equal(system(command), 0);
    assert_int_equal(list_folder("test/NORMAL", file, NORMAL), NORMAL);
    assert_int_equal(list_folder("test/PNEUMONIA", file + NORMAL, CASES - NORMAL), CASES - NORMAL);
    assert_int_equal(list_folder("train/NORMAL", training, CALIBRATION / 2), CALIBRATION / 2);
    assert_int_equal(list_folder("train/PNEUMONIA", training + CALIBRATION / 2, CALIBRATION / 2), CALIBRATION / 2);
}

static int forget_images(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) free(file[i]);
    for (int i = 0; i < CALIBRATION; i++) free(training[i]);
    return 0;
}

static galen_status picture(void *context, size_t index, float *input, galen_error *error) {
    const gal_card *card = context;
    gal_file bytes;
    galen_image image;
    GAL_TRY(gal_file_map(training[index], 1 << 20, &bytes, error));
    galen_status status = galen_image_decode(bytes.data, bytes.size, NULL, &image, error);
    gal_file_unmap(&bytes);
    if (status != GALEN_OK) return status;
    status = gal_prepare(&image, &card->recipe, input, error);
    galen_image_free(&image);
    return status;
}

/* Writes the model in QDQ form to `to`. */
static void quantise(const char *from, const char *to, gal_range_rule rule) {
    gal_model *model;
    gal_card card;
    gal_buf bytes;
    assert_ok(gal_onnx_load(from, NULL, &model, &err), err);
    assert_ok(gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &card, &err), err);
    const gal_range_calibration how = {
        .rule = rule, .percentile = 99.99, .count = CALIBRATION, .sample = picture, .context = &card};
    assert_ok(gal_optimize_quantize(model, &how, &err), err);
    gal_buf_init(&bytes, 1 << 28);
    assert_ok(gal_onnx_write(model, &bytes, &err), err);
    assert_ok(gal_file_write(to, bytes.data, bytes.size, &err), err);
    gal_buf_free(&bytes);
    gal_card_free(&card);
    gal_model_destroy(model);
}

typedef struct tally {
    float score[CASES];
    int positive[CASES];
    size_t n;
} tally;

static void collect(void *user, const galen_prediction *p) {
    tally *t = user;
    if (p->status != GALEN_OK) fail_msg("%s", p->error);
    t->positive[t->n] = p->positive;
    t->score[t->n++] = p->scores[0];
}

static void predict(const char *model, const char *precision, int batch, int threads, tally *out) {
    galen_predictor_options o = galen_predictor_default_options();
    galen_predictor *p;
    o.batch = batch, o.threads = threads;
    out->n = 0;
    assert_ok(galen_predictor_open(model, &o, &p, &err), err);
    assert_string_equal(galen_predictor_get_facts(p)->precision, precision);
    assert_ok(galen_predictor_run(p, (const char *const *)file, CASES, collect, out, &err), err);
    galen_predictor_close(p);
}

/*
 * Logits move by at most `bound` and `mean` on average, at most `most` decisions of 624 change, and the bits do not
 * depend on batch or threads. Measured with min and max of 64 pictures: see bench/NOTES.md; the bounds are about 1.6
 * times that.
 */
static void check(const char *name, gal_range_rule rule, double bound, double mean, int most) {
    need_images();
    char path[64], quantised[PATH_MAX];
    static tally f32, int8, other;
    double worst = 0, sum = 0;
    int changed = 0;
    snprintf(path, sizeof path, "golden/%s.onnx", name);
    snprintf(quantised, sizeof quantised, "%s/%s.int8.onnx", test_tmp(), name);
    quantise(test_shared(path), quantised, rule);
    predict(test_shared(path), "f32", 64, 0, &f32);
    predict(quantised, "int8", 64, 2, &int8);
    for (int i = 0; i < CASES; i++) {
        double far = fabs((double)f32.score[i] - (double)int8.score[i]);
        worst = fmax(worst, far);
        sum += far;
        changed += f32.positive[i] != int8.positive[i];
    }
    print_message("%s in int8: logits differ by %.3g at most, %.3g on average; %d of %d decisions change\n", name,
                  worst, sum / CASES, changed, CASES);
    assert_true(worst > 0); /* it was done */
    assert_true(worst <= bound);
    assert_true(sum / CASES <= mean);
    assert_true(changed <= most);
    predict(quantised, "int8", 17, 1, &other);
    assert_memory_equal(int8.score, other.score, sizeof int8.score);
}

static void small_model(void **state) {
    (void)state;
    check("cxr64-small", GAL_RANGE_MINMAX, 0.45, 0.1, 6);
}

static void resnet18(void **state) {
    (void)state;
    check("cxr64-resnet18", GAL_RANGE_MINMAX, 0.7, 0.11, 5);
}

static void resnet18_by_percentile(void **state) {
    (void)state;
    check("cxr64-resnet18", GAL_RANGE_PERCENTILE, 2.6, 0.1, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_model), cmocka_unit_test(resnet18),
                                       cmocka_unit_test(resnet18_by_percentile)};
    return cmocka_run_group_tests(tests, NULL, forget_images);
}
