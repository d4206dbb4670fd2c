/*
 * The loop: it learns, a training cut off at any step and resumed ends with the same bits, patience and schedules stop
 * and slow it, and wrong folders and sources are refused.
 */
#include "base/file.h"
#include "train/fit.h"

#include "train/small_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCHES = 6, EPOCHS = 4, PIXELS = SMALL_SIDE * SMALL_SIDE };

static galen_error err;

/* Six batches an epoch, each epoch in an order of its own; the last one is half as large. */
typedef struct pictures {
    int64_t epoch, at;
    int first; /* number of the first batch of the recipe */
    float image[SMALL_BATCH * PIXELS], target[SMALL_BATCH];
} pictures;

static galen_status start(void *context, int64_t epoch, galen_error *e) {
    (void)e;
    pictures *p = context;
    p->epoch = epoch;
    p->at = 0;
    return GALEN_OK;
}

static galen_status next(void *context, gal_train_batch *out, galen_error *e) {
    (void)e;
    pictures *p = context;
    *out = (gal_train_batch){.images = p->image, .targets = p->target};
    if (p->at == BATCHES) return GALEN_OK;
    int64_t which = (p->at * (p->epoch % 2 == 0 ? 1 : 5) + p->epoch) % BATCHES;
    small_batch(GALEN_F32, p->first + (int)which, p->image, p->target);
    out->count = ++p->at == BATCHES ? SMALL_BATCH / 2 : SMALL_BATCH;
    return GALEN_OK;
}

static gal_train_source source_of(pictures *p) {
    return (gal_train_source){p, BATCHES * SMALL_BATCH - SMALL_BATCH / 2, start, next};
}

static gal_trainer *make(int threads) {
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options options = gal_trainer_default_options();
    gal_trainer *trainer;
    options.batch = SMALL_BATCH;
    options.threads = threads;
    options.average = true;
    options.network.dropout = 0.1F;
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    gal_graph_destroy(model->graph);
    free(model);
    return trainer;
}

static gal_fit_options usual(const char *folder) {
    return (gal_fit_options){.schedule = {.kind = GAL_SCHEDULE_COSINE, .rate = 0.02, .floor = 0.01},
                             .hyper = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .max_norm = 5, .average = 0.9},
                             .epochs = EPOCHS,
                             .sensitivity = 0.9,
                             .folder = folder,
                             .card =
                                 "{\"task\": \"binary\", \"labels\": [\"lower\", \"upper\"], \"positive\": \"upper\"}"};
}

static const char *folder_of(const char *name) {
    static char path[4][4096];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", test_tmp(), name);
    mkdir(out, 0777);
    return out;
}

typedef struct ended {
    gal_fit_result result;
    gal_buf model;
    gal_trainer *trainer;
} ended;

/* `judged`: the first batch of the recipe that the validation pictures are made of. */
static ended fit_judged(const gal_fit_options *options, int threads, int judged) {
    static pictures train, val;
    ended e = {.trainer = make(threads)};
    train = (pictures){.first = 0}, val = (pictures){.first = judged};
    gal_train_source from = source_of(&train), check = source_of(&val);
    gal_buf_init(&e.model, 1 << 24);
    assert_ok(gal_fit(e.trainer, &from, &check, options, &e.model, &e.result, &err), err);
    return e;
}

static ended fit(const gal_fit_options *options, int threads) {
    return fit_judged(options, threads, 50);
}

static void finish(ended *e) {
    gal_trainer_destroy(e->trainer);
    gal_buf_free(&e->model);
}

static void assert_same_file(const char *a, const char *b, const char *name) {
    char path[2][4200];
    size_t size[2];
    snprintf(path[0], sizeof path[0], "%s/%s", a, name);
    snprintf(path[1], sizeof path[1], "%s/%s", b, name);
    unsigned char *x = test_read(path[0], &size[0]), *y = test_read(path[1], &size[1]);
    assert_int_equal(size[0], size[1]);
    if (memcmp(x, y, size[0]) != 0) fail_msg("%s differs", name);
    free(x);
    free(y);
}

