/* The 8-bit rows of amx.def: galen.QConv and galen.QGemm in tile order, and the call. */
#include "cpu/conv_int8_amx.h"
#include "cpu/qconv.h"
#include "cpu/rows.h"

#include <string.h>

enum { PARAMETERS = 2 /* bias and factor */ };

/* Tiles read s8 as it is: zero point and padding are the node's own, not those of qc's u8 form. */
static int32_t zero_of(const gal_node *node) {
    return gal_quant_of(node, 'x', node->in[0]->dtype).zero;
}

static const char *decode(const gal_node *node, gal_qconv *qc, gal_amx_conv *amx) {
    memset(amx, 0, sizeof *amx);
    const char *why = gal_qconv_decode(node, qc);
    if (why == NULL && qc->w_zero != 0) why = "the weights have a zero point";
    amx->cv = qc->conv;
    return why != NULL ? why : gal_amx_conv_make(amx, (uint8_t)zero_of(node), PARAMETERS, sizeof(gal_amx_int8));
}

static const char *reject(const gal_node *node) {
    gal_qconv qc;
    gal_amx_conv amx;
    return decode(node, &qc, &amx);
}

static void needs_of(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_qconv qc;
    gal_amx_conv amx;
    *needs = (gal_kernel_needs){0};
    if (decode(node, &qc, &amx) != NULL) return;
    *needs =
        (gal_kernel_needs){.packed_bytes = amx.size, .scratch_bytes = gal_amx_scratch_bytes(&amx, max_batch, threads)};
}

/* Column k's weights; returns their sum. */
static int64_t pack_column(const gal_amx_conv *amx, const gal_qconv *qc, int64_t k, const int8_t *w, uint8_t *packed) {
    const gal_conv *cv = &amx->cv;
    int64_t sum = 0;
    for (int64_t t = 0; t < cv->r * cv->s; t++) {
        const int8_t *from = w + k * qc->w_step[0] + t / cv->s * qc->w_step[2] + t % cv->s * qc->w_step[3];
        int64_t tap = cv->merged ? t / cv->s : t, first = cv->merged ? t % cv->s * cv->cg : 0;
        for (int64_t c = 0; c < cv->cg; c++, from += qc->w_step[1]) {
            packed[gal_amx_weight_at(amx, k, tap, first + c)] = (uint8_t)*from;
            sum += *from;
        }
    }
    return sum;
}

/* The zero point of x, which padding holds too, goes into the bias. */
static void pack(const gal_node *node, uint8_t *packed) {
    gal_qconv qc;
    gal_amx_conv amx;
    if (decode(node, &qc, &amx) != NULL) return;
    const gal_value *bias = node->in[2], *table = node->n_in > 5 ? node->in[5] : NULL;
    gal_amx_int8 *more = (gal_amx_int8 *)(void *)(packed + amx.extra_at);
    memcpy(packed, &amx, sizeof amx);
    more->q = qc.q;
    more->has_table = table != NULL;
    if (table != NULL) memcpy(more->table, table->constant->data, sizeof more->table);
    for (int64_t k = 0; k < amx.cv.k; k++) {
        int64_t sum = pack_column(&amx, &qc, k, node->in[1]->constant->data, packed);
        int64_t given = bias != NULL ? ((const int32_t *)bias->constant->data)[k] : 0;
        int32_t b = (int32_t)(uint32_t)(uint64_t)(given - zero_of(node) * sum);
        float factor = gal_requant_factor(node, node->in[4]->constant, k);
        memcpy(packed + gal_amx_column_at(&amx, 0, k), &b, sizeof b);
        memcpy(packed + gal_amx_column_at(&amx, 1, k), &factor, sizeof factor);
    }
}

static galen_status run(const gal_call *call) {
    const gal_amx_conv *amx = call->packed;
    const galen_tensor *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    const gal_amx_int8 *more = (const gal_amx_int8 *)(const void *)((const uint8_t *)call->packed + amx->extra_at);
    bool image = call->in[0]->rank == 4; /* products take no pitch: their calls may leave it unset */
    const gal_amx_kind kind =
        gal_amx_kind_int8(call->in[0]->dtype == GALEN_I8, (size_t)galen_dtype_size(more->q.dtype));
    const gal_amx_call amx_call = {.kind = &kind,
                                   .packed = call->packed,
                                   .x = call->in[0]->data,
                                   .residual = more->q.has_residual ? residual->data : NULL,
                                   .y = call->out[0]->data,
                                   .scratch = call->scratch,
                                   .n = call->in[0]->dim[0],
                                   .x_pitch = image ? call->in_pitch : amx->cv.c,
                                   .y_pitch = image ? call->out_pitch : amx->cv.k,
                                   .residual_pitch = amx->cv.k,
                                   .pool = call->pool};
    gal_amx_conv_run(&amx_call);
    return GALEN_OK;
}

/* Rows of u8 and of s8 differ in the type of in[0] only; a product is a convolution of 1x1 images. */
#define ROWS_OF(symbol)                                                                                                \
    const char *symbol##_reject(const gal_node *node) {                                                                \
        return reject(node);                                                                                           \
    }                                                                                                                  \
    void symbol##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {               \
        needs_of(node, max_batch, threads, needs);                                                                     \
    }                                                                                                                  \
    void symbol##_pack(const gal_node *node, gal_columns part, void *packed) {                                         \
        (void)part;                                                                                                    \
        pack(node, packed);                                                                                            \
    }                                                                                                                  \
    galen_status symbol##_run(const gal_call *call, galen_error *err) {                                                \
        (void)err;                                                                                                     \
        return run(call);                                                                                              \
    }

ROWS_OF(gal_qconv_u8_amx)
ROWS_OF(gal_qconv_s8_amx)
ROWS_OF(gal_qgemm_u8_amx)
ROWS_OF(gal_qgemm_s8_amx)
