/* Ten steps of a small network by each optimiser, against PyTorch's in f64: losses, first gradients, final weights. */
#include "data/npz.h"
#include "train/trainer.h"

#include "train/small_net.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 10 };

typedef struct run {
    const char *optimizer;
    galen_dtype dtype;
    double tolerance;
    gal_npz *golden;
} run;

static galen_error err;

static gal_npz *read_golden(void) {
    gal_npz *npz;
    size_t size;
    unsigned char *bytes = test_read(test_shared("golden/train_small.npz"), &size);
    assert_ok(gal_npz_read(bytes, size, NULL, &npz, &err), err);
    free(bytes);
    return npz;
}

/* The largest difference from array "<optimizer>/<what>", as a part of the largest expected element or of 1. */
static double difference(const run *r, const char *what, const char *name, const galen_tensor *got) {
    char key[128];
    const galen_tensor *want;
    snprintf(key, sizeof key, "%s/%s%s", r->optimizer, what, name);
    assert_ok(gal_npz_find(r->golden, key, &want, &err), err);
    int64_t n = galen_tensor_elements(want);
    assert_int_equal(n, galen_tensor_elements(got));
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double a = ((const double *)want->data)[i];
        double b = gal_load_f64(got->dtype, (const char *)got->data + (size_t)i * galen_dtype_size(got->dtype));
        worst = fmax(worst, fabs(a - b) / fmax(1, fabs(a)));
    }
    return worst;
}

static gal_trainer *start(const run *r) {
    static const float positive = 0.5F;
    gal_model *model = small_model(r->dtype);
    gal_trainer_options options = gal_trainer_default_options();
    gal_trainer *trainer;
    options.batch = SMALL_BATCH;
    options.loss.weight = &positive;
    options.decay_all = true;
    options.optimizer = strcmp(r->optimizer, "sgd") == 0    ? GAL_OPTIMIZER_SGD
                        : strcmp(r->optimizer, "adam") == 0 ? GAL_OPTIMIZER_ADAM
                                                            : GAL_OPTIMIZER_ADAMW;
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    gal_graph_destroy(model->graph);
    free(model);
    return trainer;
}

static gal_train_hyper hyper_of(const run *r) {
    gal_train_hyper n = {.rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    if (strcmp(r->optimizer, "sgd") == 0) n.rate = 0.05;
    if (strcmp(r->optimizer, "adamw") == 0) n.decay = 0.1;
    return n;
}

static double compare(const run *r, const gal_trainer *trainer, bool gradients) {
    double worst = 0;
    for (size_t i = 0; i < gal_trainer_states(trainer); i++) {
        gal_train_state state = gal_trainer_state(trainer, i);
        bool parameter = strcmp(state.kind, "parameter") == 0;
        if (!parameter && (gradients || strcmp(state.kind, "statistic") != 0)) continue;
        galen_tensor gradient = gal_trainer_gradient(trainer, i);
        double d = difference(r, gradients ? "grad0/" : "final/", state.name, gradients ? &gradient : &state.tensor);
        if (d > r->tolerance) print_message("%s %s: %g\n", gradients ? "gradient of" : "final", state.name, d);
        worst = fmax(worst, d);
    }
    return worst;
}

static void follows_pytorch(void **state) {
    run r = *(const run *)*state;
    static double images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    double loss[STEPS], norm;
    bool skipped;
    r.golden = read_golden();
    gal_trainer *trainer = start(&r);
    gal_train_hyper hyper = hyper_of(&r);
    for (int step = 0; step < STEPS; step++) {
        small_batch(r.dtype, step, images, targets);
        assert_ok(gal_trainer_run(trainer, SMALL_BATCH, images, targets, 0, &loss[step], &err), err);
        if (step == 0) assert_true(compare(&r, trainer, true) <= r.tolerance);
        assert_ok(gal_trainer_step(trainer, &hyper, 1, &norm, &skipped, &err), err);
        assert_false(skipped);
    }
    const galen_tensor losses = {.dtype = GALEN_F64, .rank = 1, .dim = {STEPS}, .data = loss};
    double of_loss = difference(&r, "loss", "", &losses), final = compare(&r, trainer, false);
    print_message("%s %s: loss within %.2g, final weights within %.2g\n", r.optimizer, galen_dtype_name(r.dtype),
                  of_loss, final);
    assert_true(of_loss <= r.tolerance);
    assert_true(final <= r.tolerance);
    gal_trainer_destroy(trainer);
    gal_npz_free(r.golden);
}

int main(void) {
    static run runs[] = {{"sgd", GALEN_F64, 1e-6, NULL},   {"adam", GALEN_F64, 1e-6, NULL},
                         {"adamw", GALEN_F64, 1e-6, NULL}, {"sgd", GALEN_F32, 1e-4, NULL},
                         {"adam", GALEN_F32, 1e-4, NULL},  {"adamw", GALEN_F32, 1e-4, NULL}};
    struct CMUnitTest tests[sizeof runs / sizeof *runs];
    char names[sizeof runs / sizeof *runs][32];
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        snprintf(names[i], sizeof names[i], "%s %s", runs[i].optimizer, galen_dtype_name(runs[i].dtype));
        tests[i] = (struct CMUnitTest){.name = names[i], .test_func = follows_pytorch, .initial_state = &runs[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
