/*
 * Distillation: gradients against finite differences in f64, a student that comes to answer as its teacher does with
 * the same bits for any number of threads, and teachers that speak of something else.
 */
#include "train/teacher.h"

#include "session/session.h"

#include "train/small_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, PIXELS = SMALL_SIDE * SMALL_SIDE, LESSONS = 4 };

static galen_error err;

static gal_trainer *make(const gal_trainer_options *options, galen_dtype dtype, int64_t classes) {
    gal_model *model = small_model_of(dtype, classes);
    gal_trainer *t;
    assert_ok(gal_trainer_create(model, options, &t, &err), err);
    gal_graph_destroy(model->graph);
    free(model);
    return t;
}

static gal_trainer_options usual(float alpha, float temperature) {
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    options.loss.alpha = alpha, options.loss.temperature = temperature;
    return options;
}

/* ---- gradients ---- */

typedef struct problem {
    double image[SMALL_BATCH * PIXELS], target[SMALL_BATCH * CLASSES], teacher[SMALL_BATCH * CLASSES];
} problem;

static double loss_of(gal_trainer *t, const problem *l) {
    double loss;
    gal_trainer_teach(t, l->teacher);
    assert_ok(gal_trainer_run(t, SMALL_BATCH, l->image, l->target, 0, &loss, &err), err);
    return loss;
}

static void differences(bool categorical) {
    static problem l;
    gal_trainer_options options = usual(0.7F, 3);
    options.loss.categorical = categorical;
    gal_trainer *t = make(&options, GALEN_F64, CLASSES);
    small_batch(GALEN_F64, 0, l.image, l.target);
    for (int i = 0; i < SMALL_BATCH * CLASSES; i++) {
        l.target[i] = i % CLASSES == i / CLASSES % CLASSES;
        l.teacher[i] = 4 * recipe_uniform(recipe_hash("teacher"), (uint64_t)i) - 2;
    }
    loss_of(t, &l);
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        galen_tensor g = gal_trainer_gradient(t, i);
        if (g.data == NULL) continue;
        double *x = gal_trainer_state(t, i).tensor.data, was = x[0], step = 1e-5;
        double slope = ((double *)g.data)[0];
        x[0] = was + step;
        double up = loss_of(t, &l);
        x[0] = was - step;
        double down = loss_of(t, &l), seen = (up - down) / (2 * step);
        x[0] = was;
        loss_of(t, &l);
        if (fabs(seen - slope) > 1e-6 * (1e-2 + fabs(slope)))
            fail_msg("%s: %.9g, differences say %.9g", gal_trainer_state(t, i).name, slope, seen);
    }
    gal_trainer_destroy(t);
}

static void gradients_are_finite_differences(void **state) {
    (void)state;
    differences(false);
    differences(true);
}

/* ---- following ---- */

static gal_teacher_lesson lesson_of(int64_t classes) {
    return (gal_teacher_lesson){
        .task = {.classes = classes},
        .positive = -1,
        .recipe = {
            .channels = 1, .width = SMALL_SIDE, .height = SMALL_SIDE, .high = 1, .mean = {0.5F}, .std = {0.25F}}};
}

static void keep(gal_trainer *t, gal_buf *out) {
    gal_buf_init(out, 1 << 24);
    assert_ok(gal_trainer_export(t, false, out, &err), err);
}

static gal_teacher *ask_at(const gal_buf *model, gal_isa isa) {
    const gal_teacher_lesson lesson = lesson_of(1);
    gal_teacher *t;
    assert_ok(gal_teacher_open(model->data, model->size, &lesson, SMALL_BATCH, isa, NULL, &t, &err), err);
    return t;
}

static gal_teacher *ask(const gal_buf *model) {
    return ask_at(model, gal_isa_detect());
}

