/* What integer convolutions and products ask for. */
#include "cpu/qconv.h"

#include "cpu/features.h"

#include <string.h>

enum { COPY_PIXELS = 512 /* a task */ };

static const char *decode_conv(const gal_node *node, gal_qconv *out) {
    const char *why = gal_conv_geometry(node, &out->conv);
    if (why != NULL) return why;
    const int64_t taps = out->conv.r * out->conv.s;
    const int64_t step[4] = {out->conv.cg * taps, taps, out->conv.s, 1};
    memcpy(out->w_step, step, sizeof step);
    return NULL;
}

/* A 1x1 image a row of A. */
static const char *decode_gemm(const gal_node *node, gal_qconv *out) {
    bool transposed = gal_attr_int(node, "transB", 0) != 0;
    const gal_value *b = node->in[1];
    if (b->constant == NULL) return "the weights are not constant";
    gal_conv *conv = &out->conv;
    *conv =
        (gal_conv){.h = 1, .w = 1, .oh = 1, .ow = 1, .r = 1, .s = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .group = 1};
    conv->c = conv->cg = b->shape.dim[transposed].size;
    conv->k = conv->kg = b->shape.dim[!transposed].size;
    const int64_t step[4] = {transposed ? conv->c : 1, transposed ? 1 : conv->k, 0, 0};
    memcpy(out->w_step, step, sizeof step);
    return conv->c < 1 || conv->k < 1 ? "there is nothing to compute" : NULL;
}

static const char *decode_dynamic(const gal_node *node, gal_qconv *out) {
    for (uint32_t i = 4; i < node->n_in; i++)
        if (node->in[i] != NULL && node->in[i]->constant == NULL) return "the scales or the bias are not constant";
    out->dynamic = true;
    out->q = (gal_requant){.dtype = node->out[0]->dtype, .low = -INFINITY, .high = INFINITY};
    if (gal_attr_find(node, "activation") != NULL) out->q.low = 0;
    out->x_zero = out->flip ? 128 : 0;
    return NULL;
}

static const char *decode_static(const gal_node *node, gal_qconv *out) {
    if (node->in[2] != NULL && node->in[2]->constant == NULL) return "the bias is not constant";
    if (node->n_in > 5 && node->in[5] != NULL && node->in[5]->constant == NULL) return "the table is not constant";
    gal_requant_of(node, &out->q);
    if (out->q.dtype == GALEN_BF16) return "the output is bf16";
    if (out->q.dtype == GALEN_F32 && out->q.has_residual) return "a residual of bytes is added to floats";
    out->x_zero = gal_quant_of(node, 'x', node->in[0]->dtype).zero + (out->flip ? 128 : 0);
    return NULL;
}

const char *gal_qconv_decode(const gal_node *node, gal_qconv *out) {
    *out = (gal_qconv){.flip = node->in[0]->dtype == GALEN_I8};
    const char *why = node->in[0]->shape.rank == 4 ? decode_conv(node, out) : decode_gemm(node, out);
    if (why != NULL) return why;
    out->w_zero = (int32_t)gal_attr_int(node, "w_zero", 0);
    why = gal_is_dynamic(node) ? decode_dynamic(node, out) : decode_static(node, out);
    if (why != NULL) return why;
    gal_conv *conv = &out->conv;
    out->bytes = conv->c;
    conv->pad = 0x01010101u * (uint32_t)out->x_zero;
    conv->act = gal_cpu_activation_make(GAL_ACT_NONE, 0, 0);
    return NULL;
}

static int32_t sum_of_weights(const gal_node *node, const gal_qconv *qc, int64_t cg, int64_t k) {
    const int8_t *w = (const int8_t *)node->in[1]->constant->data + k * qc->w_step[0];
    int32_t sum = 0;
    for (int64_t c = 0; c < cg; c++)
        for (int64_t r = 0; r < qc->conv.r; r++)
            for (int64_t s = 0; s < qc->conv.s; s++)
                sum += w[c * qc->w_step[1] + r * qc->w_step[2] + s * qc->w_step[3]] - qc->w_zero;
    return sum;
}

float gal_qconv_factor(const gal_node *node, const gal_qconv *qc, int64_t k) {
    const galen_tensor *w_scale = node->n_in > 4 && node->in[4] != NULL ? node->in[4]->constant : NULL;
    if (!qc->dynamic) return gal_requant_factor(node, w_scale, k);
    return w_scale != NULL ? (float)gal_scale_at(w_scale, k) : 1;
}

void gal_qconv_terms(const gal_node *node, const gal_qconv *qc, int32_t *bias, float *factor) {
    const int32_t *own = !qc->dynamic && node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    int64_t cg = qc->bytes / qc->conv.group;
    for (int64_t k = 0; k < qc->conv.k; k++) {
        int32_t sum = sum_of_weights(node, qc, cg, k);
        factor[k] = gal_qconv_factor(node, qc, k);
        if (qc->dynamic) {
            bias[k] = sum;
            continue;
        }
        uint32_t less = (uint32_t)(qc->x_zero - qc->less) * (uint32_t)sum;
        bias[k] = (int32_t)((own != NULL ? (uint32_t)own[k] : 0) - less);
    }
}

size_t gal_qconv_copy_bytes(const gal_qconv *qc, int64_t batch) {
    return qc->copy ? (size_t)(batch * qc->conv.h * qc->conv.w * qc->conv.c) * 4 : 0;
}

typedef struct copy_job {
    const uint8_t *x;
    uint8_t *to;
    int64_t pixels, pitch, from, times, step; /* bytes from pixel to pixel, of a pixel before and after */
    uint8_t flip;
} copy_job;

static void copy_some(void *context, size_t index) {
    const copy_job *job = context;
    int64_t first = (int64_t)index * COPY_PIXELS;
    int64_t end = first + COPY_PIXELS < job->pixels ? first + COPY_PIXELS : job->pixels;
    for (int64_t p = first; p < end; p++) {
        const uint8_t *x = job->x + p * job->pitch;
        uint8_t *to = job->to + p * job->step;
        for (int64_t i = 0; i < job->times; i++)
            for (int64_t c = 0; c < job->from; c++) *to++ = x[c] ^ job->flip;
        for (int64_t c = job->times * job->from; c < job->step; c++) *to++ = 0; /* meets weights of zero */
    }
}

void gal_qconv_copy(const gal_qconv *qc, const gal_call *call, void *to) {
    copy_job job = {.x = call->in[0]->data, .to = to, .pitch = call->in_pitch, .from = qc->bytes};
    job.times = qc->twice ? 2 : 1;
    job.step = qc->conv.c * 4, job.flip = qc->flip ? 0x80 : 0;
    job.pixels = call->in[0]->dim[0] * qc->conv.h * qc->conv.w;
    gal_pool_run(call->pool, copy_some, &job, (size_t)((job.pixels + COPY_PIXELS - 1) / COPY_PIXELS));
}

#if defined(__x86_64__)
gal_map_fn gal_map_bytes_best(void) {
    return gal_features() & GAL_HAS_AVX512_VBMI ? gal_map_bytes_avx512vbmi : gal_map_bytes_avx512;
}

gal_map_rows_fn gal_map_rows_best(void) {
    return gal_features() & GAL_HAS_AVX512_VBMI ? gal_map_rows_avx512vbmi : gal_map_rows_avx512;
}
#endif
