/* Least log loss: where its derivatives vanish, and where there is none. */
#include "clinic/choose/logistic.h"

#include "base/rng.h"
#include "clinic/golden.h"

enum { N = 400 };

static galen_error err;
static double x[N * 3], target[N];

static void draw(int terms, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 0);
    for (size_t i = 0; i < N; i++) {
        double z = 0;
        for (int k = 0; k < terms; k++) {
            double *at = &x[i * (size_t)terms + (size_t)k];
            *at = k == terms - 1 && terms > 1 ? 1 : 2 * gal_rng_normal(&rng);
            z += (k + 0.5) * *at;
        }
        target[i] = gal_rng_uniform(&rng) < 1 / (1 + exp(-z));
    }
}

static void derivatives_vanish(void **state) {
    (void)state;
    for (int terms = 1; terms <= 3; terms++) {
        double weight[3], loss, slope[3] = {0}, sum = 0;
        draw(terms, (uint64_t)terms);
        assert_ok(gal_logistic_fit(&(gal_logistic_data){x, target, N, terms}, weight, &loss, &err), err);
        for (size_t i = 0; i < N; i++) {
            double z = 0;
            for (int k = 0; k < terms; k++) z += weight[k] * x[i * (size_t)terms + (size_t)k];
            double p = 1 / (1 + exp(-z));
            sum -= target[i] > 0 ? log(p) : log(1 - p);
            for (int k = 0; k < terms; k++) slope[k] += (p - target[i]) * x[i * (size_t)terms + (size_t)k];
        }
        golden_near(loss, sum, 1e-9, "loss");
        for (int k = 0; k < terms; k++) golden_near(slope[k], 0, 1e-9, "slope");
    }
}

/* An intercept alone is the logit of the share. */
static void share_alone(void **state) {
    (void)state;
    double weight, loss;
    for (size_t i = 0; i < N; i++) x[i] = 1, target[i] = i < 100;
    assert_ok(gal_logistic_fit(&(gal_logistic_data){x, target, N, 1}, &weight, &loss, &err), err);
    golden_near(weight, log(1.0 / 3), 1e-14, "logit");
    golden_near(loss, -100 * log(0.25) - 300 * log(0.75), 1e-10, "loss");
}

static void no_best_is_refused(void **state) {
    (void)state;
    double weight[3];
    for (size_t i = 0; i < N; i++) x[2 * i] = (double)i - N / 2 + 0.5, x[2 * i + 1] = 1, target[i] = i >= N / 2;
    gal_logistic_data parted = {x, target, N, 2};
    assert_int_equal(gal_logistic_fit(&parted, weight, NULL, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "do not overlap"));
    target[N / 2] = 0; /* one among the ones: touching kinds still do not overlap */
    x[N] = x[N + 2];
    assert_int_equal(gal_logistic_fit(&parted, weight, NULL, &err), GALEN_ERR_NUMERIC);
    for (size_t i = 0; i < N; i++) x[2 * i] = 3, target[i] = i & 1;
    assert_int_equal(gal_logistic_fit(&parted, weight, NULL, &err), GALEN_ERR_NUMERIC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_vanish),
        cmocka_unit_test(share_alone),
        cmocka_unit_test(no_best_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
