/* The reference kernels' own transcendental functions against the C library's long double ones, in ulps over wide
 * ranges. */
#include "base/refmath.h"
#include "base/rng.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

typedef double (*fn1)(double);
typedef long double (*fn1l)(long double);

static int64_t ordered(double x) {
    int64_t i;
    memcpy(&i, &x, sizeof i);
    return i < 0 ? INT64_MIN - i : i;
}

static void same(const char *name, double x, double y, double got, double want) {
    if (isnan(want) ? isnan(got) : got == want) return;
    int64_t d = ordered(got) - ordered(want);
    if (d < -2 || d > 2 || isnan(got) || isnan(want)) fail_msg("%s(%a, %a) = %a, libm says %a", name, x, y, got, want);
}

static const double edges[] = {0.0,
                               -0.0,
                               1.0,
                               -1.0,
                               0.5,
                               -0.5,
                               2.0,
                               -2.0,
                               3.0,
                               -3.0,
                               1e-310,
                               -1e-310,
                               5e-324,
                               1e308,
                               -1e308,
                               709.78,
                               709.79,
                               -745.1,
                               -745.2,
                               -708.4,
                               -40.0,
                               0.346573,
                               0.41,
                               -0.29,
                               22.0,
                               INFINITY,
                               NAN,
                               -INFINITY,
                               1e-17,
                               0x1p-28,
                               0x1p53,
                               0x1.fffffffffffffp52,
                               5.99,
                               6.0,
                               1.0000000000000002,
                               0.9999999999999999};
enum { N_EDGES = sizeof edges / sizeof edges[0] };

static void sweep(const char *name, fn1 ours, fn1l libm, double lo, double hi) {
    for (size_t i = 0; i < N_EDGES; i++) same(name, edges[i], 0, ours(edges[i]), (double)libm(edges[i]));
    gal_rng rng = gal_rng_make(1, 2);
    for (int i = 0; i < 200000; i++) {
        double x = lo + (hi - lo) * gal_rng_uniform(&rng);
        same(name, x, 0, ours(x), (double)libm(x));
        double small = x * pow(2.0, -60.0 * gal_rng_uniform(&rng));
        same(name, small, 0, ours(small), (double)libm(small));
    }
}

static void functions_agree(void **state) {
    (void)state;
    sweep("exp", gal_ref_exp, expl, -750, 712);
    sweep("expm1", gal_ref_expm1, expm1l, -45, 712);
    sweep("expm1", gal_ref_expm1, expm1l, -2, 2);
    sweep("tanh", gal_ref_tanh, tanhl, -23, 23);
    sweep("erf", gal_ref_erf, erfl, -6.5, 6.5);
    sweep("log1p", gal_ref_log1p, log1pl, -1, 5);
    sweep("log1p", gal_ref_log1p, log1pl, -1, 1e10);
    sweep("log", gal_ref_log, logl, 0, 4);
    sweep("log", gal_ref_log, logl, 0, 1e300);
}

static void powers_agree(void **state) {
    (void)state;
    for (size_t i = 0; i < N_EDGES; i++)
        for (size_t j = 0; j < N_EDGES; j++)
            same("pow", edges[i], edges[j], gal_ref_pow(edges[i], edges[j]), (double)powl(edges[i], edges[j]));
    gal_rng rng = gal_rng_make(3, 4);
    for (int i = 0; i < 400000; i++) {
        double x = exp(300.0 * (gal_rng_uniform(&rng) - 0.5)), y = 12.0 * (gal_rng_uniform(&rng) - 0.5);
        same("pow", x, y, gal_ref_pow(x, y), (double)powl(x, y));
        x = exp(gal_rng_uniform(&rng) - 0.5);
        y = 1500.0 * (gal_rng_uniform(&rng) - 0.5);
        same("pow", x, y, gal_ref_pow(x, y), (double)powl(x, y));
    }
    for (int x = -40; x <= 40; x++) {
        double exact = 1;
        for (int y = 0; y < 40 && fabs(exact) < 0x1p53; y++, exact *= x) assert_true(gal_ref_pow(x, y) == exact);
    }
}

static void sigmoid_is_bounded(void **state) {
    (void)state;
    assert_true(gal_ref_sigmoid(0.0) == 0.5);
    assert_true(gal_ref_sigmoid(-INFINITY) == 0.0 && gal_ref_sigmoid(INFINITY) == 1.0 && isnan(gal_ref_sigmoid(NAN)));
    assert_true(gal_ref_sigmoid(-800.0) >= 0.0 && gal_ref_sigmoid(800.0) == 1.0);
}

/* The distribution of its quantile is p again; p runs down to the smallest normal numbers. */
static void quantiles_invert(void **state) {
    (void)state;
    assert_true(gal_ref_normal_quantile(0.5) == 0);
    assert_true(fabs(gal_ref_normal_quantile(0.975) - 1.959963984540054) < 1e-15);
    assert_true(isinf(gal_ref_normal_quantile(0)) && isinf(gal_ref_normal_quantile(1)));
    assert_true(isnan(gal_ref_normal_quantile(-0.1)) && isnan(gal_ref_normal_quantile(1.1)));
    assert_true(isnan(gal_ref_normal_quantile((double)NAN)));
    for (double p = 1e-300; p < 1; p = p < 0.01 ? p * 7 : p + 0.01) {
        double x = gal_ref_normal_quantile(p), back = erfc(-x / sqrt(2)) / 2;
        if (!(fabs(back - p) <= 1e-15 * fmax(1, x * x) * p))
            fail_msg("quantile(%g) = %.17g, whose p is %g", p, x, back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_agree), cmocka_unit_test(powers_agree),
                                       cmocka_unit_test(sigmoid_is_bounded), cmocka_unit_test(quantiles_invert)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
