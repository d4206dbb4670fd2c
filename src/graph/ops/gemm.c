/* Gemm (ONNX opset 13) and MatMul (opset 13): floats sum in double and round once; 32 and 64-bit integers wrap. */
#include "base/error.h"
#include "graph/ops/gemm_ref.h"
#include "graph/ops/matmul.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#define GEMM_TYPES (GAL_FLOATS | GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_I64) | GAL_BIT(GALEN_U32) | GAL_BIT(GALEN_U64))

enum { CHUNK = 32 };

static inline double load(galen_dtype t, const void *p, int64_t i) {
    if (t == GALEN_F32) return (double)((const float *)p)[i];
    if (t == GALEN_F64) return ((const double *)p)[i];
    if (t == GALEN_BF16) return (double)gal_ld_bf16((const uint16_t *)p + i);
    return gal_load_f64(t, (const uint16_t *)p + i);
}

static inline __attribute__((always_inline)) void finish(const gal_gemm_ref *g, galen_dtype t, int64_t row, int64_t col,
                                                         double sum) {
    int64_t at = row * g->n + col;
    double v = (double)g->alpha * sum;
    if (g->c) v += (double)g->beta * load(g->merged ? GALEN_F32 : t, g->c, row * g->c_row + col * g->c_col);
    if (t == GALEN_F32 || g->merged) {
        float y = gal_activate(g->activation, g->act_alpha, g->act_beta, (float)v);
        if (g->narrow)
            gal_store_float(t, (uint16_t *)g->y + at, (double)y);
        else
            ((float *)g->y)[at] = y;
    } else if (t == GALEN_F64) {
        ((double *)g->y)[at] = v;
    } else {
        gal_store_float(t, (uint16_t *)g->y + at, v);
    }
}

static inline __attribute__((always_inline)) void float_row(const gal_gemm_ref *g, galen_dtype t, int64_t row) {
    for (int64_t from = 0; from < g->n; from += CHUNK) {
        double acc[CHUNK] = {0};
        int64_t width = g->n - from < CHUNK ? g->n - from : CHUNK;
        for (int64_t k = 0; k < g->k; k++) {
            double a = load(t, g->a, row * g->a_row + k * g->a_col);
            int64_t b = k * g->b_row + from * g->b_col;
            for (int64_t j = 0; j < width; j++) acc[j] += a * load(t, g->b, b + j * g->b_col);
        }
        for (int64_t j = 0; j < width; j++) finish(g, t, row, from + j, acc[j]);
    }
}

/* alpha and beta are 1 here (checked by the shape rule). */
static void int_row(const gal_gemm_ref *g, int64_t row) {
    size_t size = galen_dtype_size(g->dtype);
    const uint8_t *a = g->a, *b = g->b, *c = g->c;
    for (int64_t col = 0; col < g->n; col++) {
        uint64_t sum = 0;
        for (int64_t k = 0; k < g->k; k++)
            sum += (uint64_t)gal_load_i64(g->dtype, a + (size_t)(row * g->a_row + k * g->a_col) * size) *
                   (uint64_t)gal_load_i64(g->dtype, b + (size_t)(k * g->b_row + col * g->b_col) * size);
        if (c) sum += (uint64_t)gal_load_i64(g->dtype, c + (size_t)(row * g->c_row + col * g->c_col) * size);
        gal_store_int(g->dtype, (uint8_t *)g->y + (size_t)(row * g->n + col) * size, (int64_t)sum);
    }
}

static void task(void *context, size_t row) {
    const gal_gemm_ref *g = context;
    if (g->dtype == GALEN_F32) {
        float_row(g, GALEN_F32, (int64_t)row);
    } else if (g->dtype == GALEN_F64) {
        float_row(g, GALEN_F64, (int64_t)row);
    } else if (gal_dtype_is_float(g->dtype)) {
        float_row(g, g->dtype, (int64_t)row);
    } else {
        int_row(g, (int64_t)row);
    }
}

void gal_gemm_ref_run(const gal_gemm_ref *gemm, gal_pool *pool) {
    gal_gemm_ref copy = *gemm;
    if (gemm->n > 0) gal_pool_run(pool, task, &copy, (size_t)gemm->m);
}

static galen_status check_c(const gal_node *node, const gal_shape *out, galen_error *err) {
    gal_shape joined;
    if (node->n_in < 3 || !node->in[2]) return GALEN_OK;
    GAL_TRY(gal_broadcast(node, &node->in[2]->shape, out, &joined, err));
    if (gal_shape_equal(&joined, out)) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 2 is larger than the product it is added to");
}

