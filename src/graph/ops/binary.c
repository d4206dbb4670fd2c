/* Arithmetic on two or more broadcast tensors: Add Sub Mul Div PRelu BitShift and the variadic Sum Mean Min Max. */
#include "graph/ops/binary.h"

#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

/* NaN wins, as in NumPy. */
#define FLOAT_MIN(a, b) (a < b || isnan(a) ? a : b)
#define FLOAT_MAX(a, b) (a > b || isnan(a) ? a : b)

GAL_EACH_FLOAT(GAL_LANE2, add, a + b)
GAL_EACH_INT(GAL_LANE2, add, (uint64_t)a + (uint64_t)b)
GAL_EACH_FLOAT(GAL_LANE2, sub, a - b)
GAL_EACH_INT(GAL_LANE2, sub, (uint64_t)a - (uint64_t)b)
GAL_EACH_FLOAT(GAL_LANE2, mul, a *b)
GAL_EACH_INT(GAL_LANE2, mul, (uint64_t)a *(uint64_t)b)
GAL_EACH_FLOAT(GAL_LANE2, div, a / b)
GAL_EACH_UNSIGNED(GAL_LANE2, div, a / b)
GAL_EACH_SIGNED(GAL_LANE2, div, b == -1 ? (int64_t)(0 - (uint64_t)a) : (int64_t)(a / b))
GAL_EACH_FLOAT(GAL_LANE2, min, FLOAT_MIN(a, b))
GAL_EACH_INT(GAL_LANE2, min, a < b ? a : b)
GAL_EACH_FLOAT(GAL_LANE2, max, FLOAT_MAX(a, b))
GAL_EACH_INT(GAL_LANE2, max, a > b ? a : b)
GAL_EACH_FLOAT(GAL_LANE2, prelu, a < 0 ? a * b : a)
GAL_EACH_SIGNED(GAL_LANE2, prelu, a < 0 ? (uint64_t)a * (uint64_t)b : (uint64_t)a)
GAL_EACH_UNSIGNED(GAL_LANE2, prelu, ((void)b, a))
GAL_EACH_UNSIGNED(GAL_LANE2, shift_left, b < 8 * sizeof a ? (uint64_t)a << b : 0)
GAL_EACH_UNSIGNED(GAL_LANE2, shift_right, b < 8 * sizeof a ? a >> b : 0)

static const gal_lane_fn add_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, add, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, add, )};
static const gal_lane_fn sub_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, sub, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, sub, )};
static const gal_lane_fn mul_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, mul, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, mul, )};
static const gal_lane_fn div_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, div, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, div, )};
static const gal_lane_fn min_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, min, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, min, )};
static const gal_lane_fn max_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, max, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, max, )};
static const gal_lane_fn prelu_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, prelu, )
                                                        GAL_EACH_INT(GAL_LANE_ROW, prelu, )};
static const gal_lane_fn shift_left_table[GAL_DTYPES] = {GAL_EACH_UNSIGNED(GAL_LANE_ROW, shift_left, )};
static const gal_lane_fn shift_right_table[GAL_DTYPES] = {GAL_EACH_UNSIGNED(GAL_LANE_ROW, shift_right, )};

/* Division of each element by the number of inputs of Mean. */
#define LANE_SHARE(ENUM, n, op, expr)                                                                                  \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const gal_c_##n by = (gal_c_##n)(*(const uint32_t *)l->context);                                               \
        const gal_s_##n *in = (const gal_s_##n *)l->in[0];                                                             \
        gal_s_##n *out = (gal_s_##n *)l->out;                                                                          \
        for (size_t i = 0; i < l->count; i++) gal_st_##n(out + i, gal_ld_##n(in + i) / by);                            \
    }
GAL_EACH_FLOAT(LANE_SHARE, share, )
static const gal_lane_fn share_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, share, )};

galen_status gal_infer_broadcast(const gal_node *node, uint32_t mask, galen_dtype result, galen_error *err) {
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!node->in[i]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is missing", i);
        GAL_TRY(gal_need_dtype(node, i, mask, err));
    }
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    gal_shape shape = node->in[0]->shape;
    for (uint32_t i = 1; i < node->n_in; i++) {
        gal_shape both;
        GAL_TRY(gal_broadcast(node, &shape, &node->in[i]->shape, &both, err));
        shape = both;
    }
    return gal_set_output(node, 0, result ? result : node->in[0]->dtype, &shape, err);
}

galen_status gal_run_binary(const gal_call *call, const gal_lane_fn *table) {
    gal_walk_broadcast(call->in, 2, call->out[0], table[call->in[0]->dtype], NULL, call->pool);
    return GALEN_OK;
}

galen_status gal_need_divisor(const gal_call *call, galen_error *err) {
    const galen_tensor *by = call->in[1];
    if (gal_dtype_is_float(by->dtype)) return GALEN_OK;
    int64_t count = galen_tensor_elements(by);
    size_t size = galen_dtype_size(by->dtype);
    for (int64_t i = 0; i < count; i++)
        if (gal_load_i64(by->dtype, (const uint8_t *)by->data + (size_t)i * size) == 0)
            return gal_node_fail(call->node, err, GALEN_ERR_NUMERIC, "integer division by zero (divisor element %lld)",
                                 (long long)i);
    return GALEN_OK;
}

/* ---- elements known at load ---- */

typedef bool (*dim_fn)(gal_dim a, gal_dim b, gal_dim *out);

static bool add_dims(gal_dim a, gal_dim b, gal_dim *out) {
    if (a.batch != b.batch && a.size != 0 && b.size != 0) return false;
    out->batch = (a.batch && a.size != 0) || (b.batch && b.size != 0);
    return !__builtin_add_overflow(a.size, b.size, &out->size);
}

