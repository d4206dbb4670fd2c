/*
 * Trainers: the same bits for any number of threads, gradients of several runs, skipped steps, loss scaling, freezing,
 * averages, export, and checkpoints that go on bit for bit or are refused.
 */
#include "base/file.h"
#include "session/session.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include "train/small_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;
static const gal_train_hyper hyper = {
    .rate = 1e-2, .decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .average = 0.9};

static gal_trainer *make(const gal_trainer_options *options) {
    gal_model *model = small_model(GALEN_F32);
    gal_trainer *trainer;
    assert_ok(gal_trainer_create(model, options, &trainer, &err), err);
    gal_graph_destroy(model->graph);
    free(model);
    return trainer;
}

static gal_trainer_options usual(void) {
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    options.optimizer = GAL_OPTIMIZER_ADAMW;
    options.average = true;
    options.network.dropout = 0.25F;
    return options;
}

static void train(gal_trainer *trainer, int from, int to) {
    static float images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    double loss, norm;
    bool skipped;
    for (int step = from; step < to; step++) {
        small_batch(GALEN_F32, step, images, targets);
        assert_ok(gal_trainer_run(trainer, SMALL_BATCH, images, targets, step, &loss, &err), err);
        assert_ok(gal_trainer_step(trainer, &hyper, 1, &norm, &skipped, &err), err);
        assert_false(skipped);
    }
}

static void assert_same(const gal_trainer *a, const gal_trainer *b) {
    assert_int_equal(gal_trainer_states(a), gal_trainer_states(b));
    assert_int_equal(gal_trainer_steps(a), gal_trainer_steps(b));
    for (size_t i = 0; i < gal_trainer_states(a); i++) {
        gal_train_state x = gal_trainer_state(a, i), y = gal_trainer_state(b, i);
        assert_string_equal(x.name, y.name);
        assert_string_equal(x.kind, y.kind);
        if (memcmp(x.tensor.data, y.tensor.data, (size_t)galen_tensor_bytes(&x.tensor)) != 0)
            fail_msg("%s '%s' differs", x.kind, x.name);
    }
}

static void threads_do_not_matter(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    options.threads = 1;
    gal_trainer *one = make(&options);
    train(one, 0, 4);
    for (int threads = 2; threads <= 3; threads++) {
        options.threads = threads;
        gal_trainer *other = make(&options);
        train(other, 0, 4);
        assert_same(one, other);
        gal_trainer_destroy(other);
    }
    gal_trainer_destroy(one);
}

/* Two halves of a batch, averaged, are the whole batch: in a network whose normalisation is frozen. */
static void runs_add_up(void **state) {
    (void)state;
    static float images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    static const char *const frozen[] = {"bn1", "bn2"};
    gal_trainer_options options = usual();
    double loss, norm, halves;
    bool skipped;
    options.network = (gal_train_network_options){.frozen = frozen, .n_frozen = 2};
    gal_trainer *whole = make(&options);
    options.accumulate = true;
    gal_trainer *half = make(&options);
    for (int step = 0; step < 3; step++) {
        small_batch(GALEN_F32, step, images, targets);
        assert_ok(gal_trainer_run(whole, SMALL_BATCH, images, targets, 0, &loss, &err), err);
        assert_ok(gal_trainer_step(whole, &hyper, 1, &norm, &skipped, &err), err);
        for (int k = 0; k < 2; k++)
            assert_ok(gal_trainer_run(half, SMALL_BATCH / 2, images + k * SMALL_BATCH / 2 * SMALL_SIDE * SMALL_SIDE,
                                      targets + k * SMALL_BATCH / 2, 0, &loss, &err),
                      err);
        assert_ok(gal_trainer_step(half, &hyper, 2, &halves, &skipped, &err), err);
        assert_true(fabs(halves - norm) < 1e-3 * norm);
    }
    gal_trainer_destroy(whole);
    gal_trainer_destroy(half);
}

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

static void nan_is_skipped(void **state) {
    (void)state;
    static float images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    gal_trainer_options options = usual();
    gal_trainer *hurt = make(&options), *healthy = make(&options);
    double loss, norm;
    bool skipped;
    train(hurt, 0, 2);
    train(healthy, 0, 2);
    small_batch(GALEN_F32, 2, images, targets);
    images[77] = NAN;
    assert_ok(gal_trainer_run(hurt, SMALL_BATCH, images, targets, 0, &loss, &err), err);
    assert_true(isnan(loss));
    assert_ok(gal_trainer_step(hurt, &hyper, 1, &norm, &skipped, &err), err);
    assert_true(skipped);
    assert_same(hurt, healthy);
    train(hurt, 2, 4);
    train(healthy, 2, 4);
    assert_same(hurt, healthy);
    gal_trainer_destroy(hurt);
    gal_trainer_destroy(healthy);
}

