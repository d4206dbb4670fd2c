/* f32 convolution: what the node asks for, and its weights in panel order. */
#include "cpu/conv_f32.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 256, MERGE_CHANNELS = 16, LINE = 16 /* floats in a cache line */ };

static size_t round_up(size_t x, size_t to) {
    return (x + to - 1) / to * to;
}

static bool fixed_image(const gal_value *value) {
    const gal_shape *shape = &value->shape;
    return shape->rank == 4 && !shape->dim[1].batch && !shape->dim[2].batch && !shape->dim[3].batch;
}

static const char *check_types(const gal_node *node) {
    const gal_value *x = node->in[0], *w = node->in[1];
    if (x->dtype != GALEN_F32) return "the input is not f32";
    if (!fixed_image(x) || !fixed_image(node->out[0])) return "the image size is not known at load";
    if (w->constant == NULL) return "the weights are not constant";
    if (w->shape.rank != 4) return "the window is not two-dimensional";
    if (node->n_in > 2 && node->in[2] != NULL && node->in[2]->constant == NULL) return "the bias is not constant";
    if (node->n_in > 3 && node->in[3] != NULL && !gal_shape_equal(&node->in[3]->shape, &node->out[0]->shape))
        return "the residual has another shape than the output";
    return NULL;
}

static void pair(const gal_node *node, const char *name, int64_t otherwise, int64_t *a, int64_t *b) {
    size_t count;
    const int64_t *v = gal_attr_ints(node, name, &count);
    *a = count >= 2 ? v[0] : otherwise;
    *b = count >= 2 ? v[1] : otherwise;
}

void gal_conv_place(gal_conv *conv, int vec) {
    size_t seg = (size_t)(conv->merged ? conv->s * conv->cg : conv->cg);
    conv->columns = round_up((size_t)conv->kg, (size_t)vec);
    conv->zero = round_up(sizeof *conv / sizeof(float) + 1, LINE);
    conv->bias = conv->zero + round_up(seg, LINE);
    conv->panels = conv->bias + round_up(conv->columns * (size_t)conv->group, LINE);
}

const char *gal_conv_decode(const gal_node *node, int vec, gal_conv *conv) {
    const char *why = check_types(node);
    if (why != NULL) return why;
    const gal_dim *x = node->in[0]->shape.dim, *y = node->out[0]->shape.dim, *w = node->in[1]->shape.dim;
    memset(conv, 0, sizeof *conv);
    *conv =
        (gal_conv){.h = x[1].size, .w = x[2].size, .c = x[3].size, .oh = y[1].size, .ow = y[2].size, .k = y[3].size};
    conv->cg = w[1].size, conv->r = w[2].size, conv->s = w[3].size;
    pair(node, "strides", 1, &conv->sh, &conv->sw);
    pair(node, "dilations", 1, &conv->dh, &conv->dw);
    pair(node, "pads", 0, &conv->top, &conv->left);
    conv->group = gal_attr_int(node, "group", 1);
    if (conv->group < 1 || conv->k % conv->group != 0 || conv->cg * conv->group != conv->c)
        return "the groups do not divide the channels";
    conv->kg = conv->k / conv->group;
    if (conv->r * conv->s > MAX_TAPS) return "the window has more than 256 taps";
    if (conv->r * conv->s * conv->c * conv->k == 0 || conv->h * conv->w * conv->oh * conv->ow == 0)
        return "there is nothing to compute";
    bool small = conv->c < MERGE_CHANNELS && GAL_TILE_ROWS * conv->r * conv->s * conv->c <= GAL_CONV_EDGE;
    conv->merged = small && conv->dw == 1 && conv->group == 1 && conv->s > 1;
    gal_conv_place(conv, vec);
    return gal_cpu_activation_of(node, &conv->act);
}

size_t gal_conv_packed_bytes(const gal_conv *conv) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    return (conv->panels + depth * conv->columns * (size_t)conv->group) * sizeof(float);
}

/* Column `j` of a group into its panel. */
static bool pack_column(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, const int64_t stride[4],
                        size_t j, float *group) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg), first = j / (size_t)gemm->nr * (size_t)gemm->nr;
    size_t width = conv->columns - first < (size_t)gemm->nr ? conv->columns - first : (size_t)gemm->nr;
    float *out = group + first * depth + (j - first);
    bool finite = true;
    for (int64_t r = 0; r < conv->r; r++) {
        for (int64_t s = 0; s < conv->s; s++) {
            for (int64_t c = 0; c < conv->cg; c++, out += width) {
                *out = w[c * stride[1] + r * stride[2] + s * stride[3]];
                finite &= isfinite(*out) != 0;
            }
        }
    }
    return finite;
}

void gal_conv_pack(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, const int64_t stride[4],
                   const float *bias, void *packed) {
    gal_conv *head = packed;
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    *head = *conv;
    head->finite = true;
    for (int64_t k = 0; k < conv->k; k++) {
        size_t group = (size_t)(k / conv->kg), j = (size_t)(k % conv->kg);
        float *panels = (float *)packed + conv->panels + group * depth * conv->columns;
        if (!pack_column(conv, gemm, w + k * stride[0], stride, j, panels)) head->finite = false;
        if (bias != NULL) ((float *)packed)[conv->bias + group * conv->columns + j] = bias[k];
    }
}
