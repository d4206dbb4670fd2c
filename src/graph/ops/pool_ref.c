/* Pooling windows: sums in double over the window in row-major order, rounded once; maxima let NaN through. */
#include "graph/ops/pool_ref.h"

#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/conv_ref.h"
#include "graph/ops/types.h"

#include <math.h>

typedef struct job {
    gal_window w;
    gal_pool_kind kind;
    galen_dtype dtype;
    size_t size; /* of an element */
    int64_t channels, x_stride[5], y_stride[5];
    const uint8_t *x;
    uint8_t *y;
    int64_t *index;
    bool count_pad, column_major;
    double p;
} job;

galen_status gal_pool_shape(const gal_node *node, bool channels_last, gal_window *window, gal_shape *out,
                            galen_error *err) {
    const gal_shape *x = &node->in[0]->shape;
    int64_t ceil = gal_attr_int(node, "ceil_mode", 0);
    if (x->rank < 3)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, a pool needs 3 or more",
                             x->rank);
    if (ceil != 0 && ceil != 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute ceil_mode is %lld", (long long)ceil);
    int first = channels_last ? 1 : 2;
    gal_window_spec spec = {.spatial = x->dim + first, .rank = x->rank - 2, .pool = true, .ceil = ceil == 1};
    GAL_TRY(gal_window_make(node, &spec, window, err));
    if (x->dim[channels_last ? x->rank - 1 : 1].batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "the number of channels depends on the batch size");
    *out = *x;
    gal_window_shape(window, out->dim + first);
    return GALEN_OK;
}

galen_status gal_pool_global_shape(const gal_node *node, bool channels_last, gal_shape *out, galen_error *err) {
    *out = node->in[0]->shape;
    if (out->rank < 3)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input has %d dimensions, a pool needs 3 or more",
                             out->rank);
    int first = channels_last ? 1 : 2;
    for (int i = 0; i < out->rank - 2; i++) {
        gal_dim *d = &out->dim[first + i];
        if (d->batch || d->size < 1)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                                 "spatial dimension %d is empty or depends on the batch size", i);
        *d = gal_dim_fixed(1);
    }
    return GALEN_OK;
}

/* The window of one output: taps inside the input, and how many positions the padded input has under it. */
typedef struct reach {
    int64_t lo[3], hi[3], start[3];
    double padded; /* may not fit an integer */
} reach;

static void reach_of(const gal_window *w, const int64_t o[3], reach *r) {
    r->padded = 1;
    for (int d = 0; d < 3; d++) {
        gal_window_taps(w, d, o[d], &r->lo[d], &r->hi[d]);
        r->start[d] = o[d] * w->stride[d] - w->before[d];
        r->padded *= (double)gal_window_padded_taps(w, d, o[d]);
    }
}

static inline double load(const job *j, int64_t at) {
    if (j->dtype == GALEN_F32) return (double)((const float *)(const void *)j->x)[at];
    if (j->dtype == GALEN_BF16) return (double)gal_ld_bf16(j->x + (size_t)at * 2);
    return gal_load_f64(j->dtype, j->x + (size_t)at * j->size);
}

static void store(const job *j, int64_t at, double v) {
    uint8_t *p = j->y + (size_t)at * j->size;
    if (gal_dtype_is_float(j->dtype)) {
        gal_store_float(j->dtype, p, v);
    } else {
        gal_store_int(j->dtype, p, (int64_t)v);
    }
}

static double lowest(galen_dtype t) {
    return gal_dtype_is_float(t) ? -INFINITY : t == GALEN_I8 ? -128 : 0;
}

/* Position within the image as MaxPool's Indices counts it. */
static int64_t place(const job *j, int64_t z, int64_t y, int64_t x) {
    const int64_t *in = j->w.in;
    return j->column_major ? (x * in[1] + y) * in[0] + z : (z * in[1] + y) * in[2] + x;
}

static void maximum(const job *j, int64_t plane, int64_t base, const reach *r, int64_t at) {
    const gal_window *w = &j->w;
    double best = lowest(j->dtype);
    int64_t where = -1;
    for (int64_t a = r->lo[0]; a < r->hi[0]; a++)
        for (int64_t b = r->lo[1]; b < r->hi[1]; b++)
            for (int64_t c = r->lo[2]; c < r->hi[2]; c++) {
                int64_t z = r->start[0] + a * w->dilation[0], y = r->start[1] + b * w->dilation[1],
                        x = r->start[2] + c * w->dilation[2];
                double v = load(j, base + z * j->x_stride[2] + y * j->x_stride[3] + x * j->x_stride[4]);
                if (where >= 0 && !(v > best) && !(isnan(v) && !isnan(best))) continue;
                best = v;
                where = place(j, z, y, x);
            }
    store(j, at, best);
    if (j->index) j->index[at] = where < 0 ? where : plane * gal_window_size(w->in) + where;
}

