/*
 * The bf16 rows of convolution and matrix product: conv_f32_run.c over pairs of channels. A panel holds, for each
 * column, the two weights of a pair as one word.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/conv_bf16.h"

#include "cpu/rows.h"

#include <string.h>

/* The one level that a processor has: ROW(conv, run) is gal_conv_bf16_<level>_run. */
#if defined(__x86_64__)
#define ROW(name, what) gal_##name##_bf16_avx512bf16_##what
static const gal_gemm_f32 *const to_bf16 = &gal_tile_bf16_avx512bf16, *const to_f32 = &gal_tile_bf16_f32_avx512bf16;
#else
#define ROW(name, what) gal_##name##_bf16_neonbf16_##what
static const gal_gemm_f32 *const to_bf16 = &gal_tile_bf16_neonbf16, *const to_f32 = &gal_tile_bf16_f32_neonbf16;
#endif

bool gal_conv_bf16_finite(const galen_tensor *weights) {
    const uint16_t *bits = weights->data;
    int64_t n = bits != NULL ? galen_tensor_elements(weights) : 0;
    uint16_t bad = 0;              /* of the elements' width, for vectors */
    if (bits == NULL) return true; /* packed and let go of: they were finite when the row was chosen */
    for (int64_t i = 0; i < n; i++) bad |= (uint16_t)((bits[i] & 0x7f80) == 0x7f80);
    return bad == 0;
}

static const char *check(const gal_node *node, const char *why) {
    if (why != NULL) return why;
    return gal_conv_bf16_finite(node->in[1]->constant) ? NULL : "the weights hold NaN or infinity";
}

const char *gal_conv_bf16_decode(const gal_node *node, gal_conv *conv) {
    return check(node, gal_conv_f32_decode(node, to_bf16->vec, conv));
}

/* Column `j` of a group into its panel; w(c, r, s) is w[c * stride[1] + r * stride[2] + s * stride[3]]. */
static void pack_column(const gal_conv *conv, const gal_gemm_f32 *gemm, const uint16_t *w, const int64_t stride[4],
                        size_t j, uint16_t *group) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg), first = j / (size_t)gemm->nr * (size_t)gemm->nr;
    size_t width = conv->columns - first < (size_t)gemm->nr ? conv->columns - first : (size_t)gemm->nr;
    uint16_t *out = group + 2 * (first * depth + (j - first));
    for (int64_t r = 0; r < conv->r; r++) {
        for (int64_t s = 0; s < conv->s; s++) {
            for (int64_t pair = 0; pair < conv->cg; pair++, out += 2 * width) {
                const uint16_t *from = w + 2 * pair * stride[1] + r * stride[2] + s * stride[3];
                out[0] = from[0];
                out[1] = from[stride[1]];
            }
        }
    }
}

static void pack(const gal_conv *conv, const gal_gemm_f32 *gemm, const gal_node *node, const int64_t stride[4],
                 gal_columns part, void *packed) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    const uint16_t *w = node->in[1]->constant->data;
    const float *bias = node->n_in > 2 && node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    if (part.first == 0) memcpy(packed, conv, sizeof *conv);
    for (int64_t k = part.first; k < part.end; k++) {
        size_t group = (size_t)(k / conv->kg), j = (size_t)(k % conv->kg);
        float *panels = (float *)packed + conv->panels + group * depth * conv->columns;
        pack_column(conv, gemm, w + k * stride[0], stride, j, (uint16_t *)(void *)panels);
        if (bias != NULL) ((float *)packed)[conv->bias + group * conv->columns + j] = bias[k];
    }
}

/* ---- convolution ---- */

const char *ROW(conv, reject)(const gal_node *node) {
    gal_conv conv;
    return gal_conv_bf16_decode(node, &conv);
}

void ROW(conv, needs)(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_conv conv;
    (void)max_batch, (void)threads;
    *needs = (gal_kernel_needs){0};
    if (gal_conv_f32_decode(node, to_bf16->vec, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

void ROW(conv, pack)(const gal_node *node, gal_columns part, void *packed) {
    gal_conv conv;
    if (gal_conv_f32_decode(node, to_bf16->vec, &conv) != NULL) return;
    const int64_t stride[4] = {2 * conv.cg * conv.r * conv.s, conv.r * conv.s, conv.s, 1};
    pack(&conv, to_bf16, node, stride, part, packed);
}

galen_status ROW(conv, run)(const gal_call *call, galen_error *err) {
    (void)err;
    gal_conv_f32_run(to_bf16, call);
    return GALEN_OK;
}

/* ---- matrix product: 1x1 images, one a row of A ---- */

/* A bias is one row of n numbers, or absent. */
static bool plain_bias(const gal_value *bias, int64_t n) {
    if (bias == NULL) return true;
    const gal_shape *shape = &bias->shape;
    if (bias->constant == NULL || galen_tensor_elements(bias->constant) != n) return false;
    return n == 1 || shape->dim[shape->rank - 1].size == n;
}

static const char *gemm_shape(const gal_node *node, gal_conv *conv) {
    const gal_value *a = node->in[0], *b = node->in[1];
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    if (a->shape.rank != 2 || b->shape.rank != 2) return "the operands are not matrices";
    if (b->constant == NULL) return "the right operand is not constant";
    *conv =
        (gal_conv){.h = 1, .w = 1, .oh = 1, .ow = 1, .r = 1, .s = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    conv->c = conv->cg = b->shape.dim[transposed ? 1 : 0].size / 2;
    conv->k = conv->kg = b->shape.dim[transposed ? 0 : 1].size;
    if (b->shape.dim[transposed ? 1 : 0].size % 2 != 0) return "the inner dimension is not pairs";
    if (conv->c < 1 || conv->k < 1) return "there is nothing to compute";
    if (!plain_bias(node->n_in > 2 ? node->in[2] : NULL, conv->k)) return "the bias is not a constant row";
    gal_conv_f32_place(conv, to_f32->vec);
    return gal_cpu_activation_of(node, &conv->act);
}

const char *gal_gemm_bf16_decode(const gal_node *node, gal_conv *conv) {
    return check(node, gemm_shape(node, conv));
}

const char *ROW(gemm, reject)(const gal_node *node) {
    gal_conv conv;
    return gal_gemm_bf16_decode(node, &conv);
}

void ROW(gemm, needs)(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_conv conv;
    (void)max_batch, (void)threads;
    *needs = (gal_kernel_needs){0};
    if (gemm_shape(node, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

void ROW(gemm, pack)(const gal_node *node, gal_columns part, void *packed) {
    gal_conv conv;
    if (gemm_shape(node, &conv) != NULL) return;
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    const int64_t stride[4] = {transposed ? 2 * conv.c : 1, transposed ? 1 : conv.k, 0, 0};
    pack(&conv, to_f32, node, stride, part, packed);
}

galen_status ROW(gemm, run)(const gal_call *call, galen_error *err) {
    (void)err;
    gal_conv_f32_run(to_f32, call);
    return GALEN_OK;
}
#endif
