/* The 8-bit rows of amx.def: galen.QConv and galen.QGemm in tile order, and the call. */
#include "cpu/conv_int8_amx.h"
#include "cpu/rows.h"
#include "graph/ops/conv_ref.h"

#include <string.h>

enum { MAX_TAPS = 256, PARAMETERS = 2 /* bias and factor */ };

static const char *check(const gal_node *node) {
    const gal_value *bias = node->in[2], *table = node->n_in > 5 ? node->in[5] : NULL;
    if (node->in[1]->constant == NULL || node->in[4]->constant == NULL) return "the weights are not constant";
    if (bias != NULL && bias->constant == NULL) return "the bias is not constant";
    if (table != NULL && table->constant == NULL) return "the table is not constant";
    if (node->in[1]->dtype != GALEN_I8) return "the weights are not s8";
    if (gal_attr_int(node, "w_zero", 0) != 0) return "the weights have a zero point";
    return NULL;
}

static const char *finish(const gal_node *node, gal_amx_conv *amx) {
    int32_t zero = gal_quant_of(node, 'x', node->in[0]->dtype).zero;
    return gal_amx_conv_make(amx, (uint8_t)zero, PARAMETERS, sizeof(gal_amx_int8));
}

static const char *decode_conv(const gal_node *node, gal_amx_conv *amx) {
    gal_window win;
    gal_shape shape;
    gal_conv *cv = &amx->cv;
    const gal_shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    memset(amx, 0, sizeof *amx);
    const char *why = check(node);
    if (why != NULL) return why;
    for (int d = 1; d < 4; d++)
        if (x->dim[d].batch) return "the image size is not known at load";
    if (w->rank != 4 || gal_conv_shape(node, 0, 1, UINT32_MAX, true, &win, &shape, NULL) != GALEN_OK)
        return "the window is not understood";
    cv->h = win.in[1], cv->w = win.in[2], cv->oh = win.out[1], cv->ow = win.out[2];
    cv->r = win.kernel[1], cv->s = win.kernel[2], cv->sh = win.stride[1], cv->sw = win.stride[2];
    cv->dh = win.dilation[1], cv->dw = win.dilation[2], cv->top = win.before[1], cv->left = win.before[2];
    cv->c = x->dim[3].size, cv->cg = w->dim[1].size, cv->k = w->dim[0].size;
    cv->group = gal_attr_int(node, "group", 1), cv->kg = cv->k / cv->group;
    if (cv->r > MAX_TAPS || cv->s > MAX_TAPS || cv->r * cv->s > MAX_TAPS) return "the window has more than 256 taps";
    if (cv->r < 1 || cv->s < 1 || cv->cg < 1 || cv->kg < 1 || cv->h < 1 || cv->w < 1 || cv->oh < 1 || cv->ow < 1)
        return "there is nothing to compute";
    return finish(node, amx);
}

