/* What drift is watched in: sums of pixels by hand, and of predictions their own score and pixels. */
#include "session/watch.h"

#include "support/shared.h"

#include <math.h>

static galen_error err;

static void near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance)) fail_msg("%.17g, %.17g is wanted", got, wanted);
}

static void test_pixels(void **state) {
    (void)state;
    static uint8_t white[200000];
    const uint8_t four[] = {0, 31, 32, 255};
    double level[3];
    gal_watch_pixels(four, 4, level);
    near(level[0], 318 / 4.0 / 255, 1e-15);
    near(level[1], sqrt((31 * 31 + 32 * 32 + 255 * 255) / 4.0 - 79.5 * 79.5) / 255, 1e-15);
    near(level[2], 0.5, 0);
    /* More than 32 bits hold, in several stretches. */
    for (size_t i = 0; i < sizeof white; i++) white[i] = 255;
    gal_watch_pixels(white, sizeof white, level);
    assert_true(level[0] == 1 && level[1] == 0 && level[2] == 0);
    white[0] = 0;
    gal_watch_pixels(white, sizeof white, level);
    near(level[0], 1 - 1 / 2e5, 1e-15);
    near(level[2], 1 / 2e5, 0);
}

typedef struct seen {
    const galen_predictor_facts *facts;
    int pictures;
} seen;

static void check(void *user, const galen_prediction *p) {
    seen *s = user;
    assert_int_equal(p->status, GALEN_OK);
    double most = 0;
    for (int i = 0; i < s->facts->n_scores; i++) most = fmax(most, p->probabilities[i]);
    near(p->watched[GAL_DRIFT_SCORE], s->facts->n_scores == 1 ? (double)p->scores[0] : most, 1e-9);
    assert_true(p->watched[GAL_DRIFT_MEAN] > 0.2 && p->watched[GAL_DRIFT_MEAN] < 0.8);
    assert_true(p->watched[GAL_DRIFT_SPREAD] > 0.05 && p->watched[GAL_DRIFT_DARK] < 0.6);
    s->pictures++;
}

static void predict(const char *model) {
    const char *const files[] = {test_shared("images/cxr_samples/00000001_000.png")};
    galen_predictor *p;
    assert_ok(galen_predictor_open(model, NULL, &p, &err), err);
    seen s = {galen_predictor_get_facts(p), 0};
    assert_ok(galen_predictor_run(p, files, 1, check, &s, &err), err);
    assert_int_equal(s.pictures, 1);
    galen_predictor_close(p);
}

static void test_one_score(void **state) {
    (void)state;
    predict("models/cxr64-small.onnx");
}

static void test_several_scores(void **state) {
    (void)state;
    predict(test_shared("models/mobilenet_v2_128_0.5.onnx"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_one_score),
        cmocka_unit_test(test_several_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
