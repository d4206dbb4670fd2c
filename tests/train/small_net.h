/* The small network whose training golden/train_small.npz follows, in f32 or f64, with weights from the recipe. */
#ifndef GAL_TEST_TRAIN_SMALL_NET_H
#define GAL_TEST_TRAIN_SMALL_NET_H

#include "base/error.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "model/onnx.h"
#include "model/recipe.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALL_SIDE = 16, SMALL_BATCH = 8 };

typedef struct small_net {
    gal_graph *graph;
    galen_dtype dtype;
    galen_error err;
} small_net;

static inline double small_weight(const char *name, int rank, int64_t fan_in, int64_t i) {
    double u = recipe_uniform(recipe_hash(name), (uint64_t)i);
    if (rank > 1) return (2 * u - 1) * sqrt(3 / (double)fan_in);
    if (recipe_ends(name, ".weight")) return 1 + 0.1 * (2 * u - 1);
    return recipe_ends(name, ".running_var") ? 1 + 0.5 * u : 0.1 * (2 * u - 1);
}

static inline gal_value *small_constant(small_net *s, const char *name, int rank, const int64_t *dim) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(s->graph, name, s->dtype, rank, dim, &value, &s->err), s->err);
    int64_t n = galen_tensor_elements(value->constant);
    size_t size = galen_dtype_size(s->dtype);
    for (int64_t i = 0; i < n; i++)
        gal_store_float(s->dtype, (char *)value->constant->data + (size_t)i * size,
                        small_weight(name, rank, n / dim[0], i));
    return value;
}

static inline gal_value *small_node(small_net *s, const char *op, gal_value *const *in, uint32_t n_in,
                                    const gal_attr *attr, uint32_t n_attr) {
    gal_node *node;
    const gal_node_spec spec = {.op = op, .n_in = n_in, .n_out = 1, .in = in, .attr = attr, .n_attr = n_attr};
    assert_ok(gal_graph_node(s->graph, &spec, &node, &s->err), s->err);
    return node->out[0];
}

static inline gal_value *small_conv(small_net *s, gal_value *x, const char *name, int64_t in, int64_t out,
                                    int64_t stride, int64_t group, bool bias) {
    char text[64];
    const int64_t dim[4] = {out, in / group, 3, 3}, pads[4] = {1, 1, 1, 1}, strides[2] = {stride, stride};
    const gal_attr attr[3] = {{.name = "pads", .type = GAL_ATTR_INTS, .ints = pads, .count = 4},
                              {.name = "strides", .type = GAL_ATTR_INTS, .ints = strides, .count = 2},
                              {.name = "group", .type = GAL_ATTR_INT, .i = group}};
    snprintf(text, sizeof text, "%s.weight", name);
    gal_value *args[3] = {x, small_constant(s, text, 4, dim)};
    snprintf(text, sizeof text, "%s.bias", name);
    if (bias) args[2] = small_constant(s, text, 1, dim);
    return small_node(s, "Conv", args, bias ? 3 : 2, attr, 3);
}

static inline gal_value *small_norm(small_net *s, gal_value *x, const char *name, int64_t channels) {
    static const char *const part[4] = {"weight", "bias", "running_mean", "running_var"};
    gal_value *in[5] = {x};
    for (int i = 0; i < 4; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s.%s", name, part[i]);
        in[i + 1] = small_constant(s, text, 1, &channels);
    }
    return small_node(s, "BatchNormalization", in, 5, NULL, 0);
}

/* conv, norm, relu, pool; conv of stride 2, norm, x sigmoid(x); plus its own depthwise convolution; mean; product. */
static inline gal_model *small_model_of(galen_dtype dtype, int64_t classes) {
    small_net s = {.dtype = dtype};
    gal_model *model = calloc(1, sizeof *model);
    const gal_shape image = {.rank = 4, .dim = {{1, true}, {1, false}, {SMALL_SIDE, false}, {SMALL_SIDE, false}}};
    const int64_t two[2] = {2, 2}, axes[2] = {2, 3}, head[2] = {classes, 16};
    const gal_attr pool[2] = {{.name = "kernel_shape", .type = GAL_ATTR_INTS, .ints = two, .count = 2},
                              {.name = "strides", .type = GAL_ATTR_INTS, .ints = two, .count = 2}};
    const gal_attr mean[2] = {{.name = "axes", .type = GAL_ATTR_INTS, .ints = axes, .count = 2},
                              {.name = "keepdims", .type = GAL_ATTR_INT, .i = 0}};
    const gal_attr turned = {.name = "transB", .type = GAL_ATTR_INT, .i = 1};
    gal_value *x;
    assert_non_null(model);
    assert_ok(gal_graph_create("small", &s.graph, &s.err), s.err);
    assert_ok(gal_graph_input(s.graph, "image", dtype, &image, &x, &s.err), s.err);
    x = small_norm(&s, small_conv(&s, x, "conv1", 1, 8, 1, 1, false), "bn1", 8);
    x = small_node(&s, "Relu", &x, 1, NULL, 0);
    x = small_node(&s, "MaxPool", &x, 1, pool, 2);
    x = small_norm(&s, small_conv(&s, x, "conv2", 8, 16, 2, 1, false), "bn2", 16);
    gal_value *gate[2] = {x, small_node(&s, "Sigmoid", &x, 1, NULL, 0)};
    x = small_node(&s, "Mul", gate, 2, NULL, 0);
    gal_value *sum[2] = {x, small_conv(&s, x, "dw", 16, 16, 1, 16, true)};
    x = small_node(&s, "Add", sum, 2, NULL, 0);
    gal_value *last[3] = {small_node(&s, "ReduceMean", &x, 1, mean, 2), small_constant(&s, "fc.weight", 2, head),
                          small_constant(&s, "fc.bias", 1, &classes)};
    assert_ok(gal_graph_mark_output(s.graph, small_node(&s, "Gemm", last, 3, &turned, 1), &s.err), s.err);
    model->graph = s.graph;
    return model;
}

static inline gal_model *small_model(galen_dtype dtype) {
    return small_model_of(dtype, 1);
}

/* The pictures of step `step`; the question is whether the upper half is brighter. */
static inline void small_batch(galen_dtype dtype, int step, void *images, void *targets) {
    char name[16];
    size_t size = galen_dtype_size(dtype);
    snprintf(name, sizeof name, "input%d", step);
    for (int n = 0; n < SMALL_BATCH; n++) {
        double upper = 0, lower = 0;
        for (int i = 0; i < SMALL_SIDE * SMALL_SIDE; i++) {
            int at = n * SMALL_SIDE * SMALL_SIDE + i;
            double v = 2 * recipe_uniform(recipe_hash(name), (uint64_t)at) - 1;
            gal_store_float(dtype, (char *)images + (size_t)at * size, v);
            *(i < SMALL_SIDE * SMALL_SIDE / 2 ? &upper : &lower) += v;
        }
        gal_store_float(dtype, (char *)targets + (size_t)n * size, upper > lower ? 1 : 0);
    }
}

#endif
