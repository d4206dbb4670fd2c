/*
 * Gradients of pools, images channels last, of any float type; sums in double.
 *
 * galen.MaxPoolGrad            in: dY, X. A window's gradient goes to its first maximum in row-major order.
 * galen.AveragePoolGrad        in: dY; attribute spatial [h, w]. Each element of a window gets its share.
 * galen.GlobalAveragePoolGrad  in: dY [N, 1, 1, C]; attribute spatial. The same with the image as window.
 */
#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/pool_ref.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <string.h>

static galen_status need_images(const gal_node *node, galen_error *err) {
    for (uint32_t i = 0; i < node->n_in; i++) {
        GAL_TRY(gal_need_dtype(node, i, GAL_FLOATS, err));
        if (node->in[i]->shape.rank != 4)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be [N, H, W, C]", i);
    }
    return gal_need_same_dtype(node, 0, err);
}

static galen_status make_window(const gal_node *node, const gal_dim *spatial, gal_window *out, galen_error *err) {
    const gal_window_spec spec = {
        .spatial = spatial, .rank = 2, .pool = true, .ceil = gal_attr_int(node, "ceil_mode", 0) == 1};
    GAL_TRY(gal_window_make(node, &spec, out, err));
    for (int d = 0; d < 2; d++) {
        gal_dim side = node->in[0]->shape.dim[1 + d];
        if (side.batch || side.size != out->out[1 + d])
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the gradient has side %lld, the pool gives %lld",
                                 (long long)side.size, (long long)out->out[1 + d]);
    }
    return GALEN_OK;
}

static galen_status read_spatial(const gal_node *node, gal_dim out[2], galen_error *err) {
    size_t n;
    const int64_t *side = gal_attr_ints(node, "spatial", &n);
    if (n != 2 || side[0] < 1 || side[1] < 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute spatial must be height and width");
    out[0] = gal_dim_fixed(side[0]), out[1] = gal_dim_fixed(side[1]);
    return GALEN_OK;
}

static galen_status set_image(const gal_node *node, const gal_dim spatial[2], galen_error *err) {
    const gal_shape *dy = &node->in[0]->shape;
    const gal_shape shape = {.rank = 4, .dim = {dy->dim[0], spatial[0], spatial[1], dy->dim[3]}};
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

galen_status gal_galen_maxpoolgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    GAL_TRY(need_images(node, err));
    GAL_TRY(make_window(node, node->in[1]->shape.dim + 1, &window, err));
    return gal_set_output(node, 0, node->in[1]->dtype, &node->in[1]->shape, err);
}

galen_status gal_galen_averagepoolgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_window window;
    gal_dim spatial[2];
    GAL_TRY(need_images(node, err));
    GAL_TRY(read_spatial(node, spatial, err));
    GAL_TRY(make_window(node, spatial, &window, err));
    return set_image(node, spatial, err);
}

galen_status gal_galen_globalaveragepoolgrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_dim spatial[2];
    const gal_shape *dy = &node->in[0]->shape;
    GAL_TRY(need_images(node, err));
    GAL_TRY(read_spatial(node, spatial, err));
    for (int i = 1; i < 3; i++)
        if (!gal_dim_equal(dy->dim[i], gal_dim_fixed(1)))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the gradient must be [N, 1, 1, C]");
    return set_image(node, spatial, err);
}

void gal_galen_poolgrad_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    cost->flop += 2 * gal_out_elements(node, batch);
}

/* ---- windows: a task is one channel of one image, summed in its own order ---- */

typedef struct work {
    const gal_call *call;
    gal_window w;
    galen_dtype dtype;
    size_t size;
    int64_t channels;
    bool maximum, count_pad;
} work;

static double load(const work *w, const galen_tensor *t, int64_t pixel, int64_t c) {
    return gal_load_f64(w->dtype, (const char *)t->data + (size_t)(pixel * w->channels + c) * w->size);
}

/* Taps [lo, hi) of each axis that meet the image, and where tap 0 would lie. */
typedef struct reach {
    int64_t lo[2], hi[2], start[2];
    double share; /* of one tap, for averages */
} reach;

