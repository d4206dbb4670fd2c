/* Layers by name: what the networks of the zoo are put together from. */
#ifndef GAL_MODEL_ZOO_BUILD_H
#define GAL_MODEL_ZOO_BUILD_H

#include "model/zoo/zoo.h"

/* Room for the longest parameter name. */
enum { GAL_ZOO_NAME = 128 };

/*
 * The first error sticks: `status` is set, later calls return NULL and do nothing, so that a network reads as a list of
 * its layers.
 */
typedef struct gal_zoo {
    gal_graph *graph;
    const gal_zoo_options *options;
    const gal_weights *weights; /* or NULL */
    unsigned char *used;        /* of each entry of the weights */
    const char *head;           /* name of the last layer */
    uint64_t parameter;         /* parameters made so far */
    galen_status status;
    galen_error *err;
} gal_zoo;

typedef struct gal_zoo_conv {
    int out, kernel, stride, pad, groups;
    bool bias;
} gal_zoo_conv;

typedef enum gal_zoo_act { GAL_ZOO_NONE, GAL_ZOO_RELU, GAL_ZOO_RELU6, GAL_ZOO_SILU, GAL_ZOO_SIGMOID } gal_zoo_act;

/* Channels of an NCHW value. */
int64_t gal_zoo_channels(const gal_value *x);
/* printf into a static-size name. */
typedef struct gal_zoo_text {
    char s[GAL_ZOO_NAME];
} gal_zoo_text;
__attribute__((format(printf, 1, 2))) gal_zoo_text gal_zoo_name(const char *format, ...);

/* Each adds its nodes and returns the result, or NULL. `name` is the module's in torchvision. */
gal_value *gal_zoo_conv2d(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_conv conv);
gal_value *gal_zoo_norm(gal_zoo *zoo, gal_value *x, const char *name);
gal_value *gal_zoo_activate(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_act act);
/* Convolution without bias, BatchNorm, activation, with modules named `conv` and `norm`. */
gal_value *gal_zoo_conv_norm(gal_zoo *zoo, gal_value *x, const char *conv_name, const char *norm_name,
                             gal_zoo_conv conv, gal_zoo_act act);
gal_value *gal_zoo_binary(gal_zoo *zoo, const char *op, gal_value *a, gal_value *b, const char *name);
gal_value *gal_zoo_pool(gal_zoo *zoo, const char *op, gal_value *x, const char *name, int kernel, int stride, int pad);
gal_value *gal_zoo_global_pool(gal_zoo *zoo, gal_value *x, const char *name);
gal_value *gal_zoo_concat(gal_zoo *zoo, gal_value *const *x, uint32_t n, const char *name);
/* Global average pool, flatten and the linear layer zoo->head. */
gal_value *gal_zoo_classify(gal_zoo *zoo, gal_value *x);

/* The networks: from the image to the logits. */
gal_value *gal_zoo_resnet18(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_resnet34(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_resnet50(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_cxr_resnet10(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_densenet121(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_efficientnet_b0(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_efficientnet_b1(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_efficientnet_b2(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_efficientnet_b3(gal_zoo *zoo, gal_value *image);
gal_value *gal_zoo_mobilenet_v2(gal_zoo *zoo, gal_value *image);

#endif
