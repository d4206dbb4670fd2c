/* Strange pictures: Mahalanobis distances by hand, limits and their error rates, wide features, the card's JSON. */
#include "support/shared.h"

#include "base/rng.h"
#include "clinic/watch/ood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;

/* Features x1 = 3 a + 1, x2 = a + 0.5 b, x3 = b - 2 and so on, a and b normal: known correlations. */
static void draw(gal_rng *rng, int width, float *feature, float *logit) {
    double a = gal_rng_normal(rng), b = gal_rng_normal(rng);
    for (int i = 0; i < width; i++)
        feature[i] = (float)(i % 3 == 0   ? 3 * a + 1 + 0.3 * gal_rng_normal(rng)
                             : i % 3 == 1 ? a + 0.5 * b + 0.1 * gal_rng_normal(rng)
                                          : b - 2 + 0.2 * gal_rng_normal(rng));
    *logit = (float)a;
}

static void make_cases(size_t count, int width, float **feature, float **logit) {
    gal_rng rng = gal_rng_make(4, (uint64_t)width);
    *feature = malloc(count * (size_t)width * sizeof **feature);
    *logit = malloc(count * sizeof **logit);
    for (size_t i = 0; i < count; i++) draw(&rng, width, &(*feature)[i * (size_t)width], &(*logit)[i]);
}

/* Of two features with correlation 0.8 in the limit of many cases: d^2 = (z1^2 - 1.6 z1 z2 + z2^2) / 0.36. */
static void test_distance(void **state) {
    (void)state;
    enum { N = 100000 };
    float *feature = malloc(2 * N * sizeof *feature), *logit = calloc(N, sizeof *logit);
    gal_rng rng = gal_rng_make(9, 0);
    for (int i = 0; i < N; i++) {
        double a = gal_rng_normal(&rng), b = gal_rng_normal(&rng);
        feature[2 * i] = (float)(5 + 2 * a);
        feature[2 * i + 1] = (float)(-1 + 0.1 * (0.8 * a + 0.6 * b));
    }
    gal_ood ood;
    double got[GAL_OOD_MEASURES];
    assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, N, 2, 1}, 0.01, &ood, &err), err);
    const float at[2] = {5 + 2 * 1.5F, -1 - 0.1F * 0.7F}, score = 2;
    gal_ood_measure_of(&ood, at, &score, got);
    double wanted = sqrt((1.5 * 1.5 + 1.6 * 1.5 * 0.7 + 0.7 * 0.7) / 0.36);
    assert_true(fabs(got[GAL_OOD_MAHALANOBIS] - wanted) < 0.03 * wanted);
    assert_true(fabs(got[GAL_OOD_ENERGY] + log(1 + exp(2))) < 1e-12);
    /* Of two dimensions the squared distance is exponential: 1 % exceed 2 ln 100. */
    assert_true(fabs(ood.limit[GAL_OOD_MAHALANOBIS] - sqrt(2 * log(100))) < 0.1);
    const float broken[2] = {NAN, 0};
    gal_ood_measure_of(&ood, broken, &score, got);
    assert_true(isinf(got[GAL_OOD_MAHALANOBIS]) && isinf(got[GAL_OOD_NEIGHBOURS]));
    gal_ood_free(&ood);
    free(feature);
    free(logit);
}

/* Of new cases of the kind about alpha exceed each limit; shuffled features do nearly all. */
static void test_limits(void **state) {
    static const int widths[] = {6, 30, 300};
    (void)state;
    for (size_t w = 0; w < 3; w++) {
        enum { N = 2000 };
        int width = widths[w];
        float *feature, *logit;
        make_cases(2 * N, width, &feature, &logit);
        gal_ood ood;
        assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, N, width, 1}, 0.05, &ood, &err), err);
        assert_int_equal(ood.axes, width < GAL_OOD_AXES ? width : GAL_OOD_AXES);
        int beyond[GAL_OOD_MEASURES] = {0}, strange = 0;
        for (size_t i = N; i < 2 * N; i++) {
            double got[GAL_OOD_MEASURES];
            float *f = &feature[i * (size_t)width];
            gal_ood_measure_of(&ood, f, &logit[i], got);
            for (int m = 0; m < GAL_OOD_MEASURES; m++) beyond[m] += got[m] > ood.limit[m];
            for (int k = 0; k + 1 < width; k += 2) { /* each is possible, all together are not */
                float swap = f[k];
                f[k] = f[k + 1];
                f[k + 1] = swap;
            }
            gal_ood_measure_of(&ood, f, &logit[i], got);
            strange += got[GAL_OOD_MAHALANOBIS] > ood.limit[GAL_OOD_MAHALANOBIS];
        }
        for (int m = 0; m < GAL_OOD_MEASURES; m++)
            if (beyond[m] < 30 || beyond[m] > 190)
                fail_msg("width %d, %s: %d", width, gal_ood_name((gal_ood_measure)m), beyond[m]);
        assert_true(strange > 0.95 * N);
        gal_ood_free(&ood);
        free(feature);
        free(logit);
    }
}

