/*
 * Integer ops between convolutions, made by passes, with attributes as quantized.h says. Arithmetic is exact until the
 * one conversion to f32.
 *
 *   galen.QAdd         y = rint(clamp((a - x_zero) * (x_scale / y_scale) + (b - r_zero) * (r_scale / y_scale)))
 *   galen.QMul         y = rint(clamp(((a - x_zero) * (b - r_zero)) * (x_scale * r_scale / y_scale)))
 *   galen.QMap         y = table[x]: in[1] is 256 bytes of y's type, the byte pattern of x is the index
 *   galen.QScaleShift  y = rint(clamp((x - x_zero) * scale[c] + shift[c])), in[1] and in[2] f32 in steps of y_scale,
 *                      one a channel (the last dimension): what is left of a BatchNormalization between bytes
 *   galen.Quantize     y = rint(clamp(x / y_scale)) of f32; with "planes" x is N, C, H, W and y N, H, W, C; with
 *                      "channels" the last dimension of y grows to that many, the new ones y_zero. NaN becomes y_zero.
 *
 * each plus y_zero. QAdd and QMul broadcast like Add.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/quantized.h"
#include "graph/ops/rules.h"
#include "graph/ops/walk.h"

enum { TASK = 16384 /* elements, about */ };

static galen_status need_bytes(const gal_node *node, uint32_t index, galen_error *err) {
    return gal_need_dtype(node, index, GAL_BYTES, err);
}

/* ---- two operands ---- */

galen_status gal_galen_qpair_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape shape;
    GAL_TRY(need_bytes(node, 0, err));
    GAL_TRY(need_bytes(node, 1, err));
    GAL_TRY(gal_quant_check(node, GAL_BYTES, err));
    gal_quant r = gal_quant_of(node, 'r', node->in[1]->dtype);
    if (!(r.scale > 0) || !isfinite(r.scale))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute r_scale is %g, must be positive", (double)r.scale);
    GAL_TRY(gal_broadcast(node, &node->in[0]->shape, &node->in[1]->shape, &shape, err));
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

void gal_galen_qpair_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 5 * gal_out_elements(node, batch);
}

void gal_qpair_of(const gal_node *node, gal_qpair *out) {
    gal_quant a = gal_quant_of(node, 'x', node->in[0]->dtype), b = gal_quant_of(node, 'r', node->in[1]->dtype);
    float step = gal_attr_float(node, "y_scale", 1);
    gal_requant_of(node, &out->q);
    out->a_zero = a.zero, out->b_zero = b.zero;
    out->a = a.scale / step, out->b = b.scale / step;
    out->product = a.scale * b.scale / step;
}

typedef struct pair_context {
    gal_qpair pair;
    galen_dtype a, b;
    bool multiply;
} pair_context;

static void pair_lane(const gal_lane *lane) {
    const pair_context *p = lane->context;
    for (size_t i = 0; i < lane->count; i++) {
        int32_t a = gal_byte_at(p->a, lane->in[0] + (int64_t)i * lane->step[0], 0) - p->pair.a_zero;
        int32_t b = gal_byte_at(p->b, lane->in[1] + (int64_t)i * lane->step[1], 0) - p->pair.b_zero;
        float v = p->multiply ? (float)(a * b) * p->pair.product : (float)a * p->pair.a + (float)b * p->pair.b;
        gal_requant_store(&p->pair.q, NULL, lane->out, (int64_t)i, gal_clampf(v, p->pair.q.low, p->pair.q.high));
    }
}

static galen_status pair_run(const gal_call *call, bool multiply) {
    pair_context p = {.a = call->in[0]->dtype, .b = call->in[1]->dtype, .multiply = multiply};
    gal_qpair_of(call->node, &p.pair);
    gal_walk_broadcast(call->in, 2, call->out[0], pair_lane, &p, call->pool);
    return GALEN_OK;
}

galen_status gal_galen_qadd_run(const gal_call *call, galen_error *err) {
    (void)err;
    return pair_run(call, false);
}

galen_status gal_galen_qmul_run(const gal_call *call, galen_error *err) {
    (void)err;
    return pair_run(call, true);
}

/* ---- a table ---- */

galen_status gal_galen_qmap_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_bytes(node, 0, err));
    GAL_TRY(need_bytes(node, 1, err));
    const gal_shape *table = &node->in[1]->shape;
    if (table->rank != 1 || !gal_dim_equal(table->dim[0], gal_dim_fixed(256)))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the table must have 256 elements");
    return gal_set_output(node, 0, node->in[1]->dtype, &node->in[0]->shape, err);
}

typedef struct work {
    const void *x;
    const float *scale, *shift;
    const uint8_t *table;
    void *y;
    gal_requant q;
    galen_dtype dtype;
    int32_t x_zero;
    int64_t rows, rows_a_task, from, to; /* elements of a row in x and y */
    int64_t area;                        /* of a plane, or 0: x is N, H, W, C */
    float step;
} work;

static void run_rows(const gal_call *call, gal_task_fn fn, work *w) {
    w->rows_a_task = w->to < TASK ? TASK / w->to : 1;
    gal_pool_run(call->pool, fn, w, (size_t)((w->rows + w->rows_a_task - 1) / w->rows_a_task));
}

