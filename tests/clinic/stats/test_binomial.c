/* Binomial numbers against their distribution, in both methods. */
#include "clinic/stats/binomial.h"

#include "clinic/stats/beta.h"
#include "support/shared.h"

#include <math.h>

enum { DRAWS = 40000, MOST = 2000 };

/* Pearson's chi-square of the counts, cells of few expected put together; standardised. */
static double misfit(const uint32_t *count, int n, double p) {
    double square = 0, cells = 0, expected = 0, seen = 0;
    for (int k = 0; k <= n; k++) {
        expected += DRAWS * gal_beta_density(k + 1, n - k + 1, p) / (n + 1);
        seen += count[k];
        if (expected < 20 && k < n) continue;
        if (expected > 0) square += (seen - expected) * (seen - expected) / expected;
        cells += expected >= 1;
        expected = seen = 0;
    }
    return (square - (cells - 1)) / sqrt(2 * fmax(cells - 1, 1));
}

static void counts_have_their_distribution(void **state) {
    (void)state;
    static const struct {
        int n;
        double p;
    } of[] = {{1, 0.5}, {12, 0.3}, {40, 0.9}, {100, 0.05}, {100, 0.4}, {900, 0.02}, {2000, 0.5}, {2000, 0.97}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        uint32_t count[MOST + 1] = {0};
        gal_rng rng = gal_rng_make(3, i);
        for (int d = 0; d < DRAWS; d++) {
            uint64_t k = gal_rng_binomial(&rng, (uint64_t)of[i].n, of[i].p);
            assert_in_range(k, 0, of[i].n);
            count[k]++;
        }
        double off = misfit(count, of[i].n, of[i].p);
        if (!(fabs(off) < 4)) fail_msg("n %d, p %g: %.1f standard deviations off", of[i].n, of[i].p, off);
    }
}

/* Far beyond the table of counts: mean and variance. */
static void many_trials(void **state) {
    (void)state;
    double sum = 0, squares = 0, n = 1e9, p = 0.3;
    gal_rng rng = gal_rng_make(4, 0);
    for (int d = 0; d < DRAWS; d++) {
        double off = ((double)gal_rng_binomial(&rng, (uint64_t)n, p) - n * p) / sqrt(n * p * (1 - p));
        sum += off, squares += off * off;
    }
    assert_true(fabs(sum / DRAWS) < 4 / sqrt(DRAWS) && fabs(squares / DRAWS - 1) < 4 * sqrt(2.0 / DRAWS));
}

static void edges(void **state) {
    (void)state;
    gal_rng rng = gal_rng_make(5, 0);
    assert_int_equal(gal_rng_binomial(&rng, 0, 0.5), 0);
    assert_int_equal(gal_rng_binomial(&rng, 1000, 0), 0);
    assert_int_equal(gal_rng_binomial(&rng, 1000, 1), 1000);
    for (int d = 0; d < 100; d++) assert_in_range(gal_rng_binomial(&rng, 5, 1 - 1e-16), 0, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_have_their_distribution), cmocka_unit_test(many_trials),
                                       cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
