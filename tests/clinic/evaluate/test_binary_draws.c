/* Figures of weighted cases are those of the plain functions on cases written out; orders of cases. */
#include "clinic/evaluate/binary_draws.h"

#include "base/rng.h"
#include "clinic/golden.h"
#include "clinic/measures/precision.h"
#include "clinic/measures/ranked.h"

enum { MOST = 400 };

static galen_error err;
static double score[MOST], probability[MOST];
static uint8_t positive[MOST];
static uint32_t patient[MOST];

/* `levels` distinct scores; 0: all differ. Probabilities fall with the scores where `against`. */
static gal_binary_cases draw(uint64_t seed, size_t count, int levels, bool against, size_t patients) {
    gal_rng rng = gal_rng_make(seed, 1);
    for (size_t i = 0; i < count; i++) {
        double u = gal_rng_uniform(&rng);
        positive[i] = gal_rng_uniform(&rng) < 0.2 + 0.5 * u;
        if (i < 2) positive[i] = i == 0;
        score[i] = levels > 0 ? floor(u * levels) / levels : u;
        probability[i] = against ? 1 - score[i] * score[i] : score[i];
        patient[i] = i < patients ? (uint32_t)i : gal_rng_u32(&rng) % (uint32_t)patients;
    }
    return (gal_binary_cases){.scores = {score, positive, count},
                              .probability = probability,
                              .patient = patients < count ? patient : NULL,
                              .patients = patients};
}

/* The cases of one sample written out, copies beside each other. */
static golden_set list_of, probabilities_of;

static void write_out(const gal_binary_draws *d, const gal_weights *weight, int lane) {
    size_t at[2] = {0};
    for (size_t i = 0; i < d->cases; i++)
        for (int copy = 0; copy < weight[d->units.of[i]][lane]; copy++) {
            list_of.score[at[0]] = score[i], list_of.positive[at[0]++] = positive[i];
            probabilities_of.score[at[1]] = probability[i], probabilities_of.positive[at[1]++] = positive[i];
        }
    list_of.count = at[0], probabilities_of.count = at[1];
}

static void near(double (*out)[GAL_LANES], gal_figure figure, int lane, double wanted) {
    golden_near(out[figure][lane], wanted, 1e-12, gal_figure_name(figure));
}

static void compare(const gal_eval_settings *settings, double (*out)[GAL_LANES], int lane) {
    gal_scores s = {list_of.score, list_of.positive, list_of.count};
    gal_scores p = {probabilities_of.score, probabilities_of.positive, probabilities_of.count};
    gal_reliability_bin bin[64];
    gal_brier brier;
    gal_confusion confusion;
    double value, figure[GAL_FIGURES];
    assert_ok(gal_confusion_at(&s, settings->threshold, &confusion, &err), err);
    gal_decision_figures(&confusion, settings->prevalence, figure);
    for (int f = 0; f <= GAL_LR_NEGATIVE; f++)
        if (isfinite(figure[f])) near(out, (gal_figure)f, lane, figure[f]);
    assert_ok(gal_roc_auc(&s, &value, &err), err);
    near(out, GAL_AUC, lane, value);
    assert_ok(gal_average_precision(&s, &value, &err), err);
    near(out, GAL_AVERAGE_PRECISION, lane, value);
    assert_ok(gal_reliability(&p, settings->bins, bin, &err), err);
    near(out, GAL_ECE, lane, gal_expected_calibration_error(bin, settings->bins));
    near(out, GAL_MCE, lane, gal_maximum_calibration_error(bin, settings->bins));
    assert_ok(gal_brier_score(&p, settings->bins, &brier, &err), err);
    near(out, GAL_BRIER, lane, brier.score);
    near(out, GAL_BRIER_RELIABILITY, lane, brier.reliability);
    near(out, GAL_BRIER_RESOLUTION, lane, brier.resolution);
    near(out, GAL_BRIER_UNCERTAINTY, lane, brier.uncertainty);
    near(out, GAL_BRIER_WITHIN, lane, brier.within);
    assert_ok(gal_log_loss(&p, &value, &err), err);
    near(out, GAL_LOG_LOSS, lane, value);
}

