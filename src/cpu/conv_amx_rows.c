/* The bf16 rows of amx.def: a node's weights in tile order, and the call. */
#include "cpu/conv_amx.h"
#include "cpu/conv_bf16.h"
#include "cpu/rows.h"

#include <string.h>

/* From pairs of channels to bytes, with a bias a column. */
static const char *complete(const char *why, gal_amx_conv *amx) {
    amx->cv.c *= 4, amx->cv.cg *= 4;
    return why != NULL ? why : gal_amx_conv_make(amx, 0, 1, 0);
}

/* One tap's channels from byte `first` of the tap on; those of one step lie in one tile. */
static void pack_tap(const gal_amx_conv *amx, int64_t k, int64_t tap, int64_t first, const uint16_t *from, int64_t step,
                     uint8_t *packed) {
    int64_t end = first + amx->cv.cg;
    for (int64_t at = first; at < end;) {
        int64_t line = at / GAL_AMX_STEP * GAL_AMX_STEP;
        uint8_t *to = packed + gal_amx_weight_at(amx, k, tap, line);
        for (; at < end && at < line + GAL_AMX_STEP; at += 2, from += step)
            memcpy(to + (at - line) / 4 * GAL_AMX_STEP + at % 4, from, sizeof *from);
    }
}

void gal_amx_bf16_pack_column(const gal_amx_conv *amx, int64_t k, const uint16_t *w, const int64_t stride[3],
                              uint8_t *packed) {
    const gal_conv *cv = &amx->cv;
    for (int64_t t = 0; t < cv->r * cv->s; t++) {
        const uint16_t *from = w + t / cv->s * stride[1] + t % cv->s * stride[2];
        int64_t tap = cv->merged ? t / cv->s : t, first = cv->merged ? t % cv->s * cv->cg : 0;
        pack_tap(amx, k, tap, first, from, stride[0], packed);
    }
}

static const char *decode_conv(const gal_node *node, gal_amx_conv *amx) {
    memset(amx, 0, sizeof *amx);
    return complete(gal_conv_bf16_decode(node, &amx->cv), amx);
}

static const char *decode_gemm(const gal_node *node, gal_amx_conv *amx) {
    memset(amx, 0, sizeof *amx);
    return complete(gal_gemm_bf16_decode(node, &amx->cv), amx);
}

static void needs_of(const gal_amx_conv *amx, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    *needs =
        (gal_kernel_needs){.packed_bytes = amx->size, .scratch_bytes = gal_amx_scratch_bytes(amx, max_batch, threads)};
}

/* Channel c of column k at window position (r, s) is w[k * stride[0] + c * stride[1] + r * stride[2] + s * stride[3]].
 */
static void pack(const gal_amx_conv *amx, const gal_node *node, const int64_t stride[4], uint8_t *packed) {
    const uint16_t *w = node->in[1]->constant->data;
    const float *bias = node->n_in > 2 && node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    memcpy(packed, amx, sizeof *amx);
    for (int64_t k = 0; k < amx->cv.k; k++) {
        gal_amx_bf16_pack_column(amx, k, w + k * stride[0], stride + 1, packed);
        /* Plus zero makes -0 to +0, so that a sum that skips taps of padding cannot differ in its sign. */
        float b = bias != NULL ? bias[k] + 0.0f : 0.0f;
        memcpy(packed + gal_amx_column_at(amx, 0, k), &b, sizeof b);
    }
}

static galen_status run(const gal_call *call, const gal_amx_kind *kind, int64_t in_pitch, int64_t out_pitch) {
    const gal_amx_conv *amx = call->packed;
    const galen_tensor *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    const gal_amx_call amx_call = {.kind = kind,
                                   .packed = call->packed,
                                   .x = call->in[0]->data,
                                   .residual = residual != NULL ? residual->data : NULL,
                                   .y = call->out[0]->data,
                                   .scratch = call->scratch,
                                   .n = call->in[0]->dim[0],
                                   .x_pitch = 2 * in_pitch,
                                   .y_pitch = out_pitch,
                                   .residual_pitch = amx->cv.k,
                                   .pool = call->pool};
    gal_amx_conv_run(&amx_call);
    return GALEN_OK;
}

/* ---- convolution ---- */

const char *gal_conv_bf16_amx_reject(const gal_node *node) {
    gal_amx_conv amx;
    return decode_conv(node, &amx);
}

void gal_conv_bf16_amx_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_amx_conv amx;
    *needs = (gal_kernel_needs){0};
    if (decode_conv(node, &amx) == NULL) needs_of(&amx, max_batch, threads, needs);
}

void gal_conv_bf16_amx_pack(const gal_node *node, gal_columns part, void *packed) {
    (void)part;
    gal_amx_conv amx;
    if (decode_conv(node, &amx) != NULL) return;
    const int64_t stride[4] = {amx.cv.cg / 2 * amx.cv.r * amx.cv.s, amx.cv.r * amx.cv.s, amx.cv.s, 1};
    pack(&amx, node, stride, packed);
}

galen_status gal_conv_bf16_amx_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run(call, &gal_amx_bf16, call->in_pitch, call->out_pitch);
}

/* ---- matrix product: 1x1 images, one a row of A ---- */

const char *gal_gemm_bf16_amx_reject(const gal_node *node) {
    gal_amx_conv amx;
    return decode_gemm(node, &amx);
}

void gal_gemm_bf16_amx_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_amx_conv amx;
    *needs = (gal_kernel_needs){0};
    if (decode_gemm(node, &amx) == NULL) needs_of(&amx, max_batch, threads, needs);
}

void gal_gemm_bf16_amx_pack(const gal_node *node, gal_columns part, void *packed) {
    (void)part;
    gal_amx_conv amx;
    if (decode_gemm(node, &amx) != NULL) return;
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    const int64_t stride[4] = {transposed ? amx.cv.c / 2 : 1, transposed ? 1 : amx.cv.k, 0, 0};
    pack(&amx, node, stride, packed);
}

galen_status gal_gemm_bf16_amx_run(const gal_call *call, galen_error *err) {
    const gal_amx_conv *amx = call->packed;
    (void)err;
    return run(call, &gal_amx_bf16_f32, amx->cv.c / 2, amx->cv.k);
}
