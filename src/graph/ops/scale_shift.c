/*
 * galen.ScaleShift: y = x * scale + shift for each channel, channels last; what is left of a BatchNormalization that no
 * convolution could take in. An optional Relu follows.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <string.h>

/* in: X of any rank >= 1, f32, bf16 or f16, f32 scale [C], shift [C]; or all f64. C is X's last dimension. */
galen_status gal_galen_scaleshift_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    galen_dtype wide = node->in[0]->dtype == GALEN_F64 ? GALEN_F64 : GALEN_F32;
    for (uint32_t i = 1; i < 3; i++) GAL_TRY(gal_need_dtype(node, i, GAL_BIT(wide), err));
    const gal_shape *x = &node->in[0]->shape;
    for (uint32_t i = 1; i < 3; i++) {
        const gal_shape *p = &node->in[i]->shape;
        if (x->rank < 1 || p->rank != 1 || !gal_dim_equal(p->dim[0], x->dim[x->rank - 1]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have one element a channel", i);
    }
    const char *activation = gal_attr_string(node, "activation", "");
    if (activation[0] != '\0' && strcmp(activation, "Relu") != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is unknown", activation);
    return gal_infer_same(graph, node, err);
}

void gal_galen_scaleshift_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    bool relu = gal_attr_string(node, "activation", "")[0] != '\0';
    cost->flop += (relu ? 3 : 2) * gal_out_elements(node, batch);
}

typedef struct work {
    const void *x;
    const void *scale, *shift; /* f32, or f64 like x */
    void *y;
    galen_dtype dtype; /* of x and y */
    int64_t rows, channels, rows_a_task;
    bool relu;
} work;

static inline float load(const work *w, int64_t at) {
    if (w->dtype == GALEN_F32) return ((const float *)w->x)[at];
    const uint16_t *half = (const uint16_t *)w->x + at;
    return w->dtype == GALEN_F16 ? gal_ld_f16(half) : gal_ld_bf16(half);
}

static inline void store(const work *w, int64_t at, float v) {
    if (w->dtype == GALEN_F32)
        ((float *)w->y)[at] = v;
    else if (w->dtype == GALEN_F16)
        gal_st_f16((uint16_t *)w->y + at, v);
    else
        gal_st_bf16((uint16_t *)w->y + at, v);
}

static void some_rows(void *context, size_t index) {
    const work *w = context;
    const float *scale = w->scale, *shift = w->shift;
    int64_t first = (int64_t)index * w->rows_a_task, last = first + w->rows_a_task;
    for (int64_t r = first; r < last && r < w->rows; r++) {
        for (int64_t c = 0, at = r * w->channels; c < w->channels; c++, at++) {
            float x = load(w, at);
            float v = x * scale[c] + shift[c];
            v = w->relu && v < 0 ? 0 : v;
            store(w, at, v);
        }
    }
}

static void some_wide_rows(void *context, size_t index) {
    const work *w = context;
    const double *x = w->x, *scale = w->scale, *shift = w->shift;
    int64_t first = (int64_t)index * w->rows_a_task, last = first + w->rows_a_task;
    for (int64_t r = first; r < last && r < w->rows; r++) {
        for (int64_t c = 0, at = r * w->channels; c < w->channels; c++, at++) {
            double v = x[at] * scale[c] + shift[c];
            ((double *)w->y)[at] = w->relu && v < 0 ? 0 : v;
        }
    }
}

galen_status gal_galen_scaleshift_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    int64_t n = galen_tensor_elements(x), channels = x->dim[x->rank - 1];
    if (n == 0) return GALEN_OK;
    work w = {.x = x->data,
              .scale = call->in[1]->data,
              .shift = call->in[2]->data,
              .y = call->out[0]->data,
              .dtype = x->dtype,
              .channels = channels};
    w.rows = n / channels;
    w.relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    const int64_t task = 16384; /* elements: large enough that handing out work costs little */
    w.rows_a_task = channels < task ? task / channels : 1;
    gal_pool_run(call->pool, x->dtype == GALEN_F64 ? some_wide_rows : some_rows, &w,
                 (size_t)((w.rows + w.rows_a_task - 1) / w.rows_a_task));
    return GALEN_OK;
}
