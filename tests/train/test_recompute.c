/*
 * Gradient checkpointing: the same bits as without it, whatever is computed again, in less memory; statistics are made
 * once, dropout draws the same, and what is kept is what was to be kept.
 */
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "train/trainer.h"

#include "train/small_net.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };

static galen_error err;
static const gal_train_hyper hyper = {
    .rate = 1e-2, .decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .average = 0.9};

typedef struct pictures {
    int64_t batch, floats; /* images, numbers of one */
    float *image, *target;
} pictures;

static pictures make_pictures(int64_t batch, int64_t floats, int64_t classes) {
    pictures p = {.batch = batch, .floats = floats};
    p.image = gal_alloc_aligned((size_t)(batch * floats) * sizeof(float));
    p.target = gal_alloc_aligned((size_t)(batch * classes) * sizeof(float));
    for (int64_t i = 0; i < batch * floats; i++)
        p.image[i] = (float)(2 * recipe_uniform(recipe_hash("pictures"), (uint64_t)i) - 1);
    for (int64_t i = 0; i < batch * classes; i++) p.target[i] = (float)(i % 3 == 0);
    return p;
}

static void free_pictures(pictures *p) {
    gal_free(p->image);
    gal_free(p->target);
}

static gal_trainer *make(const gal_model *model, const gal_trainer_options *base, int64_t segments) {
    gal_trainer_options options = *base;
    gal_trainer *trainer;
    options.segments = segments;
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    return trainer;
}

static void train(gal_trainer *trainer, const pictures *p) {
    double loss, norm;
    bool skipped;
    for (int step = 0; step < STEPS; step++) {
        assert_ok(gal_trainer_run(trainer, p->batch, p->image, p->target, step, &loss, &err), err);
        assert_ok(gal_trainer_step(trainer, &hyper, 1, &norm, &skipped, &err), err);
        assert_false(skipped);
    }
}

static void assert_same(const gal_trainer *a, const gal_trainer *b) {
    assert_int_equal(gal_trainer_states(a), gal_trainer_states(b));
    for (size_t i = 0; i < gal_trainer_states(a); i++) {
        gal_train_state x = gal_trainer_state(a, i), y = gal_trainer_state(b, i);
        if (memcmp(x.tensor.data, y.tensor.data, (size_t)galen_tensor_bytes(&x.tensor)) != 0)
            fail_msg("%s '%s' differs", x.kind, x.name);
    }
}

static size_t arena_of(const gal_trainer *trainer) {
    return gal_session_arena_bytes(gal_trainer_run_session(trainer));
}

static size_t count(const gal_trainer *trainer, const char *op, bool again) {
    const gal_session *session = gal_trainer_run_session(trainer);
    size_t n = 0;
    for (size_t i = 0; i < gal_session_steps(session); i++) {
        const gal_node *node = gal_session_step(session, i).node;
        n += strcmp(node->op->name, op) == 0 && (strstr(node->name, ".again") != NULL) == again;
    }
    return n;
}

/* Every number of segments against none, in each precision; the small network has dropout, both kinds of convolution,
 * a gate and statistics. */
static void bits_are_the_same(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    pictures p = make_pictures(SMALL_BATCH, SMALL_SIDE * SMALL_SIDE, 1);
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    options.average = true;
    options.network.dropout = 0.25F;
    for (int k = 0; k < 2; k++) {
        options.precision = k == 0 ? GALEN_F32 : GALEN_BF16;
        gal_trainer *whole = make(model, &options, 0);
        size_t copies = 0;
        train(whole, &p);
        for (int64_t segments = 2; segments < 12; segments++) {
            options.threads = (int)(segments % 3) + 1;
            gal_trainer *again = make(model, &options, segments);
            copies += count(again, "BatchNorm", true);
            train(again, &p);
            assert_same(whole, again);
            gal_trainer_destroy(again);
        }
        assert_true(copies > 0);
        gal_trainer_destroy(whole);
    }
    gal_graph_destroy(model->graph);
    free(model);
    free_pictures(&p);
}

