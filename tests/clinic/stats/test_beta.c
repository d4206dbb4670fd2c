/* The beta distribution against closed forms, sums of binomial probabilities and numbers of 20 digits (mpmath). */
#include "clinic/stats/beta.h"

#include "support/shared.h"

#include <math.h>
#include <stdbool.h>

static void near(double got, double wanted, double relative, const char *what) {
    if (!(fabs(got - wanted) <= relative * fabs(wanted))) fail_msg("%s: %.17g, %.17g is wanted", what, got, wanted);
}

static void cumulative_is_mpmath(void **state) {
    (void)state;
    static const double known[][4] = {{0.5, 2000.5, 1e-6, 0.05043218915246785368},
                                      {2000.5, 0.5, 0.9999, 0.52705310436297057446},
                                      {3, 4, 0.3, 0.25569},
                                      {388, 4, 0.98, 0.046291395776524302605},
                                      {100000, 7, 0.999, 5.2256183930644090735e-35}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        near(gal_beta_cumulative(known[i][0], known[i][1], known[i][2]), known[i][3], 1e-12, "I_x(a, b)");
}

/* Sums of 40 terms of one sign, each by factorials that fit. */
static void cumulative_is_binomial(void **state) {
    (void)state;
    enum { N = 40 };
    for (int tenth = 1; tenth < 10; tenth++) {
        double p = tenth / 10.0, sum = 0;
        for (int k = 0; k < N; k++) {
            double mass = 1;
            for (int i = 1; i <= k; i++) mass *= (N - k + i) / (double)i * p;
            for (int i = k; i < N; i++) mass *= 1 - p;
            sum += mass;
            near(gal_beta_density(k + 1, N - k + 1, p) / (N + 1), mass, 1e-12, "mass");
            near(gal_beta_cumulative(N - k, k + 1, 1 - p), sum, 1e-12, "sum");
        }
    }
}

/* I_x(a, 1) = x^a, I_x(1, b) = 1 - (1-x)^b, and the arcsine distribution. */
static void closed_forms(void **state) {
    (void)state;
    for (int i = 1; i < 100; i++) {
        double x = i / 100.0;
        near(gal_beta_cumulative(7.5, 1, x), pow(x, 7.5), 1e-13, "x^a");
        near(gal_beta_cumulative(1, 3, x), -expm1(3 * log1p(-x)), 1e-13, "1 - (1-x)^b");
        near(gal_beta_cumulative(0.5, 0.5, x), 2 / acos(-1) * asin(sqrt(x)), 1e-13, "arcsine");
        near(gal_beta_quantile(0.25, 1, x), pow(x, 4), 1e-12, "p^(1/a)");
        near(gal_beta_quantile(0.5, 0.5, x), pow(sin(acos(-1) / 2 * x), 2), 1e-12, "arcsine quantile");
    }
}

static void quantile_inverts(void **state) {
    (void)state;
    static const double shape[] = {0.5, 1, 3, 10.5, 388, 2000.5, 1e6}, level[] = {1e-6, 0.025, 0.3, 0.5, 0.9};
    for (size_t i = 0; i < 7; i++)
        for (size_t k = 0; k < 7; k++)
            for (size_t m = 0; m < 5; m++) {
                double a = shape[i], b = shape[k], x = gal_beta_quantile(a, b, level[m]);
                assert_true(x > 0 && x <= 1);
                /* Near 1 the doubles are further apart than the probabilities: the other tail is found from there. */
                if (x > 0.9) continue;
                near(gal_beta_cumulative(a, b, x), level[m], 1e-10, "I at its quantile");
                /* 1 - level is rounded: where the density is low, that alone moves the quantile. */
                double mirrored = 1 - gal_beta_quantile(b, a, 1 - level[m]);
                double may = 1e-14 + 1e-15 / gal_beta_density(a, b, x);
                if (!(fabs(mirrored - x) < may)) fail_msg("Beta(%g, %g): %.17g, mirrored %.17g", a, b, x, mirrored);
            }
}

static void ends_and_wrong_input(void **state) {
    (void)state;
    assert_true(gal_beta_cumulative(2, 3, 0) == 0 && gal_beta_cumulative(2, 3, 1) == 1);
    assert_true(gal_beta_cumulative(2, 3, -1) == 0 && gal_beta_cumulative(2, 3, 2) == 1);
    assert_true(gal_beta_quantile(2, 3, 0) == 0 && gal_beta_quantile(2, 3, 1) == 1);
    assert_true(gal_beta_density(1, 3, 0) == 3 && gal_beta_density(2, 3, 0) == 0 && isinf(gal_beta_density(0.5, 3, 0)));
    assert_true(gal_beta_density(3, 1, 1) == 3 && gal_beta_density(3, 2, 1) == 0 && gal_beta_density(3, 2, 1.5) == 0);
    static const double wrong[][3] = {{0, 1, 0.5}, {1, -1, 0.5}, {1, 1, NAN}, {NAN, 1, 0.5}, {INFINITY, 1, 0.5}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_true(isnan(gal_beta_density(wrong[i][0], wrong[i][1], wrong[i][2])));
        assert_true(isnan(gal_beta_cumulative(wrong[i][0], wrong[i][1], wrong[i][2])));
        assert_true(isnan(gal_beta_quantile(wrong[i][0], wrong[i][1], wrong[i][2])));
    }
    assert_true(isnan(gal_beta_quantile(1, 1, 1.5)) && isnan(gal_beta_quantile(1, 1, -0.5)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cumulative_is_mpmath), cmocka_unit_test(cumulative_is_binomial),
        cmocka_unit_test(closed_forms),         cmocka_unit_test(quantile_inverts),
        cmocka_unit_test(ends_and_wrong_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