/* A matrix product: 1x1 images, one a row of A. */
static const char *decode_gemm(const gal_node *node, gal_amx_conv *amx) {
    memset(amx, 0, sizeof *amx);
    const char *why = check(node);
    if (why != NULL) return why;
    const gal_shape *w = &node->in[1]->shape;
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    amx->cv =
        (gal_conv){.h = 1, .w = 1, .oh = 1, .ow = 1, .r = 1, .s = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    amx->cv.c = amx->cv.cg = w->dim[transposed].size;
    amx->cv.k = amx->cv.kg = w->dim[!transposed].size;
    if (amx->cv.c < 1 || amx->cv.k < 1) return "there is nothing to compute";
    return finish(node, amx);
}

static void needs_of(const gal_amx_conv *amx, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    *needs =
        (gal_kernel_needs){.packed_bytes = amx->size, .scratch_bytes = gal_amx_scratch_bytes(amx, max_batch, threads)};
}

/* Column k's weights; returns their sum. Weight (c, tap) is w[c * c_step + tap]. */
static int64_t pack_column(const gal_amx_conv *amx, int64_t k, const int8_t *w, int64_t c_step, uint8_t *packed) {
    const gal_conv *cv = &amx->cv;
    int64_t sum = 0;
    for (int64_t t = 0; t < cv->r * cv->s; t++) {
        int64_t tap = cv->merged ? t / cv->s : t, first = cv->merged ? t % cv->s * cv->cg : 0;
        for (int64_t c = 0; c < cv->cg; c++) {
            packed[gal_amx_weight_at(amx, k, tap, first + c)] = (uint8_t)w[c * c_step + t];
            sum += w[c * c_step + t];
        }
    }
    return sum;
}

/* Weights of column k begin at w + k * k_step. The zero point of x, which padding holds too, goes into the bias. */
static void pack(const gal_amx_conv *amx, const gal_node *node, int64_t k_step, int64_t c_step, uint8_t *packed) {
    const gal_value *bias = node->in[2], *table = node->n_in > 5 ? node->in[5] : NULL;
    int64_t zero = gal_quant_of(node, 'x', node->in[0]->dtype).zero;
    gal_amx_int8 *more = (gal_amx_int8 *)(void *)(packed + amx->extra_at);
    memcpy(packed, amx, sizeof *amx);
    gal_requant_of(node, &more->q);
    more->has_table = table != NULL;
    if (table != NULL) memcpy(more->table, table->constant->data, sizeof more->table);
    for (int64_t k = 0; k < amx->cv.k; k++) {
        int64_t sum = pack_column(amx, k, (const int8_t *)node->in[1]->constant->data + k * k_step, c_step, packed);
        int64_t given = bias != NULL ? ((const int32_t *)bias->constant->data)[k] : 0;
        int32_t b = (int32_t)(uint32_t)(uint64_t)(given - zero * sum);
        float factor = gal_requant_factor(node, node->in[4]->constant, k);
        memcpy(packed + gal_amx_column_at(amx, 0, k), &b, sizeof b);
        memcpy(packed + gal_amx_column_at(amx, 1, k), &factor, sizeof factor);
    }
}

static galen_status run(const gal_call *call, int64_t in_pitch, int64_t out_pitch) {
    const gal_amx_conv *amx = call->packed;
    const galen_tensor *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    const gal_amx_int8 *more = (const gal_amx_int8 *)(const void *)((const uint8_t *)call->packed + amx->extra_at);
    const gal_amx_kind kind =
        gal_amx_kind_int8(call->in[0]->dtype == GALEN_I8, (size_t)galen_dtype_size(more->q.dtype));
    const gal_amx_call amx_call = {.kind = &kind,
                                   .packed = call->packed,
                                   .x = call->in[0]->data,
                                   .residual = more->q.has_residual ? residual->data : NULL,
                                   .y = call->out[0]->data,
                                   .scratch = call->scratch,
                                   .n = call->in[0]->dim[0],
                                   .x_pitch = in_pitch,
                                   .y_pitch = out_pitch,
                                   .residual_pitch = amx->cv.k,
                                   .pool = call->pool};
    gal_amx_conv_run(&amx_call);
    return GALEN_OK;
}

/* Rows of u8 and of s8 differ in the type of in[0] only. */
#define ROWS_OF(type)                                                                                                  \
    const char *gal_qconv_##type##_amx_reject(const gal_node *node) {                                                  \
        gal_amx_conv amx;                                                                                              \
        return decode_conv(node, &amx);                                                                                \
    }                                                                                                                  \
    void gal_qconv_##type##_amx_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) { \
        gal_amx_conv amx;                                                                                              \
        *needs = (gal_kernel_needs){0};                                                                                \
        if (decode_conv(node, &amx) == NULL) needs_of(&amx, max_batch, threads, needs);                                \
    }                                                                                                                  \
    void gal_qconv_##type##_amx_pack(const gal_node *node, void *packed) {                                             \
        gal_amx_conv amx;                                                                                              \
        if (decode_conv(node, &amx) != NULL) return;                                                                   \
        pack(&amx, node, amx.cv.cg *amx.cv.r *amx.cv.s, amx.cv.r *amx.cv.s, packed);                                   \
    }                                                                                                                  \
    galen_status gal_qconv_##type##_amx_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        return run(call, call->in_pitch, call->out_pitch);                                                             \
    }                                                                                                                  \
    const char *gal_qgemm_##type##_amx_reject(const gal_node *node) {                                                  \
        gal_amx_conv amx;                                                                                              \
        return decode_gemm(node, &amx);                                                                                \
    }                                                                                                                  \
    void gal_qgemm_##type##_amx_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) { \
        gal_amx_conv amx;                                                                                              \
        *needs = (gal_kernel_needs){0};                                                                                \
        if (decode_gemm(node, &amx) == NULL) needs_of(&amx, max_batch, threads, needs);                                \
    }                                                                                                                  \
    void gal_qgemm_##type##_amx_pack(const gal_node *node, void *packed) {                                             \
        gal_amx_conv amx;                                                                                              \
        bool transposed = gal_attr_int(node, "transB", 0) != 0;                                                        \
        if (decode_gemm(node, &amx) != NULL) return;                                                                   \
        pack(&amx, node, transposed ? amx.cv.c : 1, transposed ? 1 : amx.cv.k, packed);                                \
    }                                                                                                                  \
    galen_status gal_qgemm_##type##_amx_run(const gal_call *call, galen_error *err) {                                  \
        const gal_amx_conv *amx = call->packed;                                                                        \
        (void)err;                                                                                                     \
        return run(call, amx->cv.c, amx->cv.k);                                                                        \
    }

ROWS_OF(u8)
ROWS_OF(s8)