/* A copy of a normalisation makes no statistics. */
static void copies_have_no_side_effects(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    gal_trainer *again = make(model, &options, 4);
    const gal_session *session = gal_trainer_run_session(again);
    assert_true(count(again, "BatchNorm", true) > 0);
    assert_int_equal(count(again, "BatchNorm", false), 2);
    for (size_t i = 0; i < gal_session_steps(session); i++) {
        const gal_node *node = gal_session_step(session, i).node;
        if (strcmp(node->op->name, "BatchNorm") != 0) continue;
        bool is_copy = strstr(node->name, ".again") != NULL;
        for (uint32_t o = 1; o < node->n_out; o++) assert_int_equal(node->out[o] == NULL, is_copy);
    }
    gal_trainer_destroy(again);
    gal_graph_destroy(model->graph);
    free(model);
}

static gal_model *from_zoo(const char *name, int side) {
    gal_model *model;
    const gal_zoo_options zoo = {.channels = 3, .height = side, .width = side, .classes = 2, .seed = 1};
    assert_ok(gal_zoo_build(name, &zoo, NULL, &model, &err), err);
    return model;
}

/* The arena in `segments`, as a share of the one that keeps everything; the bits are compared on the way. */
static double share_of(const char *name, int side, int64_t batch, galen_dtype precision, int64_t segments) {
    gal_model *model = from_zoo(name, side);
    pictures p = make_pictures(batch, (int64_t)3 * side * side, 2);
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = batch;
    options.precision = precision;
    options.loss.categorical = false;
    gal_trainer *whole = make(model, &options, 0), *again = make(model, &options, segments);
    double loss[2];
    assert_ok(gal_trainer_run(whole, batch, p.image, p.target, 1, &loss[0], &err), err);
    assert_ok(gal_trainer_run(again, batch, p.image, p.target, 1, &loss[1], &err), err);
    assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
    for (size_t i = 0; i < gal_trainer_states(whole); i++) {
        galen_tensor x = gal_trainer_gradient(whole, i), y = gal_trainer_gradient(again, i);
        if (x.data != NULL && memcmp(x.data, y.data, (size_t)galen_tensor_bytes(&x)) != 0)
            fail_msg("%s: the gradient of '%s' differs", name, gal_trainer_state(whole, i).name);
    }
    assert_same(whole, again);
    size_t before = arena_of(whole), after = arena_of(again);
    print_message("%s at %d by %d images, %s: %.1f MiB, in %d segments %.1f MiB\n", name, side, (int)batch,
                  galen_dtype_name(precision), (double)before / (1 << 20), (int)segments, (double)after / (1 << 20));
    gal_trainer_destroy(whole);
    gal_trainer_destroy(again);
    gal_model_destroy(model);
    free_pictures(&p);
    return (double)after / (double)before;
}

static void memory_falls(void **state) {
    (void)state;
    assert_true(share_of("resnet18", 32, 8, GALEN_F32, 8) < 0.8);
    assert_true(share_of("resnet18", 32, 8, GALEN_BF16, 8) < 0.8);
    assert_true(share_of("densenet121", 32, 4, GALEN_F32, 64) < 0.5);
    assert_true(share_of("densenet121", 32, 4, GALEN_BF16, 64) < 0.55);
    assert_true(share_of("mobilenet_v2", 32, 4, GALEN_F32, 16) < 0.6);
}

/* More segments than there are places to cut, and none at all. */
static void any_number_is_taken(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    pictures p = make_pictures(SMALL_BATCH, SMALL_SIDE * SMALL_SIDE, 1);
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    gal_trainer *whole = make(model, &options, 1), *most = make(model, &options, 1000000);
    train(whole, &p);
    train(most, &p);
    assert_same(whole, most);
    gal_trainer_destroy(whole);
    gal_trainer_destroy(most);
    gal_graph_destroy(model->graph);
    free(model);
    free_pictures(&p);
}

/* Out of memory in the rewrite is an error like any other. */
static void memory_runs_out(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options options = gal_trainer_default_options();
    options.batch = SMALL_BATCH;
    options.threads = 1;
    options.segments = 4;
    galen_status status = GALEN_ERR_MEMORY;
    for (long n = 1; status != GALEN_OK; n += 1 + n / 32) {
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_the_same),
                                       cmocka_unit_test(copies_have_no_side_effects), cmocka_unit_test(memory_falls),
                                       cmocka_unit_test(any_number_is_taken), cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