static bool sub_dims(gal_dim a, gal_dim b, gal_dim *out) {
    if (a.batch != b.batch && a.size != 0 && b.size != 0) return false;
    out->batch = (a.batch && a.size != 0) || (b.batch && b.size != 0);
    return !__builtin_sub_overflow(a.size, b.size, &out->size);
}

static bool mul_dims(gal_dim a, gal_dim b, gal_dim *out) {
    if (a.batch && b.batch) return false;
    out->batch = a.batch || b.batch;
    return !__builtin_mul_overflow(a.size, b.size, &out->size);
}

static bool div_dims(gal_dim a, gal_dim b, gal_dim *out) {
    if (b.size == 0 || b.size == -1 || (b.batch && !a.batch)) return false;
    if (a.batch && a.size % b.size != 0) return false;
    *out = (gal_dim){a.size / b.size, a.batch && !b.batch};
    return true;
}

static galen_status infer_arithmetic(gal_graph *graph, gal_node *node, dim_fn fn, galen_error *err) {
    GAL_TRY(gal_infer_broadcast(node, GAL_FLOATS | GAL_INTS, GALEN_DTYPE_NONE, err));
    gal_dim a[GAL_KNOWN_MAX], b[GAL_KNOWN_MAX], out[GAL_KNOWN_MAX];
    size_t na, nb;
    if (!gal_known_of(node->in[0], a, &na) || !gal_known_of(node->in[1], b, &nb)) return GALEN_OK;
    if (na == 0 || nb == 0) return GALEN_OK;
    size_t n = na > nb ? na : nb;
    for (size_t i = 0; i < n; i++)
        if (!fn(a[na == 1 ? 0 : i], b[nb == 1 ? 0 : i], &out[i])) return GALEN_OK;
    return gal_know(graph, node, out, n, err);
}

#define ARITHMETIC(op)                                                                                                 \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        return infer_arithmetic(graph, node, op##_dims, err);                                                          \
    }

ARITHMETIC(add)
ARITHMETIC(sub)
ARITHMETIC(mul)
ARITHMETIC(div)
GAL_BINARY_RUN(add, add_table)
GAL_BINARY_RUN(sub, sub_table)
GAL_BINARY_RUN(mul, mul_table)

galen_status gal_div_run(const gal_call *call, galen_error *err) {
    GAL_TRY(gal_need_divisor(call, err));
    return gal_run_binary(call, div_table);
}

/* ---- PRelu, BitShift ---- */

galen_status gal_prelu_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_infer_broadcast(node, GAL_FLOATS | GAL_INTS, GALEN_DTYPE_NONE, err));
    if (!gal_shape_equal(&node->in[0]->shape, &node->out[0]->shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the slope does not broadcast to the shape of the input");
    return GALEN_OK;
}

GAL_BINARY_RUN(prelu, prelu_table)

galen_status gal_bitshift_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    const char *direction = gal_attr_string(node, "direction", "");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "direction '%s' is neither LEFT nor RIGHT", direction);
    return gal_infer_broadcast(node, GAL_BIT(GALEN_U8) | GAL_BIT(GALEN_U16) | GAL_BIT(GALEN_U32) | GAL_BIT(GALEN_U64),
                               GALEN_DTYPE_NONE, err);
}

galen_status gal_bitshift_run(const gal_call *call, galen_error *err) {
    (void)err;
    bool left = strcmp(gal_attr_string(call->node, "direction", ""), "LEFT") == 0;
    return gal_run_binary(call, left ? shift_left_table : shift_right_table);
}

/* ---- variadic ---- */

/* Left to right, so that the order of rounding is the order of the inputs. */
static void fold_inputs(const gal_call *call, const gal_lane_fn *table) {
    galen_tensor *out = call->out[0];
    if (call->node->n_in == 1) {
        gal_walk_broadcast(call->in, 1, out, gal_lane_copy(galen_dtype_size(out->dtype)), NULL, call->pool);
        return;
    }
    gal_walk_broadcast(call->in, 2, out, table[out->dtype], NULL, call->pool);
    for (uint32_t i = 2; i < call->node->n_in; i++) {
        const galen_tensor *pair[2] = {out, call->in[i]};
        gal_walk_broadcast(pair, 2, out, table[out->dtype], NULL, call->pool);
    }
}

void gal_variadic_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += gal_out_elements(node, batch) * (int64_t)(node->n_in - 1);
}

#define VARIADIC(op, mask, table)                                                                                      \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        (void)graph;                                                                                                   \
        return gal_infer_broadcast(node, mask, GALEN_DTYPE_NONE, err);                                                 \
    }                                                                                                                  \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        (void)err;                                                                                                     \
        fold_inputs(call, table);                                                                                      \
        return GALEN_OK;                                                                                               \
    }

VARIADIC(min, GAL_FLOATS | GAL_INTS, min_table)
VARIADIC(max, GAL_FLOATS | GAL_INTS, max_table)
VARIADIC(sum, GAL_FLOATS, add_table)

galen_status gal_mean_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    return gal_infer_broadcast(node, GAL_FLOATS, GALEN_DTYPE_NONE, err);
}

void gal_mean_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += gal_out_elements(node, batch) * (int64_t)node->n_in;
}

galen_status gal_mean_run(const gal_call *call, galen_error *err) {
    (void)err;
    fold_inputs(call, add_table);
    const galen_tensor *in[1] = {call->out[0]};
    gal_walk_broadcast(in, 1, call->out[0], share_table[call->out[0]->dtype], &call->node->n_in, call->pool);
    return GALEN_OK;
}
