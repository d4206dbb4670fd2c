/* Reference convolution over any strides, and the shape rule convolutions share. */
#include "graph/ops/conv_ref.h"

#include "base/error.h"
#include "graph/ops/types.h"

enum { CHUNK = 32 }; /* outputs of a row that are summed side by side */

/* Output columns [*lo, *hi) for which tap `k` of the last dimension falls inside the input. */
static void columns(const gal_window *w, int64_t k, int64_t from, int64_t to, int64_t *lo, int64_t *hi) {
    int64_t shift = k * w->dilation[2] - w->before[2], s = w->stride[2];
    *lo = shift < 0 ? (-shift + s - 1) / s : 0;
    *hi = shift < w->in[2] ? (w->in[2] - shift + s - 1) / s : 0;
    if (*lo < from) *lo = from;
    if (*hi > to) *hi = to;
}

static inline double load(galen_dtype t, const void *p, int64_t i) {
    if (t == GALEN_F32) return (double)((const float *)p)[i];
    if (t == GALEN_F64) return ((const double *)p)[i];
    return gal_load_f64(t, (const uint16_t *)p + i);
}

/* acc[j] += w * x for one tap and the columns it reaches. */
static inline __attribute__((always_inline)) void tap(const gal_conv_ref *c, galen_dtype t, double weight, int64_t row,
                                                      int64_t k, int64_t from, int64_t to, double *acc) {
    const gal_window *w = &c->window;
    int64_t lo, hi, step = c->x_stride[4] * w->stride[2];
    columns(w, k, from, to, &lo, &hi);
    if (lo >= hi) return;
    int64_t at = row + (k * w->dilation[2] - w->before[2]) * c->x_stride[4] + lo * step;
    for (int64_t o = lo; o < hi; o++, at += step) acc[o - from] += weight * load(t, c->x, at);
}

/* Sums of columns [from, to) of output row (z, y), channel k, item n. */
static inline __attribute__((always_inline)) void sums(const gal_conv_ref *c, galen_dtype t, int64_t n, int64_t k,
                                                       const int64_t o[2], int64_t from, int64_t to, double *acc) {
    const gal_window *w = &c->window;
    int64_t per_group = c->channels / c->group, first = k / (c->outputs / c->group) * per_group;
    int64_t taps = gal_window_size(w->kernel), lo[2], hi[2];
    for (int d = 0; d < 2; d++) gal_window_taps(w, d, o[d], &lo[d], &hi[d]);
    for (int64_t ch = 0; ch < per_group; ch++) {
        int64_t weights = (k * per_group + ch) * taps, plane = n * c->x_stride[0] + (first + ch) * c->x_stride[1];
        for (int64_t a = lo[0]; a < hi[0]; a++)
            for (int64_t b = lo[1]; b < hi[1]; b++) {
                int64_t z = o[0] * w->stride[0] - w->before[0] + a * w->dilation[0];
                int64_t y = o[1] * w->stride[1] - w->before[1] + b * w->dilation[1];
                int64_t row = plane + z * c->x_stride[2] + y * c->x_stride[3];
                for (int64_t e = 0; e < w->kernel[2]; e++)
                    tap(c, t, load(t, c->w, weights + (a * w->kernel[1] + b) * w->kernel[2] + e), row, e, from, to,
                        acc);
            }
    }
}

static inline __attribute__((always_inline)) void finish(const gal_conv_ref *c, galen_dtype t, int64_t k, int64_t at,
                                                         double sum) {
    if (c->bias) sum += load(t, c->bias, k);
    if (t == GALEN_F64) {
        ((double *)c->y)[at] = sum;
    } else if (t != GALEN_F32) {
        gal_store_float(t, (uint16_t *)c->y + at, sum);
    } else {
        float v = (float)sum;
        if (c->residual) v += ((const float *)c->residual)[at];
        ((float *)c->y)[at] = gal_activate(c->activation, c->alpha, c->beta, v);
    }
}

