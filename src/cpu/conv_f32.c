/* f32 convolution: what the node asks for, and its weights in panel order. */
#include "cpu/conv_f32.h"
#include "base/whole.h"

#include "graph/ops/quantized.h"
#include "graph/ops/window.h"

#include <string.h>

enum { MAX_TAPS = 256, MERGE_CHANNELS = 16, LINE = 16 /* floats in a cache line */ };

static bool fixed_image(const gal_value *value) {
    const gal_shape *shape = &value->shape;
    return shape->rank == 4 && !shape->dim[1].batch && !shape->dim[2].batch && !shape->dim[3].batch;
}

static const char *check_types(const gal_node *node) {
    const gal_value *x = node->in[0], *w = node->in[1];
    if (!fixed_image(x) || !fixed_image(node->out[0])) return "the image size is not known at load";
    if (w->constant == NULL) return "the weights are not constant";
    if (w->shape.rank != 4) return "the window is not two-dimensional";
    if (gal_is_dynamic(node)) return NULL; /* its inputs 2 and 3 are a zero point and a scale */
    if (node->n_in > 2 && node->in[2] != NULL && node->in[2]->constant == NULL) return "the bias is not constant";
    if (node->n_in > 3 && node->in[3] != NULL && !gal_shape_equal(&node->in[3]->shape, &node->out[0]->shape))
        return "the residual has another shape than the output";
    return NULL;
}

void gal_conv_f32_place(gal_conv *conv, int vec) {
    size_t seg = (size_t)(conv->merged ? conv->s * conv->cg : conv->cg);
    conv->columns = gal_round_up((size_t)conv->kg, (size_t)vec);
    conv->zero = gal_round_up(sizeof *conv / sizeof(float) + 1, LINE);
    conv->bias = conv->zero + gal_round_up(seg, LINE);
    conv->panels = conv->bias + gal_round_up(conv->columns * (size_t)conv->group, LINE);
}

/* What all rows read of a node: sizes, window, groups, activation. */
const char *gal_conv_geometry(const gal_node *node, gal_conv *conv) {
    const char *why = check_types(node);
    if (why != NULL) return why;
    gal_window win;
    const gal_window_spec spec = {
        .spatial = node->in[0]->shape.dim + 1, .rank = 2, .kernel = node->in[1]->shape.dim + 2};
    if (gal_window_make(node, &spec, &win, NULL) != GALEN_OK) return "the window is not understood";
    *conv = (gal_conv){
        .h = win.in[1], .w = win.in[2], .oh = win.out[1], .ow = win.out[2], .r = win.kernel[1], .s = win.kernel[2]};
    conv->sh = win.stride[1], conv->sw = win.stride[2], conv->dh = win.dilation[1], conv->dw = win.dilation[2];
    conv->top = win.before[1], conv->left = win.before[2];
    conv->c = node->in[0]->shape.dim[3].size, conv->k = node->in[1]->shape.dim[0].size;
    conv->cg = node->in[1]->shape.dim[1].size;
    conv->group = gal_attr_int(node, "group", 1);
    if (conv->group < 1 || conv->k % conv->group != 0 || conv->cg * conv->group != conv->c)
        return "the groups do not divide the channels";
    conv->kg = conv->k / conv->group;
    if (conv->r > MAX_TAPS || conv->s > MAX_TAPS || conv->r * conv->s > MAX_TAPS)
        return "the window has more than 256 taps";
    if (conv->r < 1 || conv->s < 1 || conv->cg < 1 || conv->kg < 1 || conv->h < 1 || conv->w < 1 || conv->oh < 1 ||
        conv->ow < 1)
        return "there is nothing to compute";
    return gal_cpu_activation_of(node, &conv->act);
}

bool gal_conv_wants_merging(const gal_conv *conv) {
    bool small = conv->c < MERGE_CHANNELS && GAL_TILE_ROWS * conv->r * conv->s * conv->c <= GAL_CONV_EDGE;
    return small && conv->dw == 1 && conv->group == 1 && conv->s > 1;
}

const char *gal_conv_f32_decode(const gal_node *node, int vec, gal_conv *conv) {
    const char *why = gal_conv_geometry(node, conv);
    if (why != NULL) return why;
    if (node->in[0]->dtype == GALEN_BF16 || node->in[0]->dtype == GALEN_F16) {
        if (conv->cg % 2 != 0) return "the channels of a group are not pairs";
        conv->c /= 2, conv->cg /= 2;
    }
    conv->merged = gal_conv_wants_merging(conv);
    gal_conv_f32_place(conv, vec);
    return NULL;
}

