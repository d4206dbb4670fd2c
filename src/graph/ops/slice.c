/* Slice and Pad: regions of a tensor, smaller or larger. */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/walk.h"

#include <string.h>

/* ---- Slice ---- */

typedef struct range {
    int64_t start, step, count;
    bool whole; /* the dimension is taken as it is, whatever its size */
} range;

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

/* The elements of a dimension of `size` between start and end. Unlike NumPy, ONNX keeps the start of a backward slice
 * inside. */
static range cut(int64_t start, int64_t end, int64_t step, int64_t size) {
    if (size == 0) return (range){0, 1, 0, false};
    if (step == INT64_MIN) step++;
    if (start < 0) start = start < -size ? -1 : start + size;
    if (end < 0) end = end < -size ? -1 : end + size;
    start = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
    end = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
    range r = {.start = start, .step = step};
    if (step > 0 && end > start) r.count = (end - start - 1) / step + 1;
    if (step < 0 && start > end) r.count = (start - end - 1) / -step + 1;
    return r;
}

static galen_status read_operand(const gal_node *node, uint32_t index, size_t want, const gal_dim **out,
                                 galen_error *err) {
    size_t count = 0;
    *out = NULL;
    if (index >= node->n_in || !node->in[index]) return GALEN_OK;
    GAL_TRY(gal_need_known(node, index, out, &count, err));
    if (count != want)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u has %zu elements, starts has %zu", index, count,
                             want);
    return GALEN_OK;
}

/* A slice that cuts nothing off a dimension, for one that depends on N. */
static bool takes_all(gal_dim start, gal_dim end, gal_dim step, gal_dim size) {
    if (start.size != 0 || step.batch || step.size != 1) return false;
    return gal_dim_equal(end, size) || (!end.batch && end.size >= INT32_MAX);
}

static galen_status read_slice(const gal_node *node, range out[GALEN_MAX_RANK], galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    const gal_dim *starts = NULL, *ends, *axes, *steps;
    size_t count = 0;
    bool seen[GALEN_MAX_RANK] = {false};
    for (int i = 0; i < from->rank; i++) out[i] = (range){0, 1, from->dim[i].size, true};
    GAL_TRY(gal_need_known(node, 1, &starts, &count, err));
    GAL_TRY(read_operand(node, 2, count, &ends, err));
    GAL_TRY(read_operand(node, 3, count, &axes, err));
    GAL_TRY(read_operand(node, 4, count, &steps, err));
    if (count > (size_t)from->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%zu starts for an input of rank %d", count, from->rank);
    for (size_t i = 0; i < count; i++) {
        int axis;
        gal_dim step = steps ? steps[i] : gal_dim_fixed(1);
        if (axes && axes[i].batch)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %zu depends on the batch size", i);
        GAL_TRY(gal_need_axis(node, axes ? axes[i].size : (int64_t)i, from->rank, &axis, err));
        if (seen[axis]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d appears twice", axis);
        if (step.size == 0) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "step %zu is zero", i);
        seen[axis] = true;
        if (takes_all(starts[i], ends[i], step, from->dim[axis])) continue;
        if (from->dim[axis].batch || starts[i].batch || ends[i].batch || step.batch)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "axis %d: a slice that depends on the batch size",
                                 axis);
        out[axis] = cut(starts[i].size, ends[i].size, step.size, from->dim[axis].size);
    }
    return GALEN_OK;
}

galen_status gal_slice_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    range r[GALEN_MAX_RANK];
    gal_shape shape = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(read_slice(node, r, err));
    for (int i = 0; i < shape.rank; i++)
        if (!r[i].whole) shape.dim[i] = gal_dim_fixed(r[i].count);
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    gal_dim all[GAL_KNOWN_MAX], part[GAL_KNOWN_MAX];
    size_t count;
    if (shape.rank != 1 || !gal_known_of(node->in[0], all, &count)) return GALEN_OK;
    for (int64_t i = 0; i < shape.dim[0].size; i++) part[i] = all[r[0].start + i * r[0].step];
    return gal_know(graph, node, part, (size_t)shape.dim[0].size, err);
}

galen_status gal_slice_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0], *out = call->out[0];
    range r[GALEN_MAX_RANK];
    int64_t stride[GALEN_MAX_RANK];
    GAL_TRY(read_slice(call->node, r, err));
    if (galen_tensor_elements(out) == 0) return GALEN_OK;
    gal_dense_strides(in, stride);
    gal_walk w = {
        .rank = in->rank, .n_in = 1, .in = {in->data}, .out = out->data, .out_size = galen_dtype_size(in->dtype)};
    for (int i = 0; i < in->rank; i++) {
        w.dim[i] = out->dim[i];
        w.stride[0][i] = out->dim[i] > 1 ? stride[i] * r[i].step : 0;
        w.in[0] += stride[i] * r[i].start;
    }
    w.fn = gal_lane_copy(w.out_size);
    gal_walk_run(&w, call->pool);
    return GALEN_OK;
}

/* ---- Pad ---- */

typedef enum pad_mode { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT } pad_mode;

