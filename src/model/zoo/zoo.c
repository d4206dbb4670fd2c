/* The list of networks, and what all of them have in common: input, output, and the account of parameters. */
#include "model/zoo/zoo.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/zoo/build.h"

#include <string.h>

enum { MAX_SIDE = 16384, MAX_CLASSES = 65536, MAX_CHANNELS = 1024 };

typedef struct network {
    const char *name, *stem, *head; /* names of the first convolution and the last layer */
    int channels, side, classes;    /* its own */
    gal_value *(*build)(gal_zoo *zoo, gal_value *image);
} network;

static const network networks[] = {
    {"resnet18", "conv1", "fc", 3, 224, 1000, gal_zoo_resnet18},
    {"resnet34", "conv1", "fc", 3, 224, 1000, gal_zoo_resnet34},
    {"resnet50", "conv1", "fc", 3, 224, 1000, gal_zoo_resnet50},
    {"densenet121", "features.conv0", "classifier", 3, 224, 1000, gal_zoo_densenet121},
    {"efficientnet_b0", "features.0.0", "classifier.1", 3, 224, 1000, gal_zoo_efficientnet_b0},
    {"efficientnet_b1", "features.0.0", "classifier.1", 3, 240, 1000, gal_zoo_efficientnet_b1},
    {"efficientnet_b2", "features.0.0", "classifier.1", 3, 288, 1000, gal_zoo_efficientnet_b2},
    {"efficientnet_b3", "features.0.0", "classifier.1", 3, 300, 1000, gal_zoo_efficientnet_b3},
    {"mobilenet_v2", "features.0.0", "classifier.1", 3, 224, 1000, gal_zoo_mobilenet_v2},
    {"cxr-resnet10", "conv1", "fc", 1, 64, 1, gal_zoo_cxr_resnet10},
};

enum { N_NETWORKS = sizeof networks / sizeof networks[0] };

const char *const *gal_zoo_names(void) {
    static const char *const names[] = {"resnet18",
                                        "resnet34",
                                        "resnet50",
                                        "densenet121",
                                        "efficientnet_b0",
                                        "efficientnet_b1",
                                        "efficientnet_b2",
                                        "efficientnet_b3",
                                        "mobilenet_v2",
                                        "cxr-resnet10",
                                        NULL};
    _Static_assert(sizeof names / sizeof names[0] == N_NETWORKS + 1, "one name a network");
    return names;
}

int64_t gal_zoo_parameters(const gal_graph *graph) {
    int64_t n = 0;
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        if (!value || !value->constant || value->producer || value->dtype != GALEN_F32 || value->constant->rank == 0)
            continue;
        if (!strstr(value->name, ".running_")) n += galen_tensor_elements(value->constant);
    }
    return n;
}

static const network *find_network(const char *name) {
    for (int i = 0; i < N_NETWORKS; i++)
        if (strcmp(networks[i].name, name) == 0) return &networks[i];
    return NULL;
}

/* Dimension `axis` of a module's weight in the file, else `otherwise`. */
static int from_weights(const gal_weights *weights, const char *module, int axis, int otherwise) {
    const galen_tensor *t = weights ? gal_weights_find(weights, gal_zoo_name("%s.weight", module).s) : NULL;
    return t && axis < t->rank && t->dim[axis] > 0 && t->dim[axis] <= MAX_CLASSES ? (int)t->dim[axis] : otherwise;
}

static galen_status complete(const network *net, const gal_weights *weights, gal_zoo_options *o, galen_error *err) {
    if (!o->channels) o->channels = from_weights(weights, net->stem, 1, net->channels);
    if (!o->classes) o->classes = from_weights(weights, net->head, 0, net->classes);
    if (!o->height) o->height = net->side;
    if (!o->width) o->width = net->side;
    if (o->channels < 1 || o->channels > MAX_CHANNELS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s cannot have %d channels: give 1 to %d", net->name, o->channels,
                        MAX_CHANNELS);
    if (o->classes < 1 || o->classes > MAX_CLASSES)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s cannot have %d classes: give 1 to %d", net->name, o->classes,
                        MAX_CLASSES);
    if (o->height < 1 || o->height > MAX_SIDE || o->width < 1 || o->width > MAX_SIDE)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s cannot take %dx%d pixels: give 1 to %d a side", net->name,
                        o->width, o->height, MAX_SIDE);
    return GALEN_OK;
}

/* Everything in the file must have found its place. */
static galen_status check_used(const gal_zoo *zoo, const char *network_name) {
    static const char counter[] = "num_batches_tracked";
    for (size_t i = 0; zoo->weights && i < zoo->weights->n; i++) {
        const char *name = zoo->weights->entry[i].name;
        size_t n = strlen(name), m = sizeof counter - 1;
        if (zoo->used[i] || (n >= m && strcmp(name + n - m, counter) == 0)) continue;
        return gal_fail(zoo->err, GALEN_ERR_FORMAT, "the weights have a parameter '%s' that %s does not have", name,
                        network_name);
    }
    return GALEN_OK;
}

static galen_status build(gal_zoo *zoo, const network *net) {
    const gal_zoo_options *o = zoo->options;
    gal_value *image = NULL;
    gal_shape shape = {.rank = 4, .dim = {{1, true}, {o->channels, false}, {o->height, false}, {o->width, false}}};
    GAL_TRY(gal_graph_input(zoo->graph, "image", GALEN_F32, &shape, &image, zoo->err));
    gal_value *logits = net->build(zoo, image);
    GAL_TRY(zoo->status);
    GAL_TRY(check_used(zoo, net->name));
    return gal_graph_mark_output(zoo->graph, logits, zoo->err);
}

static galen_status build_model(const network *net, const gal_zoo_options *options, const gal_weights *weights,
                                gal_model *model, galen_error *err) {
    gal_zoo zoo = {.options = options, .weights = weights, .head = net->head, .err = err};
    model->producer = "";
    model->opset = 17;
    model->ir_version = 8;
    GAL_TRY(gal_graph_create(net->name, &model->graph, err));
    zoo.graph = model->graph;
    if (weights) zoo.used = gal_calloc(weights->n + 1, 1);
    if (weights && !zoo.used) return gal_fail_memory(err, "building a network", weights->n);
    galen_status status = build(&zoo, net);
    gal_free(zoo.used);
    return status;
}

galen_status gal_zoo_build(const char *name, const gal_zoo_options *options, const gal_weights *weights,
                           gal_model **out, galen_error *err) {
    gal_zoo_options chosen = options ? *options : (gal_zoo_options){0};
    const network *net = find_network(name);
    *out = NULL;
    if (!net)
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "no network is called '%s': resnet18 resnet34 resnet50 densenet121 efficientnet_b0..b3 mobilenet_v2 cxr-resnet10",
            name);
    GAL_TRY(complete(net, weights, &chosen, err));
    gal_model *model = gal_calloc(1, sizeof *model);
    if (!model) return gal_fail_memory(err, "a model", sizeof *model);
    galen_status status = build_model(net, &chosen, weights, model, err);
    if (status == GALEN_OK)
        *out = model;
    else
        gal_model_destroy(model);
    return status;
}
