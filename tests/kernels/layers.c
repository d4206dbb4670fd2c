/* Convolutions from real networks and odd ones. */
#include "layers.h"

#include "cases.h"

/* Layers of ResNet, DenseNet, EfficientNet and MobileNet: image, channels in and out, window, stride, groups. */
static const int64_t real[][6] = {
    {64, 3, 64, 7, 2, 1},        {16, 64, 64, 3, 1, 1},       {16, 64, 128, 3, 2, 1},    {16, 64, 128, 1, 2, 1},
    {8, 128, 128, 3, 1, 1},      {4, 256, 256, 3, 1, 1},      {2, 512, 512, 3, 1, 1},    {4, 256, 512, 3, 2, 1},
    {56, 64, 256, 1, 1, 1},      {56, 256, 64, 1, 1, 1},      {14, 1024, 256, 1, 1, 1},  {7, 512, 2048, 1, 1, 1},
    {56, 128, 32, 3, 1, 1},      {28, 512, 128, 1, 1, 1},     {14, 128, 32, 3, 1, 1},    {112, 32, 32, 3, 1, 32},
    {112, 96, 96, 3, 2, 96},     {28, 144, 144, 5, 2, 144},   {14, 480, 480, 3, 1, 480}, {14, 672, 672, 5, 1, 672},
    {7, 1152, 1152, 5, 1, 1152}, {7, 1152, 1152, 3, 1, 1152}, {14, 672, 112, 1, 1, 1},   {56, 24, 144, 1, 1, 1},
    {224, 3, 32, 3, 2, 1},       {28, 1, 16, 3, 1, 1},        {14, 128, 128, 3, 1, 32},  {1, 512, 128, 1, 1, 1},
};

int64_t layer_count(void) {
    return sizeof real / sizeof *real;
}

/* A square window over a square image, padded by half a window. */
layer layer_square(int64_t side, int64_t in, int64_t out, int64_t window, int64_t stride, int64_t group) {
    int64_t pad = window / 2;
    return (layer){side, side, in, out, window, window, stride, 1, pad, pad, pad, pad, group, "Relu", true, false};
}

layer layer_real(size_t i) {
    const int64_t *d = real[i];
    return layer_square(d[0], d[1], d[2], d[3], d[4], d[5]);
}

/* Multiply-adds of one image. */
int64_t layer_work(const layer *l) {
    return l->h * l->w * l->c * l->k * l->r * l->s / (l->group * l->stride * l->stride);
}

void layer_scale_down_channels(layer *l, int64_t limit) {
    while (layer_work(l) > limit && l->c > 1) {
        if (l->group > 1)
            l->group = (l->group + 1) / 2, l->c = l->group * (l->c > l->group ? 4 : 1), l->k = l->c;
        else
            l->c = (l->c + 1) / 2, l->k = (l->k + 1) / 2;
    }
}

void layer_scale_down(layer *l, int64_t limit) {
    while (layer_work(l) > limit && (l->h > 8 || l->w > 8)) l->h = (l->h + 1) / 2, l->w = l->w / 2 + 1;
    layer_scale_down_channels(l, limit);
}

void layer_odd(layer *l, gal_rng *rng) {
    int64_t cg = case_pick(rng, 1, 40), kg = case_pick(rng, 1, 70);
    *l = (layer){
        .h = case_pick(rng, 1, 19), .w = case_pick(rng, 1, 19), .r = case_pick(rng, 1, 5), .s = case_pick(rng, 1, 5)};
    l->group = case_pick(rng, 0, 3) == 0 ? case_pick(rng, 2, 5) : 1;
    if (case_pick(rng, 0, 4) == 0) l->group = case_pick(rng, 2, 75), cg = kg = 1;
    l->c = cg * l->group, l->k = kg * l->group;
    l->stride = case_pick(rng, 1, 3);
    l->dilation = case_pick(rng, 0, 4) == 0 ? 2 : 1;
    l->top = case_pick(rng, 0, l->r), l->left = case_pick(rng, 0, l->s), l->bottom = case_pick(rng, 0, l->r),
    l->right = case_pick(rng, 0, l->s);
}

/*
 * A 3x3 window with stride 1, which rows may compute in tiles of 2x2 or 4x4 outputs: a large image of few channels, a
 * small one of many, or anything; the last two odd in every way.
 */
void layer_tiled(layer *l, gal_rng *rng) {
    int64_t kind = case_pick(rng, 0, 2), most = kind == 0 ? 30 : kind == 1 ? 10 : 20;
    int64_t least = kind == 0 ? 16 : kind == 1 ? 5 : 1, channels = kind == 0 ? 12 : kind == 1 ? 48 : 1;
    *l = layer_square(case_pick(rng, least, most), case_pick(rng, channels, 2 * channels + 20),
                      case_pick(rng, channels, 2 * channels + 20), 3, 1, 1);
    l->w = case_pick(rng, least, most);
    if (kind == 0) return;
    l->top = case_pick(rng, 0, 3), l->left = case_pick(rng, 0, 3);
    l->bottom = case_pick(rng, 0, 3), l->right = case_pick(rng, 0, 3);
}

void layer_make_fit(layer *l) {
    int64_t rows = (l->r - 1) * l->dilation + 1 - l->h - l->top - l->bottom,
            columns = (l->s - 1) * l->dilation + 1 - l->w - l->left - l->right;
    if (rows > 0) l->bottom += rows;
    if (columns > 0) l->right += columns;
}