/* Frozen layers are no states and are exported as they were. */
static void frozen_stays(void **state) {
    (void)state;
    static const char *const frozen[] = {"conv1", "bn1"};
    gal_trainer_options options = usual();
    options.network.frozen = frozen, options.network.n_frozen = 2;
    gal_trainer *trainer = make(&options);
    for (size_t i = 0; i < gal_trainer_states(trainer); i++) {
        const char *name = gal_trainer_state(trainer, i).name;
        assert_false(begins(name, "conv1") || begins(name, "bn1"));
    }
    train(trainer, 0, 2);
    gal_model *model = small_model(GALEN_F32), *trained;
    gal_buf file;
    gal_buf_init(&file, 1 << 24);
    assert_ok(gal_trainer_export(trainer, false, &file, &err), err);
    assert_ok(gal_onnx_parse(file.data, file.size, NULL, &trained, &err), err);
    static const char *const same[] = {"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const galen_tensor *was = gal_graph_find(model->graph, same[i])->constant;
        assert_memory_equal(gal_graph_find(trained->graph, same[i])->constant->data, was->data,
                            galen_tensor_bytes(was));
    }
    const galen_tensor *moves = gal_graph_find(model->graph, "bn2.running_mean")->constant;
    assert_memory_not_equal(gal_graph_find(trained->graph, "bn2.running_mean")->constant->data, moves->data,
                            galen_tensor_bytes(moves));
    gal_model_destroy(trained);
    gal_buf_free(&file);
    static const char *const everything[] = {""}, *const nothing[] = {"conv1", "banana"};
    options.network.frozen = nothing;
    gal_trainer *refused;
    assert_int_equal(gal_trainer_create(model, &options, &refused, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'banana'"));
    assert_non_null(strstr(err.message, "one is called 'fc."));
    options.network.frozen = everything, options.network.n_frozen = 1;
    gal_trainer *none;
    assert_int_equal(gal_trainer_create(model, &options, &none, &err), GALEN_ERR_ARGUMENT);
    assert_null(none);
    gal_graph_destroy(model->graph);
    free(model);
    gal_trainer_destroy(trainer);
}

/* The exported file holds the parameters, or their average, under their own names. */
static void export_holds_the_weights(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    gal_trainer *trainer = make(&options);
    train(trainer, 0, 3);
    for (int averaged = 0; averaged < 2; averaged++) {
        gal_buf file;
        gal_model *model;
        gal_buf_init(&file, 1 << 24);
        assert_ok(gal_trainer_export(trainer, averaged != 0, &file, &err), err);
        assert_ok(gal_onnx_parse(file.data, file.size, NULL, &model, &err), err);
        for (size_t i = 0; i < gal_trainer_states(trainer); i++) {
            gal_train_state s = gal_trainer_state(trainer, i);
            if (strcmp(s.kind, averaged ? "average" : "parameter") != 0 && strcmp(s.kind, "statistic") != 0) continue;
            const gal_value *value = gal_graph_find(model->graph, s.name);
            assert_non_null(value);
            assert_memory_equal(value->constant->data, s.tensor.data, galen_tensor_bytes(&s.tensor));
        }
        gal_model_destroy(model);
        gal_buf_free(&file);
    }
    gal_trainer_destroy(trainer);
}

/* Two layers whose biases begin alike and are one constant in the file, as PyTorch writes them. */
static gal_model *model_of_one_bias(void) {
    small_net s = {.dtype = GALEN_F32};
    gal_model *model = calloc(1, sizeof *model);
    const gal_shape image = {.rank = 4, .dim = {{1, true}, {1, false}, {2, false}, {2, false}}};
    const int64_t square[2] = {4, 4}, four = 4;
    gal_value *x;
    assert_non_null(model);
    assert_ok(gal_graph_create("one bias", &s.graph, &s.err), s.err);
    assert_ok(gal_graph_input(s.graph, "image", GALEN_F32, &image, &x, &s.err), s.err);
    gal_value *bias = small_constant(&s, "fc1.bias", 1, &four);
    gal_value *first[3] = {small_node(&s, "Flatten", &x, 1, NULL, 0), small_constant(&s, "fc1.weight", 2, square),
                           bias};
    gal_value *hidden = small_node(&s, "Gemm", first, 3, NULL, 0);
    gal_value *last[3] = {small_node(&s, "Relu", &hidden, 1, NULL, 0), small_constant(&s, "fc2.weight", 2, square),
                          small_node(&s, "Identity", &bias, 1, NULL, 0)};
    assert_ok(gal_graph_mark_output(s.graph, small_node(&s, "Gemm", last, 3, NULL, 0), &s.err), s.err);
    model->graph = s.graph;
    return model;
}

static void weights_that_begin_alike_part(void **state) {
    (void)state;
    gal_model *model = model_of_one_bias(), *trained;
    gal_trainer_options options = gal_trainer_default_options();
    gal_trainer *trainer;
    gal_buf file;
    const float images[4] = {0.5F, -1, 2, 1}, targets[4] = {1, 0, 1, 1};
    double loss, norm;
    bool skipped;
    size_t biases = 0;
    const float *bias[2] = {NULL, NULL};
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    for (int step = 0; step < 3; step++) {
        assert_ok(gal_trainer_run(trainer, 1, images, targets, step, &loss, &err), err);
        assert_ok(gal_trainer_step(trainer, &hyper, 1, &norm, &skipped, &err), err);
    }
    gal_buf_init(&file, 1 << 20);
    assert_ok(gal_trainer_export(trainer, false, &file, &err), err);
    assert_ok(gal_onnx_parse(file.data, file.size, NULL, &trained, &err), err);
    for (size_t i = 0; i < gal_trainer_states(trainer); i++) {
        gal_train_state s = gal_trainer_state(trainer, i);
        if (strcmp(s.kind, "parameter") != 0 || s.tensor.rank != 1) continue;
        const gal_value *value = gal_graph_find(trained->graph, s.name);
        assert_non_null(value);
        assert_memory_equal(value->constant->data, s.tensor.data, galen_tensor_bytes(&s.tensor));
        if (biases < 2) bias[biases] = s.tensor.data;
        biases++;
    }
    assert_int_equal(biases, 2);
    assert_memory_not_equal(bias[0], bias[1], 4 * sizeof(float));
    gal_model_destroy(trained);
    gal_buf_free(&file);
    gal_trainer_destroy(trainer);
    gal_graph_destroy(model->graph);
    free(model);
}

static const char *file_name(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", test_tmp());
    return path;
}

/*
 * How far the gradients of two trainers' first runs lie apart, as a part of their length. Without conv1: in front of
 * the pool a rounding may make another pixel the largest.
 */
static double gradients_apart(gal_trainer *a, gal_trainer *b) {
    static float images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    double loss, far = 0, all = 0;
    small_batch(GALEN_F32, 0, images, targets);
    assert_ok(gal_trainer_run(a, SMALL_BATCH, images, targets, 0, &loss, &err), err);
    assert_ok(gal_trainer_run(b, SMALL_BATCH, images, targets, 0, &loss, &err), err);
    for (size_t i = 0; i < gal_trainer_states(a); i++) {
        galen_tensor x = gal_trainer_gradient(a, i), y = gal_trainer_gradient(b, i);
        if (begins(gal_trainer_state(a, i).name, "conv1")) continue;
        for (int64_t k = 0; x.data != NULL && k < galen_tensor_elements(&x); k++) {
            double v = ((float *)x.data)[k] / gal_trainer_scale(a), w = ((float *)y.data)[k] / gal_trainer_scale(b);
            far += (v - w) * (v - w), all += v * v;
        }
    }
    return sqrt(far / all);
}

/* In 16 bits a run is near the one in f32, steps change f32 weights, and threads and checkpoints change no bit. */
static void half_is_near(galen_dtype precision, double of_gradient, double of_way) {
    gal_trainer_options options = usual();
    options.network.dropout = 0;
    gal_trainer *wide = make(&options);
    options.precision = precision;
    options.threads = 1;
    gal_trainer *narrow = make(&options);
    options.threads = 3;
    gal_trainer *other = make(&options);
    train(wide, 0, 5);
    train(narrow, 0, 5);
    train(other, 0, 5);
    assert_same(narrow, other);
    double far = 0, moved = 0;
    gal_trainer *start = make(&options);
    options.precision = GALEN_F32;
    gal_trainer *exact = make(&options);
    double apart = gradients_apart(exact, start);
    gal_trainer_destroy(exact);
    for (size_t i = 0; i < gal_trainer_states(wide); i++) {
        gal_train_state a = gal_trainer_state(wide, i), b = gal_trainer_state(narrow, i),
                        c = gal_trainer_state(start, i);
        if (strcmp(a.kind, "parameter") != 0) continue;
        assert_int_equal(b.tensor.dtype, GALEN_F32);
        for (int64_t k = 0; k < galen_tensor_elements(&a.tensor); k++) {
            double x = ((float *)a.tensor.data)[k], y = ((float *)b.tensor.data)[k], z = ((float *)c.tensor.data)[k];
            far += (x - y) * (x - y), moved += (x - z) * (x - z);
        }
    }
    print_message("%s: first gradients %.4f off, five steps end %.4f of their way from f32\n",
                  galen_dtype_name(precision), apart, sqrt(far / moved));
    assert_true(apart < of_gradient);
    assert_true(moved > 0 && sqrt(far / moved) < of_way);
    char *notes;
    assert_ok(gal_checkpoint_write(narrow, file_name(), "{}", &err), err);
    assert_ok(gal_checkpoint_read(start, file_name(), &notes, &err), err);
    gal_free(notes);
    train(narrow, 5, 7);
    train(start, 5, 7);
    assert_same(narrow, start);
    gal_trainer_destroy(wide);
    gal_trainer_destroy(narrow);
    gal_trainer_destroy(other);
    gal_trainer_destroy(start);
}

static void bf16_is_near(void **state) {
    (void)state;
    half_is_near(GALEN_BF16, 0.02, 0.15);
}

static void f16_is_near(void **state) {
    (void)state;
    half_is_near(GALEN_F16, 0.003, 0.1);
}

/* ---- loss scaling ---- */

static gal_train_state scale_state(const gal_trainer *t) {
    gal_train_state last = gal_trainer_state(t, gal_trainer_states(t) - 1);
    assert_string_equal(last.kind, "scale");
    return last;
}

/* One step; whether it was skipped. */
static bool try_step(gal_trainer *t, int step, double *norm) {
    static float images[SMALL_BATCH * SMALL_SIDE * SMALL_SIDE], targets[SMALL_BATCH];
    double loss;
    bool skipped;
    small_batch(GALEN_F32, step, images, targets);
    assert_ok(gal_trainer_run(t, SMALL_BATCH, images, targets, step, &loss, &err), err);
    assert_true(isfinite(loss));
    assert_ok(gal_trainer_step(t, &hyper, 1, norm, &skipped, &err), err);
    return skipped;
}

/* A scale that f16 cannot hold costs steps, which change nothing but the scale, until one fits. */
static void overflow_recovers(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    gal_trainer *healthy = make(&options);
    options.precision = GALEN_F16, options.loss_scale = 0x1p24F;
    gal_trainer *t = make(&options), *start = make(&options);
    double norm, expected = 0x1p24;
    int skipped = 0;
    for (; skipped < 60 && try_step(t, 0, &norm); skipped++) {
        expected = (float)(expected * 0.7);
        assert_int_equal(gal_trainer_steps(t), 0);
        for (size_t i = 0; i + 1 < gal_trainer_states(t); i++) {
            gal_train_state a = gal_trainer_state(t, i), b = gal_trainer_state(start, i);
            assert_memory_equal(a.tensor.data, b.tensor.data, galen_tensor_bytes(&a.tensor));
        }
    }
    print_message("%d steps skipped, down to a scale of %g\n", skipped, gal_trainer_scale(t));
    assert_in_range(skipped, 1, 59);
    assert_true(gal_trainer_scale(t) == expected);
    assert_int_equal(gal_trainer_steps(t), 1);
    double unscaled;
    assert_false(try_step(healthy, 0, &unscaled));
    assert_true(fabs(norm - unscaled) < 0.02 * unscaled);
    train(t, 1, 4);
    gal_trainer_destroy(t);
    gal_trainer_destroy(start);
    gal_trainer_destroy(healthy);
}

/* The thousandth good step in a row makes the scale larger, also when a checkpoint lies between. */
static void scale_grows(void **state) {
    (void)state;
    char *notes;
    double norm;
    gal_trainer_options options = usual();
    options.precision = GALEN_F16;
    gal_trainer *first = make(&options), *second = make(&options);
    assert_true(gal_trainer_scale(first) == 4096);
    train(first, 0, 1);
    double *kept = scale_state(first).tensor.data;
    assert_true(kept[0] == 4096 && kept[1] == 1);
    kept[1] = 998;
    train(first, 1, 2);
    assert_ok(gal_checkpoint_write(first, file_name(), "{}", &err), err);
    assert_ok(gal_checkpoint_read(second, file_name(), &notes, &err), err);
    gal_free(notes);
    assert_true(gal_trainer_scale(second) == 4096);
    assert_false(try_step(first, 2, &norm) || try_step(second, 2, &norm));
    assert_true(gal_trainer_scale(second) == 6144);
    train(first, 3, 5);
    train(second, 3, 5);
    assert_same(first, second);
    gal_trainer_destroy(first);
    gal_trainer_destroy(second);
    options.loss_scale = -1;
    gal_model *model = small_model(GALEN_F32);
    assert_int_equal(gal_trainer_create(model, &options, &first, &err), GALEN_ERR_ARGUMENT);
    gal_graph_destroy(model->graph);
    free(model);
}

/* ---- checkpoints ---- */

static void checkpoint_goes_on(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    gal_trainer *first = make(&options), *second = make(&options);
    char *notes;
    train(first, 0, 3);
    assert_ok(gal_checkpoint_write(first, file_name(), "{\"epoch\": 3}", &err), err);
    train(first, 3, 6);
    train(second, 50, 52); /* whatever it held before */
    assert_ok(gal_checkpoint_read(second, file_name(), &notes, &err), err);
    assert_string_equal(notes, "{\"epoch\": 3}");
    assert_int_equal(gal_trainer_steps(second), 3);
    gal_free(notes);
    train(second, 3, 6);
    assert_same(first, second);
    gal_trainer_destroy(first);
    gal_trainer_destroy(second);
}

static void expect_refusal(gal_trainer *t, const unsigned char *bytes, size_t size, const char *says) {
    char *notes;
    gal_trainer_options options = usual();
    gal_trainer *before = make(&options);
    assert_ok(gal_file_write(file_name(), bytes, size, &err), err);
    assert_int_not_equal(gal_checkpoint_read(t, file_name(), &notes, &err), GALEN_OK);
    assert_null(notes);
    assert_non_null(strstr(err.message, "checkpoint.safetensors"));
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
    assert_same(t, before);
    gal_trainer_destroy(before);
}

static void bad_checkpoints_are_refused(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    gal_trainer *t = make(&options);
    size_t size;
    assert_ok(gal_checkpoint_write(t, file_name(), "{}", &err), err);
    unsigned char *good = test_read(file_name(), &size), *bad = malloc(size);
    for (size_t cut = 0; cut < size; cut += size / 13) expect_refusal(t, good, cut, "");
    memcpy(bad, good, size);
    bad[size - 100] ^= 1;
    expect_refusal(t, bad, size, "damaged");
    options.optimizer = GAL_OPTIMIZER_SGD;
    gal_trainer *other = make(&options);
    assert_ok(gal_checkpoint_write(other, file_name(), "{}", &err), err);
    free(bad);
    bad = test_read(file_name(), &size);
    expect_refusal(t, bad, size, "another network or optimiser");
    free(bad);
    free(good);
    gal_trainer_destroy(other);
    gal_trainer_destroy(t);
}

/* Out of memory anywhere is an error like any other, and nothing is lost or leaked. */
static void memory_runs_out(void **state) {
    (void)state;
    gal_trainer_options options = usual();
    gal_model *model = small_model(GALEN_F32);
    options.threads = 1;
    galen_status status = GALEN_ERR_MEMORY;
    for (long n = 1; status != GALEN_OK; n += 1 + n / 16) {
        gal_trainer *t;
        test_fail_allocation(n, 1);
        status = gal_trainer_create(model, &options, &t, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_trainer_destroy(t);
    }
    gal_graph_destroy(model->graph);
    free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_do_not_matter),
                                       cmocka_unit_test(runs_add_up),
                                       cmocka_unit_test(nan_is_skipped),
                                       cmocka_unit_test(bf16_is_near),
                                       cmocka_unit_test(f16_is_near),
                                       cmocka_unit_test(overflow_recovers),
                                       cmocka_unit_test(scale_grows),
                                       cmocka_unit_test(frozen_stays),
                                       cmocka_unit_test(export_holds_the_weights),
                                       cmocka_unit_test(weights_that_begin_alike_part),
                                       cmocka_unit_test(checkpoint_goes_on),
                                       cmocka_unit_test(bad_checkpoints_are_refused),
                                       cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
