/*
 * The bf16 and f16 rows of convolution and matrix product: conv_f32_run.c over pairs of channels. A panel of bf16
 * holds, for each column, the two weights of a pair as one word; of f16 the columns of one channel and then of the
 * other.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/conv_bf16.h"

#include "cpu/rows.h"

#include <string.h>

/* A type at one level: its tiles for results in 16 bits and in f32. */
typedef struct half_level {
    const gal_gemm_f32 *narrow, *wide;
    bool woven; /* the weights of a pair are one word */
} half_level;

bool gal_conv_half_finite(const galen_tensor *weights) {
    const uint16_t *bits = weights->data, exponent = weights->dtype == GALEN_F16 ? 0x7c00 : 0x7f80;
    int64_t n = bits != NULL ? galen_tensor_elements(weights) : 0;
    uint16_t bad = 0;              /* of the elements' width, for vectors */
    if (bits == NULL) return true; /* packed and let go of: they were finite when the row was chosen */
    for (int64_t i = 0; i < n; i++) bad |= (uint16_t)((bits[i] & exponent) == exponent);
    return bad == 0;
}

static const char *check(const gal_node *node, const char *why) {
    if (why != NULL) return why;
    return gal_conv_half_finite(node->in[1]->constant) ? NULL : "the weights hold NaN or infinity";
}

/* Column `j` of a group into its panel; w(c, r, s) is w[c * stride[1] + r * stride[2] + s * stride[3]]. */
static void pack_column(const gal_conv *conv, const gal_gemm_f32 *gemm, bool woven, const uint16_t *w,
                        const int64_t stride[4], size_t j, uint16_t *group) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg), first = j / (size_t)gemm->nr * (size_t)gemm->nr;
    size_t width = conv->columns - first < (size_t)gemm->nr ? conv->columns - first : (size_t)gemm->nr;
    size_t next = woven ? 1 : width; /* of the pair's second channel */
    uint16_t *out = group + 2 * first * depth + (woven ? 2 : 1) * (j - first);
    for (int64_t r = 0; r < conv->r; r++) {
        for (int64_t s = 0; s < conv->s; s++) {
            for (int64_t pair = 0; pair < conv->cg; pair++, out += 2 * width) {
                const uint16_t *from = w + 2 * pair * stride[1] + r * stride[2] + s * stride[3];
                out[0] = from[0];
                out[next] = from[stride[1]];
            }
        }
    }
}

static void pack(const gal_conv *conv, const gal_gemm_f32 *gemm, bool woven, const gal_node *node,
                 const int64_t stride[4], gal_columns part, void *packed) {
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    const uint16_t *w = node->in[1]->constant->data;
    const float *bias = node->n_in > 2 && node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    if (part.first == 0) memcpy(packed, conv, sizeof *conv);
    for (int64_t k = part.first; k < part.end; k++) {
        size_t group = (size_t)(k / conv->kg), j = (size_t)(k % conv->kg);
        float *panels = (float *)packed + conv->panels + group * depth * conv->columns;
        pack_column(conv, gemm, woven, w + k * stride[0], stride, j, (uint16_t *)(void *)panels);
        if (bias != NULL) ((float *)packed)[conv->bias + group * conv->columns + j] = bias[k];
    }
}

/* ---- convolution ---- */

static const char *conv_reject(const gal_node *node, const half_level *level) {
    gal_conv conv;
    return check(node, gal_conv_f32_decode(node, level->narrow->vec, &conv));
}

