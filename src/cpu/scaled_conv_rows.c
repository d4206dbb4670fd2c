/* The rows of scaled_conv.def: the convolution of conv_rows.c and conv_bf16.c over pixels scaled a few tiles at a time.
 */
#include "cpu/conv_f32.h"
#include "cpu/elementwise.h"
#include "cpu/loops_bf16.h"
#include "cpu/rows.h"
#include "cpu/scaled_conv.h"

enum { SCALE = 4, SHIFT = 5 };

const char *gal_scaled_conv_reject(const gal_node *node) {
    bool constant = node->in[SCALE]->constant != NULL && node->in[SHIFT]->constant != NULL;
    return constant ? NULL : "the scale is not constant";
}

gal_conv_scale gal_scaled_conv_scale(const gal_call *call, gal_scale_fn *fn) {
    bool relu = gal_attr_string(call->node, "in_activation", "")[0] != '\0';
    return (gal_conv_scale){.fn = fn,
                            .scale = call->in[SCALE]->data,
                            .shift = call->in[SHIFT]->data,
                            .act = gal_cpu_activation_make(relu ? GAL_ACT_RELU : GAL_ACT_NONE, 0, 0),
                            .element = galen_dtype_size(call->in[0]->dtype)};
}

static const char *fits(const gal_node *node, const gal_gemm_f32 *gemm) {
    int64_t channels = node->in[0]->shape.dim[3].size, element = (int64_t)galen_dtype_size(node->in[0]->dtype);
    const char *why = gal_scaled_conv_reject(node);
    if (why != NULL) return why;
    return channels * element * gemm->mr > GAL_CONV_SCALED * 4 ? "there are too many channels" : NULL;
}

/* A row over another's weights: `like` is its symbol. */
#define SCALED(name, like, gemm, loops)                                                                                \
    static void scale_##name(const void *x, size_t x_pitch, const float *scale, const float *shift, void *y,           \
                             size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act) {                 \
        (loops).scale_shift(x, x_pitch, scale, shift, y, y_pitch, pixels, c, act);                                     \
    }                                                                                                                  \
    const char *gal_scaled_conv_##name##_reject(const gal_node *node) {                                                \
        const char *why = like##_reject(node);                                                                         \
        return why != NULL ? why : fits(node, &(gemm));                                                                \
    }                                                                                                                  \
    void gal_scaled_conv_##name##_needs(const gal_node *node, int64_t max_batch, int threads,                          \
                                        gal_kernel_needs *needs) {                                                     \
        like##_needs(node, max_batch, threads, needs);                                                                 \
    }                                                                                                                  \
    void gal_scaled_conv_##name##_pack(const gal_node *node, void *packed) {                                           \
        like##_pack(node, packed);                                                                                     \
    }                                                                                                                  \
    galen_status gal_scaled_conv_##name##_run(const gal_call *call, galen_error *err) {                                \
        (void)err;                                                                                                     \
        const gal_conv_scale scale = gal_scaled_conv_scale(call, scale_##name);                                        \
        gal_conv_f32_run(&(gemm), call, &scale);                                                                       \
        return GALEN_OK;                                                                                               \
    }

#if defined(__x86_64__)
SCALED(f32_avx2, gal_conv_f32_avx2, gal_tile_avx2, gal_elementwise_avx2)
SCALED(f32_avx512, gal_conv_f32_avx512, gal_tile_avx512, gal_elementwise_avx512)
SCALED(bf16_avx512bf16, gal_conv_bf16_avx512bf16, gal_tile_bf16_avx512bf16, gal_loops_bf16_avx512bf16)
#elif defined(__aarch64__)
SCALED(f32_neon, gal_conv_f32_neon, gal_tile_neon, gal_elementwise_neon)
SCALED(bf16_neonbf16, gal_conv_bf16_neonbf16, gal_tile_bf16_neonbf16, gal_loops_bf16_neonbf16)
#endif
