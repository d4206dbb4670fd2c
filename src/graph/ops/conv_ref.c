/* Reference convolution over any strides, and the shape rule convolutions share. */
#include "graph/ops/conv_ref.h"

#include "base/error.h"
#include "graph/ops/types.h"

enum {
    CHUNK = 16, /* columns */
    WIDTH = 4,  /* and channels that are summed side by side */
    KEPT = 16   /* taps of a row whose columns are remembered */
};

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
    if (t == GALEN_BF16) return (double)gal_ld_bf16((const uint16_t *)p + i);
    return gal_load_f64(t, (const uint16_t *)p + i);
}

/* What one task computes: `width` channels from k on of batch item n. */
typedef struct part {
    int64_t n, k;
    int64_t o[2]; /* output depth and row */
    int64_t from, to;
    int64_t lo[KEPT], hi[KEPT]; /* columns that taps of the last dimension reach */
} part;

/* One tap and the columns it reaches: acc[j][q] += weight[q] * x. */
static inline __attribute__((always_inline)) void tap(const gal_conv_ref *c, galen_dtype t, int width, const part *p,
                                                      const double *weight, int64_t row, int64_t k, double *acc) {
    const gal_window *w = &c->window;
    int64_t lo, hi, step = c->x_stride[4] * w->stride[2];
    if (k < KEPT) {
        lo = p->lo[k], hi = p->hi[k];
    } else {
        columns(w, k, p->from, p->to, &lo, &hi);
    }
    if (lo >= hi) return;
    int64_t at = row + (k * w->dilation[2] - w->before[2]) * c->x_stride[4] + lo * step;
    double *sum = acc + (lo - p->from) * width;
    for (int64_t o = lo; o < hi; o++, at += step, sum += width) {
        double x = load(t, c->x, at);
        for (int q = 0; q < width; q++) sum[q] += weight[q] * x;
    }
}

/* Sums of columns [from, to) of one output row for `width` channels of one group. */
static inline __attribute__((always_inline)) void sums(const gal_conv_ref *c, galen_dtype t, int width, const part *p,
                                                       double *acc) {
    const gal_window *w = &c->window;
    int64_t per_group = c->channels / c->group, first = p->k / (c->outputs / c->group) * per_group;
    int64_t taps = gal_window_size(w->kernel), lo[2], hi[2];
    for (int d = 0; d < 2; d++) gal_window_taps(w, d, p->o[d], &lo[d], &hi[d]);
    for (int64_t ch = 0; ch < per_group; ch++) {
        int64_t plane = p->n * c->x_stride[0] + (first + ch) * c->x_stride[1];
        for (int64_t a = lo[0]; a < hi[0]; a++)
            for (int64_t b = lo[1]; b < hi[1]; b++) {
                int64_t z = p->o[0] * w->stride[0] - w->before[0] + a * w->dilation[0];
                int64_t y = p->o[1] * w->stride[1] - w->before[1] + b * w->dilation[1];
                int64_t row = plane + z * c->x_stride[2] + y * c->x_stride[3];
                int64_t line = (p->k * per_group + ch) * taps + (a * w->kernel[1] + b) * w->kernel[2];
                for (int64_t e = 0; e < w->kernel[2]; e++) {
                    double weight[WIDTH];
                    for (int q = 0; q < width; q++)
                        weight[q] = load(c->f32_weights ? GALEN_F32 : t, c->w, line + q * per_group * taps + e);
                    tap(c, t, width, p, weight, row, e, acc);
                }
            }
    }
}

static inline __attribute__((always_inline)) void finish(const gal_conv_ref *c, galen_dtype t, int64_t k, int64_t at,
                                                         double sum) {
    if (c->bias) sum += load(c->merged && t != GALEN_F64 ? GALEN_F32 : t, c->bias, k);
    if (t == GALEN_F64) {
        ((double *)c->y)[at] = sum;
    } else if (t != GALEN_F32 && !c->merged) {
        gal_store_float(t, (uint16_t *)c->y + at, sum);
    } else if (t != GALEN_F32) {
        float v = (float)sum;
        if (c->residual) v += (float)load(t, c->residual, at);
        gal_store_float(t, (uint16_t *)c->y + at, (double)gal_activate(c->activation, c->alpha, c->beta, v));
    } else {
        float v = (float)sum;
        if (c->residual) v += ((const float *)c->residual)[at];
        ((float *)c->y)[at] = gal_activate(c->activation, c->alpha, c->beta, v);
    }
}

static inline __attribute__((always_inline)) void planes(const gal_conv_ref *c, galen_dtype t, int width, int64_t n,
                                                         int64_t k) {
    const int64_t *out = c->window.out, *stride = c->y_stride;
    part p = {.n = n, .k = k};
    for (p.o[0] = 0; p.o[0] < out[0]; p.o[0]++)
        for (p.o[1] = 0; p.o[1] < out[1]; p.o[1]++)
            for (p.from = 0; p.from < out[2]; p.from += CHUNK) {
                double acc[CHUNK * WIDTH] = {0};
                p.to = p.from + CHUNK < out[2] ? p.from + CHUNK : out[2];
                for (int64_t e = 0; e < KEPT && e < c->window.kernel[2]; e++)
                    columns(&c->window, e, p.from, p.to, &p.lo[e], &p.hi[e]);
                sums(c, t, width, &p, acc);
                int64_t row = n * stride[0] + p.o[0] * stride[2] + p.o[1] * stride[3];
                for (int64_t x = p.from; x < p.to; x++)
                    for (int q = 0; q < width; q++)
                        finish(c, t, k + q, row + (k + q) * stride[1] + x * stride[4], acc[(x - p.from) * width + q]);
            }
}

static inline __attribute__((always_inline)) void channels_of(const gal_conv_ref *c, galen_dtype t, int64_t n,
                                                              int64_t k, int64_t end) {
    if (end - k == WIDTH) {
        planes(c, t, WIDTH, n, k);
    } else {
        for (; k < end; k++) planes(c, t, 1, n, k);
    }
}

/* Up to WIDTH channels of one group, so that an input element is read once for all of them. */
static void task(void *context, size_t index) {
    const gal_conv_ref *c = context;
    int64_t each = c->outputs / c->group, blocks = (each + WIDTH - 1) / WIDTH, all = blocks * c->group;
    int64_t n = (int64_t)index / all, group = (int64_t)index % all / blocks, block = (int64_t)index % blocks;
    int64_t k = group * each + block * WIDTH, end = k + WIDTH < (group + 1) * each ? k + WIDTH : (group + 1) * each;
    if (c->dtype == GALEN_F32) {
        channels_of(c, GALEN_F32, n, k, end);
    } else if (c->dtype == GALEN_F64) {
        channels_of(c, GALEN_F64, n, k, end);
    } else if (c->dtype == GALEN_BF16) {
        channels_of(c, GALEN_BF16, n, k, end);
    } else {
        channels_of(c, c->dtype, n, k, end);
    }
}

void gal_conv_ref_run(const gal_conv_ref *conv, gal_pool *pool) {
    gal_conv_ref copy = *conv;
    int64_t each = conv->outputs / conv->group;
    gal_pool_run(pool, task, &copy, (size_t)(conv->batch * conv->group * ((each + WIDTH - 1) / WIDTH)));
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
