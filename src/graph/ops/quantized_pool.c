/*
 * galen.QAveragePool and galen.QGlobalAveragePool on bytes, N, H, W, C, with attributes as quantized.h says:
 *
 *   v = (float)(sum of (x - x_zero)) * (x_scale / y_scale) / (float)count
 *
 * with the exact sum; positions in the padding add nothing and count only with count_include_pad.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/pool_ref.h"
#include "graph/ops/quantized.h"
#include "graph/ops/rules.h"

/* A window of more positions might overflow the sum. */
enum { MAX_WINDOW = 1 << 23 };

static galen_status check(const gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_quant_check(node, GAL_BYTES, err));
    if (node->in[0]->shape.rank == 4) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, must be [N, H, W, C]",
                         node->in[0]->shape.rank);
}

static galen_status check_window(const gal_node *node, int64_t rows, int64_t columns, galen_error *err) {
    if (rows <= MAX_WINDOW && columns <= MAX_WINDOW && rows * columns <= MAX_WINDOW) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_LIMIT, "a window of %lld by %lld is too large", (long long)rows,
                         (long long)columns);
}

galen_status gal_galen_qaveragepool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_shape shape;
    bool count;
    GAL_TRY(check(node, err));
    GAL_TRY(gal_need_flag(node, "count_include_pad", false, &count, err));
    GAL_TRY(gal_pool_shape(node, true, &window, &shape, err));
    GAL_TRY(check_window(node, window.kernel[1], window.kernel[2], err));
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

galen_status gal_galen_qglobalaveragepool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape shape;
    GAL_TRY(check(node, err));
    GAL_TRY(gal_pool_global_shape(node, true, &shape, err));
    const gal_shape *x = &node->in[0]->shape;
    GAL_TRY(check_window(node, x->dim[1].size, x->dim[2].size, err));
    return gal_set_output(node, 0, gal_quant_output(node), &shape, err);
}

typedef struct job {
    const galen_tensor *x;
    void *y;
    gal_window w;
    gal_requant q;
    int32_t x_zero;
    float factor;
    int64_t channels;
    bool count_pad;
} job;

static void pixel(const job *j, int64_t n, int64_t h, int64_t w, int64_t at) {
    int64_t lo[3], hi[3];
    gal_window_taps(&j->w, 1, h, &lo[1], &hi[1]);
    gal_window_taps(&j->w, 2, w, &lo[2], &hi[2]);
    int64_t inside = (hi[1] - lo[1]) * (hi[2] - lo[2]);
    int64_t count = j->count_pad ? gal_window_padded_taps(&j->w, 1, h) * gal_window_padded_taps(&j->w, 2, w) : inside;
    for (int64_t c = 0; c < j->channels; c++) {
        int64_t sum = 0;
        for (int64_t r = lo[1]; r < hi[1]; r++)
            for (int64_t s = lo[2]; s < hi[2]; s++) {
                int64_t row = h * j->w.stride[1] - j->w.before[1] + r * j->w.dilation[1];
                int64_t column = w * j->w.stride[2] - j->w.before[2] + s * j->w.dilation[2];
                int64_t from = ((n * j->w.in[1] + row) * j->w.in[2] + column) * j->channels + c;
                sum += gal_byte_at(j->x->dtype, j->x->data, from) - j->x_zero;
            }
        float v = count > 0 ? (float)sum * j->factor / (float)count : 0;
        gal_requant_store(&j->q, NULL, j->y, at + c, gal_clampf(v, j->q.low, j->q.high));
    }
}

static void pixel_row(void *context, size_t index) {
    const job *j = context;
    int64_t n = (int64_t)index / j->w.out[1], h = (int64_t)index % j->w.out[1];
    for (int64_t w = 0; w < j->w.out[2]; w++) pixel(j, n, h, w, ((int64_t)index * j->w.out[2] + w) * j->channels);
}

static void run(const gal_call *call, job *j) {
    gal_quant x = gal_quant_of(call->node, 'x', call->in[0]->dtype);
    j->x = call->in[0], j->y = call->out[0]->data, j->channels = j->x->dim[3];
    j->x_zero = x.zero, j->factor = x.scale / gal_attr_float(call->node, "y_scale", 1);
    gal_requant_of(call->node, &j->q);
    gal_pool_run(call->pool, pixel_row, j, (size_t)(j->x->dim[0] * j->w.out[1]));
}

galen_status gal_galen_qaveragepool_run(const gal_call *call, galen_error *err) {
    gal_shape shape;
    job j = {.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0};
    GAL_TRY(gal_pool_shape(call->node, true, &j.w, &shape, err));
    run(call, &j);
    return GALEN_OK;
}

galen_status gal_galen_qglobalaveragepool_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    job j = {.w = {.rank = 2, .out = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}}};
    for (int d = 0; d < 3; d++) j.w.in[d] = j.w.kernel[d] = d == 0 ? 1 : x->dim[d];
    run(call, &j);
    return GALEN_OK;
}
