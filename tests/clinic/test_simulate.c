/* Few draws of what bench/clinic_simulate.c draws many of: an interval that is off by more than chance fails. */
#include "clinic/simulate.h"

#include "support/shared.h"

static galen_error err;

static void every_kind_is_as_good_as_it_says(void **state) {
    (void)state;
    static uint32_t hits[SIM_MOST_POINTS * 3];
    double share[SIM_MOST_POINTS];
    gal_pool *pool;
    assert_ok(gal_pool_create(0, &pool, &err), err);
    for (size_t k = 0; k < SIM_KINDS; k++) {
        assert_true(sim_kinds[k].points <= SIM_MOST_POINTS);
        if (sim_kinds[k].cost > 2) continue; /* the bootstrap takes its time */
        sim_kind_run(k, 3, 1, pool, hits, share);
        sim_verdict v = sim_judge(k, 3, share, 3);
        if (!v.right)
            fail_msg("%s: %+.4f off, %.4f to %.4f, standard error %.4f", sim_kinds[k].name, v.off, v.lowest, v.highest,
                     v.error);
    }
    gal_pool_destroy(pool);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    uint32_t one[SIM_MOST_POINTS * 2], four[SIM_MOST_POINTS * 2];
    double share[SIM_MOST_POINTS];
    gal_pool *pool;
    assert_ok(gal_pool_create(4, &pool, &err), err);
    sim_kind_run(0, 2, 7, NULL, one, share);
    sim_kind_run(0, 2, 7, pool, four, share);
    gal_pool_destroy(pool);
    assert_memory_equal(one, four, sim_kinds[0].points * 2 * sizeof *one);
}

/* A wrong interval is noticed with so few draws: one of 90 % in the place of one of 95 %. */
static void what_is_wrong_is_noticed(void **state) {
    (void)state;
    double share[SIM_MOST_POINTS];
    for (size_t p = 0; p < sim_kinds[0].points; p++) share[p] = 0.9;
    assert_false(sim_judge(0, 3, share, 3).right);
    for (size_t p = 0; p < sim_kinds[1].points; p++) share[p] = 0.97;
    assert_true(sim_judge(1, 3, share, 3).right);
    share[3] = 0.92; /* below what is exact, at one point */
    assert_false(sim_judge(1, 3, share, 3).right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_as_good_as_it_says),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(what_is_wrong_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
