/* The zoo: parameter counts, names, weights from checkpoints, and what is refused. */
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "recipe.h"
#include "support/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static gal_model *build(const char *name, const gal_zoo_options *options, const gal_weights *weights) {
    galen_error err = {0};
    gal_model *m = NULL;
    assert_ok(gal_zoo_build(name, options, weights, &m, &err), err);
    assert_ok(gal_graph_verify(m->graph, &err), err);
    return m;
}

/* Leaves parameters zero: for tests of structure, which need no numbers. */
static galen_status fill_nothing(void *context, const char *name, const galen_tensor *tensor, galen_error *err) {
    (void)context, (void)name, (void)tensor, (void)err;
    return GALEN_OK;
}

/* The exporter writes equal tensors once, and reads the others through Identity. */
static const gal_value *stored(const gal_value *value) {
    while (value && value->producer && strcmp(value->producer->op->name, "Identity") == 0)
        value = value->producer->in[0];
    return value;
}

/* "resnet18@2x3x64x64" of zoo.json into a name and options. */
static void read_key(const char *key, char *name, size_t room, gal_zoo_options *options) {
    const char *at = strchr(key, '@');
    assert_non_null(at);
    snprintf(name, room, "%.*s", (int)(at - key), key);
    int batch;
    assert_int_equal(sscanf(at + 1, "%dx%dx%dx%d", &batch, &options->channels, &options->height, &options->width), 4);
}

static void parameter_counts_are_torchvisions(void **state) {
    (void)state;
    json_error_t why;
    json_t *zoo = json_load_file(test_shared("golden/zoo.json"), 0, &why), *entry;
    const char *key;
    assert_non_null(zoo);
    assert_int_equal(json_object_size(zoo), 9);
    json_object_foreach(zoo, key, entry) {
        char name[64];
        gal_zoo_options options = {.classes =
                                       (int)json_array_size(json_array_get(json_object_get(entry, "logits"), 0))};
        read_key(key, name, sizeof name, &options);
        gal_model *m = build(name, &options, NULL);
        assert_int_equal(gal_zoo_parameters(m->graph), json_integer_value(json_object_get(entry, "parameters")));
        assert_int_equal(m->graph->output[0]->shape.dim[1].size, options.classes);
        assert_true(m->graph->output[0]->shape.dim[0].batch);
        gal_model_destroy(m);
    }
    json_decref(zoo);
}

static void every_name_builds_and_round_trips(void **state) {
    (void)state;
    for (const char *const *name = gal_zoo_names(); *name; name++) {
        galen_error err = {0};
        gal_model *m = build(*name, &(gal_zoo_options){.fill = fill_nothing}, NULL), *again = NULL;
        gal_buf out;
        gal_buf_init(&out, (size_t)1 << 30);
        assert_ok(gal_onnx_write(m, &out, &err), err);
        assert_ok(gal_onnx_parse(out.data, out.size, NULL, &again, &err), err);
        assert_int_equal(again->graph->n_node, m->graph->n_node);
        assert_int_equal(gal_zoo_parameters(again->graph), gal_zoo_parameters(m->graph));
        gal_model_destroy(again);
        gal_model_destroy(m);
        gal_buf_free(&out);
    }
}

static void parameters_carry_torchvisions_names(void **state) {
    (void)state;
    static const struct {
        const char *net, *parameter;
    } some[] = {
        {"resnet18", "layer2.0.downsample.0.weight"},
        {"resnet50", "layer4.2.bn3.running_var"},
        {"densenet121", "features.denseblock4.denselayer16.conv2.weight"},
        {"densenet121", "features.transition3.norm.bias"},
        {"densenet121", "features.norm5.running_mean"},
        {"efficientnet_b0", "features.1.0.block.1.fc1.bias"},
        {"efficientnet_b3", "features.7.1.block.3.1.weight"},
        {"efficientnet_b0", "features.8.0.weight"},
        {"mobilenet_v2", "features.1.conv.2.running_mean"},
        {"mobilenet_v2", "features.17.conv.3.bias"},
        {"mobilenet_v2", "features.18.0.weight"},
        {"cxr-resnet10", "layer3.down.1.running_var"},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        gal_model *m = build(some[i].net, &(gal_zoo_options){.fill = fill_nothing}, NULL);
        if (!gal_graph_find(m->graph, some[i].parameter)) fail_msg("%s has no %s", some[i].net, some[i].parameter);
        gal_model_destroy(m);
    }
}