const char *gal_conv_dw_decode(const gal_node *node, int block, gal_conv *conv) {
    const char *why = gal_conv_geometry(node, conv);
    if (why != NULL) return why;
    if (conv->cg != 1 || conv->kg != 1) return "is for depthwise convolution";
    if (node->in[1]->dtype != GALEN_F32) return "the weights are not f32";
    conv->columns = gal_round_up((size_t)conv->c, (size_t)block);
    conv->bias = gal_round_up(sizeof *conv / sizeof(float) + 1, LINE);
    conv->panels = conv->bias + conv->columns;
    return NULL;
}

size_t gal_conv_dw_packed_bytes(const gal_conv *conv) {
    return (conv->panels + (size_t)(conv->r * conv->s) * conv->columns) * sizeof(float);
}

bool gal_conv_f32_finite(const galen_tensor *weights) {
    const uint32_t *bits = weights->data, exponent = 0x7f800000;
    int64_t n = galen_tensor_elements(weights);
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) bad |= (bits[i] & exponent) == exponent;
    return bad == 0;
}

size_t gal_conv_f32_packed_bytes(const gal_conv *conv) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    return (conv->panels + depth * conv->columns * (size_t)conv->group) * sizeof(float);
}

/* Column `j` of a group into its panel. */
static void pack_column(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, const int64_t stride[4],
                        size_t j, float *group) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg), first = j / (size_t)gemm->nr * (size_t)gemm->nr;
    size_t width = conv->columns - first < (size_t)gemm->nr ? conv->columns - first : (size_t)gemm->nr;
    float *out = group + first * depth + (j - first);
    for (int64_t r = 0; r < conv->r; r++) {
        for (int64_t s = 0; s < conv->s; s++) {
            for (int64_t c = 0; c < conv->cg; c++, out += width)
                *out = w[c * stride[1] + r * stride[2] + s * stride[3]];
        }
    }
}

/*
 * The panel of n columns side by side whose weights are dense: a line of each column at a time, since columns lie
 * kilobytes apart and often in the same few sets of the cache.
 */
static void pack_panel(const gal_conv *conv, const float *w, int n, size_t width, float *out) {
    float tile[GAL_PACK_STEP][LINE];
    int64_t taps = conv->r * conv->s, depth = taps * conv->cg, c = 0, tap = 0;
    for (int64_t at = 0; at < depth; at += LINE) {
        int lines = depth - at < LINE ? (int)(depth - at) : LINE;
        for (int j = 0; j < n; j++) memcpy(tile[j], w + j * depth + at, (size_t)lines * sizeof(float));
        for (int i = 0; i < lines; i++) {
            float *row = out + (size_t)(tap * conv->cg + c) * width;
            for (int j = 0; j < n; j++) row[j] = tile[j][i];
            if (++tap == taps) tap = 0, c++;
        }
    }
}

/* One group of dense weights [k, c, r, s]: whole panels. */
static void pack_panels(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, gal_columns part,
                        float *panels) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    for (int64_t k = part.first; k < part.end; k += gemm->nr) {
        size_t left = conv->columns - (size_t)k;
        int64_t n = part.end - k < gemm->nr ? part.end - k : gemm->nr;
        pack_panel(conv, w + (size_t)k * depth, (int)n, left < (size_t)gemm->nr ? left : (size_t)gemm->nr,
                   panels + (size_t)k * depth);
    }
}

void gal_conv_f32_pack(const gal_conv *conv, const gal_gemm_f32 *gemm, const float *w, const int64_t stride[4],
                       const float *bias, gal_columns part, void *packed) {
    int64_t taps = conv->r * conv->s;
    size_t depth = (size_t)(taps * conv->cg);
    bool dense = conv->group == 1 && stride[0] == taps * conv->cg && (conv->cg == 1 || stride[1] == taps) &&
                 (taps == 1 || (stride[2] == conv->s && stride[3] == 1));
    float *words = packed;
    if (part.first == 0) memcpy(packed, conv, sizeof *conv);
    if (dense) pack_panels(conv, gemm, w, part, words + conv->panels);
    for (int64_t k = part.first; k < part.end; k++) {
        size_t group = (size_t)(k / conv->kg), j = (size_t)(k % conv->kg);
        if (!dense)
            pack_column(conv, gemm, w + k * stride[0], stride, j, words + conv->panels + group * depth * conv->columns);
        if (bias != NULL) words[conv->bias + group * conv->columns + j] = bias[k];
    }
}
