/* Ops that move whole blocks: Transpose Concat Split Slice DepthToSpace SpaceToDepth. */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/walk.h"

#include <string.h>

/* Runs a copy whose output dimensions and input strides are set. */
static galen_status copy_walk(gal_walk *w, const gal_call *call) {
    w->n_in = 1;
    w->out = call->out[0]->data;
    w->out_size = galen_dtype_size(call->out[0]->dtype);
    w->fn = gal_lane_copy(w->out_size);
    gal_walk_run(w, call->pool);
    return GALEN_OK;
}

/* ---- Transpose ---- */

static galen_status permutation(const gal_node *node, int rank, int perm[GALEN_MAX_RANK], galen_error *err) {
    size_t count;
    const int64_t *given = gal_attr_ints(node, "perm", &count);
    unsigned seen = 0;
    for (int i = 0; i < rank; i++) {
        int64_t p = given ? (i < (int)count ? given[i] : -1) : rank - 1 - i;
        if (p < 0 || p >= rank || (seen >> p & 1) || (given && (int)count != rank))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "perm is no permutation of %d dimensions", rank);
        seen |= 1u << p;
        perm[i] = (int)p;
    }
    if (given && (int)count != rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "perm is no permutation of %d dimensions", rank);
    return GALEN_OK;
}

galen_status gal_transpose_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    const gal_shape *from = &node->in[0]->shape;
    int perm[GALEN_MAX_RANK];
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(permutation(node, from->rank, perm, err));
    gal_shape shape = {.rank = from->rank};
    for (int i = 0; i < from->rank; i++) shape.dim[i] = from->dim[perm[i]];
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_transpose_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0];
    int perm[GALEN_MAX_RANK];
    int64_t stride[GALEN_MAX_RANK];
    GAL_TRY(permutation(call->node, in->rank, perm, err));
    gal_dense_strides(in, stride);
    gal_walk w = {.rank = in->rank, .in = {in->data}};
    for (int i = 0; i < in->rank; i++) {
        w.dim[i] = in->dim[perm[i]];
        w.stride[0][i] = stride[perm[i]];
    }
    return copy_walk(&w, call);
}

/* ---- Concat ---- */

static galen_status add_dim(const gal_node *node, gal_dim *sum, gal_dim more, galen_error *err) {
    if (sum->size && more.size && sum->batch != more.batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "a dimension that depends on the batch size is joined with a fixed one");
    sum->batch |= more.batch && more.size;
    if (__builtin_add_overflow(sum->size, more.size, &sum->size))
        return gal_node_fail(node, err, GALEN_ERR_LIMIT, "the joined dimension is too large");
    return GALEN_OK;
}

static galen_status know_concat(gal_graph *graph, const gal_node *node, galen_error *err) {
    gal_dim all[GAL_KNOWN_MAX], part[GAL_KNOWN_MAX];
    size_t total = 0, count;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!gal_known_of(node->in[i], part, &count) || total + count > GAL_KNOWN_MAX) return GALEN_OK;
        if (count) memcpy(all + total, part, count * sizeof *part);
        total += count;
    }
    return gal_know(graph, node, all, total, err);
}

galen_status gal_concat_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    int axis;
    gal_shape shape = node->in[0]->shape;
    if (!gal_attr_find(node, "axis")) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute axis is missing");
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), shape.rank, &axis, err));
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!node->in[i]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is missing", i);
        GAL_TRY(gal_need_dtype(node, i, GAL_ANY, err));
        const gal_shape *more = &node->in[i]->shape;
        if (more->rank != shape.rank)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u has rank %d, input 0 has %d", i, more->rank,
                                 shape.rank);
        for (int k = 0; k < shape.rank; k++)
            if (k != axis && !gal_dim_equal(more->dim[k], shape.dim[k]))
                return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                     "dimension %d of input %u differs from that of input 0", k, i);
        if (i > 0) GAL_TRY(add_dim(node, &shape.dim[axis], more->dim[axis], err));
    }
    GAL_TRY(gal_need_same_dtype(node, 0, err));
    GAL_TRY(gal_set_output(node, 0, node->in[0]->dtype, &shape, err));
    return shape.rank == 1 ? know_concat(graph, node, err) : GALEN_OK;
}