/* Runs and steps over the first LESSONS batches, `times` over; without a teacher the labels are turned round. */
static void study(gal_trainer *t, gal_teacher *teacher, int times) {
    static float images[SMALL_BATCH * PIXELS], targets[SMALL_BATCH];
    const gal_train_hyper hyper = {.rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    double loss, norm;
    bool skipped;
    for (int i = 0; i < times * LESSONS; i++) {
        const float *logits;
        small_batch(GALEN_F32, i % LESSONS, images, targets);
        for (int k = 0; k < SMALL_BATCH; k++) targets[k] = 1 - targets[k];
        if (teacher != NULL) {
            assert_ok(gal_teacher_answer(teacher, SMALL_BATCH, images, &logits, &err), err);
            gal_trainer_teach(t, logits);
        }
        assert_ok(gal_trainer_run(t, SMALL_BATCH, images, targets, 0, &loss, &err), err);
        assert_ok(gal_trainer_step(t, &hyper, 1, &norm, &skipped, &err), err);
    }
}

/* How far two models' probabilities lie apart, on the average. */
static double apart(const gal_buf *a, const gal_buf *b) {
    static float images[SMALL_BATCH * PIXELS], targets[SMALL_BATCH];
    gal_teacher *x = ask(a), *y = ask(b);
    double sum = 0;
    for (int i = 0; i < LESSONS; i++) {
        const float *p, *q;
        small_batch(GALEN_F32, i, images, targets);
        assert_ok(gal_teacher_answer(x, SMALL_BATCH, images, &p, &err), err);
        assert_ok(gal_teacher_answer(y, SMALL_BATCH, images, &q, &err), err);
        for (int k = 0; k < SMALL_BATCH; k++) sum += fabs(1 / (1 + exp(-(double)p[k])) - 1 / (1 + exp(-(double)q[k])));
    }
    gal_teacher_close(x);
    gal_teacher_close(y);
    return sum / (LESSONS * SMALL_BATCH);
}

static void a_student_follows(void **state) {
    (void)state;
    gal_buf model, start, end, again;
    gal_trainer_options options = usual(0, 0);
    gal_trainer *master = make(&options, GALEN_F32, 1);
    study(master, NULL, 40);
    keep(master, &model);
    gal_teacher *teacher = ask(&model);
    options = usual(1, 2), options.threads = 1;
    gal_trainer *student = make(&options, GALEN_F32, 1);
    options.threads = 3;
    gal_trainer *other = make(&options, GALEN_F32, 1);
    keep(student, &start);
    study(student, teacher, 60);
    study(other, teacher, 60);
    keep(student, &end);
    keep(other, &again);
    assert_int_equal(end.size, again.size);
    assert_memory_equal(end.data, again.data, end.size);
    double before = apart(&start, &model), after = apart(&end, &model);
    print_message("probabilities %.3f apart before, %.3f after\n", before, after);
    assert_true(before > 0.2 && after < 0.05);
    gal_teacher_close(teacher);
    gal_trainer_destroy(master);
    gal_trainer_destroy(student);
    gal_trainer_destroy(other);
    gal_buf_free(&model), gal_buf_free(&start), gal_buf_free(&end), gal_buf_free(&again);
}

/* Its plan says what it holds: more for more pictures, and at least its file. */
static void needs_are_planned(void **state) {
    (void)state;
    gal_buf bytes;
    gal_teacher_bytes few, many;
    gal_trainer_options options = usual(0, 0);
    gal_trainer *master = make(&options, GALEN_F32, 1);
    keep(master, &bytes);
    const gal_teacher_lesson lesson = lesson_of(1);
    assert_ok(gal_teacher_needs(bytes.data, bytes.size, &lesson, 1, gal_isa_detect(), NULL, &few, &err), err);
    assert_ok(gal_teacher_needs(bytes.data, bytes.size, &lesson, SMALL_BATCH, gal_isa_detect(), NULL, &many, &err),
              err);
    assert_true(few.fixed >= bytes.size && many.fixed >= bytes.size);
    assert_true(few.per_image >= PIXELS * sizeof(float) && many.per_image > 0 && many.per_image <= few.per_image);
    gal_trainer_destroy(master);
    gal_buf_free(&bytes);
}

/* At the reference level, whatever the processor could do. */
static void the_level_is_the_training_s(void **state) {
    static float images[SMALL_BATCH * PIXELS], targets[SMALL_BATCH], wanted[SMALL_BATCH];
    (void)state;
    gal_buf bytes;
    gal_model *model;
    gal_session *session;
    const float *logits;
    gal_trainer_options options = usual(0, 0);
    gal_trainer *master = make(&options, GALEN_F32, 1);
    study(master, NULL, 2);
    keep(master, &bytes);
    small_batch(GALEN_F32, 0, images, targets);
    gal_teacher *teacher = ask_at(&bytes, GAL_ISA_REFERENCE);
    assert_ok(gal_teacher_answer(teacher, SMALL_BATCH, images, &logits, &err), err);
    gal_session_options how = gal_session_default_options();
    how.max_batch = SMALL_BATCH, how.isa = GAL_ISA_REFERENCE;
    assert_ok(gal_onnx_parse(bytes.data, bytes.size, NULL, &model, &err), err);
    assert_ok(gal_session_create(model->graph, &how, &session, &err), err);
    assert_ok(gal_session_run(session, SMALL_BATCH, (const void *const[]){images}, (void *const[]){wanted}, &err), err);
    assert_memory_equal(logits, wanted, sizeof wanted);
    gal_session_destroy(session);
    gal_model_destroy(model);
    gal_teacher_close(teacher);
    gal_trainer_destroy(master);
    gal_buf_free(&bytes);
}

/* ---- what does not fit ---- */

static void refuses(const gal_buf *model, const gal_teacher_lesson *lesson, const char *says) {
    gal_teacher *t;
    assert_int_equal(gal_teacher_open(model->data, model->size, lesson, 1, gal_isa_detect(), NULL, &t, &err),
                     GALEN_ERR_ARGUMENT);
    assert_null(t);
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
}

static void strangers_are_refused(void **state) {
    (void)state;
    static const char card[] = "{\"task\": \"binary\", \"labels\": [\"no\", \"yes\"], \"positive\": \"yes\"}";
    static const char *const turned[2] = {"yes", "no"}, *const right[2] = {"no", "yes"};
    static float images[SMALL_BATCH * PIXELS], targets[SMALL_BATCH];
    double loss;
    gal_buf model;
    gal_trainer_options options = usual(1, 2);
    gal_trainer *t = make(&options, GALEN_F32, 1), *none;
    assert_int_equal(gal_trainer_run(t, SMALL_BATCH, images, targets, 0, &loss, &err), GALEN_ERR_ARGUMENT);
    assert_ok(gal_trainer_set_meta(t, "galen.card", card, &err), err);
    keep(t, &model);
    gal_teacher_lesson lesson = lesson_of(1);
    lesson.recipe.height = 24;
    refuses(&model, &lesson, "16x16");
    lesson = lesson_of(2);
    refuses(&model, &lesson, "1 numbers");
    lesson = lesson_of(1), lesson.label = turned, lesson.n_label = 2;
    refuses(&model, &lesson, "'no'");
    lesson.label = right, lesson.positive = 0;
    refuses(&model, &lesson, "positive");
    lesson = lesson_of(1), lesson.task.categorical = true;
    refuses(&model, &lesson, "separate questions");
    for (int i = 0; i < 3; i++) {
        const float bad[3][2] = {{-0.1F, 1}, {1.1F, 1}, {0.5F, -1}};
        options = usual(bad[i][0], bad[i][1]);
        gal_model *small = small_model(GALEN_F32);
        assert_int_equal(gal_trainer_create(small, &options, &none, &err), GALEN_ERR_ARGUMENT);
        gal_graph_destroy(small->graph);
        free(small);
    }
    gal_trainer_destroy(t);
    gal_buf_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_are_finite_differences),
                                       cmocka_unit_test(a_student_follows), cmocka_unit_test(needs_are_planned),
                                       cmocka_unit_test(the_level_is_the_training_s),
                                       cmocka_unit_test(strangers_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
