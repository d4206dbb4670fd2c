/* The rows of conv.def: the same convolution over each level's register tile. */
#include "cpu/conv_f32.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

static const char *conv_reject(const gal_node *node, const gal_gemm_f32 *gemm) {
    gal_conv conv;
    const char *why = gal_conv_f32_decode(node, gemm->vec, &conv);
    if (why == NULL && !gal_conv_f32_finite(node->in[1]->constant)) why = "the weights hold NaN or infinity";
    return why;
}

static void conv_needs(const gal_node *node, const gal_gemm_f32 *gemm, gal_kernel_needs *needs) {
    gal_conv conv;
    *needs = (gal_kernel_needs){0};
    if (gal_conv_f32_decode(node, gemm->vec, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

static void conv_pack(const gal_node *node, const gal_gemm_f32 *gemm, gal_columns part, void *packed) {
    gal_conv conv;
    if (gal_conv_f32_decode(node, gemm->vec, &conv) != NULL) return;
    const int64_t stride[4] = {conv.cg * conv.r * conv.s, conv.r * conv.s, conv.s, 1};
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    gal_conv_f32_pack(&conv, gemm, node->in[1]->constant->data, stride, bias == NULL ? NULL : bias->constant->data,
                      part, packed);
}

static galen_status conv_run(const gal_call *call, const gal_gemm_f32 *gemm) {
    gal_conv_f32_run(gemm, call);
    return GALEN_OK;
}

#define CONV(level)                                                                                                    \
    const char *gal_conv_f32_##level##_reject(const gal_node *node) {                                                  \
        return conv_reject(node, &gal_tile_##level);                                                                   \
    }                                                                                                                  \
    void gal_conv_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) { \
        (void)max_batch, (void)threads;                                                                                \
        conv_needs(node, &gal_tile_##level, needs);                                                                    \
    }                                                                                                                  \
    void gal_conv_f32_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                           \
        conv_pack(node, &gal_tile_##level, part, packed);                                                              \
    }                                                                                                                  \
    galen_status gal_conv_f32_##level##_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        return conv_run(call, &gal_tile_##level);                                                                      \
    }

GAL_EACH_LEVEL(CONV)