static void figures_are_those_of_cases_written_out(void **state) {
    (void)state;
    static const struct {
        size_t count, patients, bins;
        int levels;
        bool against;
    } of[] = {{200, 200, 10, 0, false}, {200, 200, 10, 7, false}, {300, 300, 64, 40, true}, {30, 30, 50, 0, true},
              {200, 60, 10, 0, false},  {150, 20, 7, 5, true},    {2, 2, 10, 0, false},     {40, 39, 10, 1, false}};
    size_t compared = 0;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        gal_binary_cases cases = draw(i, of[i].count, of[i].levels, of[i].against, of[i].patients);
        gal_eval_settings settings = gal_eval_defaults();
        settings.has_threshold = true, settings.threshold = 0.4, settings.prevalence = 0.1, settings.bins = of[i].bins;
        gal_binary_draws d;
        uint8_t called[MOST];
        for (size_t k = 0; k < of[i].count; k++) called[k] = score[k] >= settings.threshold;
        gal_weights weight[MOST];
        double out[GAL_FIGURES][GAL_LANES];
        assert_ok(gal_binary_draws_make(&cases, called, &settings, &d, &err), err);
        gal_strata strata = {d.units.stratum, d.units.strata};
        for (size_t first = 0; first < 40; first += GAL_LANES) {
            gal_draw_weights(&strata, 8, first, weight);
            gal_binary_statistic(&d, weight, out);
            for (int lane = 0; lane < GAL_LANES; lane++) {
                write_out(&d, weight, lane);
                size_t up = 0;
                for (size_t k = 0; k < list_of.count; k++) up += list_of.positive[k];
                if (up == 0 || up == list_of.count) continue; /* patients may all be of one kind */
                compare(&settings, out, lane);
                compared++;
            }
        }
        gal_binary_draws_free(&d);
    }
    assert_true(compared > 250);
}

/* Cases stay in the stratum of their kind, patients in that of their highest; kinds that nobody has are none. */
static void units_have_their_strata(void **state) {
    (void)state;
    const uint32_t kind[8] = {0, 3, 0, 1, 0, 3, 0, 0}, of[8] = {0, 0, 1, 1, 2, 3, 4, 4};
    const size_t order[8] = {7, 6, 5, 4, 3, 2, 1, 0};
    gal_units u;
    assert_ok(gal_units_make(kind, 8, 5, &(gal_patients){NULL, 0}, order, &u, &err), err);
    assert_true(!u.by_patient && u.count == 8 && u.strata == 3);
    assert_true(u.stratum[0] == 5 && u.stratum[1] == 1 && u.stratum[2] == 2);
    assert_true(u.of[7] == 0 && u.of[0] == 4 && u.of[3] == 5 && u.of[5] == 6 && u.of[1] == 7);
    gal_units_free(&u);
    assert_ok(gal_units_make(kind, 8, 5, &(gal_patients){of, 5}, order, &u, &err), err);
    assert_true(u.by_patient && u.count == 5 && u.strata == 3);
    assert_true(u.stratum[0] == 2 && u.stratum[1] == 1 && u.stratum[2] == 2);
    assert_true(u.of[0] == u.of[1] && u.of[0] == 3 && u.of[2] == 2 && u.of[4] == 0 && u.of[5] == 4 && u.of[7] == 1);
    gal_units_free(&u);
}

static void order_is_stable(void **state) {
    (void)state;
    size_t order[MOST];
    for (size_t i = 0; i < MOST; i++) score[i] = (double)((int)(i * 31 % 17) - 8) * 1e-3;
    score[0] = -0.0, score[1] = INFINITY, score[2] = -INFINITY, score[3] = 0.0, score[4] = -1e-320;
    for (int direction = GAL_ASCENDING; direction <= GAL_DESCENDING; direction++) {
        assert_ok(gal_order(score, MOST, (gal_direction)direction, order, &err), err);
        for (size_t i = 1; i < MOST; i++) {
            double a = score[order[i - 1]], b = score[order[i]];
            assert_true(direction == GAL_ASCENDING ? a <= b : a >= b);
            assert_true(a != b || order[i - 1] < order[i]);
        }
    }
    test_fail_allocation(1, 0);
    assert_int_equal(gal_order(score, MOST, GAL_ASCENDING, order, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures_are_those_of_cases_written_out),
                                       cmocka_unit_test(units_have_their_strata), cmocka_unit_test(order_is_stable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
