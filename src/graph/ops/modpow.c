/* Mod in both of its meanings, and Pow with its mixed types. */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/binary.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>

/* ---- Mod ---- */

/* C's remainder has the sign of a; the floored one has the sign of b. -1 is apart because INT64_MIN % -1 traps. */
static inline int64_t remainder_c(int64_t a, int64_t b) {
    return b == -1 ? 0 : a % b;
}

static inline int64_t remainder_floor(int64_t a, int64_t b) {
    int64_t r = remainder_c(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* fmod is exact, so any libm gives the same bits; f32 and 16-bit types are exact in double too. */
static inline double floored(double a, double b) {
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

GAL_EACH_SIGNED(GAL_LANE2, mod, remainder_floor(a, b))
GAL_EACH_UNSIGNED(GAL_LANE2, mod, a % b)
GAL_EACH_SIGNED(GAL_LANE2, fmod, remainder_c(a, b))
GAL_EACH_UNSIGNED(GAL_LANE2, fmod, a % b)
GAL_EACH_FLOAT(GAL_LANE2, mod, floored((double)a, (double)b))
GAL_EACH_FLOAT(GAL_LANE2, fmod, fmod((double)a, (double)b))

static const gal_lane_fn mod_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, mod, )
                                                      GAL_EACH_INT(GAL_LANE_ROW, mod, )};
static const gal_lane_fn fmod_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, fmod, )
                                                       GAL_EACH_INT(GAL_LANE_ROW, fmod, )};

galen_status gal_mod_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    bool c_style;
    GAL_TRY(gal_need_flag(node, "fmod", false, &c_style, err));
    return gal_infer_broadcast(node, GAL_FLOATS | GAL_INTS, GALEN_DTYPE_NONE, err);
}

galen_status gal_mod_run(const gal_call *call, galen_error *err) {
    GAL_TRY(gal_need_divisor(call, err));
    return gal_run_binary(call, gal_attr_int(call->node, "fmod", 0) ? fmod_table : mod_table);
}

/* ---- Pow ---- */

typedef struct pow_types {
    galen_dtype base, exponent;
} pow_types;

/* x^n modulo 2^64; x^-n is what is left of the fraction after truncation. */
static int64_t int_pow(int64_t x, int64_t n) {
    if (n < 0) return x == 1 ? 1 : x == -1 ? (n % 2 ? -1 : 1) : 0;
    uint64_t result = 1, square = (uint64_t)x;
    for (; n > 0; n >>= 1, square *= square)
        if (n & 1) result *= square;
    return (int64_t)result;
}

static int64_t truncate_to_i64(double v) {
    if (isnan(v)) return 0;
    if (v >= 9223372036854775808.0) return INT64_MAX;
    if (v <= -9223372036854775808.0) return INT64_MIN;
    return (int64_t)v;
}

static void pow_lane(const gal_lane *l) {
    const pow_types *t = l->context;
    size_t size = galen_dtype_size(t->base);
    bool float_base = gal_dtype_is_float(t->base), float_exponent = gal_dtype_is_float(t->exponent);
    const uint8_t *p = l->in[0], *q = l->in[1];
    for (size_t i = 0; i < l->count; i++, p += l->step[0], q += l->step[1]) {
        uint8_t *out = l->out + i * size;
        if (float_base) {
            double x = gal_load_f64(t->base, p), y = gal_load_f64(t->exponent, q);
            gal_store_float(t->base, out, y == 2 ? x * x : gal_ref_pow(x, y));
        } else if (float_exponent) {
            int64_t v = truncate_to_i64(gal_ref_pow(gal_load_f64(t->base, p), gal_load_f64(t->exponent, q)));
            if (t->base == GALEN_I32) v = v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v;
            gal_store_int(t->base, out, v);
        } else {
            int64_t n = gal_load_i64(t->exponent, q);
            bool huge = t->exponent == GALEN_U64 && n < 0;
            gal_store_int(t->base, out, int_pow(gal_load_i64(t->base, p), huge ? n & INT64_MAX : n));
        }
    }
}

galen_status gal_pow_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS | GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_I64), err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_FLOATS | GAL_INTS, err));
    gal_shape shape;
    GAL_TRY(gal_broadcast(node, &node->in[0]->shape, &node->in[1]->shape, &shape, err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_pow_run(const gal_call *call, galen_error *err) {
    (void)err;
    pow_types types = {call->in[0]->dtype, call->in[1]->dtype};
    gal_walk_broadcast(call->in, 2, call->out[0], pow_lane, &types, call->pool);
    return GALEN_OK;
}
