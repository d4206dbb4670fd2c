/* Clip: bounds are optional scalar tensors of the input's type. */
#include "base/error.h"
#include "graph/ops/binary.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

/* One element each; NULL for no bound. */
typedef struct bounds {
    const void *lo, *hi;
} bounds;

/* The upper bound is applied last: it wins when they cross. NaN passes through. */
#define CLIP_LANE(ENUM, n, op, expr)                                                                                   \
    static void op##_##n(const gal_lane *l) {                                                                          \
        const bounds *b = l->context;                                                                                  \
        const uint8_t *in = l->in[0];                                                                                  \
        gal_c_##n lo = b->lo ? gal_ld_##n(b->lo) : 0, hi = b->hi ? gal_ld_##n(b->hi) : 0;                              \
        for (size_t i = 0; i < l->count; i++, in += l->step[0]) {                                                      \
            gal_c_##n x = gal_ld_##n(in);                                                                              \
            if (b->lo && x < lo) x = lo;                                                                               \
            if (b->hi && x > hi) x = hi;                                                                               \
            gal_st_##n((gal_s_##n *)l->out + i, x);                                                                    \
        }                                                                                                              \
    }

GAL_EACH_FLOAT(CLIP_LANE, clip, )
GAL_EACH_INT(CLIP_LANE, clip, )

static const gal_lane_fn clip_table[GAL_DTYPES] = {GAL_EACH_FLOAT(GAL_LANE_ROW, clip, )
                                                       GAL_EACH_INT(GAL_LANE_ROW, clip, )};

galen_status gal_clip_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS | GAL_INTS, err));
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    for (uint32_t i = 1; i < node->n_in; i++) {
        gal_dim count;
        if (!node->in[i]) continue;
        const gal_shape *shape = &node->in[i]->shape;
        if (!gal_shape_product(shape, 0, shape->rank, &count) || count.batch || count.size != 1)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be a scalar", i);
    }
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

galen_status gal_clip_run(const gal_call *call, galen_error *err) {
    (void)err;
    uint32_t n = call->node->n_in;
    bounds b = {n > 1 && call->in[1] ? call->in[1]->data : NULL, n > 2 && call->in[2] ? call->in[2]->data : NULL};
    gal_walk_broadcast(call->in, 1, call->out[0], clip_table[call->in[0]->dtype], &b, call->pool);
    return GALEN_OK;
}