/* Noise has nothing to be learnt but by heart. */
static void it_learns(void **state) {
    (void)state;
    gal_fit_options options = usual(NULL);
    options.epochs = 40;
    ended e = fit_judged(&options, 0, 0);
    assert_int_equal(e.result.epochs, 40);
    assert_int_equal(e.result.steps, 40 * BATCHES);
    print_message("AUC %.3f, accuracy %.3f\n", e.result.best.auc, e.result.best.accuracy);
    assert_true(e.result.best.auc > 0.9);
    assert_true(e.result.has_point && e.result.point.sensitivity >= 0.9);
    finish(&e);
}

/* A stop after any number of steps. */
typedef struct stopper {
    int64_t after;
    volatile sig_atomic_t stop;
} stopper;

static void count_down(void *context, const gal_fit_progress *progress) {
    stopper *s = context;
    if (progress->score == NULL && --s->after == 0) s->stop = 1;
}

static void count_steps(void *context, const gal_fit_progress *progress) {
    *(int64_t *)context += !progress->ended;
}

static void resume_gives_the_same_bits(void **state) {
    (void)state;
    const char *whole = folder_of("whole");
    gal_fit_options options = usual(whole);
    ended all = fit(&options, 2);
    static const int64_t stops[] = {1, 5, 6, 7, 15, 23};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        char name[16];
        snprintf(name, sizeof name, "cut%zu", i);
        const char *cut = folder_of(name);
        stopper s = {.after = stops[i]};
        options = usual(cut);
        options.progress = count_down, options.context = &s, options.stop = &s.stop;
        ended first = fit(&options, 1);
        assert_true(first.result.interrupted);
        finish(&first);
        options = usual(cut);
        options.resume = true;
        ended second = fit(&options, 2);
        assert_false(second.result.interrupted);
        assert_int_equal(second.result.steps, all.result.steps);
        assert_int_equal(second.result.best_epoch, all.result.best_epoch);
        assert_int_equal(second.model.size, all.model.size);
        assert_memory_equal(second.model.data, all.model.data, all.model.size);
        assert_same_file(whole, cut, "last.safetensors");
        assert_same_file(whole, cut, "best.onnx");
        finish(&second);
    }
    finish(&all);
}

static void patience_stops(void **state) {
    (void)state;
    gal_fit_options options = usual(NULL);
    options.epochs = 50;
    options.patience = 2;
    options.schedule.rate = 0; /* only statistics move, and settle */
    ended e = fit(&options, 1);
    assert_true(e.result.stopped_early);
    assert_int_equal(e.result.epochs, e.result.best_epoch + 2);
    finish(&e);
}

/* Killed after its last checkpoint, a training that patience had stopped must not go on. */
static void an_ended_training_stays_ended(void **state) {
    (void)state;
    const char *folder = folder_of("ended");
    gal_fit_options options = usual(folder);
    options.epochs = 50;
    options.patience = 2;
    options.schedule.rate = 0;
    ended first = fit(&options, 1);
    assert_true(first.result.stopped_early);
    options.resume = true;
    ended second = fit(&options, 1);
    assert_true(second.result.stopped_early);
    assert_false(second.result.interrupted);
    assert_int_equal(second.result.epochs, first.result.epochs);
    assert_int_equal(second.result.steps, first.result.steps);
    assert_int_equal(second.model.size, first.model.size);
    assert_memory_equal(second.model.data, first.model.data, first.model.size);
    finish(&first);
    finish(&second);
}

/* Copies the folder as it is on disk after some steps, as if the process had been killed there. */
typedef struct snapshot {
    const char *from, *to;
    int64_t after;
} snapshot;

static void copy_file(const snapshot *s, const char *name) {
    char path[4200];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", s->from, name);
    if (access(path, F_OK) != 0) return;
    unsigned char *bytes = test_read(path, &size);
    snprintf(path, sizeof path, "%s/%s", s->to, name);
    assert_ok(gal_file_write(path, bytes, size, &err), err);
    free(bytes);
}

