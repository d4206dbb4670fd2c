/* EfficientNet B0 to B3 (Tan and Le, ICML 2019) as torchvision builds them. */
#include "model/zoo/build.h"

#include "model/zoo/round.h"

#include <math.h>

typedef struct stage {
    int expand, kernel, stride, in, out, layers;
} stage;

static const stage stages[] = {
    {1, 3, 1, 32, 16, 1},  {6, 3, 2, 16, 24, 2},   {6, 5, 2, 24, 40, 2},   {6, 3, 2, 40, 80, 3},
    {6, 5, 1, 80, 112, 3}, {6, 5, 2, 112, 192, 4}, {6, 3, 1, 192, 320, 1},
};

enum { N_STAGES = sizeof stages / sizeof stages[0] };

static gal_value *conv_silu(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_conv conv, gal_zoo_act act) {
    return gal_zoo_conv_norm(zoo, x, gal_zoo_name("%s.0", name).s, gal_zoo_name("%s.1", name).s, conv, act);
}

/* Squeeze-and-excitation: a gate for each channel from the picture's mean. */
static gal_value *excite(gal_zoo *zoo, gal_value *x, const char *name, int squeeze) {
    int channels = (int)gal_zoo_channels(x);
    gal_value *s = gal_zoo_global_pool(zoo, x, gal_zoo_name("%s.avgpool", name).s);
    s = gal_zoo_conv2d(zoo, s, gal_zoo_name("%s.fc1", name).s,
                       (gal_zoo_conv){.out = squeeze, .kernel = 1, .stride = 1, .bias = true});
    s = gal_zoo_activate(zoo, s, gal_zoo_name("%s.activation", name).s, GAL_ZOO_SILU);
    s = gal_zoo_conv2d(zoo, s, gal_zoo_name("%s.fc2", name).s,
                       (gal_zoo_conv){.out = channels, .kernel = 1, .stride = 1, .bias = true});
    s = gal_zoo_activate(zoo, s, gal_zoo_name("%s.scale_activation", name).s, GAL_ZOO_SIGMOID);
    return gal_zoo_binary(zoo, "Mul", s, x, gal_zoo_name("%s.scale", name).s);
}

static gal_value *mbconv(gal_zoo *zoo, gal_value *x, const char *name, const stage *s, int out, int stride) {
    int in = (int)gal_zoo_channels(x), wide = gal_zoo_divisible(in * s->expand, 8), part = 0,
        squeeze = in / 4 > 0 ? in / 4 : 1;
    gal_value *y = x;
    if (wide != in)
        y = conv_silu(zoo, y, gal_zoo_name("%s.block.%d", name, part++).s,
                      (gal_zoo_conv){.out = wide, .kernel = 1, .stride = 1}, GAL_ZOO_SILU);
    y = conv_silu(
        zoo, y, gal_zoo_name("%s.block.%d", name, part++).s,
        (gal_zoo_conv){.out = wide, .kernel = s->kernel, .stride = stride, .pad = s->kernel / 2, .groups = wide},
        GAL_ZOO_SILU);
    y = excite(zoo, y, gal_zoo_name("%s.block.%d", name, part++).s, squeeze);
    y = conv_silu(zoo, y, gal_zoo_name("%s.block.%d", name, part).s,
                  (gal_zoo_conv){.out = out, .kernel = 1, .stride = 1}, GAL_ZOO_NONE);
    return stride == 1 && in == out ? gal_zoo_binary(zoo, "Add", y, x, gal_zoo_name("%s.add", name).s) : y;
}

static gal_value *efficientnet(gal_zoo *zoo, gal_value *x, double width, double depth) {
    int last = gal_zoo_divisible(320 * width, 8);
    x = conv_silu(zoo, x, "features.0",
                  (gal_zoo_conv){.out = gal_zoo_divisible(32 * width, 8), .kernel = 3, .stride = 2, .pad = 1},
                  GAL_ZOO_SILU);
    for (int i = 0; i < N_STAGES; i++) {
        int out = gal_zoo_divisible(stages[i].out * width, 8), layers = (int)ceil(stages[i].layers * depth);
        for (int layer = 0; layer < layers; layer++)
            x = mbconv(zoo, x, gal_zoo_name("features.%d.%d", i + 1, layer).s, &stages[i], out,
                       layer ? 1 : stages[i].stride);
    }
    x = conv_silu(zoo, x, "features.8", (gal_zoo_conv){.out = 4 * last, .kernel = 1, .stride = 1}, GAL_ZOO_SILU);
    return gal_zoo_classify(zoo, x);
}

gal_value *gal_zoo_efficientnet_b0(gal_zoo *zoo, gal_value *image) {
    return efficientnet(zoo, image, 1.0, 1.0);
}

gal_value *gal_zoo_efficientnet_b1(gal_zoo *zoo, gal_value *image) {
    return efficientnet(zoo, image, 1.0, 1.1);
}

gal_value *gal_zoo_efficientnet_b2(gal_zoo *zoo, gal_value *image) {
    return efficientnet(zoo, image, 1.1, 1.2);
}

gal_value *gal_zoo_efficientnet_b3(gal_zoo *zoo, gal_value *image) {
    return efficientnet(zoo, image, 1.2, 1.4);
}
