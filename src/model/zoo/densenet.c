/* DenseNet-121 (Huang et al., CVPR 2017) as torchvision builds it. */
#include "model/zoo/build.h"

enum { GROWTH = 32, BOTTLENECK = 4 * GROWTH, STEM = 64, MAX_LAYERS = 24 };

/* Norm, activation, convolution: the pre-activation order of DenseNet. */
static gal_value *norm_conv(gal_zoo *zoo, gal_value *x, const char *prefix, const char *index, gal_zoo_conv conv) {
    gal_zoo_text norm = gal_zoo_name("%s.norm%s", prefix, index), relu = gal_zoo_name("%s.relu%s", prefix, index);
    x = gal_zoo_activate(zoo, gal_zoo_norm(zoo, x, norm.s), relu.s, GAL_ZOO_RELU);
    return gal_zoo_conv2d(zoo, x, gal_zoo_name("%s.conv%s", prefix, index).s, conv);
}

static gal_value *dense_block(gal_zoo *zoo, gal_value *x, int block, int layers) {
    gal_value *feature[MAX_LAYERS + 1] = {x};
    for (int layer = 1; layer <= layers; layer++) {
        gal_zoo_text name = gal_zoo_name("features.denseblock%d.denselayer%d", block, layer);
        gal_value *y =
            layer == 1 ? x : gal_zoo_concat(zoo, feature, (uint32_t)layer, gal_zoo_name("%s.concat", name.s).s);
        y = norm_conv(zoo, y, name.s, "1", (gal_zoo_conv){.out = BOTTLENECK, .kernel = 1, .stride = 1});
        feature[layer] =
            norm_conv(zoo, y, name.s, "2", (gal_zoo_conv){.out = GROWTH, .kernel = 3, .stride = 1, .pad = 1});
    }
    return gal_zoo_concat(zoo, feature, (uint32_t)layers + 1, gal_zoo_name("features.denseblock%d.concat", block).s);
}

static gal_value *transition(gal_zoo *zoo, gal_value *x, int block) {
    gal_zoo_text name = gal_zoo_name("features.transition%d", block);
    x = norm_conv(zoo, x, name.s, "", (gal_zoo_conv){.out = (int)gal_zoo_channels(x) / 2, .kernel = 1, .stride = 1});
    return gal_zoo_pool(zoo, "AveragePool", x, gal_zoo_name("%s.pool", name.s).s, 2, 2, 0);
}

gal_value *gal_zoo_densenet121(gal_zoo *zoo, gal_value *x) {
    static const int layers[4] = {6, 12, MAX_LAYERS, 16};
    x = gal_zoo_conv_norm(zoo, x, "features.conv0", "features.norm0",
                          (gal_zoo_conv){.out = STEM, .kernel = 7, .stride = 2, .pad = 3}, GAL_ZOO_RELU);
    x = gal_zoo_pool(zoo, "MaxPool", x, "features.pool0", 3, 2, 1);
    for (int block = 0; block < 4; block++) {
        x = dense_block(zoo, x, block + 1, layers[block]);
        if (block < 3) x = transition(zoo, x, block + 1);
    }
    x = gal_zoo_activate(zoo, gal_zoo_norm(zoo, x, "features.norm5"), "relu", GAL_ZOO_RELU);
    return gal_zoo_classify(zoo, x);
}