static void total(const job *j, int64_t base, const reach *r, int64_t at) {
    const gal_window *w = &j->w;
    double sum = 0;
    double count = 1;
    for (int d = 0; d < 3; d++) count *= (double)(r->hi[d] - r->lo[d]);
    for (int64_t a = r->lo[0]; a < r->hi[0]; a++)
        for (int64_t b = r->lo[1]; b < r->hi[1]; b++)
            for (int64_t c = r->lo[2]; c < r->hi[2]; c++) {
                int64_t z = r->start[0] + a * w->dilation[0], y = r->start[1] + b * w->dilation[1],
                        x = r->start[2] + c * w->dilation[2];
                double v = load(j, base + z * j->x_stride[2] + y * j->x_stride[3] + x * j->x_stride[4]);
                sum += j->kind != GAL_POOL_LP ? v : j->p == 2 ? v * v : gal_ref_pow(fabs(v), j->p);
            }
    if (j->kind == GAL_POOL_LP) {
        store(j, at, j->p == 2 ? sqrt(sum) : gal_ref_pow(sum, 1 / j->p));
    } else {
        if (j->count_pad) count = r->padded;
        store(j, at, count > 0 ? sum / count : 0);
    }
}

static void plane(void *context, size_t index) {
    const job *j = context;
    int64_t n = (int64_t)index / j->channels, c = (int64_t)index % j->channels, o[3];
    int64_t base = n * j->x_stride[0] + c * j->x_stride[1];
    reach r;
    for (o[0] = 0; o[0] < j->w.out[0]; o[0]++)
        for (o[1] = 0; o[1] < j->w.out[1]; o[1]++)
            for (o[2] = 0; o[2] < j->w.out[2]; o[2]++) {
                reach_of(&j->w, o, &r);
                int64_t at = n * j->y_stride[0] + c * j->y_stride[1] + o[0] * j->y_stride[2] + o[1] * j->y_stride[3] +
                             o[2] * j->y_stride[4];
                if (j->kind == GAL_POOL_MAX) {
                    maximum(j, (int64_t)index, base, &r, at);
                } else {
                    total(j, base, &r, at);
                }
            }
}

static galen_status run(const gal_call *call, job *j, bool channels_last) {
    const galen_tensor *x = call->in[0];
    j->dtype = x->dtype;
    j->size = galen_dtype_size(x->dtype);
    j->channels = x->dim[channels_last ? x->rank - 1 : 1];
    j->x = x->data, j->y = call->out[0]->data;
    j->index = call->node->n_out > 1 && call->out[1] ? call->out[1]->data : NULL;
    j->p = (double)gal_attr_int(call->node, "p", 2);
    gal_conv_strides(j->channels, j->w.in, channels_last, j->x_stride);
    gal_conv_strides(j->channels, j->w.out, channels_last, j->y_stride);
    gal_pool_run(call->pool, plane, j, (size_t)(x->dim[0] * j->channels));
    return GALEN_OK;
}

galen_status gal_pool_ref_run(const gal_call *call, gal_pool_kind kind, bool channels_last, galen_error *err) {
    gal_shape shape;
    job j = {.kind = kind};
    GAL_TRY(gal_pool_shape(call->node, channels_last, &j.w, &shape, err));
    j.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    j.column_major = gal_attr_int(call->node, "storage_order", 0) != 0;
    return run(call, &j, channels_last);
}

galen_status gal_pool_ref_global(const gal_call *call, gal_pool_kind kind, bool channels_last) {
    const galen_tensor *x = call->in[0];
    job j = {.kind = kind, .w = {.rank = 1, .out = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}}};
    /* Any number of spatial dimensions: they are walked as one row. */
    int64_t area = 1;
    for (int i = 0; i < x->rank - 2; i++) area *= x->dim[channels_last ? 1 + i : 2 + i];
    for (int d = 0; d < 3; d++) j.w.in[d] = j.w.kernel[d] = d == 2 ? area : 1;
    return run(call, &j, channels_last);
}
