/* In 16 bits the networks of the zoo, one of each family, run on fast kernels from the picture to the logits. */
#include "cpu/kernel.h"
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "support/shared.h"

#include <string.h>

enum { SIDE = 64, CLASSES = 2 };

static galen_error err;

/* Some row convolves numbers of this type here. */
static bool has_rows(galen_dtype dtype) {
    size_t n;
    const gal_kernel *const *row = gal_kernel_table(&n);
    for (size_t i = 0; i < n; i++)
        if (row[i]->dtype == dtype && strcmp(row[i]->op, "Conv") == 0 && gal_kernel_runs_here(row[i])) return true;
    return false;
}

static void check(const char *name, galen_dtype dtype) {
    const gal_zoo_options zoo = {.height = SIDE, .width = SIDE, .classes = CLASSES, .seed = 3};
    gal_session_options o = gal_session_default_options();
    gal_session *session;
    gal_model *model;
    o.precision = dtype, o.threads = 1;
    assert_ok(gal_zoo_build(name, &zoo, NULL, &model, &err), err);
    assert_ok(gal_session_create(model->graph, &o, &session, &err), err);
    for (size_t i = 0; i < gal_session_steps(session); i++) {
        gal_step_info step = gal_session_step(session, i);
        if (step.row == NULL && !step.is_view)
            fail_msg("%s in %s: %s (%s) is computed by the reference", name, galen_dtype_name(dtype), step.node->name,
                     step.node->op->name);
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
}

static void no_step_is_left_to_the_reference(void **state) {
    (void)state;
    static const char *const families[] = {"resnet18", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v2"};
    static const galen_dtype types[] = {GALEN_BF16, GALEN_F16};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        if (!has_rows(types[t])) {
            print_message("no rows for %s on this machine\n", galen_dtype_name(types[t]));
            continue;
        }
        for (size_t i = 0; i < sizeof families / sizeof *families; i++) check(families[i], types[t]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_step_is_left_to_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
