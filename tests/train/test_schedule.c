/* Rates at the places where each schedule's definition fixes them. */
#include "train/schedule.h"

#include "support/shared.h"

#include <math.h>
#include <string.h>

static galen_error err;

static void near(double got, double want) {
    if (fabs(got - want) > 1e-12 * fabs(want)) fail_msg("%.15g, should be %.15g", got, want);
}

static void names_round_trip(void **state) {
    (void)state;
    gal_schedule_kind kind;
    for (int k = GAL_SCHEDULE_CONSTANT; k <= GAL_SCHEDULE_PLATEAU; k++) {
        assert_ok(gal_schedule_parse(gal_schedule_name((gal_schedule_kind)k), &kind, &err), err);
        assert_int_equal(kind, k);
    }
    assert_int_equal(gal_schedule_parse("cosinus", &kind, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "cosine"));
}

static void cosine_and_warm_up(void **state) {
    (void)state;
    gal_schedule s = {.kind = GAL_SCHEDULE_COSINE, .rate = 0.1, .steps = 110, .warm_up = 10, .floor = 0.01};
    near(gal_schedule_rate(&s, NULL, 0), 0.01);
    near(gal_schedule_rate(&s, NULL, 9), 0.1);
    near(gal_schedule_rate(&s, NULL, 10), 0.1);
    near(gal_schedule_rate(&s, NULL, 60), (0.1 + 0.001) / 2);
    near(gal_schedule_rate(&s, NULL, 110), 0.001);
    near(gal_schedule_rate(&s, NULL, 500), 0.001);
}

static void steps(void **state) {
    (void)state;
    gal_schedule s = {.kind = GAL_SCHEDULE_STEP, .rate = 1, .steps = 100, .factor = 0.1, .every = 30};
    near(gal_schedule_rate(&s, NULL, 29), 1);
    near(gal_schedule_rate(&s, NULL, 30), 0.1);
    near(gal_schedule_rate(&s, NULL, 90), 1e-3);
}

/* PyTorch 2.14, OneCycleLR(max_lr=0.1, total_steps=100): first, peak (step 29) and last. */
static void one_cycle(void **state) {
    (void)state;
    gal_schedule s = {.kind = GAL_SCHEDULE_ONE_CYCLE, .rate = 0.1, .steps = 100};
    near(gal_schedule_rate(&s, NULL, 0), 0.004);
    near(gal_schedule_rate(&s, NULL, 29), 0.1);
    near(gal_schedule_rate(&s, NULL, 99), 0.1 / 25 / 1e4);
}

static void plateau(void **state) {
    (void)state;
    gal_schedule s = {.kind = GAL_SCHEDULE_PLATEAU, .rate = 1, .steps = 100, .factor = 0.5, .patience = 1};
    gal_plateau p = {.best = -INFINITY, .scale = 1};
    const double metric[] = {0.5, 0.6, 0.6, 0.55, 0.7, 0.1, 0.1}, scale[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.25};
    for (int i = 0; i < 7; i++) {
        gal_schedule_epoch(&s, &p, metric[i]);
        near(gal_schedule_rate(&s, &p, 50), scale[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_round_trip), cmocka_unit_test(cosine_and_warm_up),
                                       cmocka_unit_test(steps), cmocka_unit_test(one_cycle), cmocka_unit_test(plateau)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
