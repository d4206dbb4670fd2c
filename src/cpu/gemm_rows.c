/* The rows of gemm.def: a matrix product is a convolution of 1x1 images (conv_f32.h), one a row of A. */
#include "cpu/conv_f32.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <string.h>

/* A bias is one row of n numbers, or absent. */
static bool plain_bias(const gal_value *bias, int64_t n) {
    if (bias == NULL) return true;
    const gal_shape *shape = &bias->shape;
    if (bias->constant == NULL || galen_tensor_elements(bias->constant) != n) return false;
    return n == 1 || shape->dim[shape->rank - 1].size == n;
}

static const char *gemm_decode(const gal_node *node, int vec, gal_conv *conv) {
    const gal_value *a = node->in[0], *b = node->in[1];
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    if (a->dtype != GALEN_F32 || a->shape.rank < 2 || b->shape.rank != 2) return "the operands are not f32 matrices";
    if (b->constant == NULL) return "the right operand is not constant";
    if (gal_attr_int(node, "transA", 0) != 0) return "the left operand is transposed";
    if (gal_attr_float(node, "alpha", 1) != 1 || gal_attr_float(node, "beta", 1) != 1) return "alpha or beta is not 1";
    memset(conv, 0, sizeof *conv);
    *conv =
        (gal_conv){.h = 1, .w = 1, .oh = 1, .ow = 1, .r = 1, .s = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    conv->c = conv->cg = b->shape.dim[transposed ? 1 : 0].size;
    conv->k = conv->kg = b->shape.dim[transposed ? 0 : 1].size;
    if (conv->c < 1 || conv->k < 1) return "there is nothing to compute";
    if (!plain_bias(node->n_in > 2 ? node->in[2] : NULL, conv->k)) return "the bias is not a constant row";
    gal_conv_f32_place(conv, vec);
    return gal_cpu_activation_of(node, &conv->act);
}

static const char *gemm_reject(const gal_node *node, const gal_gemm_f32 *gemm) {
    gal_conv conv;
    const char *why = gemm_decode(node, gemm->vec, &conv);
    if (why == NULL && !gal_conv_f32_finite(node->in[1]->constant)) why = "the weights hold NaN or infinity";
    return why;
}

static void gemm_needs(const gal_node *node, const gal_gemm_f32 *gemm, gal_kernel_needs *needs) {
    gal_conv conv;
    *needs = (gal_kernel_needs){0};
    if (gemm_decode(node, gemm->vec, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

static void gemm_pack(const gal_node *node, const gal_gemm_f32 *gemm, gal_columns part, void *packed) {
    gal_conv conv;
    if (gemm_decode(node, gemm->vec, &conv) != NULL) return;
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    const int64_t stride[4] = {transposed ? conv.c : 1, transposed ? 1 : conv.k, 0, 0};
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    gal_conv_f32_pack(&conv, gemm, node->in[1]->constant->data, stride, bias == NULL ? NULL : bias->constant->data,
                      part, packed);
}

static galen_status gemm_run(const gal_call *call, const gal_gemm_f32 *gemm) {
    gal_conv_f32_run(gemm, call);
    return GALEN_OK;
}

#define GEMM(level)                                                                                                    \
    const char *gal_gemm_f32_##level##_reject(const gal_node *node) {                                                  \
        return gemm_reject(node, &gal_tile_##level);                                                                   \
    }                                                                                                                  \
    void gal_gemm_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) { \
        (void)max_batch, (void)threads;                                                                                \
        gemm_needs(node, &gal_tile_##level, needs);                                                                    \
    }                                                                                                                  \
    void gal_gemm_f32_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                           \
        gemm_pack(node, &gal_tile_##level, part, packed);                                                              \
    }                                                                                                                  \
    galen_status gal_gemm_f32_##level##_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        return gemm_run(call, &gal_tile_##level);                                                                      \
    }

GAL_EACH_LEVEL(GEMM)
