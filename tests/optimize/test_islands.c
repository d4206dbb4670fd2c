/* Quantised networks run on integers from the first QuantizeLinear to the last product: no f32 between. */
#include "base/mem.h"
#include "base/rng.h"
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "optimize/quantize.h"
#include "session/session.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;
enum { SIDE = 64, FLOATS = 3 * SIDE * SIDE, CLASSES = 5, BATCH = 3 };

static galen_status noise(void *context, size_t index, float *input, galen_error *error) {
    gal_rng rng = gal_rng_make(3, index);
    (void)context, (void)error;
    for (int i = 0; i < FLOATS; i++) input[i] = (float)gal_rng_normal(&rng);
    return GALEN_OK;
}

/* The network in QDQ form, written and read again. */
static gal_model *quantised(const char *name, gal_buf *bytes) {
    const gal_zoo_options zoo = {.classes = CLASSES, .height = SIDE, .width = SIDE};
    const gal_range_calibration how = {.rule = GAL_RANGE_MINMAX, .count = 2, .sample = noise};
    gal_model *model, *again;
    assert_ok(gal_zoo_build(name, &zoo, NULL, &model, &err), err);
    assert_ok(gal_optimize_quantize(model, &how, &err), err);
    gal_buf_init(bytes, 1 << 28);
    assert_ok(gal_onnx_write(model, bytes, &err), err);
    gal_model_destroy(model);
    assert_ok(gal_onnx_parse(bytes->data, bytes->size, NULL, &again, &err), err);
    return again;
}

static void run(const char *name, const gal_buf *bytes, gal_isa isa, int threads, float *out) {
    gal_model *model;
    gal_session *session;
    gal_session_options options = gal_session_default_options();
    static float in[BATCH * FLOATS];
    for (size_t i = 0; i < BATCH; i++) noise(NULL, 10 + i, in + i * FLOATS, NULL);
    options.isa = isa, options.threads = threads, options.max_batch = BATCH;
    assert_ok(gal_onnx_parse(bytes->data, bytes->size, NULL, &model, &err), err);
    assert_ok(gal_session_create(model->graph, &options, &session, &err), err);
    assert_string_equal(gal_session_precision_name(session), "int8");
    assert_ok(gal_session_run(session, BATCH, (const void *[]){in}, (void *[]){out}, &err), err);
    for (size_t t = 0; t < gal_session_steps(session); t++) {
        gal_step_info step = gal_session_step(session, t);
        const gal_value *y = step.node->out[0];
        bool integer = y->dtype == GALEN_U8 || y->dtype == GALEN_I8 || y->is_output;
        if (!integer)
            fail_msg("%s: step '%s' (%s) gives %s", name, step.node->name, step.node->op->name,
                     galen_dtype_name(y->dtype));
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
}

/* And every level, which computes the same integers, gives the same bits. */
static void check(const char *name) {
    gal_buf bytes;
    float first[BATCH * CLASSES], other[BATCH * CLASSES];
    gal_model_destroy(quantised(name, &bytes));
    run(name, &bytes, gal_isa_detect(), 2, first);
    for (gal_isa isa = GAL_ISA_REFERENCE; isa < gal_isa_detect(); isa++) {
        run(name, &bytes, isa, 1, other);
        assert_memory_equal(first, other, sizeof first);
    }
    gal_buf_free(&bytes);
}

static void resnet(void **state) {
    (void)state;
    check("resnet18");
}

static void densenet(void **state) {
    (void)state;
    check("densenet121");
}

static void efficientnet(void **state) {
    (void)state;
    check("efficientnet_b0");
}

static void mobilenet(void **state) {
    (void)state;
    check("mobilenet_v2");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(resnet), cmocka_unit_test(densenet),
                                       cmocka_unit_test(efficientnet), cmocka_unit_test(mobilenet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
