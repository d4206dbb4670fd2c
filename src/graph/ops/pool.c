/* MaxPool (ONNX opset 12), AveragePool (11), LpPool (11) and their global forms (1, 2). */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/pool_ref.h"
#include "graph/ops/rules.h"

static galen_status windowed(const gal_node *node, uint32_t types, galen_error *err) {
    gal_window window;
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, types, err));
    GAL_TRY(gal_pool_shape(node, false, &window, &shape, err));
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    return gal_set_output(node, 1, GALEN_I64, &shape, err);
}

static galen_status whole(const gal_node *node, galen_error *err) {
    gal_shape shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(gal_pool_global_shape(node, false, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

static galen_status check_p(const gal_node *node, galen_error *err) {
    int64_t p = gal_attr_int(node, "p", 2);
    if (p >= 1 && p <= 1024) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute p is %lld, must be in [1, 1024]", (long long)p);
}

galen_status gal_maxpool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    bool order;
    (void)graph;
    GAL_TRY(gal_need_flag(node, "storage_order", false, &order, err));
    return windowed(node, GAL_FLOATS | GAL_BIT(GALEN_U8) | GAL_BIT(GALEN_I8), err);
}

galen_status gal_averagepool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    bool count;
    (void)graph;
    GAL_TRY(gal_need_flag(node, "count_include_pad", false, &count, err));
    return windowed(node, GAL_FLOATS, err);
}

galen_status gal_lppool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(check_p(node, err));
    return windowed(node, GAL_FLOATS, err);
}

galen_status gal_globalpool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return whole(node, err);
}

galen_status gal_globallppool_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(check_p(node, err));
    return whole(node, err);
}

/* One comparison or addition a window position. */
void gal_pool_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    int64_t flop = gal_out_elements(node, batch);
    size_t count;
    const int64_t *kernel = gal_attr_ints(node, "kernel_shape", &count);
    for (size_t i = 0; i < count; i++)
        if (__builtin_mul_overflow(flop, kernel[i], &flop)) flop = INT64_MAX / 64;
    cost->flop += flop;
}

galen_status gal_maxpool_run(const gal_call *call, galen_error *err) {
    return gal_pool_ref_run(call, GAL_POOL_MAX, false, err);
}
galen_status gal_averagepool_run(const gal_call *call, galen_error *err) {
    return gal_pool_ref_run(call, GAL_POOL_AVERAGE, false, err);
}
galen_status gal_lppool_run(const gal_call *call, galen_error *err) {
    return gal_pool_ref_run(call, GAL_POOL_LP, false, err);
}

galen_status gal_globalmaxpool_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_pool_ref_global(call, GAL_POOL_MAX, false);
}

galen_status gal_globalaveragepool_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_pool_ref_global(call, GAL_POOL_AVERAGE, false);
}

galen_status gal_globallppool_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_pool_ref_global(call, GAL_POOL_LP, false);
}