static inline __attribute__((always_inline)) void plane(const gal_conv_ref *c, galen_dtype t, int64_t n, int64_t k) {
    const gal_window *w = &c->window;
    int64_t o[2];
    for (o[0] = 0; o[0] < w->out[0]; o[0]++)
        for (o[1] = 0; o[1] < w->out[1]; o[1]++)
            for (int64_t from = 0; from < w->out[2]; from += CHUNK) {
                double acc[CHUNK] = {0};
                int64_t to = from + CHUNK < w->out[2] ? from + CHUNK : w->out[2];
                sums(c, t, n, k, o, from, to, acc);
                int64_t at = n * c->y_stride[0] + k * c->y_stride[1] + o[0] * c->y_stride[2] + o[1] * c->y_stride[3];
                for (int64_t x = from; x < to; x++) finish(c, t, k, at + x * c->y_stride[4], acc[x - from]);
            }
}

static void task(void *context, size_t index) {
    const gal_conv_ref *c = context;
    int64_t n = (int64_t)index / c->outputs, k = (int64_t)index % c->outputs;
    if (c->dtype == GALEN_F32) {
        plane(c, GALEN_F32, n, k);
    } else if (c->dtype == GALEN_F64) {
        plane(c, GALEN_F64, n, k);
    } else {
        plane(c, c->dtype, n, k);
    }
}

void gal_conv_ref_run(const gal_conv_ref *conv, gal_pool *pool) {
    gal_conv_ref copy = *conv;
    gal_pool_run(pool, task, &copy, (size_t)(conv->batch * conv->outputs));
}

void gal_conv_strides(int64_t channels, const int64_t spatial[3], bool channels_last, int64_t stride[5]) {
    stride[4] = channels_last ? channels : 1;
    stride[3] = stride[4] * spatial[2];
    stride[2] = stride[3] * spatial[1];
    stride[1] = channels_last ? 1 : stride[2] * spatial[0];
    stride[0] = channels * gal_window_size(spatial);
}

static galen_status check_channels(const gal_node *node, gal_dim channels, const gal_shape *w, int64_t group,
                                   galen_error *err) {
    if (group < 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute group is %lld", (long long)group);
    if (!gal_shape_is_fixed(w) || channels.batch)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "channels or weights depend on the batch size");
    if (channels.size % group != 0 || w->dim[1].size != channels.size / group)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "the weights take %lld channels a group, the input has %lld in %lld groups",
                             (long long)w->dim[1].size, (long long)channels.size, (long long)group);
    if (w->dim[0].size % group != 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%lld output channels cannot be split into %lld groups",
                             (long long)w->dim[0].size, (long long)group);
    return GALEN_OK;
}

galen_status gal_conv_shape(const gal_node *node, uint32_t x, uint32_t w, uint32_t bias, bool channels_last,
                            gal_window *window, gal_shape *out, galen_error *err) {
    const gal_shape *xs = &node->in[x]->shape, *ws = &node->in[w]->shape;
    if (xs->rank < 3 || xs->rank != ws->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "the input has %d dimensions and the weights have %d; both need the same, 3 or more",
                             xs->rank, ws->rank);
    int spatial = channels_last ? 1 : 2;
    gal_dim channels = xs->dim[channels_last ? xs->rank - 1 : 1];
    GAL_TRY(check_channels(node, channels, ws, gal_attr_int(node, "group", 1), err));
    gal_window_spec spec = {.spatial = xs->dim + spatial, .rank = xs->rank - 2, .kernel = ws->dim + 2};
    GAL_TRY(gal_window_make(node, &spec, window, err));
    if (bias < node->n_in && node->in[bias]) {
        const gal_shape *bs = &node->in[bias]->shape;
        if (bs->rank != 1 || !gal_dim_equal(bs->dim[0], ws->dim[0]))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                 "the bias must have one number for each of %lld output channels",
                                 (long long)ws->dim[0].size);
    }
    *out = (gal_shape){.rank = xs->rank};
    out->dim[0] = xs->dim[0];
    out->dim[channels_last ? xs->rank - 1 : 1] = ws->dim[0];
    gal_window_shape(window, out->dim + spatial);
    return GALEN_OK;
}
