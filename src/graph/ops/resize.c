/*
 * Resize (ONNX opset 13) in full: nearest, linear and cubic over any dimensions, every coordinate transformation, roi,
 * exclude_outside and extrapolation; and its gradient. Coordinates and weights are double (resize_taps.c); each output
 * is rounded once.
 */
#include "graph/ops/resize.h"

#include "base/error.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"

#include <math.h>
#include <string.h>

/* ---- attributes and sizes ---- */

static galen_status choose(const gal_node *node, const char *attr, const char *const *names, int count, int *out,
                           galen_error *err) {
    const char *given = gal_attr_string(node, attr, names[0]);
    for (int i = 0; i < count; i++) {
        if (strcmp(given, names[i]) != 0) continue;
        *out = i;
        return GALEN_OK;
    }
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute %s '%s' is not supported", attr, given);
}

static galen_status read_attributes(const gal_node *node, gal_resize *r, galen_error *err) {
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const transforms[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                             "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    int m = 0, c = 0, n = 0;
    GAL_TRY(choose(node, "mode", modes, 3, &m, err));
    GAL_TRY(choose(node, "coordinate_transformation_mode", transforms, 6, &c, err));
    GAL_TRY(choose(node, "nearest_mode", roundings, 4, &n, err));
    GAL_TRY(gal_need_flag(node, "exclude_outside", false, &r->exclude_outside, err));
    r->mode = (gal_resize_mode)m, r->coordinates = (gal_resize_coordinates)c, r->rounding = (gal_resize_rounding)n;
    r->cubic_a = (double)gal_attr_float(node, "cubic_coeff_a", -0.75F);
    r->extrapolation = (double)gal_attr_float(node, "extrapolation_value", 0);
    if (r->coordinates == GAL_RESIZE_TF_HALF_PIXEL_FOR_NN && r->mode != GAL_RESIZE_NEAREST)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "coordinates tf_half_pixel_for_nn are for mode nearest only");
    return GALEN_OK;
}

static const gal_value *operand(const gal_node *node, uint32_t index) {
    if (index >= node->n_in || !node->in[index]) return NULL;
    const gal_shape *s = &node->in[index]->shape;
    return s->rank == 1 && !s->dim[0].batch && s->dim[0].size == 0 ? NULL
                                                                   : node->in[index]; /* empty stands for absent */
}

static galen_status apply_scales(const gal_node *node, const gal_value *scales, gal_resize *r, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape;
    if (scales->dtype != GALEN_F32 || scales->shape.rank != 1 ||
        !gal_dim_equal(scales->shape.dim[0], gal_dim_fixed(x->rank)))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the scales must be f32, one for each of %d dimensions",
                             x->rank);
    if (!scales->constant || !scales->constant->data)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                             "the scales ('%s') must be known when the model is loaded", scales->name);
    for (int i = 0; i < x->rank; i++) {
        float s = ((const float *)scales->constant->data)[i];
        if (!(s > 0) || !(s < 0x1p31F))
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "scale %d is %g", i, (double)s);
        if (x->dim[i].batch && s != 1)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                                 "dimension %d depends on the batch size and cannot be scaled", i);
        r->scale[i] = (double)s;
        r->out[i] = x->dim[i];
        if (s == 1) continue;
        float size = floorf((float)x->dim[i].size * s); /* the product in f32, as ONNX's own shape inference has it */
        if (!(size < 0x1p31F))
            return gal_node_fail(node, err, GALEN_ERR_LIMIT, "scale %d makes %g elements", i, (double)size);
        r->out[i].size = (int64_t)size;
    }
    return GALEN_OK;
}

static galen_status apply_sizes(const gal_node *node, gal_resize *r, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape;
    const gal_dim *sizes;
    size_t count;
    GAL_TRY(gal_need_known(node, 3, &sizes, &count, err));
    r->sized = true;
    if (node->in[3]->shape.rank != 1 || count != (size_t)x->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "%zu sizes were given for %d dimensions", count, x->rank);
    for (int i = 0; i < x->rank; i++) {
        r->out[i] = sizes[i];
        r->scale[i] = 1;
        if (gal_dim_equal(sizes[i], x->dim[i])) continue;
        if (sizes[i].batch || x->dim[i].batch)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED,
                                 "dimension %d depends on the batch size and cannot be resized", i);
        if (sizes[i].size < 0 || sizes[i].size > INT32_MAX)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "size %d is %lld", i, (long long)sizes[i].size);
        r->scale[i] = (double)sizes[i].size / (double)x->dim[i].size;
    }
    return GALEN_OK;
}