static void checkpoints_give_the_exported_model(void **state) {
    (void)state;
    galen_error err = {0};
    gal_weights *w = NULL;
    gal_model *exported = NULL;
    assert_ok(gal_weights_load(test_shared("golden/cxr64-small.pth"), &w, &err), err);
    assert_ok(gal_onnx_load(test_shared("golden/cxr64-small.onnx"), NULL, &exported, &err), err);
    gal_model *m = build("cxr-resnet10", NULL, w);
    size_t compared = 0;
    for (uint32_t i = 0; i < m->graph->n_value; i++) {
        const gal_value *v = m->graph->value[i], *e = stored(gal_graph_find(exported->graph, v->name));
        if (!v->constant || v->producer) continue;
        assert_non_null(e);
        assert_int_equal(galen_tensor_bytes(v->constant), galen_tensor_bytes(e->constant));
        assert_memory_equal(v->constant->data, e->constant->data, (size_t)galen_tensor_bytes(v->constant));
        compared++;
    }
    assert_int_equal(compared, 62);
    assert_int_equal(m->graph->input[0]->shape.dim[1].size, 1);
    gal_model_destroy(m);
    gal_model_destroy(exported);
    gal_weights_destroy(w);
}

static void refuse(const char *name, const gal_zoo_options *options, const gal_weights *w, const char *text) {
    galen_error err = {0};
    gal_model *m = NULL;
    assert_int_not_equal(gal_zoo_build(name, options, w, &m, &err), GALEN_OK);
    assert_null(m);
    if (!strstr(err.message, text)) fail_msg("\"%s\" lacks \"%s\"", err.message, text);
}

static void wrong_weights_are_named(void **state) {
    (void)state;
    galen_error err = {0};
    gal_weights *w = NULL;
    assert_ok(gal_weights_load(test_shared("golden/cxr64-small.state_dict.pt"), &w, &err), err);
    refuse("resnet18", NULL, w, "conv1.weight");
    refuse("cxr-resnet10", &(gal_zoo_options){.channels = 3}, w,
           "'conv1.weight' has shape 16x1x3x3 in the weights where the network needs 16x3x3x3");
    refuse("cxr-resnet10", &(gal_zoo_options){.classes = 5}, w, "'fc.weight' has shape 1x128");
    gal_model *m = build("cxr-resnet10", &(gal_zoo_options){.classes = 5, .new_head = true}, w);
    assert_int_equal(m->graph->output[0]->shape.dim[1].size, 5);
    gal_model_destroy(m);
    size_t index = gal_weights_index(w, "layer4.bn2.bias");
    w->entry[index].name = "layer4.bn2.extra"; /* same place in the order of names */
    refuse("cxr-resnet10", NULL, w, "'layer4.bn2.bias' is missing");
    w->entry[index].name = "layer4.bn2.bias";
    index = gal_weights_index(w, "bn1.num_batches_tracked");
    w->entry[index].name = "bn1.nonsense";
    refuse("cxr-resnet10", NULL, w, "'bn1.nonsense' that cxr-resnet10 does not have");
    gal_weights_destroy(w);
}

static void wrong_options_are_named(void **state) {
    (void)state;
    refuse("resnet19", NULL, NULL, "no network is called 'resnet19'");
    refuse("resnet18", &(gal_zoo_options){.channels = -1}, NULL, "channels");
    refuse("resnet18", &(gal_zoo_options){.classes = 1 << 30}, NULL, "classes");
    refuse("resnet18", &(gal_zoo_options){.height = 100000}, NULL, "pixels");
}

static void fillers_and_seeds_are_used(void **state) {
    (void)state;
    gal_model *a = build("cxr-resnet10", &(gal_zoo_options){.seed = 1}, NULL),
              *b = build("cxr-resnet10", &(gal_zoo_options){.seed = 1}, NULL);
    gal_model *c = build("cxr-resnet10", &(gal_zoo_options){.fill = recipe_fill}, NULL);
    const galen_tensor *x = gal_graph_find(a->graph, "conv1.weight")->constant,
                       *y = gal_graph_find(b->graph, "conv1.weight")->constant;
    const float *z = gal_graph_find(c->graph, "bn1.running_var")->constant->data;
    assert_memory_equal(x->data, y->data, (size_t)galen_tensor_bytes(x));
    assert_true(((const float *)x->data)[0] != ((const float *)x->data)[1]);
    assert_true(z[0] == (float)(1 + 0.5 * recipe_uniform(recipe_hash("bn1.running_var"), 0)));
    gal_model_destroy(a);
    gal_model_destroy(b);
    gal_model_destroy(c);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    galen_error err = {0};
    gal_model *m = NULL;
    test_count_reset();
    gal_model_destroy(build("cxr-resnet10", NULL, NULL));
    long total = test_allocations();
    for (long n = 1; n <= total; n++) {
        test_fail_allocation(n, 1);
        galen_status status = gal_zoo_build("cxr-resnet10", NULL, NULL, &m, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK)
            gal_model_destroy(m);
        else
            assert_int_equal(status, GALEN_ERR_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts_are_torchvisions),
        cmocka_unit_test(every_name_builds_and_round_trips),
        cmocka_unit_test(parameters_carry_torchvisions_names),
        cmocka_unit_test(checkpoints_give_the_exported_model),
        cmocka_unit_test(wrong_weights_are_named),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(fillers_and_seeds_are_used),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
