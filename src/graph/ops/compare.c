/* Comparisons, logic and Where. */
#include "base/error.h"
#include "graph/ops/binary.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#define TEST_LANE(ENUM, n, op, expr)                                                                                   \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const uint8_t *p = l->in[0], *q = l->in[1];                                                                    \
        for (size_t i = 0; i < l->count; i++, p += l->step[0], q += l->step[1]) {                                      \
            gal_c_##n a = gal_ld_##n(p), b = gal_ld_##n(q);                                                            \
            l->out[i] = (expr);                                                                                        \
        }                                                                                                              \
    }

#define COMPARISON(op, expr)                                                                                           \
    GAL_EACH_FLOAT(TEST_LANE, op, expr)                                                                                \
    GAL_EACH_INT(TEST_LANE, op, expr)                                                                                  \
    static const gal_lane_fn op##_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, op, )                              \
                                                           GAL_EACH_INT(GAL_LANE_ROW, op, )}

COMPARISON(greater, a > b);
COMPARISON(greater_equal, a >= b);
COMPARISON(less, a < b);
COMPARISON(less_equal, a <= b);

GAL_EACH_FLOAT(TEST_LANE, equal, a == b)
GAL_EACH_INT(TEST_LANE, equal, a == b)

#define LOGIC(op, expr)                                                                                                \
    TEST_LANE(BOOL, u8, op, expr)                                                                                      \
    static const gal_lane_fn op##_table[GAL_DTYPES] = {[GALEN_BOOL] = op##_u8}

TEST_LANE(BOOL, u8, same, !a == !b)
LOGIC(and, a &&b);
LOGIC(or, a || b);
LOGIC(xor, !a != !b);

static const gal_lane_fn equal_table[GAL_DTYPES] = {
    [GALEN_BOOL] = same_u8, GAL_EACH_FLOAT(GAL_LANE_ROW, equal, ) GAL_EACH_INT(GAL_LANE_ROW, equal, )};

GAL_BINARY_OP(equal, GAL_ANY, GALEN_BOOL, equal_table)
GAL_BINARY_OP(greater, GAL_FLOATS | GAL_INTS, GALEN_BOOL, greater_table)
GAL_BINARY_OP(greaterorequal, GAL_FLOATS | GAL_INTS, GALEN_BOOL, greater_equal_table)
GAL_BINARY_OP(less, GAL_FLOATS | GAL_INTS, GALEN_BOOL, less_table)
GAL_BINARY_OP(lessorequal, GAL_FLOATS | GAL_INTS, GALEN_BOOL, less_equal_table)
GAL_BINARY_OP(and, GAL_BIT(GALEN_BOOL), GALEN_BOOL, and_table)
GAL_BINARY_OP(or, GAL_BIT(GALEN_BOOL), GALEN_BOOL, or_table)
GAL_BINARY_OP(xor, GAL_BIT(GALEN_BOOL), GALEN_BOOL, xor_table)

/* ---- Not ---- */

static void not_lane(const gal_lane *l) {
    for (size_t i = 0; i < l->count; i++) l->out[i] = !l->in[0][(int64_t)i * l->step[0]];
}

galen_status gal_not_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return gal_infer_broadcast(node, GAL_BIT(GALEN_BOOL), GALEN_DTYPE_NONE, err);
}

galen_status gal_not_run(const gal_call *call, galen_error *err) {
    (void)err;
    gal_walk_broadcast(call->in, 1, call->out[0], not_lane, NULL, call->pool);
    return GALEN_OK;
}

/* ---- Where ---- */

#define WHERE_LANE(name, type)                                                                                         \
    static void name(const gal_lane *l) {                                                                              \
        type *out = (type *)l->out;                                                                                    \
        for (size_t i = 0; i < l->count; i++) {                                                                        \
            int64_t at = (int64_t)i;                                                                                   \
            int from = l->in[0][at * l->step[0]] ? 1 : 2;                                                              \
            out[i] = *(const type *)(l->in[from] + at * l->step[from]);                                                \
        }                                                                                                              \
    }

WHERE_LANE(where1, uint8_t)
WHERE_LANE(where2, uint16_t)
WHERE_LANE(where4, uint32_t)
WHERE_LANE(where8, uint64_t)

galen_status gal_where_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_BOOL), err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_ANY, err));
    GAL_TRY(gal_need_dtype(node, 2, GAL_ANY, err));
    GAL_TRY(gal_need_same_dtype(node, 1, err));
    gal_shape chosen, shape;
    GAL_TRY(gal_broadcast(node, &node->in[1]->shape, &node->in[2]->shape, &chosen, err));
    GAL_TRY(gal_broadcast(node, &node->in[0]->shape, &chosen, &shape, err));
    return gal_set_output(node, 0, node->in[1]->dtype, &shape, err);
}

galen_status gal_where_run(const gal_call *call, galen_error *err) {
    (void)err;
    size_t size = galen_dtype_size(call->out[0]->dtype);
    gal_lane_fn fn = size == 1 ? where1 : size == 2 ? where2 : size == 4 ? where4 : where8;
    gal_walk_broadcast(call->in, 3, call->out[0], fn, NULL, call->pool);
    return GALEN_OK;
}
