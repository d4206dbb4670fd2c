/* Last layers of other sizes: Gemm and MatMul with Add, activations behind them, and what has no such layer. */
#include "train/head.h"

#include "model/zoo/zoo.h"
#include "session/session.h"
#include "train/trainer.h"

#include "train/small_net.h"

#include <stdlib.h>
#include <string.h>

static galen_error err;

static void free_small(gal_model *model) {
    gal_graph_destroy(model->graph);
    free(model);
}

static void gemm_grows(void **state) {
    (void)state;
    gal_model *model = small_model(GALEN_F32);
    assert_ok(gal_train_replace_head(model, 5, 1, &err), err);
    assert_int_equal(model->graph->output[0]->shape.dim[1].size, 5);
    assert_ok(gal_graph_verify(model->graph, &err), err);
    gal_trainer_options options = gal_trainer_default_options();
    options.loss.categorical = true;
    gal_trainer *trainer;
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    assert_int_equal(gal_trainer_classes(trainer), 5);
    bool found = false;
    for (size_t i = 0; i < gal_trainer_states(trainer); i++)
        found |= strcmp(gal_trainer_state(trainer, i).name, "head.weight") == 0;
    assert_true(found);
    gal_trainer_destroy(trainer);
    free_small(model);
}

/* [N, 4] through MatMul, Add and Softmax. */
static void matmul_and_add(void **state) {
    (void)state;
    gal_model model = {0};
    small_net s = {.dtype = GALEN_F32};
    const gal_shape shape = {.rank = 2, .dim = {{1, true}, {4, false}}};
    const int64_t dim[2] = {4, 3}, three = 3;
    assert_ok(gal_graph_create("head", &s.graph, &err), err);
    gal_value *in[2];
    assert_ok(gal_graph_input(s.graph, "x", GALEN_F32, &shape, &in[0], &err), err);
    in[1] = small_constant(&s, "w", 2, dim);
    gal_value *sum[2] = {small_constant(&s, "b", 1, &three), small_node(&s, "MatMul", in, 2, NULL, 0)};
    gal_value *y = small_node(&s, "Add", sum, 2, NULL, 0);
    assert_ok(gal_graph_mark_output(s.graph, small_node(&s, "Softmax", &y, 1, NULL, 0), &err), err);
    model.graph = s.graph;
    assert_ok(gal_train_replace_head(&model, 7, 1, &err), err);
    assert_int_equal(s.graph->output[0]->shape.dim[1].size, 7);
    assert_ok(gal_graph_verify(s.graph, &err), err);
    assert_int_equal(gal_train_replace_head(&model, 0, 1, &err), GALEN_ERR_ARGUMENT);
    gal_graph_destroy(s.graph);
}

static void no_layer_is_named(void **state) {
    (void)state;
    gal_model model = {0};
    small_net s = {.dtype = GALEN_F32};
    const gal_shape shape = {.rank = 2, .dim = {{1, true}, {4, false}}};
    gal_value *x;
    assert_ok(gal_graph_create("none", &s.graph, &err), err);
    assert_ok(gal_graph_input(s.graph, "x", GALEN_F32, &shape, &x, &err), err);
    assert_ok(gal_graph_mark_output(s.graph, small_node(&s, "Relu", &x, 1, NULL, 0), &err), err);
    model.graph = s.graph;
    assert_int_equal(gal_train_replace_head(&model, 2, 1, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "(Relu)"));
    gal_graph_destroy(s.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gemm_grows), cmocka_unit_test(matmul_and_add),
                                       cmocka_unit_test(no_layer_is_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
