/* What MatMul, MatMulInteger and QLinearMatMul share: NumPy's rules for operands of any rank. */
#ifndef GAL_GRAPH_OPS_MATMUL_H
#define GAL_GRAPH_OPS_MATMUL_H

#include "graph/op.h"

/* Shape of in[a] @ in[b]: 1-D operands get a dimension of 1 that the result loses again; leading dimensions broadcast.
 */
galen_status gal_matmul_shape(const gal_node *node, uint32_t a, uint32_t b, gal_shape *out, galen_error *err);

/* One matrix product of a batch: which matrices of a and b. */
typedef struct gal_matmul {
    int64_t m, n, k, count; /* count: products in all */
    int rank;               /* leading dimensions */
    int64_t lead[GALEN_MAX_RANK], a_step[GALEN_MAX_RANK],
        b_step[GALEN_MAX_RANK]; /* steps in matrices; 0 where broadcast */
} gal_matmul;

void gal_matmul_plan(const galen_tensor *a, const galen_tensor *b, gal_matmul *out);
/* Numbers of a's and b's matrices in product i. */
void gal_matmul_at(const gal_matmul *plan, int64_t i, int64_t *a, int64_t *b);
/* Adds the MACs of in[a] @ in[b]. */
void gal_matmul_macs(const gal_node *node, uint32_t a, int64_t batch, gal_cost *cost);

#endif
