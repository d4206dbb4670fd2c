/*
 * Element-wise functions of one tensor. Floats of every width are computed in double by our own exp, log, tanh and erf
 * and rounded once, so that all machines give the same bits.
 */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/binary.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

/* Attributes of the op, or its specified defaults. */
typedef struct params {
    double alpha, beta;
} params;

static inline double limit(double x, double lo, double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

/* log(1 + e^x) without overflow. */
static inline double softplus(double x) {
    return (x > 0 ? x : 0) + gal_ref_log1p(gal_ref_exp(-fabs(x)));
}

#define FLOAT_LANE(ENUM, n, op, expr)                                                                                  \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const params p = *(const params *)l->context;                                                                  \
        const uint8_t *in = l->in[0];                                                                                  \
        (void)p;                                                                                                       \
        for (size_t i = 0; i < l->count; i++, in += l->step[0]) {                                                      \
            double x = (double)gal_ld_##n(in);                                                                         \
            gal_sd_##n((gal_s_##n *)l->out + i, (expr));                                                               \
        }                                                                                                              \
    }

#define INT_LANE(ENUM, n, op, expr)                                                                                    \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const uint8_t *in = l->in[0];                                                                                  \
        for (size_t i = 0; i < l->count; i++, in += l->step[0]) {                                                      \
            gal_c_##n x = gal_ld_##n(in);                                                                              \
            gal_st_##n((gal_s_##n *)l->out + i, (gal_c_##n)(expr));                                                    \
        }                                                                                                              \
    }

static galen_status infer(gal_graph *graph, gal_node *node, uint32_t mask, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, mask, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

/* Neg also works on small tensors known at load, such as axes. */
static galen_status infer_neg(gal_graph *graph, gal_node *node, uint32_t mask, galen_error *err) {
    gal_dim dims[GAL_KNOWN_MAX];
    size_t count;
    GAL_TRY(infer(graph, node, mask, err));
    if (!gal_known_of(node->in[0], dims, &count)) return GALEN_OK;
    for (size_t i = 0; i < count; i++)
        if (__builtin_sub_overflow((int64_t)0, dims[i].size, &dims[i].size)) return GALEN_OK;
    return gal_know(graph, node, dims, count, err);
}

static galen_status run(const gal_call *call, const gal_lane_fn *table, params p) {
    gal_walk_broadcast(call->in, 1, call->out[0], table[call->in[0]->dtype], &p, call->pool);
    return GALEN_OK;
}

/* One op: its loops, shape rule and kernel; `mask` and `rows` add the integer loops some ops have. */
#define UNARY_WITH(op, expr, rule, mask, rows, first, first_default, second, second_default)                           \
    GAL_EACH_FLOAT(FLOAT_LANE, op, expr)                                                                               \
    static const gal_lane_fn op##_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, op, ) rows};                       \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        return rule(graph, node, mask, err);                                                                           \
    }                                                                                                                  \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        (void)err;                                                                                                     \
        params p = {(double)gal_attr_float(call->node, first, first_default),                                          \
                    (double)gal_attr_float(call->node, second, second_default)};                                       \
        return run(call, op##_table, p);                                                                               \
    }
#define UNARY(op, expr)              UNARY_WITH(op, expr, infer, GAL_FLOATS, , "", 0, "", 0)
#define UNARY_ALPHA(op, expr, alpha) UNARY_WITH(op, expr, infer, GAL_FLOATS, , "alpha", alpha, "", 0)

#define SIGNED_TYPES                 (GAL_BIT(GALEN_I8) | GAL_BIT(GALEN_I16) | GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_I64))

GAL_EACH_SIGNED(INT_LANE, abs, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
GAL_EACH_UNSIGNED(INT_LANE, abs, x)
UNARY_WITH(abs, fabs(x), infer, GAL_FLOATS | GAL_INTS, GAL_EACH_INT(GAL_LANE_ROW, abs, ), "", 0, "", 0)

GAL_EACH_SIGNED(INT_LANE, neg, 0 - (uint64_t)x)
UNARY_WITH(neg, -x, infer_neg, GAL_FLOATS | SIGNED_TYPES, GAL_EACH_SIGNED(GAL_LANE_ROW, neg, ), "", 0, "", 0)

GAL_EACH_SIGNED(INT_LANE, sign, (x > 0) - (x < 0))
GAL_EACH_UNSIGNED(INT_LANE, sign, x > 0)
UNARY_WITH(sign, isnan(x) ? x : (double)((x > 0) - (x < 0)), infer, GAL_FLOATS | GAL_INTS,
           GAL_EACH_INT(GAL_LANE_ROW, sign, ), "", 0, "", 0)

GAL_EACH_SIGNED(INT_LANE, relu, x < 0 ? 0 : x)
UNARY_WITH(relu, x < 0 ? 0 : x, infer, GAL_FLOATS | SIGNED_TYPES, GAL_EACH_SIGNED(GAL_LANE_ROW, relu, ), "", 0, "", 0)

UNARY(ceil, ceil(x))
UNARY(floor, floor(x))
UNARY(round, nearbyint(x)) /* half to even in the default rounding mode */
UNARY(sqrt, sqrt(x))
UNARY(reciprocal, 1 / x)
UNARY(exp, gal_ref_exp(x))
UNARY(log, gal_ref_log(x))
UNARY(erf, gal_ref_erf(x))
UNARY(tanh, gal_ref_tanh(x))
UNARY(sigmoid, gal_ref_sigmoid(x))
UNARY(galen_gelu, 0.5 * x * (1 + gal_ref_erf(x * M_SQRT1_2)))
UNARY(softplus, softplus(x))
UNARY(softsign, x / (1 + fabs(x)))
UNARY(hardswish, x *limit(x / 6 + 0.5, 0, 1))
UNARY_ALPHA(leakyrelu, x < 0 ? p.alpha * x : x, 0.01F)
UNARY_ALPHA(elu, x < 0 ? p.alpha * gal_ref_expm1(x) : x, 1)
UNARY_ALPHA(celu, x < 0 ? p.alpha * gal_ref_expm1(x / p.alpha) : x, 1)
UNARY_ALPHA(thresholdedrelu, x > p.alpha ? x : 0, 1)
UNARY_WITH(hardsigmoid, limit(p.alpha *x + p.beta, 0, 1), infer, GAL_FLOATS, , "alpha", 0.2F, "beta", 0.5F)
UNARY_WITH(selu, p.beta *(x <= 0 ? p.alpha * gal_ref_expm1(x) : x), infer, GAL_FLOATS, , "alpha",
           1.67326319217681884765625F, "gamma", 1.05070102214813232421875F)