static void find_reach(const work *w, int64_t oh, int64_t ow, reach *r) {
    const int64_t o[2] = {oh, ow};
    double count = 1;
    for (int d = 0; d < 2; d++) {
        int k = d + 1; /* right-aligned in three */
        gal_window_taps(&w->w, k, o[d], &r->lo[d], &r->hi[d]);
        r->start[d] = o[d] * w->w.stride[k] - w->w.before[k];
        count *= (double)(w->count_pad ? gal_window_padded_taps(&w->w, k, o[d]) : r->hi[d] - r->lo[d]);
    }
    r->share = count > 0 ? 1 / count : 0;
}

static int64_t pixel_of(const work *w, int64_t n, const reach *r, int64_t a, int64_t b) {
    int64_t h = r->start[0] + a * w->w.dilation[1], x = r->start[1] + b * w->w.dilation[2];
    return (n * w->w.in[1] + h) * w->w.in[2] + x;
}

static void add(const work *w, int64_t pixel, int64_t c, double more) {
    char *at = (char *)w->call->out[0]->data + (size_t)(pixel * w->channels + c) * w->size;
    gal_store_float(w->dtype, at, gal_load_f64(w->dtype, at) + more);
}

static void to_first_maximum(const work *w, int64_t n, int64_t c, const reach *r, double dy) {
    int64_t best = -1;
    double most = 0;
    for (int64_t a = r->lo[0]; a < r->hi[0]; a++)
        for (int64_t b = r->lo[1]; b < r->hi[1]; b++) {
            int64_t pixel = pixel_of(w, n, r, a, b);
            double x = load(w, w->call->in[1], pixel, c);
            if (best >= 0 && !(x > most) && x == x) continue;
            best = pixel;
            most = x;
        }
    if (best >= 0) add(w, best, c, dy);
}

static void one_plane(void *context, size_t index) {
    const work *w = context;
    int64_t n = (int64_t)index / w->channels, c = (int64_t)index % w->channels;
    for (int64_t oh = 0; oh < w->w.out[1]; oh++)
        for (int64_t ow = 0; ow < w->w.out[2]; ow++) {
            reach r;
            double dy = load(w, w->call->in[0], (n * w->w.out[1] + oh) * w->w.out[2] + ow, c);
            find_reach(w, oh, ow, &r);
            if (w->maximum) {
                to_first_maximum(w, n, c, &r, dy);
                continue;
            }
            for (int64_t a = r.lo[0]; a < r.hi[0]; a++)
                for (int64_t b = r.lo[1]; b < r.hi[1]; b++) add(w, pixel_of(w, n, &r, a, b), c, dy * r.share);
        }
}

static galen_status run(const gal_call *call, bool maximum, galen_error *err) {
    const galen_tensor *dx = call->out[0];
    const gal_dim spatial[2] = {gal_dim_fixed(dx->dim[1]), gal_dim_fixed(dx->dim[2])};
    work w = {.call = call, .dtype = dx->dtype, .size = galen_dtype_size(dx->dtype), .channels = dx->dim[3]};
    GAL_TRY(make_window(call->node, spatial, &w.w, err));
    w.maximum = maximum;
    w.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    memset(dx->data, 0, (size_t)galen_tensor_bytes(dx));
    gal_pool_run(call->pool, one_plane, &w, (size_t)(dx->dim[0] * w.channels));
    return GALEN_OK;
}

galen_status gal_galen_maxpoolgrad_run(const gal_call *call, galen_error *err) {
    return run(call, true, err);
}
galen_status gal_galen_averagepoolgrad_run(const gal_call *call, galen_error *err) {
    return run(call, false, err);
}

static void one_image(void *context, size_t index) {
    const work *w = context;
    const galen_tensor *dx = w->call->out[0];
    int64_t area = dx->dim[1] * dx->dim[2];
    for (int64_t p = 0; p < area; p++)
        for (int64_t c = 0; c < w->channels; c++) {
            double dy = load(w, w->call->in[0], (int64_t)index, c);
            char *at = (char *)dx->data + (size_t)(((int64_t)index * area + p) * w->channels + c) * w->size;
            gal_store_float(w->dtype, at, dy / (double)area);
        }
}

galen_status gal_galen_globalaveragepoolgrad_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *dx = call->out[0];
    work w = {.call = call, .dtype = dx->dtype, .size = galen_dtype_size(dx->dtype), .channels = dx->dim[3]};
    gal_pool_run(call->pool, one_image, &w, (size_t)dx->dim[0]);
    return GALEN_OK;
}
