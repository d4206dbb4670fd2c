/* The features of classifiers: the width that their papers say, and none where a graph ends otherwise. */
#include "model/onnx.h"
#include "model/zoo/zoo.h"
#include "pass/small_graph.h"
#include "session/features.h"

#include <string.h>

static void test_zoo(void **state) {
    static const struct {
        const char *name;
        int width;
    } network[] = {{"resnet18", 512},         {"resnet50", 2048},     {"densenet121", 1024},
                   {"efficientnet_b0", 1280}, {"mobilenet_v2", 1280}, {"cxr-resnet10", 128}};
    (void)state;
    for (size_t i = 0; i < sizeof network / sizeof *network; i++) {
        const gal_zoo_options options = {.channels = 1, .height = 64, .width = 64, .classes = 2, .seed = 1};
        galen_error err;
        gal_model *model;
        int width = 0;
        assert_ok(gal_zoo_build(network[i].name, &options, NULL, &model, &err), err);
        gal_value *features = gal_features_find(model->graph, &width);
        assert_non_null(features);
        assert_int_equal(width, network[i].width);
        assert_false(features->is_output);
        gal_model_destroy(model);
    }
}

/* A convolution of the picture itself has no features behind it, and a pool is no product with weights. */
static void test_none(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    galen_error err;
    int width = 0;
    assert_null(gal_features_find(g, &width));
    gal_value *x = small_input(g, "x", 3, 8, 8);
    gal_value *y = small_conv(g, x, 4, 3, 1);
    assert_ok(gal_graph_mark_output(g, y, &err), err);
    assert_null(gal_features_find(g, &width));
    gal_graph_destroy(g);
    g = small_graph();
    x = small_input(g, "x", 3, 8, 8);
    y = small_op(g, "Relu", small_conv(g, x, 4, 3, 1), NULL);
    assert_ok(gal_graph_mark_output(g, y, &err), err);
    assert_null(gal_features_find(g, &width));
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zoo), cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