static galen_status read_mode(const gal_node *node, pad_mode *mode, galen_error *err) {
    const char *name = gal_attr_string(node, "mode", "constant");
    *mode = strcmp(name, "edge") == 0 ? PAD_EDGE : strcmp(name, "reflect") == 0 ? PAD_REFLECT : PAD_CONSTANT;
    if (*mode == PAD_CONSTANT && strcmp(name, "constant") != 0)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "mode '%s' is not supported", name);
    return GALEN_OK;
}

static galen_status read_pads(const gal_node *node, int64_t pads[2 * GALEN_MAX_RANK], galen_error *err) {
    size_t count = 0;
    int rank = node->in[0]->shape.rank;
    GAL_TRY(gal_need_ints(node, 1, pads, 2 * GALEN_MAX_RANK, &count, err));
    if (count != 2 * (size_t)rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%zu pads for an input of rank %d", count, rank);
    return GALEN_OK;
}

static galen_status pad_dim(const gal_node *node, int axis, int64_t before, int64_t after, pad_mode mode, gal_dim *dim,
                            galen_error *err) {
    int64_t size = dim->size, total;
    if (before == 0 && after == 0) return GALEN_OK;
    if (dim->batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "axis %d depends on the batch size and cannot be padded",
                             axis);
    if (mode == PAD_REFLECT && (before >= size || after >= size) && (before > 0 || after > 0))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d of %lld is too small to reflect", axis,
                             (long long)size);
    if (mode == PAD_EDGE && size == 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d is empty and has no edge", axis);
    if (__builtin_add_overflow(before, after, &total) || __builtin_add_overflow(total, size, &total))
        return gal_node_fail(node, err, GALEN_ERR_LIMIT, "axis %d would be too large", axis);
    if (total < 0 || before < -size || after < -size)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d would be negative", axis);
    dim->size = total;
    return GALEN_OK;
}

galen_status gal_pad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    pad_mode mode;
    int64_t pads[2 * GALEN_MAX_RANK];
    gal_shape shape = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(read_mode(node, &mode, err));
    GAL_TRY(read_pads(node, pads, err));
    if (node->n_in > 2 && node->in[2]) {
        gal_dim count;
        const gal_shape *s = &node->in[2]->shape;
        if (node->in[2]->dtype != node->in[0]->dtype || !gal_shape_product(s, 0, s->rank, &count) || count.batch ||
            count.size != 1)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the fill value must be a scalar of the input's type");
    }
    for (int i = 0; i < shape.rank; i++)
        GAL_TRY(pad_dim(node, i, pads[i], pads[shape.rank + i], mode, &shape.dim[i], err));
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

typedef struct pad_job {
    const galen_tensor *in, *out;
    pad_mode mode;
    size_t size;
    const uint8_t *fill; /* one element */
    int64_t pads[2 * GALEN_MAX_RANK], stride[GALEN_MAX_RANK];
} pad_job;

/* The source of output index `at`, or -1 outside. */
static int64_t source(const pad_job *j, int axis, int64_t at) {
    int64_t size = j->in->dim[axis], s = at - j->pads[axis];
    if (s >= 0 && s < size) return s;
    if (j->mode == PAD_EDGE) return s < 0 ? 0 : size - 1;
    if (j->mode == PAD_REFLECT) return s < 0 ? -s : 2 * (size - 1) - s;
    return -1;
}

static void pad_row(void *context, size_t row) {
    const pad_job *j = context;
    int last = j->out->rank - 1;
    int64_t rest = (int64_t)row, offset = 0;
    bool outside = false;
    for (int i = last - 1; i >= 0; i--) {
        int64_t s = source(j, i, rest % j->out->dim[i]);
        rest /= j->out->dim[i];
        outside |= s < 0;
        offset += s * j->stride[i];
    }
    uint8_t *out = (uint8_t *)j->out->data + row * (size_t)j->out->dim[last] * j->size;
    for (int64_t i = 0; i < j->out->dim[last]; i++, out += j->size) {
        int64_t s = outside ? -1 : source(j, last, i);
        memcpy(out, s < 0 ? j->fill : (const uint8_t *)j->in->data + offset + s * j->stride[last], j->size);
    }
}

galen_status gal_pad_run(const gal_call *call, galen_error *err) {
    static const uint8_t zero[8] = {0};
    pad_job j = {.in = call->in[0], .out = call->out[0], .size = galen_dtype_size(call->in[0]->dtype), .fill = zero};
    GAL_TRY(read_mode(call->node, &j.mode, err));
    GAL_TRY(read_pads(call->node, j.pads, err));
    if (call->node->n_in > 2 && call->in[2]) j.fill = call->in[2]->data;
    gal_dense_strides(j.in, j.stride);
    int64_t n = galen_tensor_elements(j.out);
    if (n == 0) return GALEN_OK;
    if (j.out->rank == 0) return gal_view_run(call, err);
    gal_pool_run(call->pool, pad_row, &j, (size_t)(n / j.out->dim[j.out->rank - 1]));
    return GALEN_OK;
}
