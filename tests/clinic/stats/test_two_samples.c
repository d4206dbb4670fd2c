/* Groups of different cases: published intervals and tests, definitions, corrections by hand. */
#include "clinic/stats/two_samples.h"

#include "clinic/golden.h"

/* Newcombe's table II, examples (a), (b), (e) and (g). */
static void newcombe_is_published(void **state) {
    (void)state;
    static const struct {
        gal_two_shares shares;
        double low, high;
    } known[] = {{{{56, 48}, {70, 80}}, 0.0524, 0.3339},
                 {{{9, 3}, {10, 10}}, 0.1705, 0.8090},
                 {{{5, 0}, {56, 29}}, -0.0381, 0.1926},
                 {{{10, 0}, {10, 10}}, 0.6075, 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        gal_interval got = gal_newcombe_independent(&known[i].shares, GAL_Z95);
        golden_near(got.low, known[i].low, 6e-5, "low");
        golden_near(got.high, known[i].high, 6e-5, "high");
    }
    gal_interval none = gal_newcombe_independent(&(gal_two_shares){{0, 0}, {0, 5}}, GAL_Z95);
    assert_true(none.low == -1 && none.high == 1);
}

/* The tea (Fisher), and tables whose p values R's fisher.test gives. */
static void fisher_is_published(void **state) {
    (void)state;
    golden_near(gal_fisher_exact(&(gal_two_shares){{3, 1}, {4, 4}}), 0.4857142857142857, 1e-12, "tea");
    golden_near(gal_fisher_exact(&(gal_two_shares){{10, 2}, {13, 17}}), 0.0005367241, 1e-9, "convictions of twins");
    assert_true(gal_fisher_exact(&(gal_two_shares){{5, 5}, {5, 5}}) == 1);
    assert_true(gal_fisher_exact(&(gal_two_shares){{0, 3}, {0, 5}}) == 1);
}

static double choose(int n, int k) {
    double v = 1;
    for (int i = 1; i <= k; i++) v = v * (n - k + i) / i;
    return v;
}

static void fisher_is_its_definition(void **state) {
    (void)state;
    enum { M = 9, N = 14 };
    for (int a = 0; a <= M; a++)
        for (int b = 0; b <= N; b++) {
            double own = choose(M, a) * choose(N, b), sum = 0, all = 0;
            for (int k = 0; k <= M; k++) {
                if (a + b - k < 0 || a + b - k > N) continue;
                double weight = choose(M, k) * choose(N, a + b - k);
                all += weight;
                if (weight <= own * (1 + 1e-7)) sum += weight;
            }
            gal_two_shares s = {{(size_t)a, (size_t)b}, {M, N}};
            golden_near(gal_fisher_exact(&s), sum / all, 1e-12, "p");
        }
}

/* With many cases the test is nearly that of Pearson; hopeless tables end at 0 and not in NaN. */
static void fisher_of_many(void **state) {
    (void)state;
    gal_two_shares s = {{50500, 50000}, {100000, 100000}};
    golden_near(gal_fisher_exact(&s), erfc(500 / sqrt(2 * 100000 * 0.5025 * 0.4975) / sqrt(2)), 3e-4, "p");
    gal_two_shares hopeless = {{100000, 0}, {100000, 100000}};
    assert_true(gal_fisher_exact(&hopeless) == 0);
}

static void holm_by_hand(void **state) {
    (void)state;
    double p[] = {0.01, (double)NAN, 0.04, 0.03, 0.005, 1e-30}, out[6];
    static const double wanted[] = {0.03, 0, 0.06, 0.06, 0.02, 5e-30};
    assert_int_equal(gal_holm(p, 6, out), 5);
    /* 5 * 1e-30, 4 * 0.005, 3 * 0.01, 2 * 0.03, and 1 * 0.04 raised to the one before. */
    for (size_t i = 0; i < 6; i++)
        if (i != 1) golden_near(out[i] / wanted[i], 1, 1e-12, "adjusted");
    assert_true(isnan(out[1]));
    gal_holm(p, 6, p);
    for (size_t i = 0; i < 6; i++) assert_true(i == 1 || p[i] == out[i]);
    double equal[] = {0.02, 0.02, 0.5, 0, 0};
    gal_holm(equal, 5, equal);
    assert_true(equal[0] == 0.06 && equal[1] == 0.06 && equal[2] == 0.5 && equal[3] == 0 && equal[4] == 0);
    double sure[] = {0.9, 0.8};
    gal_holm(sure, 2, sure);
    assert_true(sure[0] == 1 && sure[1] == 1);
    assert_int_equal(gal_holm(sure, 0, sure), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newcombe_is_published),
        cmocka_unit_test(fisher_is_published),
        cmocka_unit_test(fisher_is_its_definition),
        cmocka_unit_test(fisher_of_many),
        cmocka_unit_test(holm_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
