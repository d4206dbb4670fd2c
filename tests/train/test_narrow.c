/* Mixed precision: which convolutions of a network are computed in 16 bits. */
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "pass/rewrite.h"
#include "session/session.h"
#include "train/trainer.h"

#include "train/small_net.h"

/* Convolutions and weight gradients of a run that read f32. */
static int wide_products(const char *network, int channels, galen_dtype precision) {
    gal_zoo_options zoo = {.channels = channels, .height = 32, .width = 32, .classes = 2, .seed = 1};
    gal_trainer_options options = gal_trainer_default_options();
    gal_model *model;
    gal_trainer *t;
    galen_error err;
    int wide = 0;
    options.precision = precision;
    options.loss.categorical = true;
    assert_ok(gal_zoo_build(network, &zoo, NULL, &model, &err), err);
    assert_ok(gal_trainer_create(model, &options, &t, &err), err);
    const gal_session *run = gal_trainer_run_session(t);
    for (size_t i = 0; i < gal_session_steps(run); i++) {
        const gal_node *node = gal_session_step(run, i).node;
        bool product = gal_is_op(node, "galen", "Conv") || gal_is_op(node, "galen", "ConvGradWeight");
        wide += product && node->in[0]->dtype == GALEN_F32;
    }
    gal_trainer_destroy(t);
    gal_model_destroy(model);
    return wide;
}

/* The first layer reads three channels or one, which are no pairs, with stride 2. */
static void pictures_enter_in_16_bits(void **state) {
    (void)state;
    assert_int_equal(wide_products("resnet18", 3, GALEN_BF16), 0);
    assert_int_equal(wide_products("resnet18", 1, GALEN_BF16), 0);
    assert_int_equal(wide_products("resnet18", 3, GALEN_F16), 0);
    assert_true(wide_products("resnet18", 3, GALEN_F32) >= 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pictures_enter_in_16_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
