/* The zoo's networks, with weights and pictures from a recipe, against logits computed by torchvision in f64. */
#include "model/recipe.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "support/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_LOGITS = 16 };

static const double tolerance = 1e-5; /* of the largest logit */

static float *picture(int64_t n) {
    float *data = malloc((size_t)n * sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < n; i++) data[i] = (float)(2 * recipe_uniform(recipe_hash("input"), (uint64_t)i) - 1);
    return data;
}

static void run_model(gal_model *model, int batch, const float *in, float *out) {
    galen_error err = {0};
    gal_session *session = NULL;
    gal_session_options options = gal_session_default_options();
    options.max_batch = batch;
    assert_ok(gal_session_create(model->graph, &options, &session, &err), err);
    assert_ok(gal_session_run(session, batch, (const void *const[]){in}, (void *const[]){out}, &err), err);
    gal_session_destroy(session);
}

/* The largest difference of any logit, as a part of the largest logit. */
static double compare(const json_t *rows, const float *out, int classes) {
    double worst = 0, largest = 0;
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (int c = 0; c < classes; c++) {
            double expected = json_number_value(json_array_get(json_array_get(rows, r), (size_t)c));
            worst = fmax(worst, fabs(out[r * (size_t)classes + (size_t)c] - expected));
            largest = fmax(largest, fabs(expected));
        }
    }
    return worst / largest;
}

static void logits_are_torchvisions(void **state) {
    const char *key = *state;
    char name[64];
    float out[MAX_LOGITS];
    int batch;
    json_error_t why;
    json_t *zoo = json_load_file(test_shared("golden/zoo.json"), 0, &why);
    assert_non_null(zoo);
    const json_t *rows = json_object_get(json_object_get(zoo, key), "logits");
    gal_zoo_options options = {.fill = recipe_fill, .classes = (int)json_array_size(json_array_get(rows, 0))};
    assert_int_equal(
        sscanf(key, "%63[^@]@%dx%dx%dx%d", name, &batch, &options.channels, &options.height, &options.width), 5);
    assert_int_equal(json_array_size(rows), batch);
    assert_true(batch * options.classes <= MAX_LOGITS);
    galen_error err = {0};
    gal_model *model = NULL;
    assert_ok(gal_zoo_build(name, &options, NULL, &model, &err), err);
    float *in = picture((int64_t)batch * options.channels * options.height * options.width);
    run_model(model, batch, in, out);
    double worst = compare(rows, out, options.classes);
    print_message("%s: largest relative error %.2g\n", key, worst);
    if (!(worst <= tolerance)) fail_msg("%s: %g is more than %g of the largest logit", key, worst, tolerance);
    gal_model_destroy(model);
    json_decref(zoo);
    free(in);
}

#define ENTRY(key)                                                                                                     \
    { .name = key, .test_func = logits_are_torchvisions, .initial_state = (void *)(uintptr_t)key }

int main(void) {
    const struct CMUnitTest tests[] = {
        ENTRY("resnet18@2x3x64x64"),          ENTRY("resnet18@2x3x224x224"),        ENTRY("resnet34@1x3x64x64"),
        ENTRY("resnet50@1x3x224x224"),        ENTRY("densenet121@1x3x224x224"),     ENTRY("densenet121@1x3x64x64"),
        ENTRY("efficientnet_b0@1x3x224x224"), ENTRY("efficientnet_b3@1x3x300x300"), ENTRY("mobilenet_v2@1x3x224x224"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
