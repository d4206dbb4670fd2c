/* Comparing elements. */
#include "analyze/numerics_compare.h"

#include "graph/op.h"
#include "graph/ops/affine.h"
#include "graph/ops/types.h"

#include <math.h>
#include <string.h>

static bool is_byte(galen_dtype dtype) {
    return dtype == GALEN_U8 || dtype == GALEN_I8;
}

static const galen_tensor *constant_of(const gal_node *node, uint32_t index) {
    return index < node->n_in && node->in[index] != NULL ? node->in[index]->constant : NULL;
}

/* Scale and zero point of a quantised value, from what makes it or what reads it. One number each; false otherwise. */
static bool parameters_of(const gal_value *value, const galen_tensor **scale, const galen_tensor **zero) {
    const gal_node *node = value->producer;
    uint32_t at = 0;
    *scale = *zero = NULL;
    if (!is_byte(value->dtype)) return true;
    if (node != NULL && strcmp(node->op->name, "QuantizeLinear") == 0) at = 1;
    if (node != NULL && (strcmp(node->op->name, "QLinearConv") == 0 || strcmp(node->op->name, "QLinearMatMul") == 0))
        at = 6;
    for (const gal_use *use = value->uses; at == 0 && use != NULL; use = use->next)
        if (strcmp(use->node->op->name, "DequantizeLinear") == 0 && use->index == 0) node = use->node, at = 1;
    if (at == 0) return false;
    *scale = constant_of(node, at);
    *zero = constant_of(node, at + 1);
    return *scale != NULL && galen_tensor_elements(*scale) == 1;
}

/* How a result lies beside a reference [N, C, ...]: as it is, or with the channels last and perhaps more of them. */
static bool order_of(gal_comparison *c, const gal_shape *truth, const gal_shape *got) {
    galen_tensor a, b;
    gal_shape_at(truth, GALEN_F64, 1, &a);
    gal_shape_at(got, GALEN_F64, 1, &b);
    bool images = a.rank == 4 && b.rank == 4 && a.dim[0] == b.dim[0];
    bool same = galen_tensor_elements(&a) == galen_tensor_elements(&b);
    for (int i = 0; images && i < 4; i++) same = same && a.dim[i] == b.dim[i];
    bool last = images && b.dim[1] == a.dim[2] && b.dim[2] == a.dim[3] && b.dim[3] >= a.dim[1];
    c->channels = images ? a.dim[1] : 1;
    c->area = images ? a.dim[2] * a.dim[3] : galen_tensor_elements(&a);
    c->in_row = b.rank > 0 ? b.dim[b.rank - 1] : 1;
    c->order = same && last ? GAL_ORDER_EITHER : last ? GAL_ORDER_CHANNELS_LAST : GAL_ORDER_SAME;
    return same || last;
}

bool gal_comparison_make(gal_comparison *c, const gal_value *value, const gal_value *truth, const gal_shape *shape,
                         galen_dtype dtype) {
    *c = (gal_comparison){.truth = truth, .dtype = dtype};
    if (!parameters_of(truth, &c->truth_scale, &c->truth_zero)) return false;
    if (is_byte(dtype) && (!is_byte(value->dtype) || !parameters_of(value, &c->scale, &c->zero))) return false;
    return order_of(c, &truth->shape, shape);
}

/* A quantised number as the real one it stands for. */
static double real(double stored, const galen_tensor *scale, const galen_tensor *zero) {
    return scale == NULL ? stored : (stored - gal_zero_at(zero, 0)) * gal_scale_at(scale, 0);
}

/* Place of the reference's element i in the result. */
static int64_t place_of(const gal_comparison *c, bool last, int64_t i, int64_t pitch) {
    if (!last) return i / c->in_row * pitch + i % c->in_row;
    int64_t image = c->channels * c->area, n = i / image, channel = i % image / c->area, pixel = i % c->area;
    return (n * c->area + pixel) * pitch + channel;
}

static double load(const galen_tensor *t, int64_t at) {
    return gal_load_f64(t->dtype, (const char *)t->data + (size_t)at * galen_dtype_size(t->dtype));
}

static double square_error(const gal_comparison *c, bool last, const double *reference, const galen_tensor *got,
                           int64_t pitch, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = real(load(got, place_of(c, last, i, pitch)), c->scale, c->zero) -
                   real(reference[i], c->truth_scale, c->truth_zero);
        if (isfinite(d)) sum += d * d;
    }
    return sum;
}

static void count_ends(gal_comparison *c, double stored) {
    bool half = c->dtype == GALEN_F16;
    if (!is_byte(c->dtype) && !half) return;
    double low = c->dtype == GALEN_U8 ? 0 : -128, high = c->dtype == GALEN_U8 ? 255 : 127;
    if (half) low = -65504, high = 65504;
    bool low_is_zero = is_byte(c->dtype) && gal_zero_at(c->zero, 0) == (int32_t)low;
    c->at_high += stored == high || (half && stored == low);
    c->at_low += !half && !low_is_zero && stored == low;
}

static void add_element(gal_comparison *c, double reference, double stored) {
    double truth = real(reference, c->truth_scale, c->truth_zero), got = real(stored, c->scale, c->zero);
    c->elements++;
    count_ends(c, stored);
    if (!isfinite(got) || !isfinite(truth)) {
        c->not_finite += isfinite(truth);
        return;
    }
    double error = fabs(got - truth);
    if (error > c->max_error) c->max_error = error;
    if (fabs(truth) > c->largest) c->largest = fabs(truth);
    c->sum_error += error;
    c->square += truth * truth;
    c->square_error += error * error;
}

void gal_comparison_add(gal_comparison *c, const double *reference, const galen_tensor *got, int64_t pitch) {
    galen_tensor t;
    gal_shape_at(&c->truth->shape, GALEN_F64, 1, &t);
    int64_t n = galen_tensor_elements(&t);
    /* Channels, height and width all equal: only the numbers tell, and the first item tells for all. */
    if (c->order == GAL_ORDER_EITHER) {
        bool last = square_error(c, true, reference, got, pitch, n) < square_error(c, false, reference, got, pitch, n);
        c->order = last ? GAL_ORDER_CHANNELS_LAST : GAL_ORDER_SAME;
    }
    for (int64_t i = 0; i < n; i++)
        add_element(c, reference[i], load(got, place_of(c, c->order == GAL_ORDER_CHANNELS_LAST, i, pitch)));
}
