/* Intervals of paired differences against published numbers, the likelihood itself and by hand; verdicts. */
#include "clinic/stats/difference.h"

#include "clinic/golden.h"

static galen_error err;

static void near_interval(gal_interval got, double low, double high, double tolerance, const char *what) {
    golden_near(got.low, low, tolerance, what);
    golden_near(got.high, high, tolerance, what);
}

/* Cavo et al. (2012) and Bentur et al. (2009), as computed in Fagerland, Lydersen and Laake's book. */
static void published(void **state) {
    (void)state;
    gal_paired cavo = {59, 6, 16, 80}, bentur = {1, 1, 7, 12};
    near_interval(gal_newcombe(&cavo, GAL_Z95), -0.1186, -0.0046, 5e-5, "Newcombe");
    near_interval(gal_tango(&cavo, GAL_Z95), -0.1240, -0.0054, 5e-5, "Tango");
    near_interval(gal_tango(&bentur, GAL_Z95), -0.517, -0.026, 5e-4, "Tango");
}

/* The log likelihood of shares q + difference and q that only the first, only the second has. */
static double likelihood(const gal_paired *c, double difference, double q) {
    double rest = 1 - 2 * q - difference, sum = 0;
    const double count[3] = {(double)c->only_first, (double)c->only_second, (double)c->both + (double)c->neither};
    const double share[3] = {q + difference, q, rest};
    for (int i = 0; i < 3; i++)
        if (count[i] > 0) sum += count[i] * log(share[i]);
    return sum;
}

/* By golden section, no formula: the score statistic at the share that makes the data likeliest. */
static double statistic_at(const gal_paired *c, double difference) {
    double low = fmax(0, -difference), high = (1 - difference) / 2, golden = (sqrt(5) - 1) / 2;
    double n = (double)c->both + (double)c->only_first + (double)c->only_second + (double)c->neither;
    for (int i = 0; i < 200; i++) {
        double left = high - golden * (high - low), right = low + golden * (high - low);
        if (likelihood(c, difference, left) > likelihood(c, difference, right))
            high = right;
        else
            low = left;
    }
    double observed = (double)c->only_first - (double)c->only_second;
    return (observed - n * difference) / sqrt(n * (2 * low + difference * (1 - difference)));
}

static void tango_ends_where_the_test_rejects(void **state) {
    (void)state;
    static const gal_paired table[] = {{59, 6, 16, 80}, {1, 1, 7, 12},   {512, 17, 26, 69}, {3, 5, 5, 2},
                                       {40, 9, 1, 0},   {900, 3, 40, 7}, {0, 12, 30, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        gal_interval got = gal_tango(&table[i], GAL_Z95);
        golden_near(statistic_at(&table[i], got.low), GAL_Z95, 1e-6, "statistic at the lower end");
        golden_near(statistic_at(&table[i], got.high), -GAL_Z95, 1e-6, "statistic at the upper end");
    }
}

/* Never differing: Tango's ends are +-z^2 / (n + z^2). All of one kind: Newcombe has no correlation to use. */
static void by_hand(void **state) {
    (void)state;
    double z2 = GAL_Z95 * GAL_Z95;
    gal_paired alike = {30, 0, 0, 10}, none = {0}, all = {0, 9, 0, 0}, right = {20, 0, 0, 0};
    near_interval(gal_tango(&alike, GAL_Z95), -z2 / (40 + z2), z2 / (40 + z2), 1e-12, "alike");
    /* phi = (300 - 20) / 300. */
    gal_interval w = gal_wilson(30, 40, GAL_Z95);
    double l = 0.75 - w.low, u = w.high - 0.75, half = sqrt(l * l - 2 * (280.0 / 300) * l * u + u * u);
    near_interval(gal_newcombe(&alike, GAL_Z95), -half, half, 1e-12, "alike");
    near_interval(gal_newcombe(&none, GAL_Z95), -1, 1, 0, "no cases");
    near_interval(gal_tango(&none, GAL_Z95), -1, 1, 0, "no cases");
    w = gal_wilson(20, 20, GAL_Z95);
    near_interval(gal_newcombe(&right, GAL_Z95), w.low - 1, 1 - w.low, 1e-12, "both always right");
    gal_interval first = gal_tango(&all, GAL_Z95);
    assert_true(first.high == 1 && first.low > 0.3 && first.low < 1);
    assert_true(gal_newcombe(&all, GAL_Z95).high == 1);
}

static void swapping_mirrors(void **state) {
    (void)state;
    for (size_t i = 0; i < 500; i++) {
        gal_paired a = {i % 7, i % 11, i % 5, i % 3}, b = {i % 7, i % 5, i % 11, i % 3};
        gal_interval (*const of[])(const gal_paired *, double) = {gal_newcombe, gal_tango};
        double n = (double)(a.both + a.only_first + a.only_second + a.neither);
        for (size_t m = 0; m < 2; m++) {
            gal_interval one = of[m](&a, GAL_Z95), other = of[m](&b, GAL_Z95);
            near_interval(one, -other.high, -other.low, 1e-12, "mirrored");
            assert_true(one.low >= -1 && one.high <= 1);
            if (n == 0) continue;
            double difference = ((double)a.only_first - (double)a.only_second) / n;
            assert_true(one.low <= difference + 1e-15 && difference <= one.high + 1e-15);
        }
    }
}

static void verdicts(void **state) {
    (void)state;
    static const struct {
        gal_interval interval;
        gal_verdict wanted;
    } known[] = {{{-0.005, 0.02}, GAL_VERDICT_PASS},         {{-0.01, 0.02}, GAL_VERDICT_INSUFFICIENT},
                 {{-0.03, 0.02}, GAL_VERDICT_INSUFFICIENT},  {{-0.03, -0.02}, GAL_VERDICT_FAIL},
                 {{-0.03, -0.01}, GAL_VERDICT_INSUFFICIENT}, {{0.01, 0.02}, GAL_VERDICT_PASS},
                 {{-0.009, -0.001}, GAL_VERDICT_PASS},       {{-1, 1}, GAL_VERDICT_INSUFFICIENT}};
    gal_verdict got;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_ok(gal_noninferior(known[i].interval, 0.01, &got, &err), err);
        assert_int_equal(got, known[i].wanted);
    }
    static const double wrong[] = {0, -0.01, 1.5, (double)NAN};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(gal_noninferior(known[0].interval, wrong[i], &got, &err), GALEN_ERR_ARGUMENT);
    gal_interval unknown = {(double)NAN, 1};
    assert_int_equal(gal_noninferior(unknown, 0.01, &got, &err), GALEN_ERR_NUMERIC);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(published), cmocka_unit_test(tango_ends_where_the_test_rejects),
                                       cmocka_unit_test(by_hand), cmocka_unit_test(swapping_mirrors),
                                       cmocka_unit_test(verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