/* Elements before the axis, and bytes of one of those blocks. */
static void blocks(const galen_tensor *t, int axis, size_t *outer, size_t *bytes) {
    *outer = 1;
    *bytes = galen_dtype_size(t->dtype);
    for (int i = 0; i < t->rank; i++) *(i < axis ? outer : bytes) *= (size_t)t->dim[i];
}

/* Rows of the output that one task joins: about this many bytes. */
enum { CONCAT_CHUNK = 1 << 18 };

typedef struct concat_job {
    const gal_call *call;
    int axis;
    size_t outer, row, rows; /* rows of the output, bytes of one, and how many a task takes */
} concat_job;

static void concat_rows(void *context, size_t task) {
    const concat_job *j = context;
    size_t first = task * j->rows, end = first + j->rows < j->outer ? first + j->rows : j->outer, at = 0;
    for (uint32_t k = 0; k < j->call->node->n_in; k++) {
        size_t outer, part;
        blocks(j->call->in[k], j->axis, &outer, &part);
        const uint8_t *in = j->call->in[k]->data;
        uint8_t *out = (uint8_t *)j->call->out[0]->data + at;
        for (size_t i = first; i < end && part; i++) memcpy(out + i * j->row, in + i * part, part);
        at += part;
    }
}

galen_status gal_concat_run(const gal_call *call, galen_error *err) {
    concat_job j = {.call = call};
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", 0), call->out[0]->rank, &j.axis, err));
    blocks(call->out[0], j.axis, &j.outer, &j.row);
    if (j.outer == 0 || j.row == 0) return GALEN_OK;
    j.rows = j.row < CONCAT_CHUNK ? CONCAT_CHUNK / j.row : 1;
    gal_pool_run(call->pool, concat_rows, &j, (j.outer + j.rows - 1) / j.rows);
    return GALEN_OK;
}

/* ---- Split ---- */

galen_status gal_split_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int axis;
    gal_shape shape = node->in[0]->shape;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), shape.rank, &axis, err));
    const gal_dim whole = shape.dim[axis], *parts = NULL;
    gal_dim sum = {0};
    if (node->n_in > 1 && node->in[1]) {
        size_t count = 0;
        GAL_TRY(gal_need_known(node, 1, &parts, &count, err));
        if (count != node->n_out)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%zu parts for %u outputs", count, node->n_out);
    } else if (whole.size % node->n_out != 0) {
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%lld does not split into %u equal parts",
                             (long long)whole.size, node->n_out);
    }
    for (uint32_t i = 0; i < node->n_out; i++) {
        shape.dim[axis] = parts ? parts[i] : (gal_dim){whole.size / node->n_out, whole.batch};
        if (shape.dim[axis].size < 0) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "part %u is negative", i);
        GAL_TRY(add_dim(node, &sum, shape.dim[axis], err));
        GAL_TRY(gal_set_output(node, i, node->in[0]->dtype, &shape, err));
    }
    if (!gal_dim_equal(sum, whole))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the parts do not add up to the %lld of axis %d",
                             (long long)whole.size, axis);
    return GALEN_OK;
}

/* Where output `index` begins along the axis, in elements of the axis. */
static int64_t part_size(const gal_call *call, uint32_t index, int axis) {
    if (call->out[index]) return call->out[index]->dim[axis];
    if (call->node->n_in > 1 && call->in[1])
        return call->in[1]->dtype == GALEN_I64 ? ((const int64_t *)call->in[1]->data)[index] : 0;
    return call->in[0]->dim[axis] / call->node->n_out;
}

