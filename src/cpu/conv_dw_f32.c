/* f32 depthwise convolution: packing, bands of rows over threads, and the rows of conv.def. */
#include "cpu/conv_dw.h"

#include "cpu/levels.h"
#include "cpu/rows.h"

#include <string.h>

enum { BAND_BYTES = 64 << 10 /* of input a band touches, about */ };

static const char *dw_reject(const gal_node *node, const gal_dw_level *level) {
    gal_conv conv;
    const char *why = gal_conv_dw_decode(node, level->block, &conv);
    if (why == NULL && !gal_conv_f32_finite(node->in[1]->constant)) why = "the weights hold NaN or infinity";
    return why;
}

static void dw_needs(const gal_node *node, const gal_dw_level *level, gal_kernel_needs *needs) {
    gal_conv conv;
    *needs = (gal_kernel_needs){0};
    if (gal_conv_dw_decode(node, level->block, &conv) == NULL) needs->packed_bytes = gal_conv_dw_packed_bytes(&conv);
}

static void dw_pack(const gal_node *node, const gal_dw_level *level, void *packed) {
    gal_conv conv;
    if (gal_conv_dw_decode(node, level->block, &conv) != NULL) return;
    const float *w = node->in[1]->constant->data;
    float *to = (float *)packed + conv.panels;
    int64_t taps = conv.r * conv.s;
    memcpy(packed, &conv, sizeof conv);
    for (int64_t c = 0; c < conv.c; c++) {
        for (int64_t t = 0; t < taps; t++) to[(size_t)t * conv.columns + (size_t)c] = w[c * taps + t];
    }
    if (node->n_in > 2 && node->in[2] != NULL)
        memcpy((float *)packed + conv.bias, node->in[2]->constant->data, (size_t)conv.c * sizeof(float));
}

typedef struct dw_job {
    const gal_dw_level *level;
    gal_dw_band image; /* of the first image */
    int64_t rows, bands;
} dw_job;

static void run_band(void *context, size_t index) {
    const dw_job *job = context;
    const gal_conv *cv = job->image.conv;
    int64_t n = (int64_t)index / job->bands, band = (int64_t)index % job->bands;
    gal_dw_band mine = job->image;
    mine.x = (const float *)mine.x + n * cv->h * cv->w * cv->c;
    mine.y = (float *)mine.y + n * cv->oh * cv->ow * cv->k;
    if (mine.residual != NULL) mine.residual = (const float *)mine.residual + n * cv->oh * cv->ow * cv->k;
    mine.first = band * job->rows;
    mine.end = mine.first + job->rows < cv->oh ? mine.first + job->rows : cv->oh;
    job->level->band(&mine);
}

static galen_status dw_run(const gal_call *call, const gal_dw_level *level) {
    const gal_conv *cv = call->packed;
    const galen_tensor *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    dw_job job = {.level = level,
                  .image = {.conv = cv,
                            .c_end = cv->c,
                            .x_pitch = cv->c,
                            .y_pitch = cv->c,
                            .x = call->in[0]->data,
                            .residual = residual == NULL ? NULL : residual->data,
                            .y = call->out[0]->data}};
    int64_t line = cv->w * cv->c * cv->sh * (int64_t)sizeof(float);
    job.rows = BAND_BYTES / line + 4;
    job.bands = (cv->oh + job.rows - 1) / job.rows;
    job.rows = (cv->oh + job.bands - 1) / job.bands; /* alike in size, for the threads */
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

#define DEPTHWISE(level)                                                                                               \
    const char *gal_conv_dw_f32_##level##_reject(const gal_node *node) {                                               \
        return dw_reject(node, &gal_dw_f32_##level);                                                                   \
    }                                                                                                                  \
    void gal_conv_dw_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                         \
                                         gal_kernel_needs *needs) {                                                    \
        (void)max_batch, (void)threads;                                                                                \
        dw_needs(node, &gal_dw_f32_##level, needs);                                                                    \
    }                                                                                                                  \
    void gal_conv_dw_f32_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                        \
        (void)part;                                                                                                    \
        dw_pack(node, &gal_dw_f32_##level, packed);                                                                    \
    }                                                                                                                  \
    galen_status gal_conv_dw_f32_##level##_run(const gal_call *call, galen_error *err) {                               \
        (void)err;                                                                                                     \
        return dw_run(call, &gal_dw_f32_##level);                                                                      \
    }

GAL_EACH_LEVEL(DEPTHWISE)