static int64_t end_of(const work *w, int64_t first) {
    return first + w->rows_a_task < w->rows ? first + w->rows_a_task : w->rows;
}

static void map_some(void *context, size_t index) {
    const work *w = context;
    const uint8_t *x = w->x;
    uint8_t *y = w->y;
    for (int64_t i = (int64_t)index * w->rows_a_task, end = end_of(w, i); i < end; i++) y[i] = w->table[x[i]];
}

galen_status gal_galen_qmap_run(const gal_call *call, galen_error *err) {
    (void)err;
    work w = {.x = call->in[0]->data, .table = call->in[1]->data, .y = call->out[0]->data, .to = 1};
    w.rows = galen_tensor_elements(call->in[0]);
    run_rows(call, map_some, &w);
    return GALEN_OK;
}

/* ---- a factor and a term for each channel ---- */

galen_status gal_galen_qscaleshift_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(need_bytes(node, 0, err));
    GAL_TRY(gal_quant_check(node, GAL_BYTES, err));
    const gal_shape *x = &node->in[0]->shape;
    for (uint32_t i = 1; i < 3; i++) {
        const gal_shape *p = &node->in[i]->shape;
        GAL_TRY(gal_need_dtype(node, i, GAL_BIT(GALEN_F32), err));
        if (x->rank < 1 || p->rank != 1 || !gal_dim_equal(p->dim[0], x->dim[x->rank - 1]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must have one element a channel", i);
    }
    return gal_set_output(node, 0, gal_quant_output(node), x, err);
}

void gal_galen_qscaleshift_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 4 * gal_out_elements(node, batch);
}

static void scale_some(void *context, size_t index) {
    const work *w = context;
    int64_t first = (int64_t)index * w->rows_a_task, end = end_of(w, first), at = first * w->to;
    for (int64_t r = first; r < end; r++)
        for (int64_t c = 0; c < w->to; c++, at++) {
            float v = (float)(gal_byte_at(w->dtype, w->x, at) - w->x_zero) * w->scale[c] + w->shift[c];
            gal_requant_store(&w->q, NULL, w->y, at, gal_clampf(v, w->q.low, w->q.high));
        }
}

galen_status gal_galen_qscaleshift_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    int64_t n = galen_tensor_elements(x);
    if (n == 0) return GALEN_OK;
    work w = {.x = x->data, .scale = call->in[1]->data, .shift = call->in[2]->data, .y = call->out[0]->data};
    gal_requant_of(call->node, &w.q);
    w.dtype = x->dtype, w.x_zero = gal_quant_of(call->node, 'x', x->dtype).zero;
    w.to = x->dim[x->rank - 1], w.rows = n / w.to;
    run_rows(call, scale_some, &w);
    return GALEN_OK;
}

/* ---- from f32 ---- */

galen_status gal_galen_quantize_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool planes;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32), err));
    GAL_TRY(gal_quant_check(node, GAL_BYTES, err));
    GAL_TRY(gal_need_flag(node, "planes", false, &planes, err));
    gal_shape shape = node->in[0]->shape;
    if (shape.rank < 1 || (planes && shape.rank != 4))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions", shape.rank);
    if (planes) {
        const gal_shape *x = &node->in[0]->shape;
        shape.dim[1] = x->dim[2], shape.dim[2] = x->dim[3], shape.dim[3] = x->dim[1];
    }
    gal_dim *last = &shape.dim[shape.rank - 1];
    int64_t channels = gal_attr_int(node, "channels", 0);
    if (last->batch || (channels != 0 && channels < last->size))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the last dimension cannot grow to %lld",
                             (long long)channels);
    if (channels != 0) *last = gal_dim_fixed(channels);
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

/* Row r of y and channel c, in x. */
static inline int64_t source_of(const work *w, int64_t r, int64_t c) {
    return w->area == 0 ? r * w->from + c : (r / w->area * w->from + c) * w->area + r % w->area;
}

static void quantize_some(void *context, size_t index) {
    const work *w = context;
    int64_t first = (int64_t)index * w->rows_a_task, end = end_of(w, first);
    const float *x = w->x;
    for (int64_t r = first; r < end; r++)
        for (int64_t c = 0; c < w->to; c++) {
            float v = c < w->from ? x[source_of(w, r, c)] / w->step : 0;
            v = isnan(v) ? 0 : gal_clampf(v, w->q.low, w->q.high);
            gal_requant_store(&w->q, NULL, w->y, r * w->to + c, v);
        }
}

galen_status gal_galen_quantize_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0], *y = call->out[0];
    int64_t n = galen_tensor_elements(y);
    if (n == 0) return GALEN_OK;
    bool planes = gal_attr_int(call->node, "planes", 0) != 0;
    work w = {.x = x->data, .y = y->data, .to = y->dim[y->rank - 1], .step = gal_attr_float(call->node, "y_scale", 1)};
    gal_requant_of(call->node, &w.q);
    w.from = x->dim[planes ? 1 : x->rank - 1], w.area = planes ? x->dim[2] * x->dim[3] : 0;
    w.rows = n / w.to;
    run_rows(call, quantize_some, &w);
    return GALEN_OK;
}
