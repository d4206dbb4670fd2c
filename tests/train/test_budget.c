/*
 * Memory budgets: plans have the sizes of what is made, the choice goes from keeping everything over checkpointing to
 * smaller runs, a step keeps its pictures, and what cannot fit says what it would take.
 */
#include "session/session.h"
#include "train/job_parts.h"

#include "train/small_net.h"

#include <stdlib.h>
#include <string.h>

static galen_error err;

static gal_trainer_options usual(void) {
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    options.threads = 1;
    return options;
}

static void free_model(gal_model *model) {
    gal_graph_destroy(model->graph);
    free(model);
}

static void steps_keep_their_pictures(void **state) {
    (void)state;
    static const int64_t cases[][4] = {{64, 1, 32, 2}, {65, 1, 13, 5}, {61, 1, 1, 61}, {6, 2, 3, 4},
                                       {3, 2, 1, 6},   {2, 1, 1, 2},   {9, 4, 4, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t batch = cases[i][0], runs = cases[i][1];
        assert_true(gal_train_halve(&batch, &runs));
        assert_int_equal(batch, cases[i][2]);
        assert_int_equal(runs, cases[i][3]);
    }
    int64_t batch = 1, runs = 7;
    assert_false(gal_train_halve(&batch, &runs));
    assert_int_equal(batch, 1);
    assert_int_equal(runs, 7);
}

/* What is planned is what a trainer has, with and without checkpointing; a planned session runs nothing. */
static void plans_are_true(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options options = usual();
    for (int64_t segments = 0; segments <= 4; segments += 4) {
        gal_trainer_needs needs;
        gal_trainer *t;
        options.segments = segments;
        assert_ok(gal_trainer_plan(model, &options, &needs, &err), err);
        assert_ok(gal_trainer_create(model, &options, &t, &err), err);
        assert_int_equal(needs.arena, gal_session_arena_bytes(gal_trainer_run_session(t)));
        assert_true(needs.training > needs.arena && needs.beside > 0 && needs.normalises);
        assert_true(segments == 0 ? needs.share == 0 : needs.share > 0 && needs.share < 1);
        gal_trainer_destroy(t);
    }
    gal_session_options plan = gal_session_default_options();
    gal_session *session;
    plan.plan_only = true;
    static float image[SMALL_SIDE * SMALL_SIDE], out[1];
    const void *in[1] = {image};
    void *to[1] = {out};
    assert_ok(gal_session_create(model->graph, &plan, &session, &err), err);
    assert_true(gal_session_arena_bytes(session) > 0);
    assert_int_equal(gal_session_run(session, 1, in, to, &err), GALEN_ERR_ARGUMENT);
    gal_session_destroy(session);
    free_model(model);
}

static gal_train_plan fit(const gal_model *model, size_t bytes, int64_t segments) {
    const gal_trainer_options options = usual();
    const gal_train_budget budget = {.bytes = bytes, .per_image = 1 << 16};
    gal_train_plan plan = {.batch = SMALL_BATCH, .runs = 1, .segments = segments};
    assert_ok(gal_train_fit_budget(model, &options, &budget, &plan, &err), err);
    assert_true(plan.bytes <= bytes);
    assert_int_equal(plan.batch * plan.runs, SMALL_BATCH);
    return plan;
}

static void budgets_are_met(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    gal_train_plan whole = fit(model, SIZE_MAX / 2, GAL_SEGMENTS_AUTO);
    assert_int_equal(whole.batch, SMALL_BATCH);
    assert_int_equal(whole.segments, 0);
    gal_train_plan again = fit(model, whole.bytes - 1, GAL_SEGMENTS_AUTO);
    assert_int_equal(again.batch, SMALL_BATCH);
    assert_true(again.segments > 1);
    gal_train_plan halved = fit(model, whole.bytes - 1, 0);
    assert_int_equal(halved.segments, 0);
    assert_int_equal(halved.batch, SMALL_BATCH / 2);
    gal_train_plan fixed = fit(model, whole.bytes - 1, 3);
    assert_int_equal(fixed.segments, 3);
    free_model(model);
}

/* What is beside the training counts: as much less is left for it. */
static void a_teacher_counts(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    const gal_trainer_options options = usual();
    gal_train_budget budget = {.bytes = SIZE_MAX / 2, .per_image = 1 << 16};
    gal_train_plan alone = {.batch = SMALL_BATCH, .runs = 1}, beside = alone;
    assert_ok(gal_train_fit_budget(model, &options, &budget, &alone, &err), err);
    budget.fixed = 12345;
    assert_ok(gal_train_fit_budget(model, &options, &budget, &beside, &err), err);
    assert_int_equal(beside.bytes, alone.bytes + 12345);
    free_model(model);
}

static void too_little_is_refused(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    const gal_trainer_options options = usual();
    const gal_train_budget budget = {.bytes = 1 << 20};
    gal_train_plan plan = {.batch = SMALL_BATCH, .runs = 1, .segments = GAL_SEGMENTS_AUTO};
    assert_int_equal(gal_train_fit_budget(model, &options, &budget, &plan, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "memory of 1 MiB"));
    free_model(model);
}

/* ---- a job ---- */

static char said[640];

static void listen(void *context, const char *line) {
    (void)context;
    snprintf(said, sizeof said, "%s", line);
}

static void jobs_shrink_and_say_so(void **state) {
    (void)state;
    const gal_train_hooks hooks = {.say = listen};
    gal_train_job job;
    gal_train_job_init(&job);
    assert_true(gal_job_shrink(&job, &hooks, "out of memory for x"));
    assert_int_equal(job.batch, 32);
    assert_int_equal(job.runs, 2);
    assert_non_null(strstr(said, "out of memory for x; going on with 2 runs of 32 pictures"));
    assert_non_null(strstr(said, "normalisation"));
    job.settled = true;
    assert_false(gal_job_shrink(&job, &hooks, "out of memory"));
    assert_int_equal(job.batch, 32);
    gal_train_job_free(&job);
}

/* Into a budget, and not once more when the settings come from a run. */
static void jobs_fit_and_settle(void **state) {
    (void)state;
    const gal_train_hooks hooks = {.say = listen};
    const gal_trainer_options options = usual();
    gal_model *model = small_model(GALEN_F32);
    gal_train_job job;
    gal_train_job_init(&job);
    assert_ok(gal_train_job_set(&job, "batch", "512", &err), err);
    assert_ok(gal_train_job_set(&job, "memory", "40M", &err), err);
    assert_int_equal(job.memory, 40 << 20);
    assert_ok(gal_job_fit_memory(&job, model, &options, SMALL_SIDE * SMALL_SIDE, NULL, &hooks, &err), err);
    print_message("%s\n", said);
    assert_non_null(strstr(said, "of 40 MiB"));
    assert_int_equal(job.batch * job.runs, 512);
    assert_true(job.segments > 0 || job.batch < 512);
    assert_true(job.cache < 40);
    gal_train_job kept = job;
    kept.settled = true;
    kept.memory = 1;
    assert_ok(gal_job_fit_memory(&kept, model, &options, SMALL_SIDE * SMALL_SIDE, NULL, &hooks, &err), err);
    assert_int_equal(kept.batch, job.batch);
    assert_int_equal(kept.segments, job.segments);
    gal_train_job_free(&job);
    free_model(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_keep_their_pictures), cmocka_unit_test(plans_are_true),
        cmocka_unit_test(budgets_are_met),           cmocka_unit_test(a_teacher_counts),
        cmocka_unit_test(too_little_is_refused),     cmocka_unit_test(jobs_shrink_and_say_so),
        cmocka_unit_test(jobs_fit_and_settle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
