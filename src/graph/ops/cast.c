/*
 * Cast and CastLike between all numeric types and bool. Floats become integers by truncation; what does not fit
 * saturates and NaN becomes 0, which ONNX leaves open. Integers wrap. Narrower floats round to nearest even.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"
#include "graph/ops/walk.h"

#include <math.h>

typedef struct cast_types {
    galen_dtype from, to;
} cast_types;

/* The truncated value as the target's bits. */
static int64_t saturate(galen_dtype to, double v) {
    if (isnan(v)) return 0;
    v = trunc(v);
    int bits = 8 * (int)galen_dtype_size(to);
    bool is_unsigned = gal_dtype_is_unsigned(to);
    double hi = ldexp(1.0, is_unsigned ? bits : bits - 1), lo = is_unsigned ? 0 : -hi;
    if (v >= hi) return is_unsigned ? (int64_t)(UINT64_MAX >> (64 - bits)) : (int64_t)(UINT64_MAX >> (65 - bits));
    if (v <= lo) return is_unsigned ? 0 : -(int64_t)(UINT64_MAX >> (65 - bits)) - 1;
    return v >= 0x1p63 ? (int64_t)(uint64_t)v : (int64_t)v;
}

static void cast_float(const cast_types *t, const uint8_t *in, uint8_t *out) {
    double v = gal_load_f64(t->from, in);
    if (gal_dtype_is_float(t->to))
        gal_store_float(t->to, out, v);
    else if (t->to == GALEN_BOOL)
        *out = v != 0;
    else
        gal_store_int(t->to, out, saturate(t->to, v));
}

static void cast_int(const cast_types *t, const uint8_t *in, uint8_t *out) {
    int64_t v = gal_load_i64(t->from, in);
    if (!gal_dtype_is_float(t->to))
        gal_store_int(t->to, out, v);
    else if (t->to == GALEN_F32)
        gal_st_f32(out, t->from == GALEN_U64 ? (float)(uint64_t)v : (float)v);
    else
        gal_store_float(t->to, out, gal_load_f64(t->from, in));
}

static void cast_lane(const gal_lane *l) {
    const cast_types *t = l->context;
    size_t size = galen_dtype_size(t->to);
    bool from_float = gal_dtype_is_float(t->from);
    for (size_t i = 0; i < l->count; i++) {
        const uint8_t *in = l->in[0] + (int64_t)i * l->step[0];
        if (from_float)
            cast_float(t, in, l->out + i * size);
        else
            cast_int(t, in, l->out + i * size);
    }
}

static galen_status infer(gal_graph *graph, gal_node *node, galen_dtype to, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_set_output(node, 0, to, &node->in[0]->shape, err));
    return gal_know_same(graph, node, err);
}

galen_status gal_cast_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    int64_t to = gal_attr_int(node, "to", 0);
    if (to < 1 || to > 31 || !(GAL_ANY >> to & 1)) {
        static const char *const other[] = {[8] = " (string)", [14] = " (complex64)", [15] = " (complex128)"};
        const char *name = to == 8 || to == 14 || to == 15 ? other[to] : "";
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "casting to type %lld%s is not supported", (long long)to,
                             name);
    }
    return infer(graph, node, (galen_dtype)to, err);
}

galen_status gal_castlike_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    GAL_TRY(gal_need_dtype(node, 1, GAL_ANY, err));
    return infer(graph, node, node->in[1]->dtype, err);
}

galen_status gal_cast_run(const gal_call *call, galen_error *err) {
    cast_types t = {call->in[0]->dtype, call->out[0]->dtype};
    if (t.from == t.to) return gal_view_run(call, err);
    gal_walk_broadcast(call->in, 1, call->out[0], cast_lane, &t, call->pool);
    return GALEN_OK;
}
