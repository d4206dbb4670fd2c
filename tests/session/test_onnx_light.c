/* Whole topologies with constant weights from the ONNX project: the one expected output of each, as written and after
 * all passes. */
#include "session/onnx_case.h"

/* One input of n elements: 0, 1/n, 2/n, ... */
static float *ramp(const gal_value *input) {
    galen_tensor t;
    gal_shape_at(&input->shape, input->dtype, 1, &t);
    int64_t n = galen_tensor_elements(&t);
    assert_int_equal(input->dtype, GALEN_F32);
    float *data = calloc((size_t)n, sizeof *data);
    for (int64_t i = 0; i < n; i++) data[i] = (float)((double)i / (double)n);
    return data;
}

static void run_light(const char *name, bool optimise) {
    char path[128];
    onnx_case c = {0};
    gal_model *model;
    gal_session *session;
    gal_arena_init(&c.arena, (size_t)1 << 30);
    snprintf(path, sizeof path, "onnx/light/light_%s_output_0.pb", name);
    assert_ok(case_read(&c, test_shared(path), &c.out[0]), c.err);
    snprintf(path, sizeof path, "onnx/light/light_%s.onnx", name);
    assert_ok(gal_onnx_load(test_shared(path), NULL, &model, &c.err), c.err);
    assert_int_equal(model->graph->n_input, 1);
    assert_int_equal(model->graph->n_output, 1);
    if (!case_shape(&c, model->graph->output[0], &c.out[0].tensor)) fail_msg("%s: %s", name, c.err.message);
    float *in = ramp(model->graph->input[0]), *out = calloc(1, (size_t)galen_tensor_bytes(&c.out[0].tensor));
    gal_session_options options = gal_session_default_options();
    options.optimise = optimise;
    assert_ok(gal_session_create(model->graph, &options, &session, &c.err), c.err);
    assert_ok(gal_session_run(session, 1, (const void *const[]){in}, (void *const[]){out}, &c.err), c.err);
    if (!case_equal(&c, &c.out[0].tensor, out)) fail_msg("%s: %s", name, c.err.message);
    print_message("%s%s: largest relative error %.2g\n", name, optimise ? " after passes" : "", c.worst);
    gal_session_destroy(session);
    gal_model_destroy(model);
    free(in);
    free(out);
    case_close(&c);
}

static void run_optimised(void **state) {
    run_light(*state, true);
}

static void run_both(void **state) {
    run_light(*state, false);
    run_light(*state, true);
}

#define LIGHT(text, fn)                                                                                                \
    { .name = text, .test_func = fn, .initial_state = (void *)(uintptr_t)text }

/* The large ones run once only, to keep this quick. */
int main(void) {
    const struct CMUnitTest tests[] = {
        LIGHT("bvlc_alexnet", run_optimised), LIGHT("densenet121", run_both),   LIGHT("inception_v1", run_both),
        LIGHT("inception_v2", run_optimised), LIGHT("resnet50", run_optimised), LIGHT("shufflenet", run_both),
        LIGHT("squeezenet", run_both),        LIGHT("vgg19", run_optimised),    LIGHT("zfnet512", run_optimised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