galen_status gal_split_run(const gal_call *call, galen_error *err) {
    const galen_tensor *in = call->in[0];
    int axis;
    size_t outer, row, at = 0;
    GAL_TRY(gal_need_axis(call->node, gal_attr_int(call->node, "axis", 0), in->rank, &axis, err));
    blocks(in, axis, &outer, &row);
    size_t unit = in->dim[axis] ? row / (size_t)in->dim[axis] : 0;
    for (uint32_t k = 0; k < call->node->n_out; k++) {
        size_t part = unit * (size_t)part_size(call, k, axis);
        for (size_t i = 0; i < outer && part && call->out[k]; i++)
            memcpy((uint8_t *)call->out[k]->data + i * part, (const uint8_t *)in->data + i * row + at, part);
        at += part;
    }
    return GALEN_OK;
}

/* ---- DepthToSpace, SpaceToDepth ---- */

static galen_status block_size(const gal_node *node, int64_t *block, galen_error *err) {
    *block = gal_attr_int(node, "blocksize", 0);
    if (*block < 1 || *block > 1 << 15)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "blocksize %lld is outside [1, 32768]", (long long)*block);
    if (node->in[0]->shape.rank != 4) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input must have rank 4");
    return gal_need_dtype(node, 0, GAL_ANY, err);
}

galen_status gal_depthtospace_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int64_t b;
    GAL_TRY(block_size(node, &b, err));
    const char *mode = gal_attr_string(node, "mode", "DCR");
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "mode '%s' is neither DCR nor CRD", mode);
    gal_shape shape = node->in[0]->shape;
    if (shape.dim[1].size % (b * b) != 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%lld channels do not divide by %lld",
                             (long long)shape.dim[1].size, (long long)(b * b));
    shape.dim[1].size /= b * b;
    for (int i = 2; i < 4; i++)
        if (__builtin_mul_overflow(shape.dim[i].size, b, &shape.dim[i].size))
            return gal_node_fail(node, err, GALEN_ERR_LIMIT, "dimension %d is too large", i);
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

/* A transpose of `view` (six dimensions of the dense input) by perm. */
static galen_status move_blocks(const gal_call *call, const int64_t view[6], const int perm[6]) {
    gal_walk w = {.rank = 6, .in = {call->in[0]->data}};
    int64_t stride[6], step = (int64_t)galen_dtype_size(call->in[0]->dtype);
    for (int i = 5; i >= 0; i--) {
        stride[i] = step;
        step *= view[i];
    }
    for (int i = 0; i < 6; i++) {
        w.dim[i] = view[perm[i]];
        w.stride[0][i] = stride[perm[i]];
    }
    return copy_walk(&w, call);
}

galen_status gal_depthtospace_run(const gal_call *call, galen_error *err) {
    (void)err;
    const int64_t *d = call->in[0]->dim, b = gal_attr_int(call->node, "blocksize", 1), c = d[1] / (b * b);
    if (strcmp(gal_attr_string(call->node, "mode", "DCR"), "DCR") == 0)
        return move_blocks(call, (int64_t[6]){d[0], b, b, c, d[2], d[3]}, (int[6]){0, 3, 4, 1, 5, 2});
    return move_blocks(call, (int64_t[6]){d[0], c, b, b, d[2], d[3]}, (int[6]){0, 1, 4, 2, 5, 3});
}

galen_status gal_spacetodepth_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    int64_t b;
    GAL_TRY(block_size(node, &b, err));
    gal_shape shape = node->in[0]->shape;
    for (int i = 2; i < 4; i++) {
        if (shape.dim[i].size % b != 0)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "dimension %d does not divide by %lld", i, (long long)b);
        shape.dim[i].size /= b;
    }
    if (__builtin_mul_overflow(shape.dim[1].size, b * b, &shape.dim[1].size))
        return gal_node_fail(node, err, GALEN_ERR_LIMIT, "too many channels");
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_spacetodepth_run(const gal_call *call, galen_error *err) {
    (void)err;
    const int64_t *d = call->in[0]->dim, b = gal_attr_int(call->node, "blocksize", 1);
    return move_blocks(call, (int64_t[6]){d[0], d[1], d[2] / b, b, d[3] / b, b}, (int[6]){0, 3, 5, 1, 2, 4});
}
