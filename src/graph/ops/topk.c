/* TopK: a stable merge sort of each row, so that of equal values the lower index comes first. */
#include "base/error.h"
#include "base/mem.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

typedef struct entry {
    uint64_t key; /* ascending in the order wanted */
    int64_t index;
} entry;

galen_status gal_topk_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int axis;
    int64_t k;
    size_t count = 0;
    bool flag;
    gal_shape shape = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS | GAL_INTS, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", -1), shape.rank, &axis, err));
    GAL_TRY(gal_need_flag(node, "largest", true, &flag, err));
    GAL_TRY(gal_need_flag(node, "sorted", true, &flag, err));
    GAL_TRY(gal_need_ints(node, 1, &k, 1, &count, err));
    if (shape.dim[axis].batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "axis %d depends on the batch size", axis);
    if (count != 1 || k < 0 || k > shape.dim[axis].size)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "K must be one number in [0, %lld]",
                             (long long)shape.dim[axis].size);
    shape.dim[axis] = gal_dim_fixed(k);
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    return gal_set_output(node, 1, GALEN_I64, &shape, err);
}

size_t gal_topk_scratch(const gal_node *node, int64_t batch) {
    (void)batch;
    const gal_shape *shape = &node->in[0]->shape;
    int axis;
    size_t bytes;
    if (gal_need_axis(node, gal_attr_int(node, "axis", -1), shape->rank, &axis, NULL) != GALEN_OK) return 0;
    return gal_size_mul((size_t)shape->dim[axis].size, 2 * sizeof(entry), &bytes) ? bytes : SIZE_MAX;
}

/* Sorts n entries in a, with b as room for as many; returns where the result is. */
static entry *merge_sort(entry *a, entry *b, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t lo = 0; lo < n; lo += 2 * width) {
            int64_t mid = lo + width < n ? lo + width : n, hi = mid + width < n ? mid + width : n;
            for (int64_t i = lo, j = mid, k = lo; k < hi; k++)
                b[k] = i < mid && (j >= hi || a[i].key <= a[j].key) ? a[i++] : a[j++];
        }
        entry *t = a;
        a = b;
        b = t;
    }
    return a;
}

static void one_row(const gal_call *call, const uint8_t *in, int64_t n, int64_t inner, int64_t first, int64_t k,
                    bool largest) {
    galen_tensor *values = call->out[0], *indices = call->node->n_out > 1 ? call->out[1] : NULL;
    galen_dtype t = call->in[0]->dtype;
    size_t size = galen_dtype_size(t);
    entry *a = call->scratch;
    for (int64_t i = 0; i < n; i++) {
        uint64_t key = gal_order_key(t, in + (size_t)(i * inner) * size, largest);
        a[i] = (entry){largest ? ~key : key, i};
    }
    a = merge_sort(a, a + n, n);
    for (int64_t i = 0; i < k; i++) {
        int64_t to = first + i * inner;
        if (values) memcpy((uint8_t *)values->data + (size_t)to * size, in + (size_t)(a[i].index * inner) * size, size);
        if (indices) ((int64_t *)indices->data)[to] = a[i].index;
    }
}

galen_status gal_topk_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0], *out = call->out[0] ? call->out[0] : call->out[1];
    int axis;
    int64_t outer = 1, inner = 1;
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", -1), in->rank, &axis, err));
    bool largest = gal_attr_int(call->node, "largest", 1) == 1;
    for (int i = 0; i < axis; i++) outer *= in->dim[i];
    for (int i = axis + 1; i < in->rank; i++) inner *= in->dim[i];
    int64_t n = in->dim[axis], k = out->dim[axis];
    size_t size = galen_dtype_size(in->dtype);
    for (int64_t o = 0; o < outer && k > 0; o++)
        for (int64_t i = 0; i < inner; i++)
            one_row(call, (const uint8_t *)in->data + (size_t)(o * n * inner + i) * size, n, inner, o * k * inner + i,
                    k, largest);
    return GALEN_OK;
}
