/* Areas against the count of pairs, ties and all; operating points against their definition; wrong input. */
#include "clinic/measures/roc.h"

#include "base/rng.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

enum { N = 200 };

static galen_error err;
static double score[N];
static uint8_t positive[N];

static gal_scores draw(uint64_t seed, int levels) {
    gal_rng rng = gal_rng_make(seed, 0);
    for (int i = 0; i < N; i++) {
        positive[i] = gal_rng_uniform(&rng) < 0.3;
        double s = gal_rng_uniform(&rng) + 0.4 * positive[i];
        score[i] = levels > 0 ? floor(s * levels) : s;
    }
    return (gal_scores){score, positive, N};
}

static void area_counts_pairs(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gal_scores s = draw(seed, (int)seed % 4 * 3);
        double pairs = 0, wins = 0, auc;
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                if (!positive[i] || positive[k]) continue;
                pairs++;
                wins += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
            }
        assert_ok(gal_roc_auc(&s, &auc, &err), err);
        assert_true(fabs(auc - wins / pairs) < 1e-12);
    }
}

/* No higher score would do, and this one does. */
static void point_is_the_highest(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gal_scores s = draw(seed, (int)seed % 3 * 5);
        gal_operating_point point, next;
        double wanted = 0.5 + 0.025 * (double)seed, above = INFINITY;
        assert_ok(gal_roc_for_sensitivity(&s, wanted, &point, &err), err);
        assert_true(point.sensitivity >= wanted - 1e-9);
        for (int i = 0; i < N; i++)
            if (score[i] > point.threshold) above = fmin(above, score[i]);
        gal_roc_at(&s, above, &next);
        assert_true(next.sensitivity < wanted);
        assert_int_equal(point.true_positives + point.false_negatives + point.true_negatives + point.false_positives,
                         N);
    }
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    gal_scores s = draw(1, 0);
    gal_operating_point point;
    double auc;
    score[7] = NAN;
    assert_int_equal(gal_roc_auc(&s, &auc, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 8"));
    score[7] = 0;
    assert_int_equal(gal_roc_for_sensitivity(&s, 0, &point, &err), GALEN_ERR_ARGUMENT);
    memset(positive, 1, sizeof positive);
    assert_int_equal(gal_roc_auc(&s, &auc, &err), GALEN_ERR_ARGUMENT);
    memset(positive, 0, sizeof positive);
    assert_int_equal(gal_roc_for_sensitivity(&s, 0.9, &point, &err), GALEN_ERR_ARGUMENT);
    s = draw(1, 0);
    test_fail_allocation(1, 0);
    assert_int_equal(gal_roc_auc(&s, &auc, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(area_counts_pairs), cmocka_unit_test(point_is_the_highest),
                                       cmocka_unit_test(wrong_input_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