static void take_snapshot(void *context, const gal_fit_progress *progress) {
    snapshot *s = context;
    if (progress->ended || --s->after != 0) return;
    copy_file(s, "last.safetensors");
    copy_file(s, "best.onnx");
    copy_file(s, "log.jsonl");
}

static void checkpoints_within_an_epoch(void **state) {
    (void)state;
    static const int64_t after[] = {2, 5, 10, 20}; /* of 24: the checkpoint there is of the step before */
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        char whole[16], cut[16];
        snprintf(whole, sizeof whole, "long%zu", i);
        snprintf(cut, sizeof cut, "killed%zu", i);
        snapshot s = {folder_of(whole), folder_of(cut), after[i]};
        gal_fit_options options = usual(s.from);
        options.save_seconds = 1e-9;
        options.progress = take_snapshot, options.context = &s;
        ended all = fit(&options, 1);
        options = usual(s.to);
        options.resume = true;
        int64_t made = 0;
        options.progress = count_steps, options.context = &made;
        ended rest = fit(&options, 2);
        assert_int_equal(made, EPOCHS * BATCHES - (after[i] - 1));
        assert_same_file(s.from, s.to, "last.safetensors");
        assert_same_file(s.from, s.to, "best.onnx");
        finish(&all);
        finish(&rest);
    }
}

/* Two batches a step give half as many steps. */
static void batches_may_share_a_step(void **state) {
    (void)state;
    static pictures train;
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options how = gal_trainer_default_options();
    gal_fit_options options = usual(NULL);
    gal_trainer *trainer;
    gal_buf out;
    gal_fit_result result;
    how.batch = SMALL_BATCH, how.accumulate = true;
    options.runs_a_step = 4; /* of 6 batches: 4 and 2 */
    assert_ok(gal_trainer_create(model, &how, &trainer, &err), err);
    gal_train_source from = source_of(&train);
    gal_buf_init(&out, 1 << 24);
    assert_ok(gal_fit(trainer, &from, NULL, &options, &out, &result, &err), err);
    assert_int_equal(result.steps, 2 * EPOCHS);
    assert_int_equal(result.best_epoch, EPOCHS);
    gal_buf_free(&out);
    gal_trainer_destroy(trainer);
    gal_graph_destroy(model->graph);
    free(model);
}

static void expect_refusal(const gal_fit_options *options, const char *says) {
    static pictures train;
    gal_trainer *trainer = make(1);
    gal_train_source from = source_of(&train);
    gal_buf out;
    gal_fit_result result;
    gal_buf_init(&out, 1 << 24);
    assert_int_not_equal(gal_fit(trainer, &from, NULL, options, &out, &result, &err), GALEN_OK);
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
    gal_buf_free(&out);
    gal_trainer_destroy(trainer);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    gal_fit_options options = usual(NULL);
    options.epochs = 0;
    expect_refusal(&options, "0 epochs");
    options = usual(NULL);
    options.resume = true;
    expect_refusal(&options, "run folder");
    options = usual("/nowhere/at/all");
    expect_refusal(&options, "/nowhere/at/all");
    const char *folder = folder_of("damaged");
    options = usual(folder);
    ended e = fit(&options, 1);
    finish(&e);
    char path[4200];
    size_t size;
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    unsigned char *bytes = test_read(path, &size);
    bytes[size - 20] ^= 4;
    assert_ok(gal_file_write(path, bytes, size, &err), err);
    free(bytes);
    options.resume = true;
    expect_refusal(&options, "damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_learns),
                                       cmocka_unit_test(resume_gives_the_same_bits),
                                       cmocka_unit_test(patience_stops),
                                       cmocka_unit_test(an_ended_training_stays_ended),
                                       cmocka_unit_test(checkpoints_within_an_epoch),
                                       cmocka_unit_test(batches_may_share_a_step),
                                       cmocka_unit_test(what_is_wrong_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