/* A feature that is always the same, and cases that are all the same, do not divide by zero. */
static void test_constant(void **state) {
    (void)state;
    float feature[2 * 20], logit[20] = {0};
    gal_ood ood;
    double got[GAL_OOD_MEASURES];
    for (int i = 0; i < 20; i++) feature[2 * i] = (float)i, feature[2 * i + 1] = 3;
    assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, 20, 2, 1}, 0.3, &ood, &err), err);
    gal_ood_measure_of(&ood, (float[]){10, 3}, logit, got);
    assert_true(got[GAL_OOD_MAHALANOBIS] < 1);
    gal_ood_measure_of(&ood, (float[]){10, 6}, logit, got);
    assert_true(isfinite(got[GAL_OOD_MAHALANOBIS]) && got[GAL_OOD_MAHALANOBIS] > ood.limit[GAL_OOD_MAHALANOBIS]);
    gal_ood_free(&ood);
    for (int i = 0; i < 40; i++) feature[i] = 3;
    assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, 20, 2, 1}, 0.3, &ood, &err), err);
    gal_ood_measure_of(&ood, feature, logit, got);
    assert_true(got[GAL_OOD_MAHALANOBIS] == 0);
    gal_ood_free(&ood);
}

static void test_json(void **state) {
    (void)state;
    float *feature, *logit;
    make_cases(500, 6, &feature, &logit);
    gal_ood ood, back;
    assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, 500, 6, 1}, 0.05, &ood, &err), err);
    json_t *json = gal_ood_json(&ood);
    assert_non_null(json);
    assert_ok(gal_ood_read(json, &back, &err), err);
    for (size_t i = 0; i < 500; i++) {
        double a[GAL_OOD_MEASURES], b[GAL_OOD_MEASURES];
        gal_ood_measure_of(&ood, &feature[6 * i], &logit[i], a);
        gal_ood_measure_of(&back, &feature[6 * i], &logit[i], b);
        assert_memory_equal(a, b, sizeof a);
    }
    assert_memory_equal(ood.limit, back.limit, sizeof ood.limit);
    gal_ood_free(&back);
    static const struct {
        const char *key, *value;
    } wrong[] = {{"width", "0"},  {"width", "7"},    {"width", "70000"},
                 {"kept", "257"}, {"kept", "\"x\""}, {"mean", "\"AAAA\""},
                 {"factor", "3"}, {"bank", "\"\""},  {"limits", "{}"},
                 {"alpha", "2"},  {"scale", "null"}, {"deviation", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *copy = json_deep_copy(json);
        json_object_set_new(copy, wrong[i].key, json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
        if (gal_ood_read(copy, &back, &err) != GALEN_ERR_FORMAT) fail_msg("%s %s", wrong[i].key, wrong[i].value);
        assert_null(back.mean);
        json_decref(copy);
    }
    json_decref(json);
    gal_ood_free(&ood);
    free(feature);
    free(logit);
}

static void test_refused(void **state) {
    (void)state;
    float *feature, *logit;
    gal_ood ood;
    make_cases(500, 6, &feature, &logit);
    gal_ood_cases cases = {feature, logit, 490, 6, 1};
    assert_int_equal(gal_ood_fit(&cases, 0.01, &ood, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "495 are needed"));
    cases.count = 495;
    assert_true(gal_ood_least(0.01) == 495 && gal_ood_least(0.5) == 10);
    assert_ok(gal_ood_fit(&cases, 0.01, &ood, &err), err);
    gal_ood_free(&ood);
    assert_int_equal(gal_ood_fit(&cases, 0, &ood, &err), GALEN_ERR_ARGUMENT);
    for (long n = 1; n <= 6; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_ood_fit(&cases, 0.01, &ood, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(ood.mean);
    }
    feature[6 * 3 + 2] = INFINITY;
    assert_int_equal(gal_ood_fit(&cases, 0.01, &ood, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "picture 4"));
    free(feature);
    free(logit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance), cmocka_unit_test(test_limits),  cmocka_unit_test(test_constant),
        cmocka_unit_test(test_json),     cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
