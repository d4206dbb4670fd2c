/*
 * galen.Drop: dropout while training. in: X, of any float type, and the step's seed, i64 [1]. out: X / (1 - ratio)
 * where the element is kept, else 0. Which ones are kept follows from seed, "stream" (another one a node) and the
 * element's index alone: not from threads, and the gradient draws the same.
 */
#include "base/error.h"
#include "base/rng.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

enum { TASK = 16384 /* elements, a multiple of a draw's 4 */ };

galen_status gal_galen_drop_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    float ratio = gal_attr_float(node, "ratio", 0.5F);
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BIT(GALEN_I64), err));
    if (!(ratio >= 0 && ratio < 1)) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "ratio must be in [0, 1)");
    return gal_infer_same(graph, node, err);
}

typedef struct work {
    galen_dtype dtype;
    size_t size;
    const uint8_t *x;
    uint8_t *y;
    int64_t n;
    uint32_t key[2], stream, least; /* kept from this 32-bit number on */
    double factor;
} work;

static void some(void *context, size_t index) {
    const work *w = context;
    int64_t first = (int64_t)index * TASK, end = first + TASK < w->n ? first + TASK : w->n;
    for (int64_t i = first; i < end; i += 4) {
        const uint32_t counter[4] = {(uint32_t)(i >> 2), (uint32_t)(i >> 34), w->stream, 0};
        uint32_t word[4];
        gal_philox(counter, w->key, word);
        for (int k = 0; k < 4 && i + k < end; k++) {
            size_t at = (size_t)(i + k) * w->size;
            double x = word[k] >= w->least ? gal_load_f64(w->dtype, w->x + at) * w->factor : 0;
            gal_store_float(w->dtype, w->y + at, x);
        }
    }
}

galen_status gal_galen_drop_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    uint64_t seed = (uint64_t) * (const int64_t *)call->in[1]->data;
    double ratio = gal_attr_float(call->node, "ratio", 0.5F);
    work w = {.dtype = x->dtype,
              .size = galen_dtype_size(x->dtype),
              .x = x->data,
              .y = call->out[0]->data,
              .n = galen_tensor_elements(x),
              .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
              .stream = (uint32_t)gal_attr_int(call->node, "stream", 0),
              .least = (uint32_t)(ratio * 0x1p32),
              .factor = 1 / (1 - ratio)};
    gal_pool_run(call->pool, some, &w, (size_t)((w.n + TASK - 1) / TASK));
    return GALEN_OK;
}
