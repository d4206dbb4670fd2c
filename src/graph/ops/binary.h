/* Shape rule shared by every element-wise op with broadcasting. */
#ifndef GAL_GRAPH_OPS_BINARY_H
#define GAL_GRAPH_OPS_BINARY_H

#include "graph/ops/walk.h"

/*
 * All inputs present and of the same type out of `mask`; out[0] has their broadcast shape and `result` type
 * (GALEN_DTYPE_NONE: the inputs').
 */
galen_status gal_infer_broadcast(const gal_node *node, uint32_t mask, galen_dtype result, galen_error *err);

/* out[0] = table[type of in[0]](in[0], in[1]). */
galen_status gal_run_binary(const gal_call *call, const gal_lane_fn *table);

/* GALEN_ERR_NUMERIC when an integer divisor (in[1]) is zero anywhere. */
galen_status gal_need_divisor(const gal_call *call, galen_error *err);

/* Shape rule and kernel of one op from a table of loops. */
#define GAL_BINARY_OP(op, mask, result, table)                                                                         \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        (void)graph;                                                                                                   \
        return gal_infer_broadcast(node, mask, result, err);                                                           \
    }                                                                                                                  \
    GAL_BINARY_RUN(op, table)

#define GAL_BINARY_RUN(op, table)                                                                                      \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        (void)err;                                                                                                     \
        return gal_run_binary(call, table);                                                                            \
    }

/* A typed loop over two inputs, and its row in a table. The expression sees a and b; integer sums and products go
 * through uint64_t. */
#define GAL_LANE2(ENUM, n, op, expr)                                                                                   \
    static inline void op##_##n##_at(const gal_lane *l, int64_t step_a, int64_t step_b) {                              \
        const uint8_t *p = l->in[0], *q = l->in[1];                                                                    \
        gal_s_##n *out = (gal_s_##n *)l->out;                                                                          \
        for (size_t i = 0; i < l->count; i++, p += step_a, q += step_b) {                                              \
            gal_c_##n a = gal_ld_##n(p), b = gal_ld_##n(q);                                                            \
            gal_st_##n(out + i, (gal_c_##n)(expr));                                                                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const int64_t size = sizeof(gal_s_##n);                                                                        \
        if (l->step[0] == size && l->step[1] == size)                                                                  \
            op##_##n##_at(l, sizeof(gal_s_##n),                                                                        \
                          sizeof(gal_s_##n)); /* constant steps, for the compiler to vectorise */                      \
        else                                                                                                           \
            op##_##n##_at(l, l->step[0], l->step[1]);                                                                  \
    }
#define GAL_LANE_ROW(ENUM, n, op, expr) [GALEN_##ENUM] = op##_##n,

enum { GAL_DTYPES = GALEN_BF16 + 1 };

#endif
