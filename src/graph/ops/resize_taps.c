/*
 * Which input positions make an output position of a Resize, and by which weights (ONNX opset 13): coordinates,
 * rounding of nearest, linear and cubic weights, all in double.
 */
#include "graph/ops/resize.h"

#include <math.h>

/* v / scale. Of two sizes the scale is a fraction: rounding it first would put whole results just below themselves. */
static double unscale(const gal_resize *r, int d, double v, int64_t in) {
    return r->sized ? v * (double)in / (double)r->out[d].size : v / r->scale[d];
}

/* The output's length as the coordinate formulas see it: not rounded when a scale was given. */
static double source_of(const gal_resize *r, int d, int64_t o, int64_t in) {
    double x = (double)o, length = r->sized ? (double)r->out[d].size : r->scale[d] * (double)in;
    switch (r->coordinates) {
    case GAL_RESIZE_HALF_PIXEL: break;
    case GAL_RESIZE_PYTORCH_HALF_PIXEL:
        if (r->out[d].size <= 1) return 0;
        break;
    case GAL_RESIZE_ALIGN_CORNERS: return length == 1 || r->out[d].size == 1 ? 0 : x * (double)(in - 1) / (length - 1);
    case GAL_RESIZE_ASYMMETRIC: return unscale(r, d, x, in);
    case GAL_RESIZE_TF_HALF_PIXEL_FOR_NN: return unscale(r, d, x + 0.5, in);
    case GAL_RESIZE_TF_CROP_AND_RESIZE: {
        double start = r->roi_start[d], end = r->roi_end[d], last = (double)(in - 1);
        if (r->out[d].size <= 1) return 0.5 * (start + end) * last;
        return start * last + x * (end - start) * last / (length - 1);
    }
    }
    return unscale(r, d, x + 0.5, in) - 0.5;
}

static double pick_nearest(gal_resize_rounding how, double x) {
    switch (how) {
    case GAL_RESIZE_ROUND_PREFER_FLOOR: return ceil(x - 0.5);
    case GAL_RESIZE_ROUND_PREFER_CEIL: return floor(x + 0.5);
    case GAL_RESIZE_FLOOR: return floor(x);
    case GAL_RESIZE_CEIL: return ceil(x);
    }
    return x;
}

/* Keys' cubic kernel at distances 1 + t, t, 1 - t and 2 - t (IEEE Trans. ASSP 1981). */
static void cubic_weights(double a, double t, double w[4]) {
    double u = 1 - t;
    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
    w[3] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
}

static int64_t clamp(double x, int64_t in) {
    return x < 0 ? 0 : x > (double)(in - 1) ? in - 1 : (int64_t)x;
}

static void drop_outside(gal_resize_taps *t, double base, int64_t in) {
    double sum = 0;
    for (int i = 0; i < t->count; i++) {
        double at = base + i;
        if (at < 0 || at > (double)(in - 1)) t->weight[i] = 0;
        sum += t->weight[i];
    }
    for (int i = 0; i < t->count; i++) t->weight[i] /= sum;
}

void gal_resize_find(const gal_resize *r, int d, int64_t o, int64_t in, gal_resize_taps *t) {
    *t = (gal_resize_taps){.count = 1, .index = {o}, .weight = {1}};
    if (r->kept[d]) return;
    double x = source_of(r, d, o, in);
    t->outside = r->coordinates == GAL_RESIZE_TF_CROP_AND_RESIZE && !(x >= 0 && x <= (double)(in - 1));
    if (t->outside || isnan(x)) {
        t->index[0] = 0;
        return;
    }
    if (r->mode == GAL_RESIZE_NEAREST) {
        t->index[0] = clamp(pick_nearest(r->rounding, x), in);
        return;
    }
    double base = floor(x), part = x - base;
    if (r->mode == GAL_RESIZE_LINEAR) {
        t->count = 2;
        t->weight[0] = 1 - part, t->weight[1] = part;
    } else {
        t->count = 4;
        base -= 1;
        cubic_weights(r->cubic_a, part, t->weight);
        if (r->exclude_outside) drop_outside(t, base, in);
    }
    for (int i = 0; i < t->count; i++) t->index[i] = clamp(base + i, in);
}
