/* Calibrated probabilities beside the model's own: of every kind of model, and of a model on a real picture. */
#include "session/finding.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "model/card.h"
#include "model/onnx.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static galen_error err;
static const gal_calibration none, temperature = {.method = GAL_CALIBRATION_TEMPERATURE, .parameter = {2}},
                                   platt = {.method = GAL_CALIBRATION_PLATT, .parameter = {0.5, -1}};

static galen_prediction found(const galen_predictor_facts *f, gal_link link, const gal_calibration *c,
                              const float *scores) {
    static double probability[4], room[4];
    galen_prediction p = {.scores = scores};
    gal_finding(f, link, probability, &p);
    gal_finding_calibrate(f, link, c, room, &p);
    return p;
}

static void near(double got, double wanted) {
    if (!(fabs(got - wanted) <= 1e-12)) fail_msg("%.17g, %.17g is wanted", got, wanted);
}

static void one_score(void **state) {
    (void)state;
    galen_predictor_facts f = {
        .task = GALEN_TASK_BINARY, .n_scores = 1, .positive = 1, .n_labels = 2, .has_threshold = 1, .threshold = 1.5};
    static const char *const label[] = {"no", "yes"};
    f.label = label;
    float logit = 1.25f, probability = 0.75f;
    galen_prediction raw = found(&f, GAL_LINK_LOGIT, &none, &logit), p = found(&f, GAL_LINK_LOGIT, &platt, &logit);
    assert_true(raw.calibrated == NULL && isnan(raw.calibrated_probability));
    assert_true(p.probability == raw.probability && p.positive == 0 && p.label == 0);
    near(p.calibrated_probability, gal_ref_sigmoid(0.5 * 1.25 - 1));
    assert_true(p.calibrated[0] == p.calibrated_probability);
    near(found(&f, GAL_LINK_SIGMOID, &platt, &probability).calibrated_probability, gal_ref_sigmoid(0.5 * log(3) - 1));
    float certain = 1;
    assert_true(found(&f, GAL_LINK_SIGMOID, &platt, &certain).calibrated_probability < 1);
}

/* Softmax at half the logits, whether the model made the softmax or not; of two classes the positive one's. */
static void several_scores(void **state) {
    (void)state;
    galen_predictor_facts f = {.task = GALEN_TASK_MULTICLASS, .n_scores = 3, .positive = -1};
    const float logit[] = {2, 1, -1};
    float probability[3];
    double sum = exp(2) + exp(1) + exp(-1), half = exp(1) + exp(0.5) + exp(-0.5);
    for (int i = 0; i < 3; i++) probability[i] = (float)(exp((double)logit[i]) / sum);
    galen_prediction p = found(&f, GAL_LINK_LOGIT, &temperature, logit);
    near(p.calibrated_probability, exp(1) / half);
    near(p.calibrated[0] + p.calibrated[1] + p.calibrated[2], 1);
    p = found(&f, GAL_LINK_SOFTMAX, &temperature, probability);
    if (fabs(p.calibrated[2] - exp(-0.5) / half) > 1e-7) fail_msg("softmax: %g", p.calibrated[2]);
    f = (galen_predictor_facts){.task = GALEN_TASK_BINARY, .n_scores = 2, .positive = 0};
    near(found(&f, GAL_LINK_LOGIT, &temperature, logit).calibrated_probability, gal_ref_sigmoid(0.5));
}

/* ---- a file ---- */

static void keep(void *user, const galen_prediction *p) {
    double *to = user;
    assert_int_equal(p->status, GALEN_OK);
    to[0] = (double)p->scores[0], to[1] = p->probability, to[2] = p->calibrated_probability, to[3] = p->positive;
}

static void predict(const char *model, const char *calibration, double out[4]) {
    const char *picture = test_shared("images/cxr_samples");
    char file[512];
    galen_predictor *p;
    snprintf(file, sizeof file, "%s/00000001_000.png", picture);
    const char *files[] = {file};
    assert_ok(galen_predictor_open(model, NULL, &p, &err), err);
    const char *name = galen_predictor_get_facts(p)->calibration;
    assert_true(calibration ? name && strcmp(name, calibration) == 0 : name == NULL);
    assert_ok(galen_predictor_run(p, files, 1, keep, out, &err), err);
    galen_predictor_close(p);
}

static void a_model_with_a_calibration(void **state) {
    (void)state;
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    gal_model *m;
    gal_data_mark mark;
    gal_buf bytes;
    char path[256], *card;
    double before[4], after[4];
    const char *golden = test_shared("golden/cxr64-small.onnx");
    assert_ok(gal_onnx_load(golden, NULL, &m, &err), err);
    assert_ok(gal_data_mark_make(digest, NULL, 9, &mark, &err), err);
    gal_card_choice choice = {.calibration = &platt, .data = &mark};
    assert_ok(gal_card_choose(gal_model_meta(m, "galen.card"), &choice, &card, &err), err);
    assert_ok(gal_model_set_meta(m, "galen.card", card, &err), err);
    gal_buf_init(&bytes, 1 << 28);
    assert_ok(gal_onnx_write(m, &bytes, &err), err);
    snprintf(path, sizeof path, "%s/calibrated.onnx", test_tmp());
    assert_ok(gal_file_write(path, bytes.data, bytes.size, &err), err);
    gal_buf_free(&bytes);
    gal_free(card);
    gal_model_destroy(m);
    predict(golden, NULL, before);
    predict(path, "platt", after);
    assert_true(before[0] == after[0] && before[1] == after[1] && before[3] == after[3]);
    assert_true(isnan(before[2]) && after[2] == gal_calibration_apply(&platt, after[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_score),
        cmocka_unit_test(several_scores),
        cmocka_unit_test(a_model_with_a_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
