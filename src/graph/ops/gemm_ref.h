/* The one reference matrix product, over any strides: Gemm, MatMul and galen.Gemm give the same bits because all call
 * it. */
#ifndef GAL_GRAPH_OPS_GEMM_REF_H
#define GAL_GRAPH_OPS_GEMM_REF_H

#include "graph/op.h"
#include "graph/ops/activation.h"

/*
 * y[m][n] = activation(round(alpha * sum over k of a[m][k] b[k][n] + beta * c[m][n])), the sum in double in order of k;
 * integers wrap. Strides are in elements.
 */
typedef struct gal_gemm_ref {
    galen_dtype dtype;
    int64_t m, n, k;
    const void *a, *b, *c; /* c may be NULL */
    void *y;               /* dense [m][n] */
    int64_t a_row, a_col, b_row, b_col, c_row, c_col;
    float alpha, beta;
    bool merged;               /* galen.Gemm: c and y are f32, also of 16-bit operands */
    bool narrow;               /* but y has the operands' type */
    gal_activation activation; /* only when merged */
    float act_alpha, act_beta;
} gal_gemm_ref;

/* Shape rule of Gemm but for the types of its inputs. A has 2 to max_rank dimensions: all but the last make rows. */
galen_status gal_gemm_shape(const gal_node *node, int max_rank, galen_dtype result, galen_error *err);
void gal_gemm_ref_run(const gal_gemm_ref *gemm, gal_pool *pool);

#endif