galen_status gal_gemm_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GEMM_TYPES, err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    return gal_gemm_shape(node, 2, node->in[0]->dtype, err);
}

galen_status gal_gemm_shape(const gal_node *node, int max_rank, galen_dtype result, galen_error *err) {
    bool ta, tb;
    GAL_TRY(gal_need_flag(node, "transA", false, &ta, err));
    GAL_TRY(gal_need_flag(node, "transB", false, &tb, err));
    const gal_shape *a = &node->in[0]->shape, *b = &node->in[1]->shape;
    if (a->rank < 2 || a->rank > max_rank || b->rank != 2)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the operands have %d and %d dimensions, both need 2",
                             a->rank, b->rank);
    const gal_dim *matrix = a->dim + a->rank - 2;
    if (!gal_dim_equal(matrix[!ta], b->dim[tb]))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the operands' inner dimensions %lld and %lld differ",
                             (long long)matrix[!ta].size, (long long)b->dim[tb].size);
    float alpha = gal_attr_float(node, "alpha", 1), beta = gal_attr_float(node, "beta", 1);
    if (!gal_dtype_is_float(node->in[0]->dtype) && (alpha != 1 || beta != 1))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "attributes alpha and beta other than 1 are not supported for integers");
    gal_shape out = *a;
    out.dim[out.rank - 2] = matrix[ta], out.dim[out.rank - 1] = b->dim[!tb];
    GAL_TRY(check_c(node, &out, err));
    return gal_set_output(node, 0, result, &out, err);
}

void gal_gemm_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    const gal_shape *a = &node->in[0]->shape;
    int64_t inner = gal_dim_at(a->dim[a->rank - (gal_attr_int(node, "transA", 0) ? 2 : 1)], batch), mac;
    int64_t outputs = gal_out_elements(node, batch);
    if (__builtin_mul_overflow(outputs, inner, &mac)) mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac + (node->n_in > 2 && node->in[2] ? outputs : 0);
}

galen_status gal_gemm_run(const gal_call *call, galen_error *err) {
    (void)err;
    const gal_node *node = call->node;
    const galen_tensor *a = call->in[0], *b = call->in[1], *c = node->n_in > 2 ? call->in[2] : NULL;
    bool ta = gal_attr_int(node, "transA", 0) != 0, tb = gal_attr_int(node, "transB", 0) != 0;
    gal_gemm_ref g = {.dtype = a->dtype, .a = a->data, .b = b->data, .y = call->out[0]->data};
    g.m = a->dim[ta], g.k = a->dim[!ta], g.n = b->dim[!tb];
    g.a_row = ta ? 1 : g.k, g.a_col = ta ? g.m : 1;
    g.b_row = tb ? 1 : g.n, g.b_col = tb ? g.k : 1;
    g.alpha = gal_attr_float(node, "alpha", 1), g.beta = gal_attr_float(node, "beta", 1);
    if (c) {
        int64_t cols = c->rank > 0 ? c->dim[c->rank - 1] : 1, rows = c->rank > 1 ? c->dim[c->rank - 2] : 1;
        g.c = c->data;
        g.c_col = cols == 1 ? 0 : 1;
        g.c_row = rows == 1 ? 0 : cols;
    }
    gal_gemm_ref_run(&g, call->pool);
    return GALEN_OK;
}

galen_status gal_matmul_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape out;
    GAL_TRY(gal_need_dtype(node, 0, GEMM_TYPES, err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    GAL_TRY(gal_matmul_shape(node, 0, 1, &out, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &out, err);
}

void gal_matmul_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_matmul_macs(node, 0, batch, cost);
}

galen_status gal_matmul_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *a = call->in[0], *b = call->in[1];
    size_t size = galen_dtype_size(a->dtype);
    gal_matmul plan;
    gal_matmul_plan(a, b, &plan);
    gal_gemm_ref g = {.dtype = a->dtype, .m = plan.m, .n = plan.n, .k = plan.k, .alpha = 1};
    g.a_row = plan.k, g.a_col = 1, g.b_row = plan.n, g.b_col = 1;
    for (int64_t i = 0; i < plan.count && plan.m * plan.n > 0; i++) {
        int64_t ia, ib;
        gal_matmul_at(&plan, i, &ia, &ib);
        g.a = (const uint8_t *)a->data + (size_t)(ia * plan.m * plan.k) * size;
        g.b = (const uint8_t *)b->data + (size_t)(ib * plan.k * plan.n) * size;
        g.y = (uint8_t *)call->out[0]->data + (size_t)(i * plan.m * plan.n) * size;
        gal_gemm_ref_run(&g, call->pool);
    }
    return GALEN_OK;
}
