/*
 * MatMulInteger and QLinearMatMul (ONNX opset 10): products of 8-bit matrices less their zero points, in exact
 * integers. Zero points and scales are one number, one a row of A, or one a column of B. QLinearMatMul multiplies the
 * sum as QLinearConv does (conv_int.c).
 */
#include "base/error.h"
#include "graph/ops/affine.h"
#include "graph/ops/matmul.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"

/* Parameters of in[operand], whose rows (A) or columns (B) may each have their own when it is a matrix. */
static galen_status check(const gal_node *node, uint32_t operand, bool columns, uint32_t scale, uint32_t zero,
                          galen_error *err) {
    const gal_shape *s = &node->in[operand]->shape;
    int64_t count = 0;
    if (s->rank == 2 && !s->dim[columns].batch) count = s->dim[columns].size;
    if (scale != 0) GAL_TRY(gal_need_parameter(node, scale, GALEN_F32, count, err));
    GAL_TRY(gal_need_parameter(node, zero, node->in[operand]->dtype, count, err));
    return GALEN_OK;
}

galen_status gal_matmulinteger_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape out;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BYTES, err));
    GAL_TRY(gal_matmul_shape(node, 0, 1, &out, err));
    GAL_TRY(check(node, 0, false, 0, 2, err));
    GAL_TRY(check(node, 1, true, 0, 3, err));
    return gal_set_output(node, 0, GALEN_I32, &out, err);
}

galen_status gal_qlinearmatmul_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_shape out;
    for (uint32_t i = 0; i < 8; i++)
        if (!node->in[i]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is missing", i);
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 3, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 7, GAL_BYTES, err));
    GAL_TRY(gal_matmul_shape(node, 0, 3, &out, err));
    GAL_TRY(check(node, 0, false, 1, 2, err));
    GAL_TRY(check(node, 3, true, 4, 5, err));
    GAL_TRY(gal_need_parameter(node, 6, GALEN_F32, 0, err));
    GAL_TRY(gal_need_parameter(node, 7, node->in[7]->dtype, 0, err));
    return gal_set_output(node, 0, node->in[7]->dtype, &out, err);
}

void gal_qlinearmatmul_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_matmul_macs(node, 0, batch, cost);
    cost->flop += 2 * gal_out_elements(node, batch);
}

typedef struct job {
    gal_matmul plan;
    const galen_tensor *a, *b, *a_zero, *b_zero;
    const galen_tensor *a_scale, *b_scale, *y_scale, *y_zero; /* NULL for MatMulInteger */
    galen_tensor *y;
} job;

static void row(void *context, size_t index) {
    const job *j = context;
    const gal_matmul *p = &j->plan;
    int64_t i = (int64_t)index / p->m, m = (int64_t)index % p->m, ia, ib;
    gal_matmul_at(p, i, &ia, &ib);
    int32_t az = gal_zero_at(j->a_zero, m);
    for (int64_t n = 0; n < p->n; n++) {
        int32_t bz = gal_zero_at(j->b_zero, n);
        int64_t sum = 0, at = (int64_t)index * p->n + n;
        for (int64_t k = 0; k < p->k; k++)
            sum += (int64_t)(gal_byte_at(j->a->dtype, j->a->data, (ia * p->m + m) * p->k + k) - az) *
                   (gal_byte_at(j->b->dtype, j->b->data, (ib * p->k + k) * p->n + n) - bz);
        if (!j->y_scale) {
            ((int32_t *)j->y->data)[at] = (int32_t)(uint32_t)(uint64_t)sum;
        } else {
            float product = (float)gal_scale_at(j->a_scale, m) * (float)gal_scale_at(j->b_scale, n);
            float factor = product / (float)gal_scale_at(j->y_scale, 0);
            double v = (double)((float)(int32_t)(uint32_t)(uint64_t)sum * factor);
            gal_store_byte(j->y->dtype, j->y->data, at, v, gal_zero_at(j->y_zero, 0));
        }
    }
}

static galen_status run(const gal_call *call, job *j) {
    j->y = call->out[0];
    gal_matmul_plan(j->a, j->b, &j->plan);
    gal_pool_run(call->pool, row, j, (size_t)(j->plan.count * j->plan.m));
    return GALEN_OK;
}

galen_status gal_matmulinteger_run(const gal_call *call, galen_error *err) {
    (void)err;
    uint32_t n = call->node->n_in;
    job j = {
        .a = call->in[0], .b = call->in[1], .a_zero = n > 2 ? call->in[2] : NULL, .b_zero = n > 3 ? call->in[3] : NULL};
    return run(call, &j);
}

galen_status gal_qlinearmatmul_run(const gal_call *call, galen_error *err) {
    (void)err;
    job j = {.a = call->in[0],
             .a_scale = call->in[1],
             .a_zero = call->in[2],
             .b = call->in[3],
             .b_scale = call->in[4],
             .b_zero = call->in[5],
             .y_scale = call->in[6],
             .y_zero = call->in[7]};
    return run(call, &j);
}
