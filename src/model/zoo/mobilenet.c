/* MobileNetV2 (Sandler et al., CVPR 2018) at width 1 as torchvision builds it. */
#include "model/zoo/build.h"

static gal_value *conv6(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_conv conv) {
    return gal_zoo_conv_norm(zoo, x, gal_zoo_name("%s.0", name).s, gal_zoo_name("%s.1", name).s, conv, GAL_ZOO_RELU6);
}

static gal_value *inverted_residual(gal_zoo *zoo, gal_value *x, const char *name, int expand, int out, int stride) {
    int in = (int)gal_zoo_channels(x), wide = in * expand, part = 0;
    gal_value *y = x;
    if (expand != 1)
        y = conv6(zoo, y, gal_zoo_name("%s.conv.%d", name, part++).s,
                  (gal_zoo_conv){.out = wide, .kernel = 1, .stride = 1});
    y = conv6(zoo, y, gal_zoo_name("%s.conv.%d", name, part++).s,
              (gal_zoo_conv){.out = wide, .kernel = 3, .stride = stride, .pad = 1, .groups = wide});
    gal_zoo_text conv = gal_zoo_name("%s.conv.%d", name, part), norm = gal_zoo_name("%s.conv.%d", name, part + 1);
    y = gal_zoo_conv_norm(zoo, y, conv.s, norm.s, (gal_zoo_conv){.out = out, .kernel = 1, .stride = 1}, GAL_ZOO_NONE);
    return stride == 1 && in == out ? gal_zoo_binary(zoo, "Add", x, y, gal_zoo_name("%s.add", name).s) : y;
}

gal_value *gal_zoo_mobilenet_v2(gal_zoo *zoo, gal_value *x) {
    static const struct {
        int expand, out, layers, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int index = 1;
    x = conv6(zoo, x, "features.0", (gal_zoo_conv){.out = 32, .kernel = 3, .stride = 2, .pad = 1});
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        for (int layer = 0; layer < stages[i].layers; layer++)
            x = inverted_residual(zoo, x, gal_zoo_name("features.%d", index++).s, stages[i].expand, stages[i].out,
                                  layer ? 1 : stages[i].stride);
    x = conv6(zoo, x, gal_zoo_name("features.%d", index).s, (gal_zoo_conv){.out = 1280, .kernel = 1, .stride = 1});
    return gal_zoo_classify(zoo, x);
}
