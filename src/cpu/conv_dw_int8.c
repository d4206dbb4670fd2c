/* The rows of int8 depthwise convolution: what the node asks for, its weights, pixels and threads. */
#include "cpu/conv_dw_int8.h"

#include "cpu/levels.h"
#include "cpu/rows.h"

enum { BAND_BYTES = 64 << 10 };

static const char *decode(const gal_node *node, gal_dw_int8 *plan) {
    gal_qconv *qc = &plan->qc;
    *plan = (gal_dw_int8){0};
    const char *why = gal_qconv_decode(node, qc);
    if (why != NULL) return why;
    const gal_conv *cv = &qc->conv;
    if (cv->cg != 1 || cv->kg != 1 || cv->group == 1) return "is for depthwise convolution";
    if (cv->r * cv->s > GAL_DW_INT8_TAPS) return "the window has more than 256 taps";
    plan->columns = (cv->c + GAL_DW_INT8_LANES - 1) / GAL_DW_INT8_LANES * GAL_DW_INT8_LANES;
    plan->pairs = (cv->r * cv->s + 1) / 2;
    size_t part = (size_t)plan->columns * sizeof(float);
    bool more = node->n_in > 5 && node->in[5] != NULL;
    plan->weights = (sizeof *plan + 63) / 64 * 64;
    plan->bias = plan->weights + (size_t)plan->pairs * part;
    plan->sums = plan->bias + part;
    plan->factor = plan->sums + part;
    if (more && qc->dynamic) plan->shift = plan->factor + part;
    if (more && !qc->dynamic) plan->table = plan->factor + part;
    return NULL;
}

static void needs_of(const gal_node *node, gal_kernel_needs *out) {
    gal_dw_int8 plan;
    *out = (gal_kernel_needs){0};
    if (decode(node, &plan) != NULL) return;
    out->packed_bytes = plan.factor + (size_t)plan.columns * sizeof(float);
    if (plan.shift != 0) out->packed_bytes += (size_t)plan.columns * sizeof(float);
    if (plan.table != 0) out->packed_bytes += 256;
}

static void pack(const gal_node *node, void *packed) {
    gal_dw_int8 plan;
    if (decode(node, &plan) != NULL) return;
    const gal_conv *cv = &plan.qc.conv;
    char *base = packed;
    const int8_t *w = node->in[1]->constant->data;
    const int32_t *own = !plan.qc.dynamic && node->in[2] != NULL ? node->in[2]->constant->data : NULL;
    int16_t *weights = (int16_t *)(void *)(base + plan.weights);
    int32_t *bias = (int32_t *)(void *)(base + plan.bias), *sums = (int32_t *)(void *)(base + plan.sums);
    int64_t taps = cv->r * cv->s;
    memcpy(base, &plan, sizeof plan);
    if (plan.table != 0) memcpy(base + plan.table, node->in[5]->constant->data, 256);
    for (int64_t c = 0; c < cv->c; c++) {
        for (int64_t t = 0; t < taps; t++) {
            int32_t v = w[c * taps + t] - plan.qc.w_zero;
            weights[(t / 2 * plan.columns + c) * 2 + t % 2] = (int16_t)v;
            sums[c] += v;
        }
        if (own != NULL) bias[c] = own[c];
        ((float *)(void *)(base + plan.factor))[c] = gal_qconv_factor(node, &plan.qc, c);
        if (plan.shift != 0) ((float *)(void *)(base + plan.shift))[c] = (float)gal_scale_at(node->in[5]->constant, c);
    }
}

/* One call, cut into bands of rows. */
typedef struct dw_job {
    const gal_dw_int8 *plan;
    gal_dw_int8_fn pixel;
    const uint8_t *x, *residual;
    char *y;
    size_t element;
    int64_t rows, bands;
    int32_t x_zero;
    float x_scale;
    uint8_t zero[GAL_DW_INT8_LANES]; /* the zero point as x has it */
} dw_job;

static void point_taps(const dw_job *job, const uint8_t *image, int64_t oh, int64_t ow, gal_dw_int8_pixel *px) {
    const gal_conv *cv = &job->plan->qc.conv;
    int64_t n = 0;
    for (int64_t r = 0; r < cv->r; r++)
        for (int64_t s = 0; s < cv->s; s++, n++) {
            int64_t h = oh * cv->sh - cv->top + r * cv->dh, w = ow * cv->sw - cv->left + s * cv->dw;
            bool inside = (uint64_t)h < (uint64_t)cv->h && (uint64_t)w < (uint64_t)cv->w;
            px->tap[n] = inside ? image + (h * cv->w + w) * cv->c : job->zero;
            px->step[n] = inside;
        }
    if (n % 2 != 0) px->tap[n] = job->zero, px->step[n] = 0; /* meets weights of zero */
}

static void run_band(void *context, size_t index) {
    const dw_job *job = context;
    const gal_conv *cv = &job->plan->qc.conv;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < cv->oh ? first + job->rows : cv->oh;
    const uint8_t *image = job->x + n * cv->h * cv->w * cv->c;
    gal_dw_int8_pixel px;
    px.x_zero = job->x_zero, px.x_scale = job->x_scale;
    for (int64_t oh = first; oh < end; oh++)
        for (int64_t ow = 0; ow < cv->ow; ow++) {
            size_t at = (size_t)(((n * cv->oh + oh) * cv->ow + ow) * cv->c);
            px.residual = job->residual != NULL ? job->residual + at : NULL;
            px.out = job->y + at * job->element;
            point_taps(job, image, oh, ow, &px);
            job->pixel(job->plan, &px);
        }
}

static galen_status run(const gal_call *call, gal_dw_int8_fn pixel) {
    const gal_dw_int8 *plan = call->packed;
    const gal_conv *cv = &plan->qc.conv;
    const gal_node *node = call->node;
    dw_job job = {.plan = plan, .pixel = pixel, .x = call->in[0]->data, .y = call->out[0]->data, .x_scale = 1};
    job.element = galen_dtype_size(call->out[0]->dtype);
    job.x_zero = plan->qc.x_zero;
    if (plan->qc.dynamic) {
        job.x_zero += gal_zero_at(node->n_in > 2 ? call->in[2] : NULL, 0);
        if (node->n_in > 3 && call->in[3] != NULL) job.x_scale = *(const float *)call->in[3]->data;
    } else if (node->n_in > 3 && call->in[3] != NULL) {
        job.residual = call->in[3]->data;
    }
    memset(job.zero, job.x_zero ^ (plan->qc.flip ? 0x80 : 0), sizeof job.zero);
    job.rows = BAND_BYTES / (cv->w * cv->c * cv->sh) + 1;
    job.bands = (cv->oh + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

#define ROW(level)                                                                                                     \
    const char *gal_conv_dw_int8_##level##_reject(const gal_node *node) {                                              \
        gal_dw_int8 plan;                                                                                              \
        return decode(node, &plan);                                                                                    \
    }                                                                                                                  \
    void gal_conv_dw_int8_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                        \
                                          gal_kernel_needs *out) {                                                     \
        (void)max_batch, (void)threads;                                                                                \
        needs_of(node, out);                                                                                           \
    }                                                                                                                  \
    void gal_conv_dw_int8_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                       \
        (void)part;                                                                                                    \
        pack(node, packed);                                                                                            \
    }                                                                                                                  \
    galen_status gal_conv_dw_int8_##level##_run(const gal_call *call, galen_error *err) {                              \
        (void)err;                                                                                                     \
        return run(call, gal_dw_int8_##level);                                                                         \
    }

GAL_EACH_LEVEL(ROW)