galen_status gal_resize_read(const gal_node *node, gal_resize *r, galen_error *err) {
    const gal_shape *x = &node->in[0]->shape;
    const gal_value *scales = operand(node, 2), *sizes = operand(node, 3);
    *r = (gal_resize){.rank = x->rank};
    GAL_TRY(read_attributes(node, r, err));
    if (!scales == !sizes)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "needs either scales or sizes, %s",
                             scales ? "not both" : "but has neither");
    GAL_TRY(scales ? apply_scales(node, scales, r, err) : apply_sizes(node, r, err));
    for (int i = 0; i < x->rank; i++) {
        r->kept[i] = gal_dim_equal(r->out[i], x->dim[i]) && r->scale[i] == 1 &&
                     (r->coordinates != GAL_RESIZE_TF_CROP_AND_RESIZE || x->dim[i].batch);
        if (!r->kept[i] && x->dim[i].size < 1 && r->out[i].size > 0)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "dimension %d is empty and cannot be resized", i);
    }
    return GALEN_OK;
}

static galen_status need_roi(const gal_node *node, galen_error *err) {
    const gal_value *roi = operand(node, 1);
    if (!roi) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "coordinates tf_crop_and_resize need a roi");
    GAL_TRY(gal_need_dtype(node, 1, GAL_FLOATS, err));
    if (roi->shape.rank == 1 && gal_dim_equal(roi->shape.dim[0], gal_dim_fixed(2 * node->in[0]->shape.rank)))
        return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the roi must have two numbers for each of %d dimensions",
                         node->in[0]->shape.rank);
}

galen_status gal_resize_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_resize r;
    GAL_TRY(gal_need_dtype(node, 0, GAL_ANY, err));
    if (node->in[0]->shape.rank < 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the input is a scalar");
    GAL_TRY(gal_resize_read(node, &r, err));
    if (r.mode != GAL_RESIZE_NEAREST) GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
    if (r.coordinates == GAL_RESIZE_TF_CROP_AND_RESIZE) {
        GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS, err));
        GAL_TRY(need_roi(node, err));
    }
    gal_shape shape = {.rank = r.rank};
    memcpy(shape.dim, r.out, sizeof shape.dim);
    return gal_set_output(node, 0, node->in[0]->dtype, &shape, err);
}

/* Two operations a tap along each resized dimension. */
void gal_resize_cost(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_resize r;
    int64_t taps = 1;
    if (gal_resize_read(node, &r, NULL) != GALEN_OK || r.mode == GAL_RESIZE_NEAREST) return;
    for (int i = 0; i < r.rank; i++)
        if (!r.kept[i]) taps *= r.mode == GAL_RESIZE_CUBIC ? 4 : 2;
    int64_t outputs = gal_out_elements(node, batch), flop;
    if (__builtin_mul_overflow(outputs, 2 * taps, &flop)) flop = INT64_MAX / 64;
    cost->flop += flop;
}

/* ---- computing ---- */

typedef struct walk {
    const gal_resize *r;
    const galen_tensor *x;
    const galen_tensor *y;
    size_t size;
    int64_t stride[GALEN_MAX_RANK]; /* of x, in elements */
    gal_resize_taps taps[GALEN_MAX_RANK];
    double *sum; /* of each element of x: its gradient so far */
} walk;

/* The weighted sum over dimensions d and later, from element `at` on. */
static double sum_from(const walk *w, int d, int64_t at) {
    if (d == w->r->rank) return gal_load_f64(w->x->dtype, (const uint8_t *)w->x->data + (size_t)at * w->size);
    const gal_resize_taps *t = &w->taps[d];
    if (t->count == 1) return sum_from(w, d + 1, at + t->index[0] * w->stride[d]);
    double sum = 0;
    for (int i = 0; i < t->count; i++)
        if (t->weight[i] != 0) sum += t->weight[i] * sum_from(w, d + 1, at + t->index[i] * w->stride[d]);
    return sum;
}

static void put(const walk *w, int64_t o) {
    uint8_t *out = (uint8_t *)w->y->data + (size_t)o * w->size;
    int64_t at = 0;
    bool outside = false;
    for (int d = 0; d < w->r->rank; d++) {
        outside |= w->taps[d].outside;
        at += w->taps[d].index[0] * w->stride[d];
    }
    if (outside) {
        gal_store_float(w->y->dtype, out, w->r->extrapolation);
    } else if (w->r->mode == GAL_RESIZE_NEAREST) {
        memcpy(out, (const uint8_t *)w->x->data + (size_t)at * w->size, w->size);
    } else {
        gal_store_float(w->y->dtype, out, sum_from(w, 0, 0));
    }
}

