/* Histograms of scores by class. */
#include "clinic/measures/score_histogram.h"
#include "support/shared.h"

static void shares(void **state) {
    (void)state;
    static const double score[] = {0, 0.24, 0.25, 0.5, 0.999, 1, 0.5};
    static const uint8_t positive[] = {0, 0, 0, 0, 1, 1, 1};
    double low[4], high[4];
    size_t cases[2];
    gal_score_histogram(&(gal_scores){score, positive, 7}, 4, low, high, cases);
    assert_int_equal(cases[0], 4);
    assert_int_equal(cases[1], 3);
    static const double wanted[2][4] = {{0.5, 0.25, 0.25, 0}, {0, 0, 1.0 / 3, 2.0 / 3}};
    for (int k = 0; k < 4; k++) {
        assert_true(low[k] == wanted[0][k]);
        assert_true(high[k] == wanted[1][k]);
    }
}

static void one_kind(void **state) {
    (void)state;
    static const double score[] = {-3, 7};
    static const uint8_t positive[] = {1, 1};
    double low[2], high[2];
    size_t cases[2];
    gal_score_histogram(&(gal_scores){score, positive, 2}, 2, low, high, cases);
    assert_int_equal(cases[0], 0);
    assert_true(low[0] == 0 && low[1] == 0);
    assert_true(high[0] == 0.5 && high[1] == 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares), cmocka_unit_test(one_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