static void conv_needs(const gal_node *node, const half_level *level, gal_kernel_needs *needs) {
    gal_conv conv;
    *needs = (gal_kernel_needs){0};
    if (gal_conv_f32_decode(node, level->narrow->vec, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

static void conv_pack(const gal_node *node, const half_level *level, gal_columns part, void *packed) {
    gal_conv conv;
    if (gal_conv_f32_decode(node, level->narrow->vec, &conv) != NULL) return;
    const int64_t stride[4] = {2 * conv.cg * conv.r * conv.s, conv.r * conv.s, conv.s, 1};
    pack(&conv, level->narrow, level->woven, node, stride, part, packed);
}

/* ---- matrix product: 1x1 images, one a row of A ---- */

/* A bias is one row of n numbers, or absent. */
static bool plain_bias(const gal_value *bias, int64_t n) {
    if (bias == NULL) return true;
    const gal_shape *shape = &bias->shape;
    if (bias->constant == NULL || galen_tensor_elements(bias->constant) != n) return false;
    return n == 1 || shape->dim[shape->rank - 1].size == n;
}

static const char *gemm_shape(const gal_node *node, const half_level *level, gal_conv *conv) {
    const gal_value *a = node->in[0], *b = node->in[1];
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    if (a->shape.rank < 2 || b->shape.rank != 2) return "the operands are not matrices";
    if (b->constant == NULL) return "the right operand is not constant";
    *conv =
        (gal_conv){.h = 1, .w = 1, .oh = 1, .ow = 1, .r = 1, .s = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    conv->c = conv->cg = b->shape.dim[transposed ? 1 : 0].size / 2;
    conv->k = conv->kg = b->shape.dim[transposed ? 0 : 1].size;
    if (b->shape.dim[transposed ? 1 : 0].size % 2 != 0) return "the inner dimension is not pairs";
    if (conv->c < 1 || conv->k < 1) return "there is nothing to compute";
    if (!plain_bias(node->n_in > 2 ? node->in[2] : NULL, conv->k)) return "the bias is not a constant row";
    gal_conv_f32_place(conv, level->wide->vec);
    return gal_cpu_activation_of(node, &conv->act);
}

static const char *gemm_reject(const gal_node *node, const half_level *level) {
    gal_conv conv;
    return check(node, gemm_shape(node, level, &conv));
}

static void gemm_needs(const gal_node *node, const half_level *level, gal_kernel_needs *needs) {
    gal_conv conv;
    *needs = (gal_kernel_needs){0};
    if (gemm_shape(node, level, &conv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&conv);
    needs->outputs = conv.k;
}

static void gemm_pack(const gal_node *node, const half_level *level, gal_columns part, void *packed) {
    gal_conv conv;
    if (gemm_shape(node, level, &conv) != NULL) return;
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    const int64_t stride[4] = {transposed ? 2 * conv.c : 1, transposed ? 1 : conv.k, 0, 0};
    pack(&conv, level->wide, level->woven, node, stride, part, packed);
}

/* ---- the rows of each level ---- */

static void run(const gal_call *call, const half_level *level) {
    gal_conv_f32_run(call->out[0]->dtype == GALEN_F32 ? level->wide : level->narrow, call);
}

#define ROWS(op, level)                                                                                                \
    const char *gal_##op##_##level##_reject(const gal_node *node) {                                                    \
        return op##_reject(node, &level);                                                                              \
    }                                                                                                                  \
    void gal_##op##_##level##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {   \
        (void)max_batch, (void)threads;                                                                                \
        op##_needs(node, &level, needs);                                                                               \
    }                                                                                                                  \
    void gal_##op##_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                             \
        op##_pack(node, &level, part, packed);                                                                         \
    }                                                                                                                  \
    galen_status gal_##op##_##level##_run(const gal_call *call, galen_error *err) {                                    \
        (void)err;                                                                                                     \
        run(call, &level);                                                                                             \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level)                                                                                                   \
    ROWS(conv, level)                                                                                                  \
    ROWS(gemm, level)

#if defined(__x86_64__)
static const half_level bf16_avx512bf16 = {&gal_tile_bf16_avx512bf16, &gal_tile_bf16_f32_avx512bf16, true},
                        f16_avx512 = {&gal_tile_f16_avx512, &gal_tile_f16_f32_avx512, false},
                        f16_avx2 = {&gal_tile_f16_avx2, &gal_tile_f16_f32_avx2, false};
LEVEL(bf16_avx512bf16)
LEVEL(f16_avx512)
LEVEL(f16_avx2)
#else
static const half_level bf16_neonbf16 = {&gal_tile_bf16_neonbf16, &gal_tile_bf16_f32_neonbf16, true},
                        f16_neon = {&gal_tile_f16_neon, &gal_tile_f16_f32_neon, false};
LEVEL(bf16_neonbf16)
LEVEL(f16_neon)
#endif

/* For rows that compute with other units: the level that says how wide a bf16 vector is. */
#if defined(__x86_64__)
static const half_level *const bf16 = &bf16_avx512bf16;
#else
static const half_level *const bf16 = &bf16_neonbf16;
#endif

const char *gal_conv_bf16_decode(const gal_node *node, gal_conv *conv) {
    return check(node, gal_conv_f32_decode(node, bf16->narrow->vec, conv));
}

const char *gal_gemm_bf16_decode(const gal_node *node, gal_conv *conv) {
    if (node->in[0]->shape.rank != 2 || node->out[0]->dtype != GALEN_F32) return "the product is not an f32 matrix";
    return check(node, gemm_shape(node, bf16, conv));
}
#endif
