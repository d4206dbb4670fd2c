/* ResNet (He et al., CVPR 2016) as torchvision builds it, stride in the 3x3 of a bottleneck; and our small one for
 * 64x64 X-rays. */
#include "model/zoo/build.h"

typedef struct resnet {
    int blocks[4], width[4];
    bool bottleneck;
    const char *down; /* module of the shortcut's convolution and norm */
} resnet;

/* Module `part` of a block. */
static gal_zoo_text part(const char *block, const char *name) {
    return gal_zoo_name("%s.%s", block, name);
}

static gal_value *shortcut(gal_zoo *zoo, gal_value *x, const char *block, const resnet *net, int out, int stride) {
    if (stride == 1 && gal_zoo_channels(x) == out) return x;
    gal_zoo_text conv = gal_zoo_name("%s.%s.0", block, net->down), norm = gal_zoo_name("%s.%s.1", block, net->down);
    return gal_zoo_conv_norm(zoo, x, conv.s, norm.s, (gal_zoo_conv){.out = out, .kernel = 1, .stride = stride},
                             GAL_ZOO_NONE);
}

static gal_value *join(gal_zoo *zoo, gal_value *y, gal_value *skip, const char *block) {
    y = gal_zoo_binary(zoo, "Add", y, skip, part(block, "add").s);
    return gal_zoo_activate(zoo, y, part(block, "relu").s, GAL_ZOO_RELU);
}

static gal_value *basic(gal_zoo *zoo, gal_value *x, const char *block, const resnet *net, int width, int stride) {
    gal_value *y =
        gal_zoo_conv_norm(zoo, x, part(block, "conv1").s, part(block, "bn1").s,
                          (gal_zoo_conv){.out = width, .kernel = 3, .stride = stride, .pad = 1}, GAL_ZOO_RELU);
    y = gal_zoo_conv_norm(zoo, y, part(block, "conv2").s, part(block, "bn2").s,
                          (gal_zoo_conv){.out = width, .kernel = 3, .stride = 1, .pad = 1}, GAL_ZOO_NONE);
    return join(zoo, y, shortcut(zoo, x, block, net, width, stride), block);
}

static gal_value *bottleneck(gal_zoo *zoo, gal_value *x, const char *block, const resnet *net, int width, int stride) {
    gal_value *y = gal_zoo_conv_norm(zoo, x, part(block, "conv1").s, part(block, "bn1").s,
                                     (gal_zoo_conv){.out = width, .kernel = 1, .stride = 1}, GAL_ZOO_RELU);
    y = gal_zoo_conv_norm(zoo, y, part(block, "conv2").s, part(block, "bn2").s,
                          (gal_zoo_conv){.out = width, .kernel = 3, .stride = stride, .pad = 1}, GAL_ZOO_RELU);
    y = gal_zoo_conv_norm(zoo, y, part(block, "conv3").s, part(block, "bn3").s,
                          (gal_zoo_conv){.out = 4 * width, .kernel = 1, .stride = 1}, GAL_ZOO_NONE);
    return join(zoo, y, shortcut(zoo, x, block, net, 4 * width, stride), block);
}

static gal_value *stages(gal_zoo *zoo, gal_value *x, const resnet *net) {
    for (int stage = 0; stage < 4; stage++) {
        for (int b = 0; b < net->blocks[stage]; b++) {
            int stride = stage > 0 && b == 0 ? 2 : 1;
            gal_zoo_text block = gal_zoo_name("layer%d.%d", stage + 1, b);
            x = (net->bottleneck ? bottleneck : basic)(zoo, x, block.s, net, net->width[stage], stride);
        }
    }
    return x;
}

static gal_value *torchvision(gal_zoo *zoo, gal_value *x, const resnet *net) {
    x = gal_zoo_conv_norm(zoo, x, "conv1", "bn1", (gal_zoo_conv){.out = 64, .kernel = 7, .stride = 2, .pad = 3},
                          GAL_ZOO_RELU);
    x = gal_zoo_pool(zoo, "MaxPool", x, "maxpool", 3, 2, 1);
    return gal_zoo_classify(zoo, stages(zoo, x, net));
}

gal_value *gal_zoo_resnet18(gal_zoo *zoo, gal_value *image) {
    return torchvision(zoo, image, &(resnet){{2, 2, 2, 2}, {64, 128, 256, 512}, false, "downsample"});
}

gal_value *gal_zoo_resnet34(gal_zoo *zoo, gal_value *image) {
    return torchvision(zoo, image, &(resnet){{3, 4, 6, 3}, {64, 128, 256, 512}, false, "downsample"});
}

gal_value *gal_zoo_resnet50(gal_zoo *zoo, gal_value *image) {
    return torchvision(zoo, image, &(resnet){{3, 4, 6, 3}, {64, 128, 256, 512}, true, "downsample"});
}

/* One block a stage, so the blocks carry the stages' names; a 3x3 stem without pooling. */
gal_value *gal_zoo_cxr_resnet10(gal_zoo *zoo, gal_value *x) {
    const resnet net = {{1, 1, 1, 1}, {16, 32, 64, 128}, false, "down"};
    x = gal_zoo_conv_norm(zoo, x, "conv1", "bn1", (gal_zoo_conv){.out = 16, .kernel = 3, .stride = 2, .pad = 1},
                          GAL_ZOO_RELU);
    for (int stage = 0; stage < 4; stage++)
        x = basic(zoo, x, gal_zoo_name("layer%d", stage + 1).s, &net, net.width[stage], stage ? 2 : 1);
    return gal_zoo_classify(zoo, x);
}
