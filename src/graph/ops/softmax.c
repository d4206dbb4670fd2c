/* Softmax and LogSoftmax (ONNX opset 13) along one axis: less the maximum, summed in double in order, rounded once. */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

galen_status gal_softmax_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int axis;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", -1), node->in[0]->shape.rank, &axis, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

/* A maximum, a difference, an exponential, a sum and a quotient an element. */
void gal_softmax_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 5 * gal_out_elements(node, batch);
}

/* `count` elements `step` apart. */
static void line(galen_dtype t, const uint8_t *x, uint8_t *y, int64_t count, size_t step, bool take_log) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double v = gal_load_f64(t, x + (size_t)i * step);
        if (v > most || isnan(v)) most = v;
        if (isnan(v)) break;
    }
    for (int64_t i = 0; i < count; i++) sum += gal_ref_exp(gal_load_f64(t, x + (size_t)i * step) - most);
    double log_sum = take_log ? gal_ref_log(sum) : 0;
    for (int64_t i = 0; i < count; i++) {
        double v = gal_load_f64(t, x + (size_t)i * step) - most;
        gal_store_float(t, y + (size_t)i * step, take_log ? v - log_sum : gal_ref_exp(v) / sum);
    }
}

static galen_status run(const gal_call *call, bool take_log, galen_error *err) {
    const galen_tensor *x = call->in[0];
    size_t size = galen_dtype_size(x->dtype);
    int64_t outer = 1, inner = 1;
    int axis;
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", -1), x->rank, &axis, err));
    for (int i = 0; i < axis; i++) outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++) inner *= x->dim[i];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            size_t offset = (size_t)(o * x->dim[axis] * inner + i) * size;
            line(x->dtype, (const uint8_t *)x->data + offset, (uint8_t *)call->out[0]->data + offset, x->dim[axis],
                 (size_t)inner * size, take_log);
        }
    return GALEN_OK;
}

galen_status gal_softmax_run(const gal_call *call, galen_error *err) {
    return run(call, false, err);
}
galen_status gal_logsoftmax_run(const gal_call *call, galen_error *err) {
    return run(call, true, err);
}