/* What the output's gradient says of each element it was made of; the counterpart of sum_from. */
static void give_from(const walk *w, int d, int64_t at, double dy) {
    if (d == w->r->rank) {
        w->sum[at] += dy;
        return;
    }
    const gal_resize_taps *t = &w->taps[d];
    for (int i = 0; i < t->count; i++)
        if (t->weight[i] != 0) give_from(w, d + 1, at + t->index[i] * w->stride[d], dy * t->weight[i]);
}

static void give(const walk *w, int64_t o) {
    give_from(w, 0, 0, gal_load_f64(w->y->dtype, (const uint8_t *)w->y->data + (size_t)o * w->size));
}

/* Visits all outputs in order; only the taps of dimensions whose index moved are found again. */
static void visit(walk *w, void (*one)(const walk *w, int64_t o)) {
    int64_t index[GALEN_MAX_RANK] = {0}, count = galen_tensor_elements(w->y);
    int rank = w->r->rank;
    if (count <= 0) return;
    for (int d = 0; d < rank; d++) gal_resize_find(w->r, d, 0, w->x->dim[d], &w->taps[d]);
    for (int64_t o = 0;;) {
        one(w, o);
        if (++o == count) return;
        int d = rank - 1;
        while (++index[d] == w->y->dim[d]) {
            index[d] = 0;
            gal_resize_find(w->r, d, 0, w->x->dim[d], &w->taps[d]);
            d--;
        }
        gal_resize_find(w->r, d, index[d], w->x->dim[d], &w->taps[d]);
    }
}

static walk begin(const gal_resize *r, const galen_tensor *x, const galen_tensor *y) {
    walk w = {.r = r, .x = x, .y = y, .size = galen_dtype_size(x->dtype)};
    int64_t stride = 1;
    for (int d = r->rank - 1; d >= 0; d--) {
        w.stride[d] = stride;
        stride *= x->dim[d];
    }
    return w;
}

galen_status gal_resize_run(const gal_call *call, galen_error *err) {
    gal_resize r;
    GAL_TRY(gal_resize_read(call->node, &r, err));
    walk w = begin(&r, call->in[0], call->out[0]);
    for (int d = 0; d < r.rank && r.coordinates == GAL_RESIZE_TF_CROP_AND_RESIZE; d++) {
        const galen_tensor *roi = call->in[1];
        const uint8_t *p = roi->data;
        size_t size = galen_dtype_size(roi->dtype);
        r.roi_start[d] = gal_load_f64(roi->dtype, p + (size_t)d * size);
        r.roi_end[d] = gal_load_f64(roi->dtype, p + (size_t)(d + r.rank) * size);
        r.kept[d] |= w.x->dim[d] == w.y->dim[d] && r.roi_start[d] == 0 && r.roi_end[d] == 1;
    }
    visit(&w, put);
    return GALEN_OK;
}

/* ---- gradient ---- */

/*
 * galen.ResizeGrad  in: X (its shape alone), nothing, scales and sizes as Resize has them, dY; f32 or f64. out: dX.
 * Each output gives its gradient to the elements it was made of, by their weights; sums are in double.
 */
galen_status gal_galen_resizegrad_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    (void)graph;
    gal_resize r;
    GAL_TRY(gal_need_dtype(node, 0, GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64), err));
    GAL_TRY(gal_resize_read(node, &r, err));
    if (r.coordinates == GAL_RESIZE_TF_CROP_AND_RESIZE)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "no gradient with coordinates tf_crop_and_resize");
    gal_shape shape = {.rank = r.rank};
    memcpy(shape.dim, r.out, sizeof shape.dim);
    if (node->n_in < 5 || node->in[4] == NULL || node->in[4]->dtype != node->in[0]->dtype ||
        !gal_shape_equal(&node->in[4]->shape, &shape))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input 4 is not like what Resize makes");
    return gal_set_output(node, 0, node->in[0]->dtype, &node->in[0]->shape, err);
}

size_t gal_galen_resizegrad_scratch(const gal_node *node, int64_t batch) {
    return (size_t)gal_in_elements(node, 0, batch) * sizeof(double);
}

galen_status gal_galen_resizegrad_run(const gal_call *call, galen_error *err) {
    gal_resize r;
    GAL_TRY(gal_resize_read(call->node, &r, err));
    const galen_tensor *dx = call->out[0];
    walk w = begin(&r, dx, call->in[4]);
    int64_t n = galen_tensor_elements(dx);
    w.sum = call->scratch;
    for (int64_t i = 0; i < n; i++) w.sum[i] = 0;
    visit(&w, give);
    for (int64_t i = 0; i < n; i++) gal_store_float(dx->dtype, (uint8_t *)dx->data + (size_t)i * w.size, w.sum[i]);
    return GALEN_OK;
}
